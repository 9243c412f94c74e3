/**
 * Prometheus metrics: gauges are read off the status snapshot at each scrape, so they cannot disagree with it;
 * counters and the probe histogram are fed by what happens.
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Status } from "./status.ts";

/** Figures of the process itself. */
export interface ProcessFigures {
  readonly residentMemoryBytes: number;
  readonly cpuSeconds: number;
  readonly startTimeSeconds: number;
}

const PEER_STATES = ["Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"] as const;
const VERDICTS = ["unknown", "unhealthy", "healthy"] as const;
const PROBE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** All metric families of one agent. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #gauges: readonly { readonly gauge: Gauge; readonly rows: (status: Status) => readonly Row[] }[];
  readonly #process: () => ProcessFigures;
  readonly #probes: Counter;
  readonly #probeSeconds: Histogram;
  readonly #kernelChanges: Counter;
  readonly #kernelErrors: Counter;
  readonly #announcements: Counter;
  readonly #cpu: Counter;
  readonly #memory: Gauge;
  readonly #start: Gauge;

  constructor(processFigures: () => ProcessFigures) {
    this.#process = processFigures;
    const registers = [this.#registry];
    const gauge = (
      name: string,
      help: string,
      labelNames: readonly string[],
      rows: (status: Status) => readonly Row[],
    ) => ({
      gauge: new Gauge({ name, help, labelNames: [...labelNames], registers }),
      rows,
    });
    const counter = (name: string, help: string, labelNames: readonly string[] = []) =>
      new Counter({ name, help, labelNames: [...labelNames], registers });
    this.#gauges = [
      gauge(
        "bgp_lb_path_advertisement",
        "Whether the prefix is announced with this next hop to at least one peer.",
        ["prefix", "prefix_length", "next_hop"],
        pathAdvertisements,
      ),
      gauge(
        "bgp_lb_build_info",
        "Always 1; the version is a label.",
        ["version"],
        ({ version }) => [{ labels: { version }, value: 1 }],
      ),
      gauge(
        "bgp_lb_peer_state",
        "1 for the state that the session of this peer is in (RFC 4271 8.2.2).",
        ["peer", "state"],
        ({ peers }) =>
          peers.flatMap(({ name: peer, state: now }) =>
            PEER_STATES.map((state) => ({ labels: { peer, state }, value: state === now ? 1 : 0 }))
          ),
      ),
      gauge(
        "bgp_lb_peer_advertised_prefixes",
        "Prefixes that the peer was sent and that are not withdrawn.",
        ["peer"],
        ({ peers }) =>
          peers.map(({ name: peer, advertised }) => ({ labels: { peer }, value: advertised.length })),
      ),
      gauge(
        "bgp_lb_service_enabled",
        "Whether the service is enabled.",
        ["service"],
        ({ services }) =>
          services.map(({ name: service, enabled }) => ({ labels: { service }, value: enabled ? 1 : 0 })),
      ),
      gauge(
        "bgp_lb_service_announced",
        "Addresses of the service that should be announced.",
        ["service"],
        ({ services }) =>
          services.map(({ name: service, routes }) => ({
            labels: { service },
            value: routes.filter(({ announce }) => announce).length,
          })),
      ),
      gauge(
        "bgp_lb_check_verdict",
        "1 for the verdict of this check.",
        ["service", "check", "verdict"],
        ({ services }) =>
          services.flatMap(({ name: service, checks }) =>
            checks.flatMap((check) =>
              VERDICTS.map((verdict) => ({
                labels: { service, check: check.name, verdict },
                value: check.verdict === verdict ? 1 : 0,
              }))
            )
          ),
      ),
      gauge(
        "bgp_lb_kernel_converged",
        "Whether the kernel has all that it should have.",
        [],
        ({ kernel }) => [{ labels: {}, value: kernel.converged || !kernel.managed ? 1 : 0 }],
      ),
    ];
    this.#probes = counter("bgp_lb_probes_total", "Probes by result.", ["service", "check", "result"]);
    this.#probeSeconds = new Histogram({
      name: "bgp_lb_probe_duration_seconds",
      help: "How long probes took.",
      labelNames: ["service", "check"],
      buckets: PROBE_SECONDS,
      registers,
    });
    this.#kernelChanges = counter("bgp_lb_kernel_changes_total", "Changes made to the kernel.");
    this.#kernelErrors = counter(
      "bgp_lb_kernel_errors_total",
      "Errors that the kernel answered, and conflicts found.",
    );
    this.#announcements = counter("bgp_lb_announcements_total", "Prefixes sent to peers.", ["peer", "kind"]);
    const own = (name: string, help: string) => new Gauge({ name, help, registers });
    this.#cpu = counter("process_cpu_seconds_total", "User and system CPU time spent, in seconds.");
    this.#memory = own("process_resident_memory_bytes", "Resident memory size in bytes.");
    this.#start = own("process_start_time_seconds", "Start time since the Unix epoch, in seconds.");
  }

  /** Counts one probe. */
  probe(service: string, check: string, pass: boolean, durationMs: number): void {
    this.#probes.inc({ service, check, result: pass ? "pass" : "fail" });
    this.#probeSeconds.observe({ service, check }, durationMs / 1000);
  }

  /** Counts one reconciliation's changes and errors. */
  kernel(changes: number, errors: number): void {
    this.#kernelChanges.inc(changes);
    this.#kernelErrors.inc(errors);
  }

  /** Counts prefixes handed to a peer's socket. */
  sent(peer: string, announced: number, withdrawn: number): void {
    this.#announcements.inc({ peer, kind: "announce" }, announced);
    this.#announcements.inc({ peer, kind: "withdraw" }, withdrawn);
  }

  /** The text exposition of everything, with gauges taken from `status`. */
  async render(status: Status): Promise<{ readonly contentType: string; readonly body: string }> {
    for (const { gauge, rows } of this.#gauges) {
      gauge.reset();
      for (const { labels, value } of rows(status)) gauge.set(labels, value);
    }
    const figures = this.#process();
    this.#cpu.reset();
    this.#cpu.inc(figures.cpuSeconds);
    this.#memory.set(figures.residentMemoryBytes);
    this.#start.set(figures.startTimeSeconds);
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }
}

interface Row {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The reference's own metric: 1 where some peer was sent the prefix with this next hop, 0 where none was. */
function pathAdvertisements({ services, routerID }: Status): readonly Row[] {
  return services.flatMap(({ routes }) =>
    routes.flatMap(({ prefix, peers }) => {
      const [address = "", length = ""] = prefix.split("/");
      const nextHops = new Set(peers.map(({ nextHop }) => nextHop));
      const row = (nextHop: string, value: number) => ({
        labels: { prefix: address, prefix_length: length, next_hop: nextHop },
        value,
      });
      return nextHops.size === 0 ? [row(routerID, 0)] : [...nextHops].map((nextHop) => row(nextHop, 1));
    })
  );
}
