/** The addresses that this host has: what is said of each, and the port to whoever knows them and hears when they change. */
import { type Address, isLinkLocal } from "./address.ts";
import { isLoopback } from "./address_kind.ts";

/** Duplicate address detection (RFC 4862 section 5.4) is under way, or has found another host with it. */
export type AddressState = "usable" | "tentative" | "duplicate";

/** One address of an interface of this host. */
export interface HostAddress {
  /** Its name. */
  readonly interface: string;
  readonly address: Address;
  readonly prefixLength: number;
  readonly state: AddressState;
  /** On an interface of ours: the address of a service. */
  readonly ofService: boolean;
  /** Neither temporary (RFC 8981) nor deprecated: it may be chosen unasked. */
  readonly lasting: boolean;
}

/** What is known: the addresses; that they are being read; undefined: this process cannot know them. */
export type KnownAddresses = readonly HostAddress[] | "unread" | undefined;

/** Who knows them. */
export interface HostAddresses {
  /** As of now; the same array until something changes. */
  current(): KnownAddresses;
  /** Calls back when they are others, and not when only those of services are. */
  watch(onChange: () => void): Disposable;
}

/** Addresses that nobody knows. */
export const UNKNOWN_ADDRESSES: HostAddresses = {
  current: () => undefined,
  watch: () => ({ [Symbol.dispose]() {} }),
};

/** How this host has `address`, on `zone` where it is link-local; the kernel takes all of 127.0.0.0/8 for its own. */
export function stateOf(
  addresses: readonly HostAddress[],
  address: Address,
  zone?: string,
): AddressState | "absent" {
  if (address.family === 4 && isLoopback(address)) return "usable";
  const states = placesOf(addresses, address, zone).map(({ state }) => state);
  return (["usable", "tentative", "duplicate"] as const).find((state) => states.includes(state)) ?? "absent";
}

/** Is `address` on an interface of ours? */
export function isOfService(addresses: KnownAddresses, address: Address): boolean {
  return typeof addresses === "object" && placesOf(addresses, address).some(({ ofService }) => ofService);
}

/** The interface that has `end`, which is `zone` where that is known; undefined: none has. */
export function interfaceOf(
  addresses: readonly HostAddress[],
  end: Address,
  zone: string | undefined,
): string | undefined {
  return zone ?? placesOf(addresses, end)[0]?.interface;
}

/** The addresses of a family on the interface that has `end`, that may be chosen as this host's: of more than link scope. */
export function besideOnLink(
  addresses: readonly HostAddress[],
  end: Address,
  zone: string | undefined,
  family: 4 | 6,
): readonly Address[] {
  const place = interfaceOf(addresses, end, zone);
  return addresses.filter((each) =>
    each.interface === place && each.address.family === family && each.state === "usable" &&
    each.lasting && !isLinkLocal(each.address) && (isLoopback(end) || !isLoopback(each.address))
  ).map(({ address }) => address);
}

function placesOf(
  addresses: readonly HostAddress[],
  { text }: Address,
  zone?: string,
): readonly HostAddress[] {
  return addresses.filter((each) =>
    each.address.text === text && (zone === undefined || each.interface === zone)
  );
}
