/** What adds up from event to event, in plain data: counters and histograms, a row for each set of labels. */
import type { Sample } from "./exposition.ts";

/** What tells the rows of a family apart. */
export type Labels = Sample["labels"];

/** A counter for each set of labels. */
export class Tally {
  readonly #rows = new Map<string, { readonly labels: Labels; value: number }>();

  /** Adds `by` to the row of `labels`, which begins at 0. */
  add(labels: Labels, by = 1): void {
    const key = JSON.stringify(labels);
    const row = this.#rows.get(key);
    if (row === undefined) this.#rows.set(key, { labels, value: by });
    else row.value += by;
  }

  /** Forgets the rows whose labels do not pass. */
  retain(passes: (labels: Labels) => boolean): void {
    retainRows(this.#rows, passes);
  }

  /** A sample for each row, made when it is asked for: there may be very many. */
  *samples(): Generator<Sample> {
    for (const { labels, value } of this.#rows.values()) yield { labels, value };
  }
}

/** A histogram for each set of labels: how many values were at most as large as each bound, their sum and number. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #rows = new Map<string, { readonly labels: Labels; readonly counts: number[]; sum: number }>();

  /** `bounds` ascend; the last bucket, without a bound, comes by itself. */
  constructor(bounds: readonly number[]) {
    this.#bounds = [...bounds, Infinity];
  }

  /** Has a row of `labels`, even before there is a value. */
  begin(labels: Labels): void {
    this.#row(labels);
  }

  /** Counts `value` in the row of `labels`. */
  observe(labels: Labels, value: number): void {
    const row = this.#row(labels);
    row.sum += value;
    const at = this.#bounds.findIndex((bound) => value <= bound);
    row.counts[at] = (row.counts[at] ?? 0) + 1;
  }

  /** Forgets the rows whose labels do not pass. */
  retain(passes: (labels: Labels) => boolean): void {
    retainRows(this.#rows, passes);
  }

  #row(labels: Labels) {
    const key = JSON.stringify(labels);
    const row = this.#rows.get(key) ?? { labels, counts: this.#bounds.map(() => 0), sum: 0 };
    this.#rows.set(key, row);
    return row;
  }

  /** The samples of each row: a cumulative `_bucket` for each bound, then `_sum` and `_count`; a row's are of one moment. */
  *samples(): Generator<Sample> {
    for (const { labels, counts, sum } of this.#rows.values()) {
      let below = 0;
      const buckets = this.#bounds.map((bound, at) => {
        below += counts[at] ?? 0;
        const le = bound === Infinity ? "+Inf" : String(bound);
        return { suffix: "_bucket", labels: { le, ...labels }, value: below };
      });
      yield* [...buckets, { suffix: "_sum", labels, value: sum }, { suffix: "_count", labels, value: below }];
    }
  }
}

function retainRows(
  rows: Map<string, { readonly labels: Labels }>,
  passes: (labels: Labels) => boolean,
): void {
  for (const [key, { labels }] of rows) {
    if (!passes(labels)) rows.delete(key);
  }
}
