/** A file of ours in the making: mappings with comments at their places, which are also what is told to people. */
import { Document, Pair, Scalar, YAMLMap, YAMLSeq } from "yaml";
import { foreignText } from "../text/foreign.ts";
import { type Block, type Directive, MAX_PROBLEM_LENGTH, type Place } from "./directive.ts";

/** A value of the file. */
export type Value = string | number | boolean | Section | readonly Value[];

/** What means something else here, or nothing. */
export interface Remark {
  readonly place: Place;
  readonly text: string;
}

interface Entry {
  readonly key: string;
  readonly value: Value;
  readonly above: readonly Comment[];
}

type Comment = string | Remark;

/** Names of the directives in a left-out block, at most. */
const MAX_NAMED = 40;
/** Of one comment. */
const MAX_COMMENT_LENGTH = 1000;

/** A mapping in the making. */
export class Section {
  readonly #entries: Entry[] = [];
  #above: Comment[] = [];

  /** Adds a key, below what was said or remarked since the last one; given again, it is the last value that counts. */
  set(key: string, value: Value | undefined): this {
    if (value === undefined) return this;
    const earlier = this.#entries.findIndex((entry) => entry.key === key);
    const above = earlier < 0 ? [] : this.#entries.splice(earlier, 1).flatMap((entry) => entry.above);
    this.#entries.push({ key, value, above: [...above, ...this.#above] });
    this.#above = [];
    return this;
  }

  /** A comment that tells of nothing that was in the source. */
  say(text: string): this {
    this.#above.push(text);
    return this;
  }

  /** A comment about something of the source. */
  remark(place: Place, text: string): this {
    this.#above.push({ place, text: foreignText(text, MAX_PROBLEM_LENGTH) });
    return this;
  }

  /** Whether it has no keys. */
  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** What of `block` nobody asked for, by the reason for its name. */
  remarkRest(block: Block, reasons: Readonly<Record<string, string>>): this {
    for (const [earlier, later] of block.repeated) {
      this.remark(earlier.place, `${earlier.name}: is given again in line ${later.place.line}, which counts`);
    }
    for (const directive of block.rest) {
      const known = Object.hasOwn(reasons, directive.name) ? reasons[directive.name] : undefined;
      this.remark(
        directive.place,
        `${described(directive)}: ${known ?? "is not known to migrate: left out"}`,
      );
    }
    return this;
  }

  /** What was remarked in it and below, in order. */
  get remarks(): readonly Remark[] {
    const own = (comments: readonly Comment[]) => comments.filter((comment) => typeof comment !== "string");
    return [
      ...this.#entries.flatMap(({ value, above }) => [...own(above), ...remarksOf(value)]),
      ...own(this.#above),
    ];
  }

  /** Keys and values as JSON has them, without comments: for sections that are the same. */
  toJSON(): readonly unknown[] {
    return this.#entries.map(({ key, value }) => [key, value]);
  }

  /** As YAML. @param manyFiles whether comments say of which file a line is */
  toYaml(manyFiles: boolean): string {
    const document = new Document();
    document.contents = this.#node(manyFiles);
    return document.toString({ lineWidth: 0 });
  }

  #node(manyFiles: boolean): YAMLMap {
    const map = new YAMLMap();
    for (const { key, value, above } of this.#entries) {
      const name = new Scalar(key);
      if (above.length > 0) name.commentBefore = commentText(above, manyFiles);
      map.items.push(new Pair(name, nodeOf(value, manyFiles)));
    }
    if (this.#above.length > 0) map.comment = commentText(this.#above, manyFiles);
    return map;
  }

  /** As a part of the document. */
  static nodeOf(section: Section, manyFiles: boolean): YAMLMap {
    return section.#node(manyFiles);
  }
}

/** Sections of a list have what is said above their first key above themselves. */
function nodeOf(value: Value, manyFiles: boolean): Scalar | YAMLMap | YAMLSeq {
  if (value instanceof Section) return Section.nodeOf(value, manyFiles);
  if (typeof value !== "object") return new Scalar(value);
  const list = new YAMLSeq();
  list.items.push(...value.map((item) => {
    const node = nodeOf(item, manyFiles);
    const first = node instanceof YAMLMap ? node.items[0]?.key : undefined;
    if (first instanceof Scalar && typeof first.commentBefore === "string") {
      node.commentBefore = first.commentBefore;
      first.commentBefore = null;
    }
    return node;
  }));
  list.flow = value.every((item) => typeof item !== "object") && !value.some(isLong);
  return list;
}

/** Text that needs a line of its own, or several. */
function isLong(value: Value): boolean {
  return typeof value === "string" && (value.length > 60 || value.includes("\n"));
}

function remarksOf(value: Value): readonly Remark[] {
  if (value instanceof Section) return value.remarks;
  return typeof value === "object" ? value.flatMap(remarksOf) : [];
}

/** One line for each; those side by side of which the same is said have one together. */
function commentText(comments: readonly Comment[], manyFiles: boolean): string {
  const lines: { places: Place[]; subjects: string[]; text: string }[] = [];
  for (const comment of comments) {
    if (typeof comment === "string") {
      lines.push({ places: [], subjects: [], text: comment });
      continue;
    }
    const { place, text: whole } = comment;
    const [, subject = "", text = whole] = /^(.*?): (.*)$/s.exec(whole) ?? [];
    const before = lines.at(-1);
    if (before?.text === text && before.places[0]?.file === place.file) {
      before.places.push(place);
      before.subjects.push(subject);
    } else lines.push({ places: [place], subjects: subject === "" ? [] : [subject], text });
  }
  return lines.map(({ places, subjects, text }) => {
    const parts = [linesOf(places, manyFiles), [...new Set(subjects)].join(", "), text];
    return ` ${foreignText(parts.filter((part) => part !== "").join(": "), MAX_COMMENT_LENGTH)}`;
  }).join("\n");
}

/** `FILE line 3`, `lines 3, 5`. */
function linesOf(places: readonly Place[], manyFiles: boolean): string {
  const [first] = places;
  if (first === undefined) return "";
  const lines = [...new Set(places.map(({ line }) => line))].sort((a, b) => a - b);
  const word = `${lines.length > 1 ? "lines" : "line"} ${ranges(lines).join(", ")}`;
  return manyFiles ? `${first.file.slice(first.file.lastIndexOf("/") + 1)} ${word}` : word;
}

function ranges(lines: readonly number[]): readonly string[] {
  const found: { from: number; to: number }[] = [];
  for (const line of lines) {
    const last = found.at(-1);
    if (last !== undefined && last.to + 1 === line) last.to = line;
    else found.push({ from: line, to: line });
  }
  return found.map(({ from, to }) => from === to ? String(from) : `${from}-${to}`);
}

/** A directive by its name, and the names of all that is in it. */
export function described({ name, values, block }: Directive): string {
  if (block === undefined) return name;
  const inner = [...new Set(namesIn(block))];
  const label = [name, ...values.map(({ text }) => text)].join(" ");
  if (inner.length === 0) return label;
  const more = inner.length > MAX_NAMED ? ` and ${inner.length - MAX_NAMED} more` : "";
  return `${label} with ${inner.slice(0, MAX_NAMED).join(", ")}${more}`;
}

function namesIn(block: readonly Directive[]): readonly string[] {
  return block.flatMap(({ name, values: [first], block: inner = [] }) => [
    // A condition is not the name of what it is for.
    name.startsWith("@") && first !== undefined ? `${name} ${first.text}` : name,
    ...namesIn(inner),
  ]);
}
