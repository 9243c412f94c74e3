/** JSON of large documents of plain data, made in steps. Pure. */

/** A record with a list that is longer than this is made in steps, too. */
const LONG_LIST = 64;

/** What `JSON.stringify` gives for plain data; an item of a list is one step, and those of a long list in it are steps. */
export function* jsonInSteps(value: unknown): Generator<void, string> {
  if (Array.isArray(value)) {
    const texts: string[] = [];
    for (const item of value) {
      texts.push(hasLongList(item) ? yield* jsonInSteps(item) : JSON.stringify(item) ?? "null");
      yield;
    }
    return `[${texts.join()}]`;
  }
  if (!isPlainRecord(value)) return JSON.stringify(value) ?? "null";
  const texts: string[] = [];
  for (const [key, below] of Object.entries(value)) {
    if (below !== undefined) texts.push(`${JSON.stringify(key)}:${yield* jsonInSteps(below)}`);
  }
  return `{${texts.join()}}`;
}

function hasLongList(value: unknown): boolean {
  return isPlainRecord(value) &&
    Object.values(value).some((below) => Array.isArray(below) && below.length > LONG_LIST);
}

function isPlainRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
