/**
 * When the watch of a check stands, and what its end means, a pure machine. A watch begins with a pass. Its end starts a
 * probe at once: where that fails, the end was one; where it passes, the server only closed what was idle. How long it
 * leaves that open is learned from two ends alike: then a watch is begun anew before its time, and an end at that time is
 * nothing. Watches that end now and then for nothing are begun less and less often, so that each beat has at most one probe
 * more than without; a server that keeps nothing open for a good part of the interval is not watched for a while.
 */
import type { WatchEnd } from "./kinds/probe.ts";

/** What is remembered of a check's watches. Moments are on the scale of the clock's `now()`. */
export interface TripwireState {
  /** Since when a watch stands; undefined: none does. */
  readonly sinceMs: number | undefined;
  /** How long the server keeps idle connections; undefined: not known, or it keeps them for good. */
  readonly lifetimeMs: number | undefined;
  /** How long the watch stood whose end meant nothing. */
  readonly endedAfterMs: number | undefined;
  /** The watch whose end has started a probe that is still out. */
  readonly tripped: { readonly afterMs: number } | undefined;
  /** Ends in a row that meant nothing and had nothing in common. */
  readonly falseTrips: number;
  /** So many passes begin no watch. */
  readonly skips: number;
  /** Before this no watch is begun. */
  readonly quietUntilMs: number;
}

/** Before the first pass. */
export const UNWATCHED: TripwireState = {
  sinceMs: undefined,
  lifetimeMs: undefined,
  endedAfterMs: undefined,
  tripped: undefined,
  falseTrips: 0,
  skips: 0,
  quietUntilMs: -Infinity,
};

/** Two times are alike where they differ by this part of the greater one, or by a little. */
const ALIKE_PART = 0.2;
const ALIKE_MS = 100;
/** An end is that of an idle connection from this part of the lifetime on; a watch is begun anew before it. */
const DUE_PART = 0.75;
/** A server that keeps idle connections for less than this part of the interval is not watched. */
const LEAST_PART = 0.25;
/** And after so long it is tried again. */
const QUIET_MS = 600_000;
const MAX_SKIPS = 63;
/** The next pass of the beat may come so many intervals after this one. */
const UNTIL_NEXT_PASS = 1.5;

/** A probe has passed that no end of a watch has started: `begin` where a watch is to be begun, in place of one that stands. */
export function passed(
  state: TripwireState,
  nowMs: number,
  intervalMs: number,
): { readonly state: TripwireState; readonly begin: boolean } {
  if (nowMs < state.quietUntilMs) return { state, begin: false };
  const { sinceMs, lifetimeMs = Infinity } = state;
  if (sinceMs !== undefined) {
    // It stands for longer than was learned.
    if (nowMs - sinceMs > 2 * lifetimeMs) return { state: { ...state, lifetimeMs: undefined }, begin: false };
    const dueMs = sinceMs + DUE_PART * lifetimeMs;
    const isRenewable = DUE_PART * lifetimeMs > UNTIL_NEXT_PASS * intervalMs;
    return { state, begin: isRenewable && nowMs + UNTIL_NEXT_PASS * intervalMs > dueMs };
  }
  if (state.skips > 0) return { state: { ...state, skips: state.skips - 1 }, begin: false };
  return { state, begin: true };
}

/** A watch stands now. */
export function begun(state: TripwireState, nowMs: number): TripwireState {
  return { ...state, sinceMs: nowMs };
}

/** The watch has ended: `trip` where that may mean something. */
export function ended(
  state: TripwireState,
  how: WatchEnd,
  nowMs: number,
  intervalMs: number,
): { readonly state: TripwireState; readonly trip: boolean } {
  if (how !== "idle") return { state: { ...state, sinceMs: undefined }, trip: how === "gone" };
  const { sinceMs = nowMs, lifetimeMs } = state;
  const afterMs = nowMs - sinceMs;
  if (lifetimeMs === undefined || afterMs < DUE_PART * lifetimeMs) {
    return { state: { ...state, sinceMs: undefined, tripped: { afterMs } }, trip: true };
  }
  const quietUntilMs = quietUntil(lifetimeMs, nowMs, intervalMs);
  return { state: { ...state, sinceMs: undefined, quietUntilMs }, trip: false };
}

/** The probe that the end of a watch has started has its result; undefined: it said nothing. */
export function tripJudged(
  state: TripwireState,
  pass: boolean | undefined,
  nowMs: number,
  intervalMs: number,
): TripwireState {
  const { tripped, sinceMs } = state;
  if (tripped === undefined || pass === undefined) return { ...state, tripped: undefined };
  // What comes up in its place may do otherwise.
  if (!pass) return { ...UNWATCHED, sinceMs };
  return judgeFalse({ ...state, tripped: undefined }, tripped.afterMs, nowMs, intervalMs);
}

function judgeFalse(
  state: TripwireState,
  afterMs: number,
  nowMs: number,
  intervalMs: number,
): TripwireState {
  const { endedAfterMs, falseTrips } = state;
  if (endedAfterMs !== undefined && alike(endedAfterMs, afterMs)) {
    const lifetimeMs = Math.min(endedAfterMs, afterMs);
    const quietUntilMs = quietUntil(lifetimeMs, nowMs, intervalMs);
    return { ...state, lifetimeMs, endedAfterMs: undefined, falseTrips: 0, skips: 0, quietUntilMs };
  }
  // One that stood for long has little to do with what came of those before.
  const times = afterMs >= MAX_SKIPS * intervalMs ? 0 : falseTrips + 1;
  return {
    ...state,
    endedAfterMs: afterMs,
    falseTrips: times,
    skips: times <= 2 ? 0 : Math.min(2 ** (times - 2) - 1, MAX_SKIPS),
  };
}

function quietUntil(lifetimeMs: number, nowMs: number, intervalMs: number): number {
  return lifetimeMs < LEAST_PART * intervalMs ? nowMs + QUIET_MS : -Infinity;
}

function alike(a: number, b: number): boolean {
  return Math.abs(a - b) <= Math.max(ALIKE_MS, ALIKE_PART * Math.max(a, b));
}
