/** The driver on the virtual clock: the beat, the cut-off, the reports, and what is left after a stop. */
import assert from "node:assert/strict";
import type { CheckTiming } from "../../src/config/checks/base.ts";
import { Check } from "../../src/health/check.ts";
import type { CheckStatus } from "../../src/health/check_status.ts";
import type { ProbeOutcome, ProbeResult } from "../../src/health/kinds/probe.ts";
import type { Clock } from "../../src/time/clock.ts";
import type { CheckTarget } from "../../src/health/target.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";
import { Backend } from "./backend.ts";

const TARGET: CheckTarget = { type: "service", service: "web" };
const TIMING: CheckTiming = { intervalMs: 1000, fastIntervalMs: 200, timeoutMs: 1000, rise: 2, fall: 3 };

interface Rig {
  readonly clock: VirtualClock;
  readonly backend: Backend;
  readonly check: Check;
  readonly results: ProbeResult[];
  /** `12 healthy: why` for each verdict. */
  readonly verdicts: string[];
}

/** A check that has been started, whose first probe comes at once unless it is one of many. */
function rig(timing: Partial<CheckTiming> = {}, index = 0, count = 1): Rig {
  const clock = new VirtualClock();
  const backend = new Backend(clock);
  const results: ProbeResult[] = [];
  const verdicts: string[] = [];
  const check = new Check({
    name: "http-1",
    config: { ...TIMING, ...timing },
    probe: backend,
    clock,
    target: TARGET,
    spread: { index, count },
    onResult: (result) => results.push(result),
    onVerdict: ({ verdict, cause, seenMs }) => verdicts.push(`${seenMs} ${verdict}: ${cause}`),
  });
  check.start();
  return { clock, backend, check, results, verdicts };
}

Deno.test("Check probes fast until the first verdict, then on its interval", async () => {
  const { clock, backend, check, verdicts } = rig({ rise: 3 });
  await clock.advance(3500);
  assert.deepEqual(backend.starts, [0, 200, 400, 1000, 2000, 3000]);
  assert.deepEqual(verdicts, ["400 healthy: 3 consecutive passes, the last one: status 200"]);
  check.stop();
});

for (
  const [index, count, intervalMs, firstMs, nextMs] of [
    [0, 1, 1000, 0, 1000],
    [0, 100, 10_000, 0, 10_000],
    // 50 ms from one to the next.
    [1, 2, 1000, 50, 500],
    [7, 10, 1000, 350, 700],
    // Many: within the interval, or within five seconds.
    [99, 100, 1000, 990, 1990],
    [50, 100, 60_000, 2500, 30_000],
    [999, 1000, 60_000, 4995, 59_940],
  ] as const
) {
  Deno.test(`Check ${index} of ${count} with interval ${intervalMs} probes first at ${firstMs}, then at ${nextMs}`, async () => {
    const { clock, backend, check } = rig({ intervalMs, rise: 1 }, index, count);
    await clock.advance(nextMs);
    assert.deepEqual(backend.starts, [firstMs, nextMs]);
    check.stop();
  });
}

Deno.test("Check keeps its beat, whatever probes take and however often it was fast", async () => {
  const { clock, backend, check } = rig({ rise: 1, fall: 2 }, 0.25);
  backend.answer = (attempt) => ({ pass: attempt % 7 !== 3, afterMs: attempt % 5 * 35 });
  await clock.advance(100_000);
  const onTheBeat = backend.starts.filter((startMs) => startMs % 1000 === 250);
  assert.equal(onTheBeat.length, 100);
  assert.ok(backend.starts.length > 110, "it was fast now and then");
  check.stop();
});

Deno.test("Check returns to the interval with the pass that ends a fall", async () => {
  const { clock, backend, check, verdicts } = rig({ rise: 1 });
  backend.answer = (attempt) => ({ pass: attempt !== 1 && attempt !== 2, afterMs: 10 });
  await clock.advance(3999);
  assert.deepEqual(backend.starts, [0, 1000, 1200, 1400, 2000, 3000]);
  assert.equal(verdicts.length, 1);
  check.stop();
});

Deno.test("Check is unhealthy after fall failures at the fast interval, and healthy after rise passes", async () => {
  const { clock, backend, check, verdicts } = rig();
  await clock.advance(500);
  backend.answer = { pass: false, afterMs: 5 };
  await clock.advance(1499);
  backend.answer = { pass: true, afterMs: 5 };
  await clock.advance(2000);
  assert.deepEqual(verdicts, [
    "200 healthy: 2 consecutive passes, the last one: status 200",
    "1405 unhealthy: 3 consecutive failures, the last one: status 503",
    "2205 healthy: 2 consecutive passes, the last one: status 200",
  ]);
  check.stop();
});

Deno.test("Check lets fall hung probes time out side by side", async () => {
  const { clock, backend, check, results, verdicts } = rig();
  await clock.advance(500);
  backend.hangsFromMs = 500;
  await clock.advance(2000);
  assert.deepEqual(verdicts.slice(1), [
    "2400 unhealthy: 3 consecutive failures, the last one: timed out after 1000 ms",
  ]);
  assert.deepEqual(backend.starts.slice(2, 5), [1000, 1200, 1400]);
  assert.deepEqual(results.slice(2, 5).map((result) => result.durationMs), [1000, 1000, 1000]);
  check.stop();
});

Deno.test("Check with fall 1 starts no second probe beside a hung one before the beat", async () => {
  const { clock, backend, check, verdicts } = rig({ rise: 1, fall: 1, timeoutMs: 3000 });
  await clock.advance(500);
  backend.hangsFromMs = 500;
  await clock.advance(3600);
  assert.deepEqual(backend.starts, [0, 1000, 2000, 3000, 4000]);
  assert.match(verdicts[1] ?? "", /^4000 unhealthy: timed out after 3000 ms$/);
  check.stop();
});

Deno.test("Check probes a service that is merely slow a few times more, and no oftener", async () => {
  const { clock, backend, check, verdicts } = rig({ rise: 1 });
  await clock.advance(500);
  backend.answer = { pass: true, afterMs: 300 };
  await clock.advance(2999);
  assert.deepEqual(backend.starts, [0, 1000, 1200, 2000, 2200, 3000, 3200]);
  assert.equal(verdicts.length, 1);
  check.stop();
});

Deno.test("Check does not let a hung probe overturn the pass of a newer one", async () => {
  const { clock, backend, check, verdicts } = rig({ rise: 1, fall: 1, timeoutMs: 1500 });
  backend.answer = (attempt) => attempt === 2 ? "hang" : { pass: true, afterMs: 1 };
  await clock.advance(10_000);
  assert.equal(verdicts.length, 1);
  assert.equal(check.status().failures, 1);
  check.stop();
});

Deno.test("Check cuts a probe off that ignores its signal, and ignores what it answers later", async () => {
  const { clock, backend, check, results } = rig({ rise: 1, fall: 1, fastIntervalMs: 1000, timeoutMs: 300 });
  backend.answer = { pass: true, afterMs: 700 };
  await clock.advance(999);
  assert.deepEqual(results.map(({ kind, detail, durationMs }) => ({ kind, detail, durationMs })), [
    { kind: "fail", detail: "timed out after 300 ms", durationMs: 300 },
  ]);
  assert.equal(backend.signals[0]?.aborted, true);
  assert.equal(check.status().inFlight, 0);
  check.stop();
});

Deno.test("Check reports the verdict before the result, without waiting for anything", async () => {
  const clock = new VirtualClock();
  const reports: string[] = [];
  const { promise, resolve } = Promise.withResolvers<ProbeOutcome>();
  using check = new Check({
    name: "x",
    config: { ...TIMING, rise: 1 },
    probe: { run: () => promise },
    clock,
    target: TARGET,
    onVerdict: ({ verdict }) => reports.push(verdict),
    onResult: (result, status) => reports.push(`${result.detail}, ${status.verdict}`),
  });
  check.start();
  await clock.advance(0);
  resolve({ kind: "pass", detail: "status 204" });
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(reports, ["healthy", "status 204, healthy"]);
});

Deno.test("Check.probeNow() probes at once and leaves the beat where it was", async () => {
  const { clock, backend, check } = rig({ rise: 1 });
  await clock.advance(400);
  check.probeNow();
  await clock.advance(2000);
  assert.deepEqual(backend.starts, [0, 400, 1000, 2000]);
  check.stop();
});

Deno.test("Check.stop() aborts what runs, leaves no timer, and nothing fires afterwards", async () => {
  const { clock, backend, check, results, verdicts } = rig();
  backend.answer = { pass: true, afterMs: 600 };
  await clock.advance(450);
  assert.equal(check.status().inFlight, 3);
  check.stop();
  assert.deepEqual(backend.signals.map((signal) => signal.aborted), [true, true, true]);
  assert.equal(check.status().inFlight, 0);
  await clock.advance(10_000);
  assert.equal(clock.pending, 0);
  check.probeNow();
  check.start();
  await settle();
  assert.equal(backend.starts.length, 3);
  assert.deepEqual([results, verdicts], [[], []]);
});

Deno.test("Check may be stopped by its own verdict", async () => {
  const clock = new VirtualClock();
  const backend = new Backend(clock);
  backend.answer = "hang";
  const reports: string[] = [];
  const check: Check = new Check({
    name: "x",
    config: { ...TIMING, fall: 2 },
    probe: backend,
    clock,
    target: TARGET,
    onVerdict: ({ verdict }) => (reports.push(verdict), check.stop()),
    onResult: () => reports.push("result"),
  });
  check.start();
  await clock.advance(10_000);
  assert.deepEqual(reports, ["result", "unhealthy"]);
  assert.ok(backend.signals.every((signal) => signal.aborted));
  assert.equal(clock.pending, 0);
});

Deno.test("Check gives up the oldest probe that was outrun where too many hang, never one that counts", async () => {
  const { clock, backend, check, results } = rig({
    intervalMs: 20,
    fastIntervalMs: 10,
    timeoutMs: 60_000,
    rise: 1,
    fall: 70,
  });
  backend.answer = (attempt) => attempt % 2 === 0 ? { pass: true, afterMs: 1 } : "hang";
  await clock.advance(5000);
  assert.equal(check.status().inFlight, 70);
  assert.match(
    results.find((result) => result.kind === "fail")?.detail ?? "",
    /^given up after \d+ ms: too many probes in flight$/,
  );
  backend.hangsFromMs = clock.now();
  await clock.advance(20 + 69 * 10 + 60_000);
  assert.equal(check.status().verdict, "unhealthy");
  check.stop();
});

Deno.test("Check gives up nothing where too many hang and none was outrun", async () => {
  const { clock, backend, check } = rig({
    intervalMs: 20,
    fastIntervalMs: 10,
    timeoutMs: 60_000,
    rise: 1,
    fall: 70,
  });
  backend.answer = "hang";
  await clock.advance(5000);
  assert.equal(check.status().inFlight, 70);
  assert.equal(check.status().failures, 0);
  check.stop();
});

Deno.test("Check does not blame the service for the time in which its own process stood still", async () => {
  let nowMs = 0;
  let timers: { readonly atMs: number; readonly callback: () => void }[] = [];
  const clock: Clock = {
    now: () => nowMs,
    wallTime: () => new Date(0),
    at(atMs, callback) {
      const timer = { atMs, callback };
      timers.push(timer);
      return { [Symbol.dispose]: () => void (timers = timers.filter((other) => other !== timer)) };
    },
  };
  const fire = async () => {
    const due = timers.filter(({ atMs }) => atMs <= nowMs);
    timers = timers.filter(({ atMs }) => atMs > nowMs);
    for (const { callback } of due) callback();
    await settle();
  };
  const answers: ((outcome: ProbeOutcome) => void)[] = [];
  const details: string[] = [];
  using check = new Check({
    name: "x",
    config: { ...TIMING, rise: 1, fall: 1 },
    probe: { run: () => new Promise((resolve) => answers.push(resolve)) },
    clock,
    target: TARGET,
    onResult: (result) => details.push(result.detail),
  });
  check.start();
  await fire();
  // Timers and sockets are both ready after a stall, and timers run first.
  nowMs = 30_000;
  await fire();
  await fire();
  answers[0]?.({ kind: "pass", detail: "status 200" });
  await settle();
  assert.deepEqual(details, ["status 200"]);
  // One probe for the beats that were missed; this one never answers, and there is no second grace.
  nowMs = 30_020;
  await fire();
  assert.equal(answers.length, 2);
  nowMs = 31_000;
  await fire();
  assert.equal(answers.length, 3);
  nowMs = 31_020;
  await fire();
  assert.deepEqual(details.slice(1), ["timed out after 1000 ms"]);
});

Deno.test("Check goes on probing and cutting off where every timer comes late, as under a CPU limit", async () => {
  const real = new VirtualClock();
  const clock: Clock = {
    now: () => real.now(),
    wallTime: () => real.wallTime(),
    at: (atMs, callback) => real.at(atMs + 75, callback),
  };
  const verdicts: string[] = [];
  using check = new Check({
    name: "http-1",
    config: TIMING,
    probe: { run: () => new Promise(() => {}) },
    clock,
    target: TARGET,
    onVerdict: ({ verdict }) => verdicts.push(verdict),
  });
  check.start();
  await real.advance(5000);
  assert.deepEqual(verdicts, ["unhealthy"]);
});

Deno.test("Check.status() tells the verdict, since when and why", async () => {
  const { clock, check } = rig();
  const brief = ({ verdict, changing, consecutivePasses, sinceMs, cause }: CheckStatus) => {
    return { verdict, changing, consecutivePasses, sinceMs, cause };
  };
  assert.deepEqual(brief(check.status()), {
    verdict: "unknown",
    changing: true,
    consecutivePasses: 0,
    sinceMs: 0,
    cause: "not probed yet",
  });
  await clock.advance(2500);
  assert.deepEqual(brief(check.status()), {
    verdict: "healthy",
    changing: false,
    consecutivePasses: 4,
    sinceMs: 200,
    cause: "2 consecutive passes, the last one: status 200",
  });
  check.stop();
});
