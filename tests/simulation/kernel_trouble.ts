/** How long an agent may be held up by a kernel that refuses or cannot be read: its back-off grows with the trouble, to a limit. */

/** After errors it waits at most so long before it looks again. */
const LONGEST_BACK_OFF_MS = 31_000;
/** The first attempts, and an answer on its way. */
const SLACK_MS = 1500;

/** Trouble of one kind; what comes before the last has passed is the same trouble. */
export class KernelTrouble {
  #sinceMs = 0;
  #untilMs = -Infinity;

  /** The agent has looked again by then at the latest. */
  get endMs(): number {
    return this.#untilMs + Math.min(LONGEST_BACK_OFF_MS, this.#untilMs - this.#sinceMs + SLACK_MS);
  }

  /** It comes, for so long. */
  comes(nowMs: number, forMs: number): void {
    if (nowMs > this.endMs) this.#sinceMs = nowMs;
    this.#untilMs = Math.max(this.#untilMs, nowMs + forMs);
  }
}
