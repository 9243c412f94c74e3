/**
 * What is missing where a text is no valid YAML, and the place where it is missing. A parser complains where it cannot go
 * on, often lines behind the slip: so the usual slips are looked for by themselves, first those of brackets, quotes and
 * commas, then those of the line that the parser names. No message repeats text of the file, which may hold secrets.
 */
import { type Token, tokensOf } from "./tokens.ts";

/** What is wrong at an offset of the text. */
export interface Slip {
  readonly offset: number;
  readonly message: string;
}

/** An error as the parser tells it. */
export interface ParserError {
  readonly code: string;
  readonly pos: readonly [number, number];
}

/** The slip that explains the parser's first error; undefined where none of the usual ones does. */
export function findSlip(text: string, error: ParserError): Slip | undefined {
  const tokens = tokensOf(text);
  const inBrackets = findInBrackets(text, tokens);
  const inLine = findInLine(text, tokens, error);
  if (inBrackets === undefined || inLine === undefined) return inBrackets ?? inLine;
  return inLine.offset < inBrackets.offset ? inLine : inBrackets;
}

/** A list or mapping in brackets that is open. */
interface Open {
  readonly token: Token;
  /** What stands behind the last comma, or behind the bracket: nothing, something whole, a colon, what follows it. */
  state: "nothing" | "item" | "colon" | "value";
}

/** The first slip with quotes, brackets and commas. */
function findInBrackets(text: string, tokens: readonly Token[]): Slip | undefined {
  const stack: Open[] = [];
  for (const [index, token] of tokens.entries()) {
    const { kind, offset } = token;
    const top = stack.at(-1);
    if (kind === "quoted" && !isClosed(token.text)) return notClosed(token);
    if (top === undefined) {
      if (kind === "close") return { offset, message: `nothing is open that this ${token.text} would close` };
      if (kind === "open") stack.push({ token, state: "nothing" });
      continue;
    }
    const outer = stack[0]?.token ?? token;
    if (startsLine(tokens, index) && isOutside(text, offset, outer)) return notClosed(top.token);
    const slip = inside(top, token, tokens[index - 1]);
    if (slip !== undefined) return slip;
    if (kind === "open") stack.push({ token, state: "nothing" });
    if (kind === "close") stack.pop();
  }
  const last = stack.at(-1);
  return last === undefined ? undefined : notClosed(last.token);
}

function isClosed(quoted: string): boolean {
  return quoted.length > 1 && quoted.endsWith(quoted[0] ?? "");
}

function notClosed({ kind, text, offset }: Token): Slip {
  const message = kind === "quoted"
    ? "this quote is not closed"
    : `this ${text} is not closed: a ${closing(text)} is missing`;
  return { offset, message };
}

function closing(bracket: string): string {
  return bracket === "{" ? "}" : "]";
}

function startsLine(tokens: readonly Token[], index: number): boolean {
  return tokens[index - 1]?.kind === "newline" && tokens[index]?.kind !== "newline";
}

/** True where a line is not indented as what is in a bracket must be that stands behind a key. */
function isOutside(text: string, offset: number, { offset: bracket }: Token): boolean {
  const line = text.slice(text.lastIndexOf("\n", bracket) + 1, bracket);
  const column = offset - text.lastIndexOf("\n", offset - 1) - 1;
  return line.trim() !== "" && column <= indentOf(line).length;
}

function inside(top: Open, token: Token, previous: Token | undefined): Slip | undefined {
  const { kind, text, offset } = token;
  switch (kind) {
    case "comma":
      if (top.state === "nothing") {
        return {
          offset,
          message: "nothing stands before this comma: a value is missing, or the comma is too much",
        };
      }
      top.state = "nothing";
      return undefined;
    case "colon":
      if (top.state === "value") return beforeColon(token, previous);
      top.state = "colon";
      return undefined;
    case "close":
      return text === closing(top.token.text) ? undefined : notClosed(top.token);
    case "open":
    case "quoted":
      return begin(top, token, previous);
    case "plain":
      return text === "" ? undefined : begin(top, token, previous);
    default:
      return text.startsWith("*") ? begin(top, token, previous) : undefined;
  }
}

/** Something begins; what is whole must not stand right before it. */
function begin(top: Open, { offset }: Token, previous: Token | undefined): Slip | undefined {
  const before = top.state;
  top.state = before === "colon" ? "value" : "item";
  if (before === "nothing" || before === "colon") return undefined;
  const isGlued = previous !== undefined && previous.offset + previous.text.length === offset;
  if (previous?.kind === "quoted" && (isGlued || previous.text.includes("\n"))) {
    return { offset: previous.offset, message: "this quote is not closed, or a comma is missing behind it" };
  }
  if (isGlued && previous.text.endsWith("$")) {
    return {
      offset: previous.offset,
      message: "nothing is put in for variables; text with ${ must be in quotes",
    };
  }
  const missing = before === "item" && top.token.text === "{" ? "colon" : "comma";
  return { offset, message: `a ${missing} is missing before this` };
}

/** A second colon behind the last comma: `{a: 1 b: 2}` has one text `1 b`, in which a comma is missing; `{a: ::}` has none. */
function beforeColon({ offset }: Token, previous: Token | undefined): Slip {
  if (previous?.kind !== "plain") {
    return { offset: previous?.offset ?? offset, message: "a comma is missing before this" };
  }
  const word = previous.text.search(/\s\S+$/);
  return word < 0
    ? { offset: previous.offset, message: "text with a colon in it must be in quotes here" }
    : { offset: previous.offset + word + 1, message: "a comma is missing before this" };
}

/** What is wrong with the text that the parser stumbled over, outside of brackets. */
function findInLine(
  text: string,
  tokens: readonly Token[],
  { code, pos: [at] }: ParserError,
): Slip | undefined {
  if (depthAt(tokens, at) > 0) return undefined;
  if (code === "BAD_INDENT") return wrongIndent(text, at);
  if (!STUMBLES.includes(code)) return undefined;
  const index = tokens.findLastIndex(({ kind, offset }) => TEXTS.includes(kind) && offset <= at);
  const token = tokens[index];
  const found = token !== undefined && at <= token.offset + token.text.length
    ? inText(token, tokens[index - 1])
    : undefined;
  return found ?? (/(^|\n)[ \t]*$/.test(text.slice(0, at)) ? wrongIndent(text, at) : undefined);
}

const STUMBLES: readonly string[] = [
  "MULTILINE_IMPLICIT_KEY",
  "MISSING_CHAR",
  "BLOCK_AS_IMPLICIT_KEY",
  "UNEXPECTED_TOKEN",
];

const TEXTS: readonly Token["kind"][] = ["plain", "quoted"];

function inText({ kind, text, offset }: Token, before: Token | undefined): Slip | undefined {
  if (kind === "quoted" && before?.kind !== "quoted") return undefined;
  const [first = "", ...more] = text.split("\n");
  const withoutSpace = /^[A-Za-z][\w-]*:(?=\S)/.exec(first);
  if (withoutSpace !== null) {
    return { offset: offset + withoutSpace[0].length - 1, message: "a space is missing after this colon" };
  }
  if (before?.kind === "quoted") {
    const message =
      "text goes on behind a closing quote: write the quote inside it twice ('') or with a backslash (\\\")";
    return { offset, message };
  }
  if (before?.kind === "colon" && more.length > 0) {
    const last = (more.at(-1) ?? "").trimStart();
    const message = "this line is indented too deep: the key above it has a value already";
    return { offset: offset + text.length - last.length, message };
  }
  return before?.kind === "colon" || before?.kind === "close"
    ? undefined
    : { offset, message: slipAtLineStart(first) };
}

function slipAtLineStart(line: string): string {
  if (/^-\S/.test(line)) return "a space is missing after this dash";
  if (/^(\/\/|\/\*)/.test(line)) return "a comment begins with #";
  if (/^\S+[\uff1a\ufe55\ua789\u2236]/.test(line)) {
    return "the colon in this line is another character that only looks like one";
  }
  if (/^\S+\s*=/.test(line)) return "a key is followed by a colon and a space, not by =";
  return "a colon is missing in this line, or it belongs to another";
}

function depthAt(tokens: readonly Token[], at: number): number {
  const before = tokens.filter(({ offset }) => offset < at);
  const count = (kind: Token["kind"]) => before.filter((token) => token.kind === kind).length;
  return count("open") - count("close");
}

function wrongIndent(text: string, at: number): Slip | undefined {
  const start = text.lastIndexOf("\n", at - 1) + 1;
  const indent = indentOf(text.slice(start));
  const tab = indent.indexOf("\t");
  if (tab >= 0) return { offset: start + tab, message: "tabs cannot indent, use spaces" };
  const offset = start + indent.length;
  if (/^-[^\s-]/.test(text.slice(offset))) return { offset, message: "a space is missing after this dash" };
  const possible = possibleIndents(text.slice(0, start), indent.length);
  if (possible.includes(indent.length)) {
    return {
      offset,
      message: "this line is neither a key nor an item like those above it: its dash or colon is missing",
    };
  }
  return {
    offset,
    message: `this line is indented by ${spaces(indent.length)}, those that it could belong to by ${
      possible.join(" or ")
    }`,
  };
}

/** The indents of the lines above that a line may have: that of each mapping and list that is still open. */
function possibleIndents(above: string, indent: number): readonly number[] {
  const indents: number[] = [];
  for (const line of above.split("\n").reverse()) {
    if (/^\s*(#.*)?$/.test(line)) continue;
    const space = indentOf(line).length;
    // The mapping in a list item begins behind its dash.
    const inItem = space + (/^ *(- +)+(?=\S+:(\s|$))/.exec(line)?.[0].length ?? space) - space;
    for (const width of [inItem, space]) if (width < (indents.at(-1) ?? Infinity)) indents.push(width);
    if (space < indent || space === 0) break;
  }
  return indents.reverse();
}

function indentOf(line: string): string {
  return /^[ \t]*/.exec(line)?.[0] ?? "";
}

function spaces(count: number): string {
  return `${count} space${count === 1 ? "" : "s"}`;
}
