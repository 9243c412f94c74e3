/**
 * What the kernel drops while a passive peer is waited for: nothing else shows on this host that it has another key, or sends
 * with too low a TTL. The counters are those of all connections of the network namespace.
 */
import type { Clock } from "../time/clock.ts";
import { dropsBetween, type SegmentDrops } from "./transport/segment_drops.ts";

/** The counters at a moment, in milliseconds on the clock. */
export interface DropSample {
  readonly atMs: number;
  readonly drops: SegmentDrops;
}

/** The counters are read so often at most, however many ask. */
const FRESH_MS = 1000;

/** Reads the counters for all who ask. */
export class DropSamples {
  readonly #clock: Clock;
  readonly #read: () => SegmentDrops | undefined;
  #last: { readonly atMs: number; readonly drops: SegmentDrops | undefined } | undefined;

  constructor(clock: Clock, read: () => SegmentDrops | undefined) {
    this.#clock = clock;
    this.#read = read;
  }

  /** The counters of now, or of a second ago; undefined: they cannot be read. */
  sample(): DropSample | undefined {
    const nowMs = this.#clock.now();
    if (this.#last === undefined || nowMs - this.#last.atMs >= FRESH_MS) {
      this.#last = { atMs: nowMs, drops: this.#read() };
    }
    const { atMs, drops } = this.#last;
    return drops && { atMs, drops };
  }
}

/** What was dropped between two samples, and since when; undefined: nothing, or nobody can know. */
export function droppedSince(
  before: DropSample | undefined,
  after: DropSample | undefined,
): DropSample | undefined {
  if (before === undefined || after === undefined) return undefined;
  const drops = dropsBetween(before.drops, after.drops);
  return Object.values(drops).some((count) => count > 0) ? { atMs: before.atMs, drops } : undefined;
}
