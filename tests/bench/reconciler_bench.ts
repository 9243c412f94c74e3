/**
 * What the reconciler itself costs and how long it holds the event loop, on a kernel in memory that answers at once: 1,000
 * services of 10 destinations each made, looked at with nothing to do, one weight changed, all virtual services gone.
 * The kernel's objects are the same ones as long as nothing of them changes, or (anew) other ones at each read.
 */
import process from "node:process";
import type { Change } from "../../src/kernel/change.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import { Reconciler } from "../../src/kernel/reconciler.ts";
import {
  type ActualInterface,
  type ActualVirtualService,
  ADDRESS_AS_SET,
  type DesiredKernel,
  destinationKey,
  INTERFACE_AS_MADE,
  interfaceMark,
  type VirtualService,
  virtualServiceKey,
} from "../../src/kernel/state.ts";
import { addressOf } from "../../src/net/address.ts";
import { sleep, systemClock } from "../../src/time/clock.ts";
import { BY_ADDRESS, PLAIN } from "../support/kernel_objects.ts";

const SERVICES = 1000;
const DESTINATIONS = 10;
const PASSES = 50;
const TIMER_MS = 5;
const SLICE_MS = 5;

/** Holds what it is told to, and gives it back. */
class MemoryKernel implements Kernel {
  readonly #links = new Map<string, ActualInterface>();
  readonly #services = new Map<string, ActualVirtualService>();

  constructor(readonly isAnew: boolean) {}

  async read() {
    await sleep(systemClock);
    const { isAnew } = this;
    const interfaces = [...this.#links.values()];
    const virtualServices = [...this.#services.values()];
    return {
      interfaces: isAnew ? interfaces.map((link) => ({ ...link })) : interfaces,
      virtualServices: isAnew ? virtualServices.map((service) => ({ ...service })) : virtualServices,
    };
  }

  async apply(changes: readonly Change[]) {
    let endMs = systemClock.now() + SLICE_MS;
    for (const change of changes) {
      this.#make(change);
      if (systemClock.now() < endMs) continue;
      await sleep(systemClock);
      endMs = systemClock.now() + SLICE_MS;
    }
    return changes.map(() => undefined);
  }

  watch = () => ({ [Symbol.dispose]() {} });
  probe = () => Promise.resolve([]);
  [Symbol.dispose]() {}

  /** `ipvsadm -C`. */
  clear(): void {
    this.#services.clear();
  }

  #make(change: Change): void {
    switch (change.type) {
      case "create-interface": {
        const { name, service } = change;
        const index = this.#links.size + 2;
        const link = { ...INTERFACE_AS_MADE, index, name, alias: interfaceMark(service), addresses: [] };
        return void this.#links.set(name, link);
      }
      case "add-address": {
        const link = this.#links.get(change.interface);
        if (link === undefined) return;
        const { address } = change;
        const added = { address, prefixLength: address.bytes.byteLength * 8, ...ADDRESS_AS_SET };
        return void this.#links.set(link.name, { ...link, addresses: [...link.addresses, added] });
      }
      case "create-service": {
        const { service } = change;
        return void this.#services.set(virtualServiceKey(service), { ...service, destinations: [] });
      }
      case "create-destination":
      case "set-destination": {
        const key = virtualServiceKey(change.service);
        const service = this.#services.get(key);
        if (service === undefined) return;
        const own = destinationKey(change.destination);
        const others = service.destinations.filter((each) => destinationKey(each) !== own);
        const added = { ...change.destination, activeConnections: 0, inactiveConnections: 0 };
        return void this.#services.set(key, { ...service, destinations: [...others, added] });
      }
      default:
        throw new Error(`${change.type} is not what this is about`);
    }
  }
}

const NAMES: Readonly<Record<string, string>> = {
  made: "made from nothing",
  idle: `${PASSES} passes with nothing to do`,
  weight: "one weight changed, everything wanted anew",
  cleared: "all virtual services gone",
};

for (const isAnew of [false, true]) await measure(isAnew);

async function measure(isAnew: boolean): Promise<void> {
  const kernel = new MemoryKernel(isAnew);
  const reconciler = new Reconciler({
    kernel,
    clock: systemClock,
    onReport: () => {},
    onFault: console.error,
  });
  const [first, second] = [desired(1), desired(2)];
  const made = await stall(() => reconciler.want(first));
  const before = process.cpuUsage();
  const idle = await stall(async () => {
    for (let pass = 0; pass < PASSES; pass++) await reconciler.look();
  });
  const { user, system } = process.cpuUsage(before);
  const weight = await stall(() => reconciler.want(second));
  kernel.clear();
  const cleared = await stall(() => reconciler.look());
  await reconciler.dispose();
  console.log(
    `${SERVICES} services x ${DESTINATIONS} destinations, ${isAnew ? "objects read anew" : "objects kept"}:`,
  );
  for (const [what, { longestMs, longestCpuMs, tookMs }] of Object.entries({ made, idle, weight, cleared })) {
    console.log(
      `  ${NAMES[what] ?? what}: ${tookMs.toFixed(0)} ms, event loop late by ${
        longestMs.toFixed(1)
      } ms at most, for ${longestCpuMs.toFixed(1)} ms of CPU`,
    );
  }
  console.log(`  CPU of a pass with nothing to do: ${((user + system) / 1000 / PASSES).toFixed(2)} ms`);
}

/** User and system time of this process so far. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

interface Stall {
  readonly tookMs: number;
  /** By how much a timer of 5 ms was late. */
  readonly longestMs: number;
  /** CPU time between two of its ticks: what it comes to where nobody else uses the machine. */
  readonly longestCpuMs: number;
}

/** How long it took, and for how long the event loop stood still meanwhile. */
async function stall(
  run: () => Promise<unknown>,
): Promise<Stall> {
  await sleep(systemClock, TIMER_MS);
  let [longestMs, longestCpuMs] = [0, 0];
  let [lastMs, lastCpuMs] = [performance.now(), cpuMs()];
  const look = () => {
    longestMs = Math.max(longestMs, performance.now() - lastMs - TIMER_MS);
    longestCpuMs = Math.max(longestCpuMs, cpuMs() - lastCpuMs);
    [lastMs, lastCpuMs] = [performance.now(), cpuMs()];
  };
  const timer = setInterval(look, TIMER_MS);
  const beginMs = performance.now();
  await run();
  const tookMs = performance.now() - beginMs;
  look();
  clearInterval(timer);
  return { longestMs, longestCpuMs, tookMs };
}

/** Everything as new objects; the first destination of the first service has this weight. */
function desired(weight: number): DesiredKernel {
  const numbers = Array.from({ length: SERVICES }, (_, index) => index);
  const addresses = numbers.map((index) => addressOf(Uint8Array.of(10, 99, index >> 8, index & 255)));
  const virtualServices = addresses.map((address, index): VirtualService => ({
    protocol: "tcp",
    address,
    port: 80,
    ...BY_ADDRESS,
    scheduler: "rr",
    flags: 0,
    timeoutSeconds: 0,
    netmask: 32,
    destinations: Array.from({ length: DESTINATIONS }, (_, last) => ({
      address: addressOf(Uint8Array.of(10, 0, 0, last + 1)),
      port: 8080,
      weight: index === 0 && last === 0 ? weight : 1,
      forwarding: "masq",
      ...PLAIN,
    })),
  }));
  return {
    interfaces: addresses.map((address, index) => {
      return { name: `s${index}`, service: `s${index}`, addresses: [address] };
    }),
    virtualServices,
    ownedAddresses: addresses,
    ownedFwmarks: [],
  };
}
