/**
 * Prometheus metrics: what the status document tells (families.ts), what happens (counters and the probe histogram),
 * and the process itself.
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { FAMILIES, type Sample } from "./families.ts";
import type { Status } from "../status/status.ts";

/** Figures of the process itself. */
export interface ProcessFigures {
  readonly residentMemoryBytes: number;
  readonly cpuSeconds: number;
  readonly startTimeSeconds: number;
}

const PROBE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** All metric families of one agent. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #process: () => ProcessFigures;
  /** Sets the families of the status. */
  readonly #readers: readonly ((status: Status) => void)[];
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
    this.#readers = FAMILIES.map(({ name, help, type, labels, samples }) => {
      const set = type === "gauge" ? this.#gaugeOf(name, help, labels) : this.#counterOf(name, help, labels);
      return (status) => set(samples(status));
    });
    this.#probes = this.#counter("bgp_lb_probes_total", "Probes by result.", ["service", "check", "result"]);
    this.#probeSeconds = new Histogram({
      name: "bgp_lb_probe_duration_seconds",
      help: "How long probes took.",
      labelNames: ["service", "check"],
      buckets: PROBE_SECONDS,
      registers: [this.#registry],
    });
    this.#kernelChanges = this.#counter("bgp_lb_kernel_changes_total", "Changes made to the kernel.");
    this.#kernelErrors = this.#counter(
      "bgp_lb_kernel_errors_total",
      "Errors that the kernel answered, and conflicts found.",
    );
    this.#announcements = this.#counter("bgp_lb_announcements_total", "Prefixes sent to peers.", [
      "peer",
      "kind",
    ]);
    this.#cpu = this.#counter("process_cpu_seconds_total", "User and system CPU time spent, in seconds.");
    this.#memory = this.#gauge("process_resident_memory_bytes", "Resident memory size in bytes.");
    this.#start = this.#gauge("process_start_time_seconds", "Start time since the Unix epoch, in seconds.");
  }

  /** Counts one probe. */
  probe(service: string, check: string, result: "pass" | "fail" | "unknown", durationMs: number): void {
    this.#probes.inc({ service, check, result });
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

  /** The text exposition of everything, as of `status`. */
  async render(status: Status): Promise<{ readonly contentType: string; readonly body: string }> {
    for (const read of this.#readers) read(status);
    const figures = this.#process();
    this.#cpu.reset();
    this.#cpu.inc(figures.cpuSeconds);
    this.#memory.set(figures.residentMemoryBytes);
    this.#start.set(figures.startTimeSeconds);
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  #gaugeOf(name: string, help: string, labels: readonly string[]): (samples: readonly Sample[]) => void {
    const gauge = this.#gauge(name, help, labels);
    return (samples) => {
      gauge.reset();
      for (const sample of samples) gauge.set(sample.labels, sample.value);
    };
  }

  #counterOf(name: string, help: string, labels: readonly string[]): (samples: readonly Sample[]) => void {
    const counter = this.#counter(name, help, labels);
    return (samples) => {
      counter.reset();
      for (const sample of samples) counter.inc(sample.labels, sample.value);
    };
  }

  #gauge(name: string, help: string, labels: readonly string[] = []): Gauge {
    return new Gauge({ name, help, labelNames: [...labels], registers: [this.#registry] });
  }

  #counter(name: string, help: string, labels: readonly string[] = []): Counter {
    return new Counter({ name, help, labelNames: [...labels], registers: [this.#registry] });
  }
}
