/** Prefixes of host addresses, and whose they are. */
import type { Config, ServiceConfig } from "../../src/config/config.ts";

/** The prefix of a host address. */
export function prefixOf(text: string): string {
  return `${text}/${text.includes(":") ? 128 : 32}`;
}

/** The host address of a prefix. */
export function addressOf(prefix: string): string {
  return prefix.slice(0, prefix.indexOf("/"));
}

/** Whether a router is to have the route at all. */
export function isFor({ bgp }: Config, { announce }: ServiceConfig, router: string, prefix: string): boolean {
  const family = prefix.includes(":") ? "ipv6-unicast" : "ipv4-unicast";
  const peer = bgp.peers.find(({ name }) => name === router);
  return (announce.peers?.includes(router) ?? true) && (peer?.families.includes(family) ?? false);
}

/** The service that has this address. */
export function serviceOf(config: Config, text: string): ServiceConfig | undefined {
  return config.services.find(({ addresses }) => addresses.some((each) => each.text === text));
}
