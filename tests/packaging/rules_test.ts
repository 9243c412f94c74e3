// packaging/prometheus/: every alert is whole, has a test of both kinds, and asks for what the agent exposes.
import assert from "node:assert/strict";
import { parse } from "yaml";
import { parseCommandLine } from "../../src/cli/command_parser.ts";
import { readDocument } from "../support/markdown.ts";
import {
  alertRows,
  exposedNames,
  list,
  metricsOf,
  RULES,
  rules,
  tableRows,
  text,
} from "../support/monitoring.ts";

const ALL = rules();
const ALERTS = ALL.filter(({ alert }) => alert !== undefined);
const RECORDS = new Set(ALL.map(({ record }) => record));

/** `BgpLbPeerDown` → `bgp-lb-peer-down`. */
function kebab(alert = ""): string {
  return alert.replace(/(?<!^)[A-Z]/g, "-$&").toLowerCase();
}

Deno.test("there are alerts, each with a severity, a summary, a description that says what to do, and its place in docs/failures.md", () => {
  assert.ok(ALERTS.length > 30);
  assert.equal(new Set(ALERTS.map(({ alert }) => alert)).size, ALERTS.length);
  for (const { alert, severity = "", annotations } of ALERTS) {
    assert.match(severity, /^(critical|warning|info|none)$/, alert);
    assert.match(annotations.summary ?? "", /\.$/, alert);
    assert.match(
      annotations.description ?? "",
      /bgp-lb [a-z]|systemctl|promtool|journalctl|Prometheus says|dead man/,
      alert,
    );
    assert.equal(annotations.runbook_url, `docs/failures.md#${kebab(alert)}`);
  }
});

/** A word of a command, behind its name: an option or its value, a name, a file. */
const WORD = /--[a-z]+|[0-9]+m|NAME|SERVICE|[a-z]+-[a-z]+|fault|warning|route|\/[a-z./-]+/.source;

Deno.test("every command of bgp-lb in an annotation is one, with its options and what it needs", () => {
  const commands = ALERTS.flatMap(({ annotations }) => {
    const said = (annotations.description ?? "").replace(/\{\{ \$labels\.[a-z]+ \}\}/g, "NAME");
    return [...said.matchAll(new RegExp(`(?<!of )\\bbgp-lb ([a-z][a-z-]*(?: (?:${WORD})(?![a-z]))*)`, "g"))];
  }).map(([, words = ""]) => words.split(" "));
  assert.ok(commands.length > 30);
  for (const words of commands) {
    const complaints: string[] = [];
    const output = { version: "", stdout: () => {}, stderr: (text: string) => complaints.push(text) };
    const line = parseCommandLine(words, output);
    assert.ok(typeof line === "object", `bgp-lb ${words.join(" ")}: ${complaints}`);
  }
});

Deno.test("every alert has in rules_test.yml a series that fires and one that does not", () => {
  const groups = ["rules_test.yml", "rules_days_test.yml"].flatMap((name) =>
    list(parse(Deno.readTextFileSync(`${RULES}/${name}`)), "tests")
  );
  for (const { alert = "" } of ALERTS) {
    const group = groups.find((group) => text(group, "name") === alert);
    assert.ok(group !== undefined, `${alert} has no test`);
    const series = list(group, "input_series").map((each) => text(each, "series") ?? "");
    for (const kind of ["bad", "good"]) {
      assert.ok(series.some((each) => each.includes(`="${kind}`)), `${alert} has no series that is ${kind}`);
    }
    const [first] = list(group, "promql_expr_test");
    assert.ok(text(first, "expr")?.includes(`ALERTS{alertname="${alert}",alertstate="firing"}`), alert);
    const samples = list(first, "exp_samples").map((each) => text(each, "labels") ?? "");
    assert.ok(samples.length > 0, `${alert} fires`);
    assert.ok(
      samples.every((labels) => !labels.includes('="good')),
      `${alert} does not fire for what is good`,
    );
  }
});

Deno.test("rules ask for metrics that the agent exposes, or that rules record, and for nothing else", async () => {
  const exposed = await exposedNames();
  const known = (name: string) => exposed.has(name) || RECORDS.has(name) || name === "up";
  for (const { alert, record, expr } of ALL) {
    const metrics = metricsOf(expr);
    assert.ok(metrics.length > 0, alert ?? record);
    assert.deepEqual(metrics.filter((name) => !known(name)), [], alert ?? record);
  }
  // What is recorded is used, by an alert or by the dashboard.
  const used = ALL.flatMap(({ expr }) => metricsOf(expr));
  for (const record of RECORDS) assert.ok(record === undefined || used.includes(record), record);
});

Deno.test("no alert asks for the bare state of a series: one scrape that fails would end it", () => {
  for (const { alert, expr } of ALERTS) {
    // What is left without ranges, records and what Prometheus itself tells of a scrape.
    const bare = expr.replace(/[a-z_]+(\{[^}]*\})?\[[0-9]+[a-z]\]/g, "").replace(
      /\b(by|on|group_left) \([^)]*\)/g,
      "",
    );
    assert.deepEqual(metricsOf(bare).filter((name) => name !== "up" && !RECORDS.has(name)), [], alert);
  }
});

Deno.test("docs/observability.md has a row for every alert, and docs/failures.md the place that it leads to", () => {
  const rows = tableRows(Deno.readTextFileSync("docs/observability.md"));
  assert.deepEqual(
    alertRows().filter((row) => !rows.has(row)),
    [],
    "rows that are to be in docs/observability.md",
  );
  const { anchors } = readDocument(Deno.readTextFileSync("docs/failures.md"));
  const places = ALERTS.map(({ annotations }) => annotations.runbook_url?.split("#")[1] ?? "");
  assert.deepEqual(places.filter((place) => !anchors.has(place)), []);
});
