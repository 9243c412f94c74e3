/**
 * The driver of one check: starts probes when the schedule says, cuts off those that run out of time, feeds results
 * to the threshold, and reports. It decides nothing itself and touches nothing but its ports. Whatever throws, a port or
 * a callback, is kept as a fault for the status, and the next timer stands all the same.
 */
import type { CheckTiming } from "../config/checks/base.ts";
import { messageOf } from "../text/error_message.ts";
import { foreignText } from "../text/foreign.ts";
import type { Clock } from "../time/clock.ts";
import type { OutcomeKind, Probe, ProbeOutcome, ProbeResult } from "./kinds/probe.ts";
import {
  ALONE,
  begin,
  dispensable,
  ended,
  type InFlight,
  maxInFlight,
  nextStartMs,
  nextTimeoutMs,
  type Schedule,
  type Spread,
  started,
} from "./schedule.ts";
import type { CheckTarget } from "./target.ts";
import { INITIAL_THRESHOLD, isChanging, step, type ThresholdState, type Verdict } from "./threshold.ts";

/** Something of our own that threw where it should not. */
export interface CheckFault {
  readonly text: string;
  readonly atMs: number;
  /** All since the start. */
  readonly count: number;
}

/** What is known of a check. Moments are on the scale of the clock's `now()`. */
export interface CheckStatus {
  readonly name: string;
  readonly target: CheckTarget;
  readonly verdict: Verdict;
  /** When the verdict was reached, or the check started. */
  readonly sinceMs: number;
  /** Why, in words. */
  readonly cause: string;
  /** The newest results speak against the verdict, or there is none yet: probes come at the fast interval. */
  readonly changing: boolean;
  readonly consecutivePasses: number;
  readonly consecutiveFailures: number;
  /** All results since the start. */
  readonly passes: number;
  readonly failures: number;
  /** Probes that said nothing of the service, and why the newest of them did not. */
  readonly unknowns: number;
  readonly lastUnknown: string | undefined;
  /** What the newest passing probe gave, where it gave one. */
  readonly weight: number | undefined;
  /** The newest result, whatever it was. */
  readonly lastResult: ProbeResult | undefined;
  readonly inFlight: number;
  /** The newest one; undefined once a result was known and reported without. */
  readonly fault: CheckFault | undefined;
}

/** A new verdict. */
export interface VerdictChange {
  /** The one that was told before. */
  readonly from: Verdict;
  readonly verdict: "healthy" | "unhealthy";
  /** Why, in words. */
  readonly cause: string;
  /** Of a pass: what it gives its destination. */
  readonly weight: number | undefined;
  /** The one that decided; `seenMs` is when the verdict was known. */
  readonly result: ProbeResult;
}

/** What a check is made of. Callbacks come in the turn in which a result is known, and never after `stop()`. */
export interface CheckOptions {
  readonly name: string;
  readonly target: CheckTarget;
  readonly config: CheckTiming;
  readonly probe: Probe;
  readonly clock: Clock;
  /** Its place among all checks that start now. */
  readonly spread?: Spread;
  /** Every result, after the verdict that it may have led to, and what was known when one was last taken. */
  readonly onResult?: (result: ProbeResult, status: CheckStatus, before: CheckStatus) => void;
  /** Every new verdict. Where it throws, the verdict is told again with the next result. */
  readonly onVerdict?: (news: VerdictChange) => void;
}

/** This process was not running, or was busy, where a timer comes later than this. */
const STALL_MS = 50;
/** Time for answers that came in meanwhile, before anything counts as timed out. */
const STALL_GRACE_MS = 20;
/** A probe says nothing of the service where this process stood still for this part of its timeout. */
const STALLED_PART = 0.25;
/** What a cause may have. */
const MAX_DETAIL_LENGTH = 400;

/** A probe that runs. */
interface Running {
  readonly controller: AbortController;
  /** What it does now, in its own words. */
  step: string | undefined;
  /** How late the latest timer was while it ran. */
  stalledMs: number;
}

/** A running check. */
export class Check implements Disposable {
  readonly name: string;
  readonly #options: CheckOptions;
  readonly #running = new Map<number, Running>();
  #phase: "new" | "running" | "stopped" = "new";
  #threshold: ThresholdState = INITIAL_THRESHOLD;
  #schedule: Schedule;
  #since: { readonly ms: number; readonly cause: string };
  readonly #counts: Record<OutcomeKind, number> = { pass: 0, fail: 0, unknown: 0 };
  #lastUnknown: string | undefined;
  #weight: number | undefined;
  /** The order of the probe that gave it. */
  #weighedBy = -1;
  #lastResult: ProbeResult | undefined;
  /** A verdict that was reached, and that the callback has not taken yet. */
  #untold: VerdictChange | undefined;
  /** What was known when the callback last took a result. */
  #reported: CheckStatus;
  #fault: CheckFault | undefined;
  #faults = 0;
  #timer: Disposable | undefined;
  /** When it comes. */
  #timerMs = NaN;
  #notBeforeMs = -Infinity;
  /** The last timer came late, and the next one acts whatever happens: timers that are always late must not stop the check. */
  #graceGiven = false;

  constructor(options: CheckOptions) {
    this.name = options.name;
    this.#options = options;
    const nowMs = options.clock.now();
    this.#schedule = begin(options.config, nowMs, options.spread ?? ALONE);
    this.#since = { ms: nowMs, cause: "not probed yet" };
    this.#reported = this.status();
  }

  /** Begins to probe; once. */
  start(): void {
    if (this.#phase !== "new") return;
    const { config, clock, spread = ALONE } = this.#options;
    this.#phase = "running";
    const nowMs = clock.now();
    this.#schedule = begin(config, nowMs, spread);
    this.#since = { ms: nowMs, cause: "not probed yet" };
    this.#arm();
  }

  /** Starts a probe at once, beside the beat. */
  probeNow(): void {
    if (this.#phase !== "running") return;
    const now = this.#options.clock.now();
    this.#whateverHappens(() => this.#launch(now, now));
  }

  /** Ends for good: probes in flight are aborted, and nothing is reported any more. */
  stop(): void {
    this.#phase = "stopped";
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const running = [...this.#running.values()];
    this.#running.clear();
    for (const { controller } of running) controller.abort();
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  /** What is known now. */
  status(): CheckStatus {
    const { run, verdict } = this.#threshold;
    const nothingKnown = verdict === "unknown" && run === undefined ? this.#lastUnknown : undefined;
    return {
      name: this.name,
      target: this.#options.target,
      verdict,
      sinceMs: this.#since.ms,
      cause: nothingKnown === undefined ? this.#since.cause : `nothing known yet: ${nothingKnown}`,
      changing: isChanging(this.#threshold),
      consecutivePasses: run?.pass === true ? run.count : 0,
      consecutiveFailures: run?.pass === false ? run.count : 0,
      passes: this.#counts.pass,
      failures: this.#counts.fail,
      unknowns: this.#counts.unknown,
      lastUnknown: this.#lastUnknown,
      weight: this.#weight,
      lastResult: this.#lastResult,
      inFlight: this.#running.size,
      fault: this.#fault,
    };
  }

  /** Does `work`, keeps what it throws, and has the next timer stand in any case. */
  #whateverHappens(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#keepFault(error);
    } finally {
      this.#arm();
    }
  }

  #keepFault(error: unknown): void {
    this.#faults++;
    const text = foreignText(messageOf(error));
    this.#fault = { text, atMs: this.#options.clock.now(), count: this.#faults };
  }

  /** One timer, for whatever comes first. */
  #arm(): void {
    if (this.#phase !== "running") return;
    const atMs = this.#nextMs();
    // Setting one costs more than all else that a result leads to, and most change nothing.
    if (this.#timer !== undefined && this.#timerMs === atMs) return;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    try {
      this.#timer = this.#timerAt(atMs);
    } catch (error) {
      this.#keepFault(error);
      // Once more: without a timer the check would never probe again.
      this.#timer = this.#timerAt(atMs);
    }
  }

  #timerAt(atMs: number): Disposable {
    this.#timerMs = atMs;
    return this.#options.clock.at(atMs, () => {
      this.#timer = undefined;
      this.#whateverHappens(() => this.#wake(atMs));
    });
  }

  #nextMs(): number {
    const { clock, config } = this.#options;
    const startMs = nextStartMs(this.#schedule, this.#threshold, config);
    const dueMs = Math.min(startMs, nextTimeoutMs(this.#schedule, config) ?? Infinity);
    return Math.max(dueMs, clock.now(), this.#notBeforeMs);
  }

  #wake(dueMs: number): void {
    if (this.#phase !== "running") return;
    const nowMs = this.#options.clock.now();
    const lateMs = nowMs - dueMs;
    if (lateMs > STALL_MS) {
      for (const probe of this.#running.values()) probe.stalledMs = Math.max(probe.stalledMs, lateMs);
      if (!this.#graceGiven) {
        this.#graceGiven = true;
        this.#notBeforeMs = nowMs + STALL_GRACE_MS;
        return;
      }
    }
    this.#graceGiven = false;
    this.#tick(nowMs);
  }

  #tick(nowMs: number): void {
    const { config } = this.#options;
    for (const { order, startedMs } of this.#schedule.inFlight) {
      if (startedMs + config.timeoutMs > nowMs) break;
      const at = this.#running.get(order)?.step;
      this.#cutOff(order, `timed out after ${config.timeoutMs} ms${at === undefined ? "" : ` ${at}`}`, nowMs);
    }
    if (this.#phase !== "running") return;
    const dueMs = nextStartMs(this.#schedule, this.#threshold, config);
    if (dueMs <= nowMs) this.#launch(dueMs, nowMs);
  }

  #launch(dueMs: number, nowMs: number): void {
    const { config } = this.#options;
    if (this.#running.size >= maxInFlight(config)) this.#giveUp(dispensable(this.#schedule), nowMs);
    if (this.#phase !== "running") return;
    const launch = this.#running.size < maxInFlight(config);
    const order = this.#schedule.nextOrder;
    this.#schedule = started(this.#schedule, dueMs, nowMs, config, launch);
    if (!launch) return;
    const running: Running = { controller: new AbortController(), step: undefined, stalledMs: 0 };
    this.#running.set(order, running);
    void this.#run(order, running);
  }

  async #run(order: number, running: Running): Promise<void> {
    let outcome: ProbeOutcome;
    try {
      const progress = (step: string) => void (running.step = step);
      outcome = checked(await this.#options.probe.run(running.controller.signal, progress));
    } catch (error) {
      if (!running.controller.signal.aborted) this.#keepFault(error);
      outcome = { kind: "unknown", detail: `unexpected: ${messageOf(error)}` };
    }
    this.#whateverHappens(() => this.#finish(order, outcome, this.#options.clock.now()));
  }

  #giveUp(probe: InFlight | undefined, nowMs: number): void {
    if (probe === undefined) return;
    const afterMs = Math.round(nowMs - probe.startedMs);
    this.#cutOff(probe.order, `given up after ${afterMs} ms: too many probes in flight`, nowMs);
  }

  #cutOff(order: number, detail: string, nowMs: number): void {
    const controller = this.#running.get(order)?.controller;
    try {
      this.#finish(order, { kind: "fail", detail }, nowMs);
    } finally {
      controller?.abort();
    }
  }

  /** Counts a result, once: whatever a probe answers after it was cut off is ignored. */
  #finish(order: number, outcome: ProbeOutcome, seenMs: number): void {
    const probe = this.#schedule.inFlight.find((other) => other.order === order);
    const running = this.#running.get(order);
    if (probe === undefined || running === undefined) return;
    this.#running.delete(order);
    const { startedMs } = probe;
    const { kind, detail } = this.#judged(outcome, running.stalledMs);
    const { weight } = outcome;
    const result = { order, kind, detail, weight, startedMs, seenMs, durationMs: seenMs - startedMs };
    // An older answer that comes late says less than a newer one.
    if (kind === "pass" && order >= this.#weighedBy) {
      this.#weight = weight;
      this.#weighedBy = order;
    }
    this.#schedule = ended(this.#schedule, order, kind === "pass");
    this.#lastResult = result;
    this.#counts[kind]++;
    if (kind === "unknown") this.#lastUnknown = detail;
    else this.#count(result, kind === "pass");
    this.#report(result);
  }

  /** What failed while this process stood still may have failed because of that. */
  #judged({ kind, detail }: ProbeOutcome, stalledMs: number): ProbeOutcome {
    const text = foreignText(detail, MAX_DETAIL_LENGTH);
    const excused = kind === "fail" && stalledMs >= this.#options.config.timeoutMs * STALLED_PART;
    return excused
      ? { kind: "unknown", detail: `${text}, but this process stood still for ${Math.round(stalledMs)} ms` }
      : { kind, detail: text };
  }

  #count(result: ProbeResult, pass: boolean): void {
    const from = this.#untold?.from ?? this.#threshold.verdict;
    const { state, actions } = step(this.#threshold, { order: result.order, pass }, this.#options.config);
    this.#threshold = state;
    for (const { verdict } of actions) {
      const count = state.run?.count ?? 1;
      const noun = `${pass ? "pass" : "failure"}${count === 1 ? "" : pass ? "es" : "s"}`;
      const cause = count === 1
        ? result.detail
        : `${count} consecutive ${noun}, the last one: ${result.detail}`;
      this.#since = { ms: result.seenMs, cause };
      this.#untold = { from, verdict, cause, result, weight: pass ? this.#weight : undefined };
    }
  }

  /** A callback that throws takes nothing from the other one. */
  #report(result: ProbeResult): void {
    const faults = this.#faults;
    const untold = this.#untold;
    if (untold !== undefined) {
      this.#call(() => {
        this.#options.onVerdict?.(untold);
        this.#untold = undefined;
      });
    }
    this.#call(() => {
      // The callback may have stopped the check.
      if (this.#phase !== "running") return;
      const status = this.status();
      this.#options.onResult?.(result, status, this.#reported);
      this.#reported = status;
    });
    if (faults === this.#faults && result.kind !== "unknown") this.#fault = undefined;
  }

  #call(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#keepFault(error);
    }
  }
}

/** A probe's outcome, as far as it is one. @throws {TypeError} where it is not */
function checked(outcome: ProbeOutcome): ProbeOutcome {
  const { kind, detail } = outcome;
  if ((kind === "pass" || kind === "fail" || kind === "unknown") && typeof detail === "string") {
    return outcome;
  }
  throw new TypeError("the probe gave no outcome");
}
