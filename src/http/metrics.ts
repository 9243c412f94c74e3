/**
 * Prometheus metrics: what the status document tells (families.ts), what happens (counters and the probe histogram),
 * and the process itself.
 */
import { type AgentEvent, isBulk } from "../events/event.ts";
import type { Status } from "../status/status.ts";
import { exposition, type MetricFamily } from "./exposition.ts";
import { FAMILIES } from "./families.ts";
import { Histogram, Tally } from "./tally.ts";

/** Figures of the process itself. */
export interface ProcessFigures {
  readonly residentMemoryBytes: number;
  readonly cpuSeconds: number;
  readonly startTimeSeconds: number;
}

const PROBE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** All metric families of one agent. */
export class Metrics {
  readonly #process: () => ProcessFigures;
  readonly #probes = new Tally();
  readonly #probeSeconds = new Histogram(PROBE_SECONDS);
  readonly #announcements = new Tally();
  readonly #events = new Tally();
  #kernelChanges = 0;
  #kernelErrors = 0;

  constructor(processFigures: () => ProcessFigures) {
    this.#process = processFigures;
  }

  /** Counts what happens. */
  observe(event: AgentEvent): void {
    if (!isBulk(event.kind)) this.#events.add({ kind: event.kind });
    switch (event.kind) {
      case "probe": {
        const { service, check, result, durationMs } = event;
        this.#probes.add({ service, check, result });
        return this.#probeSeconds.observe({ service, check }, durationMs / 1000);
      }
      case "kernel-changed":
        this.#kernelChanges += event.changes.length;
        return;
      case "kernel-error":
        this.#kernelErrors++;
        return;
      case "updates-sent": {
        const { peer, announced, withdrawn } = event;
        this.#announcements.add({ peer, kind: "announce" }, announced);
        return this.#announcements.add({ peer, kind: "withdraw" }, withdrawn);
      }
      default:
        return;
    }
  }

  /** The text exposition of everything, as of `status`. */
  async render(status: Status): ReturnType<typeof exposition> {
    const families = [
      ...FAMILIES.map((family) => ({ ...family, samples: family.samples(status) })),
      ...this.#happened(),
      ...processFamilies(this.#process()),
    ];
    return await exposition(families);
  }

  #happened(): readonly MetricFamily[] {
    return [
      {
        name: "bgp_lb_probes_total",
        help: "Probes by result.",
        type: "counter",
        samples: this.#probes.samples(),
      },
      {
        name: "bgp_lb_probe_duration_seconds",
        help: "How long probes took.",
        type: "histogram",
        samples: this.#probeSeconds.samples(),
      },
      single("bgp_lb_kernel_changes_total", "counter", "Changes made to the kernel.", this.#kernelChanges),
      single(
        "bgp_lb_kernel_errors_total",
        "counter",
        "Errors that the kernel answered, and conflicts found.",
        this.#kernelErrors,
      ),
      {
        name: "bgp_lb_announcements_total",
        help: "Prefixes sent to peers.",
        type: "counter",
        samples: this.#announcements.samples(),
      },
      {
        name: "bgp_lb_events_total",
        help: "Events by kind; probes are counted apart.",
        type: "counter",
        samples: this.#events.samples(),
      },
    ];
  }
}

function processFamilies(figures: ProcessFigures): readonly MetricFamily[] {
  const { cpuSeconds, residentMemoryBytes, startTimeSeconds } = figures;
  return [
    single(
      "process_cpu_seconds_total",
      "counter",
      "User and system CPU time spent, in seconds.",
      cpuSeconds,
    ),
    single("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", residentMemoryBytes),
    single(
      "process_start_time_seconds",
      "gauge",
      "Start time since the Unix epoch, in seconds.",
      startTimeSeconds,
    ),
  ];
}

/** A family of one sample without labels. */
function single(name: string, type: MetricFamily["type"], help: string, value: number): MetricFamily {
  return { name, help, type, samples: [{ labels: {}, value }] };
}
