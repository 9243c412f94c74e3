/**
 * A full table comes in: a probe of bare octets in this process pours 1,000,000 prefixes into a speaker in a process of
 * its own and watches it from a second session, then pours on for some hold times; the same for every subject that is
 * installed. `deno run -A tests/bench/flood_bench.ts [SUBJECT…]`
 */
import { flood } from "../support/raw_flood.ts";
import {
  connectRaw,
  freePort,
  keepalive,
  open,
  type RawPeer,
  routeRefresh,
  UPDATE,
} from "../support/raw_peer.ts";
import { until } from "../support/until.ts";
import { cpuSeconds, type Memory, memory } from "./process_figures.ts";
import { HOLD_TIME, PEERS, type Place, SPEAKER, type Subject, SUBJECTS } from "./flood_subjects.ts";

const PREFIXES = 1_000_000;
/** The table comes again until then, so that the flood lasts several hold times. */
const LONG_FLOOD_MS = 10_000;
/** When in the flood the subject is made to change its routes. */
const CHANGE_AFTER_MS = 100;
/** RFC 4271 section 4.4: a third of the hold time, and not under a second. */
const DUE_MS = HOLD_TIME * 1000 / 3;
const LATENESS_STEP_MS = 10;

/** What was seen of a subject. */
interface Figures {
  readonly drainMs: number;
  readonly cpuSeconds: number;
  readonly before: Memory;
  readonly after: Memory;
  readonly changeMs: number;
  readonly tables: number;
  readonly floodMs: number;
  readonly delayMs: readonly number[];
  readonly latenessMs: number;
  readonly end: Memory;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Sends KEEPALIVEs. */
function beat(peer: RawPeer): Disposable {
  const timer = setInterval(() => peer.send(keepalive()), DUE_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** How late this process itself is at most: what others on the machine cost, and no subject's fault. */
class Lateness implements Disposable {
  longestMs = 0;
  #due = performance.now() + LATENESS_STEP_MS;
  readonly #timer = setInterval(() => {
    const now = performance.now();
    this.longestMs = Math.max(this.longestMs, now - this.#due);
    this.#due = now + LATENESS_STEP_MS;
  }, LATENESS_STEP_MS);

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Connects as soon as the speaker listens and takes it. */
async function establish(host: string, port: number): Promise<RawPeer> {
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      const peer = await connectRaw(host, SPEAKER, port);
      await peer.establish(open({ holdTime: HOLD_TIME }));
      await peer.hear(UPDATE);
      return peer;
    } catch {
      await pause(100);
    }
  }
  throw new Error("no session");
}

/** Resolves when the speaker has read what was sent before: it answers a request for its routes. */
async function drained(peer: RawPeer): Promise<number> {
  const heard = () => peer.heard.filter(({ type, body }) => type === UPDATE && body.byteLength > 4);
  const updates = heard().length;
  peer.send(routeRefresh());
  await until(() => heard().length > updates || peer.ended !== undefined, () => "an answer", 180_000);
  const answer = heard()[updates];
  if (answer === undefined) throw new Error(`the session was lost; heard ${peer.words}`);
  return answer.at;
}

/** By how much the longest time without a word on a connection in a span was longer than is due, in milliseconds. */
function longestDelay(peer: RawPeer, from: number, to: number): number {
  const times = [...peer.heard.map(({ at }) => at).filter((at) => at <= to), to];
  const silences = times.map((at, index) => at < from ? 0 : at - (times[index - 1] ?? at));
  return Math.max(0, Math.max(...silences) - DUE_MS);
}

/** How long it takes until a change of routes is at a peer. */
async function changeMs(
  subject: Subject,
  place: Place,
  child: Deno.ChildProcess,
  peer: RawPeer,
): Promise<number> {
  const heard = peer.count(UPDATE);
  const at = performance.now();
  await subject.change(place, child);
  return (await peer.hear(UPDATE, heard + 1, 60_000)).at - at;
}

async function measure(
  subject: Subject,
  place: Place,
  child: Deno.ChildProcess,
  octets: Uint8Array,
): Promise<Figures> {
  await subject.prepare?.(place);
  using peer = await establish(PEERS[0], place.port);
  using _pulse = beat(peer);
  using other = await establish(PEERS[1], place.port);
  using _otherPulse = beat(other);
  await pause(1000);
  const before = await memory(child.pid);
  const cpu = await cpuSeconds(child.pid);
  using lateness = new Lateness();
  const since = performance.now();
  const flooded = async () => {
    await peer.pour(octets);
    const at = await drained(peer);
    return { at, cpuSeconds: await cpuSeconds(child.pid) - cpu };
  };
  const changed = async () => {
    await pause(CHANGE_AFTER_MS);
    return await changeMs(subject, place, child, other);
  };
  const [first, change] = await Promise.all([flooded(), changed()]);
  await pause(1000);
  const after = await memory(child.pid);
  const again = performance.now();
  let tables = 0;
  let end = first.at;
  if (first.at - since < LONG_FLOOD_MS) {
    for (; performance.now() - again < LONG_FLOOD_MS; tables++) await peer.pour(octets);
    end = await drained(peer);
  }
  return {
    drainMs: first.at - since,
    cpuSeconds: first.cpuSeconds,
    before,
    after,
    changeMs: change,
    tables,
    floodMs: end - again,
    delayMs: [peer, other].map((each) => longestDelay(each, since, end)),
    latenessMs: lateness.longestMs,
    end: await memory(child.pid),
  };
}

async function run(subject: Subject, octets: Uint8Array): Promise<Figures> {
  const place = { folder: await Deno.makeTempDir(), port: await freePort() };
  try {
    const [command = "", ...args] = await subject.command(place);
    const io = { stdin: "piped", stdout: "null", stderr: "null" } as const;
    const child = new Deno.Command(command, { args, ...io }).spawn();
    try {
      return await measure(subject, place, child, octets);
    } finally {
      await child.stdin.close().catch(() => {});
      try {
        child.kill("SIGTERM");
      } catch {
        // It has ended.
      }
      await child.status;
    }
  } finally {
    await Deno.remove(place.folder, { recursive: true });
  }
}

function print(line: string): void {
  console.log(line);
}

function report(name: string, figures: Figures): void {
  const { drainMs, cpuSeconds, before, after, changeMs, tables, floodMs, delayMs, latenessMs, end } = figures;
  const grown = (memory: Memory) =>
    `${memory.all.toFixed(1)} MiB (${signed(memory.all - before.all)}, anonymous ${
      signed(memory.anonymous - before.anonymous)
    })`;
  print(`${name}: drained in ${(drainMs / 1000).toFixed(2)} s, CPU ${cpuSeconds.toFixed(2)} s`);
  print(`  RSS ${before.all.toFixed(1)} -> ${grown(after)}`);
  if (tables > 0) {
    print(`  then ${tables}M prefixes in ${(floodMs / 1000).toFixed(1)} s, RSS -> ${grown(end)}`);
  }
  const [sender = NaN, other = NaN] = delayMs;
  print(
    `  longest KEEPALIVE delay ${sender.toFixed(0)} ms to the sender, ${
      other.toFixed(0)
    } ms to the other (this probe was late by ${latenessMs.toFixed(0)} ms); a change is at the other in ${
      changeMs.toFixed(0)
    } ms`,
  );
}

function signed(value: number): string {
  return `${value < 0 ? "" : "+"}${value.toFixed(1)}`;
}

const octets = flood(PREFIXES);
print(`${PREFIXES} prefixes, ${(octets.byteLength / 1e6).toFixed(1)} MB, hold time ${HOLD_TIME} s`);
for (const subject of SUBJECTS) {
  if (Deno.args.length > 0 && !Deno.args.includes(subject.name)) continue;
  try {
    report(subject.name, await run(subject, octets));
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    print(`${subject.name}: ${missing ? "not installed" : error instanceof Error ? error.message : error}`);
  }
}
