/** Single values of others' files as ours. What is none is kept as it stands, so that `bgp-lb check` says what it must be. */
import { addressToU32, formatU32, parseAddress } from "../net/address.ts";
import { formatDuration } from "../time/duration.ts";
import type { Place, Word } from "./directive.ts";

/** A decimal number, or the text as it stands. */
export function number(text: string): number | string {
  return /^(0|[1-9][0-9]{0,14})$/.test(text) ? Number(text) : text;
}

/** Milliseconds of seconds in decimal; undefined: it is none. */
export function milliseconds(text: string): number | undefined {
  return /^[0-9]{1,9}(\.[0-9]{1,9})?$/.test(text) ? Math.round(Number(text) * 1000) : undefined;
}

/** A duration of seconds in decimal, or the text as it stands. */
export function duration(text: string): string {
  const ms = milliseconds(text);
  return ms === undefined ? text : formatDuration(ms);
}

/** Whether a word switches something on: given alone it does. */
export function truth(text: string | undefined): boolean {
  return text === undefined || /^(true|on|yes|enable|enabled|1)$/i.test(text);
}

/** The words of a command line as shells split them; undefined where a quote is not closed. No variables, no globs. */
export function shellWords({ text, place }: Word): readonly Word[] | undefined {
  const words: Word[] = [];
  let word = "";
  let start: Place | undefined;
  let quote = "";
  for (let offset = 0; offset < text.length; offset++) {
    const character = text[offset] ?? "";
    const escaped = character === "\\" && quote !== "'" &&
      (quote === "" || /["\\$`]/.test(text[offset + 1] ?? ""));
    if (quote === "" && /\s/.test(character)) {
      if (start !== undefined) words.push({ text: word, place: start });
      [word, start] = ["", undefined];
      continue;
    }
    start ??= { ...place, column: place.column + offset };
    if (escaped) word += text[++offset] ?? "";
    else if (quote === "" && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = "";
    else word += character;
  }
  if (quote !== "") return undefined;
  return start === undefined ? words : [...words, { text: word, place: start }];
}

/** A command line that a shell reads, as our programs are given. */
export function shellCommand(text: string): readonly string[] {
  return ["/bin/sh", "-c", text];
}

/** Words that others look for in PATH, as our programs are given: by env(1), where the first is no path. */
export function pathCommand(words: readonly string[]): readonly string[] {
  return words[0]?.startsWith("/") === true ? words : ["/usr/bin/env", ...words];
}

/** `text` as one word of a shell. */
export function shellQuoted(text: string): string {
  return /^[A-Za-z0-9_./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Ranges have so many addresses at most. */
const MAX_RANGE = 256;

/** The addresses of `10.0.0.1-5`, `10.0.0.1-10.0.0.5`, `10.0.0.0/29` or of one address; undefined: too many, or not told so. */
export function addressRange(text: string): readonly string[] | undefined {
  const [begin = "", end] = text.split("-");
  const [network = "", length] = begin.split("/");
  const first = parseAddress(network);
  if (first === undefined) return undefined;
  if (end === undefined && length === undefined) return [text];
  if (first.family === 6) return undefined;
  const from = addressToU32(first);
  const last = end === undefined
    ? undefined
    : parseAddress(/^\d+$/.test(end) ? network.replace(/\d+$/, end) : end);
  const count = last === undefined ? 2 ** (32 - Number(length)) : addressToU32(last) - from + 1;
  if (!Number.isInteger(count) || count < 1 || count > MAX_RANGE) return undefined;
  return Array.from({ length: count }, (_, index) => formatU32(from + index));
}
