/**
 * What one session still has to send, and nothing that happens by itself: changes of the routes, families that the
 * peer wants again (RFC 2918, 7313), and End-of-RIB (RFC 4724), which waits until it is released.
 */
import {
  type AdvertiseContext,
  type AdvertisedRoute,
  changeAdjRibOut,
  endOfRib,
  type HeldRoute,
  Paths,
  readvertise,
} from "./adj_rib_out.ts";
import type { Desired, DesiredRoutes, RouteChanges } from "./desired_routes.ts";
import type { Negotiated } from "./negotiate.ts";
import { NewestFirst } from "./newest_first.ts";
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

/** So many prefixes go into one batch, so that it takes a few milliseconds and fills its UPDATEs all the same. */
const BATCH_PREFIXES = 16_384;

/** The sending side of an Established session; it ends with it. */
export class Advertiser {
  readonly #desired: DesiredRoutes;
  readonly #context: AdvertiseContext;
  readonly #paths: Paths;
  readonly #enhancedRefresh: boolean;
  readonly #routes = new Map<string, AdvertisedRoute>();
  readonly #held = new Map<string, HeldRoute>();
  /** The rest of the first pass through all routes; undefined once it is over. */
  #first: Iterator<Desired> | undefined;
  /** Prefixes that the peer may have to lose: they go before everything. */
  readonly #withdrawn = new NewestFirst();
  /** Other prefixes whose routes changed. */
  readonly #changed = new NewestFirst();
  #refresh: readonly AfiSafi[] = [];
  #endOfRib: readonly AfiSafi[];

  /** End-of-RIB is for peers that know of it. */
  constructor(desired: DesiredRoutes, context: AdvertiseContext, negotiated: Negotiated) {
    this.#desired = desired;
    this.#first = desired.all(context.peerName);
    this.#context = context;
    this.#paths = new Paths(context);
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

  /** Is there more to send than the last batch took? */
  get more(): boolean {
    return this.#first !== undefined || this.#withdrawn.length > 0 || this.#changed.length > 0;
  }

  /** The routes to these prefixes are not what they were. */
  touch({ withdrawn, changed }: RouteChanges): void {
    this.#withdrawn.add(withdrawn);
    this.#changed.add(changed);
  }

  /** The peer asks for a family again; what is no request, or of a family that was not negotiated, is ignored. */
  refresh({ subtype, family }: RouteRefreshMessage): void {
    const wanted = subtype === 0 && contains(this.#context.codec.families, family);
    if (wanted && !contains(this.#refresh, family)) this.#refresh = [...this.#refresh, family];
  }

  /** What is to be sent now, so that the peer has what is desired once there is no `more`; it counts as sent. */
  next(endOfRibReleased: boolean): Batch {
    const { updates, announced, withdrawn, heldChanged } = changeAdjRibOut(
      { routes: this.#routes, held: this.#held },
      this.#take(),
      this.#paths,
    );
    const again = this.#refresh.map((family) => {
      // BoRR may not come before the first End-of-RIB (RFC 7313 section 4).
      const marked = this.#enhancedRefresh && !contains(this.#endOfRib, family);
      return { family, marked, messages: readvertise(this.#routes, family, this.#context) };
    });
    const ends = endOfRibReleased && !this.more ? this.#endOfRib : [];
    this.#refresh = [];
    if (ends.length > 0) this.#endOfRib = [];
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

  /** The prefixes of one batch: what is withdrawn, what else changed, then those of the first pass. */
  *#take(): Generator<Desired> {
    let left = BATCH_PREFIXES;
    for (const waiting of [this.#withdrawn, this.#changed]) {
      while (left > 0 && waiting.length > 0) {
        const part = waiting.take(left);
        left -= part.length;
        for (const prefix of part) yield this.#desired.of(prefix, this.#context.peerName);
      }
    }
    for (; left > 0 && this.#first !== undefined; left--) {
      const { done, value } = this.#first.next();
      if (done === true) this.#first = undefined;
      else yield value;
    }
  }

  #marker(family: AfiSafi, subtype: 1 | 2): Uint8Array {
    return encodeMessage({ type: "ROUTE-REFRESH", family, subtype }, this.#context.codec);
  }
}

function contains(families: readonly AfiSafi[], family: AfiSafi): boolean {
  return families.some((each) => sameFamily(each, family));
}
