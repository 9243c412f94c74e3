/** The port that every kind of check satisfies: one attempt to find out whether the service works. */

/** What one attempt found. */
export interface ProbeOutcome {
  readonly pass: boolean;
  /** Why, in words: `status 200`, `connection refused`. */
  readonly detail: string;
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

/** A kind of check, made for one target. It keeps nothing open between two runs. */
export interface Probe {
  /**
   * One attempt. It ends soon after `signal` is aborted and leaves nothing open; whoever calls does not wait for
   * that. A rejection counts as a failure, with the error's words.
   */
  run(signal: AbortSignal): Promise<ProbeOutcome>;
}
