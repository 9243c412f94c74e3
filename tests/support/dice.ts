/** Dice that fall the same for the same seed, and octets that were damaged by chance. */
import { concat } from "../../src/bytes/concat.ts";
import { seeded } from "./random.ts";

/** Octets that are at the edge of something more often than others. */
const INTERESTING = [0, 1, 2, 3, 4, 5, 8, 16, 18, 19, 22, 23, 31, 32, 33, 64, 127, 128, 129, 254, 255];
/** A piece is repeated so often at most. */
const MOST_REPEATED = 4000;
/** Seldom, as it makes the longest ones. */
const REPEATED_ONCE_IN = 4000;

/** Dice. */
export class Dice {
  /** From 0 to 1, without 1. */
  readonly random: () => number;

  /** The same seed gives the same dice; those of neighbours have nothing in common. */
  constructor(seed: number, number = 0) {
    this.random = seeded(scattered(scattered(seed) ^ number));
    // Of a generator that has just begun the numbers are alike yet.
    for (let count = 0; count < 4; count++) this.random();
  }

  /** 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  /** True once in so many. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  /** One of them. @throws {Error} there is none */
  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new Error("nothing to pick from");
    return value;
  }

  /** So many octets, some of them more likely. */
  octets(count: number): Uint8Array {
    return Uint8Array.from(
      { length: count },
      () => this.below(4) === 0 ? this.pick(INTERESTING) : this.below(256),
    );
  }

  /** `octets`, damaged up to four times; `words` are what means something where it comes to stand. */
  damaged(octets: Uint8Array, words: readonly Uint8Array[] = []): Uint8Array {
    let damaged: Uint8Array = octets.slice();
    for (let count = this.below(5); count > 0; count--) damaged = this.#damagedOnce(damaged, words);
    return damaged;
  }

  #damagedOnce(octets: Uint8Array, words: readonly Uint8Array[]): Uint8Array {
    const at = this.below(octets.length + 1);
    const to = Math.min(octets.length, at + this.below(12));
    const [before, piece, after] = [octets.subarray(0, at), octets.subarray(at, to), octets.subarray(at)];
    switch (this.below(8)) {
      case 0:
        return concat([before, octets.subarray(to)]);
      case 1:
        return words.length === 0 ? before : concat([before, this.pick(words), after]);
      case 2:
        return concat([before, piece, after]);
      case 3:
        return concat([before, this.octets(this.below(20)), after]);
      case 4:
        return concat([before, Uint8Array.of((after[0] ?? 0) ^ (1 << this.below(8))), after.subarray(1)]);
      case 5:
        return this.oneIn(4) ? before : octets;
      case 6: {
        if (!this.oneIn(REPEATED_ONCE_IN / 8)) return octets;
        const repeated = Array.from({ length: this.below(MOST_REPEATED) }, () => piece);
        return concat([before, ...repeated, after]);
      }
      default:
        return concat([before, Uint8Array.of(this.below(256)), after.subarray(1)]);
    }
  }

  /** The same octets in pieces of about so many octets each. */
  pieces(octets: Uint8Array, longest: number): readonly Uint8Array[] {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < octets.length;) {
      const length = Math.max(1, Math.round(longest * (0.5 + this.random())));
      pieces.push(octets.subarray(at, at + length));
      at += length;
    }
    return pieces;
  }
}

/** All 32 bits of the result depend on all those of `value` (the last steps of MurmurHash3). */
function scattered(value: number): number {
  let bits = (value | 0) ^ 0x5bd1e995;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
