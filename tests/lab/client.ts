/**
 * The client of the lab: one process that stays, takes commands as JSON lines on standard input, and makes requests,
 * each over a TCP connection of its own (a new source port, so a new flow for the router's ECMP).
 */
import { z } from "zod";
import { askOnce, DatagramStream, streamResult } from "./datagrams.ts";
import { Download, downloadResult } from "./download.ts";
import { bracketed } from "./topology.ts";

const target = { address: z.string(), port: z.number(), protocol: z.enum(["tcp", "udp"]).default("tcp") };

/** Requests go to these in turn. */
const targets = { targets: z.array(z.object(target)).min(1), timeoutMs: z.number() };

const command = z.discriminatedUnion("do", [
  /** So many requests, `concurrency` at a time. */
  z.object({
    do: z.literal("burst"),
    id: z.number(),
    ...targets,
    count: z.number(),
    concurrency: z.number(),
  }),
  /** Requests on a beat until `stop`. */
  z.object({ do: z.literal("start"), id: z.number(), ...targets, everyMs: z.number() }),
  z.object({ do: z.literal("stop"), id: z.number() }),
  /** Those requests of the beat that have ended since they were last asked for; it goes on. */
  z.object({ do: z.literal("taken"), id: z.number() }),
  /** One GET whose body is wanted. */
  z.object({
    do: z.literal("get"),
    id: z.number(),
    ...target,
    timeoutMs: z.number(),
    path: z.string(),
  }),
  /**
   * A download of so many octets that goes on until `downloaded`: as many tries as it takes until `from` sends it, where it
   * is given. There may be one of each `name`.
   */
  z.object({
    do: z.literal("download"),
    id: z.number(),
    name: z.string(),
    ...target,
    octets: z.number(),
    from: z.string().optional(),
    timeoutMs: z.number(),
  }),
  /** Ends it where it is, once more of it has come, or at its end; and tells how it went. */
  z.object({
    do: z.literal("downloaded"),
    id: z.number(),
    name: z.string(),
    toEnd: z.boolean(),
    limitMs: z.number(),
  }),
  /** Waits until more has come of every download that goes on; tells of those that are broken. */
  z.object({ do: z.literal("progress"), id: z.number(), limitMs: z.number() }),
  /** A stream of datagrams from one port until `streamed`. There may be one of each `name`. */
  z.object({ do: z.literal("stream"), id: z.number(), name: z.string(), ...target, everyMs: z.number() }),
  z.object({ do: z.literal("streamed"), id: z.number(), name: z.string(), limitMs: z.number() }),
]);

/** As many requests are open at once at most: those of a beat that would be more are left out. */
const OPEN_AT_MOST = 128;
/** Every host is met within so many tries, or the router sends it nothing. */
const TRIES = 64;

/** An order as it is read. */
type Command = z.infer<typeof command>;
/** An order as it is given. */
export type ClientCommand = z.input<typeof command>;

const request = z.object({
  /** Wall-clock milliseconds at which it began. */
  atMs: z.number(),
  ms: z.number(),
  /** The address that it was for. */
  to: z.string(),
  /** The name that answered, or undefined where it failed. */
  host: z.string().optional(),
  /** Why it failed. */
  failure: z.string().optional(),
});

/** One request and how it went. */
export type LabRequest = z.infer<typeof request>;

/** What the client answers to a command: every request that it made; to `get` the body, empty where there was none. */
export const clientAnswer = z.object({
  id: z.number(),
  requests: z.array(request),
  body: z.string(),
  /** How the download went, to `downloaded`. */
  download: downloadResult.optional(),
  /** How the stream of datagrams went, to `streamed`. */
  stream: streamResult.optional(),
  /** Why the order could not be carried out. */
  fault: z.string().optional(),
});

export type ClientAnswer = z.infer<typeof clientAnswer>;

/** Makes one request over a new connection. */
export async function makeRequest(
  address: string,
  port: number,
  timeoutMs: number,
  protocol: "tcp" | "udp" = "tcp",
): Promise<LabRequest> {
  const atMs = Date.now();
  const begin = performance.now();
  const answer = protocol === "udp"
    ? await askOnce(address, port, timeoutMs).then((body) => ({ body }), failure)
    : await exchange(address, port, "/", timeoutMs);
  const timed = { atMs, ms: performance.now() - begin, to: address };
  if ("failure" in answer) return { ...timed, failure: answer.failure };
  const [host] = answer.body.split(/\r?\n/);
  return host === undefined || host === "" ? { ...timed, failure: "empty answer" } : { ...timed, host };
}

function failure(error: unknown): { readonly failure: string } {
  return { failure: error instanceof Error ? error.message || error.name : String(error) };
}

/** One GET over a connection of its own, which nothing keeps open afterwards. */
async function exchange(
  address: string,
  port: number,
  path: string,
  timeoutMs: number,
): Promise<{ readonly body: string } | { readonly failure: string }> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), timeoutMs);
  let connection: Deno.TcpConn | undefined;
  try {
    connection = await Deno.connect({ hostname: address, port, signal: limit.signal });
    const open = connection;
    limit.signal.addEventListener("abort", () => close(open));
    const text = `GET ${path} HTTP/1.1\r\nHost: ${bracketed(address)}:${port}\r\nConnection: close\r\n\r\n`;
    await open.write(new TextEncoder().encode(text));
    const answer = await readAll(open);
    if (!answer.startsWith("HTTP/1.1 200")) return { failure: answer.split("\r\n")[0] || "no HTTP answer" };
    return { body: answer.slice(answer.indexOf("\r\n\r\n") + 4) };
  } catch (error) {
    return limit.signal.aborted ? { failure: "timed out" } : failure(error);
  } finally {
    clearTimeout(timer);
    if (connection !== undefined) close(connection);
  }
}

async function readAll(connection: Deno.TcpConn): Promise<string> {
  const buffer = new Uint8Array(4_096);
  let text = "";
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return text;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // Closed already.
  }
}

async function get(
  { address, port, path, timeoutMs }: Extract<Command, { do: "get" }>,
): Promise<string> {
  const answer = await exchange(address, port, path, timeoutMs);
  return "body" in answer ? answer.body : "";
}

async function burst(order: Extract<Command, { do: "burst" }>): Promise<LabRequest[]> {
  const requests: LabRequest[] = [];
  let left = order.count;
  const worker = async () => {
    while (left-- > 0) requests.push(await requestTo(order, left));
  };
  await Promise.all(Array.from({ length: Math.min(order.concurrency, order.count) }, worker));
  return requests;
}

/** The request with that number. */
function requestTo(
  { targets, timeoutMs }: Pick<Extract<Command, { do: "burst" }>, "targets" | "timeoutMs">,
  number: number,
): Promise<LabRequest> {
  const { address = "", port = 0, protocol } = targets[number % targets.length] ?? {};
  return makeRequest(address, port, timeoutMs, protocol);
}

/** Requests on a beat. */
class Beat {
  readonly #timer: ReturnType<typeof setInterval>;
  #requests: LabRequest[] = [];
  readonly #open = new Set<Promise<unknown>>();
  #begun = 0;

  constructor(order: Extract<Command, { do: "start" }>) {
    this.#timer = setInterval(() => {
      if (this.#open.size >= OPEN_AT_MOST) return;
      const request = requestTo(order, this.#begun++).then((each) => this.#requests.push(each));
      this.#open.add(request);
      request.finally(() => this.#open.delete(request));
    }, order.everyMs);
  }

  /** Those that have ended and were not taken yet. */
  take(): LabRequest[] {
    const taken = this.#requests;
    this.#requests = [];
    return taken;
  }

  /** Begins no more, and gives all that were not taken once the last has ended. */
  async stop(): Promise<LabRequest[]> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    return this.#requests;
  }
}

async function beginDownload(order: Extract<Command, { do: "download" }>): Promise<Download> {
  const { address, port, octets, from, timeoutMs } = order;
  for (let tries = 0; tries < TRIES; tries++) {
    const download = await Download.begin(address, port, octets, timeoutMs);
    if (from === undefined || download.host === from) return download;
    download.giveUp();
  }
  throw new Error(`none of ${TRIES} downloads came from ${from}`);
}

/** The orders, one after the other. What is going on besides goes on. */
class Resident {
  #beat: Beat | undefined;
  readonly #downloads = new Map<string, Download>();
  readonly #streams = new Map<string, DatagramStream>();

  async obey(order: Command): Promise<Omit<ClientAnswer, "id">> {
    const nothing = { requests: [], body: "" };
    switch (order.do) {
      case "burst":
        return { ...nothing, requests: await burst(order) };
      case "get":
        return { ...nothing, body: await get(order) };
      case "start":
        await this.#beat?.stop();
        this.#beat = new Beat(order);
        return nothing;
      case "stop": {
        const requests = await this.#beat?.stop() ?? [];
        this.#beat = undefined;
        return { ...nothing, requests };
      }
      case "taken":
        return { ...nothing, requests: this.#beat?.take() ?? [] };
      case "download":
        this.#downloads.get(order.name)?.giveUp();
        this.#downloads.set(order.name, await beginDownload(order));
        return nothing;
      case "downloaded": {
        const download = await this.#downloads.get(order.name)?.end(order.toEnd, order.limitMs);
        this.#downloads.delete(order.name);
        return download === undefined ? nothing : { ...nothing, download };
      }
      case "progress": {
        const all = [...this.#downloads];
        const faults = await Promise.all(all.map(async ([name, download]) => {
          const fault = await download.progress(order.limitMs);
          return fault === undefined ? [] : [`${name} from ${download.host}: ${fault}`];
        }));
        return { ...nothing, body: faults.flat().join("; ") };
      }
      case "stream":
        this.#streams.set(order.name, new DatagramStream(order.address, order.port, order.everyMs));
        return nothing;
      case "streamed": {
        const stream = await this.#streams.get(order.name)?.end(order.limitMs);
        this.#streams.delete(order.name);
        return stream === undefined ? nothing : { ...nothing, stream };
      }
    }
    order satisfies never;
  }
}

async function serve(
  input: ReadableStream<Uint8Array>,
  answer: (text: string) => Promise<unknown>,
): Promise<void> {
  const resident = new Resident();
  let rest = "";
  for await (const chunk of input.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const order = command.parse(JSON.parse(line));
      const given = await resident.obey(order).catch((error) => ({
        requests: [],
        body: "",
        fault: error instanceof Error ? error.message : String(error),
      }));
      await answer(`${JSON.stringify({ id: order.id, ...given } satisfies ClientAnswer)}\n`);
    }
  }
}

if (import.meta.main) {
  const output = Deno.stdout.writable.getWriter();
  await serve(Deno.stdin.readable, (text) => output.write(new TextEncoder().encode(text)));
}
