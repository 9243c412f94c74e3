/** What the machine of a peer (peer.ts) is made of: its state, what happens to it, what it asks for. */
import type { Negotiated, SessionConfig } from "./negotiate.ts";
import type { SessionAction, SessionEvent, SessionState, SessionStateName } from "./session_state.ts";
import type { RouteRefreshMessage } from "../wire/message.ts";
import type { NotificationMessage } from "../wire/notification.ts";

/** Who opened a connection. */
export type Origin = "outgoing" | "incoming";

/** What came over a link and waits while it is open which of two connections stays; handled at `untilMs` at the latest. */
export interface Deferred {
  readonly events: readonly SessionEvent[];
  readonly untilMs: number;
}

/** A session: the state of its machine, and the link that is its own. */
export interface PeerSession {
  readonly fsm: SessionState;
  /** Names the link between driver and machine; 0: there is none. */
  readonly link: number;
  readonly origin: Origin;
  /** The peer's OPEN and what came after it, where a rival keeps it waiting. */
  readonly deferred: Deferred | undefined;
}

/** The sessions of a peer. */
export interface PeerState {
  /** The configured session, which connects and tries again. */
  readonly primary: PeerSession;
  /** A connection of the peer's that came while `primary` was busy, until one of the two is promoted. */
  readonly secondary: PeerSession | undefined;
  readonly nextLink: number;
  /** False before the start and after a stop: every connection is rejected. */
  readonly running: boolean;
  /** A token bucket that bounds how fast the peer may connect. */
  readonly allowance: { readonly tokens: number; readonly atMs: number };
}

/** What happens to a peer. */
export type PeerEvent =
  | { readonly type: "Start" }
  /** Administrative Shutdown, with a shutdown communication. */
  | { readonly type: "Stop"; readonly communication: string }
  /** Closes with the NOTIFICATION, or without a word where there is none. */
  | { readonly type: "Close"; readonly notification: NotificationMessage | undefined; readonly cause: string }
  /** What the peer's OPENs do not show has changed in the configuration. */
  | { readonly type: "Configure"; readonly config: SessionConfig }
  /** The peer connected. One action of the answer adopts or rejects the connection. */
  | { readonly type: "Accepted" }
  /** Something that came over a link; stale ones are ignored. */
  | { readonly type: "Session"; readonly link: number; readonly event: SessionEvent }
  /** A deadline has passed. */
  | { readonly type: "Timers" };

/** Which way a NOTIFICATION went. */
export type NotificationWay = "received" | "sent";

/** What the driver is to do, in this order. */
export type PeerAction =
  | { readonly type: "connect"; readonly link: number }
  | { readonly type: "adopt"; readonly link: number }
  | { readonly type: "reject"; readonly message: NotificationMessage }
  | { readonly type: "drop"; readonly link: number }
  | {
    readonly type: "send";
    readonly link: number;
    readonly message: Extract<SessionAction, { type: "send" }>["message"];
  }
  | { readonly type: "refresh"; readonly link: number; readonly message: RouteRefreshMessage }
  /** A session ended, or an attempt at one, for `cause`; `noted`: a NOTIFICATION says so, which went that way. */
  | {
    readonly type: "ended";
    readonly from: SessionStateName;
    readonly cause: string;
    readonly noted: NotificationWay | undefined;
  }
  | { readonly type: "established"; readonly link: number; readonly negotiated: Negotiated }
  /** The peer's state, as people see it, changed. */
  | {
    readonly type: "transition";
    readonly from: SessionStateName;
    readonly to: SessionStateName;
    readonly cause: string;
  };

/** The outcome of an event. */
export interface PeerStep {
  readonly state: PeerState;
  readonly actions: readonly PeerAction[];
}

/** Where a session stands. */
export type Place = "primary" | "secondary";

/** Both places. */
export const PLACES: readonly Place[] = ["primary", "secondary"];

/** How far a session has come; what people call the peer's state is that of the furthest one. */
export const RANK = { Idle: 0, Active: 1, Connect: 2, OpenSent: 3, OpenConfirm: 4, Established: 5 } as const;

/** Nothing is to be done. */
export function none(state: PeerState): PeerStep {
  return { state, actions: [] };
}

/** One step and then another. */
export function then(first: PeerStep, next: (state: PeerState) => PeerStep): PeerStep {
  const second = next(first.state);
  return { state: second.state, actions: [...first.actions, ...second.actions] };
}

/** The place of the other one. */
export function rivalOf(place: Place): Place {
  return place === "primary" ? "secondary" : "primary";
}
