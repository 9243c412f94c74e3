// planStart(): what a start would do on a host, against what is then done.
import assert from "node:assert/strict";
import { planStart } from "../../src/agent/plan_start.ts";
import type { Config } from "../../src/config/config.ts";
import { EVERYTHING } from "../../src/kernel/kernel.ts";
import { Reconciler } from "../../src/kernel/reconciler.ts";
import { initialState } from "../../src/service/controller.ts";
import { desiredKernel } from "../../src/service/desired.ts";
import { address } from "../support/bgp.ts";
import { config, httpCheckConfig, serviceConfig } from "../support/config.ts";
import { noFault } from "../support/events.ts";
import { FakeKernel } from "../support/fake_kernel.ts";
import { checkedPort } from "../support/ports.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { CONTENTION } from "../support/config.ts";

/** Of an earlier run. */
const OLD = [address("10.99.0.1"), address("10.99.0.8")];

const MADE = [
  "create dummy interface web",
  "add address 10.99.0.1/32 to web",
  "create virtual service tcp 10.99.0.1:80 rr",
  "add destination 10.0.0.1:8080 (masq, weight 1) to tcp 10.99.0.1:80",
];

function announceOnly(checks: boolean): Config {
  return config({
    network: { setup: false, ipvs: false, contention: CONTENTION },
    services: [serviceConfig({ ports: [], checks: checks ? [httpCheckConfig()] : [] })],
  });
}

Deno.test("planStart() on an empty host makes everything, then announces; it changes nothing itself", async () => {
  const kernel = new FakeKernel();
  assert.deepEqual(await planStart(config(), { kernel }), {
    action: "start",
    changes: [],
    sessions: [
      { peer: "r1", address: "10.0.0.254", consequence: "established anew", why: "the agent starts" },
    ],
    routes: {
      announced: [
        { prefix: "10.99.0.1/32", service: "web", to: { localPreference: 100 }, when: "in order" },
      ],
      changed: [],
      withdrawn: [],
    },
    kernel: [{ step: 1, stage: "made before anything is announced", changes: MADE }],
    restart: [],
    warnings: [],
  });
  assert.deepEqual(kernel.made, []);
});

Deno.test("planStart() adopts what is right, and tells apart what is left of an earlier run", async () => {
  const kernel = new FakeKernel();
  kernel.addLink("old", "dummy", "bgp-lb:old");
  const { kernel: stages } = await planStart(config(), { kernel });
  assert.deepEqual(stages.map(({ step, changes }) => [step, changes]), [
    [1, MADE],
    [2, ["delete interface old"]],
  ]);
});

Deno.test("planStart() says what would be in the way, and what cannot be known", async () => {
  const kernel = new FakeKernel();
  kernel.addLink("web", "veth");
  assert.match((await planStart(config(), { kernel })).warnings.join("\n"), /ip link delete dev web/);
  const blind = await planStart(config(), { problem: "needs --allow-ffi" });
  assert.deepEqual(blind.kernel, []);
  assert.deepEqual(blind.warnings, ["what changes in the kernel cannot be known: needs --allow-ffi"]);
});

Deno.test("planStart() of an agent that only announces is no matter of the kernel", async () => {
  const plan = await planStart(announceOnly(false), { kernel: undefined });
  assert.deepEqual([plan.kernel, plan.warnings], [[], []]);
  assert.deepEqual(plan.routes.announced.map(({ when }) => when), ["at once"]);
  const checked = await planStart(announceOnly(true), { kernel: undefined });
  assert.deepEqual(checked.routes.announced.map(({ when }) => when), ["when healthy"]);
});

Deno.test("planStart() foretells the changes of the reconciler's first run, and none for the second", async () => {
  const managed = { interfaces: true, ipvs: true };
  const services = [
    serviceConfig({ checks: [httpCheckConfig()] }),
    serviceConfig({
      name: "six",
      interface: "six",
      addresses: [address("2001:db8::9"), address("10.99.0.9")],
      ports: [],
    }),
  ];
  const old = desiredKernel([
    initialState({ config: serviceConfig({ addresses: OLD }), checks: [] }, managed, 0),
  ]);
  const next = config({ services });
  const kernel = new FakeKernel();
  await using reconciler = new Reconciler({
    kernel,
    clock: new VirtualClock(),
    onReport: () => {},
    onFault: noFault,
  });
  await reconciler.want(old);
  const before = kernel.made.length;
  const foretold = (await planStart(next, { kernel })).kernel;
  await reconciler.want(
    desiredKernel(services.map((service) => initialState({ config: service, checks: [] }, managed, 0))),
  );
  assert.deepEqual(foretold.flatMap(({ changes }) => changes), kernel.made.slice(before));
  assert.equal(foretold.length, 2);
  assert.deepEqual((await planStart(next, { kernel })).kernel, []);
});

Deno.test("planStart() leaves the weights of destinations without a verdict as the kernel has them", async () => {
  const kernel = new FakeKernel();
  const running = config({ services: [serviceConfig({ ports: [checkedPort()] })] });
  const states = running.services.map((service) =>
    initialState({ config: service, checks: [] }, EVERYTHING, 0)
  );
  const desired = desiredKernel(states);
  const virtualServices = desired.virtualServices.map((service) => ({
    ...service,
    destinations: service.destinations.map((each, index) => ({ ...each, weight: index })),
  }));
  const clock = new VirtualClock();
  const reconciler = new Reconciler({ kernel, clock, onReport: () => {}, onFault: noFault });
  await using _reconciler = reconciler;
  await reconciler.want({ ...desired, virtualServices });
  assert.deepEqual((await planStart(running, { kernel })).kernel, []);
});
