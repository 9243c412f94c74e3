/** The status document: one snapshot of everything that the agent knows, plain enough for JSON. */
import type { PeerStatus } from "../bgp/speaker.ts";
import type { RenderedAttributes } from "../config/render.ts";
import type { Verdict } from "../health/threshold.ts";

/** What the agent is doing. */
export type AgentState = "starting" | "running" | "stopping" | "stopped";

/** All of it. Times are ISO 8601. */
export interface Status {
  readonly version: string;
  readonly state: AgentState;
  readonly startedAt: string;
  readonly routerID: string;
  readonly as: number;
  readonly peers: readonly PeerStatus[];
  readonly services: readonly ServiceStatus[];
  readonly kernel: KernelStatus;
}

/** One service with its checks and the decision about each of its addresses. */
export interface ServiceStatus {
  readonly name: string;
  readonly enabled: boolean;
  readonly verdict: Verdict;
  readonly cause: string;
  readonly checks: readonly CheckStatusEntry[];
  readonly routes: readonly RouteStatus[];
}

/** One check. */
export interface CheckStatusEntry {
  readonly name: string;
  readonly verdict: Verdict;
  readonly cause: string;
}

/** One address: whether it should be announced, through which gates, and who was told. */
export interface RouteStatus {
  readonly prefix: string;
  readonly announce: boolean;
  readonly since: string;
  readonly gates: readonly { readonly name: string; readonly open: boolean; readonly reason: string }[];
  /** As the configuration spells them. */
  readonly attributes: RenderedAttributes;
  /** Peers that it is for; undefined: all. */
  readonly targets: readonly string[] | undefined;
  /** Peers that were sent it. */
  readonly peers: readonly { readonly name: string; readonly nextHop: string }[];
  /** Peers that it should go to and cannot. */
  readonly held: readonly { readonly name: string; readonly reason: string }[];
}

/** The reconciler's last report. */
export interface KernelStatus {
  readonly managed: boolean;
  readonly converged: boolean;
  readonly at: string | undefined;
  readonly errors: readonly string[];
}
