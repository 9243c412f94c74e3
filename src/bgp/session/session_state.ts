/**
 * A BGP session as data: the states, events and actions of its machine (RFC 4271 sections 8.1 and 8.2.2).
 */
import type { Negotiated, SessionConfig } from "./negotiate.ts";
import { NOTHING_OMITTED, type Omission } from "./omission.ts";
import { type Deadlines, STOPPED, type TimerEvent } from "./timers.ts";
import type { AfiSafi } from "../wire/capability.ts";
import type { KeepaliveMessage, RouteRefreshMessage } from "../wire/message.ts";
import type { NotificationError, NotificationMessage } from "../wire/notification.ts";
import type { OpenMessage } from "../wire/open.ts";

/** The states of RFC 4271 section 8.2.2. */
export type SessionStateName = "Idle" | "Connect" | "Active" | "OpenSent" | "OpenConfirm" | "Established";

/** Nothing of a connection is there, or on its way but for an attempt of ours. */
export function isUnconnected(name: SessionStateName): boolean {
  return name === "Idle" || name === "Connect" || name === "Active";
}

/**
 * The events of RFC 4271 section 8.1 that somebody sends, of RFC 9687, and three more: RouteRefreshMsg (RFC 2918),
 * MessageSent (the socket took a message) and InternalFault (something of ours threw). Whether a start is with PassiveTcpEstablishment is in the configuration.
 */
export type SessionEvent =
  | { readonly type: "ManualStart" }
  /** Ends the session as an operator would: Administrative Shutdown with a shutdown communication (RFC 9003). */
  | { readonly type: "ManualStop"; readonly communication: string }
  /** `notification` undefined: closes without a word, so that a graceful-restart peer keeps the routes. */
  | {
    readonly type: "AutomaticStop";
    readonly notification: NotificationMessage | undefined;
    readonly cause: string;
  }
  | TimerEvent
  | { readonly type: "Tcp_CR_Acked" }
  | { readonly type: "TcpConnectionConfirmed" }
  | { readonly type: "TcpConnectionFails"; readonly cause: string }
  | { readonly type: "BGPOpen"; readonly message: OpenMessage }
  | { readonly type: "BGPHeaderErr"; readonly error: NotificationError }
  | { readonly type: "BGPOpenMsgErr"; readonly error: NotificationError }
  | { readonly type: "OpenCollisionDump" }
  | { readonly type: "NotifMsgVerErr"; readonly message: NotificationMessage }
  | { readonly type: "NotifMsg"; readonly message: NotificationMessage }
  | { readonly type: "KeepAliveMsg" }
  | { readonly type: "UpdateMsg" }
  | { readonly type: "UpdateMsgErr"; readonly error: NotificationError }
  | { readonly type: "RouteRefreshMsg"; readonly message: RouteRefreshMessage }
  | { readonly type: "MessageSent"; readonly update: boolean }
  | { readonly type: "InternalFault"; readonly cause: string };

/** What the driver is to do, in this order. */
export type SessionAction =
  /** Open a TCP connection. */
  | { readonly type: "connect" }
  /** Close the TCP connection, or the attempt, once what was sent has been handed over. */
  | { readonly type: "drop" }
  | { readonly type: "send"; readonly message: OpenMessage | KeepaliveMessage | NotificationMessage }
  /** Send the routes of a family again (RFC 2918). */
  | { readonly type: "refresh"; readonly message: RouteRefreshMessage };

/** A session; `deadlines` are its running timers. */
export interface SessionState {
  readonly name: SessionStateName;
  readonly config: SessionConfig;
  readonly deadlines: Deadlines;
  /** Why it is in this state, for people. */
  readonly cause: string;
  readonly connectRetryCounter: number;
  /** Connections that failed in a row: the exponent of the back-off of ConnectRetryTime. */
  readonly connectFailures: number;
  /** Sessions that ended early in a row: the exponent of the back-off of IdleHoldTime. */
  readonly oscillations: number;
  /** Sessions in a row that ended in silence: where neither side heard the other, though each came up. */
  readonly silences: number;
  /** Up to then the peer is left alone for that: it is not connected to, and what it opens is rejected. */
  readonly aloneUntilMs: number;
  /** What the peer has refused of our OPENs (RFC 5492): the next one does without. */
  readonly omission: Omission;
  /** What our next OPEN says of graceful restart. */
  readonly restart: Restart;
  /** What our last OPEN said of it; undefined: none went out yet. */
  readonly saidRestart: SaidRestart | undefined;
  /** From OpenConfirm on. */
  readonly negotiated: Negotiated | undefined;
  readonly establishedAtMs: number | undefined;
}

/** What the machine is told of the world. */
export interface Env {
  /** Milliseconds on any monotonic scale. */
  readonly now: number;
  readonly random: () => number;
}

/** The outcome of an event. */
export interface Step {
  readonly state: SessionState;
  readonly actions: readonly SessionAction[];
}

/** What is known of a restart of ours, for OPENs to a peer (RFC 4724 section 4.1). */
export interface Restart {
  /** Up to then they carry the R bit: we have restarted, and the peer may still keep the routes of the session before. */
  readonly restartingUntilMs: number;
  /** They carry the F bit for these families: what forwards was preserved. */
  readonly forwarding: readonly AfiSafi[];
  /** Why that is known, or is not, for people. */
  readonly because: string;
}

/** What an OPEN said of graceful restart, and why. */
export interface SaidRestart extends Pick<Restart, "forwarding" | "because"> {
  readonly restarting: boolean;
}

/** Nothing is known of any run before this one. */
export const NOTHING_KNOWN: Restart = {
  restartingUntilMs: -Infinity,
  forwarding: [],
  because: "nothing is known of a run before this one",
};

/** A session before its first start. */
export function newSession(config: SessionConfig, restart: Restart): SessionState {
  return {
    name: "Idle",
    config,
    deadlines: STOPPED,
    cause: "not started",
    connectRetryCounter: 0,
    connectFailures: 0,
    oscillations: 0,
    silences: 0,
    aloneUntilMs: -Infinity,
    omission: NOTHING_OMITTED,
    restart,
    saidRestart: undefined,
    negotiated: undefined,
    establishedAtMs: undefined,
  };
}
