/** What happened to a peer, kept for its status and across the sessions with it: each function is one thing that happened. Pure. */
import type { DropSample } from "./drop_samples.ts";
import type { NotificationWay } from "./session/peer_state.ts";
import type { SessionStateName } from "./session/session_state.ts";
import type { FailedAttempt } from "./transport/failed_attempt.ts";
import type { Endpoint } from "./transport/transport.ts";
import type { NotificationMessage } from "./wire/notification.ts";

/** Stands between the last end, and what a NOTIFICATION before it said. */
export const BEFORE_THAT = "; before that, ";

/** What is kept of a peer. Moments are on the clock, as the time of day may be stepped. */
export interface PeerRecord {
  readonly sinceMs: number;
  readonly lastError: (LastWords & { readonly atMs: number }) | undefined;
  /** What the last NOTIFICATION since the last Established session said. */
  readonly lastNoted: LastWords | undefined;
  readonly failedAttempt: FailedAttempt | undefined;
  /** It has failed, and its end is to come. */
  readonly isFailing: boolean;
  /** What the kernel had dropped when it began to wait for the peer to connect; undefined: it does not, or that is not known. */
  readonly waiting: DropSample | undefined;
  readonly lastNotificationReceived: NotificationNote | undefined;
  readonly lastNotificationSent: NotificationNote | undefined;
  readonly local: Endpoint | undefined;
  /** It has refused a link-local next hop beside a global one. */
  readonly linkLocalRefused: { readonly atMs: number; readonly text: string } | undefined;
  /** Why what is sent does not get to the peer. */
  readonly stuck: string | undefined;
  readonly flaps: number;
}

/** Why something ended, in words; `noted`: the last NOTIFICATION that went that way says so, or is part of it. */
export interface LastWords {
  readonly text: string;
  readonly noted?: NotificationWay | undefined;
}

/** A NOTIFICATION, and when it went. */
export interface NotificationNote {
  readonly atMs: number;
  readonly message: NotificationMessage;
}

/** Of a peer that nothing has happened to. */
export function newRecord(sinceMs: number): PeerRecord {
  return {
    sinceMs,
    lastError: undefined,
    lastNoted: undefined,
    failedAttempt: undefined,
    isFailing: false,
    waiting: undefined,
    lastNotificationReceived: undefined,
    lastNotificationSent: undefined,
    local: undefined,
    linkLocalRefused: undefined,
    stuck: undefined,
    flaps: 0,
  };
}

/** Of a peer under a new configuration: what ended attempts under the one before explains none of its own. */
export function inheritedRecord(record: PeerRecord, sinceMs: number): PeerRecord {
  return { ...record, local: undefined, sinceMs, lastNoted: undefined, failedAttempt: undefined };
}

/**
 * The session's state is another one; `flap`: it was Established, and was lost against our will; `waiting`: the peer is waited
 * for, and the kernel had dropped this.
 */
export function afterTransition(
  record: PeerRecord,
  { lost, flap, atMs, waiting }: {
    readonly lost: boolean;
    readonly flap: boolean;
    readonly atMs: number;
    readonly waiting: DropSample | undefined;
  },
): PeerRecord {
  const flaps = flap ? record.flaps + 1 : record.flaps;
  if (!lost) return { ...record, sinceMs: atMs, flaps, waiting };
  return { ...record, sinceMs: atMs, flaps, waiting, local: undefined, stuck: undefined };
}

/** A session is Established, with this end of ours. */
export function afterEstablished(record: PeerRecord, local: Endpoint): PeerRecord {
  return { ...record, local, lastNoted: undefined, failedAttempt: undefined, isFailing: false };
}

/**
 * A session, or an attempt at one, has ended; `noted`: by a NOTIFICATION that went that way. A router that has said why often closes or refuses
 * further connections without a word: the reason stays in view.
 */
export function afterEnd(
  record: PeerRecord,
  { from, cause, noted, atMs }: {
    readonly from: SessionStateName;
    readonly cause: string;
    readonly noted: NotificationWay | undefined;
    readonly atMs: number;
  },
): PeerRecord {
  const lastNoted = noted === undefined ? record.lastNoted : { text: cause, noted };
  const text = noted !== undefined || lastNoted === undefined
    ? cause
    : `${cause}${BEFORE_THAT}${lastNoted.text}`;
  // Where a connection was there, what came of an attempt before says nothing of why it ended.
  const failedAttempt = from === "Connect" || from === "Active" ? record.failedAttempt : undefined;
  return {
    ...record,
    lastError: { atMs, text, noted: lastNoted?.noted },
    lastNoted,
    failedAttempt,
    isFailing: false,
  };
}

/** An attempt to connect came to nothing. */
export function afterFailure(record: PeerRecord, failedAttempt: FailedAttempt): PeerRecord {
  return { ...record, failedAttempt, isFailing: true };
}

/** A NOTIFICATION went either way. */
export function afterNotification(
  record: PeerRecord,
  direction: "received" | "sent",
  note: NotificationNote,
): PeerRecord {
  return direction === "received"
    ? { ...record, lastNotificationReceived: note }
    : { ...record, lastNotificationSent: note };
}
