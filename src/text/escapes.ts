/** Text from elsewhere, fit for a terminal and for one line: nothing in it moves the cursor or turns the writing round. */

/** Control characters, line and paragraph separators, and what overrides the direction of writing. */
export const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** `text` with an escape as JSON has it (`\u009b`) for each unprintable character; so JSON stays the same JSON. */
export function escapeUnprintable(text: string): string {
  return text.replace(UNPRINTABLE, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
