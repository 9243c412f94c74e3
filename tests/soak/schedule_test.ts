// A seed is a run: the same faults at the same moments, whatever is left out of it.
import { deepEqual, equal, notDeepEqual, ok } from "node:assert/strict";
import { FAULTS, longLived, scheduleOf, type ScheduleOptions } from "./schedule.ts";

const options: ScheduleOptions = {
  seed: 7,
  targets: { hosts: ["h1", "h2"], servers: ["s1", "s2"], routers: ["r1", "r2"] },
  rounds: 200,
  perStorm: [4, 9],
  ordersPerRound: 3,
  stormMs: 25_000,
};

Deno.test("scheduleOf() gives the same rounds for a seed, others for another, and goes on as it began", () => {
  deepEqual(scheduleOf(options), scheduleOf(options));
  deepEqual(scheduleOf({ ...options, rounds: 3 }), scheduleOf(options).slice(0, 3));
  notDeepEqual(scheduleOf(options), scheduleOf({ ...options, seed: 8 }));
});

Deno.test("scheduleOf() uses every fault and every order, each within its time and counted on", () => {
  const rounds = scheduleOf(options);
  const storms = rounds.flatMap(({ storm }) => storm);
  deepEqual([...new Set(storms.map(({ fault }) => fault))].sort(), Object.keys(FAULTS).sort());
  equal(new Set(rounds.flatMap(({ planned }) => planned.map(({ order }) => order))).size, 7);
  deepEqual(storms.map(({ number }) => number), storms.map((_, index) => index + 1));
  for (const { fault, forMs, atMs } of storms) {
    const [least, longest] = FAULTS[fault].lastsMs;
    ok(
      forMs >= least && forMs <= longest && atMs >= 0 && atMs < options.stormMs,
      `${fault} for ${forMs} at ${atMs}`,
    );
  }
});

Deno.test("scheduleOf() never ends the process of the host that lives through it all", () => {
  for (const seed of [1, 2, 3, 4]) {
    const spared = longLived({ ...options, seed });
    const rounds = scheduleOf({ ...options, seed });
    const ending = [
      ...rounds.flatMap(({ storm }) =>
        storm.filter(({ fault }) => /^agent-(killed|restarted|handed-over)$/.test(fault))
      ),
      ...rounds.flatMap(({ planned }) =>
        planned.filter(({ order }) => order === "stop" || order === "handover").map(({ host }) => ({
          target: host,
        }))
      ),
    ];
    ok(ending.length > 0);
    equal(ending.some(({ target }) => target === spared), false);
  }
});

Deno.test("scheduleOf() with --faults takes only those, and with --only leaves the others out and the dice as they were", () => {
  const faults = ["link-down", "agent-killed"] as const;
  const some = scheduleOf({ ...options, faults }).flatMap(({ storm }) => storm.map(({ fault }) => fault));
  deepEqual([...new Set(some)].sort(), [...faults].sort());
  const all = scheduleOf(options).flatMap(({ storm }) => storm);
  const few = scheduleOf({ ...options, only: [10, 12] });
  deepEqual(few.flatMap(({ storm }) => storm), all.slice(9, 12));
  deepEqual(few.map(({ planned }) => planned), scheduleOf(options).map(({ planned }) => planned));
});

Deno.test("scheduleOf() does nothing to a server, router or agent while the same is being done to it", () => {
  for (const { storm } of scheduleOf(options)) {
    for (const [index, one] of storm.entries()) {
      const [kind = ""] = one.fault.split("-");
      if (!["server", "router", "agent"].includes(kind)) continue;
      const clash = storm.slice(index + 1).find((other) =>
        other.target === one.target && other.fault.startsWith(`${kind}-`) && other.atMs < one.atMs + one.forMs
      );
      equal(clash, undefined, JSON.stringify([one, clash]));
    }
  }
});
