/** Time as a port: monotonic milliseconds and one-shot timers, so that everything above runs on a virtual clock. */

/** A source of time and timers. */
export interface Clock {
  /** Monotonic milliseconds; the origin is arbitrary. */
  now(): number;
  /** Wall-clock time, for people and logs only. */
  wallTime(): Date;
  /** Calls back once, at or after `atMs` on the scale of `now()`. Disposing cancels; disposing twice is fine. */
  at(atMs: number, callback: () => void): Disposable;
}

/** A time that has always come: what is due at it runs in the next turn, at once where a timer of 0 takes two milliseconds. */
export const NEXT_TURN = -Infinity;

/** Resolves after `ms`; after none in the next turn, so that others have theirs. */
export function sleep(clock: Clock, ms = 0): Promise<void> {
  return new Promise((resolve) => void clock.at(clock.now() + ms, resolve));
}

/** The same clock, where a timer that cannot be set is told and tried once more: a driver without its timer is dead. */
export function sturdyClock(clock: Clock, onFault: (error: unknown) => void): Clock {
  return {
    now: () => clock.now(),
    wallTime: () => clock.wallTime(),
    at(atMs, callback) {
      try {
        return clock.at(atMs, callback);
      } catch (error) {
        onFault(error);
        return clock.at(atMs, callback);
      }
    },
  };
}

/** A random number in [0, 1). */
export type Random = () => number;

/**
 * While one turn follows the other at once the runtime asks for its sockets in every 61st only: after so long all who want the
 * next turn wait for a timer, so that the loop does.
 */
const SOCKETS_MS = 15;

/** The clock of this process. */
export const systemClock: Clock = openSystemClock();

function openSystemClock(): Clock {
  /** When the loop has waited last, as far as is known: for a timer beside which nothing came at once. */
  let waitedMs = -Infinity;
  let cameAtOnce = 0;
  const moments = new Map<number, Moment>();

  function nextTurn(callback: () => void): Disposable {
    if (performance.now() < waitedMs + SOCKETS_MS) {
      const immediate = setImmediate(() => {
        cameAtOnce++;
        callback();
      });
      return { [Symbol.dispose]: () => clearImmediate(immediate) };
    }
    const before = cameAtOnce;
    const timer = setTimeout(() => {
      if (cameAtOnce === before) waitedMs = performance.now();
      callback();
    }, 0);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  }

  return {
    now: () => performance.now(),
    wallTime: () => new Date(),
    at(atMs, callback) {
      if (atMs === NEXT_TURN) return nextTurn(callback);
      const known = moments.get(atMs);
      if (known !== undefined) return known.add(callback);
      const moment = new Moment(atMs, () => void moments.delete(atMs));
      moments.set(atMs, moment);
      return moment.add(callback);
    },
  };
}

/**
 * Those who wait for the same moment, by one timer of the runtime, which costs more than most of what it is set for. What
 * one of them throws is an uncaught exception, and takes nothing from the others.
 */
class Moment {
  readonly #atMs: number;
  readonly #onEnd: () => void;
  readonly #waiting = new Set<Waiting>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(atMs: number, onEnd: () => void) {
    this.#atMs = atMs;
    this.#onEnd = onEnd;
    this.#arm();
  }

  add(callback: () => void): Disposable {
    const waiting = new Waiting(callback, this);
    this.#waiting.add(waiting);
    return waiting;
  }

  remove(waiting: Waiting): void {
    if (!this.#waiting.delete(waiting) || this.#waiting.size > 0) return;
    clearTimeout(this.#timer);
    this.#onEnd();
  }

  #arm(): void {
    // setTimeout takes 32 bits and may fire a fraction of a millisecond early; both are hidden here.
    const wait = Math.min(Math.max(0, Math.ceil(this.#atMs - performance.now())), 0x7fff_ffff);
    this.#timer = setTimeout(() => performance.now() < this.#atMs ? this.#arm() : this.#come(), wait);
  }

  #come(): void {
    this.#onEnd();
    for (const waiting of this.#waiting) {
      this.#waiting.delete(waiting);
      try {
        waiting.callback();
      } catch (error) {
        reportError(error);
      }
    }
  }
}

class Waiting implements Disposable {
  readonly #moment: Moment;

  constructor(readonly callback: () => void, moment: Moment) {
    this.#moment = moment;
  }

  [Symbol.dispose](): void {
    this.#moment.remove(this);
  }
}
