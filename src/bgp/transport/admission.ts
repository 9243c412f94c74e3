/** Whose connection it is that comes in: decided here and nowhere else, whatever adapter has accepted it. */
import type { PeerConfig } from "../../config/config.ts";
import { isLinkLocal } from "../../net/address.ts";
import type { Endpoint, ListenerEvents, RefusalReason, TcpSocket } from "./transport.ts";

/** The peer at the other end of a connection, or why it is nobody's. */
export type Admission = { readonly peer: PeerConfig } | { readonly refusal: RefusalReason };

/**
 * Finds the peer at `remote`. A link-local address tells a peer only together with its zone (RFC 4007); where that is
 * not known, it must be the address of one peer alone.
 */
export function admit(peers: readonly PeerConfig[], remote: Endpoint): Admission {
  const withAddress = peers.filter(({ address }) => address.text === remote.address.text);
  if (!isLinkLocal(remote.address)) return admissionOf(withAddress);
  if (remote.zone !== undefined) return admissionOf(withAddress.filter(({ zone }) => zone === remote.zone));
  return withAddress.length > 1 ? { refusal: { type: "unknown-zone" } } : admissionOf(withAddress);
}

/** Gives a connection to whom it is for; where that throws, nobody has it. Never throws. */
export function handOver(socket: TcpSocket, peer: PeerConfig, events: ListenerEvents): void {
  try {
    events.connection(socket, peer);
  } catch (error) {
    socket[Symbol.dispose]();
    events.fault(error);
  }
}

function admissionOf([peer]: readonly PeerConfig[]): Admission {
  return peer === undefined ? { refusal: { type: "no-peer" } } : { peer };
}
