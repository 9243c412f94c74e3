/**
 * The driver of one check: starts probes when the schedule says, cuts off those that run out of time, feeds results
 * to the threshold, and reports. It decides nothing itself and touches nothing but its ports.
 */
import type { CheckTiming } from "../config/checks/base.ts";
import type { Clock, Random } from "../time/clock.ts";
import type { Probe, ProbeOutcome, ProbeResult } from "./kinds/probe.ts";
import {
  begin,
  dispensable,
  ended,
  type InFlight,
  maxInFlight,
  nextStartMs,
  nextTimeoutMs,
  type Schedule,
  started,
} from "./schedule.ts";
import { INITIAL_THRESHOLD, isChanging, step, type ThresholdState, type Verdict } from "./threshold.ts";

/** What is known of a check. */
export interface CheckStatus {
  readonly name: string;
  readonly verdict: Verdict;
  /** When the verdict was reached, or the check started. */
  readonly since: Date;
  /** The same on the scale of the clock's `now()`. */
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
  readonly lastResult: ProbeResult | undefined;
  readonly inFlight: number;
}

/** What a check is made of. Callbacks come in the turn in which a result is known, and never after `stop()`. */
export interface CheckOptions {
  readonly name: string;
  readonly config: CheckTiming;
  readonly probe: Probe;
  readonly clock: Clock;
  readonly random: Random;
  /** Every result, after the verdict that it may have led to. */
  readonly onResult?: (result: ProbeResult, status: CheckStatus) => void;
  /** Every new verdict, why in words, and the result that decided; `result.seenMs` is when that was known. */
  readonly onVerdict?: (verdict: "healthy" | "unhealthy", cause: string, result: ProbeResult) => void;
}

/** This process was not running, or was busy, where a timer comes later than this. */
const STALL_MS = 50;
/** Time for answers that came in meanwhile, before anything counts as timed out. */
const STALL_GRACE_MS = 20;

/** A running check. */
export class Check implements Disposable {
  readonly name: string;
  readonly #options: CheckOptions;
  readonly #running = new Map<number, AbortController>();
  #phase: "new" | "running" | "stopped" = "new";
  #threshold: ThresholdState = INITIAL_THRESHOLD;
  #schedule: Schedule;
  #since: { readonly date: Date; readonly ms: number; readonly cause: string };
  #passes = 0;
  #failures = 0;
  #lastResult: ProbeResult | undefined;
  #timer: Disposable | undefined;
  #notBeforeMs = -Infinity;
  /** The last timer came late, and the next one acts whatever happens: timers that are always late must not stop the check. */
  #graceGiven = false;

  constructor(options: CheckOptions) {
    this.name = options.name;
    this.#options = options;
    this.#schedule = begin(options.config, options.clock.now(), options.random);
    this.#since = { date: options.clock.wallTime(), ms: options.clock.now(), cause: "not probed yet" };
  }

  /** Begins to probe; once. */
  start(): void {
    if (this.#phase !== "new") return;
    const { config, clock, random } = this.#options;
    this.#phase = "running";
    this.#schedule = begin(config, clock.now(), random);
    this.#since = { date: clock.wallTime(), ms: clock.now(), cause: "not probed yet" };
    this.#arm();
  }

  /** Starts a probe at once, beside the beat. */
  probeNow(): void {
    if (this.#phase !== "running") return;
    const now = this.#options.clock.now();
    this.#launch(now, now);
    this.#arm();
  }

  /** Ends for good: probes in flight are aborted, and nothing is reported any more. */
  stop(): void {
    this.#phase = "stopped";
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const running = [...this.#running.values()];
    this.#running.clear();
    for (const controller of running) controller.abort();
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  /** What is known now. */
  status(): CheckStatus {
    const run = this.#threshold.run;
    return {
      name: this.name,
      verdict: this.#threshold.verdict,
      since: this.#since.date,
      sinceMs: this.#since.ms,
      cause: this.#since.cause,
      changing: isChanging(this.#threshold),
      consecutivePasses: run?.pass === true ? run.count : 0,
      consecutiveFailures: run?.pass === false ? run.count : 0,
      passes: this.#passes,
      failures: this.#failures,
      lastResult: this.#lastResult,
      inFlight: this.#running.size,
    };
  }

  /** One timer, for whatever comes first. */
  #arm(): void {
    if (this.#phase !== "running") return;
    const { clock, config } = this.#options;
    const startMs = nextStartMs(this.#schedule, this.#threshold, config);
    const dueMs = Math.min(startMs, nextTimeoutMs(this.#schedule, config) ?? Infinity);
    const atMs = Math.max(dueMs, clock.now(), this.#notBeforeMs);
    this.#timer?.[Symbol.dispose]();
    this.#timer = clock.at(atMs, () => {
      const nowMs = clock.now();
      if (nowMs - atMs <= STALL_MS || this.#graceGiven) {
        this.#graceGiven = false;
        return this.#tick(nowMs);
      }
      this.#graceGiven = true;
      this.#notBeforeMs = nowMs + STALL_GRACE_MS;
      this.#arm();
    });
  }

  #tick(nowMs: number): void {
    const { config } = this.#options;
    for (const { order, startedMs } of this.#schedule.inFlight) {
      if (startedMs + config.timeoutMs > nowMs) break;
      this.#cutOff(order, `timed out after ${config.timeoutMs} ms`, nowMs);
    }
    if (this.#phase !== "running") return;
    const dueMs = nextStartMs(this.#schedule, this.#threshold, config);
    if (dueMs <= nowMs) this.#launch(dueMs, nowMs);
    this.#arm();
  }

  #launch(dueMs: number, nowMs: number): void {
    const { config } = this.#options;
    if (this.#running.size >= maxInFlight(config)) this.#giveUp(dispensable(this.#schedule), nowMs);
    if (this.#phase !== "running") return;
    const launch = this.#running.size < maxInFlight(config);
    const order = this.#schedule.nextOrder;
    this.#schedule = started(this.#schedule, dueMs, nowMs, config, launch);
    if (!launch) return;
    const controller = new AbortController();
    this.#running.set(order, controller);
    void this.#run(order, controller.signal);
  }

  async #run(order: number, signal: AbortSignal): Promise<void> {
    let outcome: ProbeOutcome;
    try {
      outcome = await this.#options.probe.run(signal);
    } catch (error) {
      outcome = { pass: false, detail: error instanceof Error ? error.message : String(error) };
    }
    this.#finish(order, outcome, this.#options.clock.now());
  }

  #giveUp(probe: InFlight | undefined, nowMs: number): void {
    if (probe === undefined) return;
    const afterMs = Math.round(nowMs - probe.startedMs);
    this.#cutOff(probe.order, `given up after ${afterMs} ms: too many probes in flight`, nowMs);
  }

  #cutOff(order: number, detail: string, nowMs: number): void {
    const controller = this.#running.get(order);
    this.#finish(order, { pass: false, detail }, nowMs);
    controller?.abort();
  }

  /** Counts a result, once: whatever a probe answers after it was cut off is ignored. */
  #finish(order: number, outcome: ProbeOutcome, seenMs: number): void {
    const probe = this.#schedule.inFlight.find((other) => other.order === order);
    if (probe === undefined || !this.#running.delete(order)) return;
    const { startedMs } = probe;
    const { pass, detail } = outcome;
    const result = { order, pass, detail, startedMs, seenMs, durationMs: seenMs - startedMs };
    const { state, actions } = step(this.#threshold, { order, pass }, this.#options.config);
    this.#threshold = state;
    this.#schedule = ended(this.#schedule, order, pass);
    this.#lastResult = result;
    if (pass) this.#passes++;
    else this.#failures++;
    for (const { verdict } of actions) this.#reach(verdict, result, state.run?.count ?? 1);
    this.#arm();
    if (this.#phase === "running") this.#options.onResult?.(result, this.status());
  }

  #reach(verdict: "healthy" | "unhealthy", result: ProbeResult, count: number): void {
    const noun = `${result.pass ? "pass" : "failure"}${count === 1 ? "" : result.pass ? "es" : "s"}`;
    const text = count === 1 ? result.detail : `${count} consecutive ${noun}, the last one: ${result.detail}`;
    this.#since = { date: this.#options.clock.wallTime(), ms: result.seenMs, cause: text };
    this.#options.onVerdict?.(verdict, text, result);
  }
}
