/** What is announced of a service: one of its prefixes, with the attributes of where it is and how it is. Pure. */
import type { Route } from "../bgp/routes/route.ts";
import { type Address, hostBits } from "../net/address.ts";
import { prefixOf } from "../net/prefix.ts";
import { shiftedAttributes } from "./shift.ts";
import type { ServiceFacts } from "./state.ts";

/** What is announced where it is; the same object as before where nothing of it changed. */
export function routeOf(
  { config, phase }: ServiceFacts,
  address: Address,
  { isWorse, before }: { readonly isWorse: boolean; readonly before: Route | undefined },
): Route {
  const { announce, prefixLengths } = config;
  const { whenUnhealthy } = announce;
  const own = isWorse && whenUnhealthy !== "withdraw" ? whenUnhealthy : announce;
  const length = prefixLengths.get(address.text) ?? hostBits(address);
  const attributes = phase.name === "shifting" ? shiftedAttributes(own) : own;
  const isSame = before?.attributes === attributes && before.peers === announce.peers &&
    before.prefix.length === length;
  return isSame ? before : { prefix: prefixOf(address, length), attributes, peers: announce.peers };
}
