/** What a check does again and again, a thousand times a second: no more than it must. */
import assert from "node:assert/strict";
import { Check } from "../../src/health/check.ts";
import type { Clock } from "../../src/time/clock.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { Backend } from "./backend.ts";

const PROBES = 10;

for (
  const [timeoutMs, perProbe, when] of [
    [1000, 1, "the next beat comes before a probe can run out of time"],
    [500, 2, "a probe runs out of time before the next beat, so that it is watched, and then the beat"],
  ] as const
) {
  Deno.test(`Check sets ${perProbe} timers for a probe of a healthy service: ${when}`, async () => {
    const clock = new VirtualClock();
    let timers = 0;
    const counting: Clock = {
      now: () => clock.now(),
      wallTime: () => clock.wallTime(),
      at(atMs, callback) {
        timers++;
        return clock.at(atMs, callback);
      },
    };
    const timing = { intervalMs: 1000, fastIntervalMs: 1000, timeoutMs, rise: 1, fall: 1 };
    using check = new Check({
      name: "http-1",
      config: timing,
      probe: new Backend(clock),
      clock: counting,
      target: { type: "service", service: "web" },
    });
    check.start();
    await clock.advance(2500);
    const before = timers;
    await clock.advance(PROBES * timing.intervalMs);
    assert.equal(timers - before, PROBES * perProbe);
  });
}
