/**
 * What a session offers in its OPEN, and what both sides agreed on once the peer's OPEN is here (RFC 4271 sections
 * 4.2 and 6.2, RFC 4724, 4760, 5492, 6286, 6793, 7313, 7607, 8538, 8654, 8950, 9234).
 */
import { addressToU32, formatU32 } from "../../net/address.ts";
import type { BgpRole, LocalBgp, OfferedCapabilities, PeerConfig } from "../../config/config.ts";
import { localAsOf } from "../../config/local_as.ts";
import { offersExtendedNextHop } from "../../config/session_difference.ts";
import { familyName, familyOf } from "./family.ts";
import { type Omission, without } from "./omission.ts";
import { type NegotiatedRole, negotiateRole, roleValue } from "./role.ts";
import type { AfiSafi, Capability } from "../wire/capability.ts";
import {
  Afi,
  AS_TRANS,
  CapabilityCode,
  ErrorCode,
  MAX_EXTENDED_MESSAGE_LENGTH,
  MAX_MESSAGE_LENGTH,
  OpenSubcode,
} from "../wire/constants.ts";
import type { CodecContext } from "../wire/codec_context.ts";
import { NotificationError } from "../wire/notification.ts";
import type { OpenMessage } from "../wire/open.ts";

/** What the session machine needs of the configuration; constant for the life of a session. */
export interface SessionConfig {
  readonly localAs: number;
  /** Unsigned 32-bit. */
  readonly localIdentifier: number;
  readonly peerAs: number;
  /** PassiveTcpEstablishment: never connects, waits for the peer. */
  readonly passive: boolean;
  /** The peer has a TCP-MD5 password, which may not be the same on both sides. */
  readonly authenticated: boolean;
  readonly holdTimeSeconds: number;
  /** Undefined: a third of the negotiated hold time. */
  readonly keepaliveTimeSeconds: number | undefined;
  readonly connectRetryTimeMs: number;
  /** RFC 9687; 0: never. */
  readonly sendHoldTimeSeconds: number;
  readonly families: readonly AfiSafi[];
  /** Families that we take and give with a next hop of the other AFI (RFC 8950). */
  readonly extendedNextHop: readonly AfiSafi[];
  readonly gracefulRestart: { readonly restartTimeSeconds: number } | undefined;
  readonly offered: Pick<OfferedCapabilities, "routeRefresh" | "enhancedRouteRefresh" | "extendedMessages">;
  /** RFC 9234; external sessions alone have one. */
  readonly localRole: BgpRole | undefined;
  readonly strictRole: boolean;
}

/** What of our OPEN depends on the moment. */
export interface OpenOffer {
  /** What the peer has refused of our OPENs. */
  readonly omission: Omission;
  /** The R bit of RFC 4724. */
  readonly restarting: boolean;
  /** The families with the F bit of RFC 4724. */
  readonly forwarding: readonly AfiSafi[];
}

/** The peer's side of graceful restart, as far as both sides have it. */
export interface NegotiatedGracefulRestart {
  /** We offered it as well: the peer keeps our routes while we restart. */
  readonly offered: boolean;
  /** Both sides set the N bit (RFC 8538). */
  readonly notification: boolean;
  /** The peer's R bit. */
  readonly restarting: boolean;
  /** The peer's restart time. */
  readonly restartTimeSeconds: number;
  readonly families: readonly AfiSafi[];
}

/** What both sides agreed on; as it stands it is what the codec must know, too. */
export interface Negotiated extends CodecContext {
  readonly peerAs: number;
  /** Unsigned 32-bit. */
  readonly peerIdentifier: number;
  /** The smaller of both; 0: no keepalives, no hold timer. */
  readonly holdTimeSeconds: number;
  readonly keepaliveTimeSeconds: number;
  readonly routeRefresh: boolean;
  readonly enhancedRouteRefresh: boolean;
  /** Undefined: the peer did not send the capability. */
  readonly gracefulRestart: NegotiatedGracefulRestart | undefined;
  /** Undefined: we have none. */
  readonly role: NegotiatedRole | undefined;
}

/** The session's part of the configuration. */
export function sessionConfig(local: LocalBgp, peer: PeerConfig): SessionConfig {
  const families = peer.families.map(familyOf);
  return {
    localAs: localAsOf(local, peer),
    localIdentifier: addressToU32(local.routerID),
    peerAs: peer.as,
    passive: peer.passive,
    authenticated: peer.password !== undefined,
    holdTimeSeconds: peer.holdTimeSeconds,
    keepaliveTimeSeconds: peer.keepaliveTimeSeconds,
    connectRetryTimeMs: peer.connectRetryTimeMs,
    sendHoldTimeSeconds: peer.sendHoldTimeSeconds,
    families,
    extendedNextHop: offersExtendedNextHop(peer) ? [familyOf("ipv4-unicast")] : [],
    gracefulRestart: peer.gracefulRestart,
    offered: peer.capabilities,
    localRole: peer.as === localAsOf(local, peer) ? undefined : peer.localRole,
    strictRole: peer.strictRole,
  };
}

/** The OPEN that we send. */
export function openMessage(config: SessionConfig, offer: OpenOffer): OpenMessage {
  return {
    type: "OPEN",
    version: 4,
    myAs: config.localAs > 0xffff ? AS_TRANS : config.localAs,
    holdTimeSeconds: config.holdTimeSeconds,
    bgpIdentifier: config.localIdentifier,
    capabilities: offeredBy(config, offer),
  };
}

/** What both sides agreed on, or the error that the peer's OPEN deserves. */
export function negotiate(
  config: SessionConfig,
  offer: OpenOffer,
  open: OpenMessage,
): Negotiated | NotificationError {
  const theirs = open.capabilities;
  const ours = offeredBy(config, offer);
  const peerAs = asOf(open);
  const internal = peerAs === config.localAs;
  const fault = peerFault(config, open, peerAs) ?? holdTimeFault(open);
  if (fault !== undefined) return fault;

  const families = commonFamilies(config, ours, theirs);
  if (families.length === 0) return noCommonFamily(config, theirs);

  const role = negotiateRole(config.localRole, config.strictRole, theirs);
  if (role instanceof NotificationError) return role;

  const holdTimeSeconds = Math.min(config.holdTimeSeconds, open.holdTimeSeconds);
  const we = (type: Capability["type"]) => ours.some((capability) => capability.type === type);
  const both = (type: Capability["type"]) =>
    we(type) && theirs.some((capability) => capability.type === type);
  return {
    peerAs,
    peerIdentifier: open.bgpIdentifier,
    internal,
    holdTimeSeconds,
    keepaliveTimeSeconds: keepaliveTime(config, holdTimeSeconds),
    families,
    fourOctetAs: both("four-octet-as"),
    routeRefresh: both("route-refresh"),
    enhancedRouteRefresh: both("enhanced-route-refresh"),
    maxSendLength: both("extended-message") ? MAX_EXTENDED_MESSAGE_LENGTH : MAX_MESSAGE_LENGTH,
    maxReceiveLength: we("extended-message") ? MAX_EXTENDED_MESSAGE_LENGTH : MAX_MESSAGE_LENGTH,
    extendedNextHop: we("extended-next-hop") ? commonNextHops(config, families, theirs) : [],
    gracefulRestart: gracefulRestart(we("graceful-restart"), theirs),
    role,
  };
}

/** What an OPEN offers. */
function offeredBy(config: SessionConfig, offer: OpenOffer): readonly Capability[] {
  return without(wholeOffer(config, offer), offer.omission);
}

/** What an OPEN offers to a peer that can cope with all of it. */
export function wholeOffer(
  config: SessionConfig,
  offer: Pick<OpenOffer, "restarting" | "forwarding">,
): readonly Capability[] {
  const { offered } = config;
  const list: Capability[] = config.families.map((family) => ({ type: "multiprotocol", family }));
  if (offered.routeRefresh) list.push({ type: "route-refresh" });
  if (config.extendedNextHop.length > 0) {
    const tuples = config.extendedNextHop.map((family) => ({ family, nextHopAfi: Afi.IPv6 }));
    list.push({ type: "extended-next-hop", tuples });
  }
  if (offered.extendedMessages) list.push({ type: "extended-message" });
  if (config.localRole !== undefined) list.push({ type: "role", role: roleValue(config.localRole) });
  if (config.gracefulRestart !== undefined) {
    list.push({
      type: "graceful-restart",
      restarting: offer.restarting,
      notification: true,
      restartTimeSeconds: config.gracefulRestart.restartTimeSeconds,
      families: config.families.map((family) => ({ family, forwarding: contains(offer.forwarding, family) })),
    });
  }
  list.push({ type: "four-octet-as", as: config.localAs });
  if (offered.enhancedRouteRefresh) list.push({ type: "enhanced-route-refresh" });
  return list;
}

/** Whether a session with what is offered could announce anything. */
export function isUsable(config: SessionConfig, ours: readonly Capability[]): boolean {
  return familiesIn(config, ours).length > 0;
}

/** The peer's AS: what the four-octet capability says, else the two-octet field. */
function asOf(open: OpenMessage): number {
  for (const capability of open.capabilities) if (capability.type === "four-octet-as") return capability.as;
  return open.myAs;
}

function peerFault(config: SessionConfig, open: OpenMessage, peerAs: number): NotificationError | undefined {
  const badAs = (message: string) =>
    new NotificationError(ErrorCode.OPEN_MESSAGE, OpenSubcode.BAD_PEER_AS, message);
  if (open.myAs === 0 || peerAs === 0) return badAs("AS 0 received (RFC 7607)");
  if (open.myAs !== peerAs && open.myAs !== AS_TRANS) {
    return badAs(`OPEN says AS ${open.myAs}, its four-octet AS capability ${peerAs}`);
  }
  if (peerAs !== config.peerAs) return badAs(`AS ${config.peerAs} expected, ${peerAs} received`);
  const badIdentifier = open.bgpIdentifier === 0 ||
    (open.bgpIdentifier === config.localIdentifier && peerAs === config.localAs);
  if (!badIdentifier) return undefined;
  return new NotificationError(
    ErrorCode.OPEN_MESSAGE,
    OpenSubcode.BAD_BGP_IDENTIFIER,
    open.bgpIdentifier === 0
      ? "BGP Identifier 0.0.0.0 received"
      : `BGP Identifier ${formatU32(open.bgpIdentifier)} is ours, too`,
  );
}

function holdTimeFault(open: OpenMessage): NotificationError | undefined {
  if (open.holdTimeSeconds === 0 || open.holdTimeSeconds >= 3) return undefined;
  return new NotificationError(
    ErrorCode.OPEN_MESSAGE,
    OpenSubcode.UNACCEPTABLE_HOLD_TIME,
    `hold time ${open.holdTimeSeconds} s received; it is 0 or at least 3 s`,
  );
}

/** The families of both OPENs. */
function commonFamilies(
  config: SessionConfig,
  ours: readonly Capability[],
  theirs: readonly Capability[],
): readonly AfiSafi[] {
  const offered = familiesIn(config, theirs);
  return familiesIn(config, ours).filter((family) => contains(offered, family));
}

/** Those of our families that an OPEN offers: one that names none at all is of IPv4 unicast (RFC 4760 section 8). */
function familiesIn(config: SessionConfig, offered: readonly Capability[]): readonly AfiSafi[] {
  const named = offered.flatMap((capability) =>
    capability.type === "multiprotocol" ? [capability.family] : []
  );
  const families = named.length > 0 ? named : [familyOf("ipv4-unicast")];
  return config.families.filter((family) => contains(families, family));
}

function noCommonFamily(config: SessionConfig, theirs: readonly Capability[]): NotificationError {
  const wanted = config.families.map(familyName).join(", ");
  const named = theirs.filter((capability) => capability.type === "multiprotocol").length;
  // The data is the capabilities that we miss, as they stand in OPEN (RFC 5492 section 5).
  const data = config.families.flatMap((
    { afi, safi },
  ) => [CapabilityCode.MULTIPROTOCOL, 4, afi >>> 8, afi & 0xff, 0, safi]);
  return new NotificationError(
    ErrorCode.OPEN_MESSAGE,
    OpenSubcode.UNSUPPORTED_CAPABILITY,
    `no common address family: ${wanted} expected, ${
      named === 0 ? "only ipv4-unicast offered" : "others offered"
    }`,
    Uint8Array.from(data),
  );
}

function commonNextHops(
  config: SessionConfig,
  families: readonly AfiSafi[],
  theirs: readonly Capability[],
): readonly AfiSafi[] {
  const offered = theirs.flatMap((capability) =>
    capability.type === "extended-next-hop" ? capability.tuples : []
  )
    .filter((tuple) => tuple.nextHopAfi === Afi.IPv6).map((tuple) => tuple.family);
  return config.extendedNextHop.filter((family) => contains(families, family) && contains(offered, family));
}

function gracefulRestart(
  offered: boolean,
  theirs: readonly Capability[],
): NegotiatedGracefulRestart | undefined {
  const capability = theirs.find((candidate) => candidate.type === "graceful-restart");
  if (capability?.type !== "graceful-restart") return undefined;
  return {
    offered,
    notification: offered && capability.notification,
    restarting: capability.restarting,
    restartTimeSeconds: capability.restartTimeSeconds,
    families: capability.families.map((entry) => entry.family),
  };
}

/** The configured time where the hold time that it was made for holds; a third of a shorter one. */
function keepaliveTime(config: SessionConfig, holdTimeSeconds: number): number {
  const third = holdTimeSeconds / 3;
  const configured = config.keepaliveTimeSeconds;
  if (configured === undefined || configured === 0) return third;
  return holdTimeSeconds < config.holdTimeSeconds ? Math.min(configured, third) : configured;
}

function contains(families: readonly AfiSafi[], family: AfiSafi): boolean {
  return families.some((other) => other.afi === family.afi && other.safi === family.safi);
}
