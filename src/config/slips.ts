/** Slips that leave valid YAML of another meaning: what is wrong with a key or a text, in words that follow the rule. */
import { nearest } from "../text/nearest.ts";

/** Why `key` is unknown where `known` ones may stand; `elsewhere` tells where a key would be known. */
export function unknownKey(
  key: string,
  known: readonly string[],
  elsewhere: (key: string) => string | undefined,
): string {
  const wrong = "is not a known key";
  const glued = /^([A-Za-z][\w-]*):\S/.exec(key)?.[1];
  if (glued !== undefined && known.includes(glued)) return `${wrong}: a space is missing after its colon`;
  if (/^-\S/.test(key)) return `${wrong}: a space is missing after the dash`;
  if (/^(\/\/|\/\*)/.test(key)) return `${wrong}: a comment begins with #`;
  if (/[\uff1a\ufe55\ua789\u2236]/.test(key)) {
    return `${wrong}: its colon is another character that only looks like one`;
  }
  if (/^[0-9]/.test(key)) {
    return `${wrong}: a comma separates keys here, numbers and durations have none in them`;
  }
  const first = key.split(/\s/, 1)[0] ?? "";
  if (first !== key && known.includes(first)) return `${wrong}: a colon or a comma is missing in it`;
  const guess = nearest(key, known);
  if (guess !== undefined) return `${wrong}, did you mean ${guess}?`;
  const place = elsewhere(key);
  return place === undefined ? wrong : `${wrong} here, it belongs to ${place}`;
}

/** What a text, or the first key of a mapping, lacks to be the mapping or list that is meant; "" where nothing usual is missing. */
export function lacksStructure(value: unknown): string {
  const text = typeof value === "object" && value !== null ? Object.keys(value)[0] : value;
  if (typeof text !== "string") return "";
  if (/^[A-Za-z][\w-]*:\S/.test(text)) return ": a space is missing after the colon";
  if (/^-[^\s-]/.test(text)) return ": a space is missing after the dash";
  return /^[A-Za-z][\w-]*\s*=/.test(text) ? ": a key is followed by a colon and a space, not by =" : "";
}
