/**
 * What went through IPVS in the last minutes: the kernel's own rates of each virtual service, kept while somebody looks at the
 * page. Bounded in number, and nothing is read where nobody looks. Pure.
 */
import type { TrafficRates } from "../../kernel/kernel.ts";

/** One moment. */
export interface TrafficSample {
  /** On the scale of the clock. */
  readonly atMs: number;
  readonly rates: TrafficRates;
}

/** So many moments are kept, */
const SAMPLES = 60;
/** no closer together than this, */
const LEAST_MS = 4_000;
/** and none that is older than this. */
export const WINDOW_MS = 300_000;

const NOTHING: TrafficRates = { connections: 0, packetsIn: 0, packetsOut: 0, octetsIn: 0, octetsOut: 0 };

/** The last minutes. */
export class TrafficHistory {
  /** Oldest first. */
  #moments: { readonly atMs: number; readonly rates: ReadonlyMap<string, TrafficRates> }[] = [];

  /** Whether another moment is due. */
  isDue(nowMs: number): boolean {
    return nowMs - (this.#moments.at(-1)?.atMs ?? -Infinity) >= LEAST_MS;
  }

  /** The rates of each virtual service by its name at this moment. */
  note(atMs: number, rates: ReadonlyMap<string, TrafficRates>): void {
    this.#moments.push({ atMs, rates });
    this.#moments = this.#moments.filter((moment) => atMs - moment.atMs < WINDOW_MS).slice(-SAMPLES);
  }

  /** What went through all of these together, oldest first; where one of them was not there it had nothing. */
  course(names: readonly string[]): readonly TrafficSample[] {
    return this.#moments.map(({ atMs, rates }) => ({
      atMs,
      rates: names.map((name) => rates.get(name) ?? NOTHING).reduce(sum, NOTHING),
    }));
  }
}

function sum(one: TrafficRates, other: TrafficRates): TrafficRates {
  return {
    connections: one.connections + other.connections,
    packetsIn: one.packetsIn + other.packetsIn,
    packetsOut: one.packetsOut + other.packetsOut,
    octetsIn: one.octetsIn + other.octetsIn,
    octetsOut: one.octetsOut + other.octetsOut,
  };
}
