/** Two lists of things that have keys, side by side. */

/** A thing and what it is known by. */
export interface Keyed<T> {
  readonly key: string;
  readonly value: T;
}

/** Two lists by key: what is in one of them, and what is in both; each in its own order. */
export interface Pairs<T> {
  readonly removed: readonly Keyed<T>[];
  readonly kept: readonly { readonly key: string; readonly old: T; readonly next: T }[];
  readonly added: readonly Keyed<T>[];
}

/** Puts the things of two lists side by side that are known by the same key. */
export function pair<T>(old: readonly T[], next: readonly T[], keyOf: (value: T) => string): Pairs<T> {
  const before = new Map(old.map((value) => [keyOf(value), value]));
  const after = new Map(next.map((value) => [keyOf(value), value]));
  const only = (these: ReadonlyMap<string, T>, those: ReadonlyMap<string, T>) =>
    [...these].filter(([key]) => !those.has(key)).map(([key, value]) => ({ key, value }));
  const kept = [...before].flatMap(([key, value]) => {
    const other = after.get(key);
    return other === undefined ? [] : [{ key, old: value, next: other }];
  });
  return { removed: only(before, after), kept, added: only(after, before) };
}
