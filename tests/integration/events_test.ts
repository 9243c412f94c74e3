// The stream of events as its readers meet it: an agent as shipped, readers that go, hang and come back, and an agent that is killed.
import assert from "node:assert/strict";
import { denoStreams } from "../../src/os/deno_streams.ts";
import { askControl } from "../../src/control/client.ts";
import { serverSentEventReader } from "../../src/net/server_sent_events.ts";
import { systemClock } from "../../src/time/clock.ts";
import { agentArguments, AgentProcess } from "../support/agent.ts";
import { Process } from "../support/process.ts";
import { eventually, until, within } from "../support/until.ts";

const ports = { streams: denoStreams(), clock: systemClock };
const SERVICES = 20;
/** Nobody is there. */
const PEER = { name: "tor-1", address: "127.0.0.2", as: 65512, port: 9 };

/** Backends that pass and fail in turns, so that verdicts and routes change all the time, while `busy`. */
class Scene implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync();
  readonly #backend: Deno.HttpServer<Deno.NetAddr>;
  readonly socket = `${this.#folder}/run/control.sock`;
  readonly file = `${this.#folder}/config.json`;
  readonly httpPort: number;
  busy = false;

  constructor() {
    const asked = new Map<string, number>();
    this.#backend = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
      const times = (asked.get(url) ?? 0) + 1;
      asked.set(url, times);
      return new Response("", { status: this.busy && times % 2 === 0 ? 500 : 200 });
    });
    using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.httpPort = free.addr.port;
    const check = {
      type: "http",
      port: this.#backend.addr.port,
      interval: "50ms",
      timeout: "1s",
      rise: 1,
      fall: 1,
    };
    Deno.writeTextFileSync(
      this.file,
      JSON.stringify({
        network: { setup: false },
        http: { listen: `127.0.0.1:${free.addr.port}` },
        control: { socket: this.socket },
        state: { directory: "" },
        bgp: { local: { routerID: "127.0.0.1", as: 65512, listenPort: -1 }, peers: [PEER] },
        services: Array.from({ length: SERVICES }, (_, at) => {
          return {
            name: `web${at}`,
            addresses: [`10.99.0.${at + 1}`],
            checks: [{ ...check, path: `/${at}` }],
          };
        }),
      }),
    );
  }

  async agent(): Promise<AgentProcess> {
    const agent = new AgentProcess(["--config", this.file, "--log-level", "error"]);
    await eventually(
      () => this.journal().catch(() => undefined),
      (status) => status !== undefined,
      "the agent answers",
    );
    return agent;
  }

  async journal(): Promise<{ run: string; newest: number; readers: number; cut: number }> {
    const request = { path: this.socket, target: "/v1/status", accept: "application/json" };
    return JSON.parse((await askControl(request, ports)).body).journal;
  }

  /** A command of ours that goes on. */
  follow(lines: { stdout: string[]; stderr: string[] }, ...args: readonly string[]): Process {
    return new Process({
      command: Deno.execPath(),
      args: [...agentArguments(), "events", ...args, "--control-socket", this.socket],
      onLine: ({ stream, text }) => void lines[stream].push(text),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#backend.shutdown();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Reads IDs of server-sent events over TCP from `place` on, until `count` came; then goes without a word. */
async function readSome(
  port: number,
  count: number,
  place?: string,
): Promise<{ ids: number[]; place: string }> {
  const headers: HeadersInit = place === undefined ? {} : { "last-event-id": place };
  const gone = new AbortController();
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/events`, { headers, signal: gone.signal });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const seen: { ids: number[]; place: string } = { ids: [], place: "" };
  const take = serverSentEventReader(({ id = "", name, data }) => {
    assert.equal(name, undefined, data);
    if (seen.ids.length === count) return;
    seen.ids.push(JSON.parse(data).id);
    seen.place = id;
  });
  let rest = "";
  try {
    for await (const text of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
      const lines = `${rest}${text}`.split("\n");
      rest = lines.pop() ?? "";
      lines.forEach(take);
      if (seen.ids.length >= count) gone.abort();
    }
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  }
  return seen;
}

Deno.test("readers of events over HTTP go and come back without loss or repetition; one that hangs is cut off; the agent works on", async () => {
  await using scene = new Scene();
  await using agent = await scene.agent();
  scene.busy = true;
  // A reader of the control socket that never reads: its socket is full after some hundred events.
  using stuck = await Deno.connect({ transport: "unix", path: scene.socket });
  await stuck.write(new TextEncoder().encode("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n"));
  const ids: number[] = [];
  let place: string | undefined;
  for (let round = 0; round < 4; round++) {
    const seen = await within(readSome(scene.httpPort, 150, place), "150 events");
    ids.push(...seen.ids);
    place = seen.place;
  }
  assert.deepEqual(ids, ids.map((_, at) => at + 1), "each once, in order, from the first on");
  const cut = await eventually(
    () => scene.journal(),
    ({ cut }) => cut === 1,
    "the reader that hangs is cut off",
  );
  assert.ok(cut.newest > ids.length);
  // Beside the one that was cut off and still has its socket, everybody is gone.
  await eventually(
    () => scene.journal(),
    ({ readers }) => readers === 0,
    "who has gone is no reader any more",
  );
  scene.busy = false;
  // What its socket takes in the end says that it was cut off.
  const decoder = new TextDecoder();
  let text = "";
  const buffer = new Uint8Array(65_536);
  for (let count = await stuck.read(buffer); count !== null; count = await stuck.read(buffer)) {
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
    if (/event: cut\ndata: .*\n\n/.test(text)) break;
  }
  assert.match(
    text.slice(-500),
    /event: cut\ndata: .*it (took nothing while \d+ events waited|has taken nothing for \d+ s)/,
  );
  agent.signal("SIGTERM");
  assert.equal((await agent.exited).code, 0);
});

Deno.test("bgp-lb events --follow says that the agent was killed, and goes on with the next one; Ctrl-C ends it quietly", async () => {
  await using scene = new Scene();
  const lines = { stdout: [] as string[], stderr: [] as string[] };
  const has = (pattern: RegExp, stream: "stdout" | "stderr" = "stdout") =>
    until(
      () => lines[stream].some((line) => pattern.test(line)),
      () => `${pattern} in ${JSON.stringify(lines)}`,
    );
  let follower: Process;
  {
    await using killed = await scene.agent();
    follower = scene.follow(lines, "--follow", "--kind", "agent-state,verdict");
    await has(/ agent-state .*running/);
    await has(/ verdict +web0 http \S+ +unknown \u2192 healthy/);
    killed.signal("SIGKILL");
    await killed.exited;
  }
  await using _follower = follower;
  await has(/cut off.*waiting for the agent to come back/, "stderr");
  await using agent = await scene.agent();
  await has(/^the agent was started anew/, "stderr");
  await until(() => lines.stdout.filter((line) => / agent-state .*running/.test(line)).length === 2);
  agent.signal("SIGTERM");
  await agent.exited;
  await has(/^the agent has stopped; waiting/, "stderr");
  await has(/ agent-state .*running \u2192 stopping/);
  Deno.kill(follower.pid, "SIGINT");
  const { code, signal } = await within(follower.exited, "the end of the command");
  assert.deepEqual([code, signal], [130, "SIGINT"]);
  assert.equal(lines.stderr.length, 3, lines.stderr.join("\n"));
});

Deno.test("bgp-lb events prints records for programs, and ends quietly where its reader has had enough", async () => {
  await using scene = new Scene();
  await using _agent = await scene.agent();
  scene.busy = true;
  const run = async (script: string) => {
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: ["-c", script, Deno.execPath(), ...agentArguments(), "events", "--control-socket", scene.socket],
      stdin: "null",
    }).output();
    return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
  };
  const head = await within(run('"$0" "$@" --follow --json | head -n 3; exit ${PIPESTATUS[0]}'), "the end");
  assert.deepEqual([head.code, head.stderr], [0, ""]);
  assert.deepEqual(head.stdout.trim().split("\n").map((line) => JSON.parse(line).id), [1, 2, 3]);
  const one = await run('"$0" "$@" --json --service web3 --kind verdict');
  const records = one.stdout.trim().split("\n").map((line) => JSON.parse(line));
  assert.ok(records.length > 0);
  for (const { kind, service, at } of records) {
    assert.deepEqual([kind, service, new Date(at).toISOString()], ["verdict", "web3", at]);
  }
});
