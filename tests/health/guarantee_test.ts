/** What a check promises about time, for any timing and any behaviour of the service before it breaks. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Check } from "../../src/health/check.ts";
import { maxInFlight } from "../../src/health/schedule.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { Backend } from "./backend.ts";

const SEED = 20260102;
const SLACK_MS = 0.02;

const timings = fc.record({
  intervalMs: fc.integer({ min: 50, max: 2000 }),
  fastShare: fc.double({ min: 0.02, max: 1, noNaN: true }),
  timeoutMs: fc.integer({ min: 20, max: 4000 }),
  rise: fc.integer({ min: 1, max: 4 }),
  fall: fc.integer({ min: 1, max: 6 }),
}).map(({ fastShare, ...timing }) => ({
  ...timing,
  fastIntervalMs: Math.max(1, timing.intervalMs * fastShare),
}));

/** How attempts end before the service breaks: most of them pass, some after a while, few fail or hang. */
const manners = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant({ kind: "pass", share: 0 }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("pass"),
        share: fc.double({ min: 0, max: 0.9, noNaN: true }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("fail"),
        share: fc.double({ min: 0, max: 0.9, noNaN: true }),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: "hang", share: 0 }) },
  ),
  { minLength: 1, maxLength: 20 },
);

const scenarios = fc.record({
  timing: timings,
  manners,
  random: fc.double({ min: 0, max: 0.999, noNaN: true }),
  breaksAt: fc.double({ min: 1, max: 6, noNaN: true }),
});

type Scenario = typeof scenarios extends fc.Arbitrary<infer T> ? T : never;

/** Runs a check until its service breaks; undefined where it is not healthy then, so that nothing is promised. */
async function broken(scenario: Scenario, hung: boolean): Promise<{ readonly withinMs: number } | undefined> {
  const { timing, manners, random } = scenario;
  const clock = new VirtualClock();
  const backend = new Backend(clock);
  let unhealthyMs = Infinity;
  let most = 0;
  using check = new Check({
    name: "x",
    config: timing,
    probe: backend,
    clock,
    target: { type: "service", service: "x" },
    spread: { index: random, count: 1 },
    onVerdict: ({ verdict, seenMs }) => unhealthyMs = verdict === "unhealthy" ? seenMs : Infinity,
  });
  backend.onAttempt = () => most = Math.max(most, check.status().inFlight);
  backend.answer = (attempt) => {
    const { kind, share } = manners[attempt % manners.length] ?? { kind: "pass", share: 0 };
    return kind === "hang" ? "hang" : { pass: kind === "pass", afterMs: share * timing.timeoutMs };
  };
  const breaksMs = scenario.breaksAt * timing.intervalMs;
  if (hung) backend.hangsFromMs = breaksMs;
  check.start();
  await clock.advance(breaksMs);
  if (check.status().verdict !== "healthy") return undefined;
  if (!hung) backend.answer = { pass: false, afterMs: 0 };
  await clock.advance(timing.intervalMs + timing.fall * timing.fastIntervalMs + 2 * timing.timeoutMs);
  assert.ok(most <= maxInFlight(timing), `${most} probes in flight`);
  const gapsMs = backend.starts.map((startMs, index) => startMs - (backend.starts[index - 1] ?? startMs));
  if (most < maxInFlight(timing)) {
    assert.ok(Math.max(...gapsMs) <= timing.intervalMs + SLACK_MS, "a beat is missing");
  }
  return { withinMs: unhealthyMs - breaksMs };
}

for (const hung of [true, false]) {
  const sentence = hung
    ? "a service that hangs is unhealthy within interval + (fall − 1) × fastInterval + timeout"
    : "a service that refuses is unhealthy within interval + (fall − 1) × fastInterval";
  Deno.test(`Check: ${sentence}`, async () => {
    let tried = 0;
    await fc.assert(
      fc.asyncProperty(scenarios, async (scenario) => {
        const outcome = await broken(scenario, hung);
        if (outcome === undefined) return;
        tried++;
        const { intervalMs, fastIntervalMs, timeoutMs, fall } = scenario.timing;
        const limitMs = intervalMs + (fall - 1) * fastIntervalMs + (hung ? timeoutMs : 0);
        assert.ok(outcome.withinMs <= limitMs + SLACK_MS, `${outcome.withinMs} ms, not ${limitMs}`);
      }),
      { seed: SEED, numRuns: 1000 },
    );
    assert.ok(tried > 100, `only ${tried} runs were healthy before`);
  });
}
