/**
 * From the moment that somebody changes an interface, an address or a route of ours until it is repaired and read back, on
 * a real kernel (the aim: 50 ms). It changes this host's interfaces, so it runs where these are there for it alone
 * (BGP_LB_LAB=1, as in the lab): deno run --allow-ffi --allow-run=ip --allow-env=BGP_LB_LAB tests/bench/repair_bench.ts
 */
import { openLibc } from "../../ffi/libc.ts";
import { openLibnl } from "../../ffi/libnl.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sysctls } from "../../ffi/sysctl.ts";
import { openNetlinkKernel } from "../../src/kernel/netlink_kernel.ts";
import { type KernelReport, Reconciler } from "../../src/kernel/reconciler.ts";
import type { DesiredKernel } from "../../src/kernel/state.ts";
import { addressOf } from "../../src/net/address.ts";
import { NetlinkChannel } from "../../src/netlink/channel.ts";
import { NETLINK } from "../../src/netlink/constants.ts";
import type { Request } from "../../src/netlink/message.ts";
import { restoreLocalRoute } from "../../src/netlink/route.ts";
import { decodeLink, deleteAddress, getLink, setLink } from "../../src/netlink/rtnetlink.ts";
import { systemClock } from "../../src/time/clock.ts";
import { Slices } from "../../src/time/slices.ts";
import { NONE } from "../support/kernel_objects.ts";
import { runOrThrow } from "../support/process.ts";

const ROUNDS = 15;
const SERVICES = 10;

if (Deno.env.get("BGP_LB_LAB") !== "1") {
  console.log("repair_bench changes this host's interfaces: it runs inside the lab only (BGP_LB_LAB=1)");
  Deno.exit(1);
}

const kept = new AsyncDisposableStack();
await using _kept = kept;
const libc = kept.use(openLibc());
const transport = kept.use(openLibnl(libc));
const reactor = kept.use(new Reactor(libc));
const sysctls = new Sysctls(libc);
const kernel = kept.use(openNetlinkKernel({ transport, reactor, clock: systemClock, sysctls }));
const channel = kept.use(new NetlinkChannel(transport.open(NETLINK.ROUTE, []), new Slices(systemClock)));

const v4 = Array.from({ length: SERVICES }, (_, at) => addressOf(Uint8Array.of(10, 99, 0, at + 1)));
const v6 = v4.map(({ bytes }) =>
  addressOf(Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0x99, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...bytes.slice(3)))
);
const desired: DesiredKernel = {
  ...NONE,
  interfaces: v4.map((address, at) => {
    return { name: `r${at}`, service: `r${at}`, addresses: [address, ...v6.slice(at, at + 1)] };
  }),
};
const [first4, first6] = [v4[0], v6[0]];
if (first4 === undefined || first6 === undefined) throw new Error("no services");

await runOrThrow("ip", ["link", "add", "red", "type", "vrf", "table", "99"]);
await runOrThrow("ip", ["link", "set", "red", "up"]);
const indexOf = (name: string) => channel.get("look", getLink({ name }), decodeLink).index;
const master = indexOf("red");

let onReport: (report: KernelReport) => void = () => {};
// Whoever measures is the one who fights: nothing is contested.
const contention = () => ({ limit: 1_000_000, windowMs: 1, holdMs: 1 });
const reconciler = new Reconciler({
  kernel,
  clock: systemClock,
  onReport: (report) => onReport(report),
  onFault: console.error,
  contention,
});
await reconciler.want(desired);
const index = indexOf("r0");

const damages: Readonly<Record<string, Request | (() => void)>> = {
  "IPv4 address deleted": deleteAddress(index, { address: first4, prefixLength: 32 }),
  "IPv6 address deleted": deleteAddress(index, { address: first6, prefixLength: 128 }),
  "interface set down": setLink({ index }, { up: false }),
  "interface put into a VRF": setLink({ index }, { master }),
  "carrier taken": setLink({ index }, { carrier: false }),
  "MTU set to 1000": setLink({ index }, { mtu: 1000 }),
  "IPv4 local route deleted": deletion(restoreLocalRoute(index, first4)),
  "IPv6 local route deleted": deletion(restoreLocalRoute(index, first6)),
  "IPv6 switched off": () => sysctls.set(["net", "ipv6", "conf", "r0", "disable_ipv6"], "1"),
};
for (const [name, damage] of Object.entries(damages)) {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) times.push(await repaired(damage));
  times.sort((a, b) => a - b);
  const at = (share: number) => (times[Math.ceil(times.length * share) - 1] ?? NaN).toFixed(1);
  console.log(`${name}: repaired and read back after ${at(0.5)} ms, at most ${at(1)} ms`);
}
await reconciler.removeAll();
await reconciler.dispose();
await runOrThrow("ip", ["link", "delete", "red"]);

async function repaired(damage: Request | (() => void)): Promise<number> {
  // Late notifications of the last round are over when nothing more comes.
  for (let quiet = performance.now(); performance.now() - quiet < 100;) {
    onReport = () => void (quiet = performance.now());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  let changed = false;
  onReport = ({ changes, converged }) => {
    changed ||= changes.length > 0;
    if (changed && converged) resolve();
  };
  const begin = performance.now();
  if (typeof damage === "function") damage();
  else {
    const [failure] = channel.transact("damage", [damage]);
    if (failure !== undefined) throw new Error(`damage: errno ${failure.errno}`);
  }
  await promise;
  return performance.now() - begin;
}

function deletion([request]: readonly Request[]): Request {
  if (request === undefined) throw new Error("no request");
  return request;
}
