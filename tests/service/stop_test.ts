import assert from "node:assert/strict";
import { beginStop, stepStop, type StopPhase } from "../../src/service/stop.ts";

Deno.test("stepStop() withdraws, waits for convergence, quiesces, then removes (DESIGN Semantics, Stop)", () => {
  const rows: readonly (readonly [nowMs: number, connections: number | undefined, StopPhase])[] = [
    [0, undefined, "converging"],
    [999, 0, "converging"],
    [1000, undefined, "quiescing"],
    [1001, undefined, "quiescing"],
    [1002, 7, "quiescing"],
    [1003, 0, "removing"],
    [9999, 5, "removing"],
  ];
  let state = beginStop({ convergeMs: 1000, quiesceMs: 30_000 }, 0);
  for (const [now, connections, phase] of rows) {
    state = stepStop(state, connections, now);
    assert.equal(state.phase, phase, `at ${now} ms with ${connections} connections`);
  }
});

Deno.test("stepStop() does not wait for connections beyond the limit", () => {
  let state = stepStop(beginStop({ convergeMs: 10, quiesceMs: 100 }, 0), 3, 10);
  assert.deepEqual([state.phase, state.deadlineMs], ["quiescing", 110]);
  state = stepStop(state, 3, 109);
  assert.equal(state.phase, "quiescing");
  assert.equal(stepStop(state, 3, 110).phase, "removing");
});

Deno.test("beginStop() with nothing to wait for is ready to remove at once", () => {
  assert.equal(beginStop({ convergeMs: 0, quiesceMs: 0 }, 5).phase, "removing");
});
