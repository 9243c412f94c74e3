/** A clock that stands still until it is told to advance: hold timers of 90 s pass in no time. */
import type { Clock } from "../../src/time/clock.ts";

interface Entry {
  readonly atMs: number;
  /** Of timers that are equal the one that was armed first runs first. */
  readonly order: number;
  readonly callback: () => void;
  cancelled: boolean;
}

/** A virtual clock; `now()` starts at 0. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  #cancelled = 0;
  /** A heap: no entry is later than those at twice its place, and one after that. */
  #heap: Entry[] = [];

  now(): number {
    return this.#nowMs;
  }

  wallTime(): Date {
    return new Date(Date.UTC(2026, 0, 1) + this.#nowMs);
  }

  at(atMs: number, callback: () => void): Disposable {
    const entry: Entry = { atMs, order: this.#order++, callback, cancelled: false };
    this.#push(entry);
    return { [Symbol.dispose]: () => this.#cancel(entry) };
  }

  /** Timers that are armed. */
  get pending(): number {
    return this.#heap.length - this.#cancelled;
  }

  /** Moves time on and nothing else, as where the process is stopped: every timer that comes due will be late. */
  stall(ms: number): void {
    this.#nowMs += ms;
  }

  /** Moves time on, running timers in order; promises that they resolve get to run in between. */
  async advance(ms: number): Promise<void> {
    const target = this.#nowMs + ms;
    await settle();
    for (let next = this.#next(target); next !== undefined; next = this.#next(target)) {
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
      await settle();
    }
    this.#nowMs = target;
    await settle();
  }

  #next(target: number): Entry | undefined {
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= target; first = this.#heap[0]) {
      this.#pop();
      if (!first.cancelled) {
        // What is disposed after it has run was never cancelled.
        first.cancelled = true;
        return first;
      }
      this.#cancelled--;
    }
    return undefined;
  }

  #cancel(entry: Entry): void {
    if (entry.cancelled) return;
    entry.cancelled = true;
    this.#cancelled++;
    // Timers that are armed and cancelled again and again must not fill the heap.
    if (this.#cancelled <= this.#heap.length / 2 || this.#heap.length < 64) return;
    const left = this.#heap.filter(({ cancelled }) => !cancelled);
    this.#heap = [];
    this.#cancelled = 0;
    for (const each of left) this.#push(each);
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !isBefore(entry, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
      if (left === undefined) break;
      const goesRight = right !== undefined && isBefore(right, left);
      const child = goesRight ? right : left;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = 2 * at + (goesRight ? 2 : 1);
    }
    heap[at] = last;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}

/** Lets every promise that is ready run, some levels deep. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}
