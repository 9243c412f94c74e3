/**
 * MP_REACH_NLRI and MP_UNREACH_NLRI (RFC 4760, RFC 2545, RFC 8950). A family that was not negotiated is read by its
 * lengths only and has nothing in it.
 */
import { Writer } from "../../bytes/writer.ts";
import { type Address, addressOf } from "../../net/address.ts";
import type { AfiSafi } from "./capability.ts";
import type { CodecContext } from "./codec_context.ts";
import { addressBits, decodeNlri, type Nlri, opaqueNlri, sameFamily } from "./nlri.ts";

/** Routes of one family that an UPDATE announces. */
export interface Reach {
  readonly family: AfiSafi;
  /** Global next hop, then the link-local one where there are two (RFC 2545). */
  readonly nextHops: readonly Address[];
  readonly nlri: Nlri;
}

/** Routes of one family that an UPDATE withdraws. */
export interface Unreach {
  readonly family: AfiSafi;
  readonly nlri: Nlri;
}

/** AFI, SAFI, next hop length and the reserved octet. */
const MIN_REACH_LENGTH = 5;
/** AFI and SAFI. */
const MIN_UNREACH_LENGTH = 3;

/** The value of MP_REACH_NLRI between two offsets, or what is wrong with it (RFC 7606 sections 5.3 and 7.11). */
export function decodeReach(
  bytes: Uint8Array,
  at: number,
  end: number,
  context: CodecContext,
): Reach | string {
  if (end - at < MIN_REACH_LENGTH) return `length ${end - at}, must be at least ${MIN_REACH_LENGTH}`;
  const family = readFamily(bytes, at);
  const nextHopAt = at + 4;
  const nextHopEnd = nextHopAt + (bytes[at + 3] ?? 0);
  if (nextHopEnd + 1 > end) return `next hop of ${nextHopEnd - nextHopAt} octets in ${end - nextHopAt}`;
  const bits = negotiatedBits(family, context);
  if (bits === undefined) {
    return { family, nextHops: [], nlri: opaqueNlri(bytes.subarray(nextHopEnd + 1, end)) };
  }
  if (!nextHopFits(nextHopEnd - nextHopAt, family, bits, context)) {
    return `next hop of ${nextHopEnd - nextHopAt} octets for AFI ${family.afi}`;
  }
  const nlri = decodeNlri(bytes, nextHopEnd + 1, end, bits);
  if (nlri === undefined) return "prefixes that do not fit";
  return new DecodedReach(family, bytes.subarray(nextHopAt, nextHopEnd), nlri);
}

/** Its next hops are read when somebody asks; a class, as an accessor of a literal costs a flood dearly. */
class DecodedReach implements Reach {
  readonly #nextHops: Uint8Array;
  constructor(readonly family: AfiSafi, nextHops: Uint8Array, readonly nlri: Nlri) {
    this.#nextHops = nextHops;
  }

  get nextHops(): readonly Address[] {
    const bytes = this.#nextHops;
    if (bytes.byteLength === 32) return [addressOf(bytes.subarray(0, 16)), addressOf(bytes.subarray(16))];
    return [addressOf(bytes)];
  }
}

/** The value of MP_UNREACH_NLRI between two offsets, or what is wrong with it (RFC 7606 section 5.3). */
export function decodeUnreach(
  bytes: Uint8Array,
  at: number,
  end: number,
  context: CodecContext,
): Unreach | string {
  if (end - at < MIN_UNREACH_LENGTH) return `length ${end - at}, must be at least ${MIN_UNREACH_LENGTH}`;
  const family = readFamily(bytes, at);
  const bits = negotiatedBits(family, context);
  if (bits === undefined) return { family, nlri: opaqueNlri(bytes.subarray(at + MIN_UNREACH_LENGTH, end)) };
  const nlri = decodeNlri(bytes, at + MIN_UNREACH_LENGTH, end, bits);
  return nlri === undefined ? "prefixes that do not fit" : { family, nlri };
}

/** The value of MP_REACH_NLRI. */
export function encodeReach(family: AfiSafi, nextHops: readonly Address[], nlri: Uint8Array): Uint8Array {
  const writer = new Writer({ capacity: nlri.byteLength + 64 });
  writer.u16(family.afi).u8(family.safi).u8(nextHops.reduce((sum, { bytes }) => sum + bytes.byteLength, 0));
  for (const { bytes } of nextHops) writer.bytes(bytes);
  return writer.u8(0).bytes(nlri).finish();
}

/** The value of MP_UNREACH_NLRI. */
export function encodeUnreach(family: AfiSafi, nlri: Uint8Array): Uint8Array {
  return new Writer({ capacity: nlri.byteLength + 3 }).u16(family.afi).u8(family.safi).bytes(nlri).finish();
}

function readFamily(bytes: Uint8Array, at: number): AfiSafi {
  return { afi: ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0), safi: bytes[at + 2] ?? 0 };
}

function negotiatedBits(family: AfiSafi, context: CodecContext): 32 | 128 | undefined {
  return includesFamily(context.families, family) ? addressBits(family) : undefined;
}

function nextHopFits(length: number, family: AfiSafi, bits: 32 | 128, context: CodecContext): boolean {
  if (length === 16 || length === 32) return bits === 128 || includesFamily(context.extendedNextHop, family);
  return length === 4 && bits === 32;
}

function includesFamily(families: readonly AfiSafi[], family: AfiSafi): boolean {
  for (const each of families) if (sameFamily(each, family)) return true;
  return false;
}
