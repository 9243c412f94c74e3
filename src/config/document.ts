/**
 * YAML (so JSON too) into plain values that remember where they stood. Anchors, aliases and merge keys work within a
 * budget; duplicate keys, tags, several documents and keys that are not text are problems. No message here repeats
 * text of the file, which may hold secrets.
 */
import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Scalar,
  type YAMLError,
  type YAMLMap,
} from "yaml";
import type { Finding, Path, Position } from "./values/finding.ts";
import { findMisleadingCharacter } from "./misleading.ts";
import { doubtfulNumber } from "./number_spelling.ts";
import { findSlip } from "./syntax.ts";

/** A value with its place. Objects have no prototype. */
interface Located {
  readonly value: unknown;
  /** How a number is spelt. */
  readonly source?: string;
  /** Offset of the value, and of its key where it has one. */
  readonly offset: number;
  readonly keyOffset: number | undefined;
  readonly children: ReadonlyMap<string | number, Located>;
}

/** A problem of the text itself. */
export interface TextProblem {
  readonly position: Position;
  readonly path: Path;
  readonly message: string;
}

/** A file's content: the values, the place of each, and what is wrong with the text. */
export interface SourceDocument {
  readonly value: unknown;
  readonly problems: readonly TextProblem[];
  /** Values that can be used and that other readers take for something else. */
  readonly doubtful: readonly Finding[];
  /** The place of what `finding` is about; where that is missing, of the nearest thing around it. */
  locate(finding: Pick<Finding, "path" | "at">): Position;
  /** The value at `path`, or undefined. */
  at(path: Path): unknown;
  /** How the number at `path` is spelt; undefined where none stands there. */
  spelling(path: Path): string | undefined;
}

const MAX_PROBLEMS = 20;
/** One slip has many consequences. */
const MAX_SYNTAX_ERRORS = 3;
const MAX_DEPTH = 50;
/** Values after every alias is replaced by what it stands for. */
const MAX_VALUES = 500_000;

/** Reads `text`. Never throws; where `problems` is not empty, `value` is not to be used. */
export function readDocument(text: string): SourceDocument {
  const problems: TextProblem[] = [];
  const lines = lineStarts(text);
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problem = (offset: number, message: string, path: Path = []) => {
    if (problems.length < MAX_PROBLEMS) problems.push({ position: position(offset), path, message });
  };
  const document = parseText(text);
  const misleading = findMisleadingCharacter(text);
  if (misleading !== undefined) problem(misleading.offset, misleading.message);
  else tellSyntaxErrors(text, document, problem);
  const conversion = new Conversion(document, problem);
  const root = problems.length > 0 ? undefined : conversion.root();
  return {
    value: root?.value,
    problems,
    doubtful: conversion.doubtful,
    locate: ({ path, at }) => position(locate(root, path, at ?? "value")),
    at: (path) => find(root, path)?.value,
    spelling: (path) => find(root, path)?.source,
  };
}

/** The parser would fill it in itself, but not behind an error. */
function lineStarts(text: string): LineCounter {
  const lines = new LineCounter();
  for (let start = 0, end = 0; end >= 0; start = end + 1) {
    lines.addNewLine(start);
    end = text.indexOf("\n", start);
  }
  return lines;
}

type ParsedText = ReturnType<typeof parseDocument>;

function parseText(text: string): ParsedText {
  // Duplicate keys are looked for during conversion: there in linear time.
  return parseDocument(text, {
    prettyErrors: false,
    uniqueKeys: false,
    resolveKnownTags: false,
    logLevel: "error",
  });
}

/** The slip that explains the errors, or what the parser itself says. */
function tellSyntaxErrors(
  text: string,
  document: ParsedText,
  problem: (offset: number, message: string) => void,
): void {
  const directive = /^%(YAML|TAG)\b/m.exec(text);
  if (directive !== null && document.directives?.yaml.explicit === true) {
    problem(directive.index, "has a directive (a line that begins with %): remove it, this is YAML 1.2");
  }
  const errors = syntaxErrors(document);
  const [first] = errors;
  const slip = first === undefined ? undefined : findSlip(text, first);
  if (slip !== undefined) problem(slip.offset, `not valid YAML: ${slip.message}`);
  else for (const { code, pos } of errors) problem(pos[0], syntaxMessage(code));
}

/** The first errors in the text's order: those behind them mostly follow from them. */
function syntaxErrors({ errors, warnings }: ParsedText): readonly YAMLError[] {
  const seen = new Set<number>();
  return [...errors, ...warnings].sort((a, b) => a.pos[0] - b.pos[0])
    .filter(({ pos }) => !seen.has(pos[0]) && seen.add(pos[0])).slice(0, MAX_SYNTAX_ERRORS);
}

/** Walks the parsed nodes once, with a budget. */
class Conversion {
  readonly doubtful: Finding[] = [];
  #values = 0;
  readonly #document: ParsedText;
  readonly #problem: (offset: number, message: string, path: Path) => void;
  readonly #anchors = new Map<string, unknown>();
  /** Aliases that are being replaced, to notice one inside itself. */
  readonly #open = new Set<unknown>();

  constructor(document: ParsedText, problem: (offset: number, message: string, path: Path) => void) {
    this.#document = document;
    this.#problem = problem;
  }

  root(): Located {
    return this.#node(this.#document.contents, [], undefined, 0);
  }

  #node(node: unknown, path: Path, keyOffset: number | undefined, parentOffset: number): Located {
    const offset = offsetOf(node) ?? keyOffset ?? parentOffset;
    const leaf = (value: unknown): Located => ({ value, offset, keyOffset, children: new Map() });
    this.#values++;
    if (this.#values > MAX_VALUES) {
      if (this.#values === MAX_VALUES + 1) {
        this.#problem(offset, `is more than ${MAX_VALUES} values, aliases replaced`, []);
      }
      return leaf(null);
    }
    if (path.length > MAX_DEPTH) {
      this.#problem(offset, `is nested deeper than ${MAX_DEPTH} levels`, path.slice(0, 3));
      return leaf(null);
    }
    if (isAlias(node)) return this.#alias(node, path, keyOffset, offset);
    if (isScalar(node)) {
      this.#anchor(node.anchor, node);
      if (isEmptyScalar(node.source, node.value)) return { ...leaf(null), offset: keyOffset ?? offset };
      return typeof node.value === "number" ? this.#number(node, path, leaf(node.value)) : leaf(node.value);
    }
    if (isMap(node)) {
      this.#anchor(node.anchor, node);
      return this.#map(node, path, keyOffset, offset);
    }
    if (isSeq(node)) {
      this.#anchor(node.anchor, node);
      const items = node.items.map((item, index) => this.#node(item, [...path, index], undefined, offset));
      return {
        value: items.map((item) => item.value),
        offset,
        keyOffset,
        children: new Map(items.entries()),
      };
    }
    return leaf(null);
  }

  #number({ source = "" }: Scalar, path: Path, leaf: Located): Located {
    const message = doubtfulNumber(source, path);
    if (message !== undefined) this.doubtful.push({ path, message });
    return { ...leaf, source };
  }

  #map(node: YAMLMap, path: Path, keyOffset: number | undefined, offset: number): Located {
    const children = new Map<string, Located>();
    const merged = new Map<string, Located>();
    for (const { key, value } of node.items) {
      const at = offsetOf(key) ?? offset;
      if (!isScalar(key) || key.value === null || typeof key.value === "object") {
        this.#problem(at, "a key must be a word", path);
        continue;
      }
      this.#anchor(key.anchor, key);
      const name = String(key.value);
      const child = this.#node(value, [...path, name], at, offset);
      if (name === "<<") this.#merge(child, at, path, merged);
      else if (children.has(name)) this.#problem(at, "is given twice", [...path, name]);
      else children.set(name, child);
    }
    for (const [name, child] of merged) if (!children.has(name)) children.set(name, child);
    const value: Record<string, unknown> = Object.create(null);
    for (const [name, child] of children) value[name] = child.value;
    return { value, offset, keyOffset, children };
  }

  /** `<<: *anchor` or `<<: [*one, *two]`: earlier ones win, and the mapping's own keys over all. */
  #merge(source: Located, at: number, path: Path, into: Map<string, Located>): void {
    const sources = Array.isArray(source.value) ? [...source.children.values()] : [source];
    for (const { value, children } of sources) {
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        this.#problem(at, "merges something that is not a mapping", [...path, "<<"]);
        continue;
      }
      for (const [name, child] of children) {
        if (typeof name === "string" && !into.has(name)) into.set(name, child);
      }
    }
  }

  #alias(node: Alias, path: Path, keyOffset: number | undefined, offset: number): Located {
    const target = this.#anchors.get(node.source);
    const nothing: Located = { value: null, offset, keyOffset, children: new Map() };
    if (target === undefined) {
      this.#problem(
        offset,
        "is an alias (it begins with *) of an anchor that is not defined before it; quote the text if it is none",
        path,
      );
      return nothing;
    }
    if (this.#open.has(target)) {
      this.#problem(offset, "is an alias that contains itself", path);
      return nothing;
    }
    this.#open.add(target);
    const located = this.#node(target, path, keyOffset, offset);
    this.#open.delete(target);
    return located;
  }

  #anchor(name: string | undefined, node: unknown): void {
    if (name !== undefined) this.#anchors.set(name, node);
  }
}

function offsetOf(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
}

/** `key:` with nothing behind it. */
function isEmptyScalar(source: string | undefined, value: unknown): boolean {
  return value === null && (source === undefined || source === "");
}

function find(root: Located | undefined, path: Path): Located | undefined {
  let here = root;
  for (const step of path) here = here?.children.get(step);
  return here;
}

function locate(root: Located | undefined, path: Path, at: "key" | "value"): number {
  let here = root;
  for (const [index, step] of path.entries()) {
    const next = here?.children.get(step);
    // Something missing: its parent's key is the best place, or its parent where that has none.
    if (next === undefined) return index === 0 ? 0 : here?.keyOffset ?? here?.offset ?? 0;
    here = next;
  }
  return (at === "key" ? here?.keyOffset : undefined) ?? here?.offset ?? 0;
}

/** What a parser's error code means, without the text that it is about. */
function syntaxMessage(code: string): string {
  switch (code) {
    case "TAB_AS_INDENT":
      return "not valid YAML: tabs cannot indent, use spaces";
    case "MULTIPLE_DOCS":
      return "has several documents (a line ---), one is allowed";
    case "TAG_RESOLVE_FAILED":
    case "MULTIPLE_TAGS":
      return "has a tag (a word that begins with !), tags are not supported; quote the text if it is none";
    case "BAD_SCALAR_START":
      return "not valid YAML: text cannot begin with this character, put it in quotes";
    case "BAD_ALIAS":
      return "not valid YAML: an alias (a word that begins with *) that cannot be used, quote the text if it is none";
    case "MISSING_CHAR":
      return "not valid YAML: something is not closed or not separated (a quote, a bracket, a colon or a comma)";
    case "BLOCK_IN_FLOW":
      return "not valid YAML: text that begins or ends with a colon or a dash must be in quotes here";
    case "BAD_INDENT":
      return "not valid YAML: this line is indented differently from those it belongs to, or a bracket is not closed";
    case "BAD_DQ_ESCAPE":
      return "not valid YAML: a backslash in double quotes is followed by the wrong character, use single quotes";
    case "BLOCK_AS_IMPLICIT_KEY":
      return "not valid YAML: two keys on one line, or text with ': ' in it that is not in quotes";
    case "MULTILINE_IMPLICIT_KEY":
      return "not valid YAML: a key must stand on one line with its colon";
    case "UNEXPECTED_TOKEN":
      return "not valid YAML: this was not expected here (text that begins with a bracket or a quote must be quoted as a whole)";
    case "RESOURCE_EXHAUSTION":
      return "not valid YAML: nested too deeply";
    default:
      return `not valid YAML (${code})`;
  }
}
