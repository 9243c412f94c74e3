import assert from "node:assert/strict";
import { measureLoopLag } from "../../src/agent/loop_lag.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

Deno.test("measureLoopLag() tells each second how late it was, once of a loop that stood still, and ends", async () => {
  const clock = new VirtualClock();
  const told: (readonly [number, number])[] = [];
  const measuring = measureLoopLag(clock, (nowMs, lagMs) => void told.push([nowMs, lagMs]));
  await clock.advance(2000);
  clock.stall(3000);
  await clock.advance(1000);
  assert.deepEqual(told, [[1000, 0], [2000, 0], [5000, 2000], [6000, 0]]);
  measuring[Symbol.dispose]();
  assert.equal(clock.pending, 0);
});

Deno.test("measureLoopLag() goes on where whoever is told throws", async () => {
  const clock = new VirtualClock();
  let count = 0;
  const measuring = measureLoopLag(clock, () => {
    count++;
    throw new Error("a fault of ours");
  });
  await assert.rejects(clock.advance(1000), /a fault of ours/);
  await assert.rejects(clock.advance(1000), /a fault of ours/);
  assert.equal(count, 2);
  measuring[Symbol.dispose]();
  assert.equal(clock.pending, 0);
});
