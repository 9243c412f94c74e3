/**
 * The Grafana dashboard as a short description; dashboard.json beside it is what this prints, and is what is imported:
 * `deno run packaging/grafana/dashboard.ts > packaging/grafana/dashboard.json`. The fleet comes first, then what one chooses
 * of it by the variables at the top.
 */
import { AGENT, KERNEL, ROUTERS } from "./host_rows.ts";
import { layOut, type Model } from "./panels.ts";
import { HOST } from "./queries.ts";
import { DESTINATIONS, FLEET, SERVICES } from "./service_rows.ts";

/** A variable of which several values, or all, may be chosen. */
function variable(name: string, label: string, query: string): Model {
  return {
    name,
    label,
    type: "query",
    datasource: { type: "prometheus", uid: "${datasource}" },
    definition: query,
    query: { query, refId: `variable-${name}`, qryType: 1 },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: ".*",
    current: { selected: true, text: ["All"], value: ["$__all"] },
    options: [],
  };
}

/** The whole dashboard. */
export const DASHBOARD: Model = {
  title: "bgp-lb",
  uid: "bgp-lb",
  description: "The fleet, services, routers, destinations, kernel and agents of bgp-lb.",
  tags: ["bgp-lb"],
  schemaVersion: 39,
  version: 1,
  editable: true,
  graphTooltip: 1,
  refresh: "30s",
  time: { from: "now-6h", to: "now" },
  timezone: "browser",
  links: [{
    title: "Alerts",
    type: "link",
    icon: "bell",
    url: "/alerting/list?search=BgpLb",
    targetBlank: false,
    keepTime: false,
    includeVars: false,
    asDropdown: false,
    tags: [],
    tooltip: "Alerts of packaging/prometheus/rules.yml",
  }],
  annotations: {
    list: [{
      name: "Configurations",
      datasource: { type: "prometheus", uid: "${datasource}" },
      enable: true,
      hide: false,
      iconColor: "blue",
      expr: `count by (job, instance) (count_over_time(bgp_lb_config_info{${HOST}}[1m])) > 1`,
      titleFormat: "another configuration",
      textFormat: "{{instance}}",
      step: "1m",
    }],
  },
  templating: {
    list: [
      {
        name: "datasource",
        label: "Data source",
        type: "datasource",
        query: "prometheus",
        refresh: 1,
        multi: false,
        includeAll: false,
        current: {},
        options: [],
      },
      variable("job", "Job", "label_values(bgp_lb_build_info, job)"),
      variable("instance", "Host", 'label_values(bgp_lb_build_info{job=~"$job"}, instance)'),
      variable("service", "Service", `label_values(bgp_lb_service_enabled{${HOST}}, service)`),
      variable("peer", "Router", `label_values(bgp_lb_peer_info{${HOST}}, peer)`),
    ],
  },
  panels: layOut([
    { title: "Fleet", panels: FLEET },
    { title: "Services", panels: SERVICES },
    { title: "Routers", panels: ROUTERS },
    { title: "Destinations", panels: DESTINATIONS },
    { title: "Kernel and configuration", panels: KERNEL },
    { title: "Agents", panels: AGENT },
  ]),
};

/** As dashboard.json has it. */
export function dashboardText(): string {
  return `${JSON.stringify(DASHBOARD, null, 2)}\n`;
}

if (import.meta.main) console.log(dashboardText().trimEnd());
