/** The health checks of all services: made, started and ended together; what they find becomes events and verdicts. */
import type { CheckConfig } from "../config/checks/kinds.ts";
import type { ServiceConfig } from "../config/config.ts";
import type { EventStream } from "../events/stream.ts";
import { Check, type CheckStatus } from "../health/check.ts";
import type { Probe } from "../health/kinds/probe.ts";
import type { ServiceEvent } from "../service/controller.ts";
import type { Clock, Random } from "../time/clock.ts";

/** What the checks are made of. */
export interface ServiceChecksOptions {
  readonly services: readonly ServiceConfig[];
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventStream;
  readonly probe: (config: CheckConfig) => Probe;
  readonly onVerdict: (service: string, event: Extract<ServiceEvent, { type: "verdict" }>) => void;
}

/** Every check of one agent. */
export class ServiceChecks {
  readonly #options: ServiceChecksOptions;
  readonly #checks: ReadonlyMap<string, readonly Check[]>;

  constructor(options: ServiceChecksOptions) {
    this.#options = options;
    this.#checks = new Map(options.services.map((service) => {
      return [service.name, service.checks.map((config) => this.#create(service.name, config))];
    }));
  }

  /** The keys of a service's checks. */
  keys(service: string): readonly string[] {
    return this.#of(service).map(({ name }) => name);
  }

  /** What is known of a service's checks. */
  status(service: string): readonly CheckStatus[] {
    return this.#of(service).map((check) => check.status());
  }

  start(): void {
    this.#all().forEach((check) => check.start());
  }

  /** Starts a probe of every check now. */
  probeNow(): void {
    this.#all().forEach((check) => check.probeNow());
  }

  /** Ends for good. */
  stop(): void {
    this.#all().forEach((check) => check.stop());
  }

  #of(service: string): readonly Check[] {
    return this.#checks.get(service) ?? [];
  }

  #all(): readonly Check[] {
    return [...this.#checks.values()].flat();
  }

  #create(service: string, config: CheckConfig): Check {
    const { clock, random, events, probe, onVerdict } = this.#options;
    const { name: check } = config;
    let last: "unknown" | "healthy" | "unhealthy" = "unknown";
    return new Check({
      name: check,
      config,
      probe: probe(config),
      clock,
      random,
      onResult: ({ pass, durationMs, detail }) => {
        events.publish({
          kind: "probe",
          service,
          check,
          result: pass ? "pass" : "fail",
          durationMs,
          cause: detail,
        });
      },
      onVerdict: (verdict, cause) => {
        // The route first: a log line is not worth a microsecond of it.
        onVerdict(service, { type: "verdict", check, verdict, cause });
        events.publish({ kind: "verdict", service, check, from: last, to: verdict, cause });
        last = verdict;
      },
    });
  }
}
