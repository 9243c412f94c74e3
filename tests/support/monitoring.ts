/** The rules and the dashboard as data, and what of the agent their queries ask for: for tests of both. */
import { parse } from "yaml";
import { isRecord } from "../../src/bytes/json.ts";
import { fullMetrics, fullStatus, fullTraffic, passingStatus } from "./full_status.ts";
import { scraped } from "./status.ts";

/** One alert or record of rules.yml. */
export interface Rule {
  readonly alert: string | undefined;
  readonly record: string | undefined;
  readonly expr: string;
  readonly for: string | undefined;
  readonly severity: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Where the rules and their tests are. */
export const RULES = "packaging/prometheus";
/** Where the dashboard is. */
export const DASHBOARD_FILE = "packaging/grafana/dashboard.json";

/** Every rule, in order. @throws {Error} the file is none */
export function rules(): readonly Rule[] {
  const file: unknown = parse(Deno.readTextFileSync(`${RULES}/rules.yml`));
  return list(file, "groups").flatMap((group) => list(group, "rules")).map((rule) => ({
    alert: text(rule, "alert"),
    record: text(rule, "record"),
    expr: text(rule, "expr") ?? "",
    for: text(rule, "for"),
    severity: text(field(rule, "labels"), "severity"),
    annotations: strings(field(rule, "annotations")),
  }));
}

/** A query of the dashboard, and the panel that it is of. */
export interface DashboardQuery {
  readonly panel: string;
  readonly expr: string;
}

/** Panels of dashboard.json as records, those in rows, too. */
export function dashboardPanels(): readonly Record<string, unknown>[] {
  const panels = list(dashboard(), "panels");
  return panels.flatMap((panel) => [panel, ...list(panel, "panels")]).filter(isRecord);
}

/** All queries of dashboard.json, of panels and of annotations. */
export function dashboardQueries(): readonly DashboardQuery[] {
  const ofPanels = dashboardPanels().flatMap((panel) =>
    list(panel, "targets").map((target) => ({
      panel: text(panel, "title") ?? "",
      expr: text(target, "expr") ?? "",
    }))
  );
  const annotations = list(field(dashboard(), "annotations"), "list").map((each) => ({
    panel: `annotation ${text(each, "name")}`,
    expr: text(each, "expr") ?? "",
  }));
  return [...ofPanels, ...annotations];
}

/** dashboard.json. */
export function dashboard(): unknown {
  return JSON.parse(Deno.readTextFileSync(DASHBOARD_FILE));
}

/** Names of all families that an agent exposes, with the parts of histograms, whether there are samples of them or not. */
export async function exposedNames(): Promise<ReadonlySet<string>> {
  const names = (await exposedFamilies()).flatMap(({ name, type }) =>
    type === "histogram" ? ["_bucket", "_sum", "_count"].map((part) => name + part) : [name]
  );
  return new Set(names);
}

/** A family, as it is exposed. */
export interface ExposedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** Of its samples, where there are any. */
  readonly labels: readonly string[] | undefined;
}

/** All families, as an agent exposes them that has something of everything. */
export async function exposedFamilies(): Promise<readonly ExposedFamily[]> {
  const metrics = fullMetrics();
  const now = await scraped(metrics, fullStatus(), fullTraffic());
  const passing = await scraped(metrics, passingStatus());
  return [...now.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm)].map(
    ([, name = "", help = "", type = ""]) => {
      const sample = new RegExp(`^${name}(?:_bucket)?(?:\\{(.*)\\})? \\S+$`, "m");
      const [found, labels = ""] = sample.exec(now) ?? sample.exec(passing) ?? [];
      const names = [...labels.matchAll(/(?:^|,)([a-z_]+)="/g)].map(([, label = ""]) => label);
      return { name, help, type, labels: found === undefined ? undefined : names };
    },
  );
}

/** Names of metrics in a query: words that are no function, label or keyword. */
export function metricsOf(expr: string): readonly string[] {
  const bare = expr.replace(/"[^"]*"/g, '""').replace(/\{[^}]*\}|\[[^\]]*\]/g, "").replace(
    /\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)/g,
    "",
  );
  return [...bare.matchAll(/\b[a-z_][a-z0-9_:]*[_:][a-z0-9_:]*\b(?!\s*\()|\b(?:up|ALERTS)\b/g)].map((
    [name],
  ) => name);
}

/** The value under a key of a record. */
export function field(record: unknown, key: string): unknown {
  return isRecord(record) ? record[key] : undefined;
}

/** A list under a key of a record; empty where there is none. */
export function list(record: unknown, key: string): readonly unknown[] {
  const value = field(record, key);
  return Array.isArray(value) ? value : [];
}

/** A text under a key of a record. */
export function text(record: unknown, key: string): string | undefined {
  const value = field(record, key);
  return typeof value === "string" ? value : undefined;
}

function strings(record: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(isRecord(record) ? record : {}).flatMap(([key, value]) =>
      typeof value === "string" ? [[key, value] as const] : []
    ),
  );
}

/** Rows of a table in Markdown as docs/observability.md has them: each metric of the agent. */
export async function metricRows(): Promise<readonly string[]> {
  return (await exposedFamilies()).map(({ name, type, labels = [], help }) => {
    return row(`\`${name}\``, type, labels.filter((label) => label !== "le").join(", "), escaped(help));
  });
}

/** The same of each alert: in whose words, how bad it is, and what must last how long. */
export function alertRows(): readonly string[] {
  return rules().flatMap(({ alert, severity = "", annotations, for: lasts = "" }) => {
    if (alert === undefined) return [];
    const [, anchor = ""] = (annotations.runbook_url ?? "").split("#");
    const words = (annotations.summary ?? "").replace(/\{\{ (?:or )?\$labels\.([a-z_]+)[^}]*\}\}/g, "_$1_")
      .replace(/\{\{ \$value[^}]*\}\}/g, "_N_");
    return [row(`[${alert}](failures.md#${anchor})`, severity, lasts, escaped(words))];
  });
}

/** The rows of all tables of a document, without what only pads them. */
export function tableRows(document: string): ReadonlySet<string> {
  return new Set(
    document.split("\n").filter((line) => line.startsWith("|")).map((line) => line.replace(/ +/g, " ")),
  );
}

function row(...cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`.replace(/ +/g, " ");
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|");
}
