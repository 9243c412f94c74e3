/** Events whose rate is an outsider's choice. */
import assert from "node:assert/strict";
import { CountedEvents } from "../../src/bgp/counted_events.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

Deno.test("CountedEvents tells the first at once, and the rest as a number with the first of them (issue: S7)", async () => {
  const clock = new VirtualClock();
  const told: (readonly [string, number])[] = [];
  const counted = new CountedEvents<string>(clock, (first, count) => void told.push([first, count]));
  for (let index = 0; index < 5000; index++) counted.note("stranger", `address ${index}`);
  counted.note("ttl", "far");
  assert.deepEqual(told.splice(0), [["address 0", 1], ["far", 1]]);
  await clock.advance(9_999);
  assert.deepEqual(told, []);
  await clock.advance(1);
  assert.deepEqual(told.splice(0), [["address 1", 4999]]);
  // As long as they come, they are told once per period.
  counted.note("stranger", "again");
  counted.note("ttl", "far again");
  assert.deepEqual(told.splice(0), [["far again", 1]]);
  await clock.advance(10_000);
  assert.deepEqual(told.splice(0), [["again", 1]]);
  await clock.advance(10_000);
  assert.deepEqual([told, clock.pending], [[], 0]);
  counted.note("stranger", "much later");
  assert.deepEqual(told.splice(0), [["much later", 1]]);
  counted.note("stranger", "last");
  counted[Symbol.dispose]();
  assert.deepEqual([told, clock.pending], [[["last", 1]], 0]);
});
