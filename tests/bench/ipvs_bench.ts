/**
 * How long the reconciler takes on a real kernel: 1,000 destinations programmed, a run that finds nothing to do, an
 * address repaired after the kernel told, and how long the event loop waited meanwhile. Runs inside the lab only
 * (BGP_LB_LAB=1): deno run --allow-ffi --allow-env=BGP_LB_LAB tests/bench/ipvs_bench.ts
 */
import { openLibc } from "../../ffi/libc.ts";
import { openLibnl } from "../../ffi/libnl.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sysctls } from "../../ffi/sysctl.ts";
import { openNetlinkKernel } from "../../src/kernel/netlink_kernel.ts";
import { type KernelReport, Reconciler } from "../../src/kernel/reconciler.ts";
import type { DesiredKernel, VirtualService } from "../../src/kernel/state.ts";
import { type Address, addressOf } from "../../src/net/address.ts";
import { deleteAddress, dumpLinks } from "../../src/netlink/rtnetlink.ts";
import { NetlinkChannel } from "../../src/netlink/channel.ts";
import { NETLINK } from "../../src/netlink/constants.ts";
import { systemClock } from "../../src/time/clock.ts";
import { BY_ADDRESS, PLAIN } from "../support/kernel_objects.ts";

const ROUNDS = 5;

if (Deno.env.get("BGP_LB_LAB") !== "1") {
  print("ipvs_bench changes this host's interfaces and IPVS: it runs inside the lab only (BGP_LB_LAB=1)");
  Deno.exit(1);
}

const libc = openLibc();
const transport = openLibnl(libc);
const reactor = new Reactor(libc);
const kernel = openNetlinkKernel({ transport, reactor, clock: systemClock, sysctls: new Sysctls(libc) });
let onReport: (report: KernelReport) => void = () => {};
const reconciler = new Reconciler({
  kernel,
  clock: systemClock,
  onReport: (report) => onReport(report),
  onFault: console.error,
});

for (const scheduler of ["rr", "wrr", "mh"]) {
  const program: number[] = [];
  const idle: number[] = [];
  const remove: number[] = [];
  const late: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const desired = oneService(scheduler, 1000);
    await made({ ...desired, virtualServices: [] });
    const lateness = measureLateness();
    program.push(await milliseconds(() => made(desired)));
    idle.push(await milliseconds(() => made(desired)));
    remove.push(await milliseconds(() => made({ ...desired, virtualServices: [] })));
    late.push(lateness());
  }
  print(
    `1 service, 1,000 destinations, ${scheduler}: programmed ${summary(program)}, nothing to do ${
      summary(idle)
    }, ` +
      `removed ${summary(remove)}, event loop late by ${Math.max(...late).toFixed(1)} ms at most`,
  );
}

for (const count of [1, 100]) {
  const desired = manyServices(count);
  const program = await milliseconds(() => made(desired));
  const idle: number[] = [];
  for (let round = 0; round < 20; round++) idle.push(await milliseconds(() => made(desired)));
  print(
    `${count} service${count === 1 ? "" : "s"} with address, 2 ports, 2 destinations each: made in ` +
      `${program.toFixed(1)} ms, nothing to do ${summary(idle)}`,
  );
  const removed = await milliseconds(() => reconciler.removeAll());
  print(`${count} service${count === 1 ? "" : "s"} removed in ${removed.toFixed(1)} ms`);
}

const desired = manyServices(1);
await made(desired);
const repairs: number[] = [];
const foreign = new NetlinkChannel(transport.open(NETLINK.ROUTE, []));
foreign.dump("warm up", dumpLinks(), () => undefined);
for (let round = 0; round < ROUNDS; round++) {
  const { actual } = await reconciler.want(desired);
  const link = actual?.interfaces[0];
  const address = link?.addresses[0]?.address;
  if (link === undefined || address === undefined) throw new Error("nothing is there to delete");
  const repaired = new Promise<void>((resolve) => {
    onReport = ({ changes }) => changes.length > 0 ? resolve() : undefined;
  });
  const begin = performance.now();
  foreign.transact("delete an address", [deleteAddress(link.index, { address, prefixLength: 32 })]);
  await repaired;
  repairs.push(performance.now() - begin);
}
print(`address deleted by somebody else: back after ${summary(repairs)} (10 ms of it to let more come)`);

await reconciler.removeAll();
await reconciler.dispose();
foreign[Symbol.dispose]();
kernel[Symbol.dispose]();
await reactor.close();
transport[Symbol.dispose]();
libc[Symbol.dispose]();

async function made(desired: DesiredKernel): Promise<void> {
  const { converged, errors } = await reconciler.want(desired);
  if (!converged) throw new Error(`not converged: ${errors.map(({ message }) => message).join("; ")}`);
}

async function milliseconds(run: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await run();
  return performance.now() - begin;
}

/** The returned function ends the measurement: the longest time for which a 1 ms timer was late. */
function measureLateness(): () => number {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last - 1);
    last = performance.now();
  }, 1);
  return () => {
    clearInterval(timer);
    return longest;
  };
}

function oneService(scheduler: string, count: number): DesiredKernel {
  const vip = addressOf(Uint8Array.of(10, 99, 0, 1));
  return {
    interfaces: [{ name: "bench", service: "bench", addresses: [vip] }],
    virtualServices: [{
      ...service(vip, 80),
      scheduler,
      destinations: Array.from({ length: count }, (_, i) => server(i)),
    }],
    ownedAddresses: [vip],
    ownedFwmarks: [],
  };
}

function manyServices(count: number): DesiredKernel {
  const vips = Array.from({ length: count }, (_, i) => addressOf(Uint8Array.of(10, 98, i >> 8, i & 0xff)));
  return {
    interfaces: vips.map((vip, i) => ({ name: `bench${i}`, service: `bench${i}`, addresses: [vip] })),
    virtualServices: vips.flatMap((vip) => [service(vip, 80), service(vip, 443)]),
    ownedAddresses: vips,
    ownedFwmarks: [],
  };
}

function service(address: Address, port: number): VirtualService {
  const destinations = [server(1), server(2)];
  return {
    protocol: "tcp",
    address,
    port,
    ...BY_ADDRESS,
    scheduler: "rr",
    flags: 0,
    timeoutSeconds: 0,
    netmask: 32,
    destinations,
  };
}

function server(index: number): VirtualService["destinations"][number] {
  const address = addressOf(Uint8Array.of(10, 1, index >> 8, index & 0xff));
  return { address, port: 8080, weight: 1, forwarding: "masq", ...PLAIN };
}

function summary(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const median = sorted[sorted.length >> 1] ?? NaN;
  return `${median.toFixed(1)} ms (${sorted[0]?.toFixed(1)} to ${sorted.at(-1)?.toFixed(1)})`;
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
