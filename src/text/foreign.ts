/** Texts that come from outside, and go into causes, log lines, status and metrics: each has a length, and one line. */
import { escapeUnprintable } from "./escapes.ts";

/** So long is what a text from outside may be where nothing else is said, in characters. */
export const FOREIGN_LENGTH = 160;

/** `text` escaped, and cut where it is longer than `length` characters. */
export function foreignText(text: string, length = FOREIGN_LENGTH): string {
  // What will be cut is not worth being escaped: one unit becomes six at most, and never less than one.
  const escaped = escapeUnprintable(text.slice(0, 2 * length).toWellFormed());
  const characters = [...escaped];
  return characters.length <= length && text.length <= 2 * length
    ? escaped
    : `${characters.slice(0, length - 1).join("")}…`;
}
