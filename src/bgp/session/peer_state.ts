/** What the machine of a neighbour (peer.ts) is made of: its state, what happens to it, what it asks for. */
import type { Origin, Undecided } from "./collision.ts";
import type { Negotiated } from "./negotiate.ts";
import type { SessionAction, SessionEvent, SessionState, SessionStateName } from "./session_state.ts";
import type { RouteRefreshMessage } from "../wire/message.ts";
import type { NotificationMessage } from "../wire/notification.ts";

/** A session and the TCP connection, or the attempt at one, that is its own. */
export interface Track {
  readonly session: SessionState;
  /** Names the connection between driver and machine; 0: there is none. */
  readonly link: number;
  readonly origin: Origin;
  /** The peer's OPEN and what came after it, where a rival keeps it waiting. */
  readonly undecided: Undecided | undefined;
}

/** The two sessions of a neighbour. */
export interface PeerState {
  readonly main: Track;
  readonly second: Track | undefined;
  readonly nextLink: number;
  /** False before the start and after a stop: every connection is rejected. */
  readonly running: boolean;
  /** A token bucket that bounds how fast the peer may connect. */
  readonly allowance: { readonly tokens: number; readonly atMs: number };
}

/** What happens to a neighbour. */
export type PeerEvent =
  | { readonly type: "Start" }
  /** Administrative Shutdown, with a shutdown communication. */
  | { readonly type: "Stop"; readonly communication: string }
  /** Closes with the NOTIFICATION, or without a word where there is none. */
  | { readonly type: "Close"; readonly notification: NotificationMessage | undefined; readonly cause: string }
  /** The peer connected. One action of the answer adopts or rejects the connection. */
  | { readonly type: "Accepted" }
  /** Something that came over the connection `link`; stale ones are ignored. */
  | { readonly type: "Session"; readonly link: number; readonly event: SessionEvent }
  /** A deadline has passed. */
  | { readonly type: "Timers" };

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
  /** A session ended, or an attempt at one, for `cause`; `noted`: a NOTIFICATION of one side says so. */
  | {
    readonly type: "ended";
    readonly from: SessionStateName;
    readonly cause: string;
    readonly noted: boolean;
  }
  | { readonly type: "established"; readonly link: number; readonly negotiated: Negotiated }
  /** The neighbour's state, as people see it, changed. */
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
