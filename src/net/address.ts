/**
 * IPv4 and IPv6 addresses: strict parsing (dotted quad without leading zeros; RFC 4291 section 2.2) and the
 * canonical text of RFC 5952. Values are compared by `text`.
 */
import { latin1Octets, latin1Text } from "./latin1.ts";

/** An IP address. `text` is canonical and is the key. */
export interface Address {
  readonly family: 4 | 6;
  readonly text: string;
  /** 4 or 16 octets in network order, copied each time. */
  readonly bytes: Uint8Array;
  /** One of the octets, without the copy. */
  octet(index: number): number;
}

/**
 * The address that `text` spells, or undefined where it is not exactly one IPv4 or IPv6 address.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * equal(parseAddress("2001:DB8:0::1")?.text, "2001:db8::1");
 * equal(parseAddress("10.0.0.010"), undefined);
 * ```
 */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(":")) {
    const octets = parseIPv4(text);
    // What is spelled without leading zeros is the canonical text.
    return octets === undefined ? undefined : new CompactAddress(4, octets, text);
  }
  const octets = parseIPv6(text);
  return octets && addressOf(octets);
}

/**
 * The address of 4 or 16 octets in network order; the octets are copied.
 * @throws {RangeError} for any other length
 */
export function addressOf(octets: Uint8Array): Address {
  const { byteLength } = octets;
  if (byteLength === 4) return new CompactAddress(4, latin1Text(octets), octets.join("."));
  if (byteLength === 16) return new CompactAddress(6, latin1Text(octets), formatIPv6(octets));
  throw new RangeError(`an address has 4 or 16 octets, not ${byteLength}`);
}

/** The length of a host prefix in the address's family. */
export function hostBits({ family }: Pick<Address, "family">): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** `ADDRESS:PORT`, with an IPv6 address in brackets. */
export function withPort({ family, text }: Address, port: number): string {
  return `${family === 6 ? `[${text}]` : text}:${port}`;
}

/** An IPv4 address as the unsigned 32-bit number that BGP Identifiers are compared as. */
export function addressToU32(address: Address): number {
  return address.bytes.subarray(0, 4).reduce((value, octet) => value * 256 + octet, 0);
}

/** The dotted quad of an unsigned 32-bit number, such as a BGP Identifier. */
export function formatU32(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join(".");
}

/** An IPv6 address of fe80::/10, which means something on one link only (RFC 4291 section 2.5.6). */
export function isLinkLocal(address: Address): boolean {
  return address.family === 6 && address.octet(0) === 0xfe && (address.octet(1) & 0xc0) === 0x80;
}

/**
 * Keeps its octets as characters: a Uint8Array has its octets outside of the heap, and each of a hundred thousand
 * addresses would take 400 octets more.
 */
class CompactAddress implements Address {
  readonly #octets: string;
  constructor(readonly family: 4 | 6, octets: string, readonly text: string) {
    this.#octets = octets;
  }

  get bytes(): Uint8Array {
    return latin1Octets(this.#octets);
  }

  octet(index: number): number {
    return this.#octets.charCodeAt(index);
  }
}

const DOT = 46;
const DIGIT_0 = 48;
const DIGIT_9 = 57;

/** Its octets as characters, digit by digit: every probe of an address asks, and every connection that is made. */
function parseIPv4(text: string): string | undefined {
  if (text.length > "255.255.255.255".length) return undefined;
  let octets = "";
  let octet = -1;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === DOT && octet >= 0 && octets.length < 3) {
      octets += String.fromCharCode(octet);
      octet = -1;
    } else if (unit >= DIGIT_0 && unit <= DIGIT_9 && octet !== 0) {
      octet = Math.max(octet, 0) * 10 + unit - DIGIT_0;
      if (octet > 255) return undefined;
    } else {
      return undefined;
    }
  }
  return octets.length < 3 || octet < 0 ? undefined : octets + String.fromCharCode(octet);
}

function parseIPv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const groups = halves.map((half, index) => parseGroups(half, index === halves.length - 1));
  const [head, tail] = groups;
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  if (halves.length === 1) return head.length === 16 ? Uint8Array.from(head) : undefined;
  const octets = [...head, ...(tail ?? [])];
  if (octets.length > 14) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head, 0);
  bytes.set(tail ?? [], 16 - (tail ?? []).length);
  return bytes;
}

/** The octets of `a:b:c`, whose last group may be a dotted quad where `last` is set. */
function parseGroups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const octets: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    if (last && index === groups.length - 1 && group.includes(".")) {
      const quad = parseIPv4(group);
      if (quad === undefined) return undefined;
      octets.push(...latin1Octets(quad));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(group)) {
      const value = Number.parseInt(group, 16);
      octets.push(value >>> 8, value & 0xff);
    } else {
      return undefined;
    }
  }
  return octets;
}

function formatIPv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${bytes.subarray(12).join(".")}`;
  }
  const run = longestZeroRun(groups);
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  if (run.length < 2) return hex(groups);
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`;
}

/** The longest run of zero groups, the first one of equals (RFC 5952 section 4.2.3). */
function longestZeroRun(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** The address of all zeros, by family. */
export const UNSPECIFIED = {
  4: addressOf(new Uint8Array(4)),
  6: addressOf(new Uint8Array(16)),
} as const;
