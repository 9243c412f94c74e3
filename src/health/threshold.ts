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
  /** Unhealthy, whatever the results say, until it is released. */
  readonly held: boolean;
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
export const INITIAL_THRESHOLD: ThresholdState = { verdict: "unknown", run: undefined, held: false };

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
  return judge({ ...state, run }, limits);
}

/** Unhealthy from now on, whatever the results say. */
export function hold(state: ThresholdState): ReturnType<typeof step> {
  return reach({ ...state, held: true }, "unhealthy");
}

/** What the results say counts again: it is healthy where there were `rise` passes meanwhile. */
export function unhold(state: ThresholdState, limits: ThresholdLimits): ReturnType<typeof step> {
  return judge({ ...state, held: false }, limits);
}

function judge(state: ThresholdState, limits: ThresholdLimits): ReturnType<typeof step> {
  const { run, held } = state;
  const isReached = run !== undefined && run.count >= (run.pass ? limits.rise : limits.fall);
  return held || !isReached ? { state, actions: [] } : reach(state, run.pass ? "healthy" : "unhealthy");
}

function reach(state: ThresholdState, verdict: ThresholdAction["verdict"]): ReturnType<typeof step> {
  if (verdict === state.verdict) return { state, actions: [] };
  return { state: { ...state, verdict }, actions: [{ type: "verdict", verdict }] };
}

/** Whether the next results decide something: no verdict yet, or the newest results speak against it; none while it is held. */
export function isChanging(state: ThresholdState): boolean {
  if (state.held) return false;
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
