/** A check for people: its last results, its watch, and that it is flapping; and what would open the gate then. */
import assert from "node:assert/strict";
import { checkText, resultsText } from "../../src/status/checks_text.ts";
import { explain } from "../../src/status/explain.ts";
import { explainText } from "../../src/status/explain_text.ts";
import { checkCure, gateCure } from "../../src/status/gate_cure.ts";
import type { CheckResultStatus, CheckStatusEntry } from "../../src/status/status.ts";
import { status } from "../support/status.ts";

const NOW = new Date("2026-01-01T00:10:00Z");

function at(minute: number, second = 0): string {
  return new Date(Date.UTC(2026, 0, 1, 0, minute, second)).toISOString();
}

function result(
  result: CheckResultStatus["result"],
  second: number,
  durationMs: number,
  detail: string,
): CheckResultStatus {
  return { result, detail, at: at(9, second), durationMs };
}

const RESULTS = [
  result("pass", 59, 1.4, "status 200"),
  result("pass", 58, 3, "status 200"),
  result("pass", 57, 2, "status 204"),
  result("unknown", 56, 0, "this process has too many open files"),
  result("fail", 55, 1000, "timed out after 1000 ms waiting for the answer"),
  result("fail", 54, 1000, "timed out after 1000 ms waiting for the answer"),
];

Deno.test("resultsText() has a row for those in a row that are the same, newest first", () => {
  assert.equal(
    resultsText(RESULTS, NOW),
    `NEWEST  RESULT         TOOK       WHY
1s ago  pass, 2 times  1 to 3 ms  status 200
3s ago  pass           2 ms       status 204
4s ago  unknown        0 ms       this process has too many open files
5s ago  fail, 2 times  1000 ms    timed out after 1000 ms waiting for the answer
`,
  );
  assert.equal(resultsText([], NOW), "");
});

Deno.test("resultsText() keeps within the width, indent and all, and colours what failed", () => {
  const text = resultsText(RESULTS, NOW, { width: 64, colour: false }, "    ");
  for (const line of text.trimEnd().split("\n")) {
    assert.ok(line.length <= 64 && line.startsWith("    "), `${line.length}: ${line}`);
  }
  const coloured = resultsText(RESULTS, NOW, { width: undefined, colour: true });
  assert.ok(coloured.includes("\u001b[31mfail, 2 times\u001b[0m  1000 ms"));
  assert.ok(coloured.includes("\u001b[33munknown\u001b[0m"));
});

function check(overrides: Partial<CheckStatusEntry>): CheckStatusEntry {
  const [entry] = status(["r1"], "unhealthy").services[0]?.checks ?? [];
  assert.ok(entry);
  return { ...entry, expects: "", ...overrides };
}

const WATCH = { since: at(9, 48), idleLifetimeMs: undefined, quiet: false, trips: 0, lastTrip: undefined };
const LAST_TRIP = { at: at(8), reason: "the server closed an idle connection" };

for (
  const [watch, words] of [
    [WATCH, "watching for 12s"],
    [{ ...WATCH, since: undefined }, "begins with the next pass"],
    [
      { ...WATCH, idleLifetimeMs: 5000, trips: 2, lastTrip: LAST_TRIP },
      "watching for 12s; the server closes idle connections after 5s; " +
      "tripped 2 times, last 2m ago: the server closed an idle connection",
    ],
    [
      { ...WATCH, since: undefined, idleLifetimeMs: 20, quiet: true, trips: 1, lastTrip: LAST_TRIP },
      "not watching: too short for it, tried again after a while; the server closes idle connections after 20ms; " +
      "tripped once, last 2m ago: the server closed an idle connection",
    ],
  ] as const
) {
  Deno.test(`checkText() says of a tripwire "${words.slice(0, 40)}"`, () => {
    const line = checkText(check({ watch }), NOW).split("\n").find((each) => each.includes("tripwire"));
    assert.equal(line?.trim(), `tripwire: ${words}`);
  });
}

Deno.test("checkText() says that a check is flapping, and until when it is held", () => {
  const flapping = { changes: 7, since: at(9, 50), until: at(11, 50) };
  const text = checkText(check({ flapping }), NOW);
  assert.match(
    text,
    /^ {17}flapping for 10s: 7 changes of outcome; held for another 1m 50s, until 2026-01-01T00:11:50.000Z, or longer/m,
  );
  const [service] = status(["r1"], "unhealthy").services;
  const whole = status(["r1"], "unhealthy");
  const [gate] = service?.routes[0]?.gates ?? [];
  assert.ok(service && gate);
  const cure = (entry: CheckStatusEntry) =>
    gateCure(gate, { status: whole, service: { ...service, checks: [entry] }, now: NOW });
  assert.equal(
    cure(check({ flapping, rise: 1 })),
    "another 1m 50s without flapping, and check http-1 must have passed then",
  );
  assert.equal(
    cure(check({ flapping, rise: 2, expects: "/ answers" })),
    "another 1m 50s without flapping, and check http-1 must have passed 2 times in a row then (it passes where / answers)",
  );
});

Deno.test("explainText() shows the last results of the checks that keep a service shut, and JSON those of all", () => {
  const whole = status(["r1"], "unhealthy");
  const services = whole.services.map((service) => ({
    ...service,
    checks: [check({ recent: RESULTS }), check({ name: "other", verdict: "healthy", recent: RESULTS })],
  }));
  const explained = explain({ ...whole, services }, "web", undefined, NOW);
  assert.deepEqual(explained.checks.map(({ name, recent }) => [name, recent.length]), [
    ["http-1", 6],
    ["other", 6],
  ]);
  const text = explainText(explained, NOW);
  assert.match(text, /\n\nlast results of http-1\n {2}NEWEST {2}RESULT[^]*\n {2}1s ago {2}pass, 2 times/);
  assert.ok(!text.includes("last results of other"));
});

Deno.test("explainText() of several checks that keep it shut says of each below what it has to do", () => {
  const whole = status(["r1"], "unhealthy");
  const services = whole.services.map((service) => ({
    ...service,
    checks: [
      check({ verdict: "unhealthy", rise: 1, recent: RESULTS }),
      check({ name: "other", verdict: "unhealthy", rise: 2, recent: [] }),
      check({ name: "well", verdict: "healthy", recent: RESULTS }),
    ],
  }));
  const explained = explain({ ...whole, services }, "web", undefined, NOW);
  assert.equal(explained.shut?.opens, `${explained.checks[0]?.opens}; ${explained.checks[1]?.opens}`);
  const text = explainText(explained, NOW);
  assert.match(text, /\n {2}opens {4}2 checks must pass, each as said below\n/);
  assert.match(text, /\n\nlast results of http-1\n {2}check http-1 must pass once\b.*\n {2}NEWEST/);
  assert.match(text, /\n\nlast results of other\n {2}check other must pass 2 times in a row\b.*\n\n/);
  assert.ok(!text.includes("last results of well"));
});

Deno.test("checkCure() tells of the tripwire where a probe got no answer in time while its connection stood", () => {
  const cureOf = (since: string | undefined, detail: string) =>
    checkCure(
      check({
        verdict: "unhealthy",
        watch: { ...WATCH, since },
        lastResult: { result: "fail", detail, at: at(9, 55), durationMs: 1000 },
      }),
      NOW,
    );
  const TOLD = /one connection at a time is busy with the idle one of tripwire/;
  assert.match(cureOf(at(9, 48), "timed out after 1000 ms waiting for an answer"), TOLD);
  assert.doesNotMatch(cureOf(at(9, 57), "timed out after 1000 ms waiting for an answer"), TOLD);
  assert.doesNotMatch(cureOf(undefined, "timed out after 1000 ms waiting for an answer"), TOLD);
  assert.doesNotMatch(cureOf(at(9, 48), "status 503"), TOLD);
});
