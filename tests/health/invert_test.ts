/** Checks that are inverted, on the virtual clock: what must not be there passes where it is not, and says so. */
import assert from "node:assert/strict";
import { Check } from "../../src/health/check.ts";
import { inverted } from "../../src/health/kinds/invert.ts";
import type { ProbeOutcome } from "../../src/health/kinds/probe.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { Backend } from "./backend.ts";

const TIMING = { intervalMs: 1000, fastIntervalMs: 200, timeoutMs: 100, rise: 2, fall: 3 };

Deno.test("inverted() is pass for fail, fail for pass and nothing for nothing, and gives no weight", () => {
  const rows: readonly (readonly [ProbeOutcome, ProbeOutcome])[] = [
    [{ kind: "fail", detail: "refused" }, { kind: "pass", detail: "inverted: refused" }],
    [{ kind: "pass", detail: "status 200", weight: 3 }, { kind: "fail", detail: "inverted: status 200" }],
    [{ kind: "unknown", detail: "no descriptor" }, { kind: "unknown", detail: "no descriptor" }],
  ];
  for (const [outcome, expected] of rows) assert.deepEqual(inverted(outcome), expected);
});

Deno.test("Check with invert is healthy while its probes fail or time out, and unhealthy while they pass", async () => {
  const clock = new VirtualClock();
  const backend = new Backend(clock);
  const verdicts: string[] = [];
  using check = new Check({
    name: "not-here",
    config: { ...TIMING, invert: true },
    probe: backend,
    clock,
    target: { type: "service", service: "web" },
    onVerdict: ({ verdict, cause, seenMs }) => verdicts.push(`${seenMs} ${verdict}: ${cause}`),
  });
  backend.hangsFromMs = 0;
  check.start();
  await clock.advance(999);
  backend.hangsFromMs = Infinity;
  await clock.advance(1001);
  assert.deepEqual(verdicts, [
    "300 healthy: 2 consecutive passes, the last one: inverted: timed out after 100 ms",
    "1400 unhealthy: 3 consecutive failures, the last one: inverted: status 200",
  ]);
  const { passes, failures, lastResult } = check.status();
  assert.deepEqual([passes, failures, lastResult?.kind], [2, 4, "fail"]);
});
