// packaging/grafana/: dashboard.json is what dashboard.ts describes, and what Grafana can import and draw.
import assert from "node:assert/strict";
import { dashboardText } from "../../packaging/grafana/dashboard.ts";
import {
  dashboard,
  DASHBOARD_FILE,
  dashboardPanels,
  dashboardQueries,
  exposedNames,
  field,
  list,
  metricsOf,
  text,
} from "../support/monitoring.ts";

/** Panels that every Grafana has. */
const KNOWN_TYPES = ["row", "stat", "table", "timeseries", "state-timeline"];
/** Units of Grafana's own list. */
const UNITS = ["none", "short", "s", "ops", "bytes", "Bps", "pps", "percentunit", "dateTimeFromNow"];
const PROMETHEUS = { type: "prometheus", uid: "${datasource}" };

const PANELS = dashboardPanels().filter(({ type }) => type !== "row");

Deno.test("dashboard.json is what dashboard.ts prints", () => {
  const wanted = "deno run packaging/grafana/dashboard.ts > packaging/grafana/dashboard.json";
  assert.ok(Deno.readTextFileSync(DASHBOARD_FILE) === dashboardText(), `make it anew: ${wanted}`);
});

Deno.test("the dashboard is of a schema that Grafana 11 has, with an address of its own and variables for all that one chooses by", () => {
  const whole = dashboard();
  assert.equal(field(whole, "schemaVersion"), 39);
  assert.equal(field(whole, "uid"), "bgp-lb");
  // Grafana gives it one at import.
  assert.equal(field(whole, "id"), undefined);
  const variables = list(field(whole, "templating"), "list").map((each) => text(each, "name"));
  assert.deepEqual(variables, ["datasource", "job", "instance", "service", "peer"]);
});

Deno.test("every panel is of a kind that needs no plugin, says what it is, has a unit, and asks the data source that is chosen", () => {
  assert.ok(PANELS.length > 30);
  for (const panel of dashboardPanels()) {
    assert.ok(KNOWN_TYPES.includes(String(panel.type)), String(panel.type));
  }
  const units: string[] = [];
  for (const panel of PANELS) {
    const title = text(panel, "title");
    assert.match(text(panel, "description") ?? "", /\S{2}/, title);
    assert.deepEqual(panel.datasource, PROMETHEUS, title);
    assert.ok(list(panel, "targets").length > 0, title);
    for (const target of list(panel, "targets")) {
      assert.deepEqual(field(target, "datasource"), PROMETHEUS, title);
      if (panel.type !== "table" && panel.type !== "stat") {
        assert.match(text(target, "legendFormat") ?? "", /\{\{/, title);
      }
    }
    const unit = text(field(field(panel, "fieldConfig"), "defaults"), "unit");
    if (unit !== undefined) units.push(unit);
    else assert.ok(panel.type === "table" || panel.type === "state-timeline", title);
  }
  assert.deepEqual([...new Set(units)].filter((unit) => !UNITS.includes(unit)), []);
});

Deno.test("panels have numbers and titles of their own, and lie side by side in 24 columns", () => {
  const all = dashboardPanels();
  assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
  assert.equal(new Set(all.map(({ title }) => title)).size, all.length);
  const taken = new Set<string>();
  for (const { title, gridPos } of all) {
    const [x, y, w, h] = ["x", "y", "w", "h"].map((key) => Number(field(gridPos, key)));
    assert.ok(x !== undefined && y !== undefined && w !== undefined && h !== undefined);
    assert.ok(x >= 0 && x + w <= 24 && h > 0, String(title));
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        assert.ok(!taken.has(`${column} ${line}`), `${title} lies on another one`);
        taken.add(`${column} ${line}`);
      }
    }
  }
});

Deno.test("the dashboard asks for metrics that the agent exposes, by the variables at its top", async () => {
  const exposed = await exposedNames();
  const queries = dashboardQueries();
  assert.ok(queries.length > 35);
  for (const { panel, expr } of queries) {
    const metrics = metricsOf(expr);
    assert.ok(metrics.length > 0, panel);
    const unknown = metrics.filter((name) => !exposed.has(name) && name !== "up" && name !== "ALERTS");
    assert.deepEqual(unknown, [], panel);
    if (!metrics.includes("ALERTS")) assert.match(expr, /job=~"\$job",instance=~"\$instance"/, panel);
  }
});
