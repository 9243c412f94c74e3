/**
 * The health threshold, a pure machine: `fall` consecutive failures make a check unhealthy, `rise` consecutive
 * passes healthy, counted from unknown at start. Results count in the order in which their probes were started, not
 * in the order in which they come in; a probe that is still out neither breaks a run nor holds up later results.
 */
import type { CheckTiming } from "../config/checks/base.ts";

/** What the results so far say. */
export type Verdict = "unknown" | "healthy" | "unhealthy";

/** How many consecutive results it takes. */
export type ThresholdLimits = Pick<CheckTiming, "rise" | "fall">;

/** The newest results, in order of start, that agree with each other. */
export interface Run {
  readonly pass: boolean;
  /** How many they are. */
  readonly count: number;
  /** Their orders, ascending; only as many of the newest as a verdict can take. */
  readonly orders: readonly number[];
  /** The order of the newest result before the run: it is of the other kind. -1: there is none. */
  readonly after: number;
}

/** The verdict and the run that leads to the next one. */
export interface ThresholdState {
  readonly verdict: Verdict;
  /** Undefined: no result yet. */
  readonly run: Run | undefined;
}

/** The result of one probe; `order` numbers probes by their start, from 0. */
export interface ThresholdEvent {
  readonly order: number;
  readonly pass: boolean;
}

/** The verdict is another one now. */
export interface ThresholdAction {
  readonly type: "verdict";
  readonly verdict: "healthy" | "unhealthy";
}

/** The state before the first result. */
export const INITIAL_THRESHOLD: ThresholdState = { verdict: "unknown", run: undefined };

/**
 * Counts one result. A late one, of a probe that was started before others whose results are known, takes its place
 * among them: it may lengthen the run or cut it, but what came before the run has no say any more.
 */
export function step(
  state: ThresholdState,
  event: ThresholdEvent,
  limits: ThresholdLimits,
): { readonly state: ThresholdState; readonly actions: readonly ThresholdAction[] } {
  const run = count(state.run, event, Math.max(limits.rise, limits.fall));
  const reached = run.count >= (run.pass ? limits.rise : limits.fall);
  const verdict = run.pass ? "healthy" : "unhealthy";
  if (!reached || verdict === state.verdict) return { state: { verdict: state.verdict, run }, actions: [] };
  return { state: { verdict, run }, actions: [{ type: "verdict", verdict }] };
}

/** Whether the next results decide something: no verdict yet, or the newest results speak against it. */
export function isChanging(state: ThresholdState): boolean {
  if (state.verdict === "unknown") return true;
  return state.run !== undefined && state.run.pass !== (state.verdict === "healthy");
}

function count(run: Run | undefined, { order, pass }: ThresholdEvent, keep: number): Run {
  if (run === undefined) return { pass, count: 1, orders: [order], after: -1 };
  if (order < run.after) return run;
  if (pass === run.pass) {
    return { ...run, count: run.count + 1, orders: insert(run.orders, order).slice(-keep) };
  }
  const later = run.orders.filter((other) => other > order);
  if (later.length > 0) return { ...run, count: later.length, orders: later, after: order };
  return { pass, count: 1, orders: [order], after: run.orders.at(-1) ?? -1 };
}

function insert(orders: readonly number[], order: number): number[] {
  const at = orders.findLastIndex((other) => other < order) + 1;
  return [...orders.slice(0, at), order, ...orders.slice(at)];
}
