/** The health checks of all services: made, started and ended together; what they find becomes events and verdicts. */
import { changedKeys } from "../config/canonical.ts";
import type { CheckConfig } from "../config/checks/kinds.ts";
import type { ServiceConfig } from "../config/config.ts";
import type { EventStream } from "../events/stream.ts";
import { Check, type CheckStatus } from "../health/check.ts";
import type { Probe } from "../health/kinds/probe.ts";
import type { Spread } from "../health/schedule.ts";
import type { ServiceEvent } from "../service/controller.ts";
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";

/** What the checks are made of. */
export interface ServiceChecksOptions {
  readonly services: readonly ServiceConfig[];
  readonly clock: Clock;
  readonly events: EventStream;
  readonly probe: (config: CheckConfig) => Probe;
  readonly onVerdict: (service: string, event: Extract<ServiceEvent, { type: "verdict" }>) => void;
}

/** A check that runs, and what it was made of. */
interface Made {
  readonly config: CheckConfig;
  readonly check: Check;
}

/** Every check of one agent. */
export class ServiceChecks {
  readonly #options: Omit<ServiceChecksOptions, "services">;
  /** By service, then by name. */
  #checks: ReadonlyMap<string, ReadonlyMap<string, Made>> = new Map();
  #started = false;

  constructor(options: ServiceChecksOptions) {
    this.#options = options;
    this.configure(options.services);
  }

  /**
   * The checks of `services` from now on. Those that are the same go on as they are, wherever they stand; those of services
   * in `leaving` go on for as long as these are there.
   */
  configure(services: readonly ServiceConfig[], leaving: ReadonlySet<string> = new Set()): void {
    const before = this.#checks;
    const count = services.reduce((sum, { checks }) => sum + checks.length, 0);
    let index = 0;
    const checks = new Map<string, ReadonlyMap<string, Made>>(services.map(({ name, checks }) => {
      const old = before.get(name);
      return [
        name,
        new Map(checks.map((config) => {
          const spread = { index: index++, count };
          const same = old?.get(config.name);
          const keeps = same !== undefined && changedKeys(same.config, config).length === 0;
          return [
            config.name,
            keeps ? same : { config, check: this.#create(name, config, spread) },
          ];
        })),
      ];
    }));
    for (const [name, old] of before) if (leaving.has(name) && !checks.has(name)) checks.set(name, old);
    this.#checks = checks;
    const kept = new Set(this.#all());
    for (const { check } of allOf(before)) if (!kept.has(check)) check.stop();
    if (this.#started) this.start();
  }

  /** The names of a service's checks. */
  keys(service: string): readonly string[] {
    return [...this.#checks.get(service)?.keys() ?? []];
  }

  /** What is known of a service's checks. */
  status(service: string): readonly CheckStatus[] {
    return this.#of(service).map((check) => check.status());
  }

  start(): void {
    this.#started = true;
    this.#all().forEach((check) => check.start());
  }

  /** Probes all of a service's at once; how many these are. */
  probeNow(service: string): number {
    const checks = this.#of(service);
    for (const check of checks) check.probeNow();
    return checks.length;
  }

  /** Ends for good. */
  stop(): void {
    this.#started = false;
    this.#all().forEach((check) => check.stop());
  }

  #of(service: string): readonly Check[] {
    return [...this.#checks.get(service)?.values() ?? []].map(({ check }) => check);
  }

  #all(): readonly Check[] {
    return allOf(this.#checks).map(({ check }) => check);
  }

  #create(service: string, config: CheckConfig, spread: Spread): Check {
    const { clock, events, probe, onVerdict } = this.#options;
    const { name: check } = config;
    return new Check({
      name: check,
      target: { type: "service", service },
      config,
      probe: made(() => probe(config)),
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
      // The route first, before anybody is told: a log line is not worth a microsecond of it.
      onVerdict: ({ from, verdict, cause }) =>
        events.causing(
          { kind: "verdict", service, check, from, to: verdict, cause },
          () => onVerdict(service, { type: "verdict", check, verdict, cause }),
        ),
    });
  }
}

/** What `make` makes; where it throws, a probe that says so, and knows nothing. */
function made(make: () => Probe): Probe {
  try {
    return make();
  } catch (error) {
    const outcome = { kind: "unknown", detail: `cannot be probed: ${messageOf(error)}` } as const;
    return { run: () => Promise.resolve(outcome) };
  }
}

function allOf(checks: ReadonlyMap<string, ReadonlyMap<string, Made>>): readonly Made[] {
  return [...checks.values()].flatMap((each) => [...each.values()]);
}
