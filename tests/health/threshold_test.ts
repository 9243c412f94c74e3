/** The threshold: rows at its boundaries, and properties against a model that looks at all results every time. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  INITIAL_THRESHOLD,
  isChanging,
  step,
  type ThresholdEvent,
  type ThresholdLimits,
  type ThresholdState,
} from "../../src/health/threshold.ts";

const SEED = 20260101;

/** The states that a sequence of results leads through. */
function states(events: readonly ThresholdEvent[], limits: ThresholdLimits): ThresholdState[] {
  let state = INITIAL_THRESHOLD;
  return events.map((event) => state = step(state, event, limits).state);
}

const LETTERS = { unknown: "?", healthy: "+", unhealthy: "-" } as const;

// Results in order of start, P for a pass and F for a failure, and the verdict after each.
const ROWS: readonly (readonly [rise: number, fall: number, results: string, verdicts: string])[] = [
  [1, 1, "P", "+"],
  [1, 1, "F", "-"],
  [1, 1, "PFPF", "+-+-"],
  [2, 3, "P", "?"],
  [2, 3, "PP", "?+"],
  [2, 3, "FFF", "??-"],
  [2, 3, "FFP", "???"],
  // Alternating from unknown gives no verdict.
  [2, 3, "PFPFPFPF", "????????"],
  [2, 3, "FFPFFPP", "??????+"],
  // Alternating keeps the verdict, and one pass ends a fall: a healthy check need not rise again.
  [2, 2, "PPFPFPFF", "?++++++-"],
  [2, 3, "PPFFPFFF", "?++++++-"],
  [2, 3, "FFFPFPFPP", "??------+"],
  [3, 1, "PPPFPPFPPP", "??+------+"],
  [1, 3, "FFPFFF", "??+++-"],
];

for (const [rise, fall, results, verdicts] of ROWS) {
  Deno.test(`step() with rise ${rise} and fall ${fall} takes ${results} to ${verdicts}`, () => {
    const events = [...results].map((letter, order) => ({ order, pass: letter === "P" }));
    const seen = states(events, { rise, fall }).map((state) => LETTERS[state.verdict]).join("");
    assert.equal(seen, verdicts);
  });
}

// Results as they come in: order of start and outcome.
const LATE: readonly (readonly [sentence: string, arrivals: string, count: number, verdict: string])[] = [
  ["a failure seen now counts now, whatever is still out", "1F 2F 3F", 3, "unhealthy"],
  ["a hung probe counts with the failures that came after it", "1F 2F 0F", 3, "unhealthy"],
  ["a hung probe that a newer one outran by passing overturns nothing", "0P 1P 5P 2F 3F 4F", 1, "healthy"],
  ["a late pass from before the failures does not end them", "1F 2F 0P 3F", 3, "unhealthy"],
  ["a late pass among the failures cuts them", "0F 2F 3P 1F 4F 5F", 2, "unknown"],
  ["a late pass between failures counts against the older ones only", "0F 2F 1P 3F", 2, "unknown"],
  ["a late failure among passes cuts them", "0P 2P 1F", 1, "healthy"],
];

for (const [sentence, arrivals, count, verdict] of LATE) {
  Deno.test(`step() out of order: ${sentence}`, () => {
    const events = arrivals.split(" ").map((text) => ({ order: parseInt(text), pass: text.endsWith("P") }));
    const last = states(events, { rise: 2, fall: 3 }).at(-1);
    assert.equal(last?.run?.count, count);
    assert.equal(last?.verdict, verdict);
  });
}

Deno.test("isChanging() is true until a verdict, and while the newest results speak against it", () => {
  const changing = (results: string) => {
    const events = [...results].map((letter, order) => ({ order, pass: letter === "P" }));
    return isChanging(states(events, { rise: 2, fall: 2 }).at(-1) ?? INITIAL_THRESHOLD);
  };
  const expected = {
    "": true,
    P: true,
    F: true,
    PP: false,
    PPF: true,
    PPFP: false,
    PPFF: false,
    FFP: true,
    FFPF: false,
  };
  for (const [results, value] of Object.entries(expected)) assert.equal(changing(results), value, results);
});

/** The rule in the fewest words: the newest known results, in order of start, that agree. */
function trailingRun(known: readonly ThresholdEvent[]): { readonly pass: boolean; readonly count: number } {
  const newestFirst = [...known].sort((a, b) => b.order - a.order);
  const pass = newestFirst[0]?.pass ?? false;
  const other = newestFirst.findIndex((event) => event.pass !== pass);
  return { pass, count: other === -1 ? newestFirst.length : other };
}

function assertByTheRule(events: readonly ThresholdEvent[], limits: ThresholdLimits): void {
  let state = INITIAL_THRESHOLD;
  let verdict = "unknown";
  for (const index of events.keys()) {
    const event = events[index];
    if (event === undefined) break;
    const { pass, count } = trailingRun(events.slice(0, index + 1));
    const reached = count < (pass ? limits.rise : limits.fall) ? verdict : pass ? "healthy" : "unhealthy";
    const next = step(state, event, limits);
    const enough = Math.max(limits.rise, limits.fall);
    assert.equal(next.state.run?.pass, pass);
    assert.equal(Math.min(next.state.run?.count ?? 0, enough), Math.min(count, enough));
    assert.equal(next.state.verdict, reached);
    assert.deepEqual(next.actions, reached === verdict ? [] : [{ type: "verdict", verdict: reached }]);
    assert.ok((next.state.run?.orders.length ?? 0) <= enough, "memory is bounded");
    state = next.state;
    verdict = reached;
  }
}

const limits = fc.record({ rise: fc.integer({ min: 1, max: 5 }), fall: fc.integer({ min: 1, max: 5 }) });

Deno.test("step() flips the verdict exactly by the rule, for any results in order", () => {
  fc.assert(
    fc.property(limits, fc.array(fc.boolean(), { maxLength: 80 }), (limits, passes) => {
      assertByTheRule(passes.map((pass, order) => ({ order, pass })), limits);
    }),
    { seed: SEED, numRuns: 500 },
  );
});

Deno.test("step() flips the verdict exactly by the rule, for any results in any order", () => {
  const delayed = fc.array(fc.record({ pass: fc.boolean(), delay: fc.integer({ min: 0, max: 12 }) }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(limits, delayed, (limits, probes) => {
      const events = probes.map(({ pass, delay }, order) => ({ order, pass, seen: order + delay }));
      assertByTheRule(events.sort((a, b) => a.seen - b.seen || a.order - b.order), limits);
    }),
    { seed: SEED, numRuns: 500 },
  );
});
