/** Which of the changes that are needed are made in a pass, and which are for later. Pure. */
import type { Change } from "./change.ts";
import { carriedBy, foundationOf, objectOf, objectText } from "./kernel_object.ts";

/** The changes of one pass. */
export interface Selection {
  /** In order. */
  readonly changes: readonly Change[];
  /** The objects of those that are for later; what rests on them waits with them. */
  readonly withheld: ReadonlySet<string>;
  /** When the first of them is due; Infinity: there is none. */
  readonly nextMs: number;
}

/** Those that are due, in order; `dueMs` says when a change of an object (by `objectText`) may be made. */
export function select(
  needed: readonly Change[],
  dueMs: (object: string, change: Change) => number,
  nowMs: number,
): Selection {
  /** What is made, or withheld, for others to rest on; by `carriedBy`. */
  const carriers = new Map<unknown, boolean>();
  const withheld = new Set<string>();
  let nextMs = Infinity;
  const changes = needed.filter((change) => {
    const foundation = foundationOf(change);
    const isCarried = foundation === undefined ? undefined : carriers.get(foundation);
    // What is made anew brings what it carries along, and what is not made carries nothing.
    if (isCarried !== undefined) return isCarried;
    const object = objectText(objectOf(change));
    const atMs = dueMs(object, change);
    const carrier = carriedBy(change);
    if (carrier !== undefined) carriers.set(carrier, atMs <= nowMs);
    if (atMs <= nowMs) return true;
    withheld.add(object);
    nextMs = Math.min(nextMs, atMs);
    return false;
  });
  return { changes, withheld, nextMs };
}

/** The changes of objects for themselves, and not because what they rest on is made anew, by `objectText`. */
export function changedThemselves(changes: readonly Change[]): ReadonlyMap<string, Change> {
  const carriers = new Set(changes.map(carriedBy));
  carriers.delete(undefined);
  const themselves = changes.filter((change) => {
    const foundation = foundationOf(change);
    return foundation === undefined || !carriers.has(foundation);
  });
  return new Map(themselves.map((change) => [objectText(objectOf(change)), change]));
}
