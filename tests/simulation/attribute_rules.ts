/** With which attributes a router is to have a route: those of a healthy service or those of an unhealthy one, never for long the others. */
import type { CheckConfig } from "../../src/config/checks/kinds.ts";
import type { Config, PeerConfig, ServiceConfig } from "../../src/config/config.ts";
import type { Address } from "../../src/net/address.ts";
import { ROUTERS } from "./configurations.ts";

/** What a service is, as its checks have it. */
export type Health = "healthy" | "unhealthy";

/** The attributes in the words of a router's table. */
export function attributesIn(
  { announce }: Pick<ServiceConfig, "announce">,
  health: Health,
  { family }: Pick<Address, "family">,
  { peer, config }: { readonly peer: PeerConfig; readonly config: Config },
): string {
  const { whenUnhealthy } = announce;
  const { med, localPreference, communities } = health === "healthy" || whenUnhealthy === "withdraw"
    ? announce
    : whenUnhealthy;
  const internal = ROUTERS.find(({ name }) => name === peer.name)?.as === config.bgp.local.as;
  const { address, address6 } = config.bgp.local;
  const nextHop = family === 4 ? peer.nextHop ?? address : address6;
  return [
    `next hop ${nextHop?.text}`,
    `med ${med}`,
    `preference ${internal ? localPreference : undefined}`,
    `communities ${communities.join(" ")}`,
    `path ${internal ? 0 : 1}`,
  ].join(", ");
}

/** Whether an unhealthy service is announced all the same. */
export function isDegradable(service: ServiceConfig | undefined): boolean {
  return service !== undefined && service.announce.whenUnhealthy !== "withdraw";
}

/** A check that works is known to do so within this time, whatever it was before: rise times its interval, and what it takes. */
const RECOVERY_MS = 20_000;

/** When the route of a service that has these checks is not to say any more that it is healthy, or unhealthy. */
export interface Dues {
  readonly healthyMs: number;
  readonly unhealthyMs: number;
}

/**
 * @param dueMs when a check is known to have failed
 * @param upSinceMs since when what a check asks is well, and the agent can have noticed; Infinity: it is not
 */
export function duesOf(
  checks: readonly CheckConfig[],
  dueMs: (check: CheckConfig) => number,
  upSinceMs: (check: CheckConfig) => number,
): Dues {
  return {
    healthyMs: Math.min(Infinity, ...checks.map(dueMs)),
    unhealthyMs: Math.max(...checks.map(upSinceMs), -Infinity) + RECOVERY_MS,
  };
}
