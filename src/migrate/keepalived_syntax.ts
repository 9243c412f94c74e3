/** The grammar of keepalived: a directive in each line, blocks in braces, comments from # or ! on. */
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

/** Reads a keepalived.conf. @throws {SourceProblem} */
export function readKeepalived(file: SourceFile): readonly Directive[] {
  const directives = readBlock(new Cursor(file), undefined, 0);
  checkDirectives(directives);
  return directives;
}

function readBlock(cursor: Cursor, open: Place | undefined, depth: number): readonly Directive[] {
  const directives: Directive[] = [];
  let words: Word[] = [];
  if (depth > MAX_DEPTH) throw new SourceProblem(cursor.place, `is nested deeper than ${MAX_DEPTH} blocks`);
  const end = () => {
    const [name, ...values] = words;
    words = [];
    if (name !== undefined) directives.push({ name: name.text, place: name.place, values });
  };
  for (;;) {
    const { here, place } = cursor;
    if (here === "") {
      end();
      if (open !== undefined) throw new SourceProblem(open, "a { is not closed");
      return directives;
    } else if (here === "#" || here === "!") cursor.skipLine();
    else if (here === "\n") {
      cursor.next();
      end();
    } else if (/\s/.test(here)) cursor.next();
    else if (here === "{") {
      cursor.next();
      end();
      // It may stand in a line of its own, below what it belongs to.
      const owner = directives.pop();
      if (owner === undefined || owner.block !== undefined) {
        throw new SourceProblem(place, "a { has no name before it");
      }
      directives.push({ ...owner, block: readBlock(cursor, place, depth + 1) });
    } else if (here === "}") {
      end();
      if (open === undefined) throw new SourceProblem(place, "a } closes nothing");
      cursor.next();
      return directives;
    } else words.push(readWord(cursor));
  }
}

function readWord(cursor: Cursor): Word {
  const { place } = cursor;
  if (cursor.here === '"' || cursor.here === "'") return { text: cursor.quoted(true), place };
  let text = "";
  // ${NAME} has braces of its own.
  while (!/[\s#!{}]/.test(cursor.here) && cursor.here !== "") {
    const character = cursor.next();
    text += character;
    if (character !== "$" || cursor.here !== "{") continue;
    do text += cursor.next(); while (/[A-Za-z0-9_]/.test(cursor.here));
    if (/\}/.test(cursor.here)) text += cursor.next();
  }
  return { text, place };
}
