// Which known word an unknown one probably is.
import assert from "node:assert/strict";
import { nearest } from "../../src/text/nearest.ts";

Deno.test("nearest() guesses slips of one in three letters, swaps, other case and beginnings", () => {
  const known = ["level", "format", "listenPort", "ipv4-unicast", "as"];
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["levle", "level"],
    ["LEVEL", "level"],
    ["listenport", "listenPort"],
    ["listen_port", "listenPort"],
    ["ipv4", "ipv4-unicast"],
    ["sa", "as"],
    ["x", undefined],
    ["", undefined],
    ["bogus", undefined],
    ["y".repeat(1000), undefined],
  ];
  for (const [word, expected] of rows) assert.equal(nearest(word, known), expected, word);
});
