/** A clock that loses the timers of some files of the sources: a planted fault, as where a driver does not arm its timer again. */
import type { Clock } from "../../src/time/clock.ts";

/** Files that set timers for others. */
const BETWEEN = /\/src\/time\/(clock|pending)\.ts|\/src\/bgp\/patient_timer\.ts/;

/** Loses nothing until `stuck` names any. */
export class StuckClock implements Clock {
  readonly #clock: Clock;
  /** Timers of these files never come, and those that are armed already neither. */
  stuck: readonly string[] = [];
  /** Timers that were lost. */
  lost = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  wallTime(): Date {
    return this.#clock.wallTime();
  }

  at(atMs: number, callback: () => void): Disposable {
    const frames = (new Error().stack ?? "").split("\n").filter((frame) => frame.includes("/src/"));
    const owner = frames.find((frame) => !BETWEEN.test(frame)) ?? "";
    return this.#clock.at(atMs, () => {
      if (!this.stuck.some((file) => owner.includes(file))) return callback();
      this.lost++;
    });
  }
}
