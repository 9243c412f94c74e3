/** Header blocks of HTTP/2 by chance, seeded, also such as are as long as they may be. */
import assert from "node:assert/strict";
import { concat } from "../../../src/bytes/concat.ts";
import { ProbeFailure } from "../../../src/health/connect/failure.ts";
import { decodeFields, encodeFields, type HeaderField } from "../../../src/health/connect/hpack.ts";
import { MAX_HEADER_OCTETS } from "../../../src/health/connect/http2_frames.ts";
import { checkWords, type FuzzSubject, sortOf } from "../../fuzz/fuzz.ts";
import type { Dice } from "../../support/dice.ts";

const WANTED = ["location", "grpc-status", "x"];
/** Names of the static table, by their index: :status, and location. */
const INDEXED = [8, 46, 1, 61, 62, 0];
/** The shortest Huffman code has five bits. */
const LETTERS_AN_OCTET = 8 / 5;

/** Header blocks. */
export const HPACK_FUZZ: FuzzSubject = {
  name: "hpack",
  open: () => (dice) => {
    const parts = Array.from({ length: dice.below(5) }, () => part(dice));
    const shown = (dice.oneIn(2) ? concat(parts) : dice.damaged(concat(parts))).slice(0, MAX_HEADER_OCTETS);
    const written = Array.from(
      { length: dice.below(3) },
      () =>
        [
          dice.pick(WANTED),
          String.fromCharCode(...dice.octets(dice.below(300)).map((octet) => octet & 127)),
        ] as const,
    );
    return {
      shown,
      judge() {
        // What we write reads back.
        const block = encodeFields(written);
        assert.deepEqual(decodeFields(block, WANTED), written.map(([name, value]) => ({ name, value })));
        const read = readable(shown);
        if (typeof read === "string") return { verdict: "fail", sort: sortOf(read) };
        for (const { name, value } of read) {
          assert.ok(name === undefined || name === ":status" || WANTED.includes(name), name);
          assert.ok(value.length <= Math.max(3, shown.length * LETTERS_AN_OCTET), `${value.length} letters`);
        }
        // No table is kept, so a block is what its parts are.
        const both = readable(concat([shown, block]));
        assert.deepEqual(both, [...read, ...decodeFields(block, WANTED)]);
        return { verdict: "pass", sort: `${Math.min(read.length, 9)} fields` };
      },
    };
  },
};

function readable(block: Uint8Array): readonly HeaderField[] | string {
  try {
    return decodeFields(block, WANTED);
  } catch (error) {
    if (!(error instanceof ProbeFailure)) throw error;
    checkWords(error.message);
    return error.message;
  }
}

function part(dice: Dice): Uint8Array {
  switch (dice.below(5)) {
    case 0:
      return Uint8Array.of(0x80 | dice.pick(INDEXED));
    case 1:
      return Uint8Array.of(0x20 | dice.below(31));
    case 2:
      return concat([Uint8Array.of(0x40 | dice.pick(INDEXED)), text(dice)]);
    case 3:
      return concat([Uint8Array.of(0), text(dice), text(dice)]);
    default:
      return encodeFields([[dice.pick(WANTED), "y".repeat(dice.below(300))]]);
  }
}

/** By Huffman or as it is; seldom as long as a block may be. */
function text(dice: Dice): Uint8Array {
  const length = dice.oneIn(4000) ? 60_000 : dice.below(dice.oneIn(20) ? 400 : 12);
  // Letters of five bits (0 to 9 and some more) all through, or anything.
  const octets = dice.oneIn(2)
    ? new Uint8Array(length).fill(dice.pick([0, 0x18, 0xff]))
    : dice.octets(length);
  const huffman = dice.oneIn(2) ? 0x80 : 0;
  if (length < 127) return concat([Uint8Array.of(huffman | length), octets]);
  const rest = length - 127;
  return concat([
    Uint8Array.of(huffman | 127, rest & 127 | 128, rest >> 7 & 127 | 128, rest >> 14 & 127),
    octets,
  ]);
}
