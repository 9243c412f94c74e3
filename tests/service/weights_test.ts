// Weights as one function of state and time: tables of what becomes of a port, and what holds whatever happens to it.
import assert from "node:assert/strict";
import fc from "fast-check";
import type { PortConfig } from "../../src/config/config.ts";
import type { Verdict } from "../../src/health/threshold.ts";
import { type ActualKernel, destinationKey } from "../../src/kernel/state.ts";
import { continuedPort, inheritedPort, settledPort, toldPort } from "../../src/service/destinations.ts";
import type { DestinationVerdict, PortState } from "../../src/service/port_state.ts";
import { portWeights, quorumHolds, weightScale, weightSums } from "../../src/service/weights.ts";
import { address } from "../support/bgp.ts";
import { httpCheckConfig } from "../support/config.ts";
import { BY_ADDRESS } from "../support/kernel_objects.ts";
import { checkedDestination, checkedPort, placeOf, SORRY } from "../support/ports.ts";

/** Routers have gone over after this. */
const CONVERGE_MS = 500;
const VIP = { addresses: [address("10.99.0.1")] };

/** A port from event to event. */
class PortScene {
  state: PortState;
  actual: ActualKernel | undefined;

  constructor(readonly port: PortConfig, public now = 0) {
    this.state = continuedPort(port, undefined, now);
    this.#settle();
  }

  /** What the kernel had of destinations by the last number of their addresses. */
  inherit(weights: Readonly<Record<number, number>>): this {
    this.state = inheritedPort(VIP, this.port, this.state, this.kernel(weights), this.now);
    return this.#settle();
  }

  say(last: number, verdict: Verdict, weight?: number): this {
    const said: DestinationVerdict = { verdict, cause: "seen", weight };
    this.state = toldPort(this.state, placeOf(last), said);
    return this.#settle();
  }

  pass(ms: number): this {
    this.now += ms;
    return this.#settle();
  }

  read(weights: Readonly<Record<number, number>>, activeConnections = 0): this {
    this.actual = this.kernel(weights, activeConnections);
    return this.#settle();
  }

  get seen() {
    const weights = portWeights(this.port, this.state, {
      family: 4,
      quiesced: false,
      now: this.now,
      goneOverMs: (sinceMs) => sinceMs + CONVERGE_MS,
    });
    return { ...weights, liveWeight: weightSums(this.port, this.state, 4).live };
  }

  /** By the last number of the address. */
  get weights(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.seen.destinations.map(({ address, weight }) => {
      return [address.text.slice(address.text.lastIndexOf(".") + 1), weight];
    }));
  }

  get quorum(): boolean | undefined {
    return this.state.families.get(4)?.quorum;
  }

  kernel(weights: Readonly<Record<number, number>>, activeConnections = 0): ActualKernel {
    const known = [...this.port.destinations, ...this.port.sorry];
    return {
      interfaces: [],
      virtualServices: [{
        ...BY_ADDRESS,
        protocol: this.port.protocol,
        address: address("10.99.0.1"),
        port: 80,
        scheduler: "rr",
        flags: 0,
        timeoutSeconds: 0,
        netmask: 32,
        destinations: Object.entries(weights).flatMap(([last, weight]) => {
          const own = known.find(({ address }) => address.text === `10.0.0.${last}`);
          return own === undefined ? [] : [{ ...own, weight, activeConnections, inactiveConnections: 0 }];
        }),
      }],
    };
  }

  #settle(): this {
    this.state = settledPort(this.port, this.state, { actual: this.actual, limitMs: 5000 }, this.now);
    return this;
  }
}

Deno.test("portWeights() by verdict, whenFailed and protocol: UDP is always removed (CONTRACT whenFailed)", () => {
  const rows: readonly (readonly [Partial<PortConfig>, Verdict, Readonly<Record<string, number>>])[] = [
    [{}, "healthy", { 1: 1, 2: 1 }],
    [{}, "unhealthy", { 1: 0, 2: 1 }],
    [{}, "unknown", { 1: 0, 2: 1 }],
    [{ whenFailed: "remove" }, "unhealthy", { 2: 1 }],
    [{ whenFailed: "remove" }, "unknown", { 2: 1 }],
    [{ protocol: "udp" }, "unhealthy", { 2: 1 }],
    [{ protocol: "udp" }, "unknown", { 2: 1 }],
    [{ protocol: "sctp" }, "unhealthy", { 1: 0, 2: 1 }],
    [{ fwmark: 7, port: 0 }, "unhealthy", { 1: 0, 2: 1 }],
  ];
  for (const [overrides, verdict, expected] of rows) {
    const port = checkedPort({
      ...overrides,
      destinations: [checkedDestination(1), checkedDestination(2, { checks: [] })],
    });
    assert.deepEqual(
      new PortScene(port).say(1, verdict).weights,
      expected,
      `${JSON.stringify(overrides)} ${verdict}`,
    );
  }
});

Deno.test("a destination without a verdict after a restart keeps what the kernel has, and counts as live where that is a weight", () => {
  const port = checkedPort({
    destinations: [1, 2, 3].map((last) => checkedDestination(last, { weight: 5 })),
  });
  const at = new PortScene(port).inherit({ 1: 5, 2: 0 });
  assert.deepEqual(at.weights, { 1: 5, 2: 0, 3: 0 });
  assert.equal(at.seen.liveWeight, 5);
  assert.equal(at.quorum, true);
  at.say(1, "unhealthy");
  assert.deepEqual(at.weights, { 1: 0, 2: 0, 3: 0 });
  assert.equal(at.quorum, false);
  const removing = new PortScene({ ...port, whenFailed: "remove" }).inherit({ 1: 5, 2: 0 });
  assert.deepEqual(removing.weights, { 1: 5, 2: 0 }, "what is absent stays so");
});

Deno.test("a weight that a check gave stays over a restart until the check says another, whatever is configured (found by simulation)", () => {
  const weighed = (weight: number) =>
    checkedPort({
      destinations: [
        checkedDestination(1, { weight, checks: [httpCheckConfig({ name: "d", weightHeader: "X-Weight" })] }),
      ],
    });
  for (const weight of [0, 1, 9]) {
    const at = new PortScene(weighed(weight)).inherit({ 1: 5 });
    assert.deepEqual(at.weights, { 1: 5 }, `configured ${weight}`);
  }
});

Deno.test("quorumHolds(): gained at quorum + hysteresis, lost below quorum - hysteresis, and at 0 (CONTRACT Quorum)", () => {
  const rows: readonly (readonly [number, number, number, boolean, boolean])[] = [
    [1, 0, 0, true, false],
    [1, 0, 1, false, true],
    [3, 1, 3, false, false],
    [3, 1, 4, false, true],
    [3, 1, 2, true, true],
    [3, 1, 1, true, false],
    [2, 2, 0, true, false],
    [0, 0, 0, false, true],
    [0, 2, 0, true, true],
  ];
  for (const [quorum, hysteresis, live, before, expected] of rows) {
    assert.equal(
      quorumHolds({ quorum, hysteresis }, live, before),
      expected,
      `${quorum} ${hysteresis} ${live}`,
    );
  }
});

Deno.test("an inherited quorum is lost below quorum - hysteresis alone, so that a restart withdraws nothing it need not", () => {
  const port = checkedPort({
    quorum: 2,
    hysteresis: 1,
    destinations: [1, 2, 3].map((last) => checkedDestination(last)),
  });
  const at = new PortScene(port).inherit({ 1: 1, 2: 0, 3: 0 });
  assert.equal(at.quorum, true);
  assert.equal(new PortScene(port).say(1, "healthy").say(2, "healthy").quorum, false, "2 are not 2 + 1");
  assert.equal(new PortScene(port).inherit({ 1: 0 }).quorum, false);
});

Deno.test("slowStart: a recovered destination grows from 1 in steps, and a restart goes on where the kernel is", () => {
  const port = checkedPort({ slowStartMs: 20_000 });
  assert.equal(weightScale(port), 20);
  const at = new PortScene(port).say(1, "healthy").say(2, "healthy");
  assert.deepEqual(at.weights, { 1: 20, 2: 20 }, "at first all of it, for all are new");
  at.say(1, "unhealthy").pass(1000).say(1, "healthy");
  assert.deepEqual(at.weights, { 1: 1, 2: 20 });
  assert.equal(at.seen.nextMs, 2000);
  assert.equal(at.seen.liveWeight, 2, "the quorum counts what is configured");
  at.pass(10_000);
  assert.deepEqual(at.weights, { 1: 10, 2: 20 });
  const next = new PortScene(port, 50_000).inherit(at.weights);
  assert.deepEqual(next.weights, { 1: 10, 2: 20 });
  next.pass(3000).say(1, "healthy").say(2, "healthy");
  assert.deepEqual(next.weights, { 1: 10, 2: 20 });
  next.pass(9000);
  assert.deepEqual(next.weights, { 1: 19, 2: 20 });
  next.pass(1000);
  assert.deepEqual(next.weights, { 1: 20, 2: 20 });
  assert.equal(next.seen.nextMs, Infinity);
});

Deno.test("slowStart: a destination that comes while others serve grows, by reload and at a start", () => {
  const port = checkedPort({ slowStartMs: 20_000 });
  const started = new PortScene(port).inherit({ 1: 20 }).say(2, "healthy");
  assert.deepEqual(started.weights, { 1: 20, 2: 1 });
  const one = new PortScene(checkedPort({ slowStartMs: 20_000, destinations: [checkedDestination(1)] })).say(
    1,
    "healthy",
  );
  const reloaded = new PortScene(port);
  reloaded.state = continuedPort(port, one.state, 0);
  assert.deepEqual(reloaded.pass(0).weights, { 1: 20, 2: 0 });
  assert.deepEqual(reloaded.say(2, "healthy").weights, { 1: 20, 2: 1 });
});

Deno.test("slowStart: what failed first thing after a start grows when it recovers, also where a dead process left nothing that serves", () => {
  const port = checkedPort({ slowStartMs: 20_000 });
  const at = new PortScene(port).inherit({ 1: 0 }).say(1, "unhealthy").say(2, "unhealthy");
  assert.deepEqual(at.pass(1000).say(2, "healthy").weights, { 1: 0, 2: 1 });
  assert.deepEqual(at.pass(10_000).say(1, "healthy").weights, { 1: 1, 2: 10 });
});

Deno.test("weightScale() depends on the configuration alone and stays within 65535", () => {
  const rows: readonly (readonly [number, readonly number[], number])[] = [
    [0, [1, 1], 1],
    [1000, [1, 100], 20],
    [1000, [20, 40], 1],
    [1000, [3], 7],
    [1000, [1, 65535], 1],
    [1000, [1, 10_000], 6],
    [1000, [0], 1],
  ];
  for (const [slowStartMs, weights, expected] of rows) {
    const destinations = weights.map((weight, index) => checkedDestination(index + 1, { weight }));
    assert.equal(weightScale(checkedPort({ slowStartMs, destinations })), expected, weights.join());
  }
});

Deno.test("a weight from a check counts in the kernel and for the quorum; 0 is nothing new, and not live", () => {
  const at = new PortScene(checkedPort({ quorum: 10 })).say(1, "healthy", 7).say(2, "healthy", 3);
  assert.deepEqual(at.weights, { 1: 7, 2: 3 });
  assert.equal(at.quorum, true);
  at.say(1, "healthy", 0);
  assert.deepEqual(at.weights, { 1: 0, 2: 3 });
  assert.equal(at.quorum, false);
  at.say(1, "healthy");
  assert.deepEqual(at.weights, { 1: 1, 2: 3 }, "without one the configured weight counts");
});

Deno.test("what is well and is to have weight 0 keeps it until routers have gone over, where nothing else takes the packets", () => {
  const at = new PortScene(checkedPort()).say(1, "healthy", 7).say(2, "healthy", 3);
  at.say(1, "healthy", 0);
  assert.deepEqual(at.weights, { 1: 0, 2: 3 }, "the other one serves");
  at.pass(CONVERGE_MS).say(2, "healthy", 0);
  assert.equal(at.quorum, false, "withdrawn at once");
  assert.deepEqual(at.weights, { 1: 0, 2: 3 });
  assert.equal(at.seen.nextMs, at.now + CONVERGE_MS);
  at.pass(CONVERGE_MS - 1);
  assert.deepEqual(at.weights, { 1: 0, 2: 3 });
  at.pass(1);
  assert.deepEqual(at.weights, { 1: 0, 2: 0 });
  assert.equal(at.seen.nextMs, Infinity);
  at.say(2, "healthy", 4);
  assert.deepEqual(at.weights, { 1: 0, 2: 4 });
  at.say(2, "unhealthy");
  assert.deepEqual(at.weights, { 1: 0, 2: 0 }, "what failed serves nobody");
  at.say(1, "healthy", 5).say(2, "healthy", 5).say(1, "healthy", 0).pass(1).say(2, "unhealthy");
  assert.deepEqual(at.weights, { 1: 0, 2: 0 }, "what has lost its weight already does not get it back");
});

Deno.test("held weights: by reload, by a start with another configuration, and not beside a sorry destination", () => {
  const none = checkedPort({ destinations: [1, 2].map((last) => checkedDestination(last, { weight: 0 })) });
  const before = new PortScene(checkedPort()).say(1, "healthy").say(2, "unhealthy");
  const reloaded = new PortScene(none, 1000);
  reloaded.state = continuedPort(none, before.state, 1000);
  assert.deepEqual(reloaded.pass(0).weights, { 1: 1, 2: 0 });
  assert.deepEqual(reloaded.pass(CONVERGE_MS).weights, { 1: 0, 2: 0 });
  const started = new PortScene(none, 1000).inherit({ 1: 5, 2: 0 });
  assert.deepEqual(started.weights, { 1: 5, 2: 0 });
  assert.deepEqual(started.say(1, "healthy").weights, { 1: 5, 2: 0 });
  assert.deepEqual(started.pass(CONVERGE_MS).weights, { 1: 0, 2: 0 });
  const sorry = new PortScene({ ...none, sorry: SORRY }, 1000).inherit({ 1: 5, 2: 0 });
  assert.deepEqual(sorry.weights, { 1: 0, 2: 0, 250: 1 });
});

Deno.test("sorry serves where no destination is live, and goes by weight 0 once its connections have ended, or a limit", () => {
  const at = new PortScene(checkedPort({ sorry: SORRY }));
  assert.deepEqual(at.weights, { 1: 0, 2: 0, 250: 1 });
  at.say(1, "healthy").say(2, "unhealthy").read({ 1: 1, 2: 0, 250: 0 });
  assert.deepEqual(at.weights, { 1: 1, 2: 0 });
  at.say(1, "unhealthy");
  assert.deepEqual(at.weights, { 1: 0, 2: 0, 250: 1 });
  assert.equal(at.quorum, false);
  at.read({ 1: 0, 2: 0, 250: 1 }, 2).say(2, "healthy");
  assert.deepEqual(at.weights, { 1: 0, 2: 1, 250: 0 });
  assert.equal(at.quorum, true);
  assert.deepEqual(at.read({ 1: 0, 2: 1, 250: 0 }, 2).weights, { 1: 0, 2: 1, 250: 0 });
  assert.deepEqual(at.read({ 1: 0, 2: 1, 250: 0 }, 0).weights, { 1: 0, 2: 1 });
  at.say(2, "unhealthy").say(2, "healthy").pass(5000);
  assert.deepEqual(at.weights, { 1: 0, 2: 1 }, "after the limit, whatever is open");
  const udp = new PortScene(checkedPort({ sorry: SORRY, protocol: "udp" }));
  assert.deepEqual(udp.weights, { 250: 1 });
  assert.deepEqual(udp.say(1, "healthy").weights, { 1: 1 });
});

Deno.test("a check that is new in a live destination has no say until its first verdict, in others it has", () => {
  const at = new PortScene(checkedPort()).say(1, "healthy").say(2, "unhealthy");
  const checks = [httpCheckConfig({ name: "another" })];
  const port = checkedPort({ destinations: [1, 2].map((last) => checkedDestination(last, { checks })) });
  const next = new PortScene(port);
  next.state = continuedPort(port, at.state, 0);
  assert.deepEqual(next.pass(0).weights, { 1: 1, 2: 0 });
  next.state = toldPort(next.state, { ...placeOf(1), check: "another" }, {
    verdict: "unhealthy",
    cause: "",
    weight: undefined,
  });
  assert.deepEqual(next.pass(0).weights, { 1: 0, 2: 0 });
});

Deno.test("whatever happens to a port, weights are bounded, failed ones get nothing new, and steps come to an end", () => {
  const VERDICTS = ["unknown", "healthy", "unhealthy"] as const;
  const event = fc.record({
    last: fc.constantFrom(1, 2, 3),
    verdict: fc.constantFrom(...VERDICTS),
    weight: fc.option(fc.constantFrom(0, 1, 7, 65535), { nil: undefined }),
    waitMs: fc.integer({ min: 0, max: 30_000 }),
  });
  const configured = fc.record({
    slowStartMs: fc.constantFrom(0, 1, 999, 10_000),
    quorum: fc.integer({ min: 1, max: 12 }),
    hysteresis: fc.integer({ min: 0, max: 3 }),
    whenFailed: fc.constantFrom("quiesce", "remove"),
    protocol: fc.constantFrom("tcp", "udp"),
    sorry: fc.constantFrom([], SORRY),
    weights: fc.array(fc.constantFrom(0, 1, 2, 10, 65535), { minLength: 3, maxLength: 3 }),
  });
  const inherited = fc.option(
    fc.dictionary(fc.constantFrom("1", "2", "250"), fc.integer({ min: 0, max: 65535 })),
  );
  fc.assert(
    fc.property(
      configured,
      inherited,
      fc.array(event, { maxLength: 20 }),
      ({ weights, ...rest }, had, events) => {
        const destinations = weights.map((weight, index) => checkedDestination(index + 1, { weight }));
        const port = checkedPort({ ...rest, destinations });
        const at = new PortScene(port, 1e9 + 0.1);
        if (had !== null) at.inherit(had);
        for (const { last, verdict, weight, waitMs } of events) {
          const before = at.quorum ?? false;
          at.say(last, verdict, weight);
          const { liveWeight, destinations: wanted } = at.seen;
          assert.equal(at.quorum, quorumHolds(port, liveWeight, before));
          assert.equal(new Set(wanted.map(destinationKey)).size, wanted.length);
          for (const each of wanted) {
            assert.ok(
              Number.isInteger(each.weight) && each.weight >= 0 && each.weight <= 65535,
              String(each.weight),
            );
            const known = at.state.destinations.get(destinationKey(each));
            const live = known?.live ?? liveWeight === 0;
            // What was given no weight goes on where nothing else does, until routers have gone over.
            const isHeld = !live && known !== undefined && known.served > 0 && liveWeight === 0 &&
              port.sorry.length === 0 && at.now < known.sinceMs + CONVERGE_MS &&
              ![...known.checks.values()].some((check) => check.verdict === "unhealthy");
            if (!isHeld || each.weight === 0) {
              assert.equal(each.weight > 0, live, `${each.address.text} ${each.weight}`);
            }
          }
          assert.ok(at.seen.nextMs > at.now);
          at.pass(waitMs);
        }
        let steps = 0;
        while (at.seen.nextMs !== Infinity && steps++ < 100) at.pass(at.seen.nextMs - at.now);
        assert.equal(at.seen.nextMs, Infinity);
      },
    ),
    { seed: 8 },
  );
});

Deno.test("what is known of a destination goes with it where the configuration has them in another order, and some no more", () => {
  const [one, two, three] = [1, 2, 3].map((last) => checkedDestination(last, { weight: last }));
  assert.ok(one !== undefined && two !== undefined && three !== undefined);
  const before = new PortScene(checkedPort({ destinations: [one, two, three] }));
  before.say(1, "healthy").say(2, "unhealthy").say(3, "healthy");
  for (const destinations of [[three, two, one], [two, three], [two, checkedDestination(4), three, one]]) {
    const at = new PortScene(checkedPort({ destinations }));
    at.state = continuedPort(at.port, before.state, 0);
    at.pass(0);
    assert.deepEqual([at.weights["2"], at.weights["3"]], [0, 3]);
    at.say(3, "unhealthy").say(2, "healthy");
    assert.deepEqual([at.weights["2"], at.weights["3"]], [2, 0]);
  }
});
