import assert from "node:assert/strict";
import { Pending } from "../../src/time/pending.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

Deno.test("Pending does once what is wanted several times, says when, and can be wanted again by the work itself", async () => {
  const clock = new VirtualClock();
  const done: number[] = [];
  const pending = new Pending(clock, () => {
    done.push(clock.now());
    if (done.length === 1) pending.want(50);
  });
  assert.equal(pending.dueMs, Infinity);
  pending.want(100);
  pending.want();
  assert.equal(pending.dueMs, 100);
  await clock.advance(1000);
  assert.deepEqual(done, [100, 150]);
  pending.want(10);
  pending[Symbol.dispose]();
  assert.equal(pending.dueMs, Infinity);
  await clock.advance(1000);
  assert.deepEqual(done, [100, 150]);
});
