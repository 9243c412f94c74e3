/**
 * What somebody else can cause in any number: of each key the first is told at once, and those that follow within a period
 * as a number at its end. Keys are bounded, too; what has no room counts together.
 */
import type { Clock } from "./clock.ts";

/** What is counted together. */
export const PERIOD_MS = 10_000;
/** So many keys are told apart within a period. */
export const MAX_KEYS = 256;
const OTHERS = "others";

/** Who is told. */
export interface RepeatsReader<T> {
  /** The first of its key. */
  once(item: T): void;
  /** `count` more came within the period, of which this is the first. */
  more(first: T, count: number): void;
}

interface Counted<T> {
  readonly first: T | undefined;
  readonly count: number;
}

/** Counts what repeats itself. Disposing tells what is counted, and ends the period. */
export class Repeats<T> implements Disposable {
  readonly #clock: Clock;
  readonly #reader: RepeatsReader<T>;
  /** Keys that were told in this period, with what came after. */
  readonly #keys = new Map<string, Counted<T>>();
  #period: Disposable | undefined;

  constructor(clock: Clock, reader: RepeatsReader<T>) {
    this.#clock = clock;
    this.#reader = reader;
  }

  /** One more of `key`. */
  note(key: string, item: T): void {
    const known = this.#keys.has(key) || this.#keys.size < MAX_KEYS ? key : OTHERS;
    const before = this.#keys.get(known);
    if (before !== undefined) {
      this.#keys.set(known, { first: before.first ?? item, count: before.count + 1 });
      return;
    }
    this.#keys.set(known, { first: undefined, count: 0 });
    this.#arm();
    this.#reader.once(item);
  }

  [Symbol.dispose](): void {
    this.#period?.[Symbol.dispose]();
    this.#period = undefined;
    this.#endPeriod();
    this.#keys.clear();
  }

  #arm(): void {
    this.#period ??= this.#clock.at(this.#clock.now() + PERIOD_MS, () => {
      this.#period = undefined;
      this.#endPeriod();
      if (this.#keys.size > 0) this.#arm();
    });
  }

  /** A key of which nothing more came is told at once the next time; one that stays busy, once in each period. */
  #endPeriod(): void {
    for (const [key, { first, count }] of [...this.#keys]) {
      this.#keys.delete(key);
      if (first === undefined) continue;
      this.#keys.set(key, { first: undefined, count: 0 });
      this.#reader.more(first, count);
    }
  }
}
