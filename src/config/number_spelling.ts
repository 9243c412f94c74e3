/** Spellings of numbers that not every reader of YAML understands alike. */
import type { Path } from "./values/finding.ts";

/** Decimal, as JSON and every version of YAML have it. */
const PLAIN = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/;

const SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [/^[-+]?0x/i, "is hexadecimal, write it in decimal"],
  [/^[-+]?0o/i, "is octal, write it in decimal"],
  [/^[-+]?0[0-9]/, "begins with 0, which makes it octal to some readers of YAML, write it without"],
  [/^[-+]?[0-9.]+e/i, "has an exponent, write the number out"],
  [/^\+/, "has a sign, leave the + out"],
  [/^-0$/, "is a zero with a sign, leave the - out"],
  [/^[-+]?\./, "begins with a point, write a digit before it"],
  [/\.$/, "ends with a point, leave it out"],
];

/** What is wrong with a number that YAML reads from `source`; undefined: nothing. */
export function doubtfulNumber(source: string, path: Path): string | undefined {
  if (/^[-+]?\.(inf|nan)$/i.test(source)) return undefined;
  if (path.at(-1) === "as" && /^[0-9]+\.[0-9]+$/.test(source)) {
    return "must be an AS number in plain notation (asdot X.Y is X times 65536 and Y)";
  }
  if (PLAIN.test(source)) return undefined;
  const reason = SPELLINGS.find(([pattern]) => pattern.test(source))?.[1] ?? "is written in an unusual way";
  return `${reason} (or in quotes where it is text)`;
}

/** Text where a number is meant: what makes it none. */
export function numberSlip(text: string): string | undefined {
  if (/^-?[0-9]+$/.test(text)) return "without quotes";
  if (/^[-+]?[0-9][0-9_]*$/.test(text)) return "without underscores";
  if (/^[0-9]{1,3}([,'\u2019 ][0-9]{3})+$/.test(text)) return "without separators between the digits";
  if (/^[0-9]+(:[0-5]?[0-9])+$/.test(text)) return "not in base 60, as some readers of YAML take it";
  if (/^[-+]?0b[01_]+$/i.test(text)) return "in decimal, not binary";
  if (/^[-+]?0[xo][0-9a-f_]+$/i.test(text)) return "in decimal";
  if (/^[-+]?[0-9]+(\.[0-9]+)?e[-+]?[0-9]+$/i.test(text)) return "without an exponent";
  if (/^\s*[-+]?[0-9]+\s*$/.test(text)) return "without spaces or quotes";
  if (/^AS[0-9]+$/i.test(text)) return "without AS before it";
  return /^[\p{Nd}]+$/u.test(text) ? "in ASCII digits" : undefined;
}
