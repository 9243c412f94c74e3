/**
 * Prefixes that wait for their turn, those that came last first: what has just changed is what hurts, and where a prefix
 * stands cannot make what is sent of it wrong, as that is decided in its turn.
 */
import type { Prefix } from "../../net/prefix.ts";

/** Doubles are looked for when so many more wait than there were prefixes the last time. */
const SLACK = 1024;

/** A waiting line whose length has a bound: a few times the number of prefixes that there are. */
export class NewestFirst {
  /** Each in its own order; the one whose turn is next is the last. */
  #lots: (readonly Prefix[])[] = [];
  #length = 0;
  #limit = SLACK;

  /** How many wait; those that came several times may be counted several times. */
  get length(): number {
    return this.#length;
  }

  /** These go before all others, in their order. */
  add(prefixes: readonly Prefix[]): void {
    if (prefixes.length === 0) return;
    this.#lots.push(prefixes);
    this.#length += prefixes.length;
    if (this.#length > this.#limit) this.#dropDoubles();
  }

  /** Up to `most` whose turn it is; none where none wait. */
  take(most: number): readonly Prefix[] {
    const lot = this.#lots.pop() ?? [];
    const part = lot.slice(0, most);
    if (part.length < lot.length) this.#lots.push(lot.slice(part.length));
    this.#length -= part.length;
    return part;
  }

  /** Keeps the newest of each. */
  #dropDoubles(): void {
    const kept = new Map<string, Prefix>();
    for (const lot of this.#lots.reverse()) {
      for (const prefix of lot) if (!kept.has(prefix.text)) kept.set(prefix.text, prefix);
    }
    this.#lots = [[...kept.values()]];
    this.#length = kept.size;
    this.#limit = 2 * kept.size + SLACK;
  }
}
