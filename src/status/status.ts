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
  readonly peers: readonly PeerEntry[];
  readonly services: readonly ServiceStatus[];
  /** What of an earlier configuration is on its way out of the kernel. */
  readonly leaving: readonly LeavingStatus[];
  readonly kernel: KernelStatus;
  readonly config: ConfigStatus;
  readonly journal: JournalStatus;
}

/** A peer, with what BFD knows of it where that is on. */
export interface PeerEntry extends PeerStatus {
  readonly bfd?: BfdEntry | undefined;
}

/** The BFD session of a peer (RFC 5880). Intervals are those in force, in milliseconds; undefined: not known yet. */
export interface BfdEntry {
  readonly state: "AdminDown" | "Down" | "Init" | "Up";
  readonly since: string;
  /** Why it is in that state. */
  readonly cause: string;
  /** What keeps it from working on this host. */
  readonly fault: string | undefined;
  readonly multihop: boolean;
  readonly passive: boolean;
  readonly remoteState: "AdminDown" | "Down" | "Init" | "Up";
  readonly localDiagnostic: string;
  readonly remoteDiagnostic: string;
  readonly localAddress: string | undefined;
  readonly localDiscriminator: number;
  readonly remoteDiscriminator: number;
  readonly transmitIntervalMs: number | undefined;
  readonly receiveIntervalMs: number | undefined;
  readonly detectionTimeMs: number | undefined;
  readonly received: number;
  readonly sent: number;
  /** Packets that were dropped, by reason. */
  readonly drops: Readonly<Partial<Record<string, number>>>;
  /** How often it left Up. */
  readonly flaps: number;
  /** When it left Up last, and why. */
  readonly lastLost: { readonly at: string; readonly cause: string } | undefined;
  /** How often silence was given more time, as this process itself had been held. */
  readonly extensions: number;
}

/** The configuration that is in force. */
export interface ConfigStatus {
  /** 16 hexadecimal digits of what it means, passwords left out. */
  readonly hash: string;
  readonly loadedAt: string;
  /** The last attempt at another one; undefined: there was none. */
  readonly lastReload:
    | { readonly at: string; readonly successful: boolean; readonly cause: string }
    | undefined;
  /** Keys of the file that take effect with the next restart. */
  readonly restart: readonly string[];
}

/** The events that are kept. IDs count from 1; an agent that is started anew counts anew. */
export interface JournalStatus {
  /** Tells the agent's runs apart. */
  readonly run: string;
  readonly oldest: number;
  readonly newest: number;
  /** Events that were kept and are no more, as there came others. */
  readonly dropped: number;
  /** Readers that are told of events as they happen, and those that were cut off for being slow. */
  readonly readers: number;
  readonly cut: number;
}

/** Something that goes out of the kernel in order. */
export interface LeavingStatus {
  readonly service: string;
  /** In words, such as `address 10.99.0.1`. */
  readonly what: readonly string[];
  readonly phase: PhaseStatus;
}

/** Where something is on its way out of service. */
export interface PhaseStatus {
  readonly name: PhaseName;
  readonly since: string;
  /** When the phase ends at the latest; undefined: nothing but an event ends it. */
  readonly until: string | undefined;
  /** Why it is not in service. */
  readonly reason: string | undefined;
  /** Open connections through IPVS; undefined where they are not counted. */
  readonly connections: number | undefined;
}

/** An operator's word that a service is to be out of service. */
export interface DrainStatus {
  readonly reason: string;
  readonly since: string;
  /** When it ends by itself. */
  readonly until: string | undefined;
  /** Why it will not outlive this process; undefined: it will. */
  readonly lost: string | undefined;
}

/** One IPVS virtual service of ours. */
export interface VirtualServiceStatus {
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
  /** 0: it is for address and port. */
  readonly fwmark: number;
  readonly family: 4 | 6;
  readonly scheduler: string;
  /** Undefined: nothing but that a destination is live is asked of it. */
  readonly quorum: {
    readonly held: boolean;
    /** The sum of the weights of live destinations, and of all. */
    readonly live: number;
    readonly total: number;
    /** What `live` must not be below for `held` to stay, or must reach for it to come. */
    readonly needs: number;
  } | undefined;
  readonly destinations: readonly DestinationStatus[];
}

/** A destination of a virtual service. */
export interface DestinationStatus {
  readonly address: string;
  /** 0: the port that the client asked for. */
  readonly port: number;
  readonly role: "configured" | "sorry" | "leaving";
  /** Undefined: it is not among those that share the connections. */
  readonly configuredWeight: number | undefined;
  /** What the kernel has when it is live and has grown: the configured one or that of a check, with slowStart a multiple of it. */
  readonly fullWeight: number | undefined;
  /** As the kernel has it; undefined: it is not there. */
  readonly weight: number | undefined;
  readonly forwarding: string;
  /** With forwarding tunnel alone. */
  readonly tunnel: { readonly type: string; readonly port: number; readonly checksum: boolean } | undefined;
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
  /** It gets new connections. */
  readonly live: boolean;
  /** The worst one of its checks; undefined: nobody asks. */
  readonly verdict: Verdict | undefined;
  readonly cause: string;
  /** Since when it is live, or not. */
  readonly since: string | undefined;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
}

/** One of the servers that the agent can do without. */
export interface ServerStatus {
  readonly state: "off" | "listening" | "failed";
  readonly since: string;
  /** Why it is not had, or what it lacks; it is tried again. */
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
  readonly phase: PhaseStatus;
  /** Undefined: no operator has drained it. */
  readonly drain: DrainStatus | undefined;
  readonly verdict: Verdict;
  readonly cause: string;
  /** It is unhealthy, and announced all the same, with `announce.whenUnhealthy`; since when, its gate "healthy" says. */
  readonly degraded: boolean;
  readonly checks: readonly CheckStatusEntry[];
  readonly routes: readonly RouteStatus[];
  readonly virtualServices: readonly VirtualServiceStatus[];
}

/** One check: its verdict with the cause of that, and beside it what the newest probe found. */
export interface CheckStatusEntry {
  readonly name: string;
  readonly verdict: Verdict;
  readonly cause: string;
  readonly since: string;
  /** What a probe must find to pass, in words. */
  readonly expects: string;
  /** So many passes in a row make it healthy, so many failures in a row unhealthy. */
  readonly rise: number;
  readonly fall: number;
  readonly consecutivePasses: number;
  readonly consecutiveFailures: number;
  /** All results since the start. */
  readonly passes: number;
  readonly failures: number;
  /** Probes that said nothing for want of something on our side, and why the newest of them did not. */
  readonly unknowns: number;
  readonly lastUnknown: string | undefined;
  /** Something of ours threw; the check goes on. */
  readonly fault: string | undefined;
  /** Undefined: outcomes do not change too often. */
  readonly flapping: FlappingStatus | undefined;
  /** Undefined: nothing is watched between probes. */
  readonly watch: CheckWatchStatus | undefined;
  /** Undefined: no probe has ended yet. */
  readonly lastResult: CheckResultStatus | undefined;
  /** The last results, newest first. */
  readonly recent: readonly CheckResultStatus[];
}

/** A check whose outcomes change too often, and which is unhealthy until that is over. */
export interface FlappingStatus {
  readonly changes: number;
  readonly since: string;
  /** When it ends if there is no more of it. */
  readonly until: string;
}

/** The standing watch of a check with a tripwire. */
export interface CheckWatchStatus {
  /** Undefined: none stands for now. */
  readonly since: string | undefined;
  /** So long the server keeps idle connections; undefined: not known, or for good. */
  readonly idleLifetimeMs: number | undefined;
  /** It keeps them for so short a time that it is not watched. */
  readonly quiet: boolean;
  /** Probes that the end of a watch has started. */
  readonly trips: number;
  readonly lastTrip: { readonly at: string; readonly reason: string } | undefined;
}

/** What one probe found. */
export interface CheckResultStatus {
  readonly result: ProbeResultKind;
  readonly detail: string;
  readonly at: string;
  readonly durationMs: number;
}

/** One address: whether it should be announced, through which gates, and who was told. */
export interface RouteStatus {
  readonly prefix: string;
  readonly announce: boolean;
  /** It is announced with `announce.whenUnhealthy`. */
  readonly degraded: boolean;
  /** Since when it is announced, either way, or not. */
  readonly since: string;
  readonly gates: readonly GateStatus[];
  /** As they are announced, spelled as in the configuration. */
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
  /** Open all the same, but what it guards is announced as something worse. */
  readonly degraded: boolean;
  readonly reason: string;
  readonly since: string;
}

/** The reconciler's last report. */
export interface KernelStatus {
  readonly managed: boolean;
  readonly converged: boolean;
  readonly at: string | undefined;
  readonly errors: readonly string[];
  /** What somebody else changes again and again. */
  readonly contested: readonly ContestedStatus[];
}

/** An object of the kernel that somebody else changes again and again. */
export interface ContestedStatus {
  /** Its kind, such as `address`. */
  readonly kind: string;
  /** In words, such as `address 10.99.0.1 on web`. */
  readonly object: string;
  /** How often it was repaired since that began. */
  readonly repairs: number;
  readonly since: string;
  /** Who it may be, in words; undefined: that cannot be known. */
  readonly suspect: string | undefined;
}
