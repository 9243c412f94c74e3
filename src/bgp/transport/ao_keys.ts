/**
 * TCP-AO (RFC 5925): the keys of a socket are brought from those that it has to those that it should have, without a moment
 * in which a session has none. The first one is signed with, and asked of the peer.
 */
import type { TcpAoAlgorithm, TcpAoKey } from "../../config/config.ts";
import type { SocketAddress } from "../../net/sockets.ts";
import type { AoKey, RawSocket } from "./raw_sockets.ts";

/** The kernel's names, and how many octets of the code are sent (RFC 5926 section 3.2). */
const ALGORITHMS: { readonly [Algorithm in TcpAoAlgorithm]: Pick<AoKey, "algorithm" | "macOctets"> } = {
  "hmac-sha-1-96": { algorithm: "hmac(sha1)", macOctets: 12 },
  "aes-128-cmac-96": { algorithm: "cmac(aes128)", macOctets: 12 },
  "hmac-sha-256-128": { algorithm: "hmac(sha256)", macOctets: 16 },
};

/** Sets the keys of a socket that has none. `listening`: for the peer at `address` among others. @throws what the kernel said */
export function setAoKeys(
  socket: RawSocket,
  address: SocketAddress["address"],
  keys: readonly TcpAoKey[],
  listening: boolean,
): void {
  keys.forEach((key, index) => socket.addAoKey(address, aoKey(key), !listening && index === 0));
  // A listener refuses what is unsigned by the keys alone: it has peers that sign nothing, too.
  if (!listening && keys.length > 0) socket.requireAo(undefined);
}

/** Keys of a listener, from `old` to `next`. @throws what the kernel said */
export function changeListenerKeys(
  socket: RawSocket,
  address: SocketAddress["address"],
  old: readonly TcpAoKey[],
  next: readonly TcpAoKey[],
): void {
  for (const key of without(old, next)) socket.deleteAoKey(address, key);
  setAoKeys(socket, address, without(next, old), true);
}

/** Keys of a session, from `old` to `next`, which have no number in common that is another key. @throws what the kernel said */
export function rollOverKeys(
  socket: Pick<RawSocket, "addAoKey" | "deleteAoKey" | "requireAo">,
  address: SocketAddress["address"],
  old: readonly TcpAoKey[],
  next: readonly TcpAoKey[],
): void {
  for (const key of without(next, old)) socket.addAoKey(address, aoKey(key), false);
  if (next[0] !== undefined) socket.requireAo(next[0]);
  for (const key of without(old, next)) socket.deleteAoKey(address, key);
}

/** Whether two lists have the same keys in the same order. */
export function sameAoKeys(one: readonly TcpAoKey[], other: readonly TcpAoKey[]): boolean {
  return one.length === other.length && one.every((key, index) => same(key, other[index]));
}

function without(keys: readonly TcpAoKey[], others: readonly TcpAoKey[]): readonly TcpAoKey[] {
  return keys.filter((key) => !others.some((other) => same(key, other)));
}

function same(key: TcpAoKey, other: TcpAoKey | undefined): boolean {
  return key.sendId === other?.sendId && key.receiveId === other.receiveId &&
    key.algorithm === other.algorithm && key.password === other.password;
}

function aoKey({ sendId, receiveId, algorithm, password }: TcpAoKey): AoKey {
  return { sendId, receiveId, key: new TextEncoder().encode(password), ...ALGORITHMS[algorithm] };
}
