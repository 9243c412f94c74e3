/** Path attributes (RFC 4271 sections 4.3 and 5): the values, and a table with one row for each. */
import type { Address } from "../../net/address.ts";

/** One segment of AS_PATH or AS4_PATH. */
export interface AsPathSegment {
  readonly type: number;
  readonly ases: readonly number[];
}

/** The attributes of a set of routes. NLRI of other families than IPv4 stands in `UpdateMessage`, not here. */
export interface PathAttributes {
  readonly origin?: number;
  readonly asPath?: readonly AsPathSegment[];
  readonly nextHop?: Address;
  readonly med?: number;
  readonly localPref?: number;
  readonly communities?: readonly number[];
  readonly extendedCommunities?: readonly Uint8Array[];
  readonly largeCommunities?: readonly (readonly [number, number, number])[];
  /** Only from or to a two-octet peer (RFC 6793). */
  readonly as4Path?: readonly AsPathSegment[];
}
