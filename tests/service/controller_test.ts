import assert from "node:assert/strict";
import fc from "fast-check";
import {
  initialState,
  nextDeadline,
  reconfigured,
  type ServiceEvent,
  type ServiceTransition,
  step,
} from "../../src/service/controller.ts";
import type { ServiceState } from "../../src/service/state.ts";
import { serviceVerdict } from "../../src/service/gates.ts";
import type { Managed } from "../../src/kernel/kernel.ts";
import {
  type ActualAddress,
  type ActualInterface,
  type ActualKernel,
  ADDRESS_AS_SET,
  INTERFACE_AS_MADE,
  interfaceMark,
} from "../../src/kernel/state.ts";
import { desiredKernel, desiredRoutes } from "../../src/service/desired.ts";
import { address } from "../support/bgp.ts";
import { serviceConfig } from "../support/config.ts";

const all: Managed = { interfaces: true, ipvs: true };
const vip = "10.99.0.1";

/** The virtual services of `web` as the kernel shows them. */
function virtualServices(weight = 1, activeConnections = 0): ActualKernel["virtualServices"] {
  return desiredKernel([initialState({ config: serviceConfig(), checks: [] }, all, 0)]).virtualServices.map((
    service,
  ) => ({
    ...service,
    destinations: service.destinations.map((destination) => ({
      ...destination,
      weight,
      activeConnections,
      inactiveConnections: 0,
    })),
  }));
}

/** Whether a route is announced or withdrawn, and why, of each such transition. */
function routesOf(transitions: readonly ServiceTransition[] | undefined) {
  return (transitions ?? []).flatMap((transition) => {
    if (transition.type !== "route") return [];
    return [{ announce: transition.announce, cause: transition.cause }];
  });
}

/** A kernel that has all that `web` needs. */
function kernel(overrides: Partial<ActualKernel> = {}): ActualKernel {
  return {
    interfaces: [{
      index: 7,
      name: "web",
      ...INTERFACE_AS_MADE,
      alias: interfaceMark("web"),
      addresses: [{ address: address(vip), prefixLength: 32, ...ADDRESS_AS_SET }],
    }],
    virtualServices: virtualServices(),
    ...overrides,
  };
}

/** The same with something else of the interface. */
function linked(overrides: Partial<ActualInterface>): ActualKernel {
  return kernel({ interfaces: kernel().interfaces.map((link) => ({ ...link, ...overrides })) });
}

/** The same with something else of the address. */
function placed(overrides: Partial<ActualAddress>): ActualKernel {
  return linked({
    addresses: [{ address: address(vip), prefixLength: 32, ...ADDRESS_AS_SET, ...overrides }],
  });
}

const healthy: ServiceEvent = { type: "verdict", check: "http-1", verdict: "healthy", cause: "status 200" };

function run(events: readonly ServiceEvent[], managed = all, service = serviceConfig(), checks = ["http-1"]) {
  let state = initialState({ config: service, checks }, managed, 0);
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
    assert.deepEqual(routesOf(transitions[1]).map(({ announce }) => announce), [true]);
    assert.deepEqual(desiredRoutes([state]).map(({ prefix }) => prefix.text), ["10.99.0.1/32"]);
    assert.equal(state.routes.get(vip)?.sinceMs, 2);
  }
});

Deno.test("step() says which gate is shut and why", () => {
  const rows: readonly (readonly [ActualKernel, RegExp])[] = [
    [kernel({ interfaces: [] }), /interface web does not exist/],
    [
      linked({ up: false }),
      /interface web is down/,
    ],
    [linked({ alias: "mine" }), /is not ours/],
    [linked({ addresses: [] }), /is not on interface/],
    [linked({ master: "red" }), /interface web is part of master red/],
    [placed({ prefixLength: 24 }), /is on interface web with length 24 alone/],
    [placed({ localRoute: false }), /address 10\.99\.0\.1 has no local route/],
    [placed({ localRoute: false, duplicateDetection: "running" }), /is tentative/],
    [placed({ localRoute: false, duplicateDetection: "failed" }), /taken for a duplicate/],
    [kernel({ virtualServices: [] }), /virtual service tcp 10\.99\.0\.1:80 does not exist/],
    [
      kernel({ virtualServices: virtualServices(0) }),
      /has no destination of weight/,
    ],
  ];
  for (const [actual, reason] of rows) {
    const { state, transitions } = run([healthy, { type: "kernel", actual: kernel() }, {
      type: "kernel",
      actual,
    }]);
    assert.deepEqual(routesOf(transitions[2]).map(({ announce }) => announce), [false], String(reason));
    assert.match(transitions[2]?.[0]?.cause ?? "", reason);
    assert.match(state.routes.get(vip)?.gates.find((gate) => !gate.open)?.reason ?? "", reason);
    assert.deepEqual(desiredRoutes([state]), []);
  }
});

Deno.test("step() announces what only looks wrong: lifetimes, scope, carrier, MTU and IPv6 of others keep nobody from it", () => {
  const rows = [
    placed({ deprecated: false, hostScope: false, broadcast: true }),
    linked({ carrier: false, mtu: 576, ipv6: false, group: 0 }),
  ];
  for (const actual of rows) {
    assert.equal(desiredRoutes([run([healthy, { type: "kernel", actual }]).state]).length, 1);
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
  const { state, transitions } = run([healthy, read, { type: "drain", reason: "stopping" }, healthy, read]);
  assert.deepEqual(routesOf(transitions[2]), [
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

Deno.test("serviceVerdict() tells the cause of the only check, and of many how many have the worst verdict", () => {
  const causeOf = (...verdicts: ("healthy" | "unhealthy" | "unknown")[]) =>
    serviceVerdict(new Map(verdicts.map((verdict, index) => [`c${index}`, { verdict, cause: "x" }]))).cause;
  assert.equal(causeOf(), "no checks configured");
  assert.equal(causeOf("healthy"), "c0: x");
  assert.equal(causeOf("healthy", "healthy"), "all 2 checks pass");
  assert.equal(causeOf("unhealthy"), "c0: x");
  assert.equal(causeOf("healthy", "unhealthy", "unknown"), "c1: x");
  assert.equal(causeOf("healthy", "unhealthy", "unhealthy"), "2 of 3 checks fail, first c1: x");
  assert.equal(causeOf("healthy", "unknown", "unknown"), "2 of 3 checks have no verdict yet, first c1: x");
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
    fc.constantFrom<ServiceEvent>({ type: "drain", reason: "stopping" }, { type: "undrain" }, {
      type: "told",
    }, {
      type: "time",
    }),
  );
  fc.assert(
    fc.property(fc.array(event), (events) => {
      const { state, transitions } = run(events);
      // Not to know takes nothing from a verdict that was reached.
      const last = events.findLast((each) => each.type === "verdict" && each.verdict !== "unknown");
      const read = events.findLast((candidate) => candidate.type === "kernel");
      const expected = last?.type === "verdict" && last.verdict === "healthy" &&
        (read?.actual?.virtualServices.length ?? 0) > 0 &&
        events.findLast(({ type }) => type === "drain" || type === "undrain")?.type !== "drain";
      assert.equal(desiredRoutes([state]).length, expected ? 1 : 0);
      const flips = routesOf(transitions.flat()).map(({ announce }) => announce);
      assert.ok(flips.every((announce, index) => announce === (index % 2 === 0)), "transitions alternate");
    }),
    { seed: 4271 },
  );
});

/** The phases of a service with a stop of 1 s and 30 s after each event, and the next deadline. */
function phases(
  events: readonly (readonly [nowMs: number, event: ServiceEvent])[],
  service = serviceConfig(),
) {
  let state = initialState({ config: service, checks: ["http-1"] }, all, 0);
  return events.map(([now, event]) => {
    state = step(state, event, { now }).state;
    return [state.phase.name, nextDeadline(state)];
  });
}

const drain: ServiceEvent = { type: "drain", reason: "stopping" };
const told: ServiceEvent = { type: "told" };
const time: ServiceEvent = { type: "time" };
const whole: ServiceEvent = { type: "kernel", actual: kernel() };
const quiesced = (connections: number): ServiceEvent => {
  return { type: "kernel", actual: kernel({ virtualServices: virtualServices(0, connections) }) };
};

Deno.test("step() drains in order: withdrawn, converging from when routers were told, quiescing, down (CONTRACT Drain)", () => {
  const rows = phases([
    [1, healthy],
    [2, whole],
    [1000, drain],
    [1300, told],
    [2299, time],
    [2300, time],
    [2301, whole],
    [2310, quiesced(3)],
    [3000, quiesced(1)],
    [4000, quiesced(0)],
    [99_000, time],
  ]);
  assert.deepEqual(rows, [
    ["serving", undefined],
    ["serving", undefined],
    ["withdrawn", 6000],
    ["converging", 2300],
    ["converging", 2300],
    ["quiescing", 32_300],
    ["quiescing", 32_300],
    ["quiescing", 32_300],
    ["quiescing", 32_300],
    ["down", undefined],
    ["down", undefined],
  ]);
});

Deno.test("step() leaves out the phases that have nothing to do (CONTRACT Drain)", () => {
  const none = { shiftMs: 0, convergeMs: 0, quiesceMs: 0 };
  const last = (...args: Parameters<typeof phases>) => phases(...args).at(-1)?.[0];
  assert.equal(last([[1, drain]]), "quiescing", "nothing was ever announced: nothing to converge");
  assert.equal(last([[1, drain]], serviceConfig({ ports: [] })), "down", "and nothing to quiesce");
  assert.equal(last([[1, healthy], [2, whole], [3, drain]], serviceConfig({ stop: none })), "withdrawn");
  assert.equal(
    last([[1, healthy], [2, whole], [3, drain], [4, told]], serviceConfig({ stop: none })),
    "down",
  );
});

Deno.test("step() waits for no socket, connection or router beyond its limit (DESIGN Stop)", () => {
  const rows = phases([[1, healthy], [2, whole], [1000, drain], [6000, time], [12_000, time], [
    12_010,
    quiesced(9),
  ], [
    42_000,
    time,
  ]]);
  assert.deepEqual(rows.slice(2).map(([name]) => name), [
    "withdrawn",
    "converging",
    "quiescing",
    "quiescing",
    "down",
  ]);
});

Deno.test("step() counts the time to converge from a withdrawal that came before the drain (DESIGN seam 3)", () => {
  const unhealthy: ServiceEvent = {
    type: "verdict",
    check: "http-1",
    verdict: "unhealthy",
    cause: "refused",
  };
  const rows = phases([[1, healthy], [2, whole], [1000, unhealthy], [1400, drain], [1410, told], [
    2010,
    time,
  ]]);
  assert.deepEqual(rows.slice(3), [["withdrawn", 6400], ["converging", 2010], ["quiescing", 32_010]]);
});

Deno.test("step() goes back into service from any phase, and a later drain begins anew (CONTRACT Drain)", () => {
  for (
    const way of [[], [[1300, told]], [[1300, told], [2300, time]], [[1300, told], [2300, time], [
      2400,
      quiesced(0),
    ]]]
  ) {
    const events: [number, ServiceEvent][] = [[1, healthy], [2, whole], [1000, drain]];
    for (const [now, event] of way) {
      if (typeof now === "number" && typeof event === "object") events.push([now, event]);
    }
    const rows = phases([...events, [3000, { type: "undrain" }], [3001, whole], [4000, drain], [4100, told]]);
    assert.deepEqual(rows.at(-4), ["serving", undefined]);
    assert.deepEqual(rows.at(-2), ["withdrawn", 9000], "told of before does not count again");
    assert.deepEqual(rows.at(-1), ["converging", 5100]);
  }
});

Deno.test("step() takes a second drain's reason and limits for what is to come, and begins nothing anew", () => {
  const shorter: ServiceEvent = {
    type: "drain",
    reason: "in a hurry",
    limits: { shiftMs: 0, convergeMs: 5, quiesceMs: 10 },
  };
  const rows = phases([[1, healthy], [2, whole], [1000, drain], [1100, shorter], [1200, told]]);
  assert.deepEqual(rows.slice(2), [["withdrawn", 6000], ["withdrawn", 6000], ["converging", 1205]]);
});

Deno.test("step() that fails by a fault of ours shuts the gate, keeps every fact, and decides anew (faults S17)", () => {
  let broken = false;
  const service = serviceConfig();
  const trap = new Proxy(service, {
    get(target, key, receiver) {
      if (broken && key === "enabled") throw new Error("a fault of ours");
      return Reflect.get(target, key, receiver);
    },
  });
  let state = initialState({ config: trap, checks: ["http-1"] }, all, 0);
  const next = (event: ServiceEvent, now: number) => {
    const result = step(state, event, { now });
    state = result.state;
    return result.transitions;
  };
  next(healthy, 1);
  next(whole, 2);
  broken = true;
  const unhealthy: ServiceEvent = {
    type: "verdict",
    check: "http-1",
    verdict: "unhealthy",
    cause: "refused",
  };
  assert.deepEqual(next(unhealthy, 10).map(({ type }) => type), ["route", "fault"]);
  assert.match(state.routes.get(vip)?.gates[0]?.reason ?? "", /a fault of this agent: a fault of ours/);
  assert.equal(nextDeadline(state), 1010);
  broken = false;
  next(time, 1010);
  assert.equal(nextDeadline(state), undefined);
  assert.deepEqual(desiredRoutes([state]), [], "the verdict that came meanwhile counts");
  assert.deepEqual(routesOf(next(healthy, 1011)).map(({ announce }) => announce), [true]);
  broken = true;
  next({ type: "drain", reason: "stopping" }, 2000);
  next(time, 10_000);
  assert.equal(nextDeadline(state), 11_000, "no deadline of a phase that has passed (faults K11)");
  broken = false;
  next(time, 11_000);
  assert.equal(state.phase.name, "converging");
});

Deno.test("step() names as the cause of an announcement the verdict that brought it, or the gate that opened last", () => {
  const byVerdict = run([{ type: "kernel", actual: kernel() }, healthy]);
  assert.deepEqual(routesOf(byVerdict.transitions[1]), [{ announce: true, cause: "http-1: status 200" }]);
  const byKernel = run([healthy, { type: "kernel", actual: kernel() }]);
  assert.deepEqual(routesOf(byKernel.transitions[1]), [
    { announce: true, cause: "virtual services present, with a live destination of weight" },
  ]);
});

Deno.test("reconfigured() lets a new check of what is announced have no say until it knows something, and of what is not one at once", () => {
  const bare = { config: serviceConfig({ ports: [] }), checks: [] };
  const managed = { interfaces: false, ipvs: false };
  const now = { now: 0 };
  const announced = step(initialState(bare, managed, 0), { type: "time" }, now).state;
  const checked = { ...bare, checks: ["new"] };
  const announces = (state: ServiceState) => [...state.routes.values()].map(({ announce }) => announce);
  assert.deepEqual(announces(reconfigured(announced, checked, now)), [true]);
  const disabled = initialState({ ...bare, config: { ...bare.config, enabled: false } }, managed, 0);
  assert.deepEqual(announces(reconfigured(disabled, checked, now)), [false]);
});

Deno.test("a service that shifts announces nothing that it had not announced: it is on its way out (found by simulation)", () => {
  const limits = { shiftMs: 1000, convergeMs: 0, quiesceMs: 0 };
  const service = serviceConfig({ addresses: [address(vip), address("10.99.0.2")], ports: [] });
  const both = placed({});
  const own = both.interfaces.flatMap(({ addresses }) => addresses);
  const more = linked({
    addresses: [...own, ...own.map((each) => ({ ...each, address: address("10.99.0.2") }))],
  });
  const drain: ServiceEvent = { type: "drain", reason: "drained", limits };
  const { state, transitions } = run(
    [healthy, { type: "kernel", actual: both }, drain, { type: "kernel", actual: more }, { type: "undrain" }],
    all,
    service,
  );
  assert.deepEqual(transitions.map((each) => routesOf(each).length), [0, 1, 0, 0, 1]);
  assert.equal(state.routes.get("10.99.0.2")?.announce, true, "back in service it is");
});
