/**
 * A BFD session as data: the variables of RFC 5880 section 6.8.1 by their names, and the events and actions of its machine.
 * Times of the protocol are in microseconds, as on the wire; deadlines in milliseconds on the clock of `env.now`.
 */
import type { BfdStateName, ControlPacket } from "./packet.ts";

/** What a session is configured to be. */
export interface SessionConfig {
  readonly desiredMinTxUs: number;
  readonly requiredMinRxUs: number;
  readonly detectMult: number;
  /** Sends nothing before the peer does (RFC 5880 section 6.1). */
  readonly passive: boolean;
}

/** What the peer said last. */
export interface RemoteVariables {
  /** bfd.RemoteDiscr; 0: not known, or nothing came for a detection time. */
  readonly discr: number;
  /** bfd.RemoteSessionState. */
  readonly name: BfdStateName;
  readonly diag: number;
  /** Its Desired Min TX Interval. */
  readonly minTxUs: number;
  /** bfd.RemoteMinRxInterval; 0: it wants no periodic packets. */
  readonly minRxUs: number;
  readonly detectMult: number;
  /** bfd.RemoteDemandMode. */
  readonly demand: boolean;
  readonly controlPlaneIndependent: boolean;
}

/** Of a peer of whom nothing is known (RFC 5880 section 6.8.1). */
export const UNKNOWN_REMOTE: RemoteVariables = {
  discr: 0,
  name: "Down",
  diag: 0,
  minTxUs: 0,
  minRxUs: 1,
  detectMult: 0,
  demand: false,
  controlPlaneIndependent: false,
};

/** A Poll Sequence; one at a time (RFC 5880 section 6.5). */
export interface Poll {
  /** When the first packet with P went out; undefined: none has yet, so no F answers it. */
  readonly sentMs: number | undefined;
}

/** A session. */
export interface SessionState {
  readonly config: SessionConfig;
  /** bfd.SessionState. */
  readonly name: BfdStateName;
  /** Since when. */
  readonly sinceMs: number;
  /** Why, for people. */
  readonly cause: string;
  /** bfd.LocalDiscr. */
  readonly localDiscr: number;
  /** bfd.LocalDiag. */
  readonly localDiag: number;
  /** bfd.DesiredMinTxInterval: what the peer is told. */
  readonly desiredMinTxUs: number;
  /** bfd.RequiredMinRxInterval: what the peer is told. */
  readonly requiredMinRxUs: number;
  /** The desired interval that is sent by; less than what the peer is told until a poll that raises it has ended. */
  readonly transmitUs: number;
  /** The required interval that the detection time is made of; more than the peer is told until a poll that lowers it has ended. */
  readonly receiveUs: number;
  readonly remote: RemoteVariables;
  readonly poll: Poll | undefined;
  /** Until then what comes with F may answer the poll before, so the next one waits. */
  readonly pollAllowedMs: number;
  /** When the last packet went out; -Infinity: none did. */
  readonly sentMs: number;
  /** When the last valid packet came; -Infinity: none did. */
  readonly receivedMs: number;
  /** The detection time began anew after that, since this process had been held. Once, until a packet comes. */
  readonly extended: boolean;
  /** In AdminDown: so many packets that tell it are still to be sent. */
  readonly farewells: number;
  /** When the next packet is to be sent; Infinity: none is. */
  readonly transmitAtMs: number;
  /** When the peer is given up; Infinity: it is not waited for. */
  readonly detectAtMs: number;
}

/** What happens to a session. */
export type SessionEvent =
  /** A packet that is this session's came. */
  | { readonly type: "packet"; readonly packet: ControlPacket }
  /**
   * A deadline may have come. `heldMs`: so long at a stretch this process did nothing, by no will of its own, since the last
   * packet of this session.
   */
  | { readonly type: "time"; readonly heldMs: number }
  | { readonly type: "configure"; readonly config: SessionConfig }
  /** Tell the peer that we go, so many times at most, and end. */
  | { readonly type: "admin-down"; readonly farewells: number };

/** What the driver is to do, in this order. */
export type SessionAction =
  | { readonly type: "send"; readonly packet: ControlPacket }
  /** The state is another one. */
  | { readonly type: "changed"; readonly from: BfdStateName; readonly to: BfdStateName }
  /** Nothing came, yet the peer is not given up since this process had been held for so long. */
  | { readonly type: "extended"; readonly heldMs: number };

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
