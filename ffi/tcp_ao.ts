/**
 * The structs of TCP-AO (RFC 5925) as setsockopt(2) takes them: uapi linux/tcp.h of Linux 6.7 and later, little-endian, the
 * same on every 64-bit machine. Pure; which option each goes with, `socket_options.ts` knows.
 */
import { encodeSocketAddress, type IpAddress } from "./sockaddr.ts";

const MAX_KEY_OCTETS = 80;
const ALG_NAME_OCTETS = 64;
/** struct tcp_ao_add; a sockaddr_storage of 128 octets is first. */
const ADD = {
  size: 288,
  algName: 128,
  ifindex: 192,
  flags: 196,
  reserved2: 200,
  prefix: 202,
  sndid: 203,
  rcvid: 204,
  maclen: 205,
  keyflags: 206,
  keylen: 207,
  key: 208,
} as const;
/** struct tcp_ao_del; a sockaddr_storage of 128 octets is first. */
const DEL = {
  size: 144,
  ifindex: 128,
  flags: 132,
  reserved2: 136,
  prefix: 138,
  sndid: 139,
  rcvid: 140,
  currentKey: 141,
  rnext: 142,
  keyflags: 143,
} as const;
/** struct tcp_ao_info_opt; five counters of 64 bits follow. */
const INFO = { size: 48, flags: 0, reserved2: 4, currentKey: 6, rnext: 7, counters: 8 } as const;

/** Bit fields, the lowest bit first. */
const FLAG = { setCurrent: 1, setRnext: 2, aoRequired: 4 } as const;

/** A key's numbers: in what we send, and in what the peer sends. */
export interface AoKeyIds {
  readonly sendId: number;
  readonly receiveId: number;
}

/** A master key tuple. */
export interface AoKey extends AoKeyIds {
  /** As the kernel's crypto API spells it: `hmac(sha1)`. */
  readonly algorithm: string;
  readonly macOctets: number;
  readonly key: Uint8Array;
}

/** Octets of the structs, for tests that compare them with the header. */
export const AO_SIZES = { add: ADD.size, del: DEL.size, info: INFO.size } as const;

/**
 * struct tcp_ao_add: a key for everything to and from `address`; `first`: it is used at once, and asked for (no listener
 * takes that).
 * @throws {RangeError} the key is empty or longer than 80 octets, or a name too long
 */
export function encodeAoAdd(
  address: IpAddress,
  { algorithm, macOctets, sendId, receiveId, key }: AoKey,
  first: boolean,
): Uint8Array<ArrayBuffer> {
  if (key.byteLength === 0 || key.byteLength > MAX_KEY_OCTETS) {
    throw new RangeError(`a TCP-AO key has 1 to ${MAX_KEY_OCTETS} octets, not ${key.byteLength}`);
  }
  const name = new TextEncoder().encode(algorithm);
  if (name.byteLength >= ALG_NAME_OCTETS) throw new RangeError(`not an algorithm: ${algorithm}`);
  const bytes = addressed(address, ADD.size);
  bytes.set(name, ADD.algName);
  new DataView(bytes.buffer).setUint32(ADD.flags, first ? FLAG.setCurrent | FLAG.setRnext : 0, true);
  bytes[ADD.prefix] = prefixOf(address);
  bytes[ADD.sndid] = sendId;
  bytes[ADD.rcvid] = receiveId;
  bytes[ADD.maclen] = macOctets;
  bytes[ADD.keylen] = key.byteLength;
  bytes.set(key, ADD.key);
  return bytes;
}

/** struct tcp_ao_del: the key of these numbers for `address` goes. */
export function encodeAoDelete(
  address: IpAddress,
  { sendId, receiveId }: AoKeyIds,
): Uint8Array<ArrayBuffer> {
  const bytes = addressed(address, DEL.size);
  bytes[DEL.prefix] = prefixOf(address);
  bytes[DEL.sndid] = sendId;
  bytes[DEL.rcvid] = receiveId;
  return bytes;
}

/**
 * struct tcp_ao_info_opt: unsigned segments are refused, and where `use` names a key, it is signed with and asked for. ICMP
 * stays ignored in a session that is up (RFC 5925 section 7.8), as `accept_icmps` is not set.
 */
export function encodeAoInfo(use: AoKeyIds | undefined): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(new ArrayBuffer(INFO.size));
  const flags = FLAG.aoRequired | (use === undefined ? 0 : FLAG.setCurrent | FLAG.setRnext);
  new DataView(bytes.buffer).setUint32(INFO.flags, flags, true);
  if (use === undefined) return bytes;
  bytes[INFO.currentKey] = use.sendId;
  bytes[INFO.rnext] = use.receiveId;
  return bytes;
}

function addressed(address: IpAddress, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(new ArrayBuffer(size));
  bytes.set(encodeSocketAddress({ address, port: 0, scopeId: 0 }));
  return bytes;
}

function prefixOf({ family }: IpAddress): number {
  return family === 4 ? 32 : 128;
}
