/** How many columns of a terminal a text takes, and what fits into so many. Pure. */
import { eastAsianWidth } from "get-east-asian-width";

/**
 * How many columns of a terminal a text takes that has no unprintable characters: two for wide ones, none for marks that are
 * set on others. (string-width asks Intl.Segmenter besides, tens of milliseconds at start, about sequences escaped here.)
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * equal(columnsOf("日本"), 4);
 * ```
 */
export function columnsOf(text: string): number {
  if (isPlain(text)) return text.length;
  let columns = 0;
  for (const character of text) columns += columnsOfCharacter(character);
  return columns;
}

/** `text` where it fits into so many columns; else its beginning with … behind. */
export function cutToColumns(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  return columns < 1 ? "" : `${text.slice(0, lengthWithin(text, columns - 1))}…`;
}

/** `text` in lines of at most so many columns, broken between words; a word that is longer is broken where it must be. */
export function wrapToColumns(text: string, columns: number): readonly string[] {
  if (columnsOf(text) <= columns) return [text];
  const wrapped: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (columnsOf(longer) <= columns) {
      line = longer;
      continue;
    }
    if (line !== "") wrapped.push(line);
    line = word;
    while (columnsOf(line) > columns) {
      const length = Math.max(lengthWithin(line, columns), [...line][0]?.length ?? 1);
      wrapped.push(line.slice(0, length));
      line = line.slice(length);
    }
  }
  return line === "" ? wrapped : [...wrapped, line];
}

/** So many UTF-16 units of `text` fit into so many columns. */
function lengthWithin(text: string, columns: number): number {
  if (isPlain(text)) return Math.min(text.length, columns);
  let [length, used] = [0, 0];
  for (const character of text) {
    used += columnsOfCharacter(character);
    if (used > columns) break;
    length += character.length;
  }
  return length;
}

function isPlain(text: string): boolean {
  return /^[ -~]*$/.test(text);
}

function columnsOfCharacter(character: string): number {
  return /[\p{Mn}\p{Me}]/u.test(character) ? 0 : eastAsianWidth(character.codePointAt(0) ?? 0);
}
