/** What the agent wants announced: prefixes with the attributes that we choose; per-peer parts come later. */
import type { Prefix } from "../../net/prefix.ts";

/** The attributes that a service chooses. NEXT_HOP, AS_PATH and what depends on the peer are added per peer. */
export interface RouteAttributes {
  /** MULTI_EXIT_DISC; undefined: not sent. */
  readonly med: number | undefined;
  /** LOCAL_PREF, for iBGP peers only. */
  readonly localPreference: number;
  /** Standard communities (RFC 1997) as unsigned 32-bit numbers. */
  readonly communities: readonly number[];
  /** RFC 8092. */
  readonly largeCommunities: readonly (readonly [number, number, number])[];
  /** RFC 4360, eight octets each. */
  readonly extendedCommunities: readonly Uint8Array[];
  /** Extra copies of our AS in front of AS_PATH, for eBGP peers only. */
  readonly asPathPrepend: number;
}

/** A route that should be announced. A prefix occurs once. */
export interface Route {
  readonly prefix: Prefix;
  readonly attributes: RouteAttributes;
  /** Names of the peers it goes to; undefined: all. */
  readonly peers: readonly string[] | undefined;
}
