/**
 * NLRI (RFC 4271 section 4.3, RFC 4760 section 5): prefixes that stay packed. Received ones are checked in one
 * pass over the bytes (RFC 7606 section 5.3) and made into values only where somebody asks.
 */
import { addressOf } from "../../net/address.ts";
import { type Prefix, prefixOf } from "../../net/prefix.ts";
import type { AfiSafi } from "./capability.ts";
import { Afi, Safi } from "./constants.ts";

/** Packed prefixes of one family. */
export interface Nlri {
  /** Prefixes in it; 0 where the family is one that we do not read. */
  readonly count: number;
  /** As they stand on the wire: a view of the message that they came with. */
  readonly bytes: Uint8Array;
  prefixes(): Iterable<Prefix>;
}

/** The family of unicast IPv4. */
export const IPV4_UNICAST: AfiSafi = { afi: Afi.IPv4, safi: Safi.UNICAST };
/** The family of unicast IPv6. */
export const IPV6_UNICAST: AfiSafi = { afi: Afi.IPv6, safi: Safi.UNICAST };
/** No prefixes at all. */
export const NO_NLRI: Nlri = { count: 0, bytes: new Uint8Array(), prefixes: () => [] };

/** Are the two the same family? */
export function sameFamily(a: AfiSafi, b: AfiSafi): boolean {
  return a.afi === b.afi && a.safi === b.safi;
}

/** Bits of an address of `family`, or undefined where we do not know how its NLRI is built. */
export function addressBits(family: AfiSafi): 32 | 128 | undefined {
  if (family.safi !== Safi.UNICAST) return undefined;
  return family.afi === Afi.IPv4 ? 32 : family.afi === Afi.IPv6 ? 128 : undefined;
}

/** The checked NLRI between two offsets of `bytes`, or undefined where they are not exactly prefixes. */
export function decodeNlri(bytes: Uint8Array, at: number, end: number, bits: 32 | 128): Nlri | undefined {
  if (at === end) return NO_NLRI;
  const count = countPrefixes(bytes, at, end, bits);
  if (count === undefined) return undefined;
  return new ReceivedNlri(count, bytes, at, end, bits);
}

/** A view that is made where somebody asks, as most are only counted; a class for the reason that `update.ts` gives. */
class ReceivedNlri implements Nlri {
  readonly #message: Uint8Array;
  readonly #at: number;
  readonly #end: number;
  readonly #bits: 32 | 128;
  constructor(readonly count: number, message: Uint8Array, at: number, end: number, bits: 32 | 128) {
    this.#message = message;
    this.#at = at;
    this.#end = end;
    this.#bits = bits;
  }

  get bytes(): Uint8Array {
    return this.#message.subarray(this.#at, this.#end);
  }

  prefixes(): Iterable<Prefix> {
    return unpack(this.bytes, this.#bits);
  }
}

/** NLRI of a family that is not negotiated: kept as bytes, with nothing in it. */
export function opaqueNlri(bytes: Uint8Array): Nlri {
  return { count: 0, bytes, prefixes: () => [] };
}

/**
 * Packs prefixes, all of one family, in their order.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parsePrefix } from "../../net/prefix.ts";
 *
 * const prefix = parsePrefix("10.1.0.0/16");
 * assert.ok(prefix !== undefined);
 * assert.deepEqual([...nlriOf([prefix]).bytes], [16, 10, 1]);
 * ```
 */
export function nlriOf(prefixes: readonly Prefix[]): Nlri {
  const bytes = new Uint8Array(prefixes.reduce((sum, prefix) => sum + packedLength(prefix), 0));
  let at = 0;
  for (const prefix of prefixes) at = writePrefix(prefix, bytes, at);
  return { count: prefixes.length, bytes, prefixes: () => prefixes };
}

/** Octets that a prefix takes. */
export function packedLength(prefix: Prefix): number {
  return 1 + ((prefix.length + 7) >>> 3);
}

/** Writes a prefix at `at`, where there must be room, and says where the next one goes. */
export function writePrefix(prefix: Prefix, into: Uint8Array, at: number): number {
  const octets = (prefix.length + 7) >>> 3;
  const { address, length } = prefix;
  into[at] = length;
  for (let i = 0; i < octets; i++) into[at + 1 + i] = address.octet(i);
  return at + 1 + octets;
}

function countPrefixes(bytes: Uint8Array, start: number, end: number, bits: number): number | undefined {
  let count = 0;
  let at = start;
  while (at < end) {
    const length = bytes[at] ?? 0;
    if (length > bits) return undefined;
    at += 1 + ((length + 7) >>> 3);
    count++;
  }
  return at === end ? count : undefined;
}

function* unpack(bytes: Uint8Array, bits: 32 | 128): Generator<Prefix> {
  let at = 0;
  while (at < bytes.byteLength) {
    const length = bytes[at] ?? 0;
    const octets = (length + 7) >>> 3;
    const address = new Uint8Array(bits / 8);
    address.set(bytes.subarray(at + 1, at + 1 + octets));
    yield prefixOf(addressOf(address), length);
    at += 1 + octets;
  }
}
