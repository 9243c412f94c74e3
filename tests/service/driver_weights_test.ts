// The driver of services with checked destinations: what is handed over when weights change in swarms, and what a kernel
// that says nothing new costs.
import assert from "node:assert/strict";
import { EVERYTHING } from "../../src/kernel/kernel.ts";
import type { ActualKernel, DesiredKernel } from "../../src/kernel/state.ts";
import { ServiceDriver } from "../../src/service/driver.ts";
import { Announced } from "../support/announced.ts";
import { address } from "../support/bgp.ts";
import { serviceConfig } from "../support/config.ts";
import { madeKernel } from "../support/made_kernel.ts";
import { checkedPort, placeOf } from "../support/ports.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

class Scene implements Disposable {
  readonly clock = new VirtualClock();
  readonly programmed: DesiredKernel[] = [];
  readonly #speaker = new Announced();
  announced: readonly string[] = [];
  readonly driver: ServiceDriver;

  constructor(count: number) {
    const services = Array.from({ length: count }, (_, index) => {
      const name = `s${index}`;
      const addresses = [address(`10.99.${index >> 8}.${index & 255}`)];
      return {
        config: serviceConfig({ name, interface: name, addresses, ports: [checkedPort()] }),
        checks: [],
      };
    });
    this.driver = new ServiceDriver({
      services,
      managed: EVERYTHING,
      clock: this.clock,
      announce: (routes) => void (this.announced = this.#speaker.set(routes)),
      program: (desired) => void this.programmed.push(desired),
      told: () => Promise.resolve(),
      onTransition: () => {},
      onFault: (cause) => assert.fail(cause),
    });
  }

  /** A check of destination 10.0.0.`last` of each service. */
  say(last: number, verdict: "healthy" | "unhealthy"): void {
    for (const { config: { name } } of this.driver.states) {
      this.driver.destinations(new Map([[name, [placeOf(last)]]]), {
        verdict,
        cause: "seen",
        weight: undefined,
      });
    }
  }

  /** What the kernel has that was given what is wanted now. */
  read(activeConnections = 0): ActualKernel {
    return madeKernel(this.driver.desiredKernel, activeConnections);
  }

  [Symbol.dispose](): void {
    this.driver[Symbol.dispose]();
    assert.equal(this.clock.pending, 0, "a timer is left");
  }
}

Deno.test("weights that change in swarms are handed over at once, and then together once in 20 ms", async () => {
  const at = new Scene(50);
  using _at = at;
  at.say(1, "healthy");
  assert.equal(at.programmed.length, 1);
  await at.clock.advance(19);
  assert.equal(at.programmed.length, 1);
  await at.clock.advance(1);
  assert.equal(at.programmed.length, 2);
  const weights = at.programmed[1]?.virtualServices.map(({ destinations }) =>
    destinations.map(({ weight }) => weight)
  );
  assert.deepEqual(weights, Array.from({ length: 50 }, () => [1, 0]));
});

Deno.test("a kernel that says nothing new steps no service, and one with other counts of connections decides nothing", () => {
  const at = new Scene(3);
  using _at = at;
  at.say(1, "healthy");
  at.driver.kernel(at.read());
  assert.equal(at.announced.length, 3);
  const before = at.driver.states;
  at.driver.kernel(at.read());
  assert.ok(at.driver.states.every((state, index) => state === before[index]), "the very same states");
  at.driver.kernel(at.read(7));
  for (const [index, state] of at.driver.states.entries()) {
    assert.equal(state.routes, before[index]?.routes);
    assert.equal(state.actual?.virtualServices[0]?.destinations[0]?.activeConnections, 7);
  }
});

Deno.test("a kernel that is another one for hundreds of services is seen by all of them, some in each turn", async () => {
  const at = new Scene(350);
  using _at = at;
  at.say(1, "healthy");
  at.driver.kernel(at.read());
  assert.deepEqual([at.announced.length, at.driver.looksOn], [100, true]);
  await at.clock.advance(1);
  assert.deepEqual([at.announced.length, at.driver.looksOn], [350, false]);
  at.driver.kernel({ ...at.read(), virtualServices: [] });
  assert.equal(at.announced.length, 250);
  await at.clock.advance(1);
  assert.equal(at.announced.length, 0);
});
