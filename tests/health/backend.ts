/** A service to be probed, on the virtual clock: each attempt passes, fails or hangs as the test says. */
import type { Probe, ProbeOutcome } from "../../src/health/kinds/probe.ts";
import type { Clock } from "../../src/time/clock.ts";

/** What one attempt meets: an outcome after some time (`pass: undefined` is unknown), or no answer for ever. */
export type Answer =
  | { readonly pass: boolean; readonly afterMs: number }
  | { readonly pass: undefined; readonly afterMs: number }
  | "hang";

/** Answers attempts, and keeps the moments at which they came. */
export class Backend implements Probe {
  /** When each attempt came, on the clock's scale. */
  readonly starts: number[] = [];
  readonly signals: AbortSignal[] = [];
  /** What attempts meet from now on. */
  answer: Answer | ((attempt: number) => Answer) = { pass: true, afterMs: 0 };
  /** After this, nothing is answered any more, not even attempts that came before. */
  hangsFromMs = Infinity;
  onAttempt: () => void = () => {};
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  run(signal: AbortSignal): Promise<ProbeOutcome> {
    const attempt = this.starts.length;
    const nowMs = this.#clock.now();
    this.starts.push(nowMs);
    this.signals.push(signal);
    this.onAttempt();
    const answer = typeof this.answer === "function" ? this.answer(attempt) : this.answer;
    if (answer === "hang" || nowMs + answer.afterMs >= this.hangsFromMs) return new Promise(() => {});
    const outcome = outcomeOf(answer);
    if (answer.afterMs === 0) return Promise.resolve(outcome);
    return new Promise((resolve) => this.#clock.at(nowMs + answer.afterMs, () => resolve(outcome)));
  }
}

function outcomeOf({ pass }: Exclude<Answer, "hang">): ProbeOutcome {
  if (pass === undefined) return { kind: "unknown", detail: "this process has too many open files" };
  return pass ? { kind: "pass", detail: "status 200" } : { kind: "fail", detail: "status 503" };
}
