/** The single values of the file: durations, addresses with a length or a zone, names, where to listen. Pure. */
import { type Address, parseAddress } from "../../net/address.ts";

/** Where to listen; `hostname` is an address, or "" for every address of the host. */
export interface ListenAddress {
  readonly hostname: string;
  readonly port: number;
}

/** A value, or what is wrong with its text. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string };

/** `500ms`, `3s`, `2m`, `1h`, or a number of seconds, in milliseconds; undefined for anything else. */
export function parseDuration(text: string | number): number | undefined {
  const match = /^([0-9]{1,12}(?:\.[0-9]{1,6})?)(ms|s|m|h)?$/.exec(String(text));
  if (match === null) return undefined;
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] ?? "s"];
  return unit === undefined ? undefined : Math.round(Number(match[1]) * unit * 1000) / 1000;
}

/** The shortest text that `parseDuration` reads back as `ms`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms % 60_000 === 0 && ms > 60_000) return `${ms / 60_000}m`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

/** An address that one host can have: not unspecified, multicast or broadcast. */
export function parseHostAddress(text: string): Parsed<Address> {
  const address = parseAddress(text);
  if (address === undefined) return { problem: addressProblem(text) };
  if (isUnspecified(address)) {
    return { problem: "must be an address of one host, not the unspecified address" };
  }
  if (isMulticast(address)) return { problem: "must be an address of one host, not a multicast address" };
  if (isBroadcast(address)) return { problem: "must be an address of one host, not the broadcast address" };
  if (isMapped(address)) return { problem: `must be written as the IPv4 address ${mappedIPv4(address)}` };
  return { value: address };
}

/** An address of one host and of the given family. */
export function parseHostAddressOf(family: 4 | 6, text: string): Parsed<Address> {
  const parsed = parseHostAddress(text);
  if ("problem" in parsed || parsed.value.family === family) return parsed;
  return { problem: `must be an IPv${family} address` };
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
  if (isLinkLocal(address)) return { problem: "must be a routable address, not a link-local address" };
  if (address.family === 4 && (address.bytes[0] ?? 0) === 0) return { problem: "must be a routable address" };
  const bits = address.bytes.byteLength * 8;
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

/** A neighbour's address: IPv4, IPv6, or `fe80::1%eth0`. */
export function parsePeerAddress(text: string): Parsed<ZonedAddress> {
  const [addressText = "", zone, ...more] = text.split("%");
  if (more.length > 0) return { problem: addressProblem(text) };
  const host = parseHostAddress(addressText);
  if ("problem" in host) return host;
  const linkLocal = host.value.family === 6 && isLinkLocal(host.value);
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

/** Text of a zoned address, the inverse of `parsePeerAddress`. */
export function formatZoned(address: Address, zone: string | undefined): string {
  return zone === undefined ? address.text : `${address.text}%${zone}`;
}

/** `ADDRESS:PORT`, `[IPV6]:PORT`, `localhost:PORT` or `:PORT`; the empty text means off. */
export function parseListenAddress(text: string): Parsed<ListenAddress | undefined> {
  if (text === "") return { value: undefined };
  const match = /^(\[[^\]]*\]|[^:[\]]*):([0-9]{1,6})$/.exec(text);
  if (match === null) {
    const bare = parseAddress(text);
    const cure = bare === undefined
      ? ""
      : `, such as ${formatListenAddress({ hostname: bare.text, port: 8081 })}`;
    return { problem: `must be ADDRESS:PORT, [IPV6]:PORT or :PORT${cure}` };
  }
  const [, host = "", portText = ""] = match;
  const port = Number(portText);
  if (port < 1 || port > 65535) return { problem: "must have a port from 1 to 65535" };
  if (host === "") return { value: { hostname: "", port } };
  if (host === "localhost") return { value: { hostname: "127.0.0.1", port } };
  const address = parseAddress(host.replace(/^\[|\]$/g, ""));
  if (address === undefined || (address.family === 6) !== host.startsWith("[")) {
    return { problem: "must have an address of this host before the port (IPv6 in brackets)" };
  }
  return isMulticast(address)
    ? { problem: "must have an address of this host before the port, not a multicast address" }
    : { value: { hostname: address.text, port } };
}

/** Text of where to listen, the inverse of `parseListenAddress`. */
export function formatListenAddress(listen: ListenAddress | undefined): string {
  if (listen === undefined) return "";
  return `${listen.hostname.includes(":") ? `[${listen.hostname}]` : listen.hostname}:${listen.port}`;
}

/** sockaddr_un holds 108 octets of path, the last of them 0 (unix(7)). */
const MAX_SOCKET_PATH_OCTETS = 107;

/** The path of a unix socket; "" is none, and undefined. */
export function parseSocketPath(text: string): Parsed<string | undefined> {
  if (text === "") return { value: undefined };
  if (!text.startsWith("/") || text.endsWith("/")) return { problem: "must be an absolute path of a file" };
  if (/\p{Cc}/u.test(text)) return { problem: "must not have control characters" };
  const octets = new TextEncoder().encode(text).byteLength;
  return octets > MAX_SOCKET_PATH_OCTETS
    ? { problem: `is ${octets} bytes long, the path of a socket has at most ${MAX_SOCKET_PATH_OCTETS}` }
    : { value: text };
}

/** The absolute path of a file. */
export function parseFilePath(text: string): Parsed<string> {
  if (!text.startsWith("/") || text.endsWith("/")) return { problem: "must be the absolute path of a file" };
  return /\p{Cc}/u.test(text) ? { problem: "must not have control characters" } : { value: text };
}

/** A name that Linux takes for an interface (dev_valid_name of net/core/dev.c) and that is free to be ours. */
export function parseInterfaceName(text: string): Parsed<string> {
  const octets = new TextEncoder().encode(text).byteLength;
  if (octets === 0) return { problem: "must not be empty" };
  if (octets > 15) return { problem: `is ${octets} bytes long, an interface name has at most 15` };
  if (text === "." || text === "..") return { problem: "cannot be an interface name" };
  const bad = /[\s/:%\p{Cc}]/u.exec(text);
  if (bad !== null) {
    return { problem: `cannot be an interface name: ${characterName(bad[0])} is not allowed in one` };
  }
  return { value: text };
}

/** A host name or an address to connect to. */
export function parseHost(text: string): Parsed<string> {
  const address = parseAddress(text);
  if (address !== undefined) {
    return isMulticast(address) || isUnspecified(address)
      ? { problem: "must be a host name or an address of one host" }
      : { value: address.text };
  }
  const label = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;
  const labels = text.replace(/\.$/, "").split(".");
  const named = text.length <= 253 && labels.every((part) => label.test(part)) &&
    !/^[0-9]+$/.test(labels.at(-1) ?? "");
  if (named) return { value: text };
  const cure = /[:/]/.test(text) ? ", without scheme, port or path" : "";
  return { problem: `must be a host name or an address${cure}` };
}

/** True for 127.0.0.0/8 and ::1. */
function isLoopback(address: Address): boolean {
  return address.family === 4 ? address.bytes[0] === 127 : address.text === "::1";
}

/** True for 169.254.0.0/16 and fe80::/10. */
function isLinkLocal({ family, bytes }: Address): boolean {
  if (family === 4) return bytes[0] === 169 && bytes[1] === 254;
  return bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80;
}

/** True for 224.0.0.0/4 and ff00::/8. */
function isMulticast({ family, bytes }: Address): boolean {
  return family === 4 ? ((bytes[0] ?? 0) & 0xf0) === 0xe0 : bytes[0] === 0xff;
}

function isUnspecified(address: Address): boolean {
  return address.bytes.every((octet) => octet === 0);
}

function isBroadcast(address: Address): boolean {
  return address.text === "255.255.255.255";
}

function isMapped(address: Address): boolean {
  return address.family === 6 && address.text.startsWith("::ffff:") && address.text.includes(".");
}

function mappedIPv4(address: Address): string {
  return address.bytes.subarray(12).join(".");
}

/** Says why `text` is no address where the reason is a usual slip. */
export function addressProblem(text: string): string {
  if (/^[0-9.]+\/[0-9]+$|^[0-9a-fA-F:]+\/[0-9]+$/.test(text)) {
    return "must be an address without a prefix length";
  }
  if (/^\[.*\]$/.test(text)) return "must be an address without brackets";
  if (/^[0-9.]+:[0-9]+$/.test(text)) return "must be an address without a port";
  if (/(^|\.)0[0-9]/.test(text) && /^[0-9.]+$/.test(text)) return "must be an address without leading zeros";
  return "must be an IPv4 or IPv6 address";
}

function characterName(character: string): string {
  return character === " " ? "a space" : JSON.stringify(character);
}
