/** Text from elsewhere, fit for a terminal and for one line: nothing in it moves the cursor or turns the writing round. */

/** Control characters, separators of lines, and what cannot be seen or turns the direction of writing round. */
export const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{DI}]/gu;

/** `text` with an escape as JSON has it (`\u009b`) for each unprintable character; so JSON stays the same JSON. */
export function escapeUnprintable(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (character) =>
      character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""),
  );
}
