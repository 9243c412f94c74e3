/**
 * Many prefixes into as few UPDATEs as the size allows. An UPDATE has one of Withdrawn Routes, NLRI, MP_REACH_NLRI and
 * MP_UNREACH_NLRI, and the last two come first (RFC 7606 section 5.1).
 */
import type { Address } from "../../net/address.ts";
import type { Prefix } from "../../net/prefix.ts";
import type { AfiSafi } from "./capability.ts";
import { AttributeFlag, AttributeType, HEADER_LENGTH, MessageType } from "./constants.ts";
import { writeHeader } from "./message.ts";
import { packedLength, writePrefix } from "./nlri.ts";

/** What the routes of one announcement share. */
export interface SharedPath {
  readonly family: AfiSafi;
  /** For MP_REACH_NLRI; empty where `attributes` have NEXT_HOP and the prefixes go to the NLRI field. */
  readonly mpNextHops: readonly Address[];
  /** Encoded attributes, MP_REACH_NLRI not among them. */
  readonly attributes: Uint8Array;
}

/** Header, Withdrawn Routes Length and Total Path Attribute Length. */
const UPDATE_OVERHEAD = HEADER_LENGTH + 4;
/** Flags, type and length of two octets. */
const EXTENDED_HEADER = 4;
/** AFI, SAFI, next hop length and the reserved octet. */
const MP_REACH_FIXED = 5;
/** AFI and SAFI. */
const MP_UNREACH_FIXED = 3;

/** Octets left for prefixes in an UPDATE that announces `path`; may be negative. */
export function roomForPrefixes(path: SharedPath, maxLength: number): number {
  const room = maxLength - UPDATE_OVERHEAD - path.attributes.byteLength;
  return path.mpNextHops.length === 0 ? room : room - EXTENDED_HEADER - MP_REACH_FIXED - nextHopLength(path);
}

/**
 * The UPDATEs that announce `prefixes`, all of the path's family, in their order.
 * @throws {RangeError} where not even one prefix has room
 */
export function packReach(path: SharedPath, prefixes: readonly Prefix[], maxLength: number): Uint8Array[] {
  const { attributes, mpNextHops } = path;
  return batches(prefixes, roomForPrefixes(path, maxLength)).map((batch) => {
    const value = mpNextHops.length === 0 ? 0 : MP_REACH_FIXED + nextHopLength(path) + batch.octets;
    const attributesLength = attributeLength(value) + attributes.byteLength;
    const classicOctets = mpNextHops.length === 0 ? batch.octets : 0;
    const bytes = startUpdate(UPDATE_OVERHEAD + attributesLength + classicOctets, 0, attributesLength);
    let at = UPDATE_OVERHEAD;
    if (mpNextHops.length > 0) {
      at = writeFamily(bytes, at, AttributeType.MP_REACH_NLRI, value, path.family);
      bytes[at++] = nextHopLength(path);
      for (const nextHop of mpNextHops) {
        bytes.set(nextHop.bytes, at);
        at += nextHop.bytes.byteLength;
      }
      at = writePrefixes(prefixes, batch, bytes, at + 1);
    }
    bytes.set(attributes, at);
    if (mpNextHops.length === 0) writePrefixes(prefixes, batch, bytes, at + attributes.byteLength);
    return bytes;
  });
}

/** The UPDATEs that withdraw `prefixes` of one family in their order; `classic` for the Withdrawn Routes field. */
export function packUnreach(
  family: AfiSafi,
  classic: boolean,
  prefixes: readonly Prefix[],
  maxLength: number,
): Uint8Array[] {
  const room = maxLength - UPDATE_OVERHEAD - (classic ? 0 : EXTENDED_HEADER + MP_UNREACH_FIXED);
  return batches(prefixes, room).map((batch) => {
    if (classic) {
      const bytes = startUpdate(UPDATE_OVERHEAD + batch.octets, batch.octets, 0);
      writePrefixes(prefixes, batch, bytes, HEADER_LENGTH + 2);
      return bytes;
    }
    const value = MP_UNREACH_FIXED + batch.octets;
    const bytes = startUpdate(UPDATE_OVERHEAD + attributeLength(value), 0, attributeLength(value));
    const at = writeFamily(bytes, UPDATE_OVERHEAD, AttributeType.MP_UNREACH_NLRI, value, family);
    writePrefixes(prefixes, batch, bytes, at);
    return bytes;
  });
}

/** A run of prefixes that goes into one message. */
interface Batch {
  readonly from: number;
  readonly to: number;
  readonly octets: number;
}

function batches(prefixes: readonly Prefix[], room: number): Batch[] {
  const found: Batch[] = [];
  let from = 0;
  let octets = 0;
  let to = 0;
  for (const prefix of prefixes) {
    const length = packedLength(prefix);
    if (length > room) throw new RangeError(`${prefix.text} takes ${length} octets, ${room} are left`);
    if (octets + length > room) {
      found.push({ from, to, octets });
      from = to;
      octets = 0;
    }
    octets += length;
    to++;
  }
  if (from < prefixes.length) found.push({ from, to: prefixes.length, octets });
  return found;
}

/** An UPDATE of `length` octets with all three of its length fields written. */
function startUpdate(length: number, withdrawnLength: number, attributesLength: number): Uint8Array {
  const bytes = new Uint8Array(length);
  writeHeader(bytes, MessageType.UPDATE);
  writeU16(bytes, HEADER_LENGTH, withdrawnLength);
  writeU16(bytes, HEADER_LENGTH + 2 + withdrawnLength, attributesLength);
  return bytes;
}

/** Flags, type and length of an MP attribute, then AFI and SAFI. */
function writeFamily(
  bytes: Uint8Array,
  start: number,
  type: number,
  length: number,
  family: AfiSafi,
): number {
  let at = start;
  const extended = length > 255;
  bytes[at++] = AttributeFlag.OPTIONAL | (extended ? AttributeFlag.EXTENDED_LENGTH : 0);
  bytes[at++] = type;
  if (extended) at = writeU16(bytes, at, length);
  else bytes[at++] = length;
  at = writeU16(bytes, at, family.afi);
  bytes[at++] = family.safi;
  return at;
}

function writePrefixes(
  prefixes: readonly Prefix[],
  { from, to }: Batch,
  bytes: Uint8Array,
  start: number,
): number {
  let at = start;
  for (let i = from; i < to; i++) {
    const prefix = prefixes[i];
    if (prefix !== undefined) at = writePrefix(prefix, bytes, at);
  }
  return at;
}

function writeU16(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value & 0xff;
  return at + 2;
}

/** Octets of a whole attribute with a value of `length`; 0 where there is none. */
function attributeLength(length: number): number {
  return length === 0 ? 0 : length + (length > 255 ? 4 : 3);
}

function nextHopLength(path: SharedPath): number {
  return path.mpNextHops.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
}
