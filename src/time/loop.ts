/**
 * What goes on by itself, and by when it has to turn again. Who watches asks now and then (agent/liveness.ts); a loop that
 * is overdue has lost what would call it.
 */

/** One of them, at the moment of the question. */
export interface Loop {
  /** In words, such as `check web/http`. */
  readonly name: string;
  /** On the clock: by then it turns, by its own will. Infinity: nothing is due; -Infinity: it runs and waits for nothing. */
  readonly dueMs: number;
}
