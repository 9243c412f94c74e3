/** A run that failed, made as short as may be: steps are left out as long as the same rule is still broken. */
import { simulate } from "./simulation.ts";
import type { Scenario } from "./steps.ts";

/** So many runs may be spent on it. */
const MAX_RUNS = 100;

/** The scenario with as few of its steps as break the same rule. */
export async function shrunk(scenario: Scenario): Promise<Scenario> {
  const broken = ruleOf((await simulate(scenario)).violation);
  let best = scenario;
  let runs = 0;
  for (let size = Math.ceil(best.steps.length / 2); size >= 1 && runs < MAX_RUNS;) {
    let shorter: Scenario | undefined;
    for (let at = 0; at < best.steps.length && shorter === undefined && runs < MAX_RUNS; at += size) {
      const candidate = { ...best, steps: best.steps.toSpliced(at, size) };
      runs++;
      if (ruleOf((await simulate(candidate)).violation) === broken) shorter = candidate;
    }
    if (shorter !== undefined) best = shorter;
    else if (size === 1) break;
    else size = Math.floor(size / 2);
  }
  return best;
}

/** The rule that a violation names; undefined where there is none. */
function ruleOf(violation: string | undefined): string | undefined {
  return violation?.split(":")[0];
}
