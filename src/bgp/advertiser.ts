/**
 * What one session still has to send, and nothing that happens by itself: changes of the routes, families that the
 * peer wants again (RFC 2918, 7313), and End-of-RIB (RFC 4724), which waits until it is released.
 */
import type { Prefix } from "../net/prefix.ts";
import {
  type AdjRibOutChange,
  type AdvertiseContext,
  type AdvertisedRoute,
  changeAdjRibOut,
  EMPTY_ADJ_RIB_OUT,
  endOfRib,
  type HeldRoute,
  readvertise,
  updateAdjRibOut,
} from "./adj_rib_out.ts";
import type { DesiredRoutes } from "./desired_routes.ts";
import type { Negotiated } from "./negotiate.ts";
import type { AfiSafi } from "./wire/capability.ts";
import { encodeMessage, type RouteRefreshMessage } from "./wire/message.ts";
import { sameFamily } from "./wire/nlri.ts";

/** What goes to the socket. */
export interface Batch {
  /** Whole messages, in order. */
  readonly messages: readonly Uint8Array[];
  /** How many of them are ROUTE-REFRESH; the others are UPDATEs. */
  readonly refreshMarkers: number;
  readonly announced: number;
  readonly withdrawn: number;
  /** Is a family's End-of-RIB among them? */
  readonly endOfRib: boolean;
  /** Did the routes that are held from the peer change? */
  readonly heldChanged: boolean;
}

/** The sending side of an Established session; it ends with it. */
export class Advertiser {
  readonly #context: AdvertiseContext;
  readonly #enhancedRefresh: boolean;
  readonly #routes = new Map<string, AdvertisedRoute>();
  readonly #held = new Map<string, HeldRoute>();
  /** Prefixes that may have to be sent; undefined at the start: all. */
  #changed: Map<string, Prefix> | undefined;
  #refresh: readonly AfiSafi[] = [];
  #endOfRib: readonly AfiSafi[];

  /** End-of-RIB is for peers that know of it. */
  constructor(context: AdvertiseContext, negotiated: Negotiated) {
    this.#context = context;
    this.#enhancedRefresh = negotiated.enhancedRouteRefresh;
    this.#endOfRib = negotiated.gracefulRestart === undefined ? [] : negotiated.families;
  }

  /** The routes that the peer has. */
  get routes(): ReadonlyMap<string, AdvertisedRoute> {
    return this.#routes;
  }

  /** The routes that cannot go to the peer, with the reasons. */
  get held(): ReadonlyMap<string, HeldRoute> {
    return this.#held;
  }

  /** Families whose End-of-RIB is owed. */
  get endOfRib(): readonly AfiSafi[] {
    return this.#endOfRib;
  }

  /** The routes to these prefixes are not what they were. */
  touch(prefixes: readonly Prefix[]): void {
    for (const prefix of prefixes) this.#changed?.set(prefix.text, prefix);
  }

  /** The peer asks for a family again; what is no request, or of a family that was not negotiated, is ignored. */
  refresh({ subtype, family }: RouteRefreshMessage): void {
    const wanted = subtype === 0 && contains(this.#context.codec.families, family);
    if (wanted && !contains(this.#refresh, family)) this.#refresh = [...this.#refresh, family];
  }

  /** Everything that is to be sent now, so that the peer has what is desired; it counts as sent from here on. */
  next(desired: DesiredRoutes, endOfRibReleased: boolean): Batch {
    const { updates, announced, withdrawn, heldChanged } = this.#changed === undefined
      ? this.#begin(desired)
      : this.#advance(this.#changed, desired);
    const again = this.#refresh.map((family) => {
      // BoRR may not come before the first End-of-RIB (RFC 7313 section 4).
      const marked = this.#enhancedRefresh && !contains(this.#endOfRib, family);
      return { family, marked, messages: readvertise(this.#routes, family, this.#context) };
    });
    const ends = endOfRibReleased ? this.#endOfRib : [];
    this.#refresh = [];
    if (endOfRibReleased) this.#endOfRib = [];
    return {
      messages: [
        ...updates,
        ...again.flatMap(({ family, marked, messages }) =>
          marked ? [this.#marker(family, 1), ...messages, this.#marker(family, 2)] : messages
        ),
        ...ends.map((family) => endOfRib(family, this.#context)),
      ],
      refreshMarkers: 2 * again.filter(({ marked }) => marked).length,
      announced,
      withdrawn,
      endOfRib: ends.length > 0,
      heldChanged,
    };
  }

  /** The first pass of the session: all routes, packed together. */
  #begin(desired: DesiredRoutes): AdjRibOutChange {
    const { rib, held, ...first } = updateAdjRibOut(EMPTY_ADJ_RIB_OUT, desired.all, this.#context);
    for (const [key, route] of rib) this.#routes.set(key, route);
    for (const one of held) this.#held.set(one.prefix.text, one);
    this.#changed = new Map();
    return { ...first, heldChanged: held.length > 0 };
  }

  #advance(changed: Map<string, Prefix>, desired: DesiredRoutes): AdjRibOutChange {
    const live = { routes: this.#routes, held: this.#held };
    const wanted = (prefix: Prefix) => desired.routeTo(prefix, this.#context.peerName);
    const change = changeAdjRibOut(live, changed.values(), wanted, this.#context);
    changed.clear();
    return change;
  }

  #marker(family: AfiSafi, subtype: 1 | 2): Uint8Array {
    return encodeMessage({ type: "ROUTE-REFRESH", family, subtype }, this.#context.codec);
  }
}

function contains(families: readonly AfiSafi[], family: AfiSafi): boolean {
  return families.some((each) => sameFamily(each, family));
}
