/**
 * `deno task bench memory --minutes=10`: the agent, without a kernel, as it is deployed under all that a day brings, in minutes: checks flap, routers
 * restart, everything is scraped and asked, and now and then the whole process stands still. A line per minute with its memory;
 * the exit status is 1 where the last half grew by more than 1 MiB, or a route or session is not back at the end. What counts
 * is each minute's highest: now and then V8 gives free pages back, up to 9 MiB of them, and has them again within a minute, so
 * that a look per minute would compare where such a dip fell.
 */
import { parseArgs } from "node:util";
import { Process } from "../support/process.ts";
import { freePort } from "../support/raw_peer.ts";
import { until } from "../support/until.ts";
import { Deployment } from "./deployed_agent.ts";
import { cpuSeconds, descriptors, memory } from "./process_figures.ts";
import { TimedPeer } from "./timed_peer.ts";

const OURS = "127.0.0.1";
const PEERS = ["127.0.0.2", "127.0.0.3"] as const;
const SERVICES = 10;
const LIMIT_MS = 30_000;
/** What the last half may grow. */
const LEEWAY_MIB = 1;

/** How often each thing happens, and for how long it lasts. */
const FLAP = { everyMs: 1_500, lastsMs: 1_000 } as const;
const RESTART = { everyMs: 13_000, lastsMs: 500 } as const;
const STANDSTILL = { everyMs: 29_000, lastsMs: 4_000 } as const;
const ASKED_EVERY_MS = 500;
/** How often its memory is looked at. */
const LOOK_MS = 2_000;

const { values } = parseArgs({ options: { minutes: { type: "string", default: "10" } } });
const minutes = Number(values.minutes);
if (!(minutes >= 1 && minutes <= 10_000)) {
  throw new Error(`--minutes must be from 1 to 10000 (got ${values.minutes})`);
}

/** Counts what happened. */
const happened = { flaps: 0, restarts: 0, standstills: 0, answers: 0, unanswered: 0 };
const over = new AbortController();

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      over.signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    over.signal.addEventListener("abort", done);
  });
}

/** The lowest and the highest of a process's resident memory in a minute, or until it ends, in MiB. */
async function watchForMinute(agent: Process): Promise<{ readonly low: number; readonly high: number }> {
  const endMs = performance.now() + 60_000;
  const seen: number[] = [];
  while (performance.now() < endMs && agent.running) {
    await Promise.race([pause(LOOK_MS), agent.exited]);
    seen.push((await memory(agent.pid)).all);
  }
  return { low: Math.min(...seen), high: Math.max(...seen) };
}

/** Does `once` until the soak is over, `everyMs` apart. */
async function again(everyMs: number, once: () => Promise<void>): Promise<void> {
  while (!over.signal.aborted) {
    await pause(everyMs);
    if (!over.signal.aborted) await once();
  }
}

/** Backends that fail now and then, each on its own. */
function startBackends(failing: Set<number>): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: OURS, port: 0, onListen() {} }, (request) => {
    const index = Number(new URL(request.url).pathname.slice(1));
    return new Response(null, { status: failing.has(index) ? 503 : 200 });
  });
}

/** What asks gets its answer, or the agent stands still just then. */
async function ask(url: string): Promise<void> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(STANDSTILL.lastsMs * 2) });
    await response.text();
    happened.answers++;
  } catch {
    happened.unanswered++;
  }
}

/** A question on the control socket, in one connection of its own. */
async function askControl(path: string): Promise<void> {
  try {
    using connection = await Deno.connect({ transport: "unix", path });
    const question = "GET /v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    await connection.write(new TextEncoder().encode(question));
    for await (const _chunk of connection.readable) {
      // Only that it ends.
    }
    happened.answers++;
  } catch {
    happened.unanswered++;
  }
}

await using stack = new AsyncDisposableStack();
const deployment = stack.use(await Deployment.make());
const peers: TimedPeer[] = [];
for (const host of PEERS) peers.push(stack.use(await TimedPeer.listen(host, { holdTime: 9 })));
const failing = new Set<number>();
const backends = startBackends(failing);
stack.defer(() => backends.shutdown());
const http = await freePort();
const socket = `${deployment.folder}/control.sock`;
const file = await deployment.file({
  network: { setup: false },
  http: { listen: `${OURS}:${http}` },
  control: { socket },
  bgp: {
    local: { routerID: OURS, as: 65512, listenPort: -1 },
    peers: peers.map(({ host, port }) => ({
      address: host,
      as: 65512,
      port,
      connectRetryTime: "1s",
      holdTime: "9s",
    })),
  },
  services: Array.from({ length: SERVICES }, (_, index) => ({
    name: `s${index}`,
    addresses: [`10.99.0.${index + 1}`],
    checks: [{
      type: "http",
      port: backends.addr.port,
      path: `/${index}`,
      interval: "200ms",
      rise: 1,
      fall: 2,
    }],
    stop: { converge: "0s" },
  })),
});
const agent = stack.use(new Process(deployment.command("--config", file)));
const everything = () => peers.every(({ routes }) => routes.size === SERVICES);
await until(everything, () => `routes: ${peers.map(({ routes }) => routes.size)}`, LIMIT_MS);

const random = <T>(values: readonly T[]) => values[Math.floor(Math.random() * values.length)];
const work = [
  again(FLAP.everyMs, async () => {
    const index = Math.floor(Math.random() * SERVICES);
    failing.add(index);
    await pause(FLAP.lastsMs);
    failing.delete(index);
    happened.flaps++;
  }),
  again(RESTART.everyMs, async () => {
    await random(peers)?.restart(RESTART.lastsMs);
    happened.restarts++;
  }),
  again(STANDSTILL.everyMs, async () => {
    agent.signal("SIGSTOP");
    await pause(STANDSTILL.lastsMs);
    agent.signal("SIGCONT");
    happened.standstills++;
  }),
  again(ASKED_EVERY_MS, async () => {
    for (const path of ["metrics", "api/v1/status", "readyz"]) await ask(`http://${OURS}:${http}/${path}`);
    await askControl(socket);
  }),
];

console.log(
  "minute  RSS from     to  anonymous  fds  CPU s  flaps  restarts  standstills  answers  unanswered",
);
const highest: number[] = [];
let cpu = await cpuSeconds(agent.pid);
for (let minute = 1; minute <= minutes && agent.running; minute++) {
  const { low, high } = await watchForMinute(agent);
  const { anonymous } = await memory(agent.pid);
  const now = await cpuSeconds(agent.pid);
  highest.push(high);
  const { flaps, restarts, standstills, answers, unanswered } = happened;
  const cells = [
    [minute, 6],
    [low.toFixed(1), 10],
    [high.toFixed(1), 7],
    [anonymous.toFixed(1), 11],
    [await descriptors(agent.pid), 5],
    [(now - cpu).toFixed(2), 7],
    [flaps, 7],
    [restarts, 10],
    [standstills, 13],
    [answers, 9],
    [unanswered, 12],
  ] as const;
  console.log(cells.map(([value, width]) => String(value).padStart(width)).join(""));
  cpu = now;
}
over.abort();
await Promise.all(work);
const alive = agent.running;
agent.signal("SIGCONT");
await until(everything, () => "every route again", LIMIT_MS).catch((error) => console.log(error.message));
const back = everything();
const half = highest.slice(-Math.ceil(highest.length / 2));
const grown = Math.max(...half) - Math.min(...half);
console.log(
  `the highest of the last ${half.length} minutes within ${grown.toFixed(1)} MiB; the agent ${
    alive ? "lives" : "DIED"
  }; ` +
    `${back ? "every route is" : "NOT every route is"} with every peer`,
);
await stack.disposeAsync();
Deno.exit(alive && back && grown <= LEEWAY_MIB ? 0 : 1);
