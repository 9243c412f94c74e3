/** The attributes of a route whose service is about to go: still there, and everybody's last choice. Pure. */
import type { RouteAttributes } from "../bgp/routes/route.ts";
import { WellKnownCommunity } from "../net/community.ts";

const LOWEST_LOCAL_PREFERENCE = 0;
/** The worst, which RFC 4271 9.1.2.2 takes as the largest. */
const HIGHEST_MED = 0xffff_ffff;

/** `attributes` with GRACEFUL_SHUTDOWN and the lowest LOCAL_PREF (RFC 8326 section 4), and the worst MED. */
export function shiftedAttributes<A extends RouteAttributes>(attributes: A): A {
  const { "graceful-shutdown": gracefulShutdown } = WellKnownCommunity;
  const { communities } = attributes;
  return {
    ...attributes,
    communities: communities.includes(gracefulShutdown) ? communities : [...communities, gracefulShutdown],
    localPreference: LOWEST_LOCAL_PREFERENCE,
    med: HIGHEST_MED,
  };
}
