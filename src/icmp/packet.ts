/** ICMP and ICMPv6 echo messages and the errors that answer them (RFC 792, RFC 4443): bytes and values. */
import { icmpErrorReason, icmpErrorTypes } from "../net/icmp_error.ts";

const HEADER_SIZE = 8;
const IPV4_HEADER_SIZE = 20;
const IPV6_HEADER_SIZE = 40;

const ECHO = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const;

/** An echo request or reply. */
export interface Echo {
  readonly identifier: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** What a message means to somebody who sent echo requests. */
export type IcmpMessage =
  | { readonly type: "reply"; readonly echo: Echo }
  | {
    readonly type: "error";
    readonly reason: string;
    /** Where the request was going. */
    readonly destination: Uint8Array;
    /** As much of the request as was returned; its payload is cut or missing. */
    readonly echo: Echo;
  };

/** The types that a raw socket has to let through. */
export function expectedTypes(family: 4 | 6): readonly number[] {
  return [ECHO[family].reply, ...icmpErrorTypes(family)];
}

/** An echo request. The checksum of ICMPv6 covers addresses and is the kernel's job. */
export function encodeEchoRequest(
  family: 4 | 6,
  { identifier, sequence, payload }: Echo,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_SIZE + payload.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, ECHO[family].request);
  view.setUint16(4, identifier);
  view.setUint16(6, sequence);
  bytes.set(payload, HEADER_SIZE);
  if (family === 4) view.setUint16(2, checksum(bytes));
  return bytes;
}

/** The request in what an error returned, or undefined where that is not an echo request. */
export function decodeEchoRequest(family: 4 | 6, bytes: Uint8Array): Echo | undefined {
  return decodeEcho(bytes, ECHO[family].request);
}

/** An ICMP message without IP header; undefined where it is damaged or answers no echo request. */
export function decodeIcmp(family: 4 | 6, bytes: Uint8Array): IcmpMessage | undefined {
  const [type, code] = bytes;
  if (type === undefined || code === undefined || bytes.byteLength < HEADER_SIZE) return undefined;
  // The kernel has checked ICMPv6 (RFC 3542 section 3.1), but hands ICMP to raw sockets before it does.
  if (family === 4 && checksum(bytes) !== 0) return undefined;
  if (type === ECHO[family].reply) {
    const echo = decodeEcho(bytes, type);
    return echo === undefined ? undefined : { type: "reply", echo };
  }
  const reason = icmpErrorReason(family, type, code);
  if (reason === undefined) return undefined;
  const returned = family === 4
    ? splitIPv4(bytes.subarray(HEADER_SIZE))
    : splitIPv6(bytes.subarray(HEADER_SIZE));
  const echo = returned === undefined ? undefined : decodeEchoRequest(family, returned.payload);
  if (returned === undefined || echo === undefined) return undefined;
  return { type: "error", reason, destination: returned.destination, echo };
}

/** The payload and destination of an IPv4 packet of ICMP, whose header length is in the packet. */
export function splitIPv4(packet: Uint8Array): { payload: Uint8Array; destination: Uint8Array } | undefined {
  const length = ((packet[0] ?? 0) & 0xf) * 4;
  if ((packet[0] ?? 0) >> 4 !== 4 || length < IPV4_HEADER_SIZE || packet.byteLength < length) {
    return undefined;
  }
  if (packet[9] !== 1) return undefined;
  return { payload: packet.subarray(length), destination: packet.slice(16, 20) };
}

function splitIPv6(packet: Uint8Array): { payload: Uint8Array; destination: Uint8Array } | undefined {
  if ((packet[0] ?? 0) >> 4 !== 6 || packet.byteLength < IPV6_HEADER_SIZE || packet[6] !== 58) {
    return undefined;
  }
  return { payload: packet.subarray(IPV6_HEADER_SIZE), destination: packet.slice(24, 40) };
}

function decodeEcho(bytes: Uint8Array, type: number): Echo | undefined {
  if (bytes.byteLength < HEADER_SIZE || bytes[0] !== type || bytes[1] !== 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { identifier: view.getUint16(4), sequence: view.getUint16(6), payload: bytes.slice(HEADER_SIZE) };
}

/** The Internet checksum (RFC 1071); 0 over a message that carries its own right one. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index < bytes.byteLength; index += 2) {
    sum += ((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
