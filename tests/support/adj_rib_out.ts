/** The Adj-RIB-Out from one whole to the next, for those who have no session. */
import {
  type AdjRibOut,
  AdjRibOutChange,
  type AdvertiseContext,
  type HeldRoutes,
  Paths,
} from "../../src/bgp/routes/adj_rib_out.ts";
import { routeFor } from "../../src/bgp/routes/desired_routes.ts";
import { parsePrefix } from "../../src/net/prefix.ts";
import type { Route } from "../../src/bgp/routes/route.ts";

/** The new Adj-RIB-Out and what takes the peer there. */
export interface AdjRibOutUpdate extends Pick<AdjRibOutChange, "announced" | "withdrawn" | "heldChanged"> {
  readonly updates: readonly Uint8Array[];
  readonly rib: AdjRibOut;
  readonly held: HeldRoutes;
}

/** What a peer has at the start of a session. */
export const EMPTY_ADJ_RIB_OUT: AdjRibOut = new Map();

/** Brings a peer from `sent`, which stays as it is, to those of `routes` that are for it. */
export function updateAdjRibOut(
  sent: AdjRibOut,
  routes: readonly Route[],
  context: AdvertiseContext,
): AdjRibOutUpdate {
  const rib = new Map(sent);
  const held = new Map<string, string>();
  const change = new AdjRibOutChange({ routes: rib, held }, new Paths(context));
  const seen = new Set<string>();
  // The first route to each prefix, then what it should not have any more.
  for (const route of routes) {
    if (seen.has(route.prefix.text)) continue;
    seen.add(route.prefix.text);
    change.bring(route.prefix, routeFor(route, context.peerName));
  }
  for (const text of sent.keys()) {
    const prefix = seen.has(text) ? undefined : parsePrefix(text);
    if (prefix !== undefined) change.bring(prefix, undefined);
  }
  const { announced, withdrawn, heldChanged } = change;
  return {
    updates: change.updates(),
    announced,
    withdrawn,
    heldChanged,
    rib,
    held,
  };
}
