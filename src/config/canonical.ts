/** Values of the checked configuration as texts that are the same exactly where the values mean the same. */

/** Lists whose order means something; a list in a list is a tuple, and ordered too. */
const ORDERED: ReadonlySet<string> = new Set(["command", "onChange", "tcpAo"]);

/** The text of `value`, which stands at the key `key`. */
export function canonical(value: unknown, key = ""): string {
  if (value instanceof Uint8Array) return `[${value.join()}]`;
  if (value instanceof Map) return canonical(Object.fromEntries(value));
  if (Array.isArray(value)) {
    const items = value.map((item) =>
      Array.isArray(item) ? `[${item.map((one) => canonical(one)).join()}]` : canonical(item)
    );
    return ORDERED.has(key) ? `[${items.join()}]` : listText(items);
  }
  if (typeof value !== "object" || value === null) return value === undefined ? "-" : JSON.stringify(value);
  return recordText(Object.entries(value).map(([name, below]) => [name, canonical(below, name)]));
}

/** The text of a list whose order means nothing, of the texts of its items. */
export function listText(items: readonly string[]): string {
  return `[${items.toSorted().join()}]`;
}

/** The text of a record, of its keys and the texts of their values. */
export function recordText(entries: readonly (readonly [string, string])[]): string {
  const sorted = entries.toSorted(([a], [b]) => a < b ? -1 : 1);
  return `{${sorted.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join()}}`;
}

/** The keys whose values mean something else in `next`, sorted. */
export function changedKeys<T extends object>(old: T, next: T): readonly (keyof T & string)[] {
  const keys: (keyof T & string)[] = [];
  for (const key in { ...old, ...next }) {
    if (!isSame(old[key], next[key], key)) keys.push(key);
  }
  return keys.toSorted();
}

/** What is the same value needs no text; of records and of lists in the same order, only what is another one does. */
function isSame(old: unknown, next: unknown, key: string): boolean {
  if (Object.is(old, next)) return true;
  if (isRecord(old) && isRecord(next)) return changedKeys(old, next).length === 0;
  if (old instanceof Uint8Array && next instanceof Uint8Array && old.byteLength === next.byteLength) {
    return old.every((octet, at) => octet === next[at]);
  }
  if (Array.isArray(old) && Array.isArray(next) && old.length === next.length) {
    if (old.every((item, at) => isSame(item, next[at], ""))) return true;
  }
  return canonical(old, key) === canonical(next, key);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
