/** The grammars of ExaBGP: its configuration, `name values;` and `name values { … }`, and files of the healthcheck's options. */
import {
  checkDirectives,
  Cursor,
  type Directive,
  MAX_DEPTH,
  type Place,
  type SourceFile,
  SourceProblem,
  type Word,
} from "./directive.ts";

/** Reads an exabgp.conf. @throws {SourceProblem} */
export function readExabgp(file: SourceFile): readonly Directive[] {
  const directives = readBlock(new Cursor(file), undefined, 0);
  checkDirectives(directives);
  return directives;
}

function readBlock(cursor: Cursor, open: Place | undefined, depth: number): readonly Directive[] {
  const directives: Directive[] = [];
  let words: Word[] = [];
  if (depth > MAX_DEPTH) throw new SourceProblem(cursor.place, `is nested deeper than ${MAX_DEPTH} blocks`);
  const end = (block?: readonly Directive[]) => {
    const [name, ...values] = words;
    words = [];
    if (name !== undefined) directives.push({ name: name.text, place: name.place, values, block });
    return name;
  };
  const unended = () => {
    const [name] = words;
    if (name !== undefined) throw new SourceProblem(name.place, `${name.text} is not ended by a ;`);
  };
  for (;;) {
    const { here, place } = cursor;
    if (here === "") {
      unended();
      if (open !== undefined) throw new SourceProblem(open, "a { is not closed");
      return directives;
    } else if (here === "#") cursor.skipLine();
    else if (/\s/.test(here) || here === "[" || here === "]") cursor.next();
    else if (here === ";") {
      cursor.next();
      end();
    } else if (here === "{") {
      cursor.next();
      if (words.length === 0) throw new SourceProblem(place, "a { has no name before it");
      end(readBlock(cursor, place, depth + 1));
    } else if (here === "}") {
      unended();
      if (open === undefined) throw new SourceProblem(place, "a } closes nothing");
      cursor.next();
      return directives;
    } else words.push(readWord(cursor));
  }
}

function readWord(cursor: Cursor): Word {
  const { place } = cursor;
  let text = "";
  while (!/[\s;{}[\]]/.test(cursor.here) && cursor.here !== "") {
    text += cursor.here === '"' || cursor.here === "'" ? cursor.quoted(true) : cursor.next();
  }
  return { text, place };
}

/** Reads a file of options for `exabgp healthcheck --config`: `name = value` or `name` in each line. @throws {SourceProblem} */
export function readOptionFile({ name: file, text }: SourceFile): readonly Directive[] {
  const directives = text.split("\n").flatMap((line, index): readonly Directive[] => {
    if (/^\s*(#|$)/.test(line)) return [];
    const indent = line.length - line.trimStart().length;
    const at = (column: number): Place => ({ file, line: index + 1, column: column + 1 });
    const equals = line.indexOf("=");
    const name = (equals < 0 ? line : line.slice(0, equals)).trim();
    if (!/^[A-Za-z][A-Za-z-]*$/.test(name)) {
      throw new SourceProblem(at(indent), "must be an option: its name, and = VALUE where it has one");
    }
    const value = equals < 0 ? "" : line.slice(equals + 1);
    const column = equals + 1 + value.length - value.trimStart().length;
    const values = equals < 0 ? [] : [{ text: value.trim(), place: at(column) }];
    return [{ name, place: at(indent), values }];
  });
  checkDirectives(directives);
  return directives;
}
