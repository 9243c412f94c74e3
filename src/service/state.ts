/** A service as data: its facts, its phase, and the decision about each of its addresses. */
import type { Route } from "../bgp/routes/route.ts";
import type { ServiceConfig } from "../config/config.ts";
import type { Verdict } from "../health/threshold.ts";
import type { Managed } from "../kernel/kernel.ts";
import type { Refusal } from "../kernel/refusal.ts";
import type { Contested } from "../kernel/contested.ts";
import type { ActualKernel, DesiredInterface, VirtualService } from "../kernel/state.ts";
import type { Address } from "../net/address.ts";
import type { Drain, Phase } from "./phase.ts";
import type { PortState, SaidOf } from "./port_state.ts";

/** A service as it is configured. */
export interface ServiceEntry {
  readonly config: ServiceConfig;
  /** The keys of its checks. */
  readonly checks: readonly string[];
  /** What is known already of checks of its destinations; undefined: of none. */
  readonly saidOf?: SaidOf | undefined;
  /** Why it is out of service from the beginning. */
  readonly drain?: Drain | undefined;
}

/** One check's last word. */
export interface CheckVerdict {
  readonly verdict: Verdict;
  readonly cause: string;
}

/** The gates by name, in the order in which they are asked; the last ones, per peer, are the speaker's. */
export type GateName =
  | "agent works"
  | "enabled"
  | "not drained"
  | "healthy"
  | "let alone"
  | "quorum"
  | "address present"
  | "virtual services present";

/** One gate of the chain as it stands. */
export interface Gate {
  readonly name: GateName;
  readonly open: boolean;
  /** It is open all the same, but what it guards is announced as something worse. */
  readonly degraded: boolean;
  /** What it saw, in words. */
  readonly reason: string;
  /** When it became what it is, on the clock's scale. */
  readonly sinceMs: number;
}

/** The decision about one address of the service. */
export interface RouteDecision {
  readonly address: Address;
  /** What is announced where it is; the same object at every decision, so that a change shows what did not change. */
  readonly route: Route;
  readonly announce: boolean;
  /** It is announced with the attributes of an unhealthy service. */
  readonly degraded: boolean;
  /** When `announce` last changed, on the clock's scale. */
  readonly sinceMs: number;
  /** Whether it was announced at any time. */
  readonly announcedEver: boolean;
  readonly gates: readonly Gate[];
}

/** Everything that the decision depends on. */
export interface ServiceFacts {
  readonly config: ServiceConfig;
  /** It is in the configuration no more, and goes when it is down. */
  readonly removed: boolean;
  readonly managed: Managed;
  /** By check key; every check of the service has an entry. */
  readonly verdicts: ReadonlyMap<string, CheckVerdict>;
  /** By `portName`; every port has an entry. */
  readonly ports: ReadonlyMap<string, PortState>;
  /** What of the kernel concerns it. Undefined until the kernel was read for the first time. */
  readonly actual: ActualKernel | undefined;
  /** What the kernel has refused of it. */
  readonly refusals: readonly Refusal[];
  /** What of it somebody else changes again and again. */
  readonly contested: readonly Contested[];
  /** The sockets of all routers have taken what they should be told. */
  readonly told: boolean;
  /** Until then routers may have its routes of an earlier process, whatever we announced; -Infinity: they have none. */
  readonly staleUntilMs: number;
  /** The decision itself failed: nothing is announced until it is made anew, at `untilMs`. Undefined: it works. */
  readonly fault: { readonly cause: string; readonly untilMs: number } | undefined;
  readonly phase: Phase;
}

/** What of the kernel follows from the facts; the same objects for as long as nothing of them changes. */
export interface ServiceWeights {
  readonly link: DesiredInterface;
  readonly virtualServices: readonly VirtualService[];
  /** When something of these changes by itself; Infinity: nothing does. */
  readonly nextMs: number;
}

/** The facts, and the decision. */
export interface ServiceState extends ServiceFacts {
  /** By address text, in the order of the configuration. */
  readonly routes: ReadonlyMap<string, RouteDecision>;
  readonly weights: ServiceWeights;
}
