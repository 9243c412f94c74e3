/**
 * From exec to the first route and from SIGTERM to the peer's knowing: a waiting peer of bare octets in this process, and
 * in turns the agent as it is deployed (one service, one http check that passes), ExaBGP and BIRD (one static route each).
 * `deno run … tests/bench/life_bench.ts [ROUNDS]`
 */
import { Process } from "../support/process.ts";
import { until } from "../support/until.ts";
import { type Command, Deployment } from "./deployed_agent.ts";
import { cpuSeconds, median } from "./process_figures.ts";
import { TimedPeer } from "./timed_peer.ts";

const ROUNDS = Number(Deno.args[0] ?? 15);
const OURS = "127.0.0.1";
const PEER = "127.0.0.2";
const ROUTE = "10.99.0.1";
/** Nobody takes so long. */
const LIMIT_MS = 20_000;

/** Who is measured. */
interface Subject {
  readonly name: string;
  readonly start: Command;
  /** A line that says that it has started. */
  readonly running?: string;
}

/** Milliseconds of one round; CPU seconds until the first route. */
interface Round {
  readonly running: number | undefined;
  readonly established: number;
  readonly route: number;
  readonly cpu: number;
  readonly withdrawal: number | undefined;
  readonly cease: number | undefined;
  readonly ended: number;
}

async function agents(deployment: Deployment, peerPort: number, checkPort: number): Promise<Subject[]> {
  const check = { type: "http", port: checkPort, interval: "1s", rise: 1 };
  const file = await deployment.file({
    network: { setup: false },
    http: { listen: "" },
    control: { socket: "" },
    bgp: {
      local: { routerID: OURS, as: 65512, listenPort: -1 },
      peers: [{ address: PEER, as: 65512, port: peerPort }],
    },
    services: [{ name: "web", addresses: [ROUTE], checks: [check], stop: { converge: "0s", quiesce: "0s" } }],
  });
  return [{ name: "bgp-lb", start: deployment.command("--config", file), running: '"running"' }];
}

async function exabgp(deployment: Deployment, peerPort: number): Promise<Subject> {
  const file = await deployment.file(`neighbor ${PEER} {
  router-id ${OURS}; local-address ${OURS}; local-as 65512; peer-as 65512; connect ${peerPort}; hold-time 90;
  family { ipv4 unicast; }
  static { route ${ROUTE}/32 next-hop ${OURS}; }
}
`);
  const env = { "exabgp.daemon.user": "root", "exabgp.api.cli": "false", "exabgp.log.destination": "stderr" };
  return { name: "ExaBGP", start: { command: "exabgp", args: [file], env } };
}

async function bird(deployment: Deployment, peerPort: number): Promise<Subject> {
  const file = await deployment.file(`router id ${OURS};
protocol device {}
protocol static { ipv4; route ${ROUTE}/32 blackhole; }
protocol bgp {
  local ${OURS} as 65512; neighbor ${PEER} port ${peerPort} as 65512;
  multihop; connect delay time 0; ipv4 { import none; export all; };
}
`);
  const { folder } = deployment;
  const args = ["-f", "-c", file, "-s", `${folder}/bird.ctl`, "-P", `${folder}/bird.pid`];
  return { name: "BIRD", start: { command: "bird", args, env: {} } };
}

async function round({ start, running }: Subject, peer: TimedPeer): Promise<Round> {
  peer.forget();
  let ranAt: number | undefined;
  const began = performance.now();
  await using child = new Process({
    ...start,
    onLine: ({ text }) => {
      if (running !== undefined && text.includes(running)) ranAt ??= performance.now();
    },
  });
  const route = await peer.saw("route", LIMIT_MS);
  const cpu = await cpuSeconds(child.pid);
  if (running !== undefined) await until(() => ranAt !== undefined, undefined, LIMIT_MS);
  const established = peer.moments.established ?? NaN;
  // Whatever it does just after its start is not its stop.
  await new Promise((resolve) => setTimeout(resolve, 300));
  peer.forget();
  const stopped = performance.now();
  child.signal("SIGTERM");
  await child.exited;
  const ended = performance.now();
  // What was sent before the end may still be on its way here.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const since = (moment: number | undefined) => moment === undefined ? undefined : moment - stopped;
  return {
    running: ranAt === undefined ? undefined : ranAt - began,
    established: established - began,
    route: route - began,
    cpu: cpu * 1000,
    withdrawal: since(peer.moments.withdrawal),
    cease: since(peer.moments.notification),
    ended: ended - stopped,
  };
}

const COLUMNS = [
  ["running", "running"],
  ["established", "Established"],
  ["route", "first route"],
  ["cpu", "CPU until then"],
  ["withdrawal", "TERM→withdrawal"],
  ["cease", "TERM→Cease"],
  ["ended", "TERM→end"],
] as const satisfies readonly (readonly [keyof Round, string])[];

function row(name: string, rounds: readonly Round[]): string {
  const cells = COLUMNS.map(([key, title]) => {
    const values = rounds.map((each) => each[key]).filter((value) => value !== undefined);
    const text = values.length === 0 ? "-" : median(values).toFixed(1);
    return text.padStart(title.length);
  });
  return `${name.padEnd(10)}  ${cells.join("  ")}`;
}

await using deployment = await Deployment.make();
await using peer = await TimedPeer.listen(PEER);
const backend = Deno.serve({ hostname: OURS, port: 0, onListen() {} }, () => new Response("ok"));
const subjects = [
  ...await agents(deployment, peer.port, backend.addr.port),
  await exabgp(deployment, peer.port),
  await bird(deployment, peer.port),
];
const rounds = new Map<string, Round[]>();
for (let nth = 0; nth < ROUNDS; nth++) {
  for (const subject of subjects) {
    try {
      rounds.set(subject.name, [...rounds.get(subject.name) ?? [], await round(subject, peer)]);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
await backend.shutdown();
console.log(`milliseconds, medians of ${ROUNDS}; bgp-lb: the bundle without V8's code cache, one http check`);
console.log(`${"".padEnd(10)}  ${COLUMNS.map(([, title]) => title).join("  ")}`);
for (const { name } of subjects) {
  const seen = rounds.get(name);
  console.log(seen === undefined ? `${name.padEnd(10)}  not installed` : row(name, seen));
}
