import assert from "node:assert/strict";
import { startTime } from "../../src/time/start_time.ts";

Deno.test("startTime() stays where it is by milliseconds, and goes with a wall clock that is stepped (faults S20)", () => {
  const [time, wall] = [{ ms: 500 }, { ms: 1_000_000_500 }];
  const clock = { now: () => time.ms, wallTime: () => new Date(wall.ms), at: () => assert.fail() };
  const seconds = startTime(clock, 0);
  assert.equal(seconds(), 1_000_000);
  [time.ms, wall.ms] = [60_500, 1_000_060_503];
  assert.equal(seconds(), 1_000_000, "the clocks' own grain");
  wall.ms += 86_400_000;
  assert.equal(seconds(), 1_086_400.003, "a minute ago, as before");
  [time.ms, wall.ms] = [61_500, 61_500];
  assert.equal(seconds(), 0);
});
