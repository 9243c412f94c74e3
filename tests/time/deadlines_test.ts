// The first of many deadlines, against a look at all of them.
import assert from "node:assert/strict";
import { Deadlines } from "../../src/time/deadlines.ts";
import { seeded } from "../support/random.ts";

Deno.test("Deadlines gives those that are due in order, and of one time in the order in which they were set", () => {
  const deadlines = new Deadlines();
  for (const [key, atMs] of [["c", 30], ["b", 10], ["a", 10], ["d", 40]] as const) deadlines.set(key, atMs);
  assert.equal(deadlines.nextMs, 10);
  deadlines.set("c", 50);
  deadlines.set("d", Infinity);
  assert.deepEqual(deadlines.take(9), []);
  assert.deepEqual(deadlines.take(49), ["b", "a"]);
  assert.equal(deadlines.nextMs, 50);
  deadlines.set("b", 5);
  assert.deepEqual([deadlines.take(60), deadlines.nextMs], [["b", "c"], Infinity]);
});

Deno.test("Deadlines forgets what was set before, however often one is set anew", () => {
  const deadlines = new Deadlines();
  deadlines.set("still", 5000);
  for (let atMs = 1000; atMs < 4000; atMs++) deadlines.set("moves", atMs);
  assert.equal(deadlines.nextMs, 3999);
  assert.deepEqual(deadlines.take(9999), ["moves", "still"]);
});

Deno.test("Deadlines knows the first of all after any changes", () => {
  const random = seeded(5);
  const below = (end: number) => Math.floor(random() * end);
  const deadlines = new Deadlines();
  const known = new Map<string, number>();
  let now = 0;
  for (let change = 0; change < 20_000; change++) {
    const key = `k${below(40)}`;
    const atMs = below(4) === 0 ? Infinity : now + below(50);
    deadlines.set(key, atMs);
    known.set(key, atMs);
    assert.equal(deadlines.nextMs, Math.min(...known.values()));
    if (below(10) > 0) continue;
    now += below(20);
    const due = [...known].filter(([, at]) => at <= now);
    const found = deadlines.take(now);
    assert.deepEqual(found.toSorted(), due.map(([key]) => key).toSorted());
    const times = found.map((key) => known.get(key) ?? NaN);
    assert.deepEqual(times, times.toSorted((a, b) => a - b));
    for (const [key] of due) known.set(key, Infinity);
  }
});
