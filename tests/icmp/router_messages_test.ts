/** Router solicitations and advertisements as octets. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeRouterMessage,
  encodeRouterAdvertisement,
  encodeRouterSolicitation,
} from "../../src/icmp/router_messages.ts";

Deno.test("encodeRouterAdvertisement() is nobody's default router (RFC 4861 section 4.2)", () => {
  assert.equal(encodeRouterAdvertisement().toHex(), "86000000000000000000000000000000");
  assert.equal(encodeRouterSolicitation().toHex(), "8500000000000000");
});

/** What, octets, and what they are. */
const MESSAGES: readonly (readonly [string, string, "solicitation" | "advertisement" | undefined])[] = [
  ["our own advertisement", "86000000000000000000000000000000", "advertisement"],
  ["FRR's, with its link-layer address", "8600123440000000000000000000000001010a0b0c0d0e0f", "advertisement"],
  [
    "a default router's with a prefix of 32 octets",
    `860000004000070800000000000000000304${"40".repeat(30)}`,
    "advertisement",
  ],
  ["of code 1", "86010000000000000000000000000000", undefined],
  ["of 15 octets", "860000000000000000000000000000", undefined],
  ["an option of length 0", "860000000000000000000000000000000100000000000000", undefined],
  ["an option beyond the end", "860000000000000000000000000000000102000000000000", undefined],
  ["an option of 7 octets", "8600000000000000000000000000000001010000000000", undefined],
  ["a solicitation", "8500000000000000", "solicitation"],
  ["a solicitation of 7 octets", "85000000000000", undefined],
  ["a neighbour solicitation", "870000000000000000000000000000000000000000000000", undefined],
  ["nothing", "", undefined],
];

for (const [what, hex, wanted] of MESSAGES) {
  Deno.test(`decodeRouterMessage() of ${what} (RFC 4861 section 6.1)`, () => {
    assert.equal(decodeRouterMessage(Uint8Array.fromHex(hex)), wanted);
  });
}

Deno.test("decodeRouterMessage() throws at no octets, and takes what it takes with any further whole option", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(133, 134), (octets, type) => {
    const message = Uint8Array.of(type, 0, ...octets);
    const read = decodeRouterMessage(message);
    if (read === undefined) return;
    const option = Uint8Array.of(...message, 9, 1, 0, 0, 0, 0, 0, 0);
    assert.equal(decodeRouterMessage(option), read);
    assert.equal(decodeRouterMessage(option.subarray(0, -1)), undefined);
  }));
});
