/** The rows of the dashboard about the fleet, its services and their destinations. */
import {
  NONE_IS_CALM,
  NONE_IS_GOOD,
  type Panel,
  series,
  SOME_IS_GOOD,
  stat,
  states,
  table,
} from "./panels.ts";
import { HOST, increase, PEER, rate, SERVICE } from "./queries.ts";

/** What of the whole fleet is not as it should be, and its prefixes and hosts. */
export const FLEET: readonly Panel[] = [
  stat(
    {
      title: "Agents down",
      description: "Hosts that cannot be scraped. On the host: systemctl status bgp-lb",
    },
    { expr: `count(up{${HOST}} == 0) or vector(0)` },
    NONE_IS_GOOD,
  ),
  stat(
    {
      title: "Prefixes announced by nobody",
      description: "Clients cannot reach them. The table below says which.",
    },
    { expr: `count(sum by (prefix) (bgp_lb_route_advertised_peers{${SERVICE}}) == 0) or vector(0)` },
    NONE_IS_GOOD,
  ),
  stat(
    { title: "Sessions down", description: "On the host: bgp-lb peers" },
    { expr: `count(bgp_lb_peer_state{${PEER},state="Established"} == 0) or vector(0)` },
    NONE_IS_GOOD,
  ),
  stat(
    { title: "Services unhealthy", description: "On the host: bgp-lb explain SERVICE" },
    { expr: `count(bgp_lb_service_verdict{${SERVICE},verdict="unhealthy"} == 1) or vector(0)` },
    NONE_IS_CALM,
  ),
  stat(
    { title: "Services drained", description: "By an operator. On the host: bgp-lb services" },
    { expr: `count(bgp_lb_service_drained{${SERVICE}} == 1) or vector(0)` },
    NONE_IS_CALM,
  ),
  stat(
    { title: "Alerts firing", description: "Of packaging/prometheus/rules.yml, the watchdog left out." },
    { expr: 'count(ALERTS{alertname=~"BgpLb.*",alertstate="firing",severity!="none"}) or vector(0)' },
    NONE_IS_GOOD,
  ),
  table(
    {
      title: "Prefixes",
      description: "How many hosts have each prefix, and how many of them announce it to some router.",
    },
    [
      {
        name: "Announcing",
        expr: `sum by (service, prefix) (bgp_lb_route_advertised_peers{${SERVICE}} > bool 0)`,
        steps: [[null, "red"], [1, "orange"], [2, "green"]],
      },
      {
        name: "Configured",
        expr: `count by (service, prefix) (bgp_lb_route_advertised_peers{${SERVICE}})`,
      },
      {
        name: "Changed",
        expr: `max by (service, prefix) (bgp_lb_route_change_timestamp_seconds{${SERVICE}}) * 1000`,
        unit: "dateTimeFromNow",
      },
    ],
    {
      labels: { service: "Service", prefix: "Prefix" },
      link: { label: "service", query: "var-service=${__data.fields.Service}&${__url_time_range}" },
    },
  ),
  table(
    { title: "Hosts", description: "A click on a host shows it alone." },
    [
      {
        expr:
          `bgp_lb_build_info{${HOST}} * on (job, instance) group_left (router_id, as) bgp_lb_local_info{${HOST}}`,
      },
      {
        name: "Sessions",
        expr: `sum by (instance) (bgp_lb_peer_state{${HOST},state="Established"})`,
        steps: SOME_IS_GOOD,
      },
      {
        name: "Announced",
        expr: `sum by (instance) (bgp_lb_route_advertised_peers{${HOST}} > bool 0)`,
        steps: SOME_IS_GOOD,
      },
      {
        name: "Started",
        expr: `max by (instance) (process_start_time_seconds{${HOST}}) * 1000`,
        unit: "dateTimeFromNow",
      },
    ],
    {
      labels: { instance: "Host", version: "Version", router_id: "Router ID", as: "AS" },
      link: { label: "instance", query: "var-instance=${__data.fields.Host}&${__url_time_range}" },
    },
  ),
];

/** Services, their gates and checks. */
export const SERVICES: readonly Panel[] = [
  states(
    {
      title: "Announced",
      description:
        "Whether all gates of the address are open. Where one is not, the table beside it names it.",
    },
    { expr: `bgp_lb_route_announced{${SERVICE}}`, legend: "{{service}} {{prefix}} {{instance}}" },
    ["not announced", "announced"],
  ),
  table(
    {
      title: "Shut gates",
      description:
        "What keeps an address from being announced; empty is good. On the host: bgp-lb explain SERVICE",
    },
    [{ expr: `bgp_lb_gate_open{${SERVICE}} == 0` }],
    { labels: { instance: "Host", service: "Service", prefix: "Prefix", gate: "Gate" } },
  ),
  states(
    { title: "Checks", description: "Whether each check of a service says that it is healthy." },
    {
      expr: `bgp_lb_check_verdict{${SERVICE},verdict="healthy"}`,
      legend: "{{service}} {{check}} {{instance}}",
    },
    ["not healthy", "healthy"],
  ),
  states(
    { title: "Drained", description: "By an operator. On the host: bgp-lb undrain SERVICE" },
    { expr: `bgp_lb_service_drained{${SERVICE}}`, legend: "{{service}} {{instance}}" },
    ["in service", "drained"],
    ["green", "orange"],
  ),
  series(
    {
      title: "Withdrawals and announcements",
      description: "Decisions about addresses. Many of them: checks flap; raise rise and fall.",
    },
    [{
      expr: `sum by (service, to) (${increase("bgp_lb_service_transitions_total", SERVICE)})`,
      legend: "{{service}} {{to}}",
    }],
    "short",
  ),
  series(
    {
      title: "Probe duration",
      description: "How long probes of services took, over all hosts: the median and the slowest hundredth.",
    },
    [0.5, 0.99].map((part) => ({
      expr: `histogram_quantile(${part}, sum by (service, check, le) (${
        rate("bgp_lb_probe_duration_seconds_bucket", SERVICE)
      }))`,
      legend: `{{service}} {{check}} p${part * 100}`,
    })),
    "s",
  ),
  series(
    {
      title: "Probes that do not pass",
      description: "fail: the backend; unknown: something is short on the host, and the verdict stays.",
    },
    [{
      expr: `sum by (service, check, result) (${
        rate("bgp_lb_probes_total", `${SERVICE},result=~"fail|unknown"`)
      })`,
      legend: "{{service}} {{check}} {{result}}",
    }],
    "ops",
  ),
];

/** IPVS: connections, weights, destinations. */
export const DESTINATIONS: readonly Panel[] = [
  series(
    { title: "New connections", description: "That IPVS has scheduled, as the kernel counts them." },
    [{
      expr: `sum by (service) (${rate("bgp_lb_virtual_service_connections_total", SERVICE)})`,
      legend: "{{service}}",
    }],
    "ops",
    { stacked: true },
  ),
  series(
    {
      title: "Octets",
      description: "Through IPVS. Those out are seen only where answers come back through the host (masq).",
    },
    [{
      expr: `sum by (service, direction) (${rate("bgp_lb_virtual_service_bytes_total", SERVICE)})`,
      legend: "{{service}} {{direction}}",
    }],
    "Bps",
  ),
  series(
    { title: "Packets", description: "Through IPVS, by direction." },
    [{
      expr: `sum by (service, direction) (${rate("bgp_lb_virtual_service_packets_total", SERVICE)})`,
      legend: "{{service}} {{direction}}",
    }],
    "pps",
  ),
  series(
    {
      title: "Connections by service",
      description: "Open connections through IPVS, as the kernel has them.",
    },
    [{ expr: `sum by (service) (bgp_lb_service_connections{${SERVICE}})`, legend: "{{service}}" }],
    "short",
    { stacked: true },
  ),
  series(
    { title: "Connections by destination", description: "The 20 with the most." },
    [{
      expr: `topk(20, sum by (service, destination) (bgp_lb_destination_connections{${SERVICE}}))`,
      legend: "{{service}} {{destination}}",
    }],
    "short",
  ),
  series(
    {
      title: "Live weight",
      description:
        "The part of the weight of each virtual service that gets new connections. On the host: bgp-lb services SERVICE",
    },
    [{
      expr:
        `bgp_lb_virtual_service_live_weight{${SERVICE}} / bgp_lb_virtual_service_configured_weight{${SERVICE}}`,
      legend: "{{service}} {{virtual_service}} {{instance}}",
    }],
    "percentunit",
    { max: 1, steps: [[null, "red"], [0.5, "transparent"]] },
  ),
  table(
    { title: "Destinations that get no connections", description: "Empty is good." },
    [{ expr: `bgp_lb_destination_live{${SERVICE}} == 0` }],
    {
      width: 16,
      labels: {
        instance: "Host",
        service: "Service",
        virtual_service: "Virtual service",
        destination: "Destination",
      },
    },
  ),
  series(
    { title: "Probes of destinations", description: "Of all destinations of a host together." },
    [{
      expr: `sum by (instance, result) (${rate("bgp_lb_destination_probes_total", HOST)})`,
      legend: "{{instance}} {{result}}",
    }],
    "ops",
  ),
];
