/**
 * Everything that happens, as one union: what the log, the metrics and every other reader are told, and the only thing
 * that they are told. An event is a fact in the past tense with its moment and its cause; words for people are made by
 * the readers.
 */

/** What the agent is doing. */
export type AgentState = "starting" | "running" | "stopping" | "stopped";

/** A state of a service on its way out and back (src/service/phase.ts). */
export type PhaseName = "serving" | "shifting" | "withdrawn" | "converging" | "quiescing" | "down";

/** What one probe found; `unknown` is a shortage of our own, and says nothing about the backend. */
export type ProbeResultKind = "pass" | "fail" | "unknown";

/** A part that can break by a fault of ours, and is started again. */
export interface FaultyPart {
  readonly part: "agent" | "bgp" | "check" | "http" | "control" | "hook" | "kernel" | "reader" | "service";
  /** Which one of them. */
  readonly name: string;
}

/** Why a connection of BGP was closed at accept. */
export const REFUSAL_KINDS = [
  "no-peer",
  "unknown-zone",
  "other-device",
  "ttl",
  "option",
  "surplus",
  "held-back",
] as const;

/** One of them. */
export type RefusalKind = (typeof REFUSAL_KINDS)[number];

/** What a cause that has only the kernel's words means, and what helps, as `peers` shows it; undefined: not known. */
export interface Meaning {
  readonly means?: string;
  readonly cure?: string;
}

/** One event without its moment. */
export type AgentFact =
  | {
    readonly kind: "agent-state";
    readonly from: AgentState;
    readonly to: AgentState;
    /** Where it is running: what it runs with. */
    readonly version?: string;
    readonly services?: readonly string[];
    readonly peers?: readonly string[];
    readonly cause: string;
  }
  /** A handover begins instead of a stop. */
  | { readonly kind: "handover"; readonly cause: string }
  /** The agent ends as it is, at once. */
  | { readonly kind: "abort"; readonly cause: string }
  /** Something about this host must be mended before the agent can start. */
  | { readonly kind: "host-not-fit"; readonly cause: string }
  /** A stop did not come to its end as it should, or something of ours stays. */
  | { readonly kind: "stop-failed"; readonly cause: string }
  /** What somebody asked for is not done. */
  | { readonly kind: "request-refused"; readonly cause: string }
  /** Something beside the traffic does not work: the service manager is not told, a limit is too low. */
  | { readonly kind: "warning"; readonly cause: string }
  /** One address of a service is to be announced, also as that of an unhealthy service, or is not any more. */
  | {
    readonly kind: "route";
    readonly service: string;
    readonly address: string;
    readonly to: "announced" | "degraded" | "withdrawn";
    readonly cause: string;
  }
  | {
    readonly kind: "phase";
    readonly service: string;
    readonly from: PhaseName;
    readonly to: PhaseName;
    readonly cause: string;
  }
  /** A destination gets new connections from now on, or no more, or has another weight of its own; slow start is not told. */
  | {
    readonly kind: "destination";
    readonly service: string;
    /** Such as `tcp 80`. */
    readonly port: string;
    /** Such as `10.0.0.1:8080`. */
    readonly destination: string;
    readonly to: "live" | "not live";
    readonly weight: number;
    readonly cause: string;
  }
  | {
    readonly kind: "verdict";
    readonly service: string;
    /** Of a check of a destination; the first one where several share it. */
    readonly destination?: string;
    readonly check: string;
    readonly from: "unknown" | "healthy" | "unhealthy";
    readonly to: "healthy" | "unhealthy";
    readonly cause: string;
  }
  | {
    readonly kind: "probe";
    readonly service: string;
    readonly destination?: string;
    readonly check: string;
    readonly result: ProbeResultKind;
    readonly durationMs: number;
    readonly cause: string;
  }
  /** The first of a row of probes that say nothing for want of something on our side, or the row's end. */
  | {
    readonly kind: "check-blind";
    readonly service: string;
    readonly destination?: string;
    readonly check: string;
    readonly blind: boolean;
    readonly cause: string;
  }
  /** Outcomes of a check change too often from now on, and keep it unhealthy, or that is over. */
  | {
    readonly kind: "check-flapping";
    readonly service: string;
    readonly destination?: string;
    readonly check: string;
    readonly flapping: boolean;
    readonly cause: string;
  }
  /** One pass of the reconciler changed something; `repairs` are the objects that somebody else had changed. */
  | {
    readonly kind: "kernel-changed";
    readonly changes: readonly string[];
    readonly repairs?: readonly { readonly object: string; readonly name: string }[];
    readonly cause: string;
  }
  /** Objects that somebody else changes again and again, or that were let alone for long enough. */
  | {
    readonly kind: "kernel-contested";
    readonly to: "contested" | "let alone";
    readonly objects: readonly {
      /** In words. */
      readonly object: string;
      /** How often it was repaired since it began. */
      readonly repairs: number;
      /** Who it may be, in words. */
      readonly suspect?: string | undefined;
    }[];
    readonly cause: string;
  }
  /** Something is wrong that was not before. */
  | { readonly kind: "kernel-error"; readonly cause: string }
  | { readonly kind: "kernel-recovered"; readonly cause: string }
  | ({
    readonly kind: "peer-state";
    readonly peer: string;
    readonly from: string;
    readonly to: string;
    readonly cause: string;
  } & Meaning)
  /** A connection or an attempt at one ended. */
  | ({
    readonly kind: "session-ended";
    readonly peer: string;
    readonly from: string;
    readonly cause: string;
  } & Meaning)
  /** Handed to the socket. */
  | {
    readonly kind: "updates-sent";
    readonly peer: string;
    readonly announced: number;
    readonly withdrawn: number;
    readonly cause: string;
  }
  /** What BFD knows of a peer (RFC 5880); `diagnostic` is ours. */
  | {
    readonly kind: "bfd-state";
    readonly peer: string;
    readonly from: "AdminDown" | "Down" | "Init" | "Up";
    readonly to: "AdminDown" | "Down" | "Init" | "Up";
    readonly diagnostic: number;
    readonly cause: string;
  }
  | { readonly kind: "end-of-rib-sent"; readonly peer: string; readonly cause: string }
  /** So many routes cannot go to the peer, 0: none any more; these are the first. */
  | {
    readonly kind: "routes-held";
    readonly peer: string;
    readonly count: number;
    readonly held: readonly { readonly prefix: string; readonly reason: string }[];
    readonly cause: string;
  }
  /** The peer's kernel acknowledges nothing of what is sent, though the session stands; or does again. */
  | { readonly kind: "peer-stuck"; readonly peer: string; readonly stuck: boolean; readonly cause: string }
  /** A peer with `address: auto` was found on its link, at this address. */
  | {
    readonly kind: "peer-discovered";
    readonly peer: string;
    readonly address: string;
    readonly cause: string;
  }
  /** No link-local next hop goes to the peer beside a global one any more, as it has refused that. */
  | { readonly kind: "next-hop-shortened"; readonly peer: string; readonly cause: string }
  | {
    readonly kind: "notification-received" | "notification-sent";
    readonly peer: string;
    readonly code: number;
    readonly subcode: number;
    readonly cause: string;
  }
  | {
    readonly kind: "listener";
    readonly address: string;
    readonly port: number;
    readonly to: "listening" | "failed";
    readonly cause: string;
  }
  /** Accepting failed at a listener, so many times since that was last told; it goes on by itself. */
  | {
    readonly kind: "accept-failed";
    readonly address: string;
    readonly port: number;
    readonly count: number;
    readonly cause: string;
  }
  /** So many connections from no peer, or from one that may not, since that was last told; `address` is of the first. */
  | {
    readonly kind: "connection-refused";
    readonly address: string;
    readonly port: number;
    readonly reason: RefusalKind;
    readonly count: number;
    readonly cause: string;
  }
  /** The HTTP surface or the control socket. */
  | {
    readonly kind: "server";
    readonly server: "http" | "control";
    readonly to: "listening" | "failed";
    readonly cause: string;
  }
  /** Something that is wanted no more goes out of the kernel in order, or `gone`: has gone. */
  | {
    readonly kind: "leaving";
    readonly service: string;
    /** What goes, in words, such as `address 10.99.0.1`. */
    readonly what: readonly string[];
    readonly to: PhaseName | "gone";
    readonly cause: string;
  }
  /** Somebody gave an order over the control socket, or by a signal; `cause` says who. */
  | {
    readonly kind: "order";
    readonly order: OrderName;
    /** Undefined: all. */
    readonly services: readonly string[] | undefined;
    readonly cause: string;
  }
  /** Services that an operator took out of service, or put back; undefined: all. `until` (ISO 8601): undone by itself. */
  | {
    readonly kind: "drained" | "undrained";
    readonly services: readonly string[] | undefined;
    readonly until?: string | undefined;
    readonly cause: string;
  }
  /** Another configuration is in force, or was refused and the running one stays. */
  | {
    readonly kind: "reload";
    readonly to: "applied" | "unchanged" | "refused";
    /** Of the configuration that is in force now. */
    readonly hash: string;
    /** What changed, in words; for a refused one what is wrong with it. */
    readonly details: readonly string[];
    /** Keys that need a restart to take effect. */
    readonly restart: readonly string[];
    readonly cause: string;
  }
  /** A program of `onChange` failed, or was not run. */
  | {
    readonly kind: "hook-failed";
    readonly service: string;
    /** The event that it was run for. */
    readonly event: number;
    readonly cause: string;
  }
  /** So many readers of the event stream were too slow, and were cut off. */
  | { readonly kind: "reader-cut"; readonly reader: string; readonly cause: string }
  /** A part threw where it never should; it is started again. */
  | ({ readonly kind: "fault"; readonly cause: string } & FaultyPart);

/** What an operator may order. */
export type OrderName = "drain" | "undrain" | "reload" | "check-now" | "handover" | "stop";

/** What identifies an event among all of this agent. */
export interface EventIdentity {
  /** Counted from 1 in the order in which events were published; 0 for those that come in bulk, which take no number. */
  readonly id: number;
  /** In milliseconds on the scale of the clock's `now()`. */
  readonly at: number;
  /** The event that caused this one, where one did. */
  readonly because?: number | undefined;
}

/** One event. */
export type AgentEvent = AgentFact & EventIdentity;

/** A kind of event. */
export type EventKind = AgentEvent["kind"];

/** Whether events of a kind come all the time, and say little each: they are counted, and nobody keeps or is sent them. */
export function isBulk(kind: EventKind): boolean {
  return kind === "probe";
}
