// Nothing of a file is dropped in silence: without any one directive, the answer or what is told is another one.
import assert from "node:assert/strict";
import { CORPUS, type CorpusCase, migrated } from "./corpus.ts";

/** Directives that say what holds without them, too, and what they become in either case. */
const DEFAULTS: readonly RegExp[] = [/^\s*protocol UDP$/, /^\s*lb_kind NAT$/, /^on_disabled = withdraw$/];

/** The places of all that says something: a line, or one option of many in a line. */
function pieces(text: string): readonly { readonly at: number; readonly piece: string }[] {
  const found: { at: number; piece: string }[] = [];
  let offset = 0;
  for (const line of text.split("\n")) {
    if (/^\s*run .*healthcheck /.test(line)) {
      const options = /(?<= )--?[A-Za-z][^\s";]*(?: (?:"[^"]*"|[^-\s;][^\s;]*))?/g;
      const behind = line.indexOf("healthcheck ");
      for (const match of line.slice(behind).matchAll(options)) {
        found.push({ at: offset + behind + match.index, piece: match[0] });
      }
    } else if (!/^\s*([#;!].*|[{}]|\[.*\])?$/.test(line) && !/[{]\s*$|^\s*\}$/.test(line)) {
      found.push({ at: offset, piece: line });
    }
    offset += line.length + 1;
  }
  return found;
}

function without(one: CorpusCase, index: number, at: number, length: number): CorpusCase {
  const files = one.files.map((file, here) =>
    here === index
      ? { ...file, text: `${file.text.slice(0, at)}${" ".repeat(length)}${file.text.slice(at + length)}` }
      : file
  );
  return { ...one, files };
}

for (const one of CORPUS) {
  Deno.test(`migrateFiles() of ${one.format} translates or names every directive`, () => {
    const whole = JSON.stringify(migrated(one));
    let count = 0;
    const dropped: string[] = [];
    for (const [index, { name, text }] of one.files.entries()) {
      for (const { at, piece } of pieces(text)) {
        if (DEFAULTS.some((pattern) => pattern.test(piece))) continue;
        count++;
        let answer;
        try {
          answer = JSON.stringify(migrated(without(one, index, at, piece.length)));
        } catch (error) {
          // What cannot be done without is not dropped.
          answer = String(error);
        }
        if (answer === whole) dropped.push(`${name}: ${piece.trim()}`);
      }
    }
    assert.deepEqual(dropped, []);
    assert.ok(count > 50, `found ${count} directives`);
  });
}
