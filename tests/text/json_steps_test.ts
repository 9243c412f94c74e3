/** jsonInSteps() gives what JSON.stringify() gives. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonInSteps } from "../../src/text/json_steps.ts";
import { atOnce } from "../../src/time/steps.ts";

Deno.test("jsonInSteps() gives what JSON.stringify() gives, for any plain data", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    assert.equal(atOnce(jsonInSteps(value)), JSON.stringify(value));
  }));
});

Deno.test("jsonInSteps() leaves out what is undefined, and steps at each item", () => {
  const value = { a: undefined, b: [undefined, { c: undefined }], d: { e: [1], f: new Date(0) }, "\n": null };
  const steps = jsonInSteps(value);
  let count = 0;
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) count++;
  assert.equal(step.value, JSON.stringify(value));
  assert.equal(count, 3);
});

Deno.test("jsonInSteps() steps at each item of a long list that a record in a list has, such as the routes of one peer", () => {
  const routes = Array.from({ length: 1000 }, (_, at) => ({ prefix: `10.0.0.${at}/32`, at: new Date(at) }));
  const value = { peers: [{ name: "r1", routes, held: [] }, { name: "r2", routes: [], held: [undefined] }] };
  const steps = jsonInSteps(value);
  let count = 0;
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) count++;
  assert.equal(step.value, JSON.stringify(value));
  assert.equal(count, 1002);
});
