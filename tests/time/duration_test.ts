// Durations: boundary rows, and what is formatted reads back.
import assert from "node:assert/strict";
import fc from "fast-check";
import { durationSlip, formatDuration, parseDuration } from "../../src/time/duration.ts";

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
    ["1m30s", 90_000],
    ["1h0m5s", 3_605_000],
    ["1.5h", 5_400_000],
    ["1h1m1s1ms", 3_661_001],
    ["30s1m", 90_000],
    ["100us", 0.1],
    ["100µs", 0.1],
    ["1500000ns", 1.5],
    [".5s", 500],
    ["5.s", 5000],
    ["1m30", undefined],
    ["+5s", undefined],
    ["1m-5s", undefined],
    ["1m 30s", undefined],
    ["1:30", undefined],
    ["1,5s", undefined],
    ["٣s", undefined],
    ["0x10", undefined],
    ["1e3", undefined],
    [1e21, undefined],
    [NaN, undefined],
    [Infinity, undefined],
    ["9999999999999s", undefined],
  ];
  for (const [text, expected] of rows) assert.equal(parseDuration(text), expected, String(text));
});

Deno.test("durationSlip() says what is unusual in a text that is no duration", () => {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["1m 30s", "write it without spaces"],
    ["-1s", "it cannot be negative"],
    ["1M", "units are written in small letters"],
    ["1,5s", "write it with a point, not a comma"],
    ["2d", "write it in hours, a day is 24h"],
    ["90 seconds", "units are ms, s, m and h"],
    ["1:30", "write it with units, such as 1m30s"],
    ["PT90S", "write it as in 1m30s, not as in ISO 8601"],
    ["1m30", "its last number has no unit"],
    ["soon", undefined],
  ];
  for (const [text, expected] of rows) assert.equal(durationSlip(text), expected, text);
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
