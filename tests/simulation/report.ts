/** What people read of runs: the figures of many, and the steps and the last events of one that failed. */
import { linesOf } from "../support/events.ts";
import type { Rule } from "./inspector.ts";
import { shrunk } from "./shrink.ts";
import { simulate } from "./simulation.ts";
import { type Scenario, scenarioOf } from "./steps.ts";
import type { World } from "./world.ts";

/** So many of the last lines of a run that failed are shown. */
const TAIL_LINES = 40;

/** Figures of many runs. */
export interface Totals {
  readonly runs: number;
  readonly steps: number;
  readonly virtualMs: number;
  readonly counts: ReadonlyMap<Rule, number>;
}

/** The scenario of one run of many. */
export function scenarioOfRun(seed: number, run: number): Scenario {
  return scenarioOf(seed + run);
}

/** Plays runs from `first` on, `count` of them. @throws {Error} at the first one that fails, with all about it */
export async function simulateMany(seed: number, first: number, count: number): Promise<Totals> {
  const counts = new Map<Rule, number>();
  let [steps, virtualMs] = [0, 0];
  for (let run = first; run < first + count; run++) {
    const scenario = scenarioOfRun(seed, run);
    const result = await simulate(scenario);
    if (result.violation !== undefined) {
      throw new Error(await failureText(scenario, `deno task simulate --seed=${seed} --run=${run}`));
    }
    for (const [rule, times] of result.counts) counts.set(rule, (counts.get(rule) ?? 0) + times);
    steps += result.steps;
    virtualMs += result.virtualMs;
  }
  return { runs: count, steps, virtualMs, counts };
}

/** All about a run that fails: what is wrong, the steps that it takes, the last events before, and how to see it again. */
export async function failureText(scenario: Scenario, replay: string): Promise<string> {
  const short = await shrunk(scenario);
  const { violation, world } = await simulate(short);
  return [
    violation ?? "nothing is wrong when it is played again",
    `${short.steps.length} of ${scenario.steps.length} steps make it fail:`,
    ...short.steps.map((step) => `  ${JSON.stringify(step)}`),
    "what happened last:",
    ...tailOf(world).map((line) => `  ${line}`),
    `again: ${replay}`,
  ].join("\n");
}

/** The figures, a line each. */
export function totalsText({ runs, steps, virtualMs, counts }: Totals, tookMs: number): string {
  const perSecond = Math.round(runs / (tookMs / 1000));
  const hours = (virtualMs / 3_600_000).toFixed(1);
  return [
    `${runs} runs in ${
      (tookMs / 1000).toFixed(1)
    } s (${perSecond} in a second): ${steps} steps, ${hours} hours`,
    ...[...counts].sort().map(([rule, times]) => `  ${rule}: judged ${times} times`),
  ].join("\n");
}

function tailOf({ journal }: World): readonly string[] {
  const end = journal.findLastIndex(({ what }) => what === "--- violated");
  const lines = journal.slice(0, end < 0 ? journal.length : end + 1).flatMap(({ atMs, what }) => {
    const moment = (atMs / 1000).toFixed(3);
    return typeof what === "string"
      ? [`${moment} ${what}`]
      : linesOf(what).map((line) => `${moment} #${what.id} ${line}`);
  });
  return lines.slice(-TAIL_LINES);
}
