/** The Adj-RIB-Out from one whole to the next, for those who have no session. */
import {
  type AdjRibOut,
  type AdjRibOutChange,
  type AdvertiseContext,
  changeAdjRibOut,
  type HeldRoute,
  Paths,
} from "../../src/bgp/routes/adj_rib_out.ts";
import type { Desired } from "../../src/bgp/routes/desired_routes.ts";
import type { Route } from "../../src/bgp/routes/route.ts";

/** The new Adj-RIB-Out and what takes the peer there. */
export interface AdjRibOutUpdate extends AdjRibOutChange {
  readonly rib: AdjRibOut;
  readonly held: readonly HeldRoute[];
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
  const held = new Map<string, HeldRoute>();
  const change = changeAdjRibOut(
    { routes: rib, held },
    [...desiredOf(routes, sent, context.peerName)],
    new Paths(context),
  );
  return { ...change, rib, held: [...held.values()] };
}

/** The first route to each prefix, where it is for the peer, then what it should not have any more. */
function* desiredOf(routes: readonly Route[], sent: AdjRibOut, peerName: string): Generator<Desired> {
  const seen = new Set<string>();
  for (const route of routes) {
    const { prefix, peers } = route;
    if (seen.has(prefix.text)) continue;
    seen.add(prefix.text);
    yield { prefix, route: peers === undefined || peers.includes(peerName) ? route : undefined };
  }
  for (const { prefix } of [...sent.values()]) {
    if (!seen.has(prefix.text)) yield { prefix, route: undefined };
  }
}
