/** One end of `bfd_bench.ts`: OURS THEIRS SESSIONS INTERVAL SECONDS. Prints its figures as JSON, from when all sessions are up. */
import process from "node:process";
import { Datagrams } from "../../ffi/datagrams.ts";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { Bfd } from "../../src/bfd/bfd.ts";
import { sleep, systemClock } from "../../src/time/clock.ts";
import { address } from "../support/bgp.ts";
import { until } from "../support/until.ts";

const [ours = "", theirs = "", sessions = "", interval = "", seconds = ""] = Deno.args;
const libc = openLibc();
const reactor = new Reactor(libc);
const sockets = new Sockets(libc, reactor);
const bfd = new Bfd({
  datagrams: new Datagrams(sockets),
  interfaceIndex: (name) => sockets.interfaceIndex(name),
  clock: systemClock,
  random: Math.random,
  onEvent: (event) => event.type === "bfd-fault" && console.error(event.cause),
  isServiceAddress: () => false,
});
const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

bfd.configure(Array.from({ length: Number(sessions) }, (_, index) => ({
  name: `${index}`,
  key: `${index}`,
  address: address(`${theirs}.${index + 1}`),
  zone: undefined,
  local: address(`${ours}.${index + 1}`),
  device: undefined,
  multihop: false,
  minimumTtl: 255,
  transmitMs: Number(interval),
  receiveMs: Number(interval),
  multiplier: 3,
  passive: false,
})));
const settled = () => bfd.status().every(({ detectionTimeMs }) => detectionTimeMs === 3 * Number(interval));
await until(settled, () => "sessions come up", 120_000);
const sum = (of: (counters: ReturnType<Bfd["status"]>[number]["counters"]) => number) =>
  bfd.status().reduce((total, { counters }) => total + of(counters), 0);
const total = () => ({
  received: sum(({ received }) => received),
  sent: sum(({ sent }) => sent),
  dropped: sum(({ drops }) => Object.values(drops).reduce((one, other) => one + other, 0)) +
    bfd.receivers().flatMap(({ drops }) => Object.values(drops)).reduce((one, other) => one + other, 0),
  cpuSeconds: cpuSeconds(),
  seconds: performance.now() / 1000,
});
const before = total();
await sleep(systemClock, Number(seconds) * 1000);
const after = total();
const status = bfd.status();
console.log(JSON.stringify({
  sessions: status.length,
  up: status.filter(({ state }) => state === "Up").length,
  flaps: sum(({ flaps }) => flaps),
  extensions: sum(({ extensions }) => extensions),
  longestHeldMs: Math.max(...status.map(({ longestHeldMs }) => longestHeldMs)),
  received: after.received - before.received,
  sent: after.sent - before.sent,
  dropped: after.dropped - before.dropped,
  cpuSeconds: after.cpuSeconds - before.cpuSeconds,
  seconds: after.seconds - before.seconds,
}));
// The other end counts on us for as long.
await sleep(systemClock, 2000);
bfd.abort();
await reactor.close();
libc[Symbol.dispose]();
