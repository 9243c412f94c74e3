/** Whose connection it is that comes in: decided here and nowhere else, whatever adapter has accepted it. */
import type { PeerConfig } from "../../config/config.ts";
import { isLinkLocal } from "../../net/address.ts";
import type { Endpoint, ListenerEvents, RefusalReason, TcpSocket } from "./transport.ts";

/** The peer at the other end of a connection, or why it is nobody's. */
export type Admission = { readonly peer: PeerConfig } | { readonly refusal: RefusalReason };

/** Where a listening socket takes connections from. */
export interface ListenPlace {
  /** The interface, or VRF, that it is bound to. */
  readonly device: string | undefined;
  /** That is a VRF. */
  readonly isVrf: boolean;
}

/** A socket that is bound to nothing. */
const ANYWHERE: ListenPlace = { device: undefined, isVrf: false };

/**
 * The peers whose connections come to a socket at `place`. What comes in by an interface comes to the socket that is bound
 * to that, also where its peer is bound to none; a VRF's peers are its own, as addresses mean something else there.
 */
export function peersAt(peers: readonly PeerConfig[], { device, isVrf }: ListenPlace): readonly PeerConfig[] {
  const own = peers.filter((peer) => peer.device === device);
  if (device === undefined || isVrf) return own;
  const taken = new Set(own.map(({ address }) => address.text));
  return [
    ...own,
    ...peers.filter(({ device: other, zone, address }) =>
      other === undefined && !taken.has(address.text) && (zone === undefined || zone === device)
    ),
  ];
}

/**
 * Finds the peer at `remote`, whose connection came to a socket at `place`. A link-local address tells a peer only together with its zone (RFC 4007); where that is
 * not known, it must be the address of one peer alone.
 */
export function admit(
  peers: readonly PeerConfig[],
  remote: Endpoint,
  place: ListenPlace = ANYWHERE,
): Admission {
  const everywhere = peers.filter(({ address }) => address.text === remote.address.text);
  const withAddress = peersAt(everywhere, place);
  const elsewhere = everywhere.find(({ device }) => place.isVrf || device !== undefined);
  if (withAddress.length === 0 && elsewhere !== undefined) {
    return { refusal: { type: "other-device", device: elsewhere.device } };
  }
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
