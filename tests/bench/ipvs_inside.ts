/**
 * The inside of the IPVS benchmark, in a kernel of its own (BGP_LB_LAB=1): the reconciler, the bare messages, ipvsadm and
 * keepalived, each with the same virtual services; then what only the reconciler does.
 */
import { openLibc } from "../../ffi/libc.ts";
import { openLibnl } from "../../ffi/libnl.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sysctls } from "../../ffi/sysctl.ts";
import { openNetlinkKernel } from "../../src/kernel/netlink_kernel.ts";
import { type KernelReport, Reconciler } from "../../src/kernel/reconciler.ts";
import type { DesiredKernel } from "../../src/kernel/state.ts";
import { deleteAddress, setLink } from "../../src/netlink/rtnetlink.ts";
import { NetlinkChannel } from "../../src/netlink/channel.ts";
import { NETLINK } from "../../src/netlink/constants.ts";
import { systemClock } from "../../src/time/clock.ts";
import { Slices } from "../../src/time/slices.ts";
import { runOrThrow } from "../support/process.ts";
import { findCommand } from "../support/setup.ts";
import { addresses, largeService, services, withAddresses, withoutAddresses } from "./ipvs_shape.ts";
import {
  BareNetlink,
  ipvsadmRestore,
  ipvsadmSave,
  ipvsadmWeigh,
  keepalived,
  milliseconds,
} from "./ipvs_subjects.ts";
import { median } from "./process_figures.ts";

const ROUNDS = 3;
/** The timer beside the work, in milliseconds. */
const BEAT_MS = 5;
/** Where figures begin. */
const WIDTH = 20;
/** Of <sched.h>. */
const CLONE_NEWNET = 0x4000_0000;

if (Deno.env.get("BGP_LB_LAB") !== "1") {
  print("this changes the host's interfaces and IPVS: deno task bench ipvs runs it in a kernel of its own");
  Deno.exit(1);
}

const libc = openLibc();
const { symbols: { unshare } } = Deno.dlopen("libc.so.6", {
  // int unshare(int flags);
  unshare: { parameters: ["i32"], result: "i32" },
});
const transport = openLibnl(libc);
const reactor = new Reactor(libc);
const folder = Deno.makeTempDirSync();
/** Every namespace stays until the end: its removal would be work beside the next measurement. */
const kept = new AsyncDisposableStack();

for (const count of [100, 1_000, 10_000]) await compare(count);
await compareAddresses(1_000);
await whole(1_000);
for (const scheduler of ["rr", "mh"]) await large(scheduler, 1_000);
await repair();

await kept.disposeAsync();
await reactor.close();
transport[Symbol.dispose]();
libc[Symbol.dispose]();

/** A network without anything in it. In a used one the kernel compares each new destination with all that were deleted. */
function enterFreshNetwork(): void {
  if (unshare(CLONE_NEWNET) !== 0) throw new Error("no network namespace to be had");
  // Without any address IPVS takes every destination's for a broadcast address.
  const channel = new NetlinkChannel(transport.open(NETLINK.ROUTE, []), new Slices(systemClock));
  using _channel = channel;
  channel.transact("set lo up", [setLink({ name: "lo" }, { up: true })]);
}

/** A reconciler in a fresh network. */
function freshReconciler(onReport: (report: KernelReport) => void = () => {}): Reconciler {
  enterFreshNetwork();
  const kernel = kept.use(
    openNetlinkKernel({ transport, reactor, clock: systemClock, sysctls: new Sysctls(libc) }),
  );
  return kept.use(new Reconciler({ kernel, clock: systemClock, onReport, onFault: console.error }));
}

/** The bare messages in a fresh network. */
function freshBareNetlink(): BareNetlink {
  enterFreshNetwork();
  return kept.use(new BareNetlink(transport));
}

/** Every subject with `count` destinations. */
async function compare(count: number): Promise<void> {
  const [one, other] = [services(count, 1), services(count, 2)];
  const last = other.at(-1);
  if (last === undefined) throw new Error("no virtual service");
  print(`== ${number(count)} destinations of ${number(one.length)} virtual services`);
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const bare = freshBareNetlink();
    rounds.push({ program: bare.program(one), idle: bare.dump(one), weigh: bare.weigh(last) });
  }
  row("bare netlink", rounds);
  await ours(ROUNDS, withoutAddresses(one), withoutAddresses(other));
  enterFreshNetwork();
  const program = await ipvsadmRestore(one);
  row("ipvsadm -R, -Sn, -e", [{ program, idle: await ipvsadmSave(), weigh: await ipvsadmWeigh(last) }]);
  if (findCommand("keepalived") === undefined) return print("   keepalived is not installed");
  row("keepalived", [await keepalived(folder, freshBareNetlink(), one, other)]);
}

/** The reconciler: everything from nothing, nothing to do, one weight; and how long the event loop stood still. */
async function ours(count: number, one: DesiredKernel, other: DesiredKernel): Promise<void> {
  const rounds: Round[] = [];
  let stall = 0;
  for (let round = 0; round < count; round++) {
    const reconciler = freshReconciler();
    const longest = longestStall();
    rounds.push({
      program: await milliseconds(() => made(reconciler, one)),
      idle: await milliseconds(() => made(reconciler, one)),
      weigh: await milliseconds(() => made(reconciler, other)),
    });
    stall = Math.max(stall, longest());
    await reconciler.dispose();
  }
  row("bgp-lb", rounds, `, longest stall ${seconds(stall)}`);
}

/** Interfaces alone. */
async function compareAddresses(count: number): Promise<void> {
  const desired = addresses(count);
  print(`== ${number(count)} interfaces with an address each`);
  print(`   ${"bare netlink".padEnd(WIDTH)} ${seconds(await freshBareNetlink().addresses(desired))}`);
  const input = desired.interfaces.flatMap(({ name, addresses }) => [
    `link add name ${name} type dummy`,
    ...addresses.map(({ text }) => `addr add ${text}/32 dev ${name}`),
    `link set ${name} up`,
  ]).map((line) => `${line}\n`).join("");
  enterFreshNetwork();
  const batch = await milliseconds(() => runOrThrow("ip", ["-batch", "-"], { input }));
  print(`   ${"ip -batch".padEnd(WIDTH)} ${seconds(batch)}`);
  const reconciler = freshReconciler();
  const longest = longestStall();
  const program = await milliseconds(() => made(reconciler, desired));
  const idle = await milliseconds(() => made(reconciler, desired));
  const rest = `nothing changed ${seconds(idle)}, longest stall ${seconds(longest())}`;
  print(`   ${"bgp-lb".padEnd(WIDTH)} ${seconds(program)}, ${rest}`);
  await reconciler.dispose();
}

/** What an agent with so many services of ten destinations each has. */
async function whole(count: number): Promise<void> {
  print(
    `== ${number(count)} services: an interface, an address, a virtual service and ten destinations each`,
  );
  const [one, other] = [services(count * 10, 1), services(count * 10, 2)];
  await ours(1, withAddresses(one), withAddresses(other));
}

/** Many destinations of one virtual service. */
async function large(scheduler: string, count: number): Promise<void> {
  const desired = withoutAddresses([largeService(scheduler, count)]);
  const program: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const reconciler = freshReconciler();
    program.push(await milliseconds(() => made(reconciler, desired)));
    await reconciler.dispose();
  }
  print(`== one virtual service with ${number(count)} destinations, ${scheduler}: ${spread(program)}`);
}

/** From the moment that somebody deletes an address until it is back. */
async function repair(): Promise<void> {
  let onReport: (report: KernelReport) => void = () => {};
  const reconciler = freshReconciler((report) => onReport(report));
  const desired = withAddresses(services(10));
  const channel = kept.use(new NetlinkChannel(transport.open(NETLINK.ROUTE, []), new Slices(systemClock)));
  const repairs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { actual } = await reconciler.want(desired);
    const link = actual?.interfaces[0];
    const address = link?.addresses[0]?.address;
    if (link === undefined || address === undefined) throw new Error("nothing is there to delete");
    const repaired = new Promise<void>((resolve) => {
      onReport = ({ changes }) => changes.length > 0 ? resolve() : undefined;
    });
    const begin = performance.now();
    channel.transact("delete an address", [deleteAddress(link.index, { address, prefixLength: 32 })]);
    await repaired;
    repairs.push(performance.now() - begin);
  }
  print(`== an address that somebody else deleted is back after ${spread(repairs)}`);
  await reconciler.dispose();
}

async function made(reconciler: Reconciler, desired: DesiredKernel): Promise<void> {
  const { converged, errors } = await reconciler.want(desired);
  if (!converged) throw new Error(`not converged: ${errors.map(({ message }) => message).join("; ")}`);
}

/** The returned function ends the measurement: for how long at most the event loop was late for a timer. */
function longestStall(): () => number {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last - BEAT_MS);
    last = performance.now();
  }, BEAT_MS);
  return () => {
    clearInterval(timer);
    return longest;
  };
}

/** What one subject took once, in milliseconds. */
interface Round {
  readonly program: number;
  readonly idle?: number;
  readonly weigh: number;
}

function row(name: string, rounds: readonly Round[], more = ""): void {
  const idle = rounds.flatMap(({ idle = [] }) => idle);
  const words = [
    `from nothing ${spread(rounds.map(({ program }) => program))}`,
    ...(idle.length === 0 ? [] : [`nothing changed ${spread(idle)}`]),
    `one weight ${spread(rounds.map(({ weigh }) => weigh))}`,
  ];
  print(`   ${name.padEnd(WIDTH)} ${words.join(", ")}${more}`);
}

/** The one in the middle, and the first, for which nothing was compiled yet. */
function spread(values: readonly number[]): string {
  if (values.length === 1) return seconds(median(values));
  return `${seconds(median(values))} (at first ${seconds(values[0] ?? NaN)})`;
}

function seconds(ms: number): string {
  return ms < 1_000 ? `${ms.toFixed(1)} ms` : `${(ms / 1_000).toFixed(2)} s`;
}

function number(value: number): string {
  return value.toLocaleString("en");
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
