/**
 * The whole agent of `bfd_agent_bench.ts`: FILE SETTLE SECONDS. Real sockets, checks and BFD, and a kernel in memory that answers with
 * objects that it never gave before, so that each pass looks at all of them. Prints its figures as JSON, from SETTLE
 * seconds after its start on, and a second line when the first session is lost after that.
 */
import { Agent } from "../../src/agent/agent.ts";
import { loadConfig } from "../../src/config/load.ts";
import { EventStream } from "../../src/events/stream.ts";
import { openPlatform } from "../../src/main/platform.ts";
import { sleep, systemClock } from "../../src/time/clock.ts";
import { MemoryKernel } from "./memory_kernel.ts";
import { cpuMs, stall } from "./stall.ts";

/** Counts passes. */
class CountingKernel extends MemoryKernel {
  reads = 0;

  override read() {
    this.reads++;
    return super.read();
  }
}

const [file = "", settle = "", seconds = ""] = Deno.args;
const loaded = await loadConfig(file, (path) => ({ octets: Deno.readFileSync(path), mode: undefined }));
if (!loaded.ok) throw new Error(loaded.issues.map(({ message }) => message).join("\n"));
const { config } = loaded;
const events = new EventStream(systemClock);
const kernel = new CountingKernel(true);
await using platform = openPlatform(config, events);
const agent = new Agent(config, {
  ...platform,
  version: "bench",
  clock: systemClock,
  events,
  kernel,
  load: () => ({ ok: true, config, warnings: [] }),
  setLog: () => {},
  requestHandover: () => {},
});
const counts = { lost: 0, ended: 0 };
let onLost: (atMs: number) => void = () => {};
events.subscribe("bench", (event) => {
  if (event.kind === "bfd-state" && event.from === "Up") counts.lost++;
  if (event.kind !== "peer-state" || event.from !== "Established") return;
  counts.ended++;
  onLost(Date.now());
});
await agent.start();
await sleep(systemClock, Number(settle) * 1000);
/** In slices: the document of so many services would hold BFD up. */
async function total() {
  const { peers, services } = await agent.statusInSlices();
  const sessions = peers.flatMap((peer) => peer.bfd ?? []);
  return {
    ...counts,
    cpuMs: cpuMs(),
    passes: kernel.reads,
    sessions: sessions.length,
    up: sessions.filter(({ state }) => state === "Up").length,
    packets: sessions.reduce((sum, { received, sent }) => sum + received + sent, 0),
    extensions: sessions.reduce((sum, { extensions }) => sum + extensions, 0),
    prefixes: peers.reduce((sum, { prefixes }) => sum + prefixes.received, 0),
    healthy: services.filter(({ verdict }) => verdict === "healthy").length,
  };
}

const before = await total();
const { longestMs, longestCpuMs } = await stall(() => sleep(systemClock, Number(seconds) * 1000));
const after = await total();
console.log(JSON.stringify({
  sessions: after.sessions,
  up: after.up,
  lostAtStart: before.lost,
  lost: after.lost - before.lost,
  ended: after.ended - before.ended,
  extensions: after.extensions - before.extensions,
  packets: (after.packets - before.packets) / Number(seconds),
  prefixes: after.prefixes - before.prefixes,
  passes: after.passes - before.passes,
  healthy: after.healthy,
  longestMs,
  longestCpuMs,
  cpu: (after.cpuMs - before.cpuMs) / Number(seconds) / 10,
}));
const lostAtMs = await new Promise<number>((resolve) => onLost = resolve);
console.log(JSON.stringify({ lostAtMs }));
await agent.abort();
