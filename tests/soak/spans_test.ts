// Arithmetic of times.
import { deepEqual, equal } from "node:assert/strict";
import type { Span } from "./observed.ts";
import { common, covers, spansWhere, stretched, total, union, without } from "./spans.ts";

const span = (fromMs: number, untilMs: number): Span => ({ fromMs, untilMs });

Deno.test("union() joins what touches and leaves out what is empty", () => {
  deepEqual(union([span(5, 6), span(1, 3), span(3, 4), span(9, 9)]), [span(1, 4), span(5, 6)]);
});

Deno.test("without() cuts at both sides and in the middle", () => {
  deepEqual(without([span(0, 10)], [span(-5, 1), span(4, 5), span(9, 20)]), [span(1, 4), span(5, 9)]);
  deepEqual(without([span(0, 10)], [span(0, Infinity)]), []);
});

Deno.test("common() is what is in both", () => {
  deepEqual(common([span(0, 4), span(6, 9)], [span(3, 7)]), [span(3, 4), span(6, 7)]);
  deepEqual(common([span(-Infinity, Infinity)], [span(1, 2)]), [span(1, 2)]);
});

Deno.test("stretched() is longer at both ends, and total() counts nothing twice", () => {
  deepEqual(stretched([span(5, 6)], 2, 1), [span(4, 8)]);
  equal(total([span(0, 5), span(3, 7)]), 7);
  equal(covers([span(0, 5)], 5), true);
  equal(covers([span(0, 5)], 6), false);
});

Deno.test("spansWhere() lets each value count until the next one, the last one until the end", () => {
  const changes = [{ atMs: 0, up: true }, { atMs: 3, up: false }, { atMs: 5, up: true }];
  deepEqual(spansWhere(changes, 9, ({ up }) => up), [span(0, 3), span(5, 9)]);
});
