/** What is coming beside what is there. */
import assert from "node:assert/strict";
import { beside, NOTHING } from "../../src/kernel/merge.ts";
import type { DesiredKernel } from "../../src/kernel/state.ts";
import { address } from "../support/bgp.ts";
import { plainDestination, plainService } from "../support/kernel_objects.ts";

function kernel(weights: Readonly<Record<string, number>>): DesiredKernel {
  const destinations = Object.entries(weights).map(([last, weight]) =>
    plainDestination({ address: address(`10.0.0.${last}`), weight })
  );
  return { ...NOTHING, virtualServices: [plainService({ destinations })] };
}

function weightsOf({ virtualServices }: DesiredKernel): Readonly<Record<string, number>> {
  const destinations = virtualServices.flatMap((service) => service.destinations);
  return Object.fromEntries(
    destinations.map(({ address, weight }) => [address.text.split(".")[3] ?? "", weight]),
  );
}

Deno.test("beside() makes what is coming, and nothing loses its weight for it before routes have gone over", () => {
  assert.deepEqual(weightsOf(beside(kernel({ 1: 0, 2: 5, 3: 0 }), kernel({ 1: 40, 2: 1, 4: 2 }))), {
    1: 40,
    2: 5,
    3: 0,
    4: 2,
  });
  const now = kernel({ 1: 0 });
  assert.equal(beside(NOTHING, now), now);
});
