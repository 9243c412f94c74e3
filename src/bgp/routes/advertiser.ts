/**
 * What one session still has to send, and nothing that happens by itself: changes of the routes, families that the
 * peer wants again (RFC 2918, 7313), and End-of-RIB (RFC 4724), which waits until it is released.
 */
import {
  type AdjRibOut,
  AdjRibOutChange,
  type AdvertiseContext,
  type AdvertisedPath,
  Announcements,
  endOfRib,
  type HeldRoutes,
  Paths,
} from "./adj_rib_out.ts";
import { type DesiredRoutes, type RouteChanges, routeFor } from "./desired_routes.ts";
import { NewestFirst } from "./newest_first.ts";
import { sameNextHops } from "./next_hop.ts";
import type { Route } from "./route.ts";
import type { AfiSafi } from "../wire/capability.ts";
import { encodeMessage, type RouteRefreshMessage } from "../wire/message.ts";
import { sameFamily } from "../wire/nlri.ts";

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
  /** Did the routes that are held from the peer change since this was last said? Said once no route is left to send. */
  readonly heldChanged: boolean;
}

/** A family that is on its way to the peer again. */
interface Refresh {
  readonly family: AfiSafi;
  /** Is it between BoRR and EoRR? */
  readonly marked: boolean;
  /** The rest of all routes; what is added while this goes on comes, too. */
  readonly routes: Iterator<Route, undefined>;
}

/** What a batch may still take. */
interface Room {
  left: number;
}

/** So many prefixes go into one batch, so that it takes a few milliseconds and fills its UPDATEs all the same. */
const BATCH_PREFIXES = 16_384;

/** What a session can do beside what the codec must know of it; what both sides negotiated is one by shape. */
export interface SessionAbilities {
  readonly families: readonly AfiSafi[];
  /** BoRR and EoRR are understood (RFC 7313). */
  readonly enhancedRouteRefresh: boolean;
  /** Undefined: the peer knows no End-of-RIB (RFC 4724). */
  readonly gracefulRestart: unknown;
}

/** The sending side of an Established session; it ends with it. */
export class Advertiser {
  readonly #desired: DesiredRoutes;
  #context: AdvertiseContext;
  #paths: Paths;
  readonly #enhancedRefresh: boolean;
  readonly #routes = new Map<string, AdvertisedPath>();
  readonly #held = new Map<string, string>();
  /** The rest of the first pass through all routes; undefined once it is over. */
  #first: Iterator<Route, undefined> | undefined;
  /** Prefixes that the peer may have to lose: they go before everything. */
  readonly #withdrawn = new NewestFirst();
  /** Other prefixes whose routes changed. */
  readonly #changed = new NewestFirst();
  #refresh: Refresh | undefined;
  /** Families that are wanted once more after that; each once. */
  readonly #refreshLater: AfiSafi[] = [];
  #heldChanged = false;
  #endOfRib: readonly AfiSafi[];

  /** End-of-RIB is for peers that know of it. */
  constructor(desired: DesiredRoutes, context: AdvertiseContext, abilities: SessionAbilities) {
    this.#desired = desired;
    this.#first = desired.all();
    this.#context = context;
    this.#paths = new Paths(context);
    this.#enhancedRefresh = abilities.enhancedRouteRefresh;
    this.#endOfRib = abilities.gracefulRestart === undefined ? [] : abilities.families;
  }

  /** The routes that the peer has. */
  get routes(): AdjRibOut {
    return this.#routes;
  }

  /** The routes that cannot go to the peer, with the reasons. */
  get held(): HeldRoutes {
    return this.#held;
  }

  /** Families whose End-of-RIB is owed. */
  get endOfRib(): readonly AfiSafi[] {
    return this.#endOfRib;
  }

  /** Is there more to send than the last batch took? */
  get more(): boolean {
    return this.#behind || this.#refresh !== undefined || this.#refreshLater.length > 0;
  }

  /** Is there a route that the peer has in an old form, or not at all? */
  get #behind(): boolean {
    return this.#first !== undefined || this.#withdrawn.length > 0 || this.#changed.length > 0;
  }

  /** All routes are looked at again, and those that differ are sent, where next hops are others now, or `always`. */
  update(context: AdvertiseContext, always: boolean): void {
    if (!always && sameNextHops(context, this.#context)) return;
    this.#context = context;
    this.#paths = new Paths(context);
    this.#first = this.#desired.all();
  }

  /** The routes to these prefixes are not what they were. */
  touch({ withdrawn, changed }: RouteChanges): void {
    this.#withdrawn.add(withdrawn);
    this.#changed.add(changed);
  }

  /**
   * The peer asks for a family again; what is no request, or of a family that was not negotiated, is ignored. While the
   * family is on its way, any number of requests make for one more time.
   */
  refresh({ subtype, family }: RouteRefreshMessage): void {
    const wanted = subtype === 0 && contains(this.#context.codec.families, family);
    if (wanted && !contains(this.#refreshLater, family)) this.#refreshLater.push(family);
  }

  /** What is to be sent now, so that the peer has what is desired once there is no `more`; it counts as sent. */
  next(endOfRibReleased: boolean): Batch {
    const room: Room = { left: BATCH_PREFIXES };
    const change = new AdjRibOutChange({ routes: this.#routes, held: this.#held }, this.#paths);
    this.#take(room, change);
    const again = this.#takeAgain(room);
    const ends = endOfRibReleased && !this.more ? this.#endOfRib : [];
    if (ends.length > 0) this.#endOfRib = [];
    this.#heldChanged ||= change.heldChanged;
    const heldNews = this.#heldChanged && !this.#behind;
    if (heldNews) this.#heldChanged = false;
    return {
      messages: [
        ...change.updates(),
        ...again.messages,
        ...ends.map((family) => endOfRib(family, this.#context)),
      ],
      refreshMarkers: again.markers,
      announced: change.announced,
      withdrawn: change.withdrawn,
      endOfRib: ends.length > 0,
      heldChanged: heldNews,
    };
  }

  /** The prefixes of one batch: what is withdrawn, what else changed, then those of the first pass. */
  #take(room: Room, change: AdjRibOutChange): void {
    const { peerName } = this.#context;
    for (const waiting of [this.#withdrawn, this.#changed]) {
      while (room.left > 0 && waiting.length > 0) {
        const part = waiting.take(room.left);
        room.left -= part.length;
        for (const prefix of part) change.bring(prefix, this.#desired.of(prefix, peerName));
      }
    }
    for (; room.left > 0 && this.#first !== undefined; room.left--) {
      const { done, value } = this.#first.next();
      if (done === true) this.#first = undefined;
      else change.bring(value.prefix, routeFor(value, peerName));
    }
  }

  /** The families that the peer wants again, as far as the room goes that news leave: what the peer has is not urgent. */
  #takeAgain(room: Room): { readonly messages: readonly Uint8Array[]; readonly markers: number } {
    const messages: Uint8Array[] = [];
    let markers = 0;
    const mark = ({ family, marked }: Refresh, subtype: 1 | 2) => {
      if (!marked) return;
      messages.push(this.#marker(family, subtype));
      markers++;
    };
    while (room.left > 0) {
      if (this.#refresh === undefined) {
        const family = this.#refreshLater.shift();
        if (family === undefined) break;
        // BoRR may not come before the first End-of-RIB (RFC 7313 section 4).
        const marked = this.#enhancedRefresh && !contains(this.#endOfRib, family);
        this.#refresh = { family, marked, routes: this.#desired.all() };
        mark(this.#refresh, 1);
      }
      const { family, routes } = this.#refresh;
      const part = new Announcements();
      for (; room.left > 0; room.left--) {
        const { done, value } = routes.next();
        if (done === true) break;
        // Whatever the peer has is desired: there is room only where nothing waits.
        const path = this.#routes.get(value.prefix.text);
        if (path !== undefined && sameFamily(path.family, family)) part.add(value.prefix, path);
      }
      messages.push(...part.updates(this.#context.codec.maxSendLength));
      if (room.left === 0) break;
      mark(this.#refresh, 2);
      this.#refresh = undefined;
    }
    return { messages, markers };
  }

  #marker(family: AfiSafi, subtype: 1 | 2): Uint8Array {
    return encodeMessage({ type: "ROUTE-REFRESH", family, subtype }, this.#context.codec);
  }
}

function contains(families: readonly AfiSafi[], family: AfiSafi): boolean {
  return families.some((each) => sameFamily(each, family));
}
