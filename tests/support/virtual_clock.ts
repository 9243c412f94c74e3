/** A clock that stands still until it is told to advance: hold timers of 90 s pass in no time. */
import type { Clock } from "../../src/time/clock.ts";

interface Entry {
  readonly atMs: number;
  readonly callback: () => void;
}

/** A virtual clock; `now()` starts at 0. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #entries: Entry[] = [];

  now(): number {
    return this.#nowMs;
  }

  wallTime(): Date {
    return new Date(Date.UTC(2026, 0, 1) + this.#nowMs);
  }

  at(atMs: number, callback: () => void): Disposable {
    const entry = { atMs, callback };
    this.#entries.push(entry);
    return {
      [Symbol.dispose]: () => void (this.#entries = this.#entries.filter((other) => other !== entry)),
    };
  }

  /** Timers that are armed. */
  get pending(): number {
    return this.#entries.length;
  }

  /** Moves time on and nothing else, as where the process is stopped: every timer that comes due will be late. */
  stall(ms: number): void {
    this.#nowMs += ms;
  }

  /** Moves time on, running timers in order; promises that they resolve get to run in between. */
  async advance(ms: number): Promise<void> {
    const target = this.#nowMs + ms;
    await settle();
    for (;;) {
      // The first of those that are equal: timers run in the order in which they were armed.
      let index = 0;
      this.#entries.forEach(({ atMs }, at) =>
        index = atMs < (this.#entries[index]?.atMs ?? Infinity) ? at : index
      );
      const next = this.#entries[index];
      if (next === undefined || next.atMs > target) break;
      this.#entries.splice(index, 1);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
      await settle();
    }
    this.#nowMs = target;
    await settle();
  }
}

/** Lets every promise that is ready run, some levels deep. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}
