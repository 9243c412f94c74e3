// readDocument(): places, anchors within a budget, duplicate keys, and what is not YAML.
import assert from "node:assert/strict";
import { readDocument } from "../../src/config/document.ts";

function problemsOf(text: string): string[] {
  return readDocument(text).problems.map(({ position, path, message }) =>
    `${position.line}:${position.column}: ${path.length === 0 ? "" : `${path.join(".")}: `}${message}`
  );
}

/** The value as JSON shows it: objects of documents have no prototype. */
function valueOf(text: string): unknown {
  const { value, problems } = readDocument(text);
  assert.deepEqual(problems, []);
  return JSON.parse(JSON.stringify(value));
}

Deno.test("readDocument() gives the place of keys, values, list items, and of the parent of what is missing", () => {
  const text = `a: 1
b:
  c: [x, {d: yes}]
  e:
`;
  const { locate } = readDocument(text);
  const place = (path: readonly (string | number)[], at: "key" | "value" = "value") => {
    const { line, column } = locate({ path, at });
    return `${line}:${column}`;
  };
  assert.equal(place(["a"]), "1:4");
  assert.equal(place(["a"], "key"), "1:1");
  assert.equal(place(["b", "c", 0]), "3:7");
  assert.equal(place(["b", "c", 1, "d"]), "3:14");
  assert.equal(place(["b", "c", 1, "d"], "key"), "3:11");
  assert.equal(place(["b", "e"]), "4:3", "nothing stands behind the colon");
  assert.equal(place(["b", "missing"]), "2:1");
  assert.equal(place(["b", "c", 1, "missing", 3]), "3:10");
  assert.equal(place(["missing"]), "1:1");
  assert.equal(place([]), "1:1");
});

Deno.test("readDocument() replaces aliases and merges mappings, own keys first", () => {
  assert.deepEqual(valueOf("a: &x {p: 1, q: 2}\nb: *x\nc: {<<: *x, q: 3}"), {
    a: { p: 1, q: 2 },
    b: { p: 1, q: 2 },
    c: { p: 1, q: 3 },
  });
  assert.deepEqual(valueOf("- &x {p: 1}\n- &y {p: 2, q: 2}\n- {<<: [*x, *y], r: 3}"), [
    { p: 1 },
    { p: 2, q: 2 },
    { p: 1, q: 2, r: 3 },
  ]);
});

Deno.test("readDocument() refuses what aliases can do wrong", () => {
  assert.deepEqual(problemsOf("a: *x\nb: &x 1"), [
    "1:4: a: is an alias (it begins with *) of an anchor that is not defined before it; quote the text if it is none",
  ]);
  assert.deepEqual(problemsOf("a: &x [1, *x]"), ["1:11: a.1.1: is an alias that contains itself"]);
  assert.deepEqual(problemsOf("a: {<<: 3}"), ["1:5: a.<<: merges something that is not a mapping"]);
  const bomb = Array.from(
    { length: 12 },
    (_, i) => i === 0 ? "a0: &a0 [x]" : `a${i}: &a${i} [${Array(12).fill(`*a${i - 1}`).join(", ")}]`,
  ).join("\n");
  const problems = problemsOf(bomb);
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? "", /^\d+:\d+: is more than 500000 values, aliases replaced$/);
});

Deno.test("readDocument() refuses duplicate keys, keys that are no words, tags and several documents", () => {
  assert.deepEqual(problemsOf("a: 1\nb: {c: 1, c: 2}\na: 3"), [
    "2:11: b.c: is given twice",
    "3:1: a: is given twice",
  ]);
  assert.deepEqual(problemsOf("? [a]\n: 1"), ["1:3: a key must be a word"]);
  assert.deepEqual(problemsOf("? \n: 1"), ["1:3: a key must be a word"]);
  assert.deepEqual(problemsOf("a: !!binary aGk=\nb: !x y"), [
    "1:4: has a tag (a word that begins with !), tags are not supported; quote the text if it is none",
    "2:4: has a tag (a word that begins with !), tags are not supported; quote the text if it is none",
  ]);
  assert.deepEqual(problemsOf("a: 1\n---\na: 2\n"), [
    "2:1: has several documents (a line ---), one is allowed",
  ]);
});

Deno.test("readDocument() ends on nested and on large texts, quickly", () => {
  const nested = Array.from({ length: 60 }, (_, i) => `${" ".repeat(i)}a:`).join("\n");
  assert.deepEqual(problemsOf(nested), ["52:52: a.a.a: is nested deeper than 50 levels"]);
  const rows = ["[".repeat(50_000), "{a: ".repeat(20_000), "- ".repeat(10_000), "? ".repeat(10_000)];
  for (const text of rows) assert.notEqual(problemsOf(text).length, 0, text.slice(0, 9));
  const wide = Array.from({ length: 20_000 }, (_, i) => `k${i}: ${i}`).join("\n");
  assert.deepEqual(problemsOf(wide), []);
});

Deno.test("readDocument() keeps keys that objects have themselves", () => {
  const { value, at } = readDocument("__proto__: {a: 1}\nconstructor: 2");
  assert.deepEqual(Object.keys(value ?? {}), ["__proto__", "constructor"]);
  assert.equal(at(["__proto__", "a"]), 1);
  assert.equal(at(["toString"]), undefined);
});
