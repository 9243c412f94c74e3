/** Text for terminals: lines, columns that stand under each other, and durations as people say them. Pure. */
import { eastAsianWidth } from "get-east-asian-width";
import { escapeUnprintable } from "./escapes.ts";

/** One line each; what others named or answered cannot break out of it. */
export function lines(texts: readonly string[]): string {
  return texts.map((text) => `${escapeUnprintable(text)}\n`).join("");
}

/**
 * Rows under their headings, columns two spaces apart, no space at the end of a line.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * equal(table(["PEER", "AS"], [["tor-1", "65512"]]), "PEER   AS\ntor-1  65512\n");
 * ```
 */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows].map((row) => row.map(escapeUnprintable));
  const widths = headings.map((_, column) =>
    all.reduce((width, row) => Math.max(width, columnsOf(row[column] ?? "")), 0)
  );
  return lines(
    all.map((row) => row.map((cell, column) => pad(cell, widths[column] ?? 0)).join("  ").trimEnd()),
  );
}

function pad(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - columnsOf(cell)));
}

/**
 * How many columns of a terminal a text takes that has no unprintable characters: two for wide ones, none for marks that are
 * set on others. (string-width asks Intl.Segmenter besides, tens of milliseconds at start, about sequences escaped here.)
 */
function columnsOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let columns = 0;
  for (const character of text) {
    if (!/[\p{Mn}\p{Me}]/u.test(character)) columns += eastAsianWidth(character.codePointAt(0) ?? 0);
  }
  return columns;
}

const UNITS = [["d", 86_400], ["h", 3600], ["m", 60], ["s", 1]] as const;

/**
 * The two largest units of the time from `since` to `now`; the clock may have been set back.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * equal(age("2026-01-01T00:00:00Z", new Date("2026-01-04T04:05:06Z")), "3d 4h");
 * ```
 */
export function age(since: Date | string, now: Date): string {
  let seconds = Math.floor((now.getTime() - new Date(since).getTime()) / 1000);
  const first = UNITS.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0s";
  const parts: string[] = [];
  for (const [unit, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(seconds / size);
    if (count > 0) parts.push(`${count}${unit}`);
    seconds -= count * size;
  }
  return parts.join(" ");
}
