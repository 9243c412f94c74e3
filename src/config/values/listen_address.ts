/** Where a server listens, as text: `ADDRESS:PORT`, `[IPV6]:PORT` or `:PORT`. */
import type { Parsed } from "../../text/parsed.ts";
import { parseAddress } from "../../net/address.ts";
import { isMulticast } from "../../net/address_kind.ts";

/** `hostname` is an address, or "" for every address of the host. */
export interface ListenAddress {
  readonly hostname: string;
  readonly port: number;
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
  if (port < 1 || port > 65535 || portText.startsWith("0")) {
    return { problem: "must have a port from 1 to 65535" };
  }
  if (host === "") return { value: { hostname: "", port } };
  if (host === "localhost") return { value: { hostname: "127.0.0.1", port } };
  const bracketed = host.startsWith("[");
  const address = parseAddress(host.replace(/^\[|\]$/g, ""));
  if (address === undefined || (address.family === 6) !== bracketed) {
    return {
      problem: bracketed
        ? "must have an IPv6 address of this host in the brackets"
        : "must have an IPv4 address of this host before the port (or an IPv6 one in brackets)",
    };
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
