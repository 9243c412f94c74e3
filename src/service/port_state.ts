/** What is remembered of a service's port: what is known of each destination, and for each family whether its quorum holds. */
import type { CheckConfig } from "../config/checks/kinds.ts";
import type { PortConfig } from "../config/config.ts";
import type { Verdict } from "../health/threshold.ts";

/** One check's last word about a destination. */
export interface DestinationVerdict {
  readonly verdict: Verdict;
  readonly cause: string;
  /** The weight that the newest passing answer gave; undefined: none, the configured one counts. */
  readonly weight: number | undefined;
}

/** What a check of a destination has said already, for it is another one's, too; undefined: nothing, or it is none's. */
export type SaidOf = (check: CheckConfig) => DestinationVerdict | undefined;

/** What the kernel has of a port already: weights of destinations by `destinationKey`, and the families in which one is not 0. */
export interface KernelWeights {
  readonly weights: ReadonlyMap<string, number>;
  readonly families: ReadonlySet<4 | 6>;
}

/** What is known of a destination of a port. */
export interface DestinationState {
  /** By name of the check; one without an entry has no say yet. */
  readonly checks: ReadonlyMap<string, DestinationVerdict>;
  /** Its weight in the kernel when this process began, until the first verdict; undefined: it was not there, or has a verdict. */
  readonly inherited: number | undefined;
  /** New connections are sent there. */
  readonly live: boolean;
  /** When `live` last changed, on the clock's scale. */
  readonly sinceMs: number;
  /**
   * Its weight, without slow start, when it was last live, or as an earlier process left it; 0: it never was, or others have
   * taken its packets since.
   */
  readonly served: number;
  /** Its weight grows when it becomes live the next time. */
  readonly slow: boolean;
  /** When its weight was 0 and began to grow; -Infinity: all of it is there. */
  readonly growsSinceMs: number;
}

/** Whether the sorry destination is in the virtual services: not at all, with weight, or with weight 0 for the rest of its connections. */
export type SorryState = "out" | "serving" | { readonly untilMs: number };

/** What is remembered of a port in one address family. */
export interface FamilyState {
  /** The quorum holds: by hysteresis it depends on what was. */
  readonly quorum: boolean;
  readonly sorry: SorryState;
}

/** What is remembered of a port. */
export interface PortState {
  /** By `destinationKey`; every destination of the port has an entry. */
  readonly destinations: ReadonlyMap<string, DestinationState>;
  readonly families: ReadonlyMap<4 | 6, FamilyState>;
}

/** A check of a destination of a service's port. */
export interface DestinationPlace {
  /** A `portName`. */
  readonly port: string;
  /** A `destinationKey`. */
  readonly destination: string;
  /** The check's name. */
  readonly check: string;
}

/** The name of a port among those of its service, such as `tcp 80` or `fwmark 7`. */
export function portName(
  { fwmark, protocol, port }: Pick<PortConfig, "fwmark" | "protocol" | "port">,
): string {
  return fwmark > 0 ? `fwmark ${fwmark}` : `${protocol} ${port}`;
}

/** When the sorry destination goes at the latest that is needed no more; Infinity: none is on its way. */
export function sorryEnd({ families }: PortState): number {
  let first = Infinity;
  for (const { sorry } of families.values()) {
    if (typeof sorry === "object") first = Math.min(first, sorry.untilMs);
  }
  return first;
}
