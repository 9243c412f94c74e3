/** What health checks ask: backends that work, refuse, hang, answer late, and probes that cannot tell or throw. */
import type { Probe, ProbeOutcome, Tripped } from "../../src/health/kinds/probe.ts";
import type { Clock } from "../../src/time/clock.ts";

/** How a backend is, or what keeps probes from finding out. */
export type BackendState =
  | "up"
  /** Answers at once that it does not work. */
  | "refuses"
  /** Never answers. */
  | "hangs"
  /** Works for one probe and not for the next. */
  | "flutters"
  /** Answers well, but later than any timeout. */
  | "late"
  /** Probes find nothing out for want of something of our own. */
  | "blind"
  /** Probes are broken. */
  | "throws";

/** Longer than every timeout, and not for ever. */
const LATE_MS = 4000;
const ANSWER_MS = 2;
const PASS: ProbeOutcome = { kind: "pass", detail: "status 200" };
const REFUSED: ProbeOutcome = { kind: "fail", detail: "connection refused" };

/** One backend, and since when it has been what it is. */
export class Backend {
  #state: BackendState = "up";
  /** When it last became what it is. */
  sinceMs = 0;
  /** When it was last up, or nobody could tell: Infinity while that lasts. */
  deadSinceMs = Infinity;
  /** When it refused all of a sudden, and those who watched it were told; -Infinity: it never did. */
  trippedMs = -Infinity;
  #answers = 0;
  readonly #watches = new Set<Tripped>();
  readonly #clock: Clock;
  readonly #weight: number;
  /** So long it keeps idle connections; undefined: for good. */
  readonly #keepsMs: number | undefined;

  /** @param weight what it gives itself where it is asked for that */
  constructor(clock: Clock, weight: number, keepsMs?: number) {
    this.#clock = clock;
    this.#weight = weight;
    this.#keepsMs = keepsMs;
  }

  get state(): BackendState {
    return this.#state;
  }

  set state(state: BackendState) {
    if (state === this.#state) return;
    const now = this.#clock.now();
    const trips = this.#state === "up" && state === "refuses" && this.#watches.size > 0;
    this.#state = state;
    // Whoever keeps nothing open may have been about to close.
    if (trips && this.#keepsMs === undefined) this.trippedMs = now;
    if (state === "refuses") {
      for (const tripped of [...this.#watches]) {
        tripped("connection reset", "idle");
      }
    }
    this.sinceMs = now;
    const dead = state === "refuses" || state === "hangs" || state === "late";
    this.deadSinceMs = dead ? Math.min(this.deadSinceMs, now) : Infinity;
  }

  /** A probe of it whose timers are those of `clock`. */
  probe(clock: Clock, isWeighed: boolean): Probe {
    const weight = isWeighed ? this.#weight : undefined;
    return {
      run: async (signal) => {
        const outcome = await this.#run(signal, clock);
        return outcome.kind === "pass" ? { ...outcome, weight } : outcome;
      },
      watch: (tripped) => this.#watch(tripped, clock),
    };
  }

  #watch(tripped: Tripped, clock: Clock): Disposable {
    const end: Tripped = (reason, how) => {
      watch[Symbol.dispose]();
      tripped(reason, how);
    };
    const closes = this.#keepsMs === undefined
      ? undefined
      : clock.at(clock.now() + this.#keepsMs, () => end("the server closed an idle connection", "idle"));
    const watch = {
      [Symbol.dispose]: () => {
        this.#watches.delete(end);
        closes?.[Symbol.dispose]();
      },
    };
    this.#watches.add(end);
    return watch;
  }

  #run(signal: AbortSignal, clock: Clock): Promise<ProbeOutcome> {
    switch (this.#state) {
      case "up":
        return after(clock, ANSWER_MS, PASS, signal);
      case "refuses":
        return after(clock, ANSWER_MS, REFUSED, signal);
      case "flutters":
        return after(clock, ANSWER_MS, this.#answers++ % 2 === 0 ? REFUSED : PASS, signal);
      case "late":
        return after(clock, LATE_MS, PASS, signal);
      case "hangs":
        return new Promise(() => {});
      case "blind":
        return after(clock, ANSWER_MS, { kind: "unknown", detail: "out of descriptors" }, signal);
      case "throws":
        return Promise.reject(new Error("this probe is broken"));
      default:
        return this.#state satisfies never;
    }
  }
}

function after(clock: Clock, ms: number, outcome: ProbeOutcome, signal: AbortSignal): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    const timer = clock.at(clock.now() + ms, () => resolve(outcome));
    // A probe leaves no timer behind.
    signal.addEventListener("abort", () => timer[Symbol.dispose](), { once: true });
  });
}
