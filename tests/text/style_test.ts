import assert from "node:assert/strict";
import { columnsOf, cutToColumns, wrapToColumns } from "../../src/text/columns.ts";
import { PLAIN, toned } from "../../src/text/style.ts";
import { lines, table } from "../../src/text/table.ts";

Deno.test("cutToColumns() and wrapToColumns() count columns, and break no character in two", () => {
  const cuts: readonly (readonly [string, number, string])[] = [
    ["tor-1", 5, "tor-1"],
    ["tor-1", 4, "tor…"],
    ["tor-1", 1, "…"],
    ["tor-1", 0, ""],
    ["日本語", 6, "日本語"],
    ["日本語", 5, "日本…"],
    ["日本語", 4, "日…"],
    ["e\u0301e\u0301e\u0301", 2, "e\u0301…"],
    ["\u{1f600}\u{1f600}", 3, "\u{1f600}…"],
  ];
  for (const [text, columns, cut] of cuts) {
    assert.equal(cutToColumns(text, columns), cut, `${text} ${columns}`);
    assert.ok(columnsOf(cut) <= columns);
  }
  assert.deepEqual(wrapToColumns("a bb ccc", 5), ["a bb", "ccc"]);
  assert.deepEqual(wrapToColumns("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
  assert.deepEqual(wrapToColumns("日本語", 3), ["日", "本", "語"]);
  assert.deepEqual(wrapToColumns("日本", 1), ["日", "本"]);
  assert.deepEqual(wrapToColumns("", 4), [""]);
});

Deno.test("table() fits every width: the last column goes on in the next line, others are shortened, the widest first", () => {
  const headings = ["SERVICE", "STATE", "WHY"];
  const rows = [["a-service-with-a-long-name", "healthy", "a reason of many words that says all of it"], [
    "b",
    "unhealthy",
    "",
  ]];
  const width = (text: string) => Math.max(...text.split("\n").map(columnsOf));
  assert.equal(table(headings, rows, { ...PLAIN, width: 200 }), table(headings, rows));
  for (let columns = 30; columns < 90; columns++) {
    const text = table(headings, rows, { ...PLAIN, width: columns });
    assert.ok(width(text) <= columns, `${columns}\n${text}`);
    const one = table(headings, rows, { ...PLAIN, width: columns, cut: true });
    assert.equal(one.split("\n").length, 4, one);
    assert.ok(width(one) <= columns, one);
  }
  assert.equal(
    table(headings, rows, { ...PLAIN, width: 60 }),
    "SERVICE                     STATE      WHY\n" +
      "a-service-with-a-long-name  healthy    a reason of many\n" +
      "                                       words that says all\n" +
      "                                       of it\n" +
      "b                           unhealthy\n",
  );
  assert.equal(
    table(headings, rows, { ...PLAIN, width: 40 }),
    "SERVICE   STATE     WHY\n" +
      "a-servi…  healthy   a reason of many\n" +
      "                    words that says all\n" +
      "                    of it\n" +
      "b         unhealt…\n",
  );
  assert.equal(
    table(headings, rows, { ...PLAIN, width: 40, cut: true }),
    "SERVICE   STATE     WHY\na-servi…  healthy   a reason of many wo…\nb         unhealt…\n",
  );
});

Deno.test("lines() go on further to the right where they are too long for the width", () => {
  assert.equal(
    lines(["  a reason of many words", "short"], { ...PLAIN, width: 22 }),
    "  a reason of many\n      words\nshort\n",
  );
  assert.equal(
    lines(["  last error    a reason of many words"], { ...PLAIN, width: 38 }),
    "  last error    a reason of many words\n",
  );
  assert.equal(
    lines(["  last error    a reason of many words"], { ...PLAIN, width: 37 }),
    "  last error    a reason of many\n                words\n",
  );
  assert.equal(lines(["a reason of many words"]), "a reason of many words\n");
});

Deno.test("colours are round the text alone, and nobody's text can bring its own", () => {
  const colour = { width: undefined, colour: true };
  const rows = [[toned("a\u001b[31m", "bad"), "x"], [toned("", "good"), toned("y", undefined)]];
  assert.equal(
    table(["A", "B"], rows, colour),
    "A            B\n\u001b[31ma\\u001b[31m\u001b[0m  x\n             y\n",
  );
  assert.equal(table(["A", "B"], rows), "A            B\na\\u001b[31m  x\n             y\n");
  assert.equal(lines([toned("up", "good")], colour), "\u001b[32mup\u001b[0m\n");
  assert.equal(lines([toned("up", "good")]), "up\n");
});
