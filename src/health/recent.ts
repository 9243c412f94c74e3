/**
 * The last results of a check, newest first when they are asked for. There may be ten thousand checks: numbers lie side by
 * side, and a detail that is the same as one before it is the same text.
 */
import type { OutcomeKind, ProbeResult } from "./kinds/probe.ts";

/** One of them. Moments are on the scale of the clock's `now()`. */
export type RecentResult = Pick<ProbeResult, "kind" | "detail" | "seenMs" | "durationMs">;

/** So many are kept. */
export const RECENT_RESULTS = 10;

const KINDS: readonly OutcomeKind[] = ["pass", "fail", "unknown"];
/** Of each result: kind, when, and how long it took. */
const NUMBERS = 3;

/** The ring of one check. */
export class RecentResults {
  // Of their full length from the beginning: what grows keeps room to grow.
  readonly #numbers: number[] = new Array(NUMBERS * RECENT_RESULTS).fill(0.5);
  readonly #details: string[] = new Array(RECENT_RESULTS).fill("");
  /** All that were ever added. */
  #count = 0;

  /** The oldest one goes where there is no room. */
  add({ kind, detail, seenMs, durationMs }: RecentResult): void {
    const at = this.#count++ % RECENT_RESULTS;
    const known = this.#details.indexOf(detail);
    this.#details[at] = known < 0 ? detail : this.#details[known] ?? detail;
    const numbers = [KINDS.indexOf(kind), seenMs, durationMs];
    numbers.forEach((number, index) => this.#numbers[at * NUMBERS + index] = number);
  }

  /** The newest one first. */
  list(): readonly RecentResult[] {
    const length = Math.min(this.#count, RECENT_RESULTS);
    return Array.from({ length }, (_, age) => this.#of((this.#count - 1 - age) % RECENT_RESULTS));
  }

  #of(at: number): RecentResult {
    const [kind = 0, seenMs = 0, durationMs = 0] = this.#numbers.slice(at * NUMBERS, (at + 1) * NUMBERS);
    return { kind: KINDS[kind] ?? "unknown", detail: this.#details[at] ?? "", seenMs, durationMs };
  }
}
