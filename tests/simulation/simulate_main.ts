/** `deno task simulate [--runs=10000] [--seed=N] [--run=K]`: seeded runs of the whole agent in a world of faults. */
import { parseArgs } from "node:util";
import { failureText, scenarioOfRun, simulateMany, totalsText } from "./report.ts";
import { simulate } from "./simulation.ts";
import { SEED } from "./steps.ts";

const options = { runs: { type: "string" }, seed: { type: "string" }, run: { type: "string" } } as const;
const { values } = parseArgs({ options });
const seed = Number(values.seed ?? SEED);
const started = performance.now();
try {
  if (values.run === undefined) {
    const totals = await simulateMany(seed, 0, Number(values.runs ?? 10_000));
    console.log(totalsText(totals, performance.now() - started));
  } else {
    const scenario = scenarioOfRun(seed, Number(values.run));
    const { violation } = await simulate(scenario);
    console.log(
      violation === undefined
        ? "nothing is wrong"
        : await failureText(scenario, `deno task simulate --seed=${seed} --run=${values.run}`),
    );
    if (violation !== undefined) Deno.exitCode = 1;
  }
} catch (error) {
  console.log(error instanceof Error ? error.message : error);
  Deno.exitCode = 1;
}
