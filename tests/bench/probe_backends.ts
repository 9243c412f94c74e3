/**
 * The backends of the health benchmarks, a process of its own: one of each kind of server on loopback, and a count of what
 * came for each path over http, when. Prints its ports as a line of JSON; each line on standard input is a question:
 * `forget`, or `spacing MS` for how far the probes of each path were from a beat of so many milliseconds.
 */
import { createSocket } from "node:dgram";
import { createServer, type ServerHttp2Stream } from "node:http2";
import { once } from "node:events";

/** Where they listen. */
export interface BackendPorts {
  readonly http: number;
  readonly https: number;
  readonly udp: number;
  readonly dns: number;
  readonly grpc: number;
}

/** How the arrivals of a beat were spaced: by how much they were off the beat, in milliseconds, and their number. */
export interface Spacing {
  readonly paths: number;
  readonly arrivals: number;
  /** Where each path should have had so many. */
  readonly due: number;
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
  /** By how much the mean of a path's spacings is off at most: drift. */
  readonly drift: number;
}

/** grpc.health.v1: a message of five octets of head and field 1, SERVING. */
const SERVING = Uint8Array.of(0, 0, 0, 0, 2, 8, 1);

class Arrivals {
  readonly #byPath = new Map<string, number[]>();
  #sinceMs = performance.now();

  note(url: string): void {
    const path = url.slice(url.indexOf("/", "https://".length));
    const known = this.#byPath.get(path);
    if (known === undefined) this.#byPath.set(path, [performance.now()]);
    else known.push(performance.now());
  }

  forget(): void {
    this.#byPath.clear();
    this.#sinceMs = performance.now();
  }

  spacing(beatMs: number): Spacing {
    const all = [...this.#byPath.values()];
    const spacings = all.map((times) => times.slice(1).map((at, index) => at - (times[index] ?? at)));
    const off = spacings.flat().map((ms) => Math.abs(ms - beatMs)).sort((a, b) => a - b);
    const drifts = spacings.filter((each) => each.length > 0)
      .map((each) => Math.abs(each.reduce((sum, ms) => sum + ms, 0) / each.length - beatMs));
    return {
      paths: all.length,
      arrivals: all.reduce((sum, { length }) => sum + length, 0),
      due: Math.floor(all.length * (performance.now() - this.#sinceMs) / beatMs),
      p50: off[Math.floor(off.length * 0.5)] ?? NaN,
      p99: off[Math.floor(off.length * 0.99)] ?? NaN,
      worst: off.at(-1) ?? NaN,
      drift: drifts.reduce((worst, each) => Math.max(worst, each), 0),
    };
  }
}

async function datagrams(answer: (question: Uint8Array) => Uint8Array): Promise<number> {
  const socket = createSocket("udp4");
  socket.on("message", (message, { port, address }) => socket.send(answer(message), port, address));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket.address().port;
}

/** Any question's answer: no record of that, and no error either. */
function dnsAnswer(question: Uint8Array): Uint8Array {
  const answer = Uint8Array.from(question);
  answer.set([0x81, 0x80], 2);
  return answer;
}

async function grpc(): Promise<number> {
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => {});
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.end(SERVING);
  });
  server.on("sessionError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const at = server.address();
  return at === null || typeof at === "string" ? 0 : at.port;
}

async function serve([certFile = "", keyFile = ""]: readonly string[]): Promise<void> {
  const arrivals = new Arrivals();
  const ok = (request: Request) => {
    arrivals.note(request.url);
    return new Response("ok");
  };
  const [cert, key] = await Promise.all([Deno.readTextFile(certFile), Deno.readTextFile(keyFile)]);
  const at = { hostname: "127.0.0.1", port: 0, onListen() {} } as const;
  const ports: BackendPorts = {
    http: Deno.serve(at, ok).addr.port,
    https: Deno.serve({ ...at, cert, key }, ok).addr.port,
    udp: await datagrams((question) => question),
    dns: await datagrams(dnsAnswer),
    grpc: await grpc(),
  };
  console.log(JSON.stringify(ports));
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  for await (const chunk of lines) {
    for (const line of chunk.split("\n")) {
      const [word, beat] = line.split(" ");
      if (word === "forget") arrivals.forget();
      if (word === "spacing") console.log(JSON.stringify(arrivals.spacing(Number(beat))));
    }
  }
}

if (import.meta.main) {
  await serve(Deno.args);
  Deno.exit(0);
}
