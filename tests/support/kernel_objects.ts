/** What most kernel objects of tests have beside what a test says of them. */
import type { DesiredKernel, Destination, VirtualService } from "../../src/kernel/state.ts";
import { address } from "./bgp.ts";

/** A destination without thresholds and tunnel. */
export const PLAIN = { tunnel: undefined, upperThreshold: 0, lowerThreshold: 0 } as const;

/** A virtual service of an address. */
export const BY_ADDRESS = { fwmark: 0, persistenceEngine: "" } as const;

/** `tcp 10.99.0.1:80` by `rr`, without destinations, where a test does not say otherwise. */
export function plainService(overrides: Partial<VirtualService> = {}): VirtualService {
  return {
    protocol: "tcp",
    address: address("10.99.0.1"),
    port: 80,
    ...BY_ADDRESS,
    scheduler: "rr",
    flags: 0,
    timeoutSeconds: 0,
    netmask: 32,
    destinations: [],
    ...overrides,
  };
}

/** `10.0.0.1:8080`, masq, of weight 1, where a test does not say otherwise. */
export function plainDestination(overrides: Partial<Destination> = {}): Destination {
  return { address: address("10.0.0.1"), port: 8080, weight: 1, forwarding: "masq", ...PLAIN, ...overrides };
}

/** Nothing at all. */
export const NONE: DesiredKernel = {
  interfaces: [],
  virtualServices: [],
  ownedAddresses: [],
  ownedFwmarks: [],
};
