/**
 * The driver of one check: starts probes when the schedule says, cuts off those that run out of time, feeds results
 * to the threshold, and reports. It decides nothing itself and touches nothing but its ports. Whatever throws, a port or
 * a callback, is kept as a fault for the status, and the next timer stands all the same.
 */
import { messageOf } from "../text/error_message.ts";
import { foreignText } from "../text/foreign.ts";
import type { Clock } from "../time/clock.ts";
import type { CheckFault, CheckStanding, CheckStatus, VerdictChange } from "./check_status.ts";
import type { JudgementLimits } from "./judgement.ts";
import { inverted } from "./kinds/invert.ts";
import type { OutcomeKind, Probe, ProbeOutcome, ProbeResult } from "./kinds/probe.ts";
import { CheckRecord } from "./record.ts";
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
import { StallWatch } from "./stall.ts";
import { StandingWatch } from "./standing_watch.ts";
import type { CheckTarget } from "./target.ts";

/** What a check is made of. Callbacks come in the turn in which a result is known, and never after `stop()`. */
export interface CheckOptions {
  readonly name: string;
  readonly target: CheckTarget;
  readonly config: JudgementLimits & { readonly tripwire?: boolean; readonly invert?: boolean };
  readonly probe: Probe;
  readonly clock: Clock;
  /** Its place among all checks that start now. */
  readonly spread?: Spread;
  /** Every result, after the verdict that it may have led to, and what was known when one was last taken. */
  readonly onResult?: (result: ProbeResult, now: CheckStanding, before: CheckStanding) => void;
  /** Every new verdict. Where it throws, the verdict is told again with the next result. */
  readonly onVerdict?: (news: VerdictChange) => void;
}

/** What trips the check again within this time waits for its end. */
const TRIP_GAP_MS = 50;
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
  /** It is beside the beat: the end of the watch started it, or something else that happened. */
  readonly tripped: "watch" | "report" | undefined;
}

/** A running check. */
export class Check implements Disposable {
  readonly name: string;
  readonly #options: CheckOptions;
  readonly #running = new Map<number, Running>();
  #phase: "new" | "running" | "stopped" = "new";
  #schedule: Schedule;
  #record: CheckRecord;
  readonly #stalls = new StallWatch();
  readonly #watch: StandingWatch | undefined;
  /** What has tripped it and waits for its probe. */
  #trip: Running["tripped"];
  #noTripBeforeMs = -Infinity;
  /** A verdict that was reached, and that the callback has not taken yet. */
  #untold: VerdictChange | undefined;
  /** What was known when the callback last took a result. */
  #reported: CheckStanding;
  #fault: CheckFault | undefined;
  #faults = 0;
  #timer: Disposable | undefined;
  /** When it comes. */
  #timerMs = NaN;

  constructor(options: CheckOptions) {
    this.name = options.name;
    this.#options = options;
    const nowMs = options.clock.now();
    this.#schedule = begin(options.config, nowMs, options.spread ?? ALONE);
    this.#record = new CheckRecord(options, nowMs);
    this.#watch = this.#createWatch();
    this.#reported = this.#record.standing(undefined);
  }

  /** Begins to probe; once. */
  start(): void {
    if (this.#phase !== "new") return;
    const { config, clock, spread = ALONE } = this.#options;
    this.#phase = "running";
    const nowMs = clock.now();
    this.#schedule = begin(config, nowMs, spread);
    this.#record = new CheckRecord(this.#options, nowMs);
    this.#arm();
  }

  /** Starts a probe at once, beside the beat. */
  probeNow(): void {
    if (this.#phase !== "running") return;
    const now = this.#options.clock.now();
    this.#whateverHappens(() => this.#launch(now, now));
  }

  /** Something has happened that may have broken the service: a probe starts at once, and the beat stays where it is. */
  trip(): void {
    this.#tripBy("report");
  }

  /** Ends for good: probes in flight are aborted, and nothing is reported any more. */
  stop(): void {
    this.#phase = "stopped";
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#watch?.[Symbol.dispose]();
    const running = [...this.#running.values()];
    this.#running.clear();
    for (const { controller } of running) controller.abort();
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  /** What is known now. */
  status(): CheckStatus {
    return this.#record.status({
      inFlight: this.#running.size,
      fault: this.#fault,
      watch: this.#watch?.status,
    });
  }

  #createWatch(): StandingWatch | undefined {
    const { probe, config, clock } = this.#options;
    if (config.tripwire !== true || probe.watch === undefined) return undefined;
    return new StandingWatch({
      watch: (tripped) => probe.watch?.(tripped) ?? { [Symbol.dispose]() {} },
      intervalMs: config.intervalMs,
      clock,
      onTrip: () => this.#tripBy("watch"),
    });
  }

  #tripBy(cause: "watch" | "report"): void {
    if (this.#phase !== "running") return;
    this.#whateverHappens(() => {
      if (this.#trip !== "watch") this.#trip = cause;
      this.#probeTripped(this.#options.clock.now());
    });
  }

  #probeTripped(nowMs: number): void {
    if (this.#trip === undefined || nowMs < this.#noTripBeforeMs) return;
    const cause = this.#trip;
    this.#trip = undefined;
    this.#noTripBeforeMs = nowMs + TRIP_GAP_MS;
    this.#launch(nowMs, nowMs, cause);
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
    const dueMs = Math.min(
      nextStartMs(this.#schedule, this.#record.threshold, config),
      nextTimeoutMs(this.#schedule, config) ?? Infinity,
      this.#record.deadlineMs ?? Infinity,
      this.#trip === undefined ? Infinity : this.#noTripBeforeMs,
    );
    return Math.max(dueMs, clock.now(), this.#stalls.notBeforeMs);
  }

  #wake(dueMs: number): void {
    if (this.#phase !== "running") return;
    const nowMs = this.#options.clock.now();
    const { stalledMs, waits } = this.#stalls.cameAt(nowMs, dueMs);
    for (const probe of this.#running.values()) probe.stalledMs = Math.max(probe.stalledMs, stalledMs);
    if (!waits) this.#tick(nowMs);
  }

  #tick(nowMs: number): void {
    const { config } = this.#options;
    for (const { order, startedMs } of this.#schedule.inFlight) {
      if (startedMs + config.timeoutMs > nowMs) break;
      const at = this.#running.get(order)?.step;
      this.#cutOff(order, `timed out after ${config.timeoutMs} ms${at === undefined ? "" : ` ${at}`}`, nowMs);
    }
    if (this.#phase !== "running") return;
    const news = this.#record.elapse(nowMs);
    if (news !== undefined) this.#tell(news);
    if (this.#phase !== "running") return;
    this.#probeTripped(nowMs);
    const dueMs = nextStartMs(this.#schedule, this.#record.threshold, config);
    if (dueMs <= nowMs) this.#launch(dueMs, nowMs);
  }

  #launch(dueMs: number, nowMs: number, tripped?: Running["tripped"]): void {
    const { config } = this.#options;
    if (this.#running.size >= maxInFlight(config)) this.#giveUp(dispensable(this.#schedule), nowMs);
    if (this.#phase !== "running") return;
    const launch = this.#running.size < maxInFlight(config);
    const order = this.#schedule.nextOrder;
    this.#schedule = started(this.#schedule, dueMs, nowMs, config, launch);
    if (!launch) return;
    const running: Running = { controller: new AbortController(), step: undefined, stalledMs: 0, tripped };
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
    this.#schedule = ended(this.#schedule, order, kind === "pass");
    const faults = this.#faults;
    this.#tell(this.#record.count(result));
    this.#report(result);
    this.#call(() => this.#mind(running.tripped, kind));
    if (faults === this.#faults && kind !== "unknown") this.#fault = undefined;
  }

  #mind(tripped: Running["tripped"], kind: OutcomeKind): void {
    if (this.#phase !== "running") return;
    if (tripped === "watch") this.#watch?.judged(kind);
    else if (tripped === undefined && kind === "pass") this.#watch?.passed();
  }

  /** What failed while this process stood still may have failed because of that. */
  #judged({ kind, detail }: ProbeOutcome, stalledMs: number): ProbeOutcome {
    const text = foreignText(detail, MAX_DETAIL_LENGTH);
    const { timeoutMs, invert = false } = this.#options.config;
    if (kind === "fail" && stalledMs >= timeoutMs * STALLED_PART) {
      const detail = `${text}, but this process stood still for ${Math.round(stalledMs)} ms`;
      return { kind: "unknown", detail };
    }
    return invert ? inverted({ kind, detail: text }) : { kind, detail: text };
  }

  /** Tells a new verdict, and one that was not taken before. */
  #tell(news: VerdictChange | undefined): void {
    if (news !== undefined) this.#untold = { ...news, from: this.#untold?.from ?? news.from };
    const untold = this.#untold;
    if (untold === undefined) return;
    this.#call(() => {
      this.#options.onVerdict?.(untold);
      this.#untold = undefined;
    });
  }

  /** What the callback for verdicts throws takes nothing from this one. */
  #report(result: ProbeResult): void {
    this.#call(() => {
      // The callback may have stopped the check.
      if (this.#phase !== "running") return;
      const now = this.#record.standing(this.#fault);
      this.#options.onResult?.(result, now, this.#reported);
      this.#reported = now;
    });
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
