/** A metric family that is read off the status document, and the shapes that its samples come in. Pure. */
import type { Status } from "../status/status.ts";
import type { MetricFamily, Sample } from "./exposition.ts";

/** A family and where its samples come from. */
export interface Family extends Omit<MetricFamily, "samples"> {
  samples(status: Status): Iterable<Sample>;
}

/** A sample for each of `words`: 1 for the one that is so now, else 0. */
export function oneOf<W extends string>(
  label: string,
  words: readonly W[],
  now: W | undefined,
  labels: Sample["labels"],
): readonly Sample[] {
  return words.map((word) => ({ labels: { ...labels, [label]: word }, value: word === now ? 1 : 0 }));
}

/** 1 where it is so. */
export function flag(is: boolean): number {
  return is ? 1 : 0;
}

/** A moment in seconds since the Unix epoch, as one sample; none where there is no moment. */
export function moment(iso: string | undefined, labels: Sample["labels"] = {}): readonly Sample[] {
  return iso === undefined ? [] : [{ labels, value: Date.parse(iso) / 1000 }];
}
