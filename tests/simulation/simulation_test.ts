/** Seeded runs of the whole agent in a world of faults, as many as the unit part has time for; `deno task simulate` makes 10,000. */
import assert from "node:assert/strict";
import type { Rule } from "./inspector.ts";
import { simulateMany } from "./report.ts";
import { simulate } from "./simulation.ts";
import { scenarioOf, SEED } from "./steps.ts";

const RUNS = 200;
/** Each of these has to be judged at least so often, or the runs exercise nothing. */
const LEAST: Readonly<Record<Exclude<Rule, "no fault">, number>> = {
  "served while announced": 100,
  "announced as it is": 100,
  "in the kernel while announced": 30,
  "not announced while contested": 200,
  "repaired at once": 10,
  "others' objects": 400,
  "withdraw before break": 400,
  "make before announce": 700,
  "nothing is cut that is not known": 5,
  "nothing goes to what is not known": 50,
  "withdrawn for a reason": 300,
  "sessions end for a reason": 250,
  "events have causes": 5000,
  "orders are followed": 200,
  "flapping is held": 20,
  "hooks in order": 800,
  "a plan foretells": 200,
  "as a fresh agent": 30,
  "drains take their time": 50,
  "ends as configured": RUNS,
  "stillness": RUNS,
  "nothing left in the kernel": RUNS,
  "nothing left running": RUNS,
};

Deno.test(`the agent keeps its promises in ${RUNS} seeded runs in a world of faults and orders (issue: simulation)`, async () => {
  const { counts } = await simulateMany(SEED, 0, RUNS);
  const seldom = Object.entries(LEAST).filter(([rule, least]) =>
    ![...counts].some(([name, times]) => name === rule && times >= least)
  );
  assert.deepEqual(seldom, [], `judged too seldom: ${JSON.stringify([...counts])}`);
});

Deno.test("a seed gives the same run each time, to the last event", async () => {
  const play = async () =>
    (await simulate(scenarioOf(SEED + 7))).world.journal.map(({ what }) => JSON.stringify(what));
  assert.deepEqual(await play(), await play());
});
