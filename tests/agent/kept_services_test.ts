// Reloads: services that mean the same are the same objects, so that whoever goes over sees at once what stays.
import assert from "node:assert/strict";
import { Reloads } from "../../src/agent/reloads.ts";
import type { Config } from "../../src/config/config.ts";
import { EventStream } from "../../src/events/stream.ts";
import { initialState, reconfigured } from "../../src/service/controller.ts";
import { NOTHING } from "../../src/kernel/merge.ts";
import { desiredKernel } from "../../src/service/desired.ts";
import { leavings } from "../../src/service/leaving.ts";
import { reconfiguration } from "../../src/service/reconfiguration.ts";
import { address } from "../support/bgp.ts";
import { config, serviceConfig } from "../support/config.ts";
import { madeKernel } from "../support/made_kernel.ts";
import { checkedDestination, checkedPort } from "../support/ports.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

function configuration(med: number): Config {
  const { announce } = serviceConfig();
  return config({
    services: [
      serviceConfig({ announce: { ...announce, med } }),
      serviceConfig({ name: "other", interface: "other", addresses: [address("10.99.0.2")] }),
    ],
  });
}

Deno.test("a reload goes over to a configuration whose unchanged services are the very ones that run", async () => {
  const clock = new VirtualClock();
  let running = configuration(1);
  const old = running;
  const applied: Config[] = [];
  const reloads = new Reloads({
    clock,
    events: new EventStream(clock),
    running: () => running,
    load: () => ({ ok: true, config: configuration(2), warnings: [] }),
    refuse: () => Promise.resolve([]),
    make: () => Promise.resolve([]),
    apply(next) {
      applied.push(next);
      running = next;
      return [];
    },
    busy: () => undefined,
  });
  using _reloads = reloads;
  const reloading = reloads.reload(0);
  await clock.advance(100);
  const answer = await reloading;
  assert.equal(answer.result, "applied");
  assert.equal(applied[0]?.services[0]?.announce.med, 2);
  assert.equal(applied[0]?.services[1], old.services[1]);
});

Deno.test("reconfigured() with the very configuration that runs keeps ports and virtual services as they are", () => {
  const entry = { config: serviceConfig(), checks: [] };
  const before = initialState(entry, { interfaces: true, ipvs: true }, 0);
  const after = reconfigured(before, entry, { now: 1 });
  assert.equal(after.ports, before.ports);
  assert.equal(after.weights.virtualServices, before.weights.virtualServices);
});

Deno.test("reconfiguration() leaves a service as it is that runs with the very same configuration, and no other", () => {
  const managed = { interfaces: true, ipvs: true };
  const before = initialState({ config: serviceConfig(), checks: [] }, managed, 0);
  const running = { states: new Map([["web", before]]), leaving: [], actual: undefined, isBlind: false };
  const goOver = (config: Config["services"][number]) => {
    const env = { managed, reason: "removed", now: 1 };
    return reconfiguration(running, [{ config, checks: [] }], env).states.get("web");
  };
  assert.equal(goOver(before.config), before);
  assert.equal(goOver({ ...before.config, enabled: false })?.config.enabled, false);
});

Deno.test("a service that comes while what it needs is on its way out has the weights that are there, until its checks speak (found by simulation)", () => {
  const managed = { interfaces: true, ipvs: true };
  const ports = [checkedPort({ destinations: [checkedDestination(1), checkedDestination(2)] })];
  const config = serviceConfig({ ports });
  const before = initialState(
    {
      config: serviceConfig({
        ports: [checkedPort({ destinations: [checkedDestination(1, { checks: [] })] })],
      }),
      checks: [],
    },
    managed,
    0,
  );
  const objects = desiredKernel([before]);
  const leaving = leavings(objects, NOTHING, {
    reason: "not wanted",
    limits: () => config.stop,
    told: () => ({ by: "end-of-rib", untilMs: 5000 }),
    managed,
  }, 0);
  const come = (gone: typeof leaving) => {
    const running = { states: new Map(), leaving: gone, actual: madeKernel(objects), isBlind: false };
    const env = { managed, reason: "removed", now: 1 };
    const state = reconfiguration(running, [{ config, checks: [] }], env).states.get("web");
    return state?.weights.virtualServices[0]?.destinations.map(({ weight }) => weight);
  };
  assert.deepEqual(come(leaving), [1, 0]);
  const bare = { states: new Map(), leaving: [], actual: madeKernel(NOTHING), isBlind: false };
  const state = reconfiguration(bare, [{ config, checks: [] }], { managed, reason: "", now: 1 }).states.get(
    "web",
  );
  assert.deepEqual(state?.weights.virtualServices[0]?.destinations.map(({ weight }) => weight), [0, 0]);
  // The port alone comes back to a service that is there all the while.
  const without = initialState({ config: serviceConfig({ ports: [] }), checks: [] }, managed, 0);
  const running = {
    states: new Map([["web", without]]),
    leaving,
    actual: madeKernel(objects),
    isBlind: false,
  };
  const back = reconfiguration(running, [{ config, checks: [] }], { managed, reason: "", now: 1 }).states.get(
    "web",
  );
  assert.deepEqual(back?.weights.virtualServices[0]?.destinations.map(({ weight }) => weight), [1, 0]);
});
