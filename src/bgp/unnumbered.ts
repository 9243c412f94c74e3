/** Peers that are known by their interface alone: where each is now, as neighbour discovery has it. */
import type { PeerConfig } from "../config/config.ts";
import { UNSPECIFIED } from "../net/address.ts";
import { isUnspecified } from "../net/address_kind.ts";
import type { Neighbours } from "../net/neighbours.ts";

/** The peer at the address where it is now; an automatic one that was not found stays at `::`. */
export function located(peer: PeerConfig, neighbours: Neighbours): PeerConfig {
  if (!peer.automatic || peer.zone === undefined) return peer;
  return { ...peer, address: neighbours.on(peer.zone).address ?? UNSPECIFIED[6] };
}

/** Is it known where the peer is? Nobody can be spoken with, let in or given a key elsewhere. */
export function isLocated({ automatic, address }: PeerConfig): boolean {
  return !automatic || !isUnspecified(address);
}

/** The interfaces on which peers have to be found. */
export function linksOf(peers: readonly PeerConfig[]): readonly string[] {
  return peers.flatMap(({ automatic, zone }) => automatic && zone !== undefined ? [zone] : []);
}
