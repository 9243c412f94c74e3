/** Why a router may not use a route that it was sent, as far as this side can know. Pure. */
import type { PeerStatus } from "../bgp/peer_status.ts";
import type { RouteStatus, ServiceStatus } from "./status.ts";
import { age } from "../text/table.ts";

/** Well-known communities that change what the receiver does. */
const COMMUNITIES: Readonly<Record<string, string>> = {
  "graceful-shutdown": "GRACEFUL_SHUTDOWN (RFC 8326): the router should prefer every other route",
  "no-advertise": "NO_ADVERTISE (RFC 1997): the router uses it and tells no other router",
  "no-export": "NO_EXPORT (RFC 1997): it does not leave the router's AS",
  "no-export-subconfed": "NO_EXPORT_SUBCONFED (RFC 1997): it does not leave the router's member AS",
  "no-peer": "NOPEER (RFC 3765): the router does not tell its bilateral peers",
  "blackhole": "BLACKHOLE (RFC 7999): the router may drop what goes there",
  "llgr-stale": "LLGR_STALE (RFC 9494): the router should prefer every other route",
};

const MAX_PREFIXES = { code: 6, subcode: 1 } as const;

/** What of the route, the session and its history speaks against it. */
export function routeNotes(
  service: ServiceStatus,
  route: RouteStatus,
  peer: PeerStatus,
  now: Date,
): readonly string[] {
  return [
    ...shiftNotes(service, now),
    ...route.degraded
      ? ["the service is unhealthy: what it is announced with is announce.whenUnhealthy"]
      : [],
    ...peer.stuck === undefined ? [] : [`the router may not have heard of it: ${peer.stuck}`],
    preference(route, peer),
    ...route.attributes.communities.flatMap((name) => COMMUNITIES[name] ?? []),
    ...notificationNotes(peer, now),
    ...peer.endOfRibHeld.length === 0 ? [] : [
      `End-of-RIB is held back until every service has a verdict (${peer.endOfRibHeld.join(", ")}): ` +
      "until then the router keeps what an earlier run announced",
    ],
  ];
}

function shiftNotes({ phase }: ServiceStatus, now: Date): readonly string[] {
  if (phase.name !== "shifting") return [];
  const left = phase.until === undefined ? "" : `, withdrawn in ${age(now, phase.until)}`;
  return [`${phase.reason ?? "drained"}: it shifts away, announced as the worst choice${left}`];
}

/** What other hosts' routes are compared with, in the order of RFC 4271 9.1. */
function preference({ attributes, peers }: RouteStatus, { name, negotiated }: PeerStatus): string {
  const { localPreference, med, asPathPrepend } = attributes;
  const nextHop = peers.find((peer) => peer.name === name)?.nextHop ?? "";
  const internal = negotiated?.internal ?? false;
  return [
    internal ? `LOCAL_PREF ${localPreference}` : `AS_PATH of ${1 + asPathPrepend}`,
    `MED ${med ?? "none"}`,
    `next hop ${nextHop}`,
  ].join(", ") + ": equal-cost paths must have the same of the first two";
}

/** What the router said last, before the session that there is now. */
function notificationNotes({ lastNotificationReceived: record }: PeerStatus, now: Date): readonly string[] {
  if (record === undefined) return [];
  const { code, subcode, text, at } = record;
  const about = record.reason ?? record;
  const limit = about.code === MAX_PREFIXES.code && about.subcode === MAX_PREFIXES.subcode;
  const advice = limit ? ": it has a prefix limit for us, which may be reached again" : "";
  return [
    `${age(at, now)} ago, before this session, it sent NOTIFICATION ${code}/${subcode} ${text}${advice}`,
  ];
}
