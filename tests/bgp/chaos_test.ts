/** Seeded runs over a bad network, as many as the unit part has time for; `deno task chaos` makes 10,000. */
import { chaosRun, SEED } from "./chaos.ts";

const RUNS = 500;

Deno.test(`Speaker and Speaker find each other in ${RUNS} seeded runs over a bad network (issue: proof)`, async () => {
  for (let index = 0; index < RUNS; index++) {
    try {
      await chaosRun(SEED + index);
    } catch (error) {
      throw new Error(`run ${SEED + index}`, { cause: error });
    }
  }
});
