/** JSON of large documents of plain data, made in steps. Pure. */

/** What `JSON.stringify` gives for plain data; an item of a list of a record is one step. */
export function* jsonInSteps(value: unknown): Generator<void, string> {
  if (Array.isArray(value)) {
    const texts: string[] = [];
    for (const item of value) {
      texts.push(JSON.stringify(item) ?? "null");
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

function isPlainRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
