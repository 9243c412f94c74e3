/** ICMP and ICMPv6 messages by chance, seeded: replies, errors with what they return, and what becomes of them. */
import assert from "node:assert/strict";
import { concat } from "../../src/bytes/concat.ts";
import { decodeIcmp, encodeEchoRequest, type IcmpMessage } from "../../src/icmp/packet.ts";
import { checkWords, type FuzzSubject } from "../fuzz/fuzz.ts";
import type { Dice } from "../support/dice.ts";

const HEADER_OCTETS = 8;
const REPLY = { 4: 0, 6: 129 } as const;
const ERRORS = { 4: [3, 11, 12, 5, 4], 6: [1, 2, 3, 4] } as const;

/** Messages to a socket of echo requests. */
export const ICMP_FUZZ: FuzzSubject = {
  name: "icmp",
  open: () => (dice) => {
    const family = dice.pick([4, 6] as const);
    const made = dice.damaged(message(dice, family));
    // Most have a right checksum, as what is behind it would not be seen otherwise.
    const shown = family === 4 && !dice.oneIn(4) ? withChecksum(made) : made;
    return {
      shown: concat([Uint8Array.of(family), shown]),
      judge() {
        const before = shown.toHex();
        const read = decodeIcmp(family, shown);
        assert.equal(shown.toHex(), before);
        if (read === undefined) return { verdict: "fail", sort: `IPv${family}, nothing` };
        checkMessage(read, family, shown);
        return {
          verdict: read.type === "reply" ? "pass" : "fail",
          sort: `IPv${family}, ${read.type === "reply" ? "a reply" : read.reason.replace(/\d+/g, "N")}`,
        };
      },
    };
  },
};

/** That what was read is in the octets. */
function checkMessage(read: IcmpMessage, family: 4 | 6, octets: Uint8Array): void {
  if (family === 4) assert.equal(sumOf(octets), 0xffff);
  const { identifier, sequence, payload } = read.echo;
  const end = octets.subarray(octets.length - payload.length - 4);
  assert.equal(end.subarray(4).toHex(), payload.toHex());
  assert.equal(identifier * 65536 + sequence, new DataView(end.slice().buffer).getUint32(0));
  if (read.type === "reply") {
    assert.equal(payload.length, octets.length - HEADER_OCTETS);
    assert.equal(octets[0], REPLY[family]);
    return;
  }
  checkWords(read.reason);
  assert.equal(read.destination.length, family === 4 ? 4 : 16);
}

function message(dice: Dice, family: 4 | 6): Uint8Array {
  const request = encodeEchoRequest(family, {
    identifier: dice.below(65536),
    sequence: dice.below(65536),
    payload: dice.octets(dice.below(40)),
  });
  if (dice.oneIn(3)) return concat([Uint8Array.of(REPLY[family]), request.subarray(1)]);
  const head = Uint8Array.of(dice.pick(ERRORS[family]), dice.below(dice.oneIn(2) ? 20 : 5), 0, 0, 0, 0, 0, 0);
  return concat([
    head,
    ipHeader(dice, family),
    request.subarray(0, dice.oneIn(3) ? dice.below(60) : undefined),
  ]);
}

function ipHeader(dice: Dice, family: 4 | 6): Uint8Array {
  const header = dice.octets(family === 6 ? 40 : dice.oneIn(4) ? 24 : 20);
  header[0] = family === 6 ? 0x60 : 0x40 | header.length / 4;
  header[family === 6 ? 6 : 9] = family === 6 ? 58 : 1;
  return header;
}

function withChecksum(octets: Uint8Array): Uint8Array {
  if (octets.length < 4) return octets;
  const right = octets.slice();
  right.set([0, 0], 2);
  const sum = ~sumOf(right);
  right.set([sum >> 8 & 255, sum & 255], 2);
  return right;
}

/** The sum of RFC 1071 before it is complemented, octet by octet as it is defined. */
function sumOf(octets: Uint8Array): number {
  let sum = 0;
  octets.forEach((octet, at) => sum += at % 2 === 0 ? octet * 256 : octet);
  while (sum > 0xffff) sum = Math.floor(sum / 65536) + sum % 65536;
  return sum;
}
