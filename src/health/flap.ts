/**
 * Flapping, a pure machine: where outcomes change more than `limit` times within `window`, the check is held unhealthy
 * until `hold` after the newest change that was one too many. Outcomes stand in order of start, as for the threshold;
 * one that comes late takes its place, and the change to or from it is as new as it is. Unknown results are none.
 */
import type { FlapLimits } from "../config/checks/base.ts";

/** One outcome, by the order of its probe's start. */
export interface Outcome {
  readonly order: number;
  readonly pass: boolean;
  readonly seenMs: number;
}

/** Held unhealthy. */
export interface FlapHold {
  readonly sinceMs: number;
  /** When it ends if there is no more of it. */
  readonly untilMs: number;
  /** Changes of outcome, from the window that it began with on. */
  readonly changes: number;
}

/** What is remembered. */
export interface FlapState {
  /** In order of start: the newest ones, and of older ones those at which it changed. */
  readonly outcomes: readonly Outcome[];
  readonly hold: FlapHold | undefined;
}

/** Before the first outcome. */
export const CALM: FlapState = { outcomes: [], hold: undefined };

/** Counts one outcome. What comes later than `late` others that were started after it counts for less than it might. */
export function countOutcome(state: FlapState, event: Outcome, limits: FlapLimits, late: number): FlapState {
  const at = state.outcomes.findLastIndex(({ order }) => order < event.order) + 1;
  const outcomes = state.outcomes.toSpliced(at, 0, event);
  const nowMs = event.seenMs;
  const changes = changesWithin(outcomes, nowMs, limits);
  const made = changes - changesWithin(state.outcomes, nowMs, limits);
  return {
    outcomes: worthKeeping(outcomes, nowMs, limits, late),
    hold: made > 0 ? heldAfter(state.hold, { nowMs, changes, made }, limits) : state.hold,
  };
}

/** Ends the hold where its time has come. */
export function releaseFlap(state: FlapState, nowMs: number): FlapState {
  return state.hold !== undefined && state.hold.untilMs <= nowMs ? { ...state, hold: undefined } : state;
}

function heldAfter(
  hold: FlapHold | undefined,
  { nowMs, changes, made }: { readonly nowMs: number; readonly changes: number; readonly made: number },
  { limit, holdMs }: FlapLimits,
): FlapHold | undefined {
  const sum = hold === undefined ? changes : hold.changes + made;
  if (changes <= limit) return hold && { ...hold, changes: sum };
  return { sinceMs: hold?.sinceMs ?? nowMs, untilMs: nowMs + holdMs, changes: sum };
}

function changesWithin(outcomes: readonly Outcome[], nowMs: number, limits: FlapLimits): number {
  return outcomes.filter((_, index) => isChange(outcomes, index, nowMs, limits)).length;
}

/** Whether the outcome at `index` is another one than that before it, and this is known for less than the window. */
function isChange(
  outcomes: readonly Outcome[],
  index: number,
  nowMs: number,
  { windowMs }: FlapLimits,
): boolean {
  const [before, own] = [outcomes[index - 1], outcomes[index]];
  if (before === undefined || own === undefined || before.pass === own.pass) return false;
  return nowMs - Math.max(before.seenMs, own.seenMs) < windowMs;
}

/** Nothing before the first change that still counts, and nothing between two that agree with it; but all of the newest. */
function worthKeeping(
  outcomes: readonly Outcome[],
  nowMs: number,
  limits: FlapLimits,
  late: number,
): readonly Outcome[] {
  const newest = outcomes.length - late;
  if (newest <= 0) return outcomes;
  const change = outcomes.findIndex((_, index) => isChange(outcomes, index, nowMs, limits));
  const first = Math.min(newest, change < 0 ? newest : change - 1);
  const kept = outcomes.filter(({ pass }, index) =>
    index >= newest ||
    index >= first && (outcomes[index - 1]?.pass !== pass || outcomes[index + 1]?.pass !== pass)
  );
  // Each change takes two at most.
  return kept.slice(-(2 * limits.limit + 2 + late));
}
