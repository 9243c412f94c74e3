/** What files of others are read into, whatever their grammar: directives with values and blocks, each with its place. */
import type { Position } from "../config/values/finding.ts";
import { findMisleading } from "../text/characters.ts";
import { foreignText } from "../text/foreign.ts";

/** Where in which file. */
export interface Place extends Position {
  readonly file: string;
}

/** A file that is to be migrated. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
}

/** A word of a file, without its quotes. */
export interface Word {
  readonly text: string;
  readonly place: Place;
}

/** A name with values, and with what its block has where it has one. */
export interface Directive {
  readonly name: string;
  readonly place: Place;
  readonly values: readonly Word[];
  readonly block?: readonly Directive[] | undefined;
}

/** Of words about a file, which repeat what is in it. */
export const MAX_PROBLEM_LENGTH = 300;

/** A file that cannot be read: what is wrong, and where. */
export class SourceProblem extends Error {
  override readonly name = "SourceProblem";
  readonly place: Place;

  constructor(place: Place, message: string) {
    super(foreignText(message, MAX_PROBLEM_LENGTH));
    this.place = place;
  }
}

/** Blocks in blocks, at most. */
export const MAX_DEPTH = 20;
/** Directives of a file, at most: each may become a comment. */
export const MAX_DIRECTIVES = 20_000;

/** Walks a text by characters and knows where it is. */
export class Cursor {
  readonly text: string;
  #offset = 0;
  #line = 1;
  #lineStart = 0;
  readonly #file: string;

  constructor({ name, text }: SourceFile) {
    this.#file = name;
    this.text = text;
  }

  /** The character here; "" at the end. */
  get here(): string {
    return this.text[this.#offset] ?? "";
  }

  get place(): Place {
    return { file: this.#file, line: this.#line, column: this.#offset - this.#lineStart + 1 };
  }

  /** The character here, which is left behind. */
  next(): string {
    const character = this.here;
    if (character === "") return "";
    this.#offset++;
    if (character === "\n") {
      this.#line++;
      this.#lineStart = this.#offset;
    }
    return character;
  }

  /** Leaves the rest of the line behind, but for its end. */
  skipLine(): void {
    while (this.here !== "" && this.here !== "\n") this.next();
  }

  /** What is between quotes; the opening one is here. @throws {SourceProblem} where it is not closed */
  quoted(escapes: boolean): string {
    const start = this.place;
    const quote = this.next();
    let text = "";
    for (;;) {
      const character = this.next();
      if (character === "") throw new SourceProblem(start, `a ${quote} is not closed`);
      if (character === quote) return text;
      text += escapes && character === "\\" && (this.here === quote || this.here === "\\")
        ? this.next()
        : character;
    }
  }
}

/** Refuses what cannot be seen in a word of `directives`, and more of them than anybody has. @throws {SourceProblem} */
export function checkDirectives(directives: readonly Directive[]): void {
  let count = 0;
  const walk = (block: readonly Directive[]) => {
    for (const { name, place, values, block: inner = [] } of block) {
      if (++count > MAX_DIRECTIVES) {
        throw new SourceProblem(place, `is more than ${MAX_DIRECTIVES} directives`);
      }
      for (const word of [{ text: name, place }, ...values]) {
        const misleading = findMisleading(word.text);
        if (misleading !== undefined) throw new SourceProblem(word.place, misleading.problem);
      }
      walk(inner);
    }
  };
  walk(directives);
}

/** The directives of one block: whoever translates asks for them by name, and those that nobody asked for are told. */
export class Block {
  readonly #directives: readonly Directive[];
  readonly #asked = new Set<Directive>();
  readonly #repeated = new Map<Directive, Directive>();

  constructor(directives: readonly Directive[]) {
    this.#directives = directives;
  }

  /** All of that name. */
  every(...names: readonly string[]): readonly Directive[] {
    const found = this.#directives.filter(({ name }) => names.includes(name));
    for (const directive of found) this.#asked.add(directive);
    return found;
  }

  /** The one of that name that counts: the last. */
  last(...names: readonly string[]): Directive | undefined {
    const found = this.every(...names);
    const last = found.at(-1);
    if (last !== undefined) { for (const earlier of found.slice(0, -1)) this.#repeated.set(earlier, last); }
    return last;
  }

  /** Whether there is one, which counts as asked for by whoever asks for it then. */
  has(name: string): boolean {
    return this.#directives.some((directive) => directive.name === name);
  }

  /** Those that nobody asked for. */
  get rest(): readonly Directive[] {
    return this.#directives.filter((directive) => !this.#asked.has(directive));
  }

  /** Those that a later one of the same name made void, with that one. */
  get repeated(): ReadonlyMap<Directive, Directive> {
    return this.#repeated;
  }
}
