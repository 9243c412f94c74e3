/** What others can cause in any number, done at once where it is rare, and ever less often while it goes on. */
import type { Clock } from "../time/clock.ts";

const FIRST_GAP_MS = 100;
const LONGEST_GAP_MS = 5_000;
/** After so long without it comes as the first time. */
const QUIET_MS = 30_000;

/** Does one thing, as often as that. The last call is never lost: it waits for the end of the gap. */
export class Spaced {
  readonly #clock: Clock;
  readonly #work: () => void;
  readonly #firstGapMs: number;
  #gapMs = 0;
  #doneMs = -Infinity;
  #timer: Disposable | undefined;

  /** The gap is `firstGapMs` after the first time, and doubles with each. */
  constructor(clock: Clock, work: () => void, firstGapMs = FIRST_GAP_MS) {
    this.#firstGapMs = firstGapMs;
    this.#clock = clock;
    this.#work = work;
  }

  /** Does it in this turn, or at the end of the gap. */
  call(): void {
    if (this.#timer !== undefined) return;
    const nowMs = this.#clock.now();
    if (nowMs - this.#doneMs >= QUIET_MS) this.#gapMs = 0;
    const dueMs = this.#doneMs + this.#gapMs;
    if (nowMs >= dueMs) return this.#do();
    this.#timer = this.#clock.at(dueMs, () => {
      this.#timer = undefined;
      this.#do();
    });
  }

  /** What waits is not done. */
  cancel(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #do(): void {
    this.#doneMs = this.#clock.now();
    this.#gapMs = Math.min(Math.max(2 * this.#gapMs, this.#firstGapMs), LONGEST_GAP_MS);
    this.#work();
  }
}
