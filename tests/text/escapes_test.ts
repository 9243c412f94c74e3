import assert from "node:assert/strict";
import { escapeUnprintable } from "../../src/text/escapes.ts";

Deno.test("escapeUnprintable() leaves nothing that moves a cursor, breaks a line or turns the writing round", () => {
  assert.equal(
    escapeUnprintable("a\u001b[31mb\n\u007f\u009b\u2028\u202e\u2066"),
    "a\\u001b[31mb\\u000a\\u007f\\u009b\\u2028\\u202e\\u2066",
  );
  assert.equal(escapeUnprintable("größer 日本 🚀"), "größer 日本 🚀");
  const value = { "k\u009b": ["\u202e", "\n"] };
  assert.deepEqual(JSON.parse(escapeUnprintable(JSON.stringify(value))), value);
});
