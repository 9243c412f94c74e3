/** What an Established session is: what was agreed on, between which ends, and what routes have to know of it. Pure. */
import type { LocalBgp, PeerConfig } from "../config/config.ts";
import { localAsOf } from "../config/local_as.ts";
import type { AdvertiseContext } from "./routes/adj_rib_out.ts";
import { isServiceAddress, type OwnAddresses } from "./routes/next_hop.ts";
import type { Negotiated } from "./session/negotiate.ts";
import { marksOnlyToCustomer } from "./session/role.ts";
import type { Endpoint } from "./transport/transport.ts";

/** What was negotiated for a session, and its ends. */
export interface EstablishedSession {
  readonly negotiated: Negotiated;
  readonly end: Endpoint;
  readonly remote: Endpoint;
  /** We connected, so that our end is the session's source. */
  readonly isOutgoing: boolean;
}

/** One, as others see it: with whom it is. */
export interface StandingSession extends Pick<EstablishedSession, "negotiated"> {
  readonly peer: PeerConfig;
}

/** Is its source an address that every host of a service has? Answers would get to whichever of them routers choose. */
export function comesFromService({ isOutgoing, end }: EstablishedSession, own: OwnAddresses): boolean {
  return isOutgoing && isServiceAddress(end.address, own);
}

/** It is an external peer of one hop: the next hops that it takes are on the link that we share (RFC 4271 section 5.1.3). */
function isNextDoor(local: LocalBgp, peer: PeerConfig): boolean {
  return peer.as !== localAsOf(local, peer) && peer.multihop === undefined && (peer.ttlSecurity ?? 1) === 1;
}

/** What routes go by on it; `besideGlobal`: a link-local next hop may go beside a global one. */
export function advertiseContext(
  { negotiated, end, remote }: EstablishedSession,
  { local, peer, own, besideGlobal }: {
    readonly local: LocalBgp;
    readonly peer: PeerConfig;
    readonly own: OwnAddresses;
    readonly besideGlobal: boolean;
  },
): AdvertiseContext {
  return {
    codec: negotiated,
    peerName: peer.name,
    localAs: localAsOf(local, peer),
    onlyToCustomer: marksOnlyToCustomer(negotiated.role?.local),
    address: local.address,
    address6: local.address6,
    nextHop: peer.nextHop,
    nextHop6: peer.nextHop6,
    localAddress: end.address,
    zone: end.zone,
    remoteAddress: remote.address,
    own,
    prefersOnLink: local.address.text === local.routerID.text && isNextDoor(local, peer),
    besideGlobal: peer.linkLocalNextHop === "auto" && besideGlobal,
  };
}
