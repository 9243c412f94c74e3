/** The status document: one snapshot of everything that the agent knows, plain enough for JSON. */
import type { PeerStatus } from "../bgp/speaker.ts";
import type { RenderedAttributes } from "../config/render.ts";
import type { AgentState, PhaseName, ProbeResultKind } from "../events/event.ts";
import type { Verdict } from "../health/threshold.ts";

/** All of it. Times are ISO 8601. */
export interface Status {
  readonly version: string;
  readonly state: AgentState;
  readonly startedAt: string;
  readonly routerID: string;
  readonly as: number;
  /** What answers questions; undefined: it is turned off. */
  readonly servers: {
    readonly http: ServerStatus | undefined;
    readonly control: ServerStatus | undefined;
  };
  readonly listeners: readonly ListenerStatus[];
  readonly peers: readonly PeerStatus[];
  readonly services: readonly ServiceStatus[];
  readonly kernel: KernelStatus;
}

/** One of the servers that the agent can do without. */
export interface ServerStatus {
  readonly state: "off" | "listening" | "failed";
  readonly since: string;
  /** Why it is not had; it is tried again. */
  readonly error: string | undefined;
  /** Clients that are connected, and how many may be. */
  readonly clients: number;
  readonly limit: number;
  /** Since the start. */
  readonly requests: number;
  readonly refused: number;
}

/** One address on which peers reach us. */
export interface ListenerStatus {
  readonly address: string;
  readonly port: number;
  /** Why nothing listens there; undefined: it does. */
  readonly fault: string | undefined;
}

/** One service with its checks and the decision about each of its addresses. */
export interface ServiceStatus {
  readonly name: string;
  readonly enabled: boolean;
  /** Where it is on its way out of service, and why. */
  readonly phase: { readonly name: PhaseName; readonly since: string; readonly reason: string | undefined };
  readonly verdict: Verdict;
  readonly cause: string;
  readonly checks: readonly CheckStatusEntry[];
  readonly routes: readonly RouteStatus[];
}

/** One check: its verdict with the cause of that, and beside it what the newest probe found. */
export interface CheckStatusEntry {
  readonly name: string;
  readonly verdict: Verdict;
  readonly cause: string;
  readonly since: string;
  /** All results since the start. */
  readonly passes: number;
  readonly failures: number;
  /** Probes that said nothing for want of something on our side, and why the newest of them did not. */
  readonly unknowns: number;
  readonly lastUnknown: string | undefined;
  /** Something of ours threw; the check goes on. */
  readonly fault: string | undefined;
  /** Undefined: no probe has ended yet. */
  readonly lastResult: {
    readonly result: ProbeResultKind;
    readonly detail: string;
    readonly at: string;
    readonly durationMs: number;
  } | undefined;
}

/** One address: whether it should be announced, through which gates, and who was told. */
export interface RouteStatus {
  readonly prefix: string;
  readonly announce: boolean;
  readonly since: string;
  readonly gates: readonly GateStatus[];
  /** As the configuration spells them. */
  readonly attributes: RenderedAttributes;
  /** Peers that it is for; undefined: all. */
  readonly targets: readonly string[] | undefined;
  /** Peers that were sent it. */
  readonly peers: readonly { readonly name: string; readonly nextHop: string }[];
  /** Peers that it should go to and cannot. */
  readonly held: readonly { readonly name: string; readonly reason: string }[];
}

/** One gate of the chain, and since when it is as it is. */
export interface GateStatus {
  readonly name: string;
  readonly open: boolean;
  readonly reason: string;
  readonly since: string;
}

/** The reconciler's last report. */
export interface KernelStatus {
  readonly managed: boolean;
  readonly converged: boolean;
  readonly at: string | undefined;
  readonly errors: readonly string[];
}
