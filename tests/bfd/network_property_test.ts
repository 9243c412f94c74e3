/**
 * Two session machines over a network that loses, delays and reorders, on a clock that jumps from event to event: what holds
 * whatever the dice say.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { ControlPacket } from "../../src/bfd/packet.ts";
import { createSession, nextDeadlineMs, step } from "../../src/bfd/session.ts";
import type { SessionConfig, SessionEvent, SessionState } from "../../src/bfd/session_state.ts";
import { detectionTimeMs, transmitIntervalUs } from "../../src/bfd/timers.ts";
import { seeded } from "../support/random.ts";

/** A way: how long a packet takes, and whether it is lost; the count is of packets in this direction. */
type Way = (random: () => number, count: number) => number | undefined;

interface Flight {
  readonly to: 0 | 1;
  readonly atMs: number;
  readonly packet: ControlPacket;
}

interface Change {
  readonly end: 0 | 1;
  readonly atMs: number;
  readonly to: string;
  readonly cause: string;
}

/** Two sessions that are joined. */
class Joined {
  nowMs = 0;
  way: Way = () => 1;
  readonly states: [SessionState, SessionState];
  readonly changes: Change[] = [];
  /** When each end sent, by end. */
  readonly sentMs: [number[], number[]] = [[], []];
  readonly #random: () => number;
  readonly #counts: [number, number] = [0, 0];
  readonly #cut = new Set<0 | 1>();
  #flights: Flight[] = [];

  constructor(configs: readonly [SessionConfig, SessionConfig], seed: number) {
    this.#random = seeded(seed);
    this.states = [createSession(configs[0], 1, this.#env()), createSession(configs[1], 2, this.#env())];
  }

  get names(): string {
    return this.states.map(({ name }) => name).join("/");
  }

  on(end: 0 | 1, event: SessionEvent): void {
    const { state, actions } = step(this.states[end], event, this.#env());
    this.states[end] = state;
    for (const action of actions) {
      if (action.type === "send") this.#send(end, action.packet);
      if (action.type === "changed") {
        this.changes.push({ end, atMs: this.nowMs, to: action.to, cause: state.cause });
      }
    }
  }

  /** From now on this end hears nothing. */
  cut(end: 0 | 1): void {
    this.#cut.add(end);
    this.#flights = this.#flights.filter(({ to }) => to !== end);
  }

  /** Goes on for so long. */
  run(ms: number): void {
    const endMs = this.nowMs + ms;
    for (let events = 0;; events++) {
      assert.ok(events < 100_000, "it spins");
      this.#flights.sort((one, other) => one.atMs - other.atMs);
      const deadlines = this.states.map(nextDeadlineMs);
      const flightMs = this.#flights[0]?.atMs ?? Infinity;
      const nextMs = Math.min(flightMs, ...deadlines);
      if (nextMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
      // What arrives at the moment of a deadline is read before anybody is judged.
      const flight = flightMs === nextMs ? this.#flights.shift() : undefined;
      if (flight !== undefined) this.on(flight.to, { type: "packet", packet: flight.packet });
      else this.on(deadlines[0] === nextMs ? 0 : 1, { type: "time", heldMs: 0 });
    }
    this.nowMs = endMs;
  }

  #send(end: 0 | 1, packet: ControlPacket): void {
    this.sentMs[end].push(this.nowMs);
    const delayMs = this.way(this.#random, this.#counts[end]++);
    const to = end === 0 ? 1 : 0;
    if (delayMs === undefined || this.#cut.has(to)) return;
    this.#flights.push({ to, atMs: this.nowMs + delayMs, packet });
  }

  #env() {
    return { now: this.nowMs, random: this.#random };
  }
}

const interval = fc.constantFrom(10_000, 50_000, 123_000, 300_000, 1_000_000, 1_700_000);
const config: fc.Arbitrary<SessionConfig> = fc.record({
  desiredMinTxUs: interval,
  requiredMinRxUs: interval,
  detectMult: fc.integer({ min: 2, max: 6 }),
  passive: fc.constant(false),
});
const configs = fc.tuple(config, config);
const seed = fc.integer();
const RUNS = { numRuns: 150 };

function assertConverged({ states }: Joined): void {
  const [a, b] = states;
  for (const [one, other] of [[a, b], [b, a]] as const) {
    const agreedUs = Math.max(one.config.desiredMinTxUs, other.config.requiredMinRxUs);
    assert.equal(transmitIntervalUs(one), agreedUs);
    assert.equal(detectionTimeMs(other), one.config.detectMult * agreedUs / 1000);
    assert.equal(one.poll, undefined);
  }
}

Deno.test("over a way that is well both ends are Up within seven seconds and stay so, at what they agreed on; one may be passive", () => {
  fc.assert(
    fc.property(
      configs,
      seed,
      fc.constantFrom(undefined, 0, 1),
      fc.integer({ min: 0, max: 8 }),
      (each, dice, passive, delay) => {
        const [one, other] = each;
        const joined = new Joined(
          [{ ...one, passive: passive === 0 }, { ...other, passive: passive === 1 }],
          dice,
        );
        joined.way = (random) => delay * random();
        joined.run(10_000);
        assert.equal(joined.names, "Up/Up");
        assert.ok(
          Math.max(...joined.changes.map(({ atMs }) => atMs)) <= 7000,
          JSON.stringify(joined.changes),
        );
        // While they come up one that says Down may be overtaken, and heard in Up.
        joined.changes.length = 0;
        joined.run(60_000);
        assert.deepEqual(joined.changes, []);
        assertConverged(joined);
      },
    ),
    RUNS,
  );
});

Deno.test("losses in a row below the multiplier, delays and a changed order never end a session", () => {
  fc.assert(
    fc.property(configs, seed, (each, dice) => {
      // Of `multiplier` packets in a row one comes: for a quick pace the delay must be short beside it.
      const joined = new Joined(each, dice);
      joined.run(10_000);
      assert.equal(joined.names, "Up/Up");
      const mult = Math.min(...each.map(({ detectMult }) => detectMult));
      const fastestUs = Math.min(...joined.states.map(transmitIntervalUs));
      // With jitter, packets come no less often than intervals; a late one takes a fifth of one longer.
      joined.way = (random, count) => count % (mult - 1 || 1) === 0 ? fastestUs / 5000 * random() : undefined;
      joined.run(60_000);
      assert.equal(
        joined.changes.filter(({ to }) => to === "Down").length,
        0,
        JSON.stringify(joined.changes),
      );
    }),
    RUNS,
  );
});

Deno.test("a cut way is seen by who does not hear when its detection time is over, and by the other, who hears, with the next packet", () => {
  fc.assert(
    fc.property(configs, seed, fc.boolean(), fc.integer({ min: 0, max: 3000 }), (each, dice, both, when) => {
      const joined = new Joined(each, dice);
      joined.run(20_000 + when);
      assert.equal(joined.names, "Up/Up");
      const deadlinesMs = joined.states.map((state) => state.receivedMs + detectionTimeMs(state));
      joined.changes.length = 0;
      joined.cut(0);
      if (both) joined.cut(1);
      joined.run(Math.max(...deadlinesMs) - joined.nowMs + 2);
      const downMs = ([0, 1] as const).map((end) =>
        joined.changes.find((change) => change.end === end && change.to === "Down")?.atMs
      );
      assert.equal(downMs[0], deadlinesMs[0]);
      assert.equal(downMs[1], both ? deadlinesMs[1] : (deadlinesMs[0] ?? 0) + 1);
    }),
    RUNS,
  );
});

Deno.test("configurations that change at any time, over a lossy way, are agreed on in the end and cost no session", () => {
  const change = fc.record({
    end: fc.constantFrom(0 as const, 1 as const),
    waitMs: fc.integer({ min: 0, max: 2500 }),
    config,
  });
  fc.assert(
    fc.property(configs, seed, fc.array(change, { maxLength: 12 }), (each, dice, changes) => {
      const joined = new Joined(
        each.map((one) => ({ ...one, detectMult: 6 })) as [SessionConfig, SessionConfig],
        dice,
      );
      joined.run(20_000);
      // One in eight is lost, never two after each other.
      joined.way = (random, count) => count % 2 === 0 && random() < 0.25 ? undefined : 2 * random();
      for (const { end, waitMs, config } of changes) {
        joined.run(waitMs);
        joined.on(end, { type: "configure", config: { ...config, detectMult: 6 } });
      }
      joined.way = () => 1;
      joined.run(60_000);
      assert.equal(joined.names, "Up/Up");
      assert.equal(
        joined.changes.filter(({ to }) => to === "Down").length,
        0,
        JSON.stringify(joined.changes),
      );
      assertConverged(joined);
    }),
    RUNS,
  );
});

Deno.test("after any history, once the way is well again, both ends come Up: there is no way to wait for ever", () => {
  const span = fc.record({ ms: fc.integer({ min: 1, max: 4000 }), loss: fc.constantFrom(0, 0.3, 0.7, 1) });
  fc.assert(
    fc.property(configs, seed, fc.array(span, { maxLength: 20 }), (each, dice, spans) => {
      const joined = new Joined(each, dice);
      for (const { ms, loss } of spans) {
        joined.way = (random) => random() < loss ? undefined : 300 * random();
        joined.run(ms);
      }
      joined.way = () => 1;
      // The longest detection time, and the slow pace of a new beginning.
      joined.run(25_000);
      assert.equal(joined.names, "Up/Up");
      assertConverged(joined);
    }),
    RUNS,
  );
});

Deno.test("no packet goes out sooner than three quarters of the interval after the one before, but for answers and news (RFC 5880 6.8.7)", () => {
  fc.assert(
    fc.property(configs, seed, (each, dice) => {
      const joined = new Joined(each, dice);
      joined.run(20_000);
      joined.sentMs[0].length = joined.sentMs[1].length = 0;
      joined.run(20_000);
      for (const end of [0, 1] as const) {
        const intervalMs = transmitIntervalUs(joined.states[end]) / 1000;
        const gaps = joined.sentMs[end].slice(1).map((ms, index) => ms - (joined.sentMs[end][index] ?? 0));
        assert.ok(
          gaps.length >= 5 &&
            gaps.every((gap) => gap >= 0.75 * intervalMs - 1e-6 && gap <= intervalMs + 1e-6),
        );
      }
    }),
    RUNS,
  );
});
