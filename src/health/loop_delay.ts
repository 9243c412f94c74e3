/**
 * How much of the time the event loop did not do what was due, summed up over all the checks of a process while any of them
 * probes. One stall shows at the timer that it delays; many short ones, each too little to mind, take an answer its time as
 * well, and so does one that falls between a check's own timers.
 */
import type { Clock } from "../time/clock.ts";

/** A beat while probes run. */
const EVERY_MS = 100;
/** Every busy loop is as late as this. */
const USUAL_MS = 20;

/** From its beginning on. */
export interface DelaySpan {
  /** So long the loop was late within it. */
  readonly delayedMs: number;
  /** Nothing is measured for it any more. */
  end(): void;
}

/** The delays of one event loop. Disposing ends the beat. */
export class LoopDelay implements Disposable {
  readonly #clock: Clock;
  #spans = 0;
  #summedMs = 0;
  /** When the beat is due, while there is one. */
  #dueMs = Infinity;
  #timer: Disposable | undefined;
  #open = true;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begins to measure for a probe. */
  begin(): DelaySpan {
    this.#spans++;
    if (this.#timer === undefined) this.#arm();
    const beforeMs = this.#delayMs();
    let open = true;
    const since = () => this.#delayMs() - beforeMs;
    return {
      get delayedMs() {
        return since();
      },
      end: () => {
        if (open) this.#spans--;
        open = false;
      },
    };
  }

  [Symbol.dispose](): void {
    this.#open = false;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#dueMs = Infinity;
  }

  /** Of all beats so far, and of the one that is due. */
  #delayMs(): number {
    return this.#summedMs + Math.max(0, this.#clock.now() - this.#dueMs - USUAL_MS);
  }

  /** Where no timer can be set nothing is measured, and no probe is held up by that. */
  #arm(): void {
    if (!this.#open) return;
    const dueMs = this.#clock.now() + EVERY_MS;
    try {
      this.#timer = this.#clock.at(dueMs, () => this.#beat());
      this.#dueMs = dueMs;
    } catch {
      this.#timer = undefined;
    }
  }

  #beat(): void {
    this.#summedMs = this.#delayMs();
    this.#timer = undefined;
    this.#dueMs = Infinity;
    if (this.#spans > 0) this.#arm();
  }
}
