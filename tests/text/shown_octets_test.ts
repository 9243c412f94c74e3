/** shownOctets(): octets from outside on one line, harmless, and cut where there are many. */
import assert from "node:assert/strict";
import { shownOctets } from "../../src/text/shown_octets.ts";

const text = (value: string) => new TextEncoder().encode(value);

for (
  const [octets, shown] of [
    [text("220 mail\r\n"), '"220 mail\\r\\n"'],
    [text("Zürich"), '"Zürich"'],
    [text('say "x"'), '"say \\"x\\""'],
    [text("\u202egnp\u001b[2J"), '"\\u202egnp\\u001b[2J"'],
    [new Uint8Array(), '""'],
    [text("a\0"), "octets 6100"],
    [Uint8Array.of(0xff, 0xfe), "octets fffe"],
    [new Uint8Array(41), `octets ${"00".repeat(40)}…`],
    [text("x".repeat(80)), `"${"x".repeat(80)}"`],
    [text("x".repeat(81)), `"${"x".repeat(80)}"…`],
    // A character that is cut at the end is no reason to show hexadecimal.
    [text(`${"x".repeat(79)}ü`), `"${"x".repeat(79)}"…`],
  ] as const
) {
  Deno.test(`shownOctets() shows ${shown}`, () => assert.equal(shownOctets(octets), shown));
}
