/** `bgp-lb peers`: each peer with its session, what was negotiated, what went over it, and why it is down. Pure. */
import type { FamilyName } from "../config/config.ts";
import { familyKey } from "../bgp/session/omission.ts";
import type { NotificationRecord, PeerStatus } from "../bgp/peer_status.ts";
import { failedAttemptWords, waitingWords } from "./attempt_words.ts";
import { sessionCure } from "./session_cure.ts";
import { bfdLines, bfdReason } from "./bfd_text.ts";
import type { BfdEntry, PeerEntry, Status } from "./status.ts";
import { PLAIN, type Style, toned } from "../text/style.ts";
import { age, lines } from "../text/table.ts";

/** A paragraph for each peer. */
export function peersText(status: Status, now: Date, style: Style = PLAIN): string {
  return status.peers.map((peer) => paragraph(peer, status, now, style)).join("\n");
}

/** What tells why a session is down; as it is, or as JSON has it. */
export type PeerDown = Pick<PeerStatus, "state" | "passive" | "cause"> & {
  readonly lastError?: { readonly text: string } | undefined;
  readonly nextRetry?: Date | string | undefined;
  readonly heldBack?: string | undefined;
  readonly bfd?: Pick<BfdEntry, "state" | "cause" | "fault" | "lastLost"> | undefined;
};

/** Why the session is down, and when the next attempt is due; undefined where it is Established. */
export function downReason(peer: PeerDown, now: Date): string | undefined {
  const { state, passive, cause, lastError, nextRetry, heldBack, bfd } = peer;
  if (state === "Established") return undefined;
  const waiting = passive && state === "Active" ? "waits for the peer to connect" : cause;
  const retry = nextRetry === undefined ? "" : `; next attempt in ${age(now, nextRetry)}`;
  // What never was up may be no reason.
  const lost = heldBack !== undefined || bfd?.lastLost !== undefined ? bfdReason(bfd) : undefined;
  return `${heldBack ?? lastError?.text ?? waiting}${lost === undefined ? "" : `; ${lost}`}${retry}`;
}

function paragraph(
  peer: PeerEntry,
  status: Pick<Status, "as" | "routerID" | "listeners">,
  now: Date,
  style: Style,
): string {
  const down = downReason(peer, now);
  const { lastError, lastNotificationReceived, lastNotificationSent, fault } = peer;
  return lines([
    toned(
      `${peer.name}: ${peer.state} for ${age(peer.since, now)} (since ${peer.since.toISOString()})`,
      down === undefined ? "good" : "bad",
    ),
    `  peer           ${peer.address}, AS ${peer.as}${peer.passive ? ", passive: it connects to us" : ""}` +
    (peer.localAs === status.as ? "" : `; it sees us as AS ${peer.localAs}`),
    ...peer.neighbour === undefined ? [] : [`  neighbour      ${peer.neighbour}`],
    ...down === undefined ? [] : [`  why            ${down}`, ...meaning(peer, status)],
    ...sessionLines(peer),
    ...refusedLines(peer),
    ...restartLines(peer),
    ...bfdLines(peer.bfd, now),
    `  messages       sent ${messages(peer.messages.sent)}`,
    `                 received ${messages(peer.messages.received)}`,
    `  prefixes       ${peer.advertised.length} advertised, ${peer.held.length} held; ` +
    `received and dropped: ${peer.prefixes.received}, withdrawn: ${peer.prefixes.withdrawn}`,
    ...transmissionLines(peer),
    ...peer.prefixes.malformedUpdates === 0
      ? []
      : [`  malformed      ${peer.prefixes.malformedUpdates} UPDATEs, survived as RFC 7606 says`],
    ...peer.held.map(({ prefix, reason }) => `  held           ${prefix}: ${reason}`),
    ...peer.linkLocalRefused === undefined
      ? []
      : [`  next hops      ${peer.linkLocalRefused.text} (${when(peer.linkLocalRefused.at, now)})`],
    `  flaps          ${peer.flaps}`,
    ...lastError === undefined || down !== undefined
      ? []
      : [`  last error     ${lastError.text} (${when(lastError.at, now)})`],
    ...fault === undefined ? [] : [`  fault          ours: ${fault.text} (${when(fault.at, now)})`],
    ...notification("last received", lastNotificationReceived, now),
    ...notification("last sent", lastNotificationSent, now),
  ], style);
}

function meaning(
  peer: PeerEntry,
  status: Pick<Status, "as" | "routerID" | "listeners">,
): readonly string[] {
  const words = failedAttemptWords(peer) ?? waitingWords(peer);
  return [
    ...words === undefined ? [] : [`  which means    ${words.sentence}`],
    `  cure           ${sessionCure(peer, status)}`,
  ];
}

function sessionLines({ localAddress, negotiated, endOfRibHeld }: PeerStatus): readonly string[] {
  if (negotiated === undefined) return [];
  const { internal, peerIdentifier, peerAs, holdTimeSeconds, keepaliveTimeSeconds, families } = negotiated;
  const timers = holdTimeSeconds === 0
    ? "hold time 0: no keepalives"
    : `hold time ${holdTimeSeconds} s, keepalive time ${keepaliveTimeSeconds} s`;
  return [
    `  session        ${internal ? "iBGP" : "eBGP"}, peer's AS ${peerAs}, BGP Identifier ${peerIdentifier}` +
    (localAddress === undefined ? "" : `, our end ${localAddress}`),
    `  timers         ${timers}`,
    `  families       ${families.join(", ") || "none in common"}`,
    `  capabilities   ${capabilities(negotiated).join(", ") || "none"}`,
    ...negotiated.role === undefined ? [] : [`  roles          ${rolesText(negotiated.role)}`],
    ...endOfRibHeld.length === 0
      ? []
      : [`  End-of-RIB     held back until every service has a verdict: ${endOfRibHeld.join(", ")}`],
  ];
}

/** The key of `capabilities` that turns a refused one off for good, where there is one. */
const SWITCHES: Readonly<Record<string, string>> = {
  "route-refresh": "routeRefresh",
  "enhanced-route-refresh": "enhancedRouteRefresh",
  "extended-message": "extendedMessages",
  "extended-next-hop": "extendedNextHop",
};

const FAMILIES: readonly FamilyName[] = ["ipv4-unicast", "ipv6-unicast"];

function refusedLines({ name, refusedCapabilities: refused }: PeerStatus): readonly string[] {
  if (refused === "all") {
    return [`  not offered    any capability, as ${name} refused an OPEN with them`];
  }
  if (refused.length === 0) return [];
  const off = refused.flatMap((key) => SWITCHES[key] === undefined ? [] : [`${SWITCHES[key]}: false`]);
  const cure = off.length === 0
    ? ""
    : `; capabilities: {${off.join(", ")}} leaves them out from the first OPEN on`;
  const names = refused.map((key) => FAMILIES.find((family) => familyKey(family) === key) ?? key);
  return [`  not offered    ${names.join(", ")}, as ${name} refused an OPEN with them${cure}`];
}

/** What our last OPEN said, whatever the peer makes of it. */
function restartLines({ saidRestart }: PeerStatus): readonly string[] {
  if (saidRestart === undefined) return [];
  const { restarting, forwarding, because } = saidRestart;
  const kept = forwarding.length === 0
    ? "nothing preserved"
    : `forwarding preserved for ${forwarding.join(" and ")}`;
  return [
    `  restart        our OPEN says ${
      restarting ? "restarted (R)" : "not restarted (no R)"
    }, ${kept}: ${because}`,
  ];
}

function transmissionLines({ transmission, stuck }: PeerStatus): readonly string[] {
  if (transmission === undefined) return [];
  const { acknowledgedOctets, inFlightOctets, waitingOctets, retransmissions, segmentOctets, roundTripMs } =
    transmission;
  return [
    `  TCP            ${acknowledgedOctets} octets acknowledged, ${inFlightOctets} in flight, ${waitingOctets} waiting; ` +
    `${retransmissions} segments sent again, of ${segmentOctets} octets at most; round trip ${
      roundTripMs.toFixed(1)
    } ms`,
    ...stuck === undefined ? [] : [`  stuck          ${stuck}`],
  ];
}

function capabilities(negotiated: NonNullable<PeerStatus["negotiated"]>): readonly string[] {
  const { gracefulRestart, extendedNextHop } = negotiated;
  return [
    ...negotiated.fourOctetAs ? ["four-octet AS"] : [],
    ...negotiated.enhancedRouteRefresh
      ? ["enhanced route refresh"]
      : negotiated.routeRefresh
      ? ["route refresh"]
      : [],
    ...negotiated.extendedMessage ? ["extended messages"] : [],
    ...extendedNextHop.length === 0 ? [] : [`extended next hop for ${extendedNextHop.join(" and ")}`],
    ...gracefulRestart === undefined ? [] : [restartText(gracefulRestart)],
  ];
}

function rolesText({ local, peer }: NonNullable<NonNullable<PeerStatus["negotiated"]>["role"]>): string {
  return `this host is ${local}, ${
    peer === undefined ? "the peer does not say what it is" : `the peer ${peer}`
  }`;
}

function restartText(
  { active, notification, restartTimeSeconds }: NonNullable<
    NonNullable<PeerStatus["negotiated"]>["gracefulRestart"]
  >,
): string {
  if (!active) return "graceful restart (the peer's alone, off here)";
  return `graceful restart (${restartTimeSeconds} s of the peer's${notification ? ", N bit" : ""})`;
}

function messages(counts: PeerStatus["messages"]["sent"]): string {
  const seen = Object.entries(counts).filter(([, count]) => count > 0);
  return seen.map(([type, count]) => `${count} ${type}`).join(", ") || "nothing";
}

function notification(label: string, record: NotificationRecord | undefined, now: Date): readonly string[] {
  if (record === undefined) return [];
  const { code, subcode, text, at } = record;
  return [`  ${label.padEnd(14)} NOTIFICATION ${code}/${subcode} ${text} (${when(at, now)})`];
}

function when(at: Date, now: Date): string {
  return `${age(at, now)} ago, ${at.toISOString()}`;
}
