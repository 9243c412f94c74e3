/**
 * One timer for the earliest deadline. Where it comes much too late the process stood still, and what has arrived meanwhile
 * goes before it: a peer is not to be lost for a silence of ours.
 */
import type { Clock } from "../time/clock.ts";

/** Timers that come this much too late mean that the process stood still. */
const STALL_MS = 100;
/** So long what has arrived meanwhile is heard first, once. */
const STALL_GRACE_MS = 20;

/** A timer that may be armed again and again. */
export class PatientTimer {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #armed: { readonly atMs: number; readonly timer: Disposable; readonly grace: boolean } | undefined;

  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Calls back at `atMs`, or earlier: one that is too early is left alone, as is a grace. Infinity: not at all. */
  arm(atMs: number): void {
    const armed = this.#armed;
    if (armed !== undefined && atMs !== Infinity && (armed.grace || armed.atMs <= atMs)) return;
    armed?.timer[Symbol.dispose]();
    this.#armed = undefined;
    if (atMs !== Infinity) this.#armAt(atMs, false);
  }

  #armAt(atMs: number, grace: boolean): void {
    const timer = this.#clock.at(atMs, () => {
      this.#armed = undefined;
      const now = this.#clock.now();
      if (now - atMs > STALL_MS && !grace) return this.#armAt(now + STALL_GRACE_MS, true);
      this.#onDue();
    });
    this.#armed = { atMs, timer, grace };
  }
}
