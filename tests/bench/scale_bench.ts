/**
 * Many routes go out: 100,000 to one peer and 1,000 to each of 100, then one of them changes. bgp-lb's speaker, BIRD 2
 * and GoBGP, each as a process of its own; counting peers of bare octets in this one. `deno run -A tests/bench/scale_bench.ts`
 */
import { run, runOrThrow } from "../support/process.ts";
import { CountingPeer } from "./counting_peer.ts";
import { type Order, peerAddress, type Shape, SUBJECT_ADDRESS } from "./scale_shape.ts";
import { type Running, type Subject, SUBJECTS } from "./scale_subjects.ts";

const SHAPES = [{ peers: 1, routes: 100_000 }, { peers: 100, routes: 1_000 }] as const;
const ORDERS: readonly Order[] = ["sorted", "shuffled"];
/** Each in a process of its own. */
const RUNS = 3;
const HOLD_TIME = 90;
/** Withdrawn and announced, or with another MED and back, so many times. */
const CYCLES = 20;
const INDENT = "    ";

/** What it took until every prefix was at every peer. */
interface Figures {
  readonly seconds: number;
  readonly updates: number;
  readonly cpuSeconds: number;
  readonly residentMiB: number;
  readonly stallMs: number;
}

/** What sends all prefixes to all peers, in this order. */
const PHASES: readonly {
  readonly name: string;
  readonly act: (subject: Running, peers: readonly CountingPeer[]) => Promise<unknown>;
}[] = [
  {
    name: "from Established on",
    act: (_, peers) => Promise.resolve(peers.forEach((peer) => peer.establish())),
  },
  { name: "all withdrawn", act: (subject) => subject.tell("none") },
  { name: "all announced", act: (subject) => subject.tell("all") },
];

/** CPU seconds of all threads of a process so far, which the kernel keeps in nanoseconds. */
async function cpuSeconds(pid: number): Promise<number> {
  const text = await runOrThrow("sh", ["-c", `cat /proc/${pid}/task/*/schedstat`]);
  return text.trim().split("\n").reduce((sum, line) => sum + Number(line.split(" ")[0]), 0) / 1e9;
}

async function residentMiB(pid: number): Promise<number> {
  const text = await runOrThrow("cat", [`/proc/${pid}/status`]);
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1]) / 1024;
}

/** From an act to every prefix at every peer. */
async function timed(
  subject: Running,
  peers: readonly CountingPeer[],
  { routes, nudgeMs, act }: {
    readonly routes: number;
    readonly nudgeMs: number | undefined;
    readonly act: () => Promise<unknown>;
  },
): Promise<Figures> {
  const due = total(peers) / peers.length + routes;
  const updates = sum(peers, ({ updates }) => updates);
  await subject.tell("watch");
  const cpu = await cpuSeconds(subject.pid);
  const since = performance.now();
  const acting = act();
  const nudge = nudgeMs && setInterval(() => peers.forEach((peer) => peer.establish()), nudgeMs);
  await Promise.all(peers.map((peer) => peer.received(due)));
  clearInterval(nudge);
  await acting;
  const used = await cpuSeconds(subject.pid) - cpu;
  return {
    seconds: (Math.max(...peers.map(({ at }) => at)) - since) / 1000,
    updates: sum(peers, ({ updates }) => updates) - updates,
    cpuSeconds: used,
    residentMiB: await residentMiB(subject.pid),
    stallMs: (await subject.tell("unwatch")).stallMs ?? NaN,
  };
}

/** One route changes, over and over. */
async function change(subject: Running, peers: readonly CountingPeer[]): Promise<void> {
  const words = ["withdraw", "announce", ...(subject.changes.includes("med") ? ["med", "announce"] : [])];
  const times = new Map<string, number[]>();
  const calls: number[] = [];
  const updates = sum(peers, ({ updates }) => updates);
  const cpu = await cpuSeconds(subject.pid);
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    for (const [index, word] of words.entries()) {
      const due = total(peers) / peers.length + 1;
      const since = performance.now();
      const { ms } = await subject.tell(word);
      await Promise.all(peers.map((peer) => peer.received(due)));
      const name = index < 2 ? word : "other MED";
      times.set(name, [...times.get(name) ?? [], Math.max(...peers.map(({ at }) => at)) - since]);
      if (ms !== undefined) calls.push(ms);
    }
  }
  const changes = CYCLES * words.length;
  const used = (await cpuSeconds(subject.pid) - cpu) / changes * 1000;
  const perPeer = (sum(peers, ({ updates }) => updates) - updates) / changes / peers.length;
  const spent = [...times].map(([name, found]) => `${name} ${median(found).toFixed(1)}`).join(", ");
  const call = calls.length === 0 ? "" : `, announce() ${median(calls).toFixed(2)} ms`;
  print(
    `${INDENT}one changes          ms until the last peer has it: ${spent}; ${
      perPeer.toFixed(2)
    } UPDATEs a peer, CPU ${used.toFixed(2)} ms${call}`,
  );
}

/** The same where the whole is made of new objects, as the agent does it: what is equal has to be compared. */
async function changeAmongCopies(subject: Running, peers: readonly CountingPeer[]): Promise<void> {
  await subject.tell("copies");
  const calls: number[] = [];
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    for (const word of ["withdraw", "announce"]) {
      const due = total(peers) / peers.length + 1;
      calls.push((await subject.tell(word)).ms ?? NaN);
      await Promise.all(peers.map((peer) => peer.received(due)));
    }
  }
  print(`${INDENT}among new objects    announce() ${median(calls).toFixed(2)} ms`);
}

async function measure(subject: Subject, shape: Shape): Promise<void> {
  const figures = PHASES.map((): Figures[] => []);
  for (let run = 0; run < RUNS; run++) {
    await using running = await subject.start(shape);
    using stack = new DisposableStack();
    const peers: CountingPeer[] = [];
    // One after the other: BIRD's queue of new connections is short, and TCP takes seconds to try again.
    for (let index = 0; index < shape.peers; index++) {
      const local = peerAddress(index);
      peers.push(stack.use(await CountingPeer.confirmed(local, SUBJECT_ADDRESS, running.port, HOLD_TIME)));
    }
    for (const [index, { act }] of PHASES.entries()) {
      const { nudgeMs } = subject;
      const { routes } = shape;
      figures[index]?.push(await timed(running, peers, { routes, nudgeMs, act: () => act(running, peers) }));
    }
    if (run < RUNS - 1) continue;
    print(`  ${subject.name}`);
    for (const [index, { name }] of PHASES.entries()) report(name, figures[index] ?? [], shape);
    if (shape.order === "shuffled") continue;
    await change(running, peers);
    if (subject.name === "bgp-lb") await changeAmongCopies(running, peers);
  }
}

function report(name: string, figures: readonly Figures[], shape: Shape): void {
  const of = (field: keyof Figures) => median(figures.map((one) => one[field]));
  const stall = Number.isNaN(of("stallMs")) ? "" : `, longest stall ${of("stallMs").toFixed(0)} ms`;
  const packed = shape.peers * shape.routes / of("updates");
  print(
    `${INDENT}${name.padEnd(19)}  ${of("seconds").toFixed(3)} s, ${
      packed.toFixed(0).padStart(3)
    } prefixes per UPDATE, CPU ${of("cpuSeconds").toFixed(3)} s, RSS ${
      of("residentMiB").toFixed(0)
    } MiB${stall}`,
  );
}

function sum<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((found, value) => found + of(value), 0);
}

/** Prefixes that came so far, whatever became of them. */
function total(peers: readonly CountingPeer[]): number {
  return sum(peers, ({ announced, withdrawn }) => announced + withdrawn);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >>> 1] ?? NaN;
}

function print(line: string): void {
  console.log(line);
}

const only = Deno.args[0];
for (const { peers, routes } of SHAPES) {
  for (const order of ORDERS) {
    print(`${routes} routes, ${order}, to each of ${peers}; median of ${RUNS}`);
    for (const subject of SUBJECTS) {
      if (only !== undefined && subject.name !== only) continue;
      const program = { "bgp-lb": "true", BIRD: "bird", GoBGP: "gobgpd" }[subject.name] ?? "";
      if ((await run(program, ["--version"])).code === 127) print(`  ${subject.name}  not installed`);
      else {
        await measure(subject, { peers, routes, order }).catch((error) =>
          print(`  ${subject.name}: ${error instanceof Error ? error.message : error}`)
        );
      }
    }
  }
}
