/**
 * The watch of one check: begun, renewed and ended as the tripwire (tripwire.ts) says; its end starts a probe. What throws
 * in it is the caller's to keep.
 */
import type { Clock } from "../time/clock.ts";
import type { WatchStatus } from "./check_status.ts";
import type { OutcomeKind, Probe, WatchEnd } from "./kinds/probe.ts";
import { begun, ended, passed, tripJudged, type TripwireState, UNWATCHED } from "./tripwire.ts";

/** What it is made of. */
export interface StandingWatchOptions {
  readonly watch: NonNullable<Probe["watch"]>;
  readonly intervalMs: number;
  readonly clock: Clock;
  /** The watch has ended, and it may mean something. */
  readonly onTrip: (reason: string) => void;
}

/** One check's watch, or that it has none for now. */
export class StandingWatch implements Disposable {
  readonly #options: StandingWatchOptions;
  #state: TripwireState = UNWATCHED;
  #watch: Disposable | undefined;
  #trips = 0;
  #lastTrip: WatchStatus["lastTrip"];
  #open = true;

  constructor(options: StandingWatchOptions) {
    this.#options = options;
  }

  /** A probe has passed that no end of a watch has started. */
  passed(): void {
    const { clock, intervalMs } = this.#options;
    const { state, begin } = passed(this.#state, clock.now(), intervalMs);
    this.#state = state;
    if (begin && this.#open) this.#begin();
  }

  /** The probe that `onTrip` has started has its result. */
  judged(kind: OutcomeKind): void {
    const { clock, intervalMs } = this.#options;
    const pass = kind === "unknown" ? undefined : kind === "pass";
    this.#state = tripJudged(this.#state, pass, clock.now(), intervalMs);
  }

  /** What is known of it. */
  get status(): WatchStatus {
    const { sinceMs, lifetimeMs, quietUntilMs } = this.#state;
    const quiet = this.#options.clock.now() < quietUntilMs;
    return { sinceMs, lifetimeMs, quiet, trips: this.#trips, lastTrip: this.#lastTrip };
  }

  [Symbol.dispose](): void {
    this.#open = false;
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
  }

  /** The new one stands before the old one goes. */
  #begin(): void {
    const before = this.#watch;
    const over: { readonly reason: string; readonly how: WatchEnd }[] = [];
    const current: { watch: Disposable | undefined } = { watch: undefined };
    current.watch = this.#options.watch((reason, how) => {
      if (current.watch === undefined) over.push({ reason, how });
      else if (this.#watch === current.watch) this.#end(reason, how);
    });
    this.#watch = current.watch;
    this.#state = begun(this.#state, this.#options.clock.now());
    before?.[Symbol.dispose]();
    for (const { reason, how } of over) this.#end(reason, how);
  }

  #end(reason: string, how: WatchEnd): void {
    const { clock, intervalMs, onTrip } = this.#options;
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    const { state, trip } = ended(this.#state, how, clock.now(), intervalMs);
    this.#state = state;
    if (!trip) return;
    this.#trips++;
    this.#lastTrip = { reason, atMs: clock.now() };
    onTrip(reason);
  }
}
