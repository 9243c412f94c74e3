/** The values that several path attributes are made of: checked, read and written at offsets of a message. */
import { Writer } from "../../bytes/writer.ts";
import { type Address, addressOf } from "../../net/address.ts";
import { AS_TRANS, UpdateSubcode } from "./constants.ts";

/** AGGREGATOR: who aggregated the route. */
export interface Aggregator {
  readonly as: number;
  readonly address: Address;
}

/** A value of an attribute that is not as its RFC says. */
export interface Malformed {
  /** UPDATE Message Error subcode, for where it ends the session. */
  readonly subcode: number;
  readonly message: string;
}

/** The largest AS that two octets hold. */
export const MAX_TWO_OCTET_AS = 0xffff;

/** A length that the attribute must not have (RFC 4271 section 6.3). */
export function lengthError(length: number, rule: string): Malformed {
  return { subcode: UpdateSubcode.ATTRIBUTE_LENGTH_ERROR, message: `length ${length}, must be ${rule}` };
}

/** Judges a value between two offsets. */
export type AttributeCheck = (bytes: Uint8Array, at: number, end: number) => Malformed | undefined;

/** A check that the value has so many octets. */
export function exactly(octets: number): AttributeCheck {
  return (_, at, end) => end - at === octets ? undefined : lengthError(end - at, String(octets));
}

/** A check that the value is one or more items of so many octets. */
export function multipleOf(octets: number): AttributeCheck {
  return (_, at, end) =>
    end > at && (end - at) % octets === 0
      ? undefined
      : lengthError(end - at, `a multiple of ${octets} and not 0`);
}

/** Is it a host's address: not in 0.0.0.0/8, not multicast, not the broadcast one (RFC 4271 section 6.3)? */
export function isHostAddress(bytes: Uint8Array, at: number): boolean {
  const first = bytes[at] ?? 0;
  return first !== 0 && (first < 224 || first > 239) && u32(bytes, at) !== 0xffff_ffff;
}

/** What is wrong with an AGGREGATOR or AS4_AGGREGATOR (RFC 7606 section 7.7, RFC 7607). */
export function checkAggregator(
  bytes: Uint8Array,
  at: number,
  end: number,
  octets: 2 | 4,
): Malformed | undefined {
  if (end - at !== octets + 4) return lengthError(end - at, String(octets + 4));
  const as = octets === 4 ? u32(bytes, at) : u16(bytes, at);
  return as === 0 ? { subcode: UpdateSubcode.OPTIONAL_ATTRIBUTE_ERROR, message: "AS 0" } : undefined;
}

/** The value of AGGREGATOR or AS4_AGGREGATOR. */
export function readAggregator(bytes: Uint8Array, at: number, end: number, octets: 2 | 4): Aggregator {
  const as = octets === 4 ? u32(bytes, at) : u16(bytes, at);
  return { as, address: addressOf(bytes.subarray(end - 4, end)) };
}

/** The value of AGGREGATOR or AS4_AGGREGATOR; with two octets, AS_TRANS stands for what does not fit. */
export function writeAggregator({ as, address }: Aggregator, octets: 2 | 4): Uint8Array {
  const writer = new Writer();
  if (octets === 4) writer.u32(as);
  else writer.u16(as > MAX_TWO_OCTET_AS ? AS_TRANS : as);
  return writer.bytes(address.bytes).finish();
}

/** Two octets as a number. */
export function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/** Four octets as a number. */
export function u32(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 0x10000 + u16(bytes, at + 2);
}

/** Numbers of four octets. */
export function readU32s(bytes: Uint8Array, at: number, end: number): number[] {
  return Array.from({ length: (end - at) / 4 }, (_, i) => u32(bytes, at + 4 * i));
}

/** Numbers of four octets, written. */
export function u32s(values: readonly number[]): Uint8Array {
  return values.reduce((writer, value) => writer.u32(value), new Writer()).finish();
}
