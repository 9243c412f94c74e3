/** What most kernel objects of tests have beside what a test says of them. */
import type { DesiredKernel } from "../../src/kernel/state.ts";

/** A destination without thresholds and tunnel. */
export const PLAIN = { tunnel: undefined, upperThreshold: 0, lowerThreshold: 0 } as const;

/** A virtual service of an address. */
export const BY_ADDRESS = { fwmark: 0, persistenceEngine: "" } as const;

/** Nothing at all. */
export const NONE: DesiredKernel = {
  interfaces: [],
  virtualServices: [],
  ownedAddresses: [],
  ownedFwmarks: [],
};
