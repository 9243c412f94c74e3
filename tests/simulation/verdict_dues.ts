/** When verdicts are due at the latest, by the guarantee of CONTRACT: what the agent may not know yet is no fault of it. */
import type { CheckConfig } from "../../src/config/checks/kinds.ts";
import type { Config, PortConfig, ServiceConfig } from "../../src/config/config.ts";
import { reachableFrom } from "../../src/config/families.ts";
import { destinationKey } from "../../src/kernel/state.ts";
import { isDegradable } from "./attribute_rules.ts";
import type { Backend } from "./backends.ts";
import { givenWeight } from "./configurations.ts";
import { serviceAt } from "./host_kernel.ts";
import type { AgentProcess } from "./process.ts";
import { type DestinationChange, destinationIn } from "./weight_rules.ts";

/** Scheduling, grace after a stall, and the way to the router. */
export const SLACK_MS = 300;
/** For so long a destination that works may count as failed: rise times its interval, and what it may take besides. */
const AILING_MS = 10_000;

/** What is seen here. */
export interface DuesView {
  readonly nowMs: number;
  /** Undefined: no process of the agent's runs. */
  readonly process: AgentProcess | undefined;
  readonly configuredMs: number;
  readonly latencyMs: number;
  backend(port: number): Backend | undefined;
}

/** What the agent has said. */
export interface Said {
  /** When it had done all that comes before its checks; Infinity: it has not. */
  runningMs(): number;
  /** Since when a check of a service flaps; Infinity: it does not. */
  flappingSinceMs(service: string | undefined, check: string): number;
}

/** The times of one run. */
export class VerdictDues {
  readonly #view: DuesView;
  readonly #known: Said;

  constructor(view: DuesView, known: Said) {
    this.#view = view;
    this.#known = known;
  }

  /** When the agent can have noticed something: not while it stood still. */
  noticedMs(atMs: number): number {
    const { stalledMs = -Infinity, resumedMs = -Infinity } = this.#view.process ?? {};
    return atMs >= stalledMs ? Math.max(atMs, resumedMs) : atMs;
  }

  /** In `config`, it is the last resort, or does not work, or did not a moment ago. */
  isOfFailedIn(config: Config, change: DestinationChange): boolean {
    const service = serviceAt(config, change.service);
    const isSorry = service?.ports.some(({ sorry }) =>
      sorry.some((each) => destinationKey(each) === destinationKey(change.destination))
    );
    return isSorry === true || (destinationIn(service, change)?.checks ?? []).some((check) => {
      const backend = check.type === "http" ? this.#view.backend(check.port) : undefined;
      return backend !== undefined &&
        (backend.state !== "up" || this.#view.nowMs < this.noticedMs(backend.sinceMs) + AILING_MS);
    });
  }

  /** Since when what a check asks is well, and this process could see that. */
  upSinceMs(check: CheckConfig): number {
    const { process, configuredMs } = this.#view;
    const backend = check.type === "http" ? this.#view.backend(check.port) : undefined;
    if (backend === undefined) return Infinity;
    if (backend.state !== "up") return Infinity;
    return Math.max(backend.sinceMs, configuredMs, process?.resumedMs ?? 0, this.#known.runningMs());
  }

  /** Some destination of it does not work, or has not long enough for its verdict. */
  isAiling({ ports }: ServiceConfig): boolean {
    const checks = ports.flatMap(({ destinations }) => destinations.flatMap((each) => each.checks));
    return checks.some((check) => {
      const backend = check.type === "http" ? this.#view.backend(check.port) : undefined;
      return backend !== undefined &&
        (backend.state !== "up" || this.#view.nowMs < this.noticedMs(backend.sinceMs) + AILING_MS);
    });
  }

  /** The guarantee of CONTRACT, for the checks of a service, and for as many destinations as its quorums need. */
  withdrawalDueMs(service: ServiceConfig | undefined, family: 4 | 6): number {
    const asked = isDegradable(service) ? [] : service?.checks;
    const checks =
      asked?.map((check) =>
        Math.min(this.verdictDueMs(check), this.#known.flappingSinceMs(service?.name, check.name))
      ) ?? [];
    const ports = service?.ports.map((port) => this.#quorumDueMs(port, family)) ?? [];
    return Math.min(Infinity, ...checks, ...ports) + SLACK_MS + this.#view.latencyMs;
  }

  /** Interval + (fall − 1) × fastInterval + timeout after a check's target was last well; less where its end trips a watch. */
  verdictDueMs(check: CheckConfig): number {
    const { process, configuredMs } = this.#view;
    const sinceMs = Math.max(configuredMs, process?.resumedMs ?? 0, this.#known.runningMs());
    const backend = check.type === "http" ? this.#view.backend(check.port) : undefined;
    const deadMs = Math.max(backend?.deadSinceMs ?? Infinity, sinceMs);
    const restMs = (check.fall - 1) * check.fastIntervalMs;
    // Who watched it knew at once.
    if (check.tripwire && backend?.trippedMs === deadMs && deadMs > sinceMs) return deadMs + restMs;
    return deadMs + check.intervalMs + restMs + check.timeoutMs;
  }

  /** When so many destinations are known to have failed that the rest is less than the quorum. */
  #quorumDueMs({ fwmark, families, destinations, quorum, hysteresis }: PortConfig, family: 4 | 6): number {
    if (fwmark > 0 && !families.includes(family)) return Infinity;
    const own = reachableFrom(family, destinations).map((each) => {
      return {
        weight: givenWeight(each),
        dueMs: Math.min(Infinity, ...each.checks.map((check) => this.verdictDueMs(check))),
      };
    }).sort((a, b) => a.dueMs - b.dueMs);
    let live = own.reduce((sum, { weight }) => sum + weight, 0);
    for (const { weight, dueMs } of own) {
      live -= weight;
      if (live === 0 || live < quorum - hysteresis) return dueMs;
    }
    return Infinity;
  }
}
