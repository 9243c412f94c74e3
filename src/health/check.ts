/**
 * The driver of one check: starts probes when the schedule says, cuts off those that run out of time, feeds results
 * to the threshold, and reports. It decides nothing itself and touches nothing but its ports. Whatever throws, a port or
 * a callback, is kept as a fault for the status, and the next timer stands all the same.
 */
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";
import type { CheckStanding, CheckStatus, VerdictChange } from "./check_status.ts";
import { CheckFaults } from "./faults.ts";
import type { JudgementLimits } from "./judgement.ts";
import type { OutcomeKind, Probe, ProbeOutcome, ProbeResult } from "./kinds/probe.ts";
import type { LoopDelay } from "./loop_delay.ts";
import { checked, ProbeRun, type TripCause } from "./probe_run.ts";
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
  /** Of all checks of the process. Undefined: a check knows of its own timers only. */
  readonly loopDelay?: LoopDelay | undefined;
  /** Its place among all checks that start now. */
  readonly spread?: Spread;
  /** Every result, after the verdict that it may have led to, and what was known when one was last taken. */
  readonly onResult?: (result: ProbeResult, now: CheckStanding, before: CheckStanding) => void;
  /** Every new verdict. Where it throws, the verdict is told again with the next result. */
  readonly onVerdict?: (news: VerdictChange) => void;
}

/** What trips the check again within this time waits for its end. */
const TRIP_GAP_MS = 50;

/** A running check. */
export class Check implements Disposable {
  readonly name: string;
  readonly #options: CheckOptions;
  /** By the order of their start. */
  readonly #running = new Map<number, ProbeRun>();
  #phase: "new" | "running" | "stopped" = "new";
  #schedule: Schedule;
  #record: CheckRecord;
  readonly #stalls = new StallWatch();
  /** Failures since the last pass that were our own. */
  #excused = 0;
  readonly #watch: StandingWatch | undefined;
  /** What has tripped it and waits for its probe. */
  #trip: TripCause | undefined;
  #noTripBeforeMs = -Infinity;
  /** A verdict that was reached, and that the callback has not taken yet. */
  #untold: VerdictChange | undefined;
  /** What was known when the callback last took a result. */
  #reported: CheckStanding;
  readonly #faults: CheckFaults;
  #timer: Disposable | undefined;
  /** When it comes. */
  #timerMs = NaN;

  constructor(options: CheckOptions) {
    this.name = options.name;
    this.#options = options;
    const nowMs = options.clock.now();
    this.#schedule = begin(options.config, nowMs, options.spread ?? ALONE);
    this.#record = new CheckRecord(options, nowMs);
    this.#faults = new CheckFaults(options.clock);
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
    for (const run of running) run.abort();
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  /** What is known now. */
  status(): CheckStatus {
    return this.#record.status({
      inFlight: this.#running.size,
      fault: this.#faults.newest,
      watch: this.#watch?.status,
    });
  }

  /** By when it has to turn again (time/loop.ts). */
  get dueMs(): number {
    if (this.#phase !== "running") return Infinity;
    if (this.#timer === undefined) return -Infinity;
    return nextStartMs(this.#schedule, this.#record.threshold, this.#options.config);
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

  #tripBy(cause: TripCause): void {
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
      this.#faults.guard(work);
    } finally {
      this.#arm();
    }
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
      this.#faults.keep(error);
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
    for (const run of this.#running.values()) run.stalled(stalledMs);
    if (!waits) this.#tick(nowMs);
  }

  #tick(nowMs: number): void {
    const { config } = this.#options;
    for (const { order, startedMs } of this.#schedule.inFlight) {
      if (startedMs + config.timeoutMs > nowMs) break;
      const whereabouts = this.#running.get(order)?.whereabouts ?? "";
      this.#cutOff(order, `timed out after ${config.timeoutMs} ms${whereabouts}`, nowMs);
    }
    if (this.#phase !== "running") return;
    const news = this.#record.elapse(nowMs);
    if (news !== undefined) this.#tell(news);
    if (this.#phase !== "running") return;
    this.#probeTripped(nowMs);
    const dueMs = nextStartMs(this.#schedule, this.#record.threshold, config);
    if (dueMs <= nowMs) this.#launch(dueMs, nowMs);
  }

  #launch(dueMs: number, nowMs: number, tripped?: TripCause): void {
    const { config } = this.#options;
    if (this.#running.size >= maxInFlight(config)) this.#giveUp(dispensable(this.#schedule), nowMs);
    if (this.#phase !== "running") return;
    const launch = this.#running.size < maxInFlight(config);
    const order = this.#schedule.nextOrder;
    this.#schedule = started(this.#schedule, dueMs, nowMs, config, launch);
    if (!launch) return;
    const run = new ProbeRun(tripped, this.#options.loopDelay?.begin());
    this.#running.set(order, run);
    void this.#run(order, run);
  }

  async #run(order: number, run: ProbeRun): Promise<void> {
    let outcome: ProbeOutcome;
    try {
      outcome = checked(await this.#options.probe.run(run.signal, run.progress));
    } catch (error) {
      if (!run.signal.aborted) this.#faults.keep(error);
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
    const run = this.#running.get(order);
    try {
      this.#finish(order, { kind: "fail", detail }, nowMs);
    } finally {
      run?.abort();
    }
  }

  /** Counts a result, once: whatever a probe answers after it was cut off is ignored. */
  #finish(order: number, outcome: ProbeOutcome, seenMs: number): void {
    const probe = this.#schedule.inFlight.find((other) => other.order === order);
    const run = this.#running.get(order);
    if (probe === undefined || run === undefined) return;
    this.#running.delete(order);
    const { startedMs } = probe;
    const judged = run.judged(outcome, this.#options.config, this.#excused);
    const { kind } = judged;
    if (kind === "pass") this.#excused = 0;
    else if (outcome.kind === "fail" && kind === "unknown") this.#excused++;
    const result = { order, ...judged, startedMs, seenMs, durationMs: seenMs - startedMs };
    this.#schedule = ended(this.#schedule, order, kind === "pass");
    const faults = this.#faults.count;
    this.#tell(this.#record.count(result));
    this.#report(result);
    this.#faults.guard(() => this.#tellWatch(run.tripped, kind));
    if (kind !== "unknown") this.#faults.clearSince(faults);
  }

  #tellWatch(tripped: TripCause | undefined, kind: OutcomeKind): void {
    if (this.#phase !== "running") return;
    if (tripped === "watch") this.#watch?.judged(kind);
    else if (kind === "pass") this.#watch?.passed();
  }

  /** Tells a new verdict, and one that was not taken before. */
  #tell(news: VerdictChange | undefined): void {
    if (news !== undefined) this.#untold = { ...news, from: this.#untold?.from ?? news.from };
    const untold = this.#untold;
    if (untold === undefined) return;
    this.#faults.guard(() => {
      this.#options.onVerdict?.(untold);
      this.#untold = undefined;
    });
  }

  /** What the callback for verdicts throws takes nothing from this one. */
  #report(result: ProbeResult): void {
    this.#faults.guard(() => {
      // The callback may have stopped the check.
      if (this.#phase !== "running") return;
      const now = this.#record.standing(this.#faults.newest);
      this.#options.onResult?.(result, now, this.#reported);
      this.#reported = now;
    });
  }
}
