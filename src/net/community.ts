/**
 * The text of BGP communities: standard (RFC 1997, `65512:100` or a well-known name), large (RFC 8092,
 * `65512:1:2`) and extended (RFC 4360, RFC 5668, draft-ietf-idr-link-bandwidth: `rt:65512:100`,
 * `ro:10.0.0.1:5`, `link-bandwidth:65512:125000000`). Parsing is strict: decimal, without leading zeros, in range.
 */
import { parseAddress } from "./address.ts";

/** A large community: global administrator and two local parts, 32 bits each. */
export type LargeCommunity = readonly [number, number, number];

/** Well-known standard communities by the names of the IANA registry. */
export const WellKnownCommunity = {
  "graceful-shutdown": 0xffff0000, // RFC 8326
  "accept-own": 0xffff0001, // RFC 7611
  "llgr-stale": 0xffff0006, // RFC 9494
  "no-llgr": 0xffff0007, // RFC 9494
  "blackhole": 0xffff029a, // RFC 7999
  "no-export": 0xffffff01, // RFC 1997
  "no-advertise": 0xffffff02, // RFC 1997
  "no-export-subconfed": 0xffffff03, // RFC 1997
  "no-peer": 0xffffff04, // RFC 3765
} as const;

const U16 = 0xffff;
const U32 = 0xffff_ffff;
const ExtendedType = { TWO_OCTET_AS: 0x00, IPV4: 0x01, FOUR_OCTET_AS: 0x02, NON_TRANSITIVE: 0x40 } as const;
const ExtendedSubtype = { ROUTE_TARGET: 0x02, ROUTE_ORIGIN: 0x03, LINK_BANDWIDTH: 0x04 } as const;
const SUBTYPE_NAMES: ReadonlyMap<string, number> = new Map([
  ["rt", ExtendedSubtype.ROUTE_TARGET],
  ["ro", ExtendedSubtype.ROUTE_ORIGIN],
]);

/**
 * The 32-bit number of `AS:VALUE` or of a well-known name, or undefined where `text` is neither.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * equal(parseCommunity("65512:100"), 65512 * 65536 + 100);
 * equal(parseCommunity("no-export"), 0xffffff01);
 * equal(parseCommunity("65536:1"), undefined);
 * ```
 */
export function parseCommunity(text: string): number | undefined {
  const wellKnown = Object.entries(WellKnownCommunity).find(([name]) => name === text);
  if (wellKnown !== undefined) return wellKnown[1];
  const [as, value, ...more] = text.split(":").map((part) => parseDecimal(part, U16));
  return as === undefined || value === undefined || more.length > 0 ? undefined : as * 0x10000 + value;
}

/** The well-known name of a standard community, else `AS:VALUE`. */
export function formatCommunity(community: number): string {
  const wellKnown = Object.entries(WellKnownCommunity).find(([, value]) => value === community);
  return wellKnown?.[0] ?? `${community >>> 16}:${community & U16}`;
}

/** The three 32-bit numbers of `A:B:C`, or undefined. */
export function parseLargeCommunity(text: string): LargeCommunity | undefined {
  const [global, first, second, ...more] = text.split(":").map((part) => parseDecimal(part, U32));
  if (global === undefined || first === undefined || second === undefined || more.length > 0) {
    return undefined;
  }
  return [global, first, second];
}

/** `A:B:C`. */
export function formatLargeCommunity(community: LargeCommunity): string {
  return community.join(":");
}

/**
 * The eight octets of an extended community, or undefined. `rt:` and `ro:` take a two-octet AS with a 32-bit value,
 * a four-octet AS (over 65535, or marked as in `65512L`) or an IPv4 address with a 16-bit value;
 * `link-bandwidth:AS:BYTES_PER_SECOND` is the non-transitive one; `0x` and 16 hexadecimal digits are taken as they are.
 */
export function parseExtendedCommunity(text: string): Uint8Array | undefined {
  if (/^0x[0-9a-f]{16}$/.test(text)) {
    return Uint8Array.from({ length: 8 }, (_, i) => Number.parseInt(text.slice(2 + 2 * i, 4 + 2 * i), 16));
  }
  const [kind = "", administrator, value, ...more] = text.split(":");
  if (administrator === undefined || value === undefined || more.length > 0) return undefined;
  if (kind === "link-bandwidth") return parseLinkBandwidth(administrator, value);
  const subtype = SUBTYPE_NAMES.get(kind);
  return subtype === undefined ? undefined : parseRoute(subtype, administrator, value);
}

/** The text that `parseExtendedCommunity` reads back to the same eight octets. */
export function formatExtendedCommunity(community: Uint8Array): string {
  const view = new DataView(community.buffer, community.byteOffset, community.byteLength);
  const [type, subtype] = [view.getUint8(0), view.getUint8(1)];
  if (type === ExtendedType.NON_TRANSITIVE && subtype === ExtendedSubtype.LINK_BANDWIDTH) {
    const bandwidth = view.getFloat32(4);
    const plain = bandwidth >= 0 && Number.isFinite(bandwidth) && !Object.is(bandwidth, -0);
    if (plain) return `link-bandwidth:${view.getUint16(2)}:${bandwidth}`;
  }
  const name = [...SUBTYPE_NAMES].find(([, value]) => value === subtype)?.[0];
  if (name !== undefined && type === ExtendedType.TWO_OCTET_AS) {
    return `${name}:${view.getUint16(2)}:${view.getUint32(4)}`;
  }
  if (name !== undefined && type === ExtendedType.IPV4) {
    return `${name}:${community.subarray(2, 6).join(".")}:${view.getUint16(6)}`;
  }
  if (name !== undefined && type === ExtendedType.FOUR_OCTET_AS) {
    const as = view.getUint32(2);
    return `${name}:${as}${as <= U16 ? "L" : ""}:${view.getUint16(6)}`;
  }
  return `0x${Array.from(community, (octet) => octet.toString(16).padStart(2, "0")).join("")}`;
}

function parseRoute(subtype: number, administrator: string, value: string): Uint8Array | undefined {
  const octets = new Uint8Array(8);
  const view = new DataView(octets.buffer);
  view.setUint8(1, subtype);
  const address = administrator.includes(".") ? parseAddress(administrator) : undefined;
  const marked = administrator.endsWith("L");
  const as = parseDecimal(marked ? administrator.slice(0, -1) : administrator, U32);
  const twoOctet = address === undefined && as !== undefined && as <= U16 && !marked;
  const local = parseDecimal(value, twoOctet ? U32 : U16);
  if (local === undefined) return undefined;
  if (address !== undefined) {
    view.setUint8(0, ExtendedType.IPV4);
    octets.set(address.bytes, 2);
    view.setUint16(6, local);
  } else if (as === undefined) {
    return undefined;
  } else if (twoOctet) {
    view.setUint8(0, ExtendedType.TWO_OCTET_AS);
    view.setUint16(2, as);
    view.setUint32(4, local);
  } else {
    view.setUint8(0, ExtendedType.FOUR_OCTET_AS);
    view.setUint32(2, as);
    view.setUint16(6, local);
  }
  return octets;
}

function parseLinkBandwidth(administrator: string, value: string): Uint8Array | undefined {
  const as = parseDecimal(administrator, U16);
  if (as === undefined || !/^(0|[1-9][0-9]*)(\.[0-9]+)?(e[+-]?[0-9]{1,3})?$/.test(value)) return undefined;
  const bandwidth = Math.fround(Number(value));
  if (!Number.isFinite(bandwidth)) return undefined;
  const octets = new Uint8Array(8);
  const view = new DataView(octets.buffer);
  view.setUint8(0, ExtendedType.NON_TRANSITIVE);
  view.setUint8(1, ExtendedSubtype.LINK_BANDWIDTH);
  view.setUint16(2, as);
  view.setFloat32(4, bandwidth);
  return octets;
}

function parseDecimal(text: string, max: number): number | undefined {
  if (!/^(0|[1-9][0-9]{0,9})$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}
