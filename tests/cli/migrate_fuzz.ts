/** Configurations of other programs by chance, seeded: whole ones with lines and words where they do not belong. */
import assert from "node:assert/strict";
import { migrate } from "../../src/cli/migrate.ts";
import { readDocument } from "../../src/config/document.ts";
import type { FuzzSubject } from "../fuzz/fuzz.ts";
import type { Dice } from "../support/dice.ts";
import { filePorts } from "./files.ts";

const FOLDER = "tests/golden/migrate";
const WORDS = [
  "0",
  "-1",
  "99999999999",
  "1e3",
  "{",
  "}",
  "[",
  "]",
  ";",
  '"',
  "'",
  "#",
  "!",
  "10.0.0.1-10.0.0.300",
  "fe80::1%eth0",
]
  .concat([
    "a: b",
    "- x",
    "&a",
    "*a",
    "!!str",
    "|",
    "é",
    "\u202e",
    "\t",
    "\0",
    "\\",
    "true",
    "~",
    "%{",
    "\r",
    "=",
    "${A}",
  ]);
/** More lines than this are seldom what matters. */
const MAX_LINES = 60;

/** Files that `migrate` is given. */
export const MIGRATE_FUZZ: FuzzSubject = {
  name: "migrate",
  open() {
    const names = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter((name) =>
      name.endsWith(".conf")
    );
    assert.ok(names.length > 3, `found ${names.length} files`);
    const files = names.sort().map((name) => Deno.readTextFileSync(`${FOLDER}/${name}`));
    const words = files.flatMap((text) => text.split(/\s+/)).concat(WORDS);
    return (dice) => {
      const shown = changed(dice, dice.pick(files), words);
      return {
        shown,
        async judge() {
          const ports = filePorts({ a: shown });
          const status = await migrate({ files: ["a"] }, ports);
          const [yaml, told] = [ports.out.join(""), ports.err.join("")];
          assert.ok(status === 0 || status === 2, `status ${status}`);
          // Whatever it says is lines that people can read.
          assert.ok(!/(?!\n)\p{Cc}|\p{Cf}/u.test(told), JSON.stringify(told));
          if (status === 2) {
            assert.equal(yaml, "");
            assert.notEqual(told, "");
            return { verdict: "fail", sort: sorted(told) };
          }
          assert.deepEqual(readDocument(yaml).problems, [], yaml);
          return {
            verdict: "pass",
            sort: told.includes("bgp-lb check will refuse it") ? "to be put right" : "valid",
          };
        },
      };
    };
  },
};

function changed(dice: Dice, text: string, words: readonly string[]): string {
  let lines = text.split("\n");
  // Lines that have no braces go, so that most blocks stay whole.
  const dropped = 1 - Math.min(1, MAX_LINES / lines.length) * dice.random();
  lines = lines.filter((line) => /[{}[\]]/.test(line) || dice.random() > dropped / 2);
  for (let count = dice.below(4); count > 0; count--) {
    const at = dice.below(lines.length);
    const line = lines[at] ?? "";
    const parts = line.split(" ");
    switch (dice.below(4)) {
      case 0:
        lines.splice(at, 0, dice.pick(lines));
        break;
      case 1:
        lines.splice(at, 1);
        break;
      case 2:
        parts[dice.below(parts.length)] = dice.pick(words);
        lines[at] = parts.join(" ");
        break;
      default:
        parts.splice(dice.below(parts.length + 1), 0, dice.pick(words));
        lines[at] = parts.join(" ");
    }
  }
  const whole = lines.join("\n");
  if (!dice.oneIn(10)) return whole;
  return new TextDecoder().decode(dice.damaged(new TextEncoder().encode(whole)));
}

/** The last words of a refusal, which name the rule. */
function sorted(told: string): string {
  return told.trim().split("\n", 1).join("").replace(/^\S+ /, "").replace(/\(got .*|".*|'.*/s, "…").replace(
    /\d+/g,
    "N",
  )
    .slice(0, 60);
}
