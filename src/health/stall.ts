/**
 * Whether this process stood still: a timer that comes much too late tells. Answers that came in meanwhile then have a
 * moment before anything counts as timed out, once; timers that are always late must not stop a check. Where it has more to
 * do than it can, no timer is late by much and all are by some: what adds up of that tells.
 */

/** This process was not running, or was busy, where a timer comes later than this. */
const STALL_MS = 50;
/** Time for answers that came in meanwhile, before anything counts as timed out. */
const STALL_GRACE_MS = 20;

/** Where each turn takes so long, the steps of a probe add up to a timeout. Less is what a limit of the CPU does to everybody. */
const BEHIND_MS = 100;

/** For how long this process was behind: the time in which a timer of any check had been due and did not come. */
export class Lateness {
  #totalMs = 0;
  #countedToMs = -Infinity;

  /** Of all time, each moment counted once. */
  get totalMs(): number {
    return this.#totalMs;
  }

  /** A timer that was due at `dueMs` has come. */
  cameAt(nowMs: number, dueMs: number): void {
    if (nowMs - dueMs < BEHIND_MS) return;
    this.#totalMs += Math.max(0, nowMs - Math.max(dueMs, this.#countedToMs));
    this.#countedToMs = nowMs;
  }
}

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
