/** Flapping: rows at its boundaries, a model that looks at all outcomes every time, and what a check makes of it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { CheckTiming, FlapLimits } from "../../src/config/checks/base.ts";
import { Check } from "../../src/health/check.ts";
import type { VerdictChange } from "../../src/health/check_status.ts";
import { CALM, countOutcome, type FlapState, type Outcome, releaseFlap } from "../../src/health/flap.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { Backend } from "./backend.ts";

const SEED = 20260103;
const LIMITS: FlapLimits = { limit: 2, windowMs: 10_000, holdMs: 5000 };

function after(outcomes: readonly Outcome[], limits = LIMITS, late = 8): FlapState {
  return outcomes.reduce((state, outcome) => {
    return countOutcome(releaseFlap(state, outcome.seenMs), outcome, limits, late);
  }, CALM);
}

// P and F in order of start, one a second; since when it is held, until when, and after how many changes.
const ROWS: readonly (readonly [results: string, hold: readonly [number, number, number] | undefined])[] = [
  ["", undefined],
  ["PFP", undefined],
  ["PFPF", [3000, 8000, 3]],
  // The first outcome is no change, whichever it is.
  ["FPFP", [3000, 8000, 3]],
  ["PFPFP", [3000, 9000, 4]],
  ["PFPFPPPP", [3000, 9000, 4]],
  // Changes ten seconds ago are none.
  ["PFPPPPPPPPPF", undefined],
  ["PFPPPPPPPPF", [10_000, 15_000, 3]],
  // It goes on as long as there is more of it, and one change alone is no more of it.
  ["PFPFPFPFPF", [3000, 14_000, 9]],
  ["PFPFPPPP", [3000, 9000, 4]],
  // Over, and begun anew by the first change that is one too many again.
  ["PFPFFFFFF", undefined],
  ["PFPFFFFFFFP", [10_000, 15_000, 4]],
];

for (const [results, hold] of ROWS) {
  Deno.test(`countOutcome() with limit 2 in 10 s and hold 5 s takes ${results} to ${hold ?? "nothing"}`, () => {
    const outcomes = [...results].map((letter, order) => {
      return { order, pass: letter === "P", seenMs: order * 1000 };
    });
    const seen = after(outcomes).hold;
    assert.deepEqual(seen && [seen.sinceMs, seen.untilMs, seen.changes], hold);
  });
}

Deno.test("countOutcome() counts what comes late where it was started: between two passes it is two changes", () => {
  const at = (order: number, pass: boolean, seenMs: number): Outcome => ({ order, pass, seenMs });
  const passes = [0, 2, 3, 5].map((order) => at(order, true, order));
  assert.equal(after([...passes, at(1, false, 100)]).hold, undefined);
  assert.deepEqual(after([...passes, at(1, false, 100), at(4, false, 101)]).hold?.changes, 4);
  // Beside another failure it is none.
  const mixed = [at(0, true, 0), at(1, false, 1), at(3, true, 3)];
  assert.equal(after([...mixed, at(2, false, 4)]).hold, undefined);
});

/** The rule in the fewest words: all outcomes in order of start; two neighbours that differ are a change, as new as the newer. */
function changesOf(known: readonly Outcome[], nowMs: number, { windowMs }: FlapLimits): number {
  const inOrder = [...known].sort((a, b) => a.order - b.order);
  return inOrder.filter((own, index) => {
    const before = inOrder[index - 1];
    return before !== undefined && before.pass !== own.pass &&
      nowMs - Math.max(before.seenMs, own.seenMs) < windowMs;
  }).length;
}

const arbitraryLimits = fc.record({
  limit: fc.integer({ min: 1, max: 5 }),
  windowMs: fc.integer({ min: 5, max: 60 }),
  holdMs: fc.integer({ min: 1, max: 60 }),
});

Deno.test("countOutcome() holds exactly by the rule, for any outcomes that come late by no more than it is told", () => {
  const late = 6;
  const probes = fc.array(
    fc.record({
      pass: fc.boolean(),
      lateBy: fc.integer({ min: 0, max: late - 1 }),
      gapMs: fc.integer({ max: 9, min: 0 }),
    }),
    { maxLength: 120 },
  );
  fc.assert(
    fc.property(arbitraryLimits, probes, (limits, all) => {
      const arrivals = all.map((probe, order) => ({ ...probe, order, rank: order + probe.lateBy }))
        .sort((a, b) => a.rank - b.rank || a.order - b.order);
      let nowMs = 0;
      let state = CALM;
      let untilMs = -Infinity;
      const known: Outcome[] = [];
      for (const { order, pass, gapMs } of arrivals) {
        nowMs += gapMs;
        const before = changesOf(known, nowMs, limits);
        known.push({ order, pass, seenMs: nowMs });
        const changes = changesOf(known, nowMs, limits);
        if (changes > limits.limit && changes > before) untilMs = nowMs + limits.holdMs;
        state = countOutcome(releaseFlap(state, nowMs), { order, pass, seenMs: nowMs }, limits, late);
        assert.equal(state.hold?.untilMs ?? -Infinity, untilMs > nowMs ? untilMs : -Infinity);
        assert.ok(state.outcomes.length <= 2 * limits.limit + 2 + late, "memory is bounded");
      }
    }),
    { seed: SEED, numRuns: 1000 },
  );
});

interface Rig {
  readonly clock: VirtualClock;
  readonly backend: Backend;
  readonly check: Check;
  readonly news: VerdictChange[];
}

function rig(timing: Pick<CheckTiming, "rise" | "fall"> & Partial<CheckTiming>, limits = LIMITS): Rig {
  const clock = new VirtualClock();
  const backend = new Backend(clock);
  const news: VerdictChange[] = [];
  const check = new Check({
    name: "http-1",
    config: { intervalMs: 1000, fastIntervalMs: 1000, timeoutMs: 500, ...timing, flap: limits },
    probe: backend,
    clock,
    target: { type: "service", service: "web" },
    onVerdict: (each) => news.push(each),
  });
  check.start();
  return { clock, backend, check, news };
}

function told({ from, verdict, seenMs, flapping, cause }: VerdictChange): string {
  return `${seenMs} ${from} → ${verdict}${flapping === undefined ? "" : ` flapping ${flapping}`}: ${cause}`;
}

Deno.test("Check that flaps is unhealthy with that cause, until hold without more of it", async () => {
  const { clock, backend, check, news } = rig({ rise: 1, fall: 2 });
  using _check = check;
  backend.answer = (attempt) => ({ pass: attempt >= 5 || attempt % 2 === 0, afterMs: 0 });
  await clock.advance(3500);
  assert.deepEqual(check.status().flapping, { sinceMs: 3000, untilMs: 8000, changes: 3 });
  assert.equal(check.status().changing, false);
  await clock.advance(20_000);
  assert.deepEqual(news.map(told), [
    "0 unknown → healthy: status 200",
    "3000 healthy → unhealthy flapping true: flapping: 3 changes of outcome within 10s, held until 5s without more; " +
    "the last result then: status 503",
    "9000 unhealthy → healthy flapping false: flapping no more: 5 consecutive passes, the last one: status 200",
  ]);
  assert.equal(check.status().flapping, undefined);
});

Deno.test("Check that is held probes on its interval: passes decide nothing then", async () => {
  const { clock, backend, check } = rig({ rise: 1, fall: 1, fastIntervalMs: 100 });
  using _check = check;
  backend.answer = (attempt) => ({ pass: attempt >= 4 || attempt % 2 === 0, afterMs: 0 });
  await clock.advance(3500);
  assert.notEqual(check.status().flapping, undefined);
  backend.starts.length = 0;
  await clock.advance(3000);
  assert.deepEqual(backend.starts, [4000, 5000, 6000]);
});

Deno.test("Check that flaps from the start is unhealthy, where rise and fall alone would never say anything", async () => {
  const { clock, backend, check, news } = rig({ rise: 3, fall: 3 });
  using _check = check;
  backend.answer = (attempt) => ({ pass: attempt % 2 === 0, afterMs: 0 });
  await clock.advance(60_000);
  assert.deepEqual(news.map(({ from, verdict, seenMs }) => [from, verdict, seenMs]), [
    ["unknown", "unhealthy", 3000],
  ]);
  assert.equal(check.status().flapping?.changes, 60);
  // It may end as a failure like any other, and needs its passes then.
  backend.answer = (attempt) => ({ pass: attempt >= 75, afterMs: 0 });
  await clock.advance(18_000);
  assert.deepEqual(news.slice(1).map(told), [
    "66000 unhealthy → unhealthy flapping false: flapping no more: 5 consecutive failures, the last one: status 503",
    "77000 unhealthy → healthy: 3 consecutive passes, the last one: status 200",
  ]);
});

Deno.test("Check says that it is flapping where it was unhealthy before, too", async () => {
  const { clock, backend, check, news } = rig({ rise: 2, fall: 1 });
  using _check = check;
  backend.answer = (attempt) => ({ pass: attempt % 2 === 1, afterMs: 0 });
  await clock.advance(3500);
  assert.deepEqual(news.map(({ from, verdict, flapping }) => [from, verdict, flapping]), [
    ["unknown", "unhealthy", undefined],
    ["unhealthy", "unhealthy", true],
  ]);
  assert.match(check.status().cause, /^flapping: 3 changes/);
  assert.equal(check.status().sinceMs, 0);
});

Deno.test("Check does not count results that say nothing as changes of outcome", async () => {
  const { clock, backend, check, news } = rig({ rise: 1, fall: 1 });
  using _check = check;
  backend.answer = (attempt) => ({ pass: attempt % 2 === 0 ? true : undefined, afterMs: 0 });
  await clock.advance(60_000);
  assert.equal(news.length, 1);
});

Deno.test("Check without flap changes its verdict as often as outcomes do", async () => {
  const clock = new VirtualClock();
  const backend = new Backend(clock);
  backend.answer = (attempt) => ({ pass: attempt % 2 === 0, afterMs: 0 });
  const config = { intervalMs: 1000, fastIntervalMs: 1000, timeoutMs: 500, rise: 1, fall: 1 };
  const target = { type: "service", service: "web" } as const;
  let changes = 0;
  using check = new Check({ name: "x", config, probe: backend, clock, target, onVerdict: () => changes++ });
  check.start();
  await clock.advance(59_999);
  assert.equal(changes, 60);
});
