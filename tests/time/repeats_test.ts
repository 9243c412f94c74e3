import assert from "node:assert/strict";
import { MAX_KEYS, PERIOD_MS, Repeats } from "../../src/time/repeats.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

Deno.test("Repeats tells the first at once, and the rest as a number with the first of them (issue: S7)", async () => {
  const clock = new VirtualClock();
  const told: (readonly [string, number])[] = [];
  const counted = new Repeats<string>(clock, {
    once: (first) => void told.push([first, 1]),
    more: (first, count) => void told.push([first, count]),
  });
  for (let index = 0; index < 5000; index++) counted.note("stranger", `address ${index}`);
  counted.note("ttl", "far");
  assert.deepEqual(told.splice(0), [["address 0", 1], ["far", 1]]);
  await clock.advance(PERIOD_MS - 1);
  assert.deepEqual(told, []);
  await clock.advance(1);
  assert.deepEqual(told.splice(0), [["address 1", 4999]]);
  // As long as they come, they are told once per period.
  counted.note("stranger", "again");
  counted.note("ttl", "far again");
  assert.deepEqual(told.splice(0), [["far again", 1]]);
  await clock.advance(PERIOD_MS);
  assert.deepEqual(told.splice(0), [["again", 1]]);
  await clock.advance(PERIOD_MS);
  assert.deepEqual([told, clock.pending], [[], 0]);
  counted.note("stranger", "much later");
  assert.deepEqual(told.splice(0), [["much later", 1]]);
  counted.note("stranger", "last");
  counted[Symbol.dispose]();
  assert.deepEqual([told, clock.pending], [[["last", 1]], 0]);
});

Deno.test("Repeats is bounded in keys: what has no room counts together (faults S7)", async () => {
  const clock = new VirtualClock();
  const told: string[] = [];
  using counted = new Repeats<number>(clock, {
    once: (first) => void told.push(`${first}`),
    more: (first, count) => void told.push(`${first} and so on, ${count}`),
  });
  for (let index = 0; index < 10_000; index++) counted.note(`key ${index}`, index);
  assert.equal(told.length, MAX_KEYS + 1);
  await clock.advance(PERIOD_MS);
  assert.deepEqual(told.slice(MAX_KEYS + 1), [`${MAX_KEYS + 1} and so on, ${10_000 - MAX_KEYS - 1}`]);
});
