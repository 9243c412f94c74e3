// Broken files: whatever is done to a valid one, the answer is a configuration or problems with places, never a throw.
import assert from "node:assert/strict";
import fc from "fast-check";
import { stringify } from "yaml";
import type { LoadResult } from "../../src/config/load.ts";
import { VALID_FILES } from "./arbitrary.ts";
import { parse } from "./text.ts";

const EXAMPLE = Deno.readTextFileSync("config.example.yaml");
const REFERENCE = Deno.readTextFileSync("tests/golden/config/reference.json.golden");

/** What a file must be: usable, or with at least one error that stands inside the text. */
function assertSound(result: LoadResult, text: string): void {
  if (result.ok) return;
  assert.ok(result.issues.some(({ severity }) => severity === "error"), "refused without an error");
  const lines = text.split("\n");
  for (const { position, message } of result.issues) {
    assert.ok(position !== undefined && message !== "");
    assert.ok(
      position.line >= 1 && position.line <= lines.length,
      `line ${position.line} of ${lines.length}`,
    );
    assert.ok(position.column >= 1 && position.column <= (lines[position.line - 1]?.length ?? 0) + 2);
  }
}

const splice = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  drop: fc.nat(12),
  insert: fc.oneof(
    fc.constantFrom(
      "",
      "\t",
      "\n",
      "  ",
      ": ",
      "- ",
      "[",
      "]",
      "{",
      "}",
      "*a",
      "&a ",
      "<<: ",
      '"',
      "'",
      "#",
      "!!set ",
      "---\n",
      "null",
      "?",
    ),
    fc.string({ maxLength: 5, unit: "binary" }),
  ),
});

Deno.test("parseConfig() never throws on texts that were cut and glued", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(EXAMPLE, REFERENCE),
      fc.array(splice, { minLength: 1, maxLength: 8 }),
      (text, edits) => {
        const broken = edits.reduce((now, { at, drop, insert }) => {
          const offset = Math.floor(at * now.length);
          return now.slice(0, offset) + insert + now.slice(offset + drop);
        }, text);
        assertSound(parse(broken), broken);
      },
    ),
    { seed: 11, numRuns: 300 },
  );
});

const anything = fc.oneof(
  { depthSize: "small" },
  fc.constantFrom<unknown>(null, true, -1, 0, 70000, 1.5, "", "x", "10.0.0.1", "::", [], {}, [null], {
    a: 1,
  }),
  fc.jsonValue({ maxDepth: 2 }),
);

Deno.test("parseConfig() never throws on valid files with a value replaced by any other", () => {
  fc.assert(
    fc.property(fc.constantFrom(...VALID_FILES), fc.nat(), anything, (file, choice, value) => {
      const text = stringify(replaceOne(file, choice, value));
      assertSound(parse(text), text);
    }),
    { seed: 13, numRuns: 60 },
  );
});

Deno.test("parseConfig() never throws on any JSON, also in the reference's format", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), fc.boolean(), (value, reference) => {
      const text = JSON.stringify(reference ? { service: value, bgp: value } : value);
      assertSound(parse(text), text);
    }),
    { seed: 17, numRuns: 600 },
  );
});

/** A copy of `root` in which the value at the `choice`-th place, counted around, is `value`. */
function replaceOne(root: unknown, choice: number, value: unknown): unknown {
  let places = 0;
  const count = (node: unknown): void => {
    places++;
    if (typeof node === "object" && node !== null) Object.values(node).forEach(count);
  };
  count(root);
  let left = choice % places;
  const copy = (node: unknown): unknown => {
    if (left-- === 0) return value;
    if (Array.isArray(node)) return node.map(copy);
    if (typeof node !== "object" || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([key, below]) => [key, copy(below)]));
  };
  return copy(root);
}
