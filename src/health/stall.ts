/**
 * Whether this process stood still: a timer that comes much too late tells. Answers that came in meanwhile then have a
 * moment before anything counts as timed out, once; timers that are always late must not stop a check.
 */

/** This process was not running, or was busy, where a timer comes later than this. */
const STALL_MS = 50;
/** Time for answers that came in meanwhile, before anything counts as timed out. */
const STALL_GRACE_MS = 20;

/** Watches the timers of one check. */
export class StallWatch {
  #notBeforeMs = -Infinity;
  /** The last timer came late, and the next one acts whatever happens. */
  #graceGiven = false;

  /** No timer is to come before this. */
  get notBeforeMs(): number {
    return this.#notBeforeMs;
  }

  /** A timer that was due at `dueMs` has come: how late, where that is a stall, and whether to wait for one more. */
  cameAt(nowMs: number, dueMs: number): { readonly stalledMs: number; readonly waits: boolean } {
    const lateMs = nowMs - dueMs;
    const stalled = lateMs > STALL_MS;
    const waits = stalled && !this.#graceGiven;
    this.#graceGiven = waits;
    if (waits) this.#notBeforeMs = nowMs + STALL_GRACE_MS;
    return { stalledMs: stalled ? lateMs : 0, waits };
  }
}
