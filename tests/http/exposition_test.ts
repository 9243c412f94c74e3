import assert from "node:assert/strict";
import { exposition } from "../../src/http/exposition.ts";
import { Histogram, Tally } from "../../src/http/tally.ts";

Deno.test("exposition() writes each family with its help, its type and its samples (Prometheus text format 0.0.4)", () => {
  const text = exposition([
    {
      name: "a_total",
      help: "A.",
      type: "counter",
      samples: [
        { labels: { peer: "r1", kind: "x" }, value: 2 },
        { labels: {}, value: 0.5 },
      ],
    },
    { name: "b", help: "B.", type: "gauge", samples: [] },
  ]);
  assert.equal(
    text,
    `# HELP a_total A.
# TYPE a_total counter
a_total{peer="r1",kind="x"} 2
a_total 0.5

# HELP b B.
# TYPE b gauge
`,
  );
});

Deno.test("exposition() escapes what would end a label or a line, and writes infinity as Go reads it", () => {
  const samples = [
    { labels: { name: 'C:\\dir "x"\nb 1' }, value: Infinity },
    { labels: { name: "" }, value: -Infinity },
    { labels: { name: "é" }, value: NaN },
  ];
  assert.equal(
    exposition([{ name: "a", help: 'one\\two\n"three"', type: "gauge", samples }]),
    `# HELP a one\\\\two\\n"three"
# TYPE a gauge
a{name="C:\\\\dir \\"x\\"\\nb 1"} +Inf
a{name=""} -Inf
a{name="é"} NaN
`,
  );
});

Deno.test("Tally adds up by labels", () => {
  const tally = new Tally();
  tally.add({ peer: "r1", kind: "a" });
  tally.add({ peer: "r1", kind: "b" }, 0);
  tally.add({ peer: "r1", kind: "a" }, 2);
  assert.deepEqual(tally.samples(), [
    { labels: { peer: "r1", kind: "a" }, value: 3 },
    { labels: { peer: "r1", kind: "b" }, value: 0 },
  ]);
});

Deno.test("Histogram counts a value in the first bucket that it is not above, and in all that follow", () => {
  const histogram = new Histogram([1, 2.5]);
  for (const value of [0, 1, 1.01, 2.5, 3]) histogram.observe({ check: "a" }, value);
  histogram.observe({ check: "b" }, 2);
  const rows = histogram.samples().map((
    { suffix, labels, value },
  ) => [suffix, labels.le, labels.check, value]);
  assert.deepEqual(rows, [
    ["_bucket", "1", "a", 2],
    ["_bucket", "2.5", "a", 4],
    ["_bucket", "+Inf", "a", 5],
    ["_sum", undefined, "a", 7.51],
    ["_count", undefined, "a", 5],
    ["_bucket", "1", "b", 0],
    ["_bucket", "2.5", "b", 1],
    ["_bucket", "+Inf", "b", 1],
    ["_sum", undefined, "b", 2],
    ["_count", undefined, "b", 1],
  ]);
});
