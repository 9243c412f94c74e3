// What is missing where a text is no YAML, and where: the place is that of the slip, not where a parser gives up.
import assert from "node:assert/strict";
import { readDocument } from "../../src/config/document.ts";

function firstProblem(text: string): string {
  const [problem] = readDocument(text).problems;
  return problem === undefined
    ? "none"
    : `${problem.position.line}:${problem.position.column} ${
      problem.message.replace("not valid YAML: ", "")
    }`;
}

const COMMA = "a comma is missing before this";
const SPACE = "a space is missing after this colon";
const DEEP = "this line is indented too deep: the key above it has a value already";
const QUOTE = "this quote is not closed";
const BEHIND =
  "text goes on behind a closing quote: write the quote inside it twice ('') or with a backslash (\\\")";
const NO_COLON = "a colon is missing in this line, or it belongs to another";
const unclosed = (open: string, close: string) => `this ${open} is not closed: a ${close} is missing`;

const ROWS: readonly (readonly [string, string])[] = [
  // A space behind a colon or a dash.
  ["a:\n  - name:web\n    b: [1]\n", `2:9 ${SPACE}`],
  ["a:\n  level:info\n  format: text\n", `2:8 ${SPACE}`],
  ["a:\n  format: text\n  level:info\n", `3:8 ${SPACE}`],
  ["a:\n  - b\n  -c\n", "3:3 a space is missing after this dash"],
  ["a:\n  - b: 1\n  -c: 2\n", "3:3 a space is missing after this dash"],
  // Indents.
  ["a:\n  b:\n    c: 1\n      d: 2\n", `4:7 ${DEEP}`],
  ["a:\n  - x: 1\n     y: 2\n", `3:6 ${DEEP}`],
  ["a: x\n y: z\n", `2:2 ${DEEP}`],
  ["a:\r\n  b: 1\r\n   c: 2\r\n", `3:4 ${DEEP}`],
  [
    "a:\n    - b: 1\n   c: 2\n",
    "3:4 this line is indented by 3 spaces, those that it could belong to by 0 or 4 or 6",
  ],
  [
    "a:\n    b: 1\n  c: 2\n",
    "3:3 this line is indented by 2 spaces, those that it could belong to by 0 or 4",
  ],
  [
    "a:\n  - b\n  c: 1\n",
    "3:3 this line is neither a key nor an item like those above it: its dash or colon is missing",
  ],
  // Tabs.
  ["a:\n\tb: 1\n", "2:1 tabs cannot indent, use spaces"],
  ["a:\n  - x: 1\n  \ty: 2\n", "3:3 tabs cannot indent, use spaces"],
  // Commas and colons in brackets.
  ['{"a": 1 "b": 2}', `1:9 ${COMMA}`],
  ['{"a": "x" "b": 2}', `1:11 ${COMMA}`],
  ["{a: 1 b: 2}", `1:7 ${COMMA}`],
  ['{"a": [1, 2] "b": 1}', `1:14 ${COMMA}`],
  ['{"a": {"b":1} "c": 2}', `1:15 ${COMMA}`],
  ['{\n "a": 1\n "b": 2\n}', `3:2 ${COMMA}`],
  ['["a" "b"]', `1:6 ${COMMA}`],
  ['[{"a":1} {"b":2}]', `1:10 ${COMMA}`],
  ['{"a": "b": 1}', `1:7 ${COMMA}`],
  ['{"a" 1}', "1:6 a colon is missing before this"],
  ["[1,,2]", "1:4 nothing stands before this comma: a value is missing, or the comma is too much"],
  ["[,1]", "1:2 nothing stands before this comma: a value is missing, or the comma is too much"],
  ["{a: ::, b: 1}", "1:5 text with a colon in it must be in quotes here"],
  // Brackets.
  ["a: [1, 2\nb: 3\n", `1:4 ${unclosed("[", "]")}`],
  ["a:\n  - b: {x: 1,\n      y: 2\n  - b: 3\n", `2:8 ${unclosed("{", "}")}`],
  ['{"a": [1, 2}', `1:7 ${unclosed("[", "]")}`],
  ['{\n "a": [1, 2\n "b": 3\n}', `2:7 ${unclosed("[", "]")}`],
  ['{"a": {"b":', `1:7 ${unclosed("{", "}")}`],
  ["a: [1, 2]]\n", "1:10 nothing is open that this ] would close"],
  ['{"a":1}}', "1:8 nothing is open that this } would close"],
  // Quotes.
  ["a: 'x\nb: 2\n", `1:4 ${QUOTE}`],
  ['a: "x\nb: 2\nc: "y"\n', `1:4 ${QUOTE}`],
  ['{"a: 1}', `1:2 ${QUOTE}`],
  ['{\n "a": "x,\n "b": 1\n}\n', `2:7 ${QUOTE}, or a comma is missing behind it`],
  ["a: 'it's'\n", `1:8 ${BEHIND}`],
  ['a: "b" "c"\n', `1:8 ${BEHIND}`],
  // Lines that are no YAML.
  ["a: 1\nb 2\nc: 3\n", `2:1 ${NO_COLON}`],
  ["a: 1\nb = 2\n", "2:1 a key is followed by a colon and a space, not by ="],
  ["a: 1\nb=2\nc: 1\n", "2:1 a key is followed by a colon and a space, not by ="],
  ["a: 1\n// b\n", "2:1 a comment begins with #"],
  ["a\uff1a1\nb: 2\n", "1:1 the colon in this line is another character that only looks like one"],
  ["{a: ${X}, b: 1}", "1:5 nothing is put in for variables; text with ${ must be in quotes"],
  // Documents, directives, anchors.
  ["a: 1\n---\nb: 2\n", "2:1 has several documents (a line ---), one is allowed"],
  ["a: 1\n...\nb: 2\n", "3:1 has several documents (a line ---), one is allowed"],
  [
    "%YAML 1.1\n---\na: 010\n",
    "1:1 has a directive (a line that begins with %): remove it, this is YAML 1.2",
  ],
  ["a: *\n", "1:4 an alias (a word that begins with *) that cannot be used, quote the text if it is none"],
  [
    "a: *.example.org\n",
    "1:4 is an alias (it begins with *) of an anchor that is not defined before it; quote the text if it is none",
  ],
  ["a: @b", "1:4 text cannot begin with this character, put it in quotes"],
  ["a: b: c", "1:4 two keys on one line, or text with ': ' in it that is not in quotes"],
  ['a: "\\q"', "1:5 a backslash in double quotes is followed by the wrong character, use single quotes"],
  [
    "a: [::1]:80",
    "1:9 this was not expected here (text that begins with a bracket or a quote must be quoted as a whole)",
  ],
];

Deno.test("readDocument() says what is missing in a text that is no YAML, and where (faults C8)", () => {
  assert.deepEqual(ROWS.map(([text]) => [text, firstProblem(text)]), ROWS);
});

Deno.test("readDocument() tells one slip once, not what follows from it (faults C8)", () => {
  for (const [text] of ROWS) assert.equal(readDocument(text).problems.length, 1, text);
});

Deno.test("readDocument() takes what only looks like a slip", () => {
  const rows = [
    "a: http://x:80/y",
    "a: it's",
    "a: >\n  b:c\n  d\n",
    "a: |\n  [ {\n",
    'a: "x\n  y"\n',
    "a: [1, 2,]",
    "{'a': 1}",
    "a: b # it's [ not \" closed\n",
    "a: x\n  y\n",
    '{"a":1,\n"b":[\n1\n]}',
    "a:\n- b\n- c\n",
    "? a\n: b\n",
    "a: -1\nb: - 1x\n".replace("- 1x", "-1x"),
    '["a":1]',
    "a: {b: [{c: d}, e], f: *x, g: &x h}".replace("*x", "1"),
  ];
  for (const text of rows) assert.equal(firstProblem(text), "none", text);
});
