/** Address prefixes: an address with a length whose host bits are zero. */
import { type Address, addressOf, hostBits, parseAddress } from "./address.ts";

/** A prefix. `text` is `ADDRESS/LENGTH`, canonical, and is the key. */
export interface Prefix {
  readonly address: Address;
  /** In bits, 0 to 32 or 128. */
  readonly length: number;
  readonly text: string;
}

/** The prefix of `address` with `length` bits, host bits cleared. */
export function prefixOf(address: Address, length: number): Prefix {
  // Of a hundred thousand host routes the addresses are a third of the memory: there is one of each.
  // And no text that hangs on two others, as a template would make it.
  if (length === hostBits(address)) return { address, length, text: [address.text, length].join("/") };
  const masked = address.bytes.map((octet, index) => {
    const bits = Math.min(8, Math.max(0, length - 8 * index));
    return octet & (0xff << (8 - bits));
  });
  const network = addressOf(masked);
  return { address: network, length, text: `${network.text}/${length}` };
}

/** The host prefix (/32 or /128) of `address`. */
export function hostPrefix(address: Address): Prefix {
  return prefixOf(address, hostBits(address));
}

/**
 * The prefix that `text` spells (`ADDRESS` alone is a host prefix), or undefined; host bits must be zero.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * equal(parsePrefix("10.99.0.1")?.text, "10.99.0.1/32");
 * equal(parsePrefix("10.99.0.1/24"), undefined);
 * ```
 */
export function parsePrefix(text: string): Prefix | undefined {
  const [addressText = "", lengthText, ...more] = text.split("/");
  const address = parseAddress(addressText);
  if (address === undefined || more.length > 0) return undefined;
  if (lengthText === undefined) return hostPrefix(address);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(lengthText)) return undefined;
  const length = Number(lengthText);
  if (length > hostBits(address)) return undefined;
  const prefix = prefixOf(address, length);
  return prefix.address.text === address.text ? prefix : undefined;
}
