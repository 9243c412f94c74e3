import assert from "node:assert/strict";
import { exposition } from "../../src/http/exposition.ts";
import { Histogram, Tally } from "../../src/http/tally.ts";
import { exposed, noPause } from "../support/status.ts";

Deno.test("exposition() writes each family with its help, its type and its samples (Prometheus text format 0.0.4)", async () => {
  const { body, contentType } = await exposition([
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
  ], noPause);
  assert.equal(contentType, "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(
    new TextDecoder().decode(body),
    `# HELP a_total A.
# TYPE a_total counter
a_total{peer="r1",kind="x"} 2
a_total 0.5

# HELP b B.
# TYPE b gauge
`,
  );
});

Deno.test("exposition() escapes what would end a label or a line, and writes infinity as Go reads it", async () => {
  const samples = [
    { labels: { name: 'C:\\dir "x"\nb 1' }, value: Infinity },
    { labels: { name: "" }, value: -Infinity },
  ];
  assert.equal(
    await exposed([{ name: "a", help: 'one\\two\n"three"', type: "gauge", samples }]),
    `# HELP a one\\\\two\\n"three"
# TYPE a gauge
a{name="C:\\\\dir \\"x\\"\\nb 1"} +Inf
a{name=""} -Inf
`,
  );
});

Deno.test("Tally adds up by labels", () => {
  const tally = new Tally();
  tally.add({ peer: "r1", kind: "a" });
  tally.add({ peer: "r1", kind: "b" }, 0);
  tally.add({ peer: "r1", kind: "a" }, 2);
  assert.deepEqual([...tally.samples()], [
    { labels: { peer: "r1", kind: "a" }, value: 3 },
    { labels: { peer: "r1", kind: "b" }, value: 0 },
  ]);
});

Deno.test("Histogram counts a value in the first bucket that it is not above, and in all that follow", () => {
  const histogram = new Histogram([1, 2.5]);
  for (const value of [0, 1, 1.01, 2.5, 3]) histogram.observe({ check: "a" }, value);
  histogram.observe({ check: "b" }, 2);
  const rows = [...histogram.samples()].map((
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

Deno.test("exposition() of much asks within a family and between them whether others are to run, and writes each as it is by then", async () => {
  const sampled: string[] = [];
  let pauses = 0;
  const family = (name: string, count: number) => {
    sampled.push(`${name} ${pauses}`);
    const samples = Array.from({ length: count }, (_, at) => ({ labels: { at: String(at) }, value: 1 }));
    return { name, help: "H.", type: "gauge", samples } as const;
  };
  const families = function* () {
    yield family("a", 10);
    yield family("b", 900);
    yield family("c", 299);
    yield family("d", 0);
    yield family("e", 1);
  };
  const { body } = await exposition(families(), { pause: () => Promise.resolve(void pauses++) });
  assert.deepEqual(sampled, ["a 0", "b 1", "c 11", "d 14", "e 15"]);
  const whole = ["a", "b", "c", "d", "e"].map((name, at) => {
    const lines = Array.from(
      { length: [10, 900, 299, 0, 1][at] ?? 0 },
      (_, at) => `${name}{at="${at}"} 1\n`,
    );
    return `# HELP ${name} H.\n# TYPE ${name} gauge\n${lines.join("")}`;
  }).join("\n");
  assert.ok(new TextDecoder().decode(body) === whole);
});

Deno.test("retain() of a Tally and of a Histogram forgets the rows that do not pass", () => {
  const tally = new Tally();
  const histogram = new Histogram([1]);
  for (const peer of ["r1", "r2"]) {
    tally.add({ peer });
    histogram.observe({ peer }, 1);
  }
  for (const rows of [tally, histogram]) {
    rows.retain(({ peer }) => peer !== "r1");
    assert.deepEqual([...new Set([...rows.samples()].map(({ labels }) => labels.peer))], ["r2"]);
  }
  tally.add({ peer: "r1" });
  assert.equal([...tally.samples()].find(({ labels }) => labels.peer === "r1")?.value, 1);
});
