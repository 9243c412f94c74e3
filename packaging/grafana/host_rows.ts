/** The rows of the dashboard about hosts: their routers, kernel and agent. */
import { type Panel, series, states } from "./panels.ts";
import { HOST, increase, PEER, rate } from "./queries.ts";

/** Sessions with routers, and BFD. */
export const ROUTERS: readonly Panel[] = [
  states(
    { title: "Sessions", description: "On the host: bgp-lb peers PEER says why, and what helps." },
    { expr: `bgp_lb_peer_state{${PEER},state="Established"}`, legend: "{{instance}} {{peer}}" },
    ["not Established", "Established"],
  ),
  states(
    {
      title: "BFD",
      description: "Of peers with bfd. Down beside a session that stands: it is seen lost late.",
    },
    { expr: `bgp_lb_bfd_state{${PEER},state="Up"}`, legend: "{{instance}} {{peer}}" },
    ["not Up", "Up"],
  ),
  series(
    { title: "Prefixes that peers have", description: "Sent and not withdrawn." },
    [{ expr: `bgp_lb_peer_advertised_prefixes{${PEER}}`, legend: "{{instance}} {{peer}}" }],
    "short",
  ),
  series(
    {
      title: "Prefixes sent",
      description: "Announcements and withdrawals, as they went to peers.",
    },
    [{
      expr: `sum by (instance, peer, kind) (${increase("bgp_lb_announcements_total", PEER)})`,
      legend: "{{instance}} {{peer}} {{kind}}",
    }],
    "short",
  ),
  series(
    { title: "Sessions lost", description: "On the host: bgp-lb events --kind session-ended" },
    [{
      expr: increase("bgp_lb_peer_flaps_total", PEER),
      legend: "{{instance}} {{peer}}",
    }],
    "short",
  ),
  series(
    { title: "Messages", description: "Of BGP, by direction." },
    [{
      expr: `sum by (instance, peer, direction) (${rate("bgp_lb_peer_messages_total", PEER)})`,
      legend: "{{instance}} {{peer}} {{direction}}",
    }],
    "ops",
  ),
  series(
    { title: "Round trip time", description: "To the peer, as the kernel smooths it." },
    [{ expr: `bgp_lb_peer_tcp_round_trip_seconds{${PEER}}`, legend: "{{instance}} {{peer}}" }],
    "s",
  ),
  series(
    {
      title: "Retransmissions",
      description:
        "Segments of the session that were sent again: the path loses packets, or large ones (MTU).",
    },
    [{ expr: rate("bgp_lb_peer_tcp_retransmissions_total", PEER), legend: "{{instance}} {{peer}}" }],
    "ops",
  ),
];

/** What is repaired, contested and configured. */
export const KERNEL: readonly Panel[] = [
  states(
    { title: "The kernel has what it should", description: "On the host: bgp-lb status; bgp-lb doctor" },
    { expr: `bgp_lb_kernel_converged{${HOST}}`, legend: "{{instance}}" },
    ["not all", "all"],
  ),
  states(
    {
      title: "Last reload",
      description:
        "A rejected configuration leaves the one before it in force. On the host: bgp-lb check FILE",
    },
    { expr: `bgp_lb_config_last_reload_successful{${HOST}}`, legend: "{{instance}}" },
    ["rejected", "well"],
  ),
  series(
    {
      title: "Repairs",
      description:
        "Objects that somebody else had changed. On the host: bgp-lb events --kind kernel-changed says which.",
    },
    [{
      expr: `sum by (instance, object) (${increase("bgp_lb_kernel_repairs_total", HOST)})`,
      legend: "{{instance}} {{object}}",
    }],
    "short",
  ),
  series(
    {
      title: "Contested objects",
      description: "Those that somebody else changes again and again; what rests on them is not announced.",
    },
    [{ expr: `sum by (instance) (bgp_lb_kernel_contested{${HOST}})`, legend: "{{instance}}" }],
    "short",
  ),
  series(
    { title: "Changes and errors", description: "Changes made to the kernel, and errors that it answered." },
    [
      {
        expr: `sum by (instance) (${increase("bgp_lb_kernel_changes_total", HOST)})`,
        legend: "{{instance}} changes",
      },
      {
        expr: `sum by (instance) (${increase("bgp_lb_kernel_errors_total", HOST)})`,
        legend: "{{instance}} errors",
      },
    ],
    "short",
  ),
];

/** The processes themselves. */
export const AGENT: readonly Panel[] = [
  series(
    { title: "CPU", description: "1 is one processor. An idle agent uses well below 0.01." },
    [{ expr: rate("process_cpu_seconds_total", HOST), legend: "{{instance}}" }],
    "short",
  ),
  series(
    { title: "Memory", description: "Resident. Some 35 MiB of it are pages of the runtime's file." },
    [{ expr: `process_resident_memory_bytes{${HOST}}`, legend: "{{instance}}" }],
    "bytes",
  ),
  series(
    { title: "Descriptors", description: "Open, as a part of those that the process may have." },
    [{ expr: `process_open_fds{${HOST}} / process_max_fds{${HOST}}`, legend: "{{instance}}" }],
    "percentunit",
    { max: 1, steps: [[null, "transparent"], [0.8, "red"]] },
  ),
  series(
    {
      title: "Event loop lag",
      description:
        "By how much timers came late at most, in the last one to two minutes: BFD and BGP feel it.",
    },
    [{ expr: `bgp_lb_event_loop_lag_max_seconds{${HOST}}`, legend: "{{instance}}" }],
    "s",
    { steps: [[null, "transparent"], [0.25, "red"]] },
  ),
  series(
    { title: "Events", description: "What happens, by kind. On the host: bgp-lb events --follow" },
    [{ expr: `sum by (kind) (${increase("bgp_lb_events_total", HOST)}) > 0`, legend: "{{kind}}" }],
    "short",
    { stacked: true },
  ),
  series(
    {
      title: "Clients",
      description: "Of the HTTP server and the control socket, and readers of the event stream.",
    },
    [
      { expr: `bgp_lb_server_clients{${HOST}}`, legend: "{{instance}} {{server}}" },
      { expr: `bgp_lb_event_readers{${HOST}}`, legend: "{{instance}} readers" },
    ],
    "short",
  ),
];
