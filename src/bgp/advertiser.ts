/**
 * What one session still has to send (pure): changes of the routes, families that the peer wants again (RFC 2918,
 * 7313), and End-of-RIB (RFC 4724), which waits until it is released.
 */
import {
  type AdjRibOut,
  type AdvertiseContext,
  EMPTY_ADJ_RIB_OUT,
  endOfRib,
  type HeldRoute,
  readvertise,
  updateAdjRibOut,
} from "./adj_rib_out.ts";
import type { Negotiated } from "./negotiate.ts";
import type { Route } from "./route.ts";
import type { AfiSafi } from "./wire/capability.ts";
import { encodeMessage, type RouteRefreshMessage } from "./wire/message.ts";
import { sameFamily } from "./wire/nlri.ts";

/** The sending side of a session. */
export interface Advertiser {
  readonly context: AdvertiseContext;
  /** Both sides have enhanced route refresh (RFC 7313). */
  readonly enhancedRefresh: boolean;
  readonly rib: AdjRibOut;
  readonly held: readonly HeldRoute[];
  /** Families whose End-of-RIB is owed. */
  readonly endOfRib: readonly AfiSafi[];
  /** Families that the peer asked for again. */
  readonly refresh: readonly AfiSafi[];
}

/** What goes to the socket. */
export interface Batch {
  readonly advertiser: Advertiser;
  /** Whole messages, in order. */
  readonly messages: readonly Uint8Array[];
  /** How many of them are ROUTE-REFRESH; the others are UPDATEs. */
  readonly refreshMarkers: number;
  readonly announced: number;
  readonly withdrawn: number;
  /** Families whose End-of-RIB is among them. */
  readonly endOfRib: readonly AfiSafi[];
}

/** The sending side of a session that has just become Established. End-of-RIB is for peers that know of it. */
export function newAdvertiser(context: AdvertiseContext, negotiated: Negotiated): Advertiser {
  return {
    context,
    enhancedRefresh: negotiated.enhancedRouteRefresh,
    rib: EMPTY_ADJ_RIB_OUT,
    held: [],
    endOfRib: negotiated.gracefulRestart === undefined ? [] : negotiated.families,
    refresh: [],
  };
}

/** The peer asks for a family again; what is no request, or of a family that was not negotiated, is ignored. */
export function withRefresh(advertiser: Advertiser, { subtype, family }: RouteRefreshMessage): Advertiser {
  const wanted = subtype === 0 && contains(advertiser.context.codec.families, family);
  const already = contains(advertiser.refresh, family);
  return wanted && !already ? { ...advertiser, refresh: [...advertiser.refresh, family] } : advertiser;
}

/** Everything that is to be sent now, so that the peer has `routes`. */
export function nextBatch(advertiser: Advertiser, routes: readonly Route[], released: boolean): Batch {
  const { context, refresh } = advertiser;
  const { rib, updates, announced, withdrawn, held } = updateAdjRibOut(advertiser.rib, routes, context);
  const ends = released ? advertiser.endOfRib : [];
  const again = refresh.map((family) => {
    // BoRR may not come before the first End-of-RIB (RFC 7313 section 4).
    const marked = advertiser.enhancedRefresh && !contains(advertiser.endOfRib, family);
    return { family, marked, messages: readvertise(rib, family, context) };
  });
  return {
    advertiser: { ...advertiser, rib, held, endOfRib: released ? [] : advertiser.endOfRib, refresh: [] },
    messages: [
      ...updates,
      ...again.flatMap(({ family, marked, messages }) =>
        marked ? [marker(family, 1, context), ...messages, marker(family, 2, context)] : messages
      ),
      ...ends.map((family) => endOfRib(family, context)),
    ],
    refreshMarkers: 2 * again.filter(({ marked }) => marked).length,
    announced,
    withdrawn,
    endOfRib: ends,
  };
}

function contains(families: readonly AfiSafi[], family: AfiSafi): boolean {
  return families.some((each) => sameFamily(each, family));
}

function marker(family: AfiSafi, subtype: 1 | 2, context: AdvertiseContext): Uint8Array {
  return encodeMessage({ type: "ROUTE-REFRESH", family, subtype }, context.codec);
}
