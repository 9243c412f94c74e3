/**
 * Prometheus metrics: what the status document tells (families.ts), what happens
 * (event_counters.ts), the event loop and the process itself.
 */
import type { AgentEvent } from "../events/event.ts";
import type { Traffic } from "../kernel/kernel.ts";
import { OBJECT_KINDS } from "../kernel/kernel_object.ts";
import type { Status } from "../status/status.ts";
import { EventCounters, type Metered } from "./event_counters.ts";
import { type Exposition, exposition, type MetricFamily, type Pauses } from "./exposition.ts";
import { FAMILIES } from "./families.ts";
import { flag } from "./family.ts";
import { LoopLagMetrics } from "./loop_lag.ts";
import { Tally } from "./tally.ts";
import { trafficFamilies } from "./traffic_families.ts";

/** Figures of the process itself. */
export interface ProcessFigures {
  readonly residentMemoryBytes: number;
  readonly cpuSeconds: number;
  readonly startTimeSeconds: number;
  /** Undefined: that cannot be known. */
  readonly descriptors?: { readonly open: number; readonly limit: number } | undefined;
}

/** What is known at a scrape that the status document does not tell. */
export interface Beside {
  /** What the kernel has told of IPVS. */
  readonly traffic: readonly Traffic[];
  /** So many parts that go on by themselves have stood still at two scrapes. */
  readonly standing: number;
}

/** All metric families of one agent. */
export class Metrics {
  readonly #process: () => ProcessFigures;
  readonly #counters = new EventCounters();
  readonly #loopLag = new LoopLagMetrics();
  #kernelChanges = 0;
  #kernelErrors = 0;
  readonly #kernelRepairs = new Tally();

  /** Files of state that were written, and whether the last write got to the disk. */
  readonly #stateFiles = new Map<string, boolean>();

  constructor(metered: Metered, processFigures: () => ProcessFigures) {
    this.#process = processFigures;
    for (const object of OBJECT_KINDS) this.#kernelRepairs.add({ object }, 0);
    this.retain(metered);
  }

  /** Keeps the series of what a configuration has, and forgets the others. */
  retain(metered: Metered): void {
    this.#counters.retain(metered);
    if (metered.state?.directory === undefined) this.#stateFiles.clear();
  }

  /** Counts what happens. */
  observe(event: AgentEvent): void {
    this.#counters.observe(event);
    if (event.kind === "kernel-changed") {
      this.#kernelChanges += event.changes.length;
      for (const { object } of event.repairs ?? []) this.#kernelRepairs.add({ object });
    }
    if (event.kind === "kernel-error") this.#kernelErrors++;
  }

  /** Counts how late the event loop was. */
  observeLoopLag(nowMs: number, lagMs: number): void {
    this.#loopLag.observe(nowMs, lagMs);
  }

  /** Whether what was last written of a file that outlives the process got to the disk. */
  observeStateWrite(file: string, isKept: boolean): void {
    this.#stateFiles.set(file, isKept);
  }

  /** The text exposition of everything, as of `status` and with `beside`; a long one takes some turns, as `pauses` says. */
  async render(status: Status, beside: Beside, pauses: Pauses): Promise<Exposition> {
    return await exposition(this.#families(status, beside), pauses);
  }

  *#families(status: Status, { traffic, standing }: Beside): Iterable<MetricFamily> {
    for (const family of FAMILIES) yield { ...family, samples: family.samples(status) };
    yield* trafficFamilies(status, traffic);
    yield* this.#counters.families();
    yield single(
      "bgp_lb_kernel_changes_total",
      "counter",
      "Changes made to the kernel.",
      this.#kernelChanges,
    );
    yield {
      name: "bgp_lb_kernel_repairs_total",
      help: "Kernel objects that were made as they should be after somebody else had changed them.",
      type: "counter",
      samples: this.#kernelRepairs.samples(),
    };
    yield single(
      "bgp_lb_kernel_errors_total",
      "counter",
      "Errors that the kernel answered, and conflicts found.",
      this.#kernelErrors,
    );
    yield {
      name: "bgp_lb_state_file_kept",
      help: "Whether what was last written of this file in state.directory got to the disk.",
      type: "gauge",
      samples: [...this.#stateFiles].map(([file, isKept]) => ({ labels: { file }, value: flag(isKept) })),
    };
    yield* this.#loopLag.families();
    yield single(
      "bgp_lb_standing_parts",
      "gauge",
      "Parts that go on by themselves (checks, sessions, the reconciler) and have stood still at two scrapes.",
      standing,
    );
    yield* processFamilies(this.#process());
  }
}

function processFamilies(figures: ProcessFigures): readonly MetricFamily[] {
  const { cpuSeconds, descriptors, residentMemoryBytes, startTimeSeconds } = figures;
  return [
    ...descriptors === undefined ? [] : [
      single("process_open_fds", "gauge", "Number of open file descriptors.", descriptors.open),
      single("process_max_fds", "gauge", "Maximum number of open file descriptors.", descriptors.limit),
    ],
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
