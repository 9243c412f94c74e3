/**
 * Characters that mislead who reads a text: invisible ones, those that turn the writing round, and those that look like
 * others (Unicode TR 36 and 39, as far as one host's names need it).
 */

/** Control, format, separator and default-ignorable characters, and what stands for a lost one; not space, tab, line end. */
const HIDDEN = /(?![ \t\n\r])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Zs}\p{DI}\ufffd]/u;

/** What turns the direction of writing round, or back. */
const BIDIRECTIONAL = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

const NAMES: ReadonlyMap<number, string> = new Map([
  [0x00, "NUL"],
  [0x1b, "escape"],
  [0x7f, "delete"],
  [0x85, "next line"],
  [0xa0, "no-break space"],
  [0xad, "soft hyphen"],
  [0x200b, "zero width space"],
  [0x200c, "zero width non-joiner"],
  [0x200d, "zero width joiner"],
  [0x2028, "line separator"],
  [0x2029, "paragraph separator"],
  [0x202f, "narrow no-break space"],
  [0x2060, "word joiner"],
  [0x3000, "ideographic space"],
  [0xfeff, "byte order mark or zero width no-break space"],
  [0xfffd, "what stands for a character that was lost"],
]);

/** A character by number and, where people know it, by name: `U+200B, zero width space`. */
function describeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const number = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  const name = NAMES.get(code) ??
    (HIDDEN.test(character) || /\p{Cc}/u.test(character) ? kindOf(character) : undefined);
  return name === undefined ? number : `${number}, ${name}`;
}

function kindOf(character: string): string {
  if (BIDIRECTIONAL.test(character)) return "a character that turns the writing round";
  if (/\p{Cc}/u.test(character)) return "a control character";
  return /\p{Zs}/u.test(character) ? "a space that is none to programs" : "an invisible character";
}

/** What is misleading in a text, and where. */
export interface Misleading {
  /** In UTF-16 units. */
  readonly offset: number;
  readonly problem: string;
}

/** What is wrong with a text of one line that people read, such as a path; undefined: nothing. */
export function printableProblem(text: string): string | undefined {
  const control = /[\t\n\r]/.exec(text);
  if (control !== null) return `has ${describeCharacter(control[0])}`;
  return findMisleading(text)?.problem;
}

/** The first character that cannot be seen, or that another spelling of the text has (Unicode NFC); undefined: none. */
export function findMisleading(text: string): Misleading | undefined {
  const hidden = HIDDEN.exec(text);
  if (hidden !== null) return { offset: hidden.index, problem: `has ${describeCharacter(hidden[0])}` };
  const composed = text.normalize("NFC");
  if (composed === text) return undefined;
  let offset = 0;
  while (text[offset] === composed[offset]) offset++;
  return { offset, problem: "has a character that is written in another way than usual (not Unicode NFC)" };
}

/** The first character of a comment that changes how the text around it looks; undefined: none. */
export function findBidirectional(text: string): Misleading | undefined {
  const found = /[\u202a-\u202e\u2066-\u2069]/u.exec(text);
  return found === null ? undefined : { offset: found.index, problem: `has ${describeCharacter(found[0])}` };
}

/** Quotes to people, letters like any other to programs. */
const QUOTES = /[\u2018-\u201f\u2039\u203a\u00ab\u00bb\u0060\u00b4]/u;

/** Scripts whose letters look alike. */
const ALIKE = ["Latin", "Cyrillic", "Greek", "Armenian", "Cherokee"].map((script) =>
  [script, new RegExp(`\\p{Script=${script}}`, "u")] as const
);

/** What is wrong with `name` as something that people tell from others by looking at it; undefined: nothing. */
export function nameProblem(name: string): string | undefined {
  const problem = printableProblem(name);
  if (problem !== undefined) return problem;
  const quote = QUOTES.exec(name);
  if (quote !== null) return `has ${describeCharacter(quote[0])}, which is no quote to programs`;
  const variant = [...name].find((character) => character.normalize("NFKC") !== character);
  if (variant !== undefined) {
    return `has ${describeCharacter(variant)}, which looks like ${variant.normalize("NFKC")}`;
  }
  const scripts = ALIKE.filter(([, pattern]) => pattern.test(name)).map(([script]) => script);
  return scripts.length > 1 ? `mixes ${scripts.join(" and ")} letters, some of which look alike` : undefined;
}
