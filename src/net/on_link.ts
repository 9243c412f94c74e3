/** Which link two addresses share, for the link-local next hop beside a global one (RFC 2545 section 3). Pure. */
import { type Address, isLinkLocal } from "./address.ts";
import type { HostAddress } from "./host_addresses.ts";
import { prefixOf } from "./prefix.ts";

/** One address of an interface of this host, as the system lists it. */
export interface InterfaceAddress {
  /** The interface. */
  readonly name: string;
  readonly address: string;
  /** `ADDRESS/LENGTH`. */
  readonly cidr: string;
}

/** Our link-local address on the interface that has `local` and on whose subnet `remote` is; undefined where none is. */
export function linkLocalBeside(
  addresses: readonly HostAddress[],
  local: Address,
  remote: Address,
): Address | undefined {
  if (local.family !== 6 || remote.family !== 6 || isLinkLocal(local)) return undefined;
  const shared = addresses.find(({ address }) => address.text === local.text);
  if (shared === undefined) return undefined;
  const { prefixLength: length } = shared;
  if (length === 128 || prefixOf(local, length).text !== prefixOf(remote, length).text) return undefined;
  return addresses.find((each) =>
    each.interface === shared.interface && isLinkLocal(each.address) && each.state === "usable"
  )?.address;
}
