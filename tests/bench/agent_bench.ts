/**
 * The agent as it is deployed, announce-only on loopback, with a waiting peer: from the answer that fails a check, and from
 * the kill of a backend with a tripwire, to the withdrawal at the peer; and what it costs to sit idle with 1 and with 100 services probed every second.
 */
import { Process } from "../support/process.ts";
import { until } from "../support/until.ts";
import { Deployment } from "./deployed_agent.ts";
import { cpuSeconds, median, memory } from "./process_figures.ts";
import { TimedPeer } from "./timed_peer.ts";

const FAILURES = 100;
const IDLE_SECONDS = 20;
/** What a start leaves behind is collected by then. */
const SETTLE_MS = 10_000;
const LIMIT_MS = 20_000;

/** A configuration of `count` services, each with an http check. */
function configuration(
  peerPort: number,
  checkPort: number,
  count: number,
  check: Readonly<Record<string, unknown>>,
): unknown {
  return {
    network: { setup: false },
    http: { listen: "" },
    control: { socket: "" },
    bgp: {
      local: { routerID: "127.0.0.1", as: 65512, listenPort: -1 },
      peers: [{ address: "127.0.0.2", as: 65512, port: peerPort }],
    },
    services: Array.from({ length: count }, (_, index) => ({
      name: `s${index}`,
      addresses: [`10.99.0.${index}`],
      checks: [{ type: "http", port: checkPort, ...check }],
      stop: { converge: "0s" },
    })),
  };
}

async function failureToUpdate(deployment: Deployment): Promise<void> {
  await using peer = await TimedPeer.listen("127.0.0.2");
  let answer = 200;
  let failedAt: number | undefined;
  const backend = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    if (answer !== 200) failedAt ??= performance.now();
    return new Response(null, { status: answer });
  });
  const check = { interval: "50ms", timeout: "5s", rise: 1, fall: 1 };
  const file = await deployment.file(configuration(peer.port, backend.addr.port, 1, check));
  const delays: number[] = [];
  {
    await using _agent = new Process(deployment.command("--config", file));
    for (let round = 0; round < FAILURES; round++) {
      await until(() => peer.routes.size === 1, () => "the route", LIMIT_MS);
      [answer, failedAt] = [503, undefined];
      peer.forget();
      delays.push(await peer.saw("withdrawal", LIMIT_MS) - (failedAt ?? NaN));
      answer = 200;
    }
  }
  await backend.shutdown();
  tellDelays("failing answer given to withdrawal at the peer", delays);
}

function tellDelays(what: string, delays: readonly number[]): void {
  const worst = Math.max(...delays);
  console.log(
    `${what}: median ${median(delays).toFixed(2)} ms, worst ${worst.toFixed(2)} ms of ${delays.length}`,
  );
}

/** A backend in a process of its own, to be killed. */
class Backend implements AsyncDisposable {
  #port = 0;
  /** Connections that stand. */
  #open = 0;
  readonly #process: Process;

  constructor(port: number) {
    const program = `
      const listener = Deno.listen({ hostname: "127.0.0.1", port: ${port} });
      const answer = new TextEncoder().encode("HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n");
      let open = 0;
      const tell = () => console.log(listener.addr.port + " " + open);
      const serve = async (connection) => {
        open++;
        tell();
        for (const octets = new Uint8Array(4096); await connection.read(octets).catch(() => null) !== null;) {
          await connection.write(answer);
        }
        open--;
        connection.close();
        tell();
      };
      tell();
      for await (const connection of listener) serve(connection);
    `;
    this.#process = new Process({
      command: Deno.execPath(),
      args: ["run", "--no-prompt", "--allow-net", `data:text/javascript,${encodeURIComponent(program)}`],
      onLine: ({ text }) => {
        const [port, open] = text.split(" ").map(Number);
        [this.#port, this.#open] = [port ?? 0, open ?? 0];
      },
    });
  }

  async port(): Promise<number> {
    await until(() => this.#port > 0, () => "the backend", LIMIT_MS);
    return this.#port;
  }

  /** The probe's connection has gone, and the watch's stands. */
  async isWatched(): Promise<void> {
    await until(() => this.#open === 1, () => "the watch", LIMIT_MS);
  }

  kill(): number {
    const atMs = performance.now();
    Deno.kill(this.#process.pid, "SIGKILL");
    return atMs;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }
}

/** A beat is far away when the backend is killed: it is the watch that tells. */
async function killedToUpdate(deployment: Deployment): Promise<void> {
  await using peer = await TimedPeer.listen("127.0.0.2");
  let backend = new Backend(0);
  const port = await backend.port();
  const check = { interval: "1s", timeout: "5s", rise: 1, fall: 1, tripwire: true };
  const file = await deployment.file(configuration(peer.port, port, 1, check));
  const delays: number[] = [];
  {
    await using _agent = new Process(deployment.command("--config", file));
    for (let round = 0; round < FAILURES; round++) {
      await until(() => peer.routes.size === 1, () => "the route", LIMIT_MS);
      await backend.isWatched();
      peer.forget();
      const killedMs = backend.kill();
      delays.push(await peer.saw("withdrawal", LIMIT_MS) - killedMs);
      await backend[Symbol.asyncDispose]();
      backend = new Backend(port);
    }
  }
  await backend[Symbol.asyncDispose]();
  tellDelays("backend killed to withdrawal at the peer, with tripwire", delays);
}

async function idle(deployment: Deployment, count: number): Promise<void> {
  await using peer = await TimedPeer.listen("127.0.0.2");
  const backend = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("ok"));
  const file = await deployment.file(configuration(peer.port, backend.addr.port, count, { interval: "1s" }));
  {
    await using agent = new Process(deployment.command("--config", file));
    await until(() => peer.routes.size === count, () => `${peer.routes.size} routes`, LIMIT_MS);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const before = await cpuSeconds(agent.pid);
    await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000));
    const cpu = await cpuSeconds(agent.pid) - before;
    const { all, anonymous } = await memory(agent.pid);
    console.log(
      `idle, ${String(count).padStart(3)} services probed each second: RSS ${all.toFixed(1)} MiB, ` +
        `anonymous ${anonymous.toFixed(1)} MiB, CPU ${(cpu * 60 / IDLE_SECONDS).toFixed(2)} s a minute`,
    );
  }
  await backend.shutdown();
}

await using deployment = await Deployment.make();
await failureToUpdate(deployment);
await killedToUpdate(deployment);
for (const count of [1, 100]) await idle(deployment, count);
