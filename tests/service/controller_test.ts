import assert from "node:assert/strict";
import fc from "fast-check";
import { initialState, type ServiceEvent, serviceVerdict, step } from "../../src/service/controller.ts";
import type { Managed } from "../../src/kernel/kernel.ts";
import { type ActualKernel, interfaceMark } from "../../src/kernel/state.ts";
import { desiredKernel, desiredRoutes } from "../../src/service/desired.ts";
import { address } from "../support/bgp.ts";
import { config, serviceConfig } from "../support/config.ts";

const all: Managed = { interfaces: true, ipvs: true };
const vip = "10.99.0.1";

/** The virtual services of `web` as the kernel shows them. */
function virtualServices(quiesced: readonly string[] = []): ActualKernel["virtualServices"] {
  return desiredKernel(config(), new Set(quiesced)).virtualServices.map((service) => ({
    ...service,
    destinations: service.destinations.map((destination) => ({ ...destination, activeConnections: 0 })),
  }));
}

/** A kernel that has all that `web` needs. */
function kernel(overrides: Partial<ActualKernel> = {}): ActualKernel {
  return {
    interfaces: [{
      index: 7,
      name: "web",
      kind: "dummy",
      alias: interfaceMark("web"),
      up: true,
      addresses: [{ address: address(vip), prefixLength: 32, deprecated: true }],
    }],
    virtualServices: virtualServices(),
    ...overrides,
  };
}

const healthy: ServiceEvent = { type: "verdict", check: "http-1", verdict: "healthy", cause: "status 200" };

function run(events: readonly ServiceEvent[], managed = all, service = serviceConfig(), checks = ["http-1"]) {
  let state = initialState(service, managed, checks, 0);
  const transitions = events.map((event, index) => {
    const result = step(state, event, { now: index + 1 });
    state = result.state;
    return result.transitions;
  });
  return { state, transitions };
}

Deno.test("step() announces only when health and kernel both allow it, in either order (DESIGN Gate chain)", () => {
  const read: ServiceEvent = { type: "kernel", actual: kernel() };
  for (const events of [[healthy, read], [read, healthy]]) {
    const { state, transitions } = run(events);
    assert.equal(transitions[0]?.length, 0);
    assert.deepEqual(transitions[1]?.map(({ announce }) => announce), [true]);
    assert.deepEqual(desiredRoutes([state]).map(({ prefix }) => prefix.text), ["10.99.0.1/32"]);
    assert.equal(state.routes.get(vip)?.sinceMs, 2);
  }
});

Deno.test("step() says which gate is shut and why", () => {
  const rows: readonly (readonly [ActualKernel, RegExp])[] = [
    [kernel({ interfaces: [] }), /interface web does not exist/],
    [
      kernel({ interfaces: kernel().interfaces.map((link) => ({ ...link, up: false })) }),
      /interface web is down/,
    ],
    [kernel({ interfaces: kernel().interfaces.map((link) => ({ ...link, alias: "mine" })) }), /is not ours/],
    [
      kernel({ interfaces: kernel().interfaces.map((link) => ({ ...link, addresses: [] })) }),
      /is not on interface/,
    ],
    [kernel({ virtualServices: [] }), /virtual service tcp 10\.99\.0\.1:80 does not exist/],
    [
      kernel({ virtualServices: virtualServices(["web"]) }),
      /has no destination of weight/,
    ],
  ];
  for (const [actual, reason] of rows) {
    const { state, transitions } = run([healthy, { type: "kernel", actual: kernel() }, {
      type: "kernel",
      actual,
    }]);
    assert.deepEqual(transitions[2]?.map(({ announce }) => announce), [false], String(reason));
    assert.match(transitions[2]?.[0]?.cause ?? "", reason);
    assert.match(state.routes.get(vip)?.gates.find((gate) => !gate.open)?.reason ?? "", reason);
    assert.deepEqual(desiredRoutes([state]), []);
  }
});

Deno.test("step() without managed kernel objects asks only for health", () => {
  const { state } = run([healthy], { interfaces: false, ipvs: false });
  assert.equal(desiredRoutes([state]).length, 1);
});

Deno.test("step() keeps a route as one object over its decisions, so that what did not change shows", () => {
  const first = run([healthy], { interfaces: false, ipvs: false }).state;
  const flap = { type: "verdict", check: "http-1", verdict: "unhealthy", cause: "refused" } as const;
  const withdrawn = step(first, flap, { now: 5 }).state;
  assert.deepEqual(desiredRoutes([withdrawn]), []);
  const [again] = desiredRoutes([step(withdrawn, healthy, { now: 6 }).state]);
  assert.equal(again, desiredRoutes([first])[0]);
});

Deno.test("step() never announces a disabled or a stopping service", () => {
  const read: ServiceEvent = { type: "kernel", actual: kernel() };
  assert.deepEqual(desiredRoutes([run([healthy, read], all, serviceConfig({ enabled: false })).state]), []);
  const { state, transitions } = run([healthy, read, { type: "stop" }, healthy, read]);
  assert.deepEqual(transitions[2]?.map(({ announce, cause }) => ({ announce, cause })), [
    { announce: false, cause: "stopping" },
  ]);
  assert.deepEqual(desiredRoutes([state]), []);
});

Deno.test("step() decides for each address of a service alone", () => {
  const service = serviceConfig({ addresses: [address(vip), address("10.99.0.2")], ports: [] });
  const { state } = run([healthy, { type: "kernel", actual: kernel() }], all, service);
  assert.deepEqual(desiredRoutes([state]).map(({ prefix }) => prefix.text), ["10.99.0.1/32"]);
});

Deno.test("serviceVerdict() is the worst of all checks; none means healthy (CONTRACT checks)", () => {
  const of = (...verdicts: ("healthy" | "unhealthy" | "unknown")[]) =>
    serviceVerdict(new Map(verdicts.map((verdict, index) => [`c${index}`, { verdict, cause: "x" }]))).verdict;
  assert.equal(of(), "healthy");
  assert.equal(of("healthy", "healthy"), "healthy");
  assert.equal(of("healthy", "unknown"), "unknown");
  assert.equal(of("unknown", "unhealthy", "healthy"), "unhealthy");
});

Deno.test("step() announces exactly when the last facts say so, whatever came before", () => {
  const event = fc.oneof(
    fc.constantFrom("healthy", "unhealthy", "unknown").map((verdict): ServiceEvent => ({
      type: "verdict",
      check: "http-1",
      verdict,
      cause: "x",
    })),
    fc.boolean().map((whole): ServiceEvent => ({
      type: "kernel",
      actual: whole ? kernel() : kernel({ virtualServices: [] }),
    })),
    fc.constant<ServiceEvent>({ type: "stop" }),
  );
  fc.assert(
    fc.property(fc.array(event), (events) => {
      const { state, transitions } = run(events);
      const last = events.findLast((candidate) => candidate.type === "verdict");
      const read = events.findLast((candidate) => candidate.type === "kernel");
      const expected = last?.verdict === "healthy" && (read?.actual.virtualServices.length ?? 0) > 0 &&
        !events.some(({ type }) => type === "stop");
      assert.equal(desiredRoutes([state]).length, expected ? 1 : 0);
      const flips = transitions.flat().map(({ announce }) => announce);
      assert.ok(flips.every((announce, index) => announce === (index % 2 === 0)), "transitions alternate");
    }),
    { seed: 4271 },
  );
});
