/**
 * One request for each turn of the event loop: between two of them everything else gets to run, however fast they are
 * sent and by however many.
 */
import type { Clock } from "../time/clock.ts";

/** Admits one at a time. */
export class Pace implements Disposable {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  /** Until the turn is over. */
  #turn: Disposable | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when it is the caller's turn: at once where nobody had this one, else in order. */
  admit(): Promise<void> {
    if (this.#turn !== undefined) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#begin();
    return Promise.resolve();
  }

  /** Admits everybody, as nobody is to wait for what does not come any more. */
  [Symbol.dispose](): void {
    this.#turn?.[Symbol.dispose]();
    this.#turn = undefined;
    for (const admit of this.#waiting.splice(0)) admit();
  }

  #begin(): void {
    this.#turn = this.#clock.at(this.#clock.now(), () => {
      this.#turn = undefined;
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#begin();
      next();
    });
  }
}
