/**
 * What the reconciler itself costs and how long it holds the event loop, on a kernel in memory that answers at once: 1,000
 * services of 10 destinations each made, looked at with nothing to do, one weight changed, all virtual services gone.
 * The kernel's objects are the same ones as long as nothing of them changes, or (anew) other ones at each read.
 */
import { Reconciler } from "../../src/kernel/reconciler.ts";
import type { DesiredKernel } from "../../src/kernel/state.ts";
import { addressOf } from "../../src/net/address.ts";
import { systemClock } from "../../src/time/clock.ts";
import { plainDestination, plainService } from "../support/kernel_objects.ts";
import { MemoryKernel } from "./memory_kernel.ts";
import { cpuMs, stall } from "./stall.ts";

const SERVICES = 1000;
const DESTINATIONS = 10;
const PASSES = 50;

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
  const before = cpuMs();
  const idle = await stall(async () => {
    for (let pass = 0; pass < PASSES; pass++) await reconciler.look();
  });
  const idleCpuMs = cpuMs() - before;
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
  console.log(`  CPU of a pass with nothing to do: ${(idleCpuMs / PASSES).toFixed(2)} ms`);
}

/** Everything as new objects; the first destination of the first service has this weight. */
function desired(weight: number): DesiredKernel {
  const numbers = Array.from({ length: SERVICES }, (_, index) => index);
  const addresses = numbers.map((index) => addressOf(Uint8Array.of(10, 99, index >> 8, index & 255)));
  const virtualServices = addresses.map((address, index) =>
    plainService({
      address,
      destinations: Array.from({ length: DESTINATIONS }, (_, last) =>
        plainDestination({
          address: addressOf(Uint8Array.of(10, 0, 0, last + 1)),
          weight: index === 0 && last === 0 ? weight : 1,
        })),
    })
  );
  return {
    interfaces: addresses.map((address, index) => {
      return { name: `s${index}`, service: `s${index}`, addresses: [address] };
    }),
    virtualServices,
    ownedAddresses: addresses,
    ownedFwmarks: [],
  };
}
