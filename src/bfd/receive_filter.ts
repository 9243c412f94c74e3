/**
 * What the kernel is to drop before it takes room in a receiving socket, which is small: a flood must not cost the sessions their
 * packets, nor this process its time. Let through is what comes from a peer's address with a TTL that counts, what names the session
 * of a peer in whose name somebody floods us, and a sample of everything else, so that it is still counted and worded. All is checked again where it is read. A classic BPF program
 * (linux/filter.h), which sees the UDP header first and reaches the IP header by SKF_NET_OFF. Pure.
 */
import type { FilterInstruction } from "../net/sockets.ts";
import type { BfdPeer } from "./bfd_peer.ts";

const LOAD_WORD = 0x20;
const LOAD_OCTET = 0x30;
const JUMP = 0x05;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_AT_LEAST = 0x35;
const AND = 0x54;
const RETURN = 0x06;

/** SKF_NET_OFF and SKF_AD_OFF + SKF_AD_RANDOM, as unsigned numbers. */
const IP_HEADER = 0xfff0_0000;
const RANDOM = 0xffff_f000 + 56;
/** Offsets in the IP headers of the TTL or hop limit, and of the last word of the source address. */
const HEADER = { 4: { ttl: 8, source: 12 }, 6: { ttl: 7, source: 20 } } as const;
/** Your Discriminator, behind the UDP header (RFC 5880 section 4.1). */
const YOUR_DISCRIMINATOR = 8 + 8;
const ALL = 0xffff_ffff;
/** One in so many: at 300,000 packets a second so few are left that they take no room. */
const SAMPLE = 64;
/** Each takes two instructions. What a socket may hold of them, net.core.optmem_max, is 20 KiB before Linux 6.9: some 800 peers. */
const MAX_PEERS = 500;

/** The program of a socket that only sends. */
export const TAKE_NOTHING: readonly FilterInstruction[] = [{ code: RETURN, k: 0, jt: 0, jf: 0 }];

/**
 * The program for a socket that these peers, of one family, share; of what comes from others than those `heard`, and names none of
 * these discriminators, a sample is left.
 */
export function receiveFilter(
  peers: readonly BfdPeer[],
  heard: readonly BfdPeer[],
  discriminators: readonly number[] = [],
): readonly FilterInstruction[] {
  const [first] = peers;
  if (first === undefined || peers.length > MAX_PEERS) return [one(RETURN, ALL)];
  const header = HEADER[first.address.family];
  const least = Math.min(...peers.map(({ minimumTtl }) => minimumTtl));
  const words = new Set(heard.map(({ address }) => lastWord(address.bytes)));
  const known = [...words].flatMap((word) => [one(JUMP_IF_EQUAL, word, 0, 1), one(RETURN, ALL)]);
  return [
    one(LOAD_OCTET, IP_HEADER + header.ttl),
    one(JUMP_IF_AT_LEAST, least, 1, 0),
    one(JUMP, 1 + known.length),
    one(LOAD_WORD, IP_HEADER + header.source),
    ...known,
    one(LOAD_WORD, RANDOM),
    one(AND, SAMPLE - 1),
    one(JUMP_IF_EQUAL, 0, 0, 1),
    one(RETURN, ALL),
    // What is too short to have one is dropped by the load.
    one(LOAD_WORD, YOUR_DISCRIMINATOR),
    ...discriminators.flatMap((discriminator) => [one(JUMP_IF_EQUAL, discriminator, 0, 1), one(RETURN, ALL)]),
    one(RETURN, 0),
  ];
}

function one(code: number, k: number, jt = 0, jf = 0): FilterInstruction {
  return { code, jt, jf, k };
}

/** What tells addresses of one family apart well enough: all of IPv4, the end of IPv6. */
function lastWord(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(bytes.byteLength - 4);
}
