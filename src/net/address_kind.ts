/** What kind of address one is: loopback, multicast, unspecified and so on (RFC 6890). */
import { type Address, addressOf } from "./address.ts";

/** True for 127.0.0.0/8 and ::1. */
export function isLoopback(address: Address): boolean {
  return address.family === 4 ? address.octet(0) === 127 : address.text === "::1";
}

/** True for 169.254.0.0/16 (RFC 3927). */
export function isLinkLocalIPv4(address: Address): boolean {
  return address.family === 4 && address.octet(0) === 169 && address.octet(1) === 254;
}

/** True for 224.0.0.0/4 and ff00::/8. */
export function isMulticast(address: Address): boolean {
  return address.family === 4 ? (address.octet(0) & 0xf0) === 0xe0 : address.octet(0) === 0xff;
}

/** True for 0.0.0.0 and ::. */
export function isUnspecified(address: Address): boolean {
  return address.bytes.every((octet) => octet === 0);
}

/** True for 255.255.255.255. */
export function isBroadcast(address: Address): boolean {
  return address.text === "255.255.255.255";
}

/** True for ::ffff:0:0/96 (RFC 4291 section 2.5.5.2). */
export function isMapped(address: Address): boolean {
  return address.family === 6 && address.text.startsWith("::ffff:") && address.text.includes(".");
}

/** The IPv4 address where `address` is a mapped one, as an IPv4 client of a listener on :: shows; else the address. */
export function unmapped(address: Address): Address {
  return isMapped(address) ? addressOf(address.bytes.subarray(12)) : address;
}

/** The IPv4 address in a mapped one. */
export function mappedIPv4(address: Address): string {
  return address.bytes.subarray(12).join(".");
}
