/** What there is to know of BFD sessions and sockets, as plain data. */
import type { Address } from "../net/address.ts";
import type { DropReason } from "./drops.ts";
import type { BfdStateName } from "./packet.ts";

/** A diagnostic: its code (RFC 5880 section 4.1), and what it means. */
export interface DiagnosticStatus {
  readonly code: number;
  readonly words: string;
}

/** What a session has counted since it was configured. */
export interface BfdCounters {
  readonly received: number;
  readonly sent: number;
  /** Packets that the kernel did not take. */
  readonly unsent: number;
  readonly drops: Readonly<Partial<Record<DropReason, number>>>;
  /** How often it left Up. */
  readonly flaps: number;
  /** How often silence was given more time since this process had been held. */
  readonly extensions: number;
}

/** A session. Times are milliseconds; moments are on the clock. */
export interface BfdStatus {
  /** The peer's name. */
  readonly peer: string;
  readonly key: string;
  readonly address: Address;
  readonly zone: string | undefined;
  readonly multihop: boolean;
  readonly passive: boolean;
  readonly state: BfdStateName;
  readonly sinceMs: number;
  /** Why it is in that state, with what is known beside. */
  readonly cause: string;
  /** What keeps it from working here, such as a port that is in use. */
  readonly fault: string | undefined;
  readonly remoteState: BfdStateName;
  /** The peer was told to stop: no failure (RFC 5882 section 3.2). */
  readonly remoteAdminDown: boolean;
  readonly localDiscriminator: number;
  /** 0: not known. */
  readonly remoteDiscriminator: number;
  readonly localDiagnostic: DiagnosticStatus;
  readonly remoteDiagnostic: DiagnosticStatus;
  /** What packets come from; undefined while none can be sent. */
  readonly localAddress: Address | undefined;
  readonly localPort: number | undefined;
  /** That packets are sent by, before jitter; undefined: none are sent periodically. */
  readonly transmitIntervalMs: number | undefined;
  /** That the peer sends by; undefined while nothing is known of it. */
  readonly receiveIntervalMs: number | undefined;
  /** Undefined while nothing is known of the peer. */
  readonly detectionTimeMs: number | undefined;
  readonly multiplier: number;
  readonly remoteMultiplier: number;
  /** The peer has asked for Demand mode. */
  readonly remoteDemand: boolean;
  /** A Poll Sequence is under way. */
  readonly polling: boolean;
  /** Undefined: none came yet. */
  readonly receivedAtMs: number | undefined;
  readonly upSinceMs: number | undefined;
  /** When it left Up last, and why. */
  readonly lastLost: { readonly atMs: number; readonly cause: string } | undefined;
  /** The longest time at a stretch that this process did nothing, though it had to, while the session was there. */
  readonly longestHeldMs: number;
  readonly counters: BfdCounters;
}

/** A receiving socket. */
export interface BfdReceiverStatus {
  readonly family: 4 | 6;
  readonly port: number;
  readonly device: string | undefined;
  /** Why it is not open, and the cure. */
  readonly fault: string | undefined;
  /** What came and belonged to no session. */
  readonly drops: Readonly<Partial<Record<DropReason, number>>>;
}
