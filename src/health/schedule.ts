/**
 * When a check's probes start, as pure data. They start on a fixed beat: `gridMs` plus whole intervals, whatever the
 * probes take, so that the checks of an agent stay spread. Two things quicken it to `fastInterval`:
 * - the verdict is changing (threshold.ts);
 * - a probe of a healthy check, started since the last pass was seen, has no answer yet. A hung service so gets its
 *   `fall` probes side by side, and no more, and is unhealthy after interval + (fall − 1) × fastInterval + timeout
 *   at most. A service that is merely slower than `fastInterval` gets a few probes more.
 */
import type { CheckTiming } from "../config/checks/base.ts";
import { isChanging, type ThresholdState } from "./threshold.ts";

/** A probe that has no result yet. */
export interface InFlight {
  readonly order: number;
  readonly startedMs: number;
}

/** Everything that decides about the next start. */
export interface Schedule {
  /** One moment of the fixed beat. */
  readonly gridMs: number;
  /** When the newest probe was due to start; before the first, one that makes the first one early. */
  readonly lastStartMs: number;
  /** The order of the next probe. */
  readonly nextOrder: number;
  /** In order of start. */
  readonly inFlight: readonly InFlight[];
  /** The newest probe, by start, that has passed; -1: none. */
  readonly newestPass: number;
  /** Probes from this order on were started after the last pass was seen. */
  readonly sincePass: number;
}

/** No check has more probes in flight than this, unless its `rise` or `fall` is greater. */
export const MAX_IN_FLIGHT = 64;

/** The first probes of an agent's checks are so far apart. */
const FIRST_PROBE_STEP_MS = 50;
/** And all of them come within this. */
const FIRST_PROBES_WITHIN_MS = 5000;

/**
 * Beats are at whole multiples of this, so that checks of one beat are started in one turn, by one timer: as many turns for
 * one check each take half as much again. All of a thousand checks a second are ten a turn.
 */
const BEAT_GRAIN_MS = 10;

/** A start is on a beat, for floating point, where it is this little before it. */
const ROUNDING_MS = 0.01;

/** The place of a check among all that the agent starts: its number, from 0, of how many. */
export interface Spread {
  readonly index: number;
  readonly count: number;
}

/** The only check there is. */
export const ALONE: Spread = { index: 0, count: 1 };

/**
 * The schedule of a check that starts now. The first probe comes at once, that of the next check a little later, and
 * that of the last one within the interval and some seconds; the beats after it are spread over the whole interval.
 */
export function begin(timing: CheckTiming, nowMs: number, { index, count }: Spread): Schedule {
  const part = index / Math.max(1, count);
  const firstMs = part * Math.min(count * FIRST_PROBE_STEP_MS, FIRST_PROBES_WITHIN_MS, timing.intervalMs);
  return {
    gridMs: Math.ceil((nowMs + part * timing.intervalMs) / BEAT_GRAIN_MS) * BEAT_GRAIN_MS,
    lastStartMs: nowMs + firstMs - fastIntervalMs(timing),
    nextOrder: 0,
    inFlight: [],
    newestPass: -1,
    sincePass: 0,
  };
}

/** When the next probe starts, if nothing happens before. */
export function nextStartMs(schedule: Schedule, threshold: ThresholdState, timing: CheckTiming): number {
  if (isFast(schedule, threshold, timing)) return schedule.lastStartMs + fastIntervalMs(timing);
  const beats = Math.floor((schedule.lastStartMs - schedule.gridMs + ROUNDING_MS) / timing.intervalMs);
  return schedule.gridMs + (beats + 1) * timing.intervalMs;
}

/** When the oldest probe in flight runs out of time; undefined: none is in flight. */
export function nextTimeoutMs(schedule: Schedule, timing: CheckTiming): number | undefined {
  const oldest = schedule.inFlight[0];
  return oldest === undefined ? undefined : oldest.startedMs + timing.timeoutMs;
}

/** How many probes may be in flight: one that runs alone, or as many as a timeout has fast beats, within a limit that a verdict fits in. */
export function maxInFlight(timing: CheckTiming): number {
  if (timing.alone) return 1;
  const beats = Math.ceil(timing.timeoutMs / fastIntervalMs(timing)) + 1;
  return Math.min(beats, Math.max(MAX_IN_FLIGHT, timing.rise, timing.fall));
}

/**
 * The probe to give up where no more may be in flight: the oldest one that a newer one has outrun by passing, so
 * that nothing which can still make the check unhealthy in time is given up. Undefined: none is.
 */
export function dispensable(schedule: Schedule): InFlight | undefined {
  return schedule.inFlight.find((probe) => probe.order < schedule.newestPass);
}

/** A beat passes, and with `launch` a probe starts on it. A beat that comes late does not shift the next. */
export function started(
  schedule: Schedule,
  dueMs: number,
  nowMs: number,
  timing: CheckTiming,
  launch: boolean,
): Schedule {
  const punctual = nowMs - dueMs < fastIntervalMs(timing);
  const next = { ...schedule, lastStartMs: punctual ? Math.min(dueMs, nowMs) : nowMs };
  if (!launch) return next;
  const probe = { order: schedule.nextOrder, startedMs: nowMs };
  return { ...next, nextOrder: probe.order + 1, inFlight: [...schedule.inFlight, probe] };
}

/** A probe has its result. */
export function ended(schedule: Schedule, order: number, pass: boolean): Schedule {
  const inFlight = schedule.inFlight.filter((probe) => probe.order !== order);
  if (!pass) return { ...schedule, inFlight };
  return {
    ...schedule,
    inFlight,
    newestPass: Math.max(schedule.newestPass, order),
    sincePass: schedule.nextOrder,
  };
}

function isFast(schedule: Schedule, threshold: ThresholdState, timing: CheckTiming): boolean {
  if (isChanging(threshold)) return true;
  if (threshold.verdict !== "healthy") return false;
  const unanswered = schedule.inFlight.some((probe) => probe.order >= schedule.sincePass);
  const deciding = schedule.inFlight.filter((probe) => probe.order > schedule.newestPass).length;
  return unanswered && deciding < timing.fall;
}

/** Never slower than the interval, whatever is configured. */
function fastIntervalMs(timing: CheckTiming): number {
  return Math.min(timing.fastIntervalMs, timing.intervalMs);
}
