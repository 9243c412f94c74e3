/**
 * The rate of log lines is ours: lines that somebody else can cause in any number are told once in a period, with how many
 * more there were. Transitions always go out.
 */
import type { Clock } from "../time/clock.ts";
import { PERIOD_MS, Repeats } from "../time/repeats.ts";
import type { LogLine } from "./log_line.ts";

/** Stands between the events and the log. Disposing tells what was counted, for good. */
export class LineLimiter implements Disposable {
  readonly #write: (line: LogLine) => void;
  readonly #repeats: Repeats<LogLine>;

  constructor(clock: Clock, write: (line: LogLine) => void) {
    this.#write = write;
    this.#repeats = new Repeats(clock, { once: write, more: (line, count) => write(withCount(line, count)) });
  }

  /** Writes the line, or counts it. */
  line(line: LogLine): void {
    if (line.repeats === undefined) this.#write(line);
    else this.#repeats.note(line.repeats, line);
  }

  [Symbol.dispose](): void {
    this.#repeats[Symbol.dispose]();
  }
}

function withCount(line: LogLine, repeated: number): LogLine {
  const message = `${line.message} (the first of {repeated} more in ${PERIOD_MS / 1000} s)`;
  return { ...line, message, fields: { ...line.fields, repeated } };
}
