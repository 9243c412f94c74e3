/**
 * What the outcomes of a check come to, a pure machine: the threshold's verdict, but unhealthy while it is flapping. What
 * a verdict rests on is told with it, so that whoever words it needs to know nothing else.
 */
import type { CheckTiming, FlapLimits } from "../config/checks/base.ts";
import { CALM, countOutcome, type FlapHold, type FlapState, type Outcome, releaseFlap } from "./flap.ts";
import { maxInFlight } from "./schedule.ts";
import {
  hold,
  INITIAL_THRESHOLD,
  type Run,
  step,
  type ThresholdState,
  unhold,
  type Verdict,
} from "./threshold.ts";

/** What decides about verdicts. */
export type JudgementLimits = CheckTiming & { readonly flap?: FlapLimits | undefined };

/** Both of them. */
export interface Judgement {
  readonly threshold: ThresholdState;
  readonly flap: FlapState;
}

/** A verdict, or the same one that rests on something else from now on. */
export interface Judged {
  readonly verdict: Exclude<Verdict, "unknown">;
  readonly because:
    | { readonly type: "run"; readonly run: Run | undefined }
    /** The flapping began. */
    | { readonly type: "flapping"; readonly hold: FlapHold }
    /** The flapping is over, and these are the results now. */
    | { readonly type: "calm"; readonly run: Run | undefined };
}

/** Before the first outcome. */
export const UNJUDGED: Judgement = { threshold: INITIAL_THRESHOLD, flap: CALM };

/** Counts one outcome. */
export function judge(
  { threshold, flap }: Judgement,
  outcome: Outcome,
  limits: JudgementLimits,
): { readonly state: Judgement; readonly judged: Judged | undefined } {
  const counted = limits.flap && countOutcome(flap, outcome, limits.flap, maxInFlight(limits));
  const next = counted ?? flap;
  const { state, actions } = step(threshold, outcome, limits);
  if (next.hold !== undefined && flap.hold === undefined) {
    const judged: Judged = { verdict: "unhealthy", because: { type: "flapping", hold: next.hold } };
    return { state: { threshold: hold(state).state, flap: next }, judged };
  }
  const [reached] = actions;
  const judged: Judged | undefined = reached &&
    { verdict: reached.verdict, because: { type: "run", run: state.run } };
  return { state: { threshold: state, flap: next }, judged };
}

/** What the time alone brings: the end of a hold. */
export function judgeTime(
  before: Judgement,
  nowMs: number,
  limits: JudgementLimits,
): { readonly state: Judgement; readonly judged: Judged | undefined } {
  const flap = releaseFlap(before.flap, nowMs);
  if (flap === before.flap) return { state: before, judged: undefined };
  const { state } = unhold(before.threshold, limits);
  const verdict = state.verdict === "healthy" ? "healthy" : "unhealthy";
  return {
    state: { threshold: state, flap },
    judged: { verdict, because: { type: "calm", run: state.run } },
  };
}

/** When `judgeTime` has something to do; undefined: never. */
export function judgementDeadline({ flap }: Judgement): number | undefined {
  return flap.hold?.untilMs;
}
