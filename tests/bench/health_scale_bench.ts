/**
 * A thousand services, each probed every second over http and a connection of its own, by one agent as it is deployed,
 * announce-only on loopback: whether the probes are on the beat (counted at the backends, a process of their own), CPU and
 * memory beside keepalived's checkers and ExaBGP's helper, how late the event loop is in this and at start, check-now and
 * reload, how soon one check that fails among them is a withdrawal, and memory by the minute: `deno task bench health_scale`, as
 * root, or some of it: `… tests/bench/health_scale_bench.ts [CHECKS] [SECONDS] [cost|rivals|failures|loop|memory]…`
 */
import { Process, run } from "../support/process.ts";
import { until } from "../support/until.ts";
import { Backends } from "./backends.ts";
import { Deployment } from "./deployed_agent.ts";
import { serviceNumber, WatchedAgent } from "./watched_agent.ts";
import { cpuSeconds, median, memory } from "./process_figures.ts";
import { RIVALS } from "./health_rivals.ts";
import { TimedPeer } from "./timed_peer.ts";

const CHECKS = Number(Deno.args[0] ?? 1000);
const SECONDS = Number(Deno.args[1] ?? 60);
const WANTED = Deno.args.slice(2);
const MINUTES = 10;
const MANY_CHECKS = 10 * CHECKS;
const FAILURES = 100;
const PEER = "127.0.0.2";
const LIMIT_MS = 60_000;
/** What a start leaves behind is collected by then. */
const SETTLE_MS = 10_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const ms = (value: number) => `${value.toFixed(2)} ms`;

/** Who probes: CPU seconds so far, and its processes. */
interface Prober {
  readonly scale: number;
  cpuSeconds(): Promise<number>;
  pids(): Promise<readonly number[]>;
}

async function cost(name: string, prober: Prober, backends: Backends): Promise<void> {
  const { scale } = prober;
  await pause(SETTLE_MS);
  const used = () => prober.cpuSeconds();
  const [before, backendBefore] = [await used(), await cpuSeconds(backends.pid)];
  await backends.forget();
  await pause(SECONDS * 1000);
  const { paths, arrivals, due, p50, p99, worst, drift } = await backends.spacing(1000);
  const perMinute = 60 / SECONDS * scale;
  const resident = (await Promise.all((await prober.pids()).map(memory))).reduce(
    (sum, { all }) => sum + all,
    0,
  );
  console.log(
    `${name}: CPU ${((await used() - before) * perMinute).toFixed(1)} s a minute, RSS ${
      resident.toFixed(1)
    } MiB; ` +
      `${arrivals} probes of ${paths} checks came, ${due} were due, spacing off the beat p50 ${
        ms(p50)
      }, p99 ${ms(p99)}, ` +
      `worst ${ms(worst)}, drift ${ms(drift)} (the backend: ` +
      `${((await cpuSeconds(backends.pid) - backendBefore) * perMinute).toFixed(1)} s)`,
  );
}

/** Ours: CPU and memory without anything beside, then the loop's delay with the watch of it. */
async function ours(deployment: Deployment, backends: Backends): Promise<void> {
  await using peer = await TimedPeer.listen(PEER);
  const check = (index: number) => ({ type: "http", port: backends.ports.http, path: `/s${index}` });
  const configuration = agentConfiguration(peer.port, CHECKS, check);
  {
    const file = await deployment.file(configuration);
    await using agent = new Process(deployment.command("--config", file));
    await until(() => peer.routes.size === CHECKS, () => `${peer.routes.size} routes`, LIMIT_MS);
    await cost(`${CHECKS} checks each second, bgp-lb`, {
      scale: 1,
      cpuSeconds: () => cpuSeconds(agent.pid),
      pids: () => Promise.resolve([agent.pid]),
    }, backends);
    console.log(`sockets on this host then: ${await sockets()}`);
  }
}

async function delays(deployment: Deployment, backends: Backends): Promise<void> {
  await using peer = await TimedPeer.listen(PEER);
  const check = (index: number) => ({ type: "http", port: backends.ports.http, path: `/s${index}` });
  await using idle = await WatchedAgent.start(deployment, agentConfiguration(peer.port, 1, check));
  await pause(SETTLE_MS);
  console.log(`event loop late, 1 check each second: ${await idle.delays(() => pause(5_000))}`);
  await idle[Symbol.asyncDispose]();
  await using agent = await WatchedAgent.start(deployment, agentConfiguration(peer.port, CHECKS, check));
  const started = async () => {
    await until(() => peer.routes.size === CHECKS, () => `${peer.routes.size} routes`, LIMIT_MS);
    await pause(SETTLE_MS);
  };
  console.log(`... ${CHECKS} checks, start: ${await agent.delaysSinceStart(started)}`);
  console.log(`... at work: ${await agent.delays(() => pause(20_000))}`);
  console.log(`... check-now of all: ${await agent.delays(() => agent.order("check-now"))}`);
  console.log(`... reload, unchanged: ${await agent.delays(() => agent.order("reload"))}`);
  await agent.configure(agentConfiguration(peer.port, CHECKS, (index) => ({ ...check(index), rise: 3 })));
  console.log(`... reload, every check another one: ${await agent.delays(() => agent.order("reload"))}`);
  await agent[Symbol.asyncDispose]();
  const slow = (index: number) => ({ ...check(index), interval: "10s" });
  await using many = await WatchedAgent.start(deployment, agentConfiguration(peer.port, MANY_CHECKS, slow));
  // On a busy machine some probe of so many always fails.
  const most = () =>
    until(() => peer.routes.size >= 0.99 * MANY_CHECKS, () => `${peer.routes.size} routes`, 2 * LIMIT_MS);
  console.log(`... ${MANY_CHECKS} checks each 10 s, start: ${await many.delaysSinceStart(most)}`);
  console.log(`... at work: ${await many.delays(() => pause(20_000))}`);
}

/** From the answer that fails one check to the withdrawal at the peer, with so many others beside it. */
async function failureToUpdate(deployment: Deployment, backends: Backends, others: number): Promise<number> {
  await using peer = await TimedPeer.listen(PEER);
  let answer = 200;
  let failedAt: number | undefined;
  const backend = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    if (answer !== 200) failedAt ??= performance.now();
    return new Response(null, { status: answer });
  });
  const failing = {
    type: "http",
    port: backend.addr.port,
    interval: "50ms",
    timeout: "5s",
    rise: 1,
    fall: 1,
  };
  const count = others + 1;
  const check = (index: number) =>
    index === 0 ? failing : { type: "http", port: backends.ports.http, path: `/s${index}` };
  const file = await deployment.file(agentConfiguration(peer.port, count, check));
  const found: number[] = [];
  {
    await using _agent = new Process(deployment.command("--config", file));
    await until(() => peer.routes.size === count, () => `${peer.routes.size} routes`, LIMIT_MS);
    await pause(SETTLE_MS);
    for (let round = 0; round < FAILURES; round++) {
      await until(() => peer.routes.size === count, () => "the route", LIMIT_MS);
      [answer, failedAt] = [503, undefined];
      peer.forget();
      found.push(await peer.saw("withdrawal", LIMIT_MS) - (failedAt ?? NaN));
      answer = 200;
    }
  }
  await backend.shutdown();
  console.log(
    `failing answer given to withdrawal at the peer, ${others} checks beside it: ` +
      `median ${ms(median(found))}, worst ${ms(Math.max(...found))} of ${FAILURES}`,
  );
  return median(found);
}

function agentConfiguration(
  peerPort: number,
  count: number,
  check: (index: number) => Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return {
    network: { setup: false },
    http: { listen: "" },
    control: { socket: "" },
    log: { level: "warning" },
    bgp: {
      local: { routerID: "127.0.0.1", as: 65512, listenPort: -1 },
      peers: [{ address: PEER, as: 65512, port: peerPort }],
    },
    services: Array.from({ length: count }, (_, index) => ({
      name: `s${index}`,
      addresses: [serviceNumber(index)],
      checks: [{ interval: "1s", ...check(index) }],
      stop: { converge: "0s", quiesce: "0s" },
    })),
  };
}

/** TCP sockets by state: those in TIME-WAIT hold a port of the range that probes come from. */
async function sockets(): Promise<string> {
  const { stdout } = await run("sh", ["-c", "ss -s | grep ^TCP; cat /proc/sys/net/ipv4/ip_local_port_range"]);
  return stdout.trim().replaceAll(/\s+/g, " ");
}

/** Resident memory by the minute; what there was before V8 first went through it all is not looked at. */
async function memoryByTheMinute(deployment: Deployment, backends: Backends, minutes: number): Promise<void> {
  await using peer = await TimedPeer.listen(PEER);
  const check = (index: number) => ({ type: "http", port: backends.ports.http, path: `/s${index}` });
  const file = await deployment.file(agentConfiguration(peer.port, CHECKS, check));
  await using agent = new Process(deployment.command("--config", file));
  await until(() => peer.routes.size === CHECKS, () => `${peer.routes.size} routes`, LIMIT_MS);
  const seen: string[] = [];
  for (let minute = 0; minute < minutes; minute++) {
    await pause(60_000);
    seen.push((await memory(agent.pid)).all.toFixed(1));
  }
  console.log(`RSS after each minute with ${CHECKS} checks: ${seen.join(", ")} MiB`);
}

async function rivals(deployment: Deployment, backends: Backends): Promise<void> {
  for (const rival of RIVALS) {
    const task = { count: CHECKS, port: backends.ports.http, folder: deployment.folder };
    await using running = await rival.start(task);
    if (running === undefined) console.log(`${rival.name}: not installed`);
    else await cost(`${running.what}, ${rival.name}`, running, backends);
  }
}

async function failures(deployment: Deployment, backends: Backends): Promise<void> {
  const floor = await failureToUpdate(deployment, backends, 0);
  const beside = await failureToUpdate(deployment, backends, CHECKS);
  console.log(`over the floor: median ${ms(beside - floor)}`);
}

const SECTIONS = {
  cost: ours,
  rivals,
  failures,
  loop: delays,
  memory: (deployment: Deployment, backends: Backends) => memoryByTheMinute(deployment, backends, MINUTES),
};

await using deployment = await Deployment.make();
await using backends = await Backends.start(deployment.folder);
for (const [name, section] of Object.entries(SECTIONS)) {
  if (WANTED.length === 0 || WANTED.includes(name)) await section(deployment, backends);
}
