/** What people and tools see of a peer; it turns into JSON as it stands. */
import { formatU32 } from "../net/address.ts";
import type { Transmission } from "../net/sockets.ts";
import type { BgpRole, FamilyName, PeerConfig } from "../config/config.ts";
import { peerKey } from "../config/session_difference.ts";
import type { Clock } from "../time/clock.ts";
import { mapInSteps } from "../time/steps.ts";
import type { AdvertisedPath } from "./routes/adj_rib_out.ts";
import type { Advertiser } from "./routes/advertiser.ts";
import type { Counters } from "./counters.ts";
import type { DropSample } from "./drop_samples.ts";
import type { PeerDriver } from "./driver.ts";
import type { LastWords, NotificationNote, PeerRecord } from "./peer_record.ts";
import { familyName } from "./session/family.ts";
import type { Negotiated } from "./session/negotiate.ts";
import type { NegotiatedRole } from "./session/role.ts";
import { leadingSession } from "./session/peer.ts";
import type { SessionState, SessionStateName } from "./session/session_state.ts";
import {
  type AttemptFacts,
  type FailedAttempt,
  type SocketSettings,
  socketSettings,
} from "./transport/failed_attempt.ts";
import type { SegmentDrops } from "./transport/segment_drops.ts";
import { isLocated } from "./unnumbered.ts";
import { describeNotification, hardResetReason, shutdownCommunication } from "./wire/notification.ts";

/** A NOTIFICATION that went either way. */
export interface NotificationRecord {
  readonly at: Date;
  readonly code: number;
  readonly subcode: number;
  /** What it is about, where it is a Hard Reset (RFC 8538). */
  readonly reason: { readonly code: number; readonly subcode: number } | undefined;
  /** In the registry's words, with the shutdown communication where there is one. */
  readonly text: string;
  readonly communication: string | undefined;
}

/** What both sides agreed on, in words. */
export interface NegotiatedStatus {
  readonly peerAs: number;
  readonly peerIdentifier: string;
  readonly internal: boolean;
  readonly holdTimeSeconds: number;
  readonly keepaliveTimeSeconds: number;
  readonly families: readonly FamilyName[];
  readonly fourOctetAs: boolean;
  readonly routeRefresh: boolean;
  readonly enhancedRouteRefresh: boolean;
  readonly extendedMessage: boolean;
  /** Families with a next hop of the other family (RFC 8950). */
  readonly extendedNextHop: readonly FamilyName[];
  /** Undefined: the peer does not have it. */
  readonly gracefulRestart: {
    /** Both sides have it: the peer keeps our routes while we restart. */
    readonly active: boolean;
    readonly notification: boolean;
    readonly restartTimeSeconds: number;
  } | undefined;
  /** Undefined: we have no role for the peer (RFC 9234). */
  readonly role: NegotiatedRole | undefined;
}

/** A peer. */
export interface PeerStatus {
  readonly name: string;
  /** With the zone of a link-local address; `auto%eth0` of one that has not been found on its link. */
  readonly address: string;
  /** What is known of who is on the link of one with `address: auto`, in words. */
  readonly neighbour: string | undefined;
  readonly as: number;
  readonly passive: boolean;
  readonly state: SessionStateName;
  readonly since: Date;
  /** Why it is in this state. */
  readonly cause: string;
  /** Why no session is begun: BFD is waited for, or nobody was found on its link. One that is Established stays. */
  readonly heldBack: string | undefined;
  /** Why the last session, or attempt at one, ended. */
  readonly lastError: (LastWords & { readonly at: Date }) | undefined;
  /** The last attempt to connect, where nothing came of it and nothing has come since. */
  readonly failedAttempt: FailedAttempt | undefined;
  /** What the kernel has dropped since the peer is waited for, of all connections; undefined: nothing, or that is not known. */
  readonly dropped: { readonly since: Date; readonly drops: SegmentDrops } | undefined;
  /** What its sockets show of its configuration. */
  readonly settings: SocketSettings;
  readonly lastNotificationReceived: NotificationRecord | undefined;
  readonly lastNotificationSent: NotificationRecord | undefined;
  /** Our end of the Established session. */
  readonly localAddress: string | undefined;
  /** From OpenConfirm on. */
  readonly negotiated: NegotiatedStatus | undefined;
  /** What became of what the Established session has sent; undefined: there is none, or that cannot be known. */
  readonly transmission: Transmission | undefined;
  /** Why what is sent does not get to the peer, and what may help; undefined: it does, as far as is known. */
  readonly stuck: string | undefined;
  /** The AS that the peer sees. */
  readonly localAs: number;
  /** What we are to the peer; undefined: that is not said (RFC 9234). */
  readonly localRole: BgpRole | undefined;
  /** Capabilities that the next OPEN leaves out, as the peer refused them; "all": it has none at all. */
  readonly refusedCapabilities: readonly string[] | "all";
  /** What our last OPEN said of graceful restart (RFC 4724), and why; undefined: nothing. */
  readonly saidRestart: {
    readonly restarting: boolean;
    readonly forwarding: readonly FamilyName[];
    readonly because: string;
  } | undefined;
  readonly messages: Pick<Counters, "received" | "sent">;
  /** Prefixes that the peer announced and withdrew; all are dropped. */
  readonly prefixes: {
    readonly received: number;
    readonly withdrawn: number;
    readonly malformedUpdates: number;
  };
  readonly advertised: readonly { readonly prefix: string; readonly nextHop: string }[];
  readonly held: readonly { readonly prefix: string; readonly reason: string }[];
  /** Since when, and why, no link-local next hop goes beside a global one, though it might. */
  readonly linkLocalRefused: { readonly at: Date; readonly text: string } | undefined;
  /** Families whose End-of-RIB is held back. */
  readonly endOfRibHeld: readonly FamilyName[];
  /** How often an Established session was lost. */
  readonly flaps: number;
  /** When the next attempt to connect is due. */
  readonly nextRetry: Date | undefined;
  /** The last thing of ours that threw where it was about this peer. */
  readonly fault: { readonly at: Date; readonly text: string } | undefined;
}

/** The status of a peer as of now; its routes, of which there may be many, are listed in steps. */
export function peerStatus(
  config: PeerConfig,
  { driver, advertiser, record, heldBack, dropped, neighbour }: {
    readonly driver: Pick<PeerDriver, "state" | "counters" | "fault" | "nextRetryMs" | "transmission">;
    readonly advertiser: Advertiser | undefined;
    readonly record: PeerRecord;
    /** Why no session is begun. */
    readonly heldBack: string | undefined;
    /** What the kernel has dropped since it is waited for. */
    readonly dropped: DropSample | undefined;
    /** What is known of who is on its link, where it is known by its interface alone. */
    readonly neighbour: string | undefined;
  },
  clock: Clock,
): Generator<void, PeerStatus> {
  const offsetMs = clock.wallTime().getTime() - clock.now();
  const wallTimeOf = (ms: number) => new Date(offsetMs + ms);
  const { fsm } = leadingSession(driver.state);
  const { lastError, lastNotificationReceived, lastNotificationSent, linkLocalRefused } = record;
  const { fault, nextRetryMs } = driver;
  const isFound = isLocated(config);
  const { received, sent, prefixesReceived, prefixesWithdrawn, malformedUpdates } = driver.counters;
  const status = {
    name: config.name,
    address: placeOf(config),
    neighbour,
    as: config.as,
    passive: config.passive,
    state: fsm.name,
    since: wallTimeOf(record.sinceMs),
    heldBack,
    cause: fsm.name === "Idle" && heldBack !== undefined ? heldBack : fsm.cause,
    lastError: lastError && isFound
      ? { at: wallTimeOf(lastError.atMs), text: lastError.text, noted: lastError.noted }
      : undefined,
    failedAttempt: record.failedAttempt,
    dropped: dropped && { since: wallTimeOf(dropped.atMs), drops: dropped.drops },
    settings: socketSettings(config, fsm.config.localAs),
    lastNotificationReceived: lastNotificationReceived &&
      notificationRecord(lastNotificationReceived, wallTimeOf),
    lastNotificationSent: lastNotificationSent && notificationRecord(lastNotificationSent, wallTimeOf),
    localAddress: record.local?.address.text,
    negotiated: fsm.negotiated && negotiatedStatus(fsm.negotiated),
    transmission: driver.transmission(),
    stuck: record.stuck,
    localAs: fsm.config.localAs,
    localRole: fsm.config.localRole,
    refusedCapabilities: fsm.omission,
    saidRestart: saidRestart(fsm),
    messages: { received, sent },
    prefixes: { received: prefixesReceived, withdrawn: prefixesWithdrawn, malformedUpdates },
    advertised: [],
    held: [],
    linkLocalRefused: linkLocalRefused &&
      { at: wallTimeOf(linkLocalRefused.atMs), text: linkLocalRefused.text },
    endOfRibHeld: (advertiser?.endOfRib ?? []).map(familyName),
    flaps: record.flaps,
    nextRetry: nextRetryMs === undefined ? undefined : wallTimeOf(nextRetryMs),
    fault: fault && { at: wallTimeOf(fault.atMs), text: fault.message },
  };
  return withRoutes(status, [...advertiser?.routes ?? []], [...advertiser?.held ?? []]);
}

function* withRoutes(
  status: PeerStatus,
  routes: readonly (readonly [string, AdvertisedPath])[],
  held: readonly (readonly [string, string])[],
): Generator<void, PeerStatus> {
  return {
    ...status,
    advertised: yield* mapInSteps(routes, ([prefix, { nextHops }]) => ({
      prefix,
      nextHop: nextHops[0]?.text ?? "",
    })),
    held: yield* mapInSteps(held, ([prefix, reason]) => ({ prefix, reason })),
  };
}

function saidRestart({ config, omission, saidRestart: said }: SessionState): PeerStatus["saidRestart"] {
  const isOffered = config.gracefulRestart !== undefined && omission !== "all" &&
    !omission.includes("graceful-restart");
  if (said === undefined || !isOffered) return undefined;
  return { ...said, forwarding: said.forwarding.map(familyName) };
}

/** The attempt to connect that has failed and whose end is to come; undefined: there is none. */
export function failingAttempt(
  config: PeerConfig,
  localAs: number,
  { isFailing, failedAttempt: failed }: PeerRecord,
): AttemptFacts | undefined {
  if (!isFailing || failed === undefined) return undefined;
  return { address: placeOf(config), settings: socketSettings(config, localAs), failed };
}

function placeOf(config: PeerConfig): string {
  return peerKey({ ...config, automatic: !isLocated(config), device: undefined });
}

function notificationRecord(
  { atMs, message }: NotificationNote,
  wallTimeOf: (ms: number) => Date,
): NotificationRecord {
  const { code, subcode } = message;
  const reason = hardResetReason(message);
  return {
    at: wallTimeOf(atMs),
    code,
    subcode,
    reason: reason && { code: reason.code, subcode: reason.subcode },
    text: describeNotification(message),
    communication: shutdownCommunication(message),
  };
}

function negotiatedStatus(negotiated: Negotiated): NegotiatedStatus {
  const { gracefulRestart } = negotiated;
  return {
    peerAs: negotiated.peerAs,
    peerIdentifier: formatU32(negotiated.peerIdentifier),
    internal: negotiated.internal,
    holdTimeSeconds: negotiated.holdTimeSeconds,
    keepaliveTimeSeconds: negotiated.keepaliveTimeSeconds,
    families: negotiated.families.map(familyName),
    fourOctetAs: negotiated.fourOctetAs,
    routeRefresh: negotiated.routeRefresh,
    enhancedRouteRefresh: negotiated.enhancedRouteRefresh,
    extendedMessage: negotiated.maxSendLength > 4096,
    extendedNextHop: negotiated.extendedNextHop.map(familyName),
    gracefulRestart: gracefulRestart === undefined ? undefined : {
      active: gracefulRestart.offered,
      notification: gracefulRestart.notification,
      restartTimeSeconds: gracefulRestart.restartTimeSeconds,
    },
    role: negotiated.role,
  };
}
