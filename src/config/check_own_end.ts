/**
 * What a peer's source and next hops cannot be, as far as a file shows it without the host: the peer's own address (RFC 4271
 * section 5.1.3), or a service's, which every host of it has. The speaker holds to the same at every moment.
 */
import { isLoopback } from "../net/address_kind.ts";
import type { PeerConfig } from "./config.ts";
import type { FileDefaults } from "./schema/bgp.ts";
import type { Finding, Path } from "./values/finding.ts";

/** Keys of a peer that are addresses of this host. */
const OWN = ["localAddress", "nextHop", "nextHop6"] as const;

/** What is wrong with them; `services` has the services by their addresses, `placeOf` tells where a key was given. */
export function ownEndProblems(
  peer: PeerConfig,
  services: ReadonlyMap<string, string>,
  placeOf: (key: keyof FileDefaults) => Path,
): readonly Finding[] {
  const found = OWN.flatMap((key): readonly Finding[] => {
    const address = peer[key];
    if (address === undefined) return [];
    const finding = (message: string) => [{ path: placeOf(key), message }];
    const what = key === "localAddress" ? "the source of its sessions" : "the next hop of what it is sent";
    if (address.text === peer.address.text) {
      return finding(`is the address of peer ${peer.name} itself, and ${what} is an address of this host`);
    }
    const service = services.get(address.text);
    if (service !== undefined) {
      return finding(
        `is the address of service ${service}, which every host of it has: ${what} is one of this host alone`,
      );
    }
    if (!isLoopback(address) || isLoopback(peer.address) || peer.automatic) return [];
    return finding(`is a loopback address, by which peer ${peer.name} does not reach this host`);
  });
  if (peer.nextHop?.family !== 6 || peer.capabilities.extendedNextHop) return found;
  const message =
    "is an IPv6 address: nothing is announced by it without capabilities.extendedNextHop (RFC 8950)";
  return [...found, { path: placeOf("nextHop"), message, severity: "warning" }];
}
