/** What brings a session up that is down, told by its last NOTIFICATION, else by why the last attempt ended. Pure. */
import type { NotificationRecord, PeerStatus } from "../bgp/peer_status.ts";
import { BEFORE_THAT } from "../bgp/peer_record.ts";
import type { NotificationWay } from "../bgp/session/peer_state.ts";
import { counterpartOf } from "../bgp/session/role.ts";
import { bfdCure, isLost } from "./bfd_text.ts";
import { failedAttemptWords, waitingWords } from "./attempt_words.ts";
import type { PeerEntry, Status } from "./status.ts";

/** What a cure speaks of. */
interface Place {
  readonly peer: PeerEntry;
  readonly status: Pick<Status, "as" | "routerID" | "listeners">;
}

type Cure = (place: Place) => string;

const BY_ITSELF: Cure = () => "nothing has to be done: the next attempt comes by itself";

function rolesCure(name: string, local: NonNullable<PeerStatus["localRole"]>): string {
  return `this host is ${local} to ${name}: set its role for us to ${
    counterpartOf(local)
  }, or localRole of ${name} here to ` +
    "what this host is";
}

/** One side that has GTSM alone hears nothing of the other, though the connection stands. */
function gtsmHint({ settings: { external, multihop, ttlSecurity } }: PeerEntry): string {
  if (!external || multihop !== undefined) return "";
  return ttlSecurity === undefined
    ? "; where it has GTSM (ttl-security) for us, set ttlSecurity here, too"
    : `; ttlSecurity, which is ${ttlSecurity} here, must be on there, too (ttl-security)`;
}

/** Of an OPEN that is refused for what it offers. */
function capabilitiesCure({ peer }: Place): string {
  const words = peer.lastError?.text ?? "";
  if (words.includes("it wants of us")) {
    return `offer ${peer.name} what it wants (families, gracefulRestart, localRole, capabilities of peers[]), ` +
      "or let it want less (FRR: no strict-capability-match)";
  }
  if (words.includes("nothing can be announced without")) {
    return `turn on at ${peer.name} what it refuses, or set families of ${peer.name} to those that it knows`;
  }
  return peer.refusedCapabilities.length > 0
    ? "nothing has to be done: the next OPEN leaves out what was refused"
    : `offer ${peer.name} only what it knows: families and capabilities of peers[]`;
}

/** Of an UPDATE that is refused for its next hop, or may be. */
function nextHopCure({ peer }: Place): string {
  const { linkLocalRefused: shortened, lastNotificationReceived: last } = peer;
  // Where it refuses again, that was not it.
  if (shortened !== undefined && last !== undefined && last.at <= shortened.at) {
    return "nothing has to be done: no link-local address goes beside a global next hop any more";
  }
  return `${peer.name} refuses our next hop, or another attribute: ` +
    `look at its log; set nextHop or nextHop6 of ${peer.name} to an address on the link, or capabilities: {extendedNextHop: false} ` +
    "where it takes no IPv6 next hop for IPv4";
}

/** NOTIFICATIONs that the router sent, by code/subcode; the code alone stands for those of its subcodes that are not named. */
const RECEIVED: Readonly<Record<string, Cure>> = {
  "1": ({ peer }) =>
    `what reaches ${peer.name} is no BGP of ours: look for a proxy, a wrong port, or a password on one side only`,
  "2": ({ peer }) =>
    `${peer.name} refuses our OPEN: compare peers[] of ${peer.name} with its configuration of us`,
  "2/2": ({ peer }) =>
    `${peer.name} expects another AS than ${peer.localAs}: set its remote-as for us to ${peer.localAs}, or bgp.local.as, ` +
    `or localAS of ${peer.name}`,
  "2/3": ({ status }) =>
    `BGP Identifier ${status.routerID} must differ from the router's: set bgp.local.routerID`,
  "2/5": ({ peer }) => `give ${peer.name} and this host the same password, or the same keys`,
  "2/6": ({ peer }) => `set holdTime of ${peer.name} to what the router takes`,
  "2/0": capabilitiesCure,
  "2/4": capabilitiesCure,
  "2/7": capabilitiesCure,
  "2/11": ({ peer }) =>
    peer.localRole === undefined
      ? `${peer.name} wants a role (RFC 9234): set localRole of ${peer.name} to what this host is to it`
      : rolesCure(peer.name, peer.localRole),
  "3": ({ peer }) =>
    `${peer.name} refuses our UPDATE, so the session ends whenever routes are sent: look at its log for the attribute, and ` +
    "leave it out of announce",
  "3/8": nextHopCure,
  "3/9": nextHopCure,
  "3/10": ({ peer }) =>
    `${peer.name} refuses one of the prefixes: look at its log, and compare addresses of services with what it takes`,
  "3/11": ({ peer }) =>
    `${peer.name} refuses our AS_PATH: let it expect ${peer.localAs} as the first AS (localAS of ${peer.name}, or bgp.local.as), ` +
    "or leave out asPathPrepend",
  "4": ({ peer }) =>
    `${peer.name} heard no KEEPALIVE in time: look for loss, or a path that takes no large packets, between the two` +
    gtsmHint(peer),
  "5": ({ peer }) =>
    `${peer.name} was told what its state does not allow: look at its log, and for another BGP behind the same address`,
  "6": BY_ITSELF,
  "6/1": ({ peer }) =>
    `raise the prefix limit that ${peer.name} has for us, or announce fewer; then clear the session there`,
  "6/2": ({ peer }) =>
    `${peer.name} was shut down by its operator: only there it is turned on again (no shutdown)`,
  "6/3": ({ peer }) => `${peer.name} has no neighbour with our address any more: configure it there again`,
  "6/5": ({ peer }) => `${peer.name} refuses us: configure our address and AS as a neighbour there`,
  "6/8": ({ peer }) => `${peer.name} is out of resources: nothing on this host helps`,
  "6/10": ({ peer }) => `BFD to ${peer.name} is down: look at the link`,
  "8": ({ peer }) =>
    `${peer.name} could send nothing to this host (RFC 9687): look at this host's load, and at the way from there`,
};

/** NOTIFICATIONs that we sent. */
const SENT: Readonly<Record<string, Cure>> = {
  "1": ({ peer }) =>
    `what comes from ${peer.name} is no BGP of ours: look for a proxy, or correct address and port of ${peer.name}`,
  "2": ({ peer }) => `compare peers[] of ${peer.name} with the router's configuration`,
  "2/2": ({ peer }) => `${peer.name} has another AS than ${peer.as}: set peers[].as to it`,
  "2/3": ({ peer, status }) =>
    `${peer.name} has a BGP Identifier that is none, or ours (${status.routerID}): set another one on one side`,
  "2/6": ({ peer }) => `${peer.name} asks for a hold time of 1 or 2 s: set one of 3 s or more, or 0, there`,
  "2/7": ({ peer }) => `no family is common: turn on ipv4-unicast or ipv6-unicast for us at ${peer.name}`,
  "2/11": (place) =>
    place.peer.localRole === undefined ? BY_ITSELF(place) : rolesCure(place.peer.name, place.peer.localRole),
  "3": ({ peer }) =>
    `${peer.name} sends UPDATEs that are malformed: look at its version and its log, or let it announce nothing to us`,
  "4": ({ peer }) =>
    `nothing came from ${peer.name} within the hold time: look at the router, the link, and whether large packets pass` +
    gtsmHint(peer),
  "8": ({ peer }) => `${peer.name} took nothing of what was sent (RFC 9687): look at the router`,
};

const FIND: Cure = ({ peer }) =>
  `bring up both ends of the link, and let the router advertise itself there (FRR: neighbor IFACE interface remote-as …; ` +
  `BIRD: protocol radv; others: IPv6 router advertisements), and ICMPv6 through; or set the address of ${peer.name}`;

/** Other ends, of which nothing else is known, by what their words have; the first one counts. */
const WORDS: readonly (readonly [RegExp, Cure])[] = [
  [
    /is (the|a) service address/,
    ({ peer }) =>
      `give this host an address of its own that leads to ${peer.address} (one that is tentative comes by itself), or set localAddress of ${peer.name}`,
  ],
  [
    /there is no interface|%.*lookup address information/,
    ({ peer }) =>
      `create the interface of ${peer.address}, or correct the address of ${peer.name} (behind %)`,
  ],
  [
    // Of a connection that was up: of others the attempt is known.
    /\b(recv|send): timed out|os error 110/,
    ({ peer }) =>
      `${peer.name} acknowledged nothing, or took nothing, of what was sent for sendHoldTime (RFC 9687): look at the router, ` +
      "the link, and whether large packets pass (tcpMSS)",
  ],
  [
    /refused/i,
    ({ peer }) =>
      `start BGP at ${peer.address}, let it listen for us, or correct address and port of ${peer.name}`,
  ],
  [
    /timed out|time ?out|ConnectRetryTimer/i,
    ({ peer }) =>
      `let the TCP port of BGP (179, or peers[].port) through to ${peer.address}; where both sides have a password, let it be the same one; ` +
      "a router that is not on this link needs multihop",
  ],
  [
    /unreachable|no route/i,
    ({ peer }) =>
      `bring up the link or the route to ${peer.address}; a router that is not on this link needs multihop`,
  ],
  [
    /reset|closed|ended/i,
    ({ peer }) =>
      `${peer.name} takes the connection and closes it: configure our address and AS as a neighbour there, and have it turned on` +
      (peer.neighbour !== undefined
        ? "; FRR that has an IPv4 /30 or /31 on this link wants neighbor INTERFACE interface v6only"
        : peer.settings.localAddress === undefined
        ? "; where it knows another address of this host, set localAddress"
        : "") +
      "; an old one may close over what is offered (capabilities of peers[])",
  ],
  [
    /cannot assign|not available/i,
    ({ peer }) => `give this host localAddress of ${peer.name}, or leave it out`,
  ],
];

/** Connected, and not yet Established. */
const UNDER_WAY: readonly PeerStatus["state"][] = ["OpenSent", "OpenConfirm"];
/** NOTIFICATIONs of a hold timer, or a send hold timer. */
const SILENCE: readonly number[] = [4, 8];

/** The NOTIFICATIONs that have a cure, for tests that produce each. */
export function curedNotifications(): Readonly<Record<NotificationWay, readonly string[]>> {
  return { received: Object.keys(RECEIVED), sent: Object.keys(SENT) };
}

/** What would bring the session up, in words. */
export function sessionCure(peer: PeerEntry, status: Place["status"]): string {
  const place = { peer, status };
  if (peer.address.startsWith("auto%")) return FIND(place);
  if (peer.heldBack !== undefined || isLost(peer.bfd)) return bfdCure(peer);
  const waiting = waitingWords(peer);
  // What the peer itself has said last counts more than what may be of somebody else.
  if (waiting !== undefined && peer.lastError?.noted !== "received") return waiting.cure;
  if (peer.passive && peer.state === "Active" && peer.lastError === undefined) return waitingCure(place);
  if (UNDER_WAY.includes(peer.state) && peer.lastError === undefined) {
    return `comes by itself in moments; where it does not, look at the log of ${peer.name}${gtsmHint(peer)}`;
  }
  const words = peer.lastError?.text ?? peer.cause;
  const notified = notifiedCure(peer);
  const isOver = notified?.isSilence === true && words.includes(BEFORE_THAT);
  if (notified !== undefined && !isOver) return notified.cure(place);
  const attempt = failedAttemptWords(peer);
  if (attempt !== undefined) return attempt.cure;
  const cure = WORDS.find(([pattern]) => pattern.test(words))?.[1] ?? notified?.cure;
  if (cure !== undefined) return cure(place);
  return peer.passive ? waitingCure(place) : BY_ITSELF(place);
}

/** What the NOTIFICATION that is told of calls for; `isSilence`: one side had not heard the other, of which newer ends know more. */
function notifiedCure(
  { lastError, lastNotificationReceived, lastNotificationSent }: PeerEntry,
): { readonly cure: Cure; readonly isSilence: boolean } | undefined {
  const noted = lastError?.noted;
  const record = noted === "received" ? lastNotificationReceived : lastNotificationSent;
  if (noted === undefined || record === undefined) return undefined;
  const cure = cureOf(noted === "received" ? RECEIVED : SENT, record);
  return cure && { cure, isSilence: SILENCE.includes(record.code) };
}

function waitingCure({ peer, status: { listeners } }: Place): string {
  // One for each interface of peers may have the same address.
  const listening = new Set(
    listeners.filter(({ fault }) => fault === undefined)
      .map(({ address, port }) => address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`),
  );
  return listening.size === 0
    ? `${peer.name} is passive, and nothing listens here: set bgp.local.listenPort, or passive: false`
    : `${peer.name} must connect to us: configure this host as a neighbour there (we listen on ${
      [...listening].join(", ")
    })`;
}

function cureOf(cures: Readonly<Record<string, Cure>>, record: NotificationRecord): Cure | undefined {
  const { code, subcode } = record.reason ?? record;
  return cures[`${code}/${subcode}`] ?? cures[`${code}`];
}
