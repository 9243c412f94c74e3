/** Random choices of a run, the same for the same seed. */
import { seeded } from "../support/random.ts";

/** A source of choices. */
export class Dice {
  readonly random: () => number;

  constructor(seed: number) {
    this.random = seeded(seed);
  }

  /** An integer from 0 to `limit`, without `limit`. */
  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True in this share of cases. */
  chance(share: number): boolean {
    return this.random() < share;
  }

  /** One of them. @throws {RangeError} where there is none */
  pick<T>(values: readonly T[]): T {
    const index = this.below(values.length);
    for (const [at, value] of values.entries()) if (at === index) return value;
    throw new RangeError("nothing to pick from");
  }

  /** Each of them in this share of cases. */
  some<T>(values: readonly T[], share: number): readonly T[] {
    return values.filter(() => this.chance(share));
  }
}
