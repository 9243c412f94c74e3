/** Text for terminals: lines, columns that stand under each other, and durations as people say them. Pure. */
import { columnsOf, cutToColumns, wrapToColumns } from "./columns.ts";
import { escapeUnprintable } from "./escapes.ts";
import { painted, type Piece, PLAIN, type Style, textOf } from "./style.ts";

/** Beyond this a line is not broken any more: it would be a column of letters. */
const LEAST_WIDTH = 20;
/** Columns are not made narrower than this; where that does not do, than the next. */
const LEAST_COLUMNS = [5, 3, 1] as const;
/** Where there is no label before what a line says, it goes on so much further to the right. */
const HANGING = 4;

/**
 * One line each; what others named or answered cannot break out of it. Where there is a width, longer ones are broken
 * between words, and go on under what stands behind their label, or a bit further to the right.
 */
export function lines(texts: readonly Piece[], style: Style = PLAIN): string {
  return texts.map((piece) =>
    brokenLine(escapeUnprintable(textOf(piece)), style.width).map((line) =>
      `${painted(line, piece, style)}\n`
    )
      .join("")
  ).join("");
}

function brokenLine(text: string, width: number | undefined): readonly string[] {
  if (width === undefined || columnsOf(text) <= width) return [text];
  const indent = /^ */.exec(text)?.[0] ?? "";
  const label = /^ +\S+(?: \S+)? {2,}(?=\S)/.exec(text)?.[0] ?? "";
  const labelled = label !== "" && label.length * 2 < width;
  const beginning = labelled ? label : indent;
  const hanging = labelled ? " ".repeat(label.length) : indent + " ".repeat(HANGING);
  const room = Math.max(LEAST_WIDTH, width - hanging.length);
  const [first = "", ...rest] = wrapToColumns(text.slice(beginning.length), room);
  return [beginning + first, ...rest.map((line) => hanging + line)];
}

/** How a table is set. */
export interface TableStyle extends Style {
  /** A last column that has no room is cut like the others, instead of going on in the next line. */
  readonly cut?: boolean;
}

/**
 * Rows under their headings, columns two spaces apart, no space at the end of a line. Where there is a width, the widest
 * columns are shortened (…) until the table fits, and the last one goes on in the next line.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * equal(table(["PEER", "AS"], [["tor-1", "65512"]]), "PEER   AS\ntor-1  65512\n");
 * ```
 */
export function table(
  headings: readonly string[],
  rows: readonly (readonly Piece[])[],
  style: TableStyle = PLAIN,
): string {
  const all = [headings, ...rows].map((row) => row.map((piece) => escapeUnprintable(textOf(piece))));
  const natural = headings.map((_, column) =>
    all.reduce((width, row) => Math.max(width, columnsOf(row[column] ?? "")), 0)
  );
  const widths = style.width === undefined ? natural : fitted(natural, style.width);
  return all.map((row, index) => {
    const pieces = index === 0 ? headings : rows[index - 1] ?? [];
    return rowLines(row, pieces, widths, style).map((line) => `${line}\n`).join("");
  }).join("");
}

/** A row; more than one line where its last cell has no room in one. */
function rowLines(
  cells: readonly string[],
  pieces: readonly Piece[],
  widths: readonly number[],
  style: TableStyle,
): readonly string[] {
  const set = (text: string, column: number) => {
    const piece = pieces[column] ?? "";
    const padding = " ".repeat(Math.max(0, (widths[column] ?? 0) - columnsOf(text)));
    return painted(text, piece, style) + padding;
  };
  const last = widths.length - 1;
  const room = widths[last] ?? 0;
  const cut = style.cut === true || room < LEAST_WIDTH;
  const [first = "", ...more] = style.width === undefined || cut
    ? [cutToColumns(cells[last] ?? "", room)]
    : wrapToColumns(cells[last] ?? "", room);
  const others = cells.slice(0, last).map((cell, column) =>
    set(cutToColumns(cell, widths[column] ?? 0), column)
  );
  const indent = " ".repeat(widths.slice(0, last).reduce((sum, width) => sum + width + 2, 0));
  return [[...others, set(first, last)].join("  "), ...more.map((line) => indent + set(line, last))]
    .map((line) => line.trimEnd());
}

/** Widths that fit side by side: the last column gives first, then whichever of the others is the widest. */
function fitted(natural: readonly number[], width: number): readonly number[] {
  const widths = [...natural];
  const last = widths.length - 1;
  let surplus = widths.reduce((sum, each) => sum + each + 2, -2) - width;
  const narrow = (column: number, least: number, by: number) => {
    const possible = Math.max(0, Math.min(by, (widths[column] ?? 0) - least));
    widths[column] = (widths[column] ?? 0) - possible;
    surplus -= possible;
    return possible > 0;
  };
  narrow(last, LEAST_WIDTH, surplus);
  for (const least of LEAST_COLUMNS) {
    const others = () => Math.max(...widths.slice(0, last));
    while (surplus > 0 && narrow(widths.indexOf(others()), least, 1));
    narrow(last, least, surplus);
  }
  return widths;
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
export function age(since: Date | string, now: Date | string): string {
  let seconds = Math.floor((new Date(now).getTime() - new Date(since).getTime()) / 1000);
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
