/** What a check tells of itself: all that is known, a new verdict, a fault of its own. */
import type { FlapHold } from "./flap.ts";
import type { ProbeResult } from "./kinds/probe.ts";
import type { RecentResult } from "./recent.ts";
import type { CheckTarget } from "./target.ts";
import type { Verdict } from "./threshold.ts";

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
  /** Undefined: outcomes do not change too often. */
  readonly flapping: FlapHold | undefined;
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
  /** The last results, newest first; made when it is asked for. */
  readonly recent: readonly RecentResult[];
  /** Undefined: it has no tripwire, or its kind has nothing to watch. */
  readonly watch: WatchStatus | undefined;
  readonly inFlight: number;
  /** The newest one; undefined once a result was known and reported without. */
  readonly fault: CheckFault | undefined;
}

/** What is known of a standing watch beside the interval. */
export interface WatchStatus {
  /** Undefined: none stands for now. */
  readonly sinceMs: number | undefined;
  /** How long the server keeps idle connections; undefined: not known, or it keeps them for good. */
  readonly lifetimeMs: number | undefined;
  /** It keeps them for so short a time that none is begun for a while. */
  readonly quiet: boolean;
  /** Probes that the end of a watch has started, since the start. */
  readonly trips: number;
  readonly lastTrip: { readonly reason: string; readonly atMs: number } | undefined;
}

/** What of it a result may change, for who is told of each: the whole of it is not made a thousand times a second. */
export type CheckStanding = Pick<CheckStatus, "verdict" | "weight" | "lastResult" | "fault">;

/** A new verdict, or the same one where flapping begins or ends. */
export interface VerdictChange {
  /** The one that was told before. */
  readonly from: Verdict;
  readonly verdict: Exclude<Verdict, "unknown">;
  /** Why, in words. */
  readonly cause: string;
  /** Of a pass: what it gives its destination. */
  readonly weight: number | undefined;
  /** When it was known. */
  readonly seenMs: number;
  /** True: outcomes change too often from now on; false: no more. Undefined: it has nothing to do with that. */
  readonly flapping: boolean | undefined;
}
