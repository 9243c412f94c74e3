/**
 * What is counted from event to event, and for whom: series of a service, a check or a peer begin at 0 with it in the
 * configuration, and go with it. What is told of others, such as a service that is on its way out, is counted for nobody.
 */
import { type AgentEvent, type EventKind, isBulk, REFUSAL_KINDS } from "../events/event.ts";
import type { MetricFamily } from "./exposition.ts";
import { Histogram, type Labels, Tally } from "./tally.ts";

/** What a configuration has that series are kept of; a whole configuration is one. */
export interface Metered {
  readonly bgp: { readonly peers: readonly { readonly name: string }[] };
  readonly services: readonly {
    readonly name: string;
    readonly checks: readonly { readonly name: string }[];
    readonly onChange?: readonly string[] | undefined;
  }[];
  readonly state?: { readonly directory: string | undefined };
}

const RESULTS = ["pass", "fail", "unknown"] as const;

/** Every kind, so that the first event of one is an increase. */
const KINDS = {
  "agent-state": true,
  "handover": true,
  "abort": true,
  "host-not-fit": true,
  "stop-failed": true,
  "request-refused": true,
  "warning": true,
  "route": true,
  "phase": true,
  "destination": true,
  "verdict": true,
  "probe": true,
  "check-blind": true,
  "check-flapping": true,
  "kernel-changed": true,
  "kernel-contested": true,
  "kernel-error": true,
  "kernel-recovered": true,
  "peer-state": true,
  "session-ended": true,
  "updates-sent": true,
  "bfd-state": true,
  "end-of-rib-sent": true,
  "routes-held": true,
  "peer-stuck": true,
  "peer-discovered": true,
  "next-hop-shortened": true,
  "notification-received": true,
  "notification-sent": true,
  "listener": true,
  "accept-failed": true,
  "connection-refused": true,
  "server": true,
  "leaving": true,
  "order": true,
  "drained": true,
  "undrained": true,
  "reload": true,
  "hook-failed": true,
  "reader-cut": true,
  "fault": true,
} as const satisfies Record<EventKind, true>;

const PROBE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Counters by service, check and peer. */
export class EventCounters {
  readonly #probes = new Tally();
  readonly #probeSeconds = new Histogram(PROBE_SECONDS);
  readonly #checkTransitions = new Tally();
  readonly #serviceTransitions = new Tally();
  readonly #destinationProbes = new Tally();
  readonly #destinationTransitions = new Tally();
  readonly #hookFailures = new Tally();
  readonly #announcements = new Tally();
  readonly #events = new Tally();
  readonly #refusals = new Tally();
  /** By name: what is the same service keeps its series without a look at them. */
  #services: ReadonlyMap<string, Metered["services"][number]> = new Map();
  readonly #checks = new Map<string, ReadonlySet<string>>();
  #peers: ReadonlySet<string> = new Set();

  constructor() {
    for (const reason of REFUSAL_KINDS) this.#refusals.add({ reason }, 0);
    for (const result of RESULTS) this.#destinationProbes.add({ result }, 0);
    for (const [kind] of Object.entries(KINDS).filter(([kind]) => kind !== "probe")) {
      this.#events.add({ kind }, 0);
    }
  }

  /** Keeps the series of what `metered` has, forgets the others, and begins new ones. */
  retain({ services, bgp }: Metered): void {
    const before = { services: this.#services, peers: this.#peers };
    this.#services = new Map(services.map((service) => [service.name, service]));
    this.#peers = new Set(bgp.peers.map(({ name }) => name));
    const changed = services.filter((service) => before.services.get(service.name) !== service);
    for (const { name, checks } of changed) this.#checks.set(name, new Set(checks.map(({ name }) => name)));
    const gone = [...before.services.keys()].filter((name) => !this.#services.has(name));
    for (const name of gone) this.#checks.delete(name);
    const loses = gone.length > 0 || [...before.peers].some((name) => !this.#peers.has(name)) ||
      changed.some(({ name }) =>
        before.services.get(name)?.checks.some((check) => !this.#hasCheck(name, check.name))
      );
    if (loses) { for (const tally of this.#all) tally.retain((labels) => this.#isMetered(labels)); }
    for (const peer of this.#peers) {
      for (const kind of ["announce", "withdraw"]) this.#announcements.add({ peer, kind }, 0);
    }
    for (const { name: service, checks, onChange } of changed) {
      for (const to of ["announced", "degraded", "withdrawn"]) {
        this.#serviceTransitions.add({ service, to }, 0);
      }
      if (onChange !== undefined) this.#hookFailures.add({ service }, 0);
      for (const { name: check } of checks) {
        for (const to of ["healthy", "unhealthy"]) this.#checkTransitions.add({ service, check, to }, 0);
        for (const result of RESULTS) this.#probes.add({ service, check, result }, 0);
      }
    }
  }

  /** Counts what happens. */
  observe(event: AgentEvent): void {
    if (!isBulk(event.kind)) this.#events.add({ kind: event.kind });
    switch (event.kind) {
      case "probe": {
        const { service, check, result, durationMs } = event;
        // Those of destinations are many, and may be for several services.
        if (event.destination !== undefined) return this.#destinationProbes.add({ result });
        if (!this.#isMetered({ service, check })) return;
        this.#probes.add({ service, check, result });
        return this.#probeSeconds.observe({ service, check }, durationMs / 1000);
      }
      case "verdict": {
        const { service, check, to } = event;
        if (event.destination !== undefined) return;
        return this.#add(this.#checkTransitions, { service, check, to });
      }
      case "destination":
        return this.#add(this.#destinationTransitions, { service: event.service, to: event.to });
      case "route": {
        const { service, to } = event;
        return this.#add(this.#serviceTransitions, { service, to });
      }
      case "hook-failed":
        return this.#add(this.#hookFailures, { service: event.service });
      case "updates-sent": {
        const { peer, announced, withdrawn } = event;
        this.#add(this.#announcements, { peer, kind: "announce" }, announced);
        return this.#add(this.#announcements, { peer, kind: "withdraw" }, withdrawn);
      }
      case "connection-refused":
        return this.#refusals.add({ reason: event.reason }, event.count);
      default:
        return;
    }
  }

  /** As of when each is asked for. */
  *families(): Iterable<MetricFamily> {
    yield counter("bgp_lb_probes_total", "Probes by result.", this.#probes);
    yield {
      name: "bgp_lb_probe_duration_seconds",
      help: "How long probes took.",
      type: "histogram",
      samples: this.#probeSeconds.samples(),
    };
    yield counter("bgp_lb_check_transitions_total", "Changes of a check's verdict.", this.#checkTransitions);
    yield counter(
      "bgp_lb_service_transitions_total",
      "Decisions to announce an address of the service, in good health or degraded, or to withdraw it.",
      this.#serviceTransitions,
    );
    yield counter(
      "bgp_lb_destination_probes_total",
      "Probes of destinations by result.",
      this.#destinationProbes,
    );
    yield counter(
      "bgp_lb_destination_transitions_total",
      "Destinations of the service that became live, or were it no more, or changed their own weight.",
      this.#destinationTransitions,
    );
    yield counter(
      "bgp_lb_hook_failures_total",
      "Programs of onChange that failed, and rows of transitions that none was run for.",
      this.#hookFailures,
    );
    yield counter("bgp_lb_announcements_total", "Prefixes sent to peers.", this.#announcements);
    yield counter(
      "bgp_lb_connections_refused_total",
      "Connections of BGP that were closed at accept, by reason.",
      this.#refusals,
    );
    yield counter("bgp_lb_events_total", "Events by kind; probes are counted apart.", this.#events);
  }

  get #all(): readonly (Tally | Histogram)[] {
    return [
      this.#probes,
      this.#probeSeconds,
      this.#checkTransitions,
      this.#serviceTransitions,
      this.#destinationTransitions,
      this.#hookFailures,
      this.#announcements,
    ];
  }

  #add(tally: Tally, labels: Labels, by?: number): void {
    if (this.#isMetered(labels)) tally.add(labels, by);
  }

  #isMetered({ peer, service, check }: Labels): boolean {
    if (peer !== undefined) return this.#peers.has(peer);
    return this.#hasCheck(service ?? "", check);
  }

  #hasCheck(service: string, check: string | undefined): boolean {
    const checks = this.#checks.get(service);
    return checks !== undefined && (check === undefined || checks.has(check));
  }
}

function counter(name: string, help: string, tally: Tally): MetricFamily {
  return { name, help, type: "counter", samples: tally.samples() };
}
