// Durations: boundary rows, and what is formatted reads back.
import assert from "node:assert/strict";
import fc from "fast-check";
import { formatDuration, parseDuration } from "../../src/time/duration.ts";

Deno.test("parseDuration() takes ms, s, m, h and numbers of seconds (CONTRACT Configuration file)", () => {
  const rows: readonly (readonly [string | number, number | undefined])[] = [
    ["500ms", 500],
    ["3s", 3000],
    ["2m", 120_000],
    ["1h", 3_600_000],
    ["0", 0],
    [0, 0],
    [3, 3000],
    [0.5, 500],
    ["0.5s", 500],
    ["1.5m", 90_000],
    ["3", 3000],
    ["", undefined],
    ["s", undefined],
    ["-1s", undefined],
    [-1, undefined],
    ["1d", undefined],
    ["1 s", undefined],
    [" 1s", undefined],
    ["1S", undefined],
    ["1m30s", undefined],
    ["0x10", undefined],
    ["1e3", undefined],
    [1e21, undefined],
    [NaN, undefined],
    [Infinity, undefined],
    ["9999999999999s", undefined],
  ];
  for (const [text, expected] of rows) assert.equal(parseDuration(text), expected, String(text));
});

Deno.test("formatDuration() writes what parseDuration() reads back", () => {
  assert.deepEqual([0, 1, 999, 1000, 60_000, 90_000, 120_000, 3_600_000].map(formatDuration), [
    "0s",
    "1ms",
    "999ms",
    "1s",
    "60s",
    "90s",
    "2m",
    "1h",
  ]);
  fc.assert(
    fc.property(fc.nat(100_000_000), (ms) => assert.equal(parseDuration(formatDuration(ms)), ms)),
    { seed: 2 },
  );
});
