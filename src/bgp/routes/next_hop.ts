/**
 * The next hop of our routes to a peer (RFC 4271 section 5.1.3, RFC 2545, RFC 8950): what is configured for the peer,
 * else the session's own address where the family can carry it, else this host's address of the family.
 */
import { type Address, isLinkLocal } from "../../net/address.ts";
import type { CodecContext } from "../wire/codec_context.ts";
import { IPV4_UNICAST, sameFamily } from "../wire/nlri.ts";

/** What the next hop depends on. */
export interface NextHopContext {
  readonly codec: CodecContext;
  readonly peerName: string;
  /** `bgp.local.address`. */
  readonly address: Address;
  /** `bgp.local.address6`. */
  readonly address6: Address | undefined;
  /** The peer's `nextHop` and `nextHop6`. */
  readonly nextHop: Address | undefined;
  readonly nextHop6: Address | undefined;
  /** Our end of the session; link-local on an unnumbered one. */
  readonly localAddress: Address;
  /** Our link-local address on a link that the peer shares, to go beside the global next hop (RFC 2545). */
  readonly linkLocal: Address | undefined;
}

/** The next hops of routes of a family, global then link-local, or why there is none and what to do. */
export function nextHopsFor(family: 4 | 6, context: NextHopContext): readonly Address[] | string {
  return family === 4 ? nextHopsForIPv4(context) : nextHopsForIPv6(context);
}

function nextHopsForIPv4(context: NextHopContext): readonly Address[] | string {
  const { nextHop, peerName, localAddress, address } = context;
  const extended = context.codec.extendedNextHop.some((family) => sameFamily(family, IPV4_UNICAST));
  if (nextHop?.family === 4) return [nextHop];
  if (nextHop !== undefined) {
    if (extended) return withLinkLocal(nextHop, context);
    return `next hop ${nextHop.text} for IPv4 needs the extended next hop capability (RFC 8950), ` +
      `which ${peerName} did not offer: turn it on there, or set nextHop to an IPv4 address`;
  }
  if (localAddress.family === 4) return [localAddress];
  return extended ? ownIPv6(context) ?? [address] : [address];
}

function nextHopsForIPv6(context: NextHopContext): readonly Address[] | string {
  const { nextHop6, peerName } = context;
  if (nextHop6?.family === 6) return withLinkLocal(nextHop6, context);
  if (nextHop6 !== undefined) {
    return `nextHop6 ${nextHop6.text} is not an IPv6 address: set nextHop6 of ${peerName} to one`;
  }
  return ownIPv6(context) ??
    `no IPv6 next hop, as the session with ${peerName} runs over IPv4: ` +
      "set bgp.local.address6, or nextHop6 of the peer";
}

/** This host's own IPv6 addresses, as next hops; on an unnumbered link that may be the link-local one alone. */
function ownIPv6(context: NextHopContext): readonly Address[] | undefined {
  const { localAddress, address6 } = context;
  if (localAddress.family === 4) return address6 === undefined ? undefined : [address6];
  if (!isLinkLocal(localAddress)) return withLinkLocal(localAddress, context);
  return address6 === undefined ? [localAddress] : [address6, localAddress];
}

/** Adds the link-local address where the global one is ours on the link that the peer shares. */
function withLinkLocal(nextHop: Address, { localAddress, linkLocal }: NextHopContext): readonly Address[] {
  const ours = nextHop.text === localAddress.text && !isLinkLocal(nextHop);
  return ours && linkLocal !== undefined ? [nextHop, linkLocal] : [nextHop];
}
