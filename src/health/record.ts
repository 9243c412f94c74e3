/** What is known of one check: its results, counted, and what they come to. It knows neither timers nor probes that run. */
import type { CheckStanding, CheckStatus, VerdictChange } from "./check_status.ts";
import {
  judge,
  type Judged,
  type Judgement,
  judgementDeadline,
  type JudgementLimits,
  judgeTime,
  UNJUDGED,
} from "./judgement.ts";
import type { OutcomeKind, ProbeResult } from "./kinds/probe.ts";
import { RecentResults } from "./recent.ts";
import type { CheckTarget } from "./target.ts";
import { isChanging, type ThresholdState } from "./threshold.ts";
import { verdictCause } from "./verdict_cause.ts";

/** Whose record it is, and what decides about its verdicts. */
export interface RecordOptions {
  readonly name: string;
  readonly target: CheckTarget;
  readonly config: JudgementLimits;
}

/** The record of one check. */
export class CheckRecord {
  readonly #options: RecordOptions;
  #judgement: Judgement = UNJUDGED;
  #since: { readonly ms: number; readonly cause: string };
  readonly #counts: Record<OutcomeKind, number> = { pass: 0, fail: 0, unknown: 0 };
  #lastUnknown: string | undefined;
  #weight: number | undefined;
  /** The order of the probe that gave it. */
  #weighedBy = -1;
  #lastResult: ProbeResult | undefined;
  readonly #recent = new RecentResults();

  constructor(options: RecordOptions, nowMs: number) {
    this.#options = options;
    this.#since = { ms: nowMs, cause: "not probed yet" };
  }

  /** What decides how fast it is probed. */
  get threshold(): ThresholdState {
    return this.#judgement.threshold;
  }

  /** When `elapse` has something to do; undefined: never. */
  get deadlineMs(): number | undefined {
    return judgementDeadline(this.#judgement);
  }

  /** Counts a result, and gives the verdict that it leads to. */
  count(result: ProbeResult): VerdictChange | undefined {
    const { kind, order, weight, detail, seenMs } = result;
    // An older answer that comes late says less than a newer one.
    if (kind === "pass" && order >= this.#weighedBy) {
      this.#weight = weight;
      this.#weighedBy = order;
    }
    this.#lastResult = result;
    this.#recent.add(result);
    this.#counts[kind]++;
    if (kind === "unknown") {
      this.#lastUnknown = detail;
      return undefined;
    }
    const outcome = { order, pass: kind === "pass", seenMs };
    return this.#goOver(judge(this.#judgement, outcome, this.#options.config), detail, seenMs);
  }

  /** What the time alone brings. */
  elapse(nowMs: number): VerdictChange | undefined {
    const detail = this.#lastResult?.detail ?? "";
    return this.#goOver(judgeTime(this.#judgement, nowMs, this.#options.config), detail, nowMs);
  }

  #goOver(
    { state, judged }: { readonly state: Judgement; readonly judged: Judged | undefined },
    detail: string,
    seenMs: number,
  ): VerdictChange | undefined {
    const from = this.#judgement.threshold.verdict;
    this.#judgement = state;
    if (judged === undefined) return undefined;
    const { verdict, because } = judged;
    const cause = verdictCause(judged, detail, this.#options.config.flap);
    this.#since = { ms: verdict === from ? this.#since.ms : seenMs, cause };
    return {
      from,
      verdict,
      cause,
      weight: verdict === "healthy" ? this.#weight : undefined,
      seenMs,
      flapping: because.type === "run" ? undefined : because.type === "flapping",
    };
  }

  /** What the newest result may have changed. */
  standing(fault: CheckStanding["fault"]): CheckStanding {
    const { verdict } = this.threshold;
    return { verdict, weight: this.#weight, lastResult: this.#lastResult, fault };
  }

  /** All that is known, beside what the driver knows. */
  status(driver: Pick<CheckStatus, "inFlight" | "fault" | "watch">): CheckStatus {
    const { name, target } = this.#options;
    const { threshold, flap } = this.#judgement;
    const recent = this.#recent;
    const { run, verdict } = threshold;
    const nothingKnown = verdict === "unknown" && run === undefined ? this.#lastUnknown : undefined;
    return {
      name,
      target,
      verdict,
      sinceMs: this.#since.ms,
      cause: nothingKnown === undefined ? this.#since.cause : `nothing known yet: ${nothingKnown}`,
      changing: isChanging(threshold),
      flapping: flap.hold,
      consecutivePasses: run?.pass === true ? run.count : 0,
      consecutiveFailures: run?.pass === false ? run.count : 0,
      passes: this.#counts.pass,
      failures: this.#counts.fail,
      unknowns: this.#counts.unknown,
      lastUnknown: this.#lastUnknown,
      weight: this.#weight,
      lastResult: this.#lastResult,
      get recent() {
        return recent.list();
      },
      ...driver,
    };
  }
}
