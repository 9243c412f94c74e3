/** Work that is wanted again while it waits for its time, and then done once. */
import type { Clock } from "./clock.ts";

/** One timer at most. Disposing cancels it. */
export class Pending implements Disposable {
  readonly #clock: Clock;
  readonly #work: () => void;
  #timer: Disposable | undefined;
  #dueMs = Infinity;

  constructor(clock: Clock, work: () => void) {
    this.#clock = clock;
    this.#work = work;
  }

  /** When it is done; Infinity: it is not wanted. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** Does it in `ms`, by default in the next turn, or when it was wanted for already. */
  want(ms = 0): void {
    if (this.#timer !== undefined) return;
    const dueMs = this.#clock.now() + ms;
    this.#timer = this.#clock.at(dueMs, () => {
      this[Symbol.dispose]();
      this.#work();
    });
    this.#dueMs = dueMs;
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#dueMs = Infinity;
  }
}
