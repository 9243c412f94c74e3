/** Ports whose destinations have checks, for tests, and what becomes of them. */
import type { DestinationConfig, PortConfig } from "../../src/config/config.ts";
import { destinationKey } from "../../src/kernel/state.ts";
import type { DestinationPlace } from "../../src/service/port_state.ts";
import { address } from "./bgp.ts";
import { httpCheckConfig, PLAIN_PORT } from "./config.ts";
import { PLAIN } from "./kernel_objects.ts";

/** A destination 10.0.0.`last`:8080 that one http check asks. */
export function checkedDestination(
  last: number,
  overrides: Partial<DestinationConfig> = {},
): DestinationConfig {
  const text = `10.0.0.${last}`;
  return {
    address: address(text),
    port: 8080,
    weight: 1,
    forwarding: "masq",
    ...PLAIN,
    checks: [httpCheckConfig({ name: "http", address: text, port: 8080 })],
    ...overrides,
  };
}

/** Port tcp 80 with two such destinations. */
export function checkedPort(overrides: Partial<PortConfig> = {}): PortConfig {
  return {
    ...PLAIN_PORT,
    port: 80,
    protocol: "tcp",
    families: [4],
    destinations: [checkedDestination(1), checkedDestination(2)],
    ...overrides,
  };
}

/** A sorry destination 10.0.0.250:80. */
export const SORRY: PortConfig["sorry"] = [{
  address: address("10.0.0.250"),
  port: 80,
  weight: 1,
  forwarding: "masq",
  ...PLAIN,
}];

/** The check of destination 10.0.0.`last` of port tcp 80. */
export function placeOf(last: number): DestinationPlace {
  const destination = destinationKey({ address: address(`10.0.0.${last}`), port: 8080 });
  return { port: "tcp 80", destination, check: "http" };
}
