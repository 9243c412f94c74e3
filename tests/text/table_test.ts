import assert from "node:assert/strict";
import { age, table } from "../../src/text/table.ts";

Deno.test("table() puts columns under their headings, two spaces apart, with no space at the end of a line", () => {
  const rows = [["tor-1", "Established", "ok"], ["é", "Idle", ""]];
  assert.equal(
    table(["PEER", "STATE", "WHY"], rows),
    "PEER   STATE        WHY\n" +
      "tor-1  Established  ok\n" +
      "é      Idle\n",
  );
  const wide = [["日本語", "x"], ["e\u0301e\u0301", "x"], ["\uff41", "x"], ["\u{1f600}", "x"]];
  assert.equal(
    table(["A", "B"], wide),
    "A       B\n日本語  x\ne\u0301e\u0301      x\n\uff41      x\n\u{1f600}      x\n",
  );
  assert.equal(table(["A", "B"], []), "A  B\n");
  assert.equal(table(["A"], [["x\ny\u009bz"]]), "A\nx\\u000ay\\u009bz\n");
  assert.equal(table(["A"], Array.from({ length: 200_000 }, () => ["x"])).length, 400_002);
});

Deno.test("age() gives the two largest units, and 0s where the clock was set back", () => {
  const since = new Date("2026-01-01T00:00:00Z");
  const rows: readonly (readonly [number, string])[] = [
    [-5, "0s"],
    [0.9, "0s"],
    [1, "1s"],
    [59.9, "59s"],
    [60, "1m"],
    [61, "1m 1s"],
    [3599, "59m 59s"],
    [3600, "1h"],
    [3661, "1h 1m"],
    [86_399, "23h 59m"],
    [86_400, "1d"],
    [86_461, "1d"],
    [3 * 86_400 + 4 * 3600, "3d 4h"],
  ];
  for (const [seconds, text] of rows) {
    assert.equal(age(since, new Date(since.getTime() + seconds * 1000)), text, `${seconds} s`);
    assert.equal(age(since.toISOString(), new Date(since.getTime() + seconds * 1000)), text);
  }
});
