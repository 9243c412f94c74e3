/** The port that every kind of check satisfies: one attempt to find out whether the service works. */
import { type CheckConfig, lackWithoutFfi } from "../../config/checks/kinds.ts";

/**
 * What one attempt says. `unknown`: nothing of the service, for something of our own was short or wrong (descriptors,
 * memory, local ports, permissions, an exception of ours): it counts neither as pass nor as failure.
 */
export type OutcomeKind = "pass" | "fail" | "unknown";

/** What one attempt found. */
export interface ProbeOutcome {
  readonly kind: OutcomeKind;
  /** Why, in words: `status 200`, `connection refused`. */
  readonly detail: string;
  /** Of a pass: the weight that the answer gives its destination, 0 to 65535. */
  readonly weight?: number | undefined;
}

/** An outcome with its place in time; milliseconds on the scale of the monotonic clock. */
export interface ProbeResult extends ProbeOutcome {
  /** Numbers the probes of a check by their start, from 0. */
  readonly order: number;
  readonly startedMs: number;
  /** When the outcome was known. */
  readonly seenMs: number;
  readonly durationMs: number;
}

/** Told by a probe at each step: `connecting`, `waiting for the answer`; so a probe that is cut off says where it was. */
export type Progress = (step: string) => void;

/**
 * How a watch came to its end: what was watched has gone; or it may have been for nothing but that it was idle, as servers
 * close such connections; or it is lost for want of something of our own, and says nothing.
 */
export type WatchEnd = "gone" | "idle" | "lost";

/** Is told why and how a watch has ended. */
export type Tripped = (reason: string, how: WatchEnd) => void;

/** A kind of check, made for one target. It keeps nothing open between two runs but what is watched. */
export interface Probe {
  /**
   * One attempt. It ends soon after `signal` is aborted and leaves nothing open; whoever calls does not wait for
   * that. What the service does wrong is an outcome: a rejection is a fault of our own, and says nothing of it.
   */
  run(signal: AbortSignal, progress: Progress): Promise<ProbeOutcome>;
  /**
   * A standing watch of the target, of kinds that have one: `tripped` is called once at most, in the turn in which the
   * kernel reports that what was watched has ended. Disposing ends the watch, which then says nothing any more.
   */
  watch?(tripped: Tripped): Disposable;
}

/** The probe of a check that needs FFI, in a process that may not use it: it can find out nothing, and says why. */
export function probeWithoutFfi(config: CheckConfig): Probe {
  const detail = lackWithoutFfi(config) ?? "needs FFI";
  return { run: () => Promise.resolve({ kind: "unknown", detail }) };
}
