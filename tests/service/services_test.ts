// What is known of all services together, and what of the kernel each has seen, against a look at all of them.
import assert from "node:assert/strict";
import { merge } from "../../src/kernel/merge.ts";
import type { ActualKernel } from "../../src/kernel/state.ts";
import { EVERYTHING } from "../../src/kernel/kernel.ts";
import { initialState, nextDeadline, step } from "../../src/service/controller.ts";
import { desiredKernel } from "../../src/service/desired.ts";
import { KernelView } from "../../src/service/kernel_view.ts";
import { draining } from "../../src/service/phase.ts";
import { Services } from "../../src/service/services.ts";
import { slicesOf, spotsOf } from "../../src/service/slices.ts";
import type { ServiceState } from "../../src/service/state.ts";
import { address } from "../support/bgp.ts";
import { serviceConfig } from "../support/config.ts";
import { madeKernel } from "../support/made_kernel.ts";
import { checkedPort } from "../support/ports.ts";
import { seeded } from "../support/random.ts";

const random = seeded(3);
const below = (end: number) => Math.floor(random() * end);

/** Service `s<index>` on any address of its own, in any phase. */
function someState(index: number, moving = true): ServiceState {
  const name = `s${index}`;
  const last = moving ? below(3) : 0;
  const config = serviceConfig({
    name,
    interface: `${name}-${last}`,
    addresses: [address(`10.99.${index}.${last}`)],
    ports: [checkedPort({ fwmark: moving && below(4) === 0 ? index + 1 : 0 })],
  });
  const state = initialState({ config, checks: [] }, EVERYTHING, 0);
  if (!moving || below(2) === 0) return state;
  const drain = { reason: "moved", limits: { shiftMs: below(2) * 5, convergeMs: 5, quiesceMs: 5 } };
  const drained = { ...state, phase: draining(drain, below(9)), removed: below(2) === 0 };
  return step(drained, { type: "time" }, { now: below(30) }).state;
}

Deno.test("Services knows of all of them what a look at all of them gives, after any changes", () => {
  const services = new Services();
  for (let change = 0; change < 1500; change++) {
    const act = below(8);
    if (act === 0) {
      const kept = services.all.filter(() => below(3) > 0);
      const next = [...kept, someState(below(9))].reverse();
      const states = new Map(next.map((state) => [state.config.name, state]));
      const before = new Map(services.byName);
      const changed = services.replace(states);
      const names = new Set([...before.keys(), ...states.keys()]);
      assert.deepEqual(
        new Set(changed),
        new Set([...names].filter((name) => before.get(name) !== states.get(name))),
      );
      assert.deepEqual(services.all, [...states.values()]);
    } else if (act === 1) services.delete(`s${below(9)}`);
    else services.set(someState(below(9)));
    const { all } = services;
    assert.deepEqual(all.map(({ config }) => config.name), [...services.byName.keys()]);
    assert.equal(services.nextMs, Math.min(...all.map((state) => nextDeadline(state) ?? Infinity)));
    assert.equal(services.has("up"), all.some(({ phase }) => phase.name !== "down"));
    assert.equal(services.has("quiescing"), all.some(({ phase }) => phase.name === "quiescing"));
    assert.deepEqual(
      new Set(services.having("gone")),
      new Set(all.filter(({ removed, phase }) => removed && phase.name === "down")),
    );
    assert.deepEqual(services.kernel, merge([desiredKernel(all)]));
    const spots = new Set(all.flatMap(({ config }) => spotsOf(config)));
    for (const spot of spots) {
      const there = all.filter(({ config }) => spotsOf(config).includes(spot));
      assert.deepEqual(services.at(spot), new Set(there.map(({ config }) => config.name)));
    }
  }
});

Deno.test("KernelView tells each service what is new to it, and looks at no other one where that is one's", () => {
  const services = new Services();
  const view = new KernelView(services);
  for (let index = 0; index < 250; index++) services.set(someState(index, false));
  let actual: ActualKernel = madeKernel(desiredKernel(services.all), 0);
  const tell = (events: ReturnType<KernelView["read"]>): number => {
    for (const [name, event] of events) {
      const state = services.get(name);
      if (state !== undefined) services.set(step(state, event, { now: 0 }).state);
    }
    return events.size;
  };
  assert.equal(tell(view.read(actual, {})), 100, "some in each turn");
  while (!view.isSeen) tell(view.next());
  assert.equal(view.read({ ...actual }, {}).size, 0);
  for (let change = 0; change < 60; change++) {
    const [link, service] = [below(250), below(250)];
    const without = below(5);
    actual = {
      interfaces: actual.interfaces.flatMap((each, index) =>
        index !== link ? [each] : without === 0 ? [] : [{ ...each, up: !each.up }]
      ),
      virtualServices: actual.virtualServices.flatMap((each, index) =>
        index !== service ? [each] : without === 1 ? [] : [{ ...each, timeoutSeconds: change }]
      ),
    };
    const before = services.all;
    const told = tell(view.read(actual, {}));
    while (!view.isSeen) tell(view.next());
    assert.ok(told <= 2, `${told} were told`);
    const changed = services.all.filter((state, index) => state !== before[index]);
    assert.ok(changed.length <= 2);
    const sliceOf = slicesOf(actual);
    for (const { config, actual: seen } of services.all) assert.deepEqual(seen, sliceOf(config));
  }
});
