/** A little of the fuzzer of http answers, so that it is known to work. */
import assert from "node:assert/strict";
import { fuzzHttp } from "./http_fuzz.ts";

for (const version of ["1", "2"] as const) {
  Deno.test(`any answer of HTTP/${version} is an outcome, the same however it was cut into pieces`, async () => {
    const { outcomes } = await fuzzHttp(version, 9, 1500);
    // It reaches what is right, and what is wrong in many ways.
    assert.ok((outcomes.get("status N, all well") ?? 0) > 50, JSON.stringify([...outcomes]));
    assert.ok(outcomes.size > 12, JSON.stringify([...outcomes]));
  });
}
