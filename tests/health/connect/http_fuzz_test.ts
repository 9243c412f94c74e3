/** A little of the fuzzer of http answers, so that it is known to work. */
import assert from "node:assert/strict";
import { fuzz } from "../../fuzz/fuzz.ts";
import { HTTP_FUZZ } from "./http_fuzz.ts";

for (const subject of HTTP_FUZZ) {
  Deno.test(`${subject.name}: any answer is an outcome, the same however it was cut into pieces`, async () => {
    const { verdicts, sorts } = await fuzz(subject, { seed: 9, answers: 1500 });
    // It reaches what is right, and what is wrong in many ways.
    assert.ok((verdicts.get("pass") ?? 0) > 50, JSON.stringify([...verdicts]));
    assert.ok(sorts.size > 12, JSON.stringify([...sorts]));
    assert.equal(verdicts.get("unknown"), undefined);
  });
}
