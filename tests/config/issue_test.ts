// How problems are printed.
import assert from "node:assert/strict";
import { formatIssue, formatPath, formatValue } from "../../src/config/issue.ts";

Deno.test("formatIssue() prints FILE:LINE:COLUMN: path: message (CONTRACT Configuration file)", () => {
  const issue = {
    severity: "error",
    file: "a.yaml",
    path: ["bgp", "peers", 0, "as"],
    message: "is required",
  } as const;
  assert.equal(
    formatIssue({ ...issue, position: { line: 3, column: 7 } }),
    "a.yaml:3:7: bgp.peers[0].as: is required",
  );
  assert.equal(formatIssue({ ...issue, position: undefined, path: [] }), "a.yaml: is required");
  assert.equal(
    formatIssue({ ...issue, severity: "warning", position: { line: 1, column: 1 }, path: [] }),
    "a.yaml:1:1: warning: is required",
  );
});

Deno.test("formatPath() quotes keys that are not plain words", () => {
  assert.equal(formatPath([]), "");
  assert.equal(formatPath(["a", 0, 1, "b-c"]), "a[0][1].b-c");
  assert.equal(formatPath(["a b", "c.d", ""]), '"a b"."c.d".""');
});

Deno.test("formatValue() is one short line without control characters", () => {
  assert.equal(formatValue("a\nb\u001b[31m\u202e"), '"a\\nb\\u001b[31m\\u202e"');
  assert.equal(formatValue("x".repeat(100)), `"${"x".repeat(60)}…"`);
  assert.deepEqual([null, [], [1], {}, 1.5, true].map(formatValue), [
    "nothing",
    "an empty list",
    "a list",
    "a mapping",
    "1.5",
    "true",
  ]);
});
