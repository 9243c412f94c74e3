/** The schedule at its boundaries. */
import assert from "node:assert/strict";
import type { CheckTiming } from "../../src/config/checks/base.ts";
import {
  begin,
  ended,
  MAX_IN_FLIGHT,
  maxInFlight,
  nextStartMs,
  nextTimeoutMs,
  started,
} from "../../src/health/schedule.ts";
import { INITIAL_THRESHOLD, type ThresholdState } from "../../src/health/threshold.ts";

const TIMING: CheckTiming = { intervalMs: 1000, fastIntervalMs: 200, timeoutMs: 1000, rise: 2, fall: 3 };
const HEALTHY: ThresholdState = {
  verdict: "healthy",
  run: { pass: true, count: 1, orders: [0], after: -1 },
  held: false,
};

for (
  const [timing, expected] of [
    [{}, 6],
    [{ timeoutMs: 1001 }, 7],
    [{ timeoutMs: 999 }, 6],
    [{ timeoutMs: 100 }, 2],
    [{ fastIntervalMs: 5000 }, 2],
    [{ timeoutMs: 60_000, fastIntervalMs: 10 }, MAX_IN_FLIGHT],
    [{ timeoutMs: 60_000, fastIntervalMs: 10, fall: 100 }, 100],
    [{ timeoutMs: 60_000, fastIntervalMs: 10, rise: 65 }, 65],
    [{ timeoutMs: 60_000, fastIntervalMs: 10, alone: true }, 1],
  ] as const
) {
  Deno.test(`maxInFlight() is ${expected} with ${JSON.stringify(timing)}`, () => {
    assert.equal(maxInFlight({ ...TIMING, ...timing }), expected);
  });
}

for (
  const [sentence, dueMs, nowMs, fastMs, onBeatMs] of [
    ["punctual", 1000, 1000, 1200, 2000],
    ["a little late", 1000, 1199, 1200, 2000],
    ["late by a fast beat", 1000, 1200, 1400, 2000],
    ["late by many beats", 1000, 7300, 7500, 8000],
    ["late by whole beats", 1000, 8000, 8200, 9000],
  ] as const
) {
  Deno.test(`nextStartMs() after a start that is ${sentence} is ${fastMs}, or ${onBeatMs} on the beat`, () => {
    const schedule = started(begin(TIMING, 0, { index: 0, count: 1 }), dueMs, nowMs, TIMING, true);
    assert.equal(nextStartMs(schedule, INITIAL_THRESHOLD, TIMING), fastMs);
    assert.equal(nextStartMs(ended(schedule, 0, true), HEALTHY, TIMING), onBeatMs);
  });
}

Deno.test("nextStartMs() never falls behind what it follows, for intervals that binary fractions cannot express", () => {
  const timing = { ...TIMING, intervalMs: 100.1 };
  let schedule = begin(timing, 0.7, { index: 0.3, count: 1 });
  for (let beat = 0; beat < 20_000; beat++) {
    const next = nextStartMs(schedule, HEALTHY, timing);
    const stepMs = next - schedule.lastStartMs;
    assert.ok(beat === 0 || Math.abs(stepMs - timing.intervalMs) < 1e-6, `${stepMs} ms at beat ${beat}`);
    schedule = started(schedule, next, next, timing, false);
  }
});

Deno.test("nextTimeoutMs() is that of the oldest probe in flight", () => {
  const first = started(begin(TIMING, 0, { index: 0, count: 1 }), 0, 5, TIMING, true);
  const both = started(first, 200, 200, TIMING, true);
  assert.equal(nextTimeoutMs(both, TIMING), 1005);
  assert.equal(nextTimeoutMs(ended(both, 0, false), TIMING), 1200);
  assert.equal(nextTimeoutMs(ended(ended(both, 0, false), 1, true), TIMING), undefined);
});

Deno.test("begin() puts the beats of checks that stand close together in one turn, whenever each is begun", () => {
  const beats = Array.from({ length: 1000 }, (_, index) => {
    const begun = started(
      begin(TIMING, 5000.3 + index / 1000, { index, count: 1000 }),
      0,
      5000,
      TIMING,
      true,
    );
    return nextStartMs(ended(begun, 0, true), HEALTHY, TIMING) % TIMING.intervalMs;
  });
  const byBeat = Map.groupBy(beats, (beat) => beat);
  assert.equal(byBeat.size, 100);
  assert.deepEqual(
    [...new Set([...byBeat.values()].map(({ length }) => length))].filter((n) => n < 9 || n > 11),
    [],
  );
});
