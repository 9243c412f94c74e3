/** Addresses as the file has them: of one host, with a length, with a zone; and what is wrong with those that are none. */
import { type Address, hostBits, isLinkLocal, parseAddress, UNSPECIFIED } from "../../net/address.ts";
import {
  isBroadcast,
  isLinkLocalIPv4,
  isLoopback,
  isMapped,
  isMulticast,
  isUnspecified,
  mappedIPv4,
} from "../../net/address_kind.ts";
import type { Parsed } from "../../text/parsed.ts";
import { parseInterfaceName } from "./name.ts";
import { variableIn } from "./placeholder.ts";

/** An address that one host can have, of the given family where only one will do: not unspecified, multicast or broadcast. */
export function parseHostAddress(text: string, family?: 4 | 6): Parsed<Address> {
  const address = parseAddress(text);
  if (address === undefined) return { problem: addressProblem(text, family) };
  if (isMapped(address) && family !== 6) {
    return { problem: `must be written as the IPv4 address ${mappedIPv4(address)}` };
  }
  if (isMapped(address) || (family ?? address.family) !== address.family) {
    return { problem: `must be an IPv${family} address` };
  }
  if (isUnspecified(address)) {
    return { problem: "must be an address of one host, not the unspecified address" };
  }
  if (isMulticast(address)) return { problem: "must be an address of one host, not a multicast address" };
  if (isBroadcast(address)) return { problem: "must be an address of one host, not the broadcast address" };
  return { value: address };
}

/** The address of a real server (ip_vs_new_dest of net/netfilter/ipvs/ip_vs_ctl.c refuses link-local IPv6 ones of other hosts). */
export function parseServerAddress(text: string): Parsed<Address> {
  const host = parseHostAddress(text);
  if ("problem" in host || !isLinkLocal(host.value)) return host;
  return { problem: "must not be a link-local address: IPVS has no interface to find it on" };
}

/** A service's address, `ADDRESS` or `ADDRESS/LENGTH`: routable, so neither loopback nor link-local. */
export function parseServiceAddress(
  text: string,
): Parsed<{ readonly address: Address; readonly length: number }> {
  const [addressText = "", lengthText, ...more] = text.split("/");
  if (more.length > 0) return { problem: addressProblem(text) };
  const host = parseHostAddress(addressText);
  if ("problem" in host) return host;
  const address = host.value;
  if (isLoopback(address)) return { problem: "must be a routable address, not a loopback address" };
  if (isLinkLocal(address) || isLinkLocalIPv4(address)) {
    return { problem: "must be a routable address, not a link-local address" };
  }
  if (address.family === 4 && address.octet(0) === 0) return { problem: "must be a routable address" };
  const bits = hostBits(address);
  if (lengthText === undefined) return { value: { address, length: bits } };
  if (!/^[1-9][0-9]{0,2}$/.test(lengthText) || Number(lengthText) > bits) {
    return { problem: `must have a prefix length from 1 to ${bits}` };
  }
  return { value: { address, length: Number(lengthText) } };
}

/** An address with the interface that a link-local one needs. */
export interface ZonedAddress {
  readonly address: Address;
  readonly zone: string | undefined;
}

/** A peer's address: IPv4, IPv6, or `fe80::1%eth0`. */
export function parsePeerAddress(text: string): Parsed<ZonedAddress> {
  const [addressText = "", zone, ...more] = text.split("%");
  if (more.length > 0) return { problem: addressProblem(text) };
  const host = parseHostAddress(addressText);
  if ("problem" in host) return host;
  const linkLocal = isLinkLocal(host.value);
  if (zone === undefined) {
    return linkLocal
      ? { problem: "is link-local and needs its interface: fe80::1%eth0" }
      : { value: { address: host.value, zone: undefined } };
  }
  if (!linkLocal) {
    return { problem: "may name an interface (after %) only where the address is link-local (fe80::/10)" };
  }
  const name = parseInterfaceName(zone);
  return "problem" in name ? { problem: `has an interface name (after %) that ${name.problem}` } : {
    value: { address: host.value, zone },
  };
}

/** Where a peer is: its address, or `auto` for the router that advertises itself on an interface. */
export interface PeerPlace extends ZonedAddress {
  readonly automatic: boolean;
}

/** `auto`, or a peer's address. */
export function parsePeerPlace(text: string): Parsed<PeerPlace> {
  if (text === "auto") return { value: { address: UNSPECIFIED[6], zone: undefined, automatic: true } };
  const parsed = parsePeerAddress(text);
  return "problem" in parsed ? parsed : { value: { ...parsed.value, automatic: false } };
}

/** Text of a zoned address, the inverse of `parsePeerAddress`. */
export function formatZoned(address: Address, zone: string | undefined): string {
  return zone === undefined ? address.text : `${address.text}%${zone}`;
}

/** Says why `text` is no address, or none of the family that is meant, where the reason is a usual slip. */
export function addressProblem(text: string, family?: 4 | 6): string {
  const one = family === undefined ? "an address" : `an IPv${family} address`;
  const any = family === undefined ? "an IPv4 or IPv6 address" : one;
  if (/^\S+\s+\S/.test(text)) {
    return "must be one address: a comma is missing, or the text behind it is too much";
  }
  if (variableIn(text)) return `must be ${any}: nothing is put in for variables`;
  if (/^[0-9.]+\/[0-9]+$|^[0-9a-fA-F:]+\/[0-9]+$/.test(text)) {
    return `must be ${one} without a prefix length`;
  }
  if (/^\[.*\]$/.test(text)) return `must be ${one} without brackets`;
  if (/^[0-9a-fA-F:]+%[^%]+$/.test(text)) return `must be ${one} without an interface`;
  if (/^[0-9.]+:[0-9]+$/.test(text)) return `must be ${one} without a port`;
  if (/(^|\.)0[0-9]/.test(text) && /^[0-9.]+$/.test(text)) return `must be ${one} without leading zeros`;
  return `must be ${any}`;
}
