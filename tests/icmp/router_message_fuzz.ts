/** Messages of router discovery by chance, seeded, and what becomes of them. */
import assert from "node:assert/strict";
import { concat } from "../../src/bytes/concat.ts";
import {
  decodeRouterMessage,
  encodeRouterAdvertisement,
  encodeRouterSolicitation,
} from "../../src/icmp/router_messages.ts";
import type { FuzzSubject } from "../fuzz/fuzz.ts";
import type { Dice } from "../support/dice.ts";

const MINIMUM = { solicitation: 8, advertisement: 16 } as const;

/** Messages to whoever looks for a neighbour. */
export const ROUTER_MESSAGE_FUZZ: FuzzSubject = {
  name: "router-message",
  open: () => (dice) => {
    const head = dice.oneIn(3) ? encodeRouterSolicitation() : encodeRouterAdvertisement();
    const shown = dice.damaged(concat([head, ...options(dice)]));
    return {
      shown,
      judge() {
        const before = shown.toHex();
        const read = decodeRouterMessage(shown);
        assert.equal(shown.toHex(), before);
        if (read === undefined) return { verdict: "fail", sort: "nothing" };
        assert.equal(shown[0], read === "solicitation" ? 133 : 134);
        assert.equal(shown[1], 0);
        assert.ok(shown.length >= MINIMUM[read]);
        assert.equal(shown.length % 8, 0);
        return { verdict: "pass", sort: read };
      },
    };
  },
};

function options(dice: Dice): readonly Uint8Array[] {
  return Array.from({ length: dice.below(5) }, () => {
    const units = 1 + dice.below(4);
    return Uint8Array.of(dice.below(40), units, ...dice.octets(units * 8 - 2));
  });
}
