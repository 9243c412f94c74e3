/** The health checks of all services: made, started and ended together; what they find becomes events and verdicts. */
import type { CheckConfig } from "../config/checks/kinds.ts";
import type { ServiceConfig } from "../config/config.ts";
import type { EventStream } from "../events/stream.ts";
import { Check, type CheckStatus } from "../health/check.ts";
import type { Probe } from "../health/kinds/probe.ts";
import type { Spread } from "../health/schedule.ts";
import type { ServiceEvent } from "../service/controller.ts";
import type { Clock } from "../time/clock.ts";

/** What the checks are made of. */
export interface ServiceChecksOptions {
  readonly services: readonly ServiceConfig[];
  readonly clock: Clock;
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
    const count = options.services.reduce((sum, { checks }) => sum + checks.length, 0);
    let index = 0;
    this.#checks = new Map(options.services.map(({ name, checks }) => {
      return [name, checks.map((config) => this.#create(name, config, { index: index++, count }))];
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

  #create(service: string, config: CheckConfig, spread: Spread): Check {
    const { clock, events, probe, onVerdict } = this.#options;
    const { name: check } = config;
    return new Check({
      name: check,
      target: { type: "service", service },
      config,
      probe: probe(config),
      clock,
      spread,
      onResult: ({ kind, durationMs, detail: cause }, { verdict, fault }, before) => {
        events.publish({ kind: "probe", service, check, result: kind, durationMs, cause });
        const blind = kind === "unknown";
        if (blind !== (before.lastResult?.kind === "unknown")) {
          events.publish({ kind: "check-blind", service, check, blind, cause });
        }
        if (fault !== undefined && fault.count !== before.fault?.count) {
          events.publish({ kind: "fault", part: "check", name: `${service} ${check}`, cause: fault.text });
        }
        // Where nothing is known at all the gate says why.
        if (blind && verdict === "unknown") onVerdict(service, { type: "verdict", check, verdict, cause });
      },
      onVerdict: ({ from, verdict, cause }) => {
        // The route first, before anybody is told: a log line is not worth a microsecond of it.
        events.causing({ kind: "verdict", service, check, from, to: verdict, cause }, () => {
          onVerdict(service, { type: "verdict", check, verdict, cause });
        });
      },
    });
  }
}
