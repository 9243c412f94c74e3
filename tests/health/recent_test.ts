/** The ring of a check's last results. */
import assert from "node:assert/strict";
import { Check } from "../../src/health/check.ts";
import { RECENT_RESULTS, RecentResults } from "../../src/health/recent.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { Backend } from "./backend.ts";

Deno.test("RecentResults gives the newest first, and no more than it keeps", () => {
  const ring = new RecentResults();
  assert.deepEqual(ring.list(), []);
  const all = Array.from({ length: 3 * RECENT_RESULTS + 3 }, (_, index) => {
    const kind = (["pass", "fail", "unknown"] as const)[index % 3] ?? "pass";
    return { kind, detail: `status ${index}`, seenMs: index * 1000 + 0.5, durationMs: index / 3 };
  });
  for (const [index, result] of all.entries()) {
    ring.add(result);
    assert.deepEqual(ring.list(), all.slice(0, index + 1).reverse().slice(0, RECENT_RESULTS));
  }
});

Deno.test("Check.status() has the last results, and those of before where they were asked for before", async () => {
  const clock = new VirtualClock();
  const backend = new Backend(clock);
  const target = { type: "service", service: "web" } as const;
  const config = { intervalMs: 1000, fastIntervalMs: 1000, timeoutMs: 500, rise: 1, fall: 1 };
  using check = new Check({ name: "x", config, probe: backend, clock, target });
  check.start();
  backend.answer = (attempt) =>
    attempt === 14 ? { pass: undefined, afterMs: 0 } : { pass: attempt < 13, afterMs: 20 };
  await clock.advance(14_500);
  const { recent, lastResult } = check.status();
  assert.equal(recent.length, RECENT_RESULTS);
  assert.deepEqual(recent.slice(0, 3), [
    { kind: "unknown", detail: "this process has too many open files", seenMs: 14_000, durationMs: 0 },
    { kind: "fail", detail: "status 503", seenMs: 13_020, durationMs: 20 },
    { kind: "pass", detail: "status 200", seenMs: 12_020, durationMs: 20 },
  ]);
  assert.equal(recent[0]?.seenMs, lastResult?.seenMs);
});
