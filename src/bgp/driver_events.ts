/** What the driver of a peer is made of, and what it tells. */
import type { PeerConfig } from "../config/config.ts";
import type { Address } from "../net/address.ts";
import type { Clock, Random } from "../time/clock.ts";
import type { MutableCounters } from "./counters.ts";
import type { Negotiated, SessionConfig } from "./session/negotiate.ts";
import type { NotificationWay } from "./session/peer_state.ts";
import type { Restart, SessionStateName } from "./session/session_state.ts";
import type { FailedAttempt } from "./transport/failed_attempt.ts";
import type { Lingering } from "./transport/lingering.ts";
import type { Endpoint, Transport } from "./transport/transport.ts";
import type { RouteRefreshMessage } from "./wire/message.ts";
import type { NotificationMessage } from "./wire/notification.ts";

/** What a driver tells. */
export interface DriverEvents {
  transition(from: SessionStateName, to: SessionStateName, cause: string): void;
  /** A session or an attempt ended, while perhaps another goes on; `noted`: a NOTIFICATION says why, which went that way. */
  ended(from: SessionStateName, cause: string, noted: NotificationWay | undefined): void;
  /** An attempt to connect came to nothing; `ended` comes beside it. */
  failed(attempt: FailedAttempt): void;
  established(negotiated: Negotiated, local: Endpoint, remote: Endpoint): void;
  refresh(message: RouteRefreshMessage): void;
  /** A KEEPALIVE is due: the session has a life of its own, by whose beat it can be looked at. */
  keepingAlive(): void;
  /** The socket has taken the last UPDATEs. */
  writable(): void;
  notification(direction: "received" | "sent", message: NotificationMessage): void;
  /** The peer has connections enough, connects too often, or is not to be spoken with. */
  rejected(remote: Endpoint): void;
  /** Something of ours threw. */
  fault(fault: InternalFault): void;
}

/** Something of ours that threw. */
export interface InternalFault {
  readonly atMs: number;
  readonly message: string;
}

/** What a driver is made of. */
export interface DriverOptions {
  readonly peer: PeerConfig;
  readonly session: SessionConfig;
  readonly restart: Restart;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  /** Rejections that may be under way at all peers. */
  readonly rejections: Lingering;
  readonly counters: MutableCounters;
  /** Why a session of ours may not come from this address, in words. */
  refuseSource(address: Address): string | undefined;
  readonly events: DriverEvents;
}
