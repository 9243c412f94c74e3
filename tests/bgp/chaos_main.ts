/** `deno task chaos [--runs=10000] [--seed=N]`: seeded runs of two speakers over a bad network. */
import { parseArgs } from "node:util";
import { chaosRun, SEED } from "./chaos.ts";

const { values } = parseArgs({ options: { runs: { type: "string" }, seed: { type: "string" } } });
const runs = Number(values.runs ?? 10_000);
const first = Number(values.seed ?? SEED);
const started = performance.now();
for (let seed = first; seed < first + runs; seed++) {
  try {
    await chaosRun(seed);
  } catch (error) {
    console.log(`failed: deno task chaos --runs=1 --seed=${seed}`);
    throw error;
  }
}
const seconds = (performance.now() - started) / 1000;
console.log(
  `${runs} runs of seeds ${first} to ${first + runs - 1} in ${
    seconds.toFixed(1)
  } s: all found each other, nothing leaked`,
);
