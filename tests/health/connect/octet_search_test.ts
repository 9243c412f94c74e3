/** Looking for octets in pieces, and showing octets to people. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { OctetSearch } from "../../../src/health/connect/octet_search.ts";

const text = (value: string) => new TextEncoder().encode(value);

Deno.test("OctetSearch finds what is there, wherever the pieces are cut, and nothing else", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 40 });
  const wanted = fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 8 }), wanted, (pieces, what) => {
      const search = new OctetSearch(text(what));
      let whole = "";
      for (const piece of pieces) {
        whole += piece;
        assert.equal(search.add(text(piece)), whole.includes(what));
      }
      assert.deepEqual(search.seen, text(whole));
    }),
    { seed: 9, numRuns: 2000 },
  );
});

Deno.test("OctetSearch knows every octet, also those that are no text", () => {
  const search = new OctetSearch(Uint8Array.of(0xff, 0, 0x80));
  assert.equal(search.add(Uint8Array.of(0xff)), false);
  assert.equal(search.add(Uint8Array.of(0xff, 0)), false);
  assert.equal(search.add(Uint8Array.of(0x80)), true);
});
