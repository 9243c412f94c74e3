/** The TTL of a session's segments: 1 to an external peer, GTSM (RFC 5082), multihop, the usual 64 inside. */
import type { PeerConfig } from "../../config/config.ts";

const MAXIMUM_TTL = 255;
const INTERNAL_TTL = 64;

/** What a session sends with, and below which it drops; `minimum` 0 drops nothing. */
export interface TtlPolicy {
  readonly ttl: number;
  readonly minimum: number;
}

/** The TTLs of the session between `localAs`, where `peer` sees no other, and `peer`. A peer one hop away is seen with the TTL it sent. */
export function ttlPolicy(peer: PeerConfig, localAs: number): TtlPolicy {
  if (peer.ttlSecurity !== undefined) {
    return { ttl: MAXIMUM_TTL, minimum: MAXIMUM_TTL + 1 - peer.ttlSecurity };
  }
  if (peer.multihop !== undefined) return { ttl: peer.multihop, minimum: 0 };
  return { ttl: peer.as === (peer.localAs ?? localAs) ? INTERNAL_TTL : 1, minimum: 0 };
}

/**
 * The TTLs of a listening socket, which answers before it knows whom it talks to: the highest that any peer needs,
 * and the lowest bar that no peer falls under. Each accepted connection then gets its own peer's.
 */
export function listenerTtlPolicy(peers: readonly PeerConfig[], localAs: number): TtlPolicy {
  const policies = peers.map((peer) => ttlPolicy(peer, localAs));
  if (policies.length === 0) return { ttl: INTERNAL_TTL, minimum: 0 };
  return {
    ttl: Math.max(...policies.map((policy) => policy.ttl)),
    minimum: Math.min(...policies.map((policy) => policy.minimum)),
  };
}
