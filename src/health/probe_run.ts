/** One probe of a check that runs: how it is ended, where it is, and what its outcome is worth. */
import { foreignText } from "../text/foreign.ts";
import { inverted } from "./kinds/invert.ts";
import type { ProbeOutcome } from "./kinds/probe.ts";
import type { DelaySpan } from "./loop_delay.ts";

/** What started a probe beside the beat: the end of a watch, or something else that happened. */
export type TripCause = "watch" | "report";

/** A probe says nothing of the service where this process stood still for this part of its timeout. */
const STALLED_PART = 0.25;
/** A loop that was late for so many failures of a check without a pass is how this host is: what comes then counts. */
const MAX_EXCUSED = 5;
/** What a cause may have. */
const MAX_DETAIL_LENGTH = 400;

/** What of a check's configuration judges an outcome. */
export interface JudgedBy {
  readonly timeoutMs: number;
  readonly invert?: boolean;
}

/** A probe that runs. */
export class ProbeRun {
  /** Undefined: it is on the beat. */
  readonly tripped: TripCause | undefined;
  readonly #controller = new AbortController();
  readonly #delay: DelaySpan | undefined;
  #step: string | undefined;
  #stalledMs = 0;

  constructor(tripped: TripCause | undefined, delay: DelaySpan | undefined) {
    this.tripped = tripped;
    this.#delay = delay;
  }

  /** Aborted when the attempt is over for the check. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Told by the probe: what it does now. */
  readonly progress = (step: string): void => void (this.#step = step);

  /** What it does now, after a space; empty where it has not said. */
  get whereabouts(): string {
    return this.#step === undefined ? "" : ` ${this.#step}`;
  }

  /** A timer came so late while it ran. */
  stalled(ms: number): void {
    this.#stalledMs = Math.max(this.#stalledMs, ms);
  }

  abort(): void {
    this.#delay?.end();
    this.#controller.abort();
  }

  /**
   * `outcome`, with which it is over, in bounds: what failed while this process stood still may have failed because of that.
   * @param excused so many failures of the check since its last pass have been our own
   */
  judged(
    { kind, detail, weight }: ProbeOutcome,
    { timeoutMs, invert = false }: JudgedBy,
    excused = 0,
  ): ProbeOutcome {
    const text = foreignText(detail, MAX_DETAIL_LENGTH);
    const delayedMs = excused < MAX_EXCUSED ? this.#delay?.delayedMs ?? 0 : 0;
    const stalledMs = Math.max(this.#stalledMs, delayedMs);
    this.#delay?.end();
    if (kind === "fail" && stalledMs >= timeoutMs * STALLED_PART) {
      const stalled = `this process stood still for ${Math.round(stalledMs)} ms`;
      return { kind: "unknown", detail: `${text}, but ${stalled}` };
    }
    return invert ? inverted({ kind, detail: text }) : { kind, detail: text, weight };
  }
}

/** A probe's outcome, as far as it is one. @throws {TypeError} where it is not */
export function checked(outcome: ProbeOutcome): ProbeOutcome {
  const { kind, detail } = outcome;
  if ((kind === "pass" || kind === "fail" || kind === "unknown") && typeof detail === "string") {
    return outcome;
  }
  throw new TypeError("the probe gave no outcome");
}
