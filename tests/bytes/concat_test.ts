import assert from "node:assert/strict";
import { concat } from "../../src/bytes/concat.ts";

Deno.test("concat() puts pieces behind each other, and copies no piece that is alone", () => {
  const piece = Uint8Array.of(1, 2);
  assert.deepEqual(concat([piece, new Uint8Array(), Uint8Array.of(3)]), Uint8Array.of(1, 2, 3));
  assert.deepEqual(concat([]), new Uint8Array());
  assert.equal(concat([piece]), piece);
});
