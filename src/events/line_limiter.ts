/**
 * The rate of log lines is ours: of lines that somebody else can cause in any number the first one of each key goes out
 * at once, and the rest of the period is counted and told in one line at its end. Transitions always go out. Keys are
 * bounded; what has no room counts together.
 */
import type { Clock } from "../time/clock.ts";
import type { LogLine } from "./log_line.ts";

/** Lines of one key within this time are one. */
export const PERIOD_MS = 10_000;
/** So many keys are told apart within a period. */
export const MAX_KEYS = 256;
const OTHERS = "others";

interface Repeated {
  readonly last: LogLine;
  readonly count: number;
}

/** Stands between the events and the log. */
export class LineLimiter implements Disposable {
  readonly #clock: Clock;
  readonly #write: (line: LogLine) => void;
  readonly #repeated = new Map<string, Repeated>();
  #timer: Disposable | undefined;

  constructor(clock: Clock, write: (line: LogLine) => void) {
    this.#clock = clock;
    this.#write = write;
  }

  /** Writes the line, or counts it. */
  line(line: LogLine): void {
    if (line.repeats === undefined) return this.#write(line);
    const known = this.#repeated.has(line.repeats) || this.#repeated.size < MAX_KEYS;
    const key = known ? line.repeats : OTHERS;
    const before = this.#repeated.get(key);
    this.#repeated.set(key, { last: line, count: (before?.count ?? -1) + 1 });
    this.#timer ??= this.#clock.at(this.#clock.now() + PERIOD_MS, () => this.flush());
    if (before === undefined) this.#write(line);
  }

  /** Tells what was counted, and begins anew: a key that stays busy has two lines in each period. */
  flush(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const repeated = [...this.#repeated.values()];
    this.#repeated.clear();
    for (const { last, count } of repeated) {
      if (count === 0) continue;
      const message = `${last.message} (the last of {repeated} more in ${PERIOD_MS / 1000} s)`;
      this.#write({ ...last, message, fields: { ...last.fields, repeated: count } });
    }
  }

  /** Tells what was counted, for good. */
  [Symbol.dispose](): void {
    this.flush();
  }
}
