/** Long work in slices, on a clock that each look moves on. */
import assert from "node:assert/strict";
import { type Clock, NEXT_TURN } from "../../src/time/clock.ts";
import { Slices } from "../../src/time/slices.ts";
import { inOrder, inSlices } from "../../src/time/steps.ts";

function* work(steps: number, each: () => void): Generator<void, string> {
  for (let step = 0; step < steps; step++) {
    each();
    if (step < steps - 1) yield;
  }
  return "done";
}

/** A clock that stands still, and the turns that were asked for on it. */
function bench() {
  const turns: number[] = [];
  const time = { ms: 0 };
  const clock: Clock = {
    now: () => time.ms,
    wallTime: () => new Date(0),
    at(atMs, callback) {
      turns.push(atMs);
      queueMicrotask(callback);
      return { [Symbol.dispose]() {} };
    },
  };
  return { clock, turns, time };
}

Deno.test("inSlices() gives others a turn where a slice is over, after the last step, too (faults K13)", async () => {
  const { clock, turns, time } = bench();
  assert.equal(await inSlices(clock, work(10, () => time.ms += 1)), "done");
  assert.deepEqual(turns, [NEXT_TURN, NEXT_TURN, NEXT_TURN]);
  turns.length = 0;
  await inSlices(clock, work(1, () => time.ms += 100));
  assert.deepEqual(turns, [NEXT_TURN], "what follows begins with a slice of its own");
  turns.length = 0;
  await inSlices(clock, work(1000, () => {}));
  assert.deepEqual(turns, []);
});

Deno.test("works that share a slice do not get one each (faults K13)", async () => {
  const { clock, turns, time } = bench();
  const slices = new Slices(clock);
  for (let part = 0; part < 4; part++) await inSlices(slices, work(1, () => time.ms += 2));
  assert.equal(turns.length, 2);
  slices.begin();
  await inSlices(slices, work(1, () => time.ms += 2));
  assert.equal(turns.length, 2);
});

Deno.test("inOrder() gives what each work does, in order, and may be interrupted within and behind each", () => {
  function* yielding(times: number): Generator<void, number> {
    for (let time = 0; time < times; time++) yield;
    return times;
  }
  const steps = inOrder([yielding(0), yielding(3), yielding(1)]);
  let count = 0;
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) count++;
  assert.deepEqual([step.value, count], [[0, 3, 1], 4 + 3]);
});
