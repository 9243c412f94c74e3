/**
 * Prefixes that wait for their turn, those that came last first: what has just changed is what hurts, and where a prefix
 * stands cannot make what is sent of it wrong, as that is decided in its turn.
 */
import type { Prefix } from "../../net/prefix.ts";

/** Doubles are looked for when so many more wait than there were prefixes the last time. */
const SLACK = 1024;

/** Prefixes that came together, each once; the first `taken` have had their turn. */
interface Lot {
  readonly prefixes: readonly Prefix[];
  readonly taken: number;
}

/** A waiting line whose length has a bound: a few times the number of prefixes that there are. */
export class NewestFirst {
  /** The one whose turn is next is the last. */
  #lots: Lot[] = [];
  #length = 0;
  #limit = SLACK;

  /** How many wait; those that came several times may be counted several times. */
  get length(): number {
    return this.#length;
  }

  /** These go before all others, in their order. */
  add(prefixes: readonly Prefix[]): void {
    if (prefixes.length === 0) return;
    this.#lots.push({ prefixes, taken: 0 });
    this.#length += prefixes.length;
    if (this.#length > this.#limit && this.#lots.length > 1) this.#dropDoubles();
  }

  /** Up to `most` whose turn it is; none where none wait. */
  take(most: number): readonly Prefix[] {
    const lot = this.#lots.pop();
    if (lot === undefined) return [];
    const { prefixes, taken } = lot;
    const part = prefixes.slice(taken, taken + most);
    const end = taken + part.length;
    if (end < prefixes.length) this.#lots.push({ prefixes, taken: end });
    this.#length -= part.length;
    return part;
  }

  /** Keeps the newest of each. */
  #dropDoubles(): void {
    const kept = new Map<string, Prefix>();
    for (const { prefixes, taken } of this.#lots.reverse()) {
      for (const prefix of prefixes.slice(taken)) if (!kept.has(prefix.text)) kept.set(prefix.text, prefix);
    }
    this.#lots = [{ prefixes: [...kept.values()], taken: 0 }];
    this.#length = kept.size;
    this.#limit = 2 * kept.size + SLACK;
  }
}
