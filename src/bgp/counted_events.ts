/**
 * Events whose rate is an outsider's choice: the first is told at once, and of those that follow within a period how many
 * they were, with the first of them, at its end.
 */
import type { Clock } from "../time/clock.ts";

/** What is counted within a period. */
const PERIOD_MS = 10_000;

/** Counts events by kind. */
export class CountedEvents<T> implements Disposable {
  readonly #clock: Clock;
  readonly #tell: (first: T, count: number) => void;
  /** Kinds that were told in this period, with what came after. */
  readonly #kinds = new Map<string, { first: T | undefined; count: number }>();
  #period: Disposable | undefined;

  constructor(clock: Clock, tell: (first: T, count: number) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** Something of `kind` happened; kinds are few. */
  note(kind: string, event: T): void {
    const counted = this.#kinds.get(kind);
    if (counted !== undefined) {
      counted.first ??= event;
      counted.count++;
      return;
    }
    this.#kinds.set(kind, { first: undefined, count: 0 });
    this.#arm();
    this.#tell(event, 1);
  }

  /** Tells what is counted and counts no more. */
  [Symbol.dispose](): void {
    this.#period?.[Symbol.dispose]();
    this.#period = undefined;
    this.#endPeriod();
    this.#kinds.clear();
  }

  #arm(): void {
    this.#period ??= this.#clock.at(this.#clock.now() + PERIOD_MS, () => {
      this.#period = undefined;
      this.#endPeriod();
      if (this.#kinds.size > 0) this.#arm();
    });
  }

  /** Kinds of which nothing more came are told at once the next time. */
  #endPeriod(): void {
    for (const [kind, { first, count }] of [...this.#kinds]) {
      this.#kinds.delete(kind);
      if (first === undefined) continue;
      this.#kinds.set(kind, { first: undefined, count: 0 });
      this.#tell(first, count);
    }
  }
}
