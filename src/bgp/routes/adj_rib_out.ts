/**
 * Adj-RIB-Out (RFC 4271 section 3.2): the routes that a peer was sent, and the UPDATEs that bring it from there to
 * the routes that it should have. A route that cannot be carried is held, with a reason that names the cure.
 */
import type { Address } from "../../net/address.ts";
import type { Prefix } from "../../net/prefix.ts";
import { type NextHopContext, nextHopsFor } from "./next_hop.ts";
import type { Route, RouteAttributes } from "./route.ts";
import { asSequence } from "../wire/as_path.ts";
import { encodeAttributes, type PathAttributes } from "../wire/attributes.ts";
import type { AfiSafi } from "../wire/capability.ts";
import { Origin } from "../wire/constants.ts";
import type { CodecContext } from "../wire/codec_context.ts";
import { encodeMessage } from "../wire/message.ts";
import { IPV4_UNICAST, IPV6_UNICAST, sameFamily } from "../wire/nlri.ts";
import { packReach, packUnreach, roomForPrefixes, type SharedPath } from "../wire/pack.ts";
import { endOfRibUpdate } from "../wire/update.ts";

/** What decides how routes go to one peer; constant for the life of a session but for the configured next hops. */
export interface AdvertiseContext extends NextHopContext {
  readonly codec: CodecContext;
  readonly localAs: number;
  /** Routes have ONLY_TO_CUSTOMER with `localAs` (RFC 9234 section 5). */
  readonly onlyToCustomer: boolean;
}

/** The attributes and next hop that some routes share. */
export interface AdvertisedPath extends SharedPath {
  /** Equal for equal paths. */
  readonly key: string;
  readonly nextHops: readonly Address[];
  readonly pathAttributes: PathAttributes;
}

/** The paths of the routes that a peer was sent, by `prefix.text`. */
export type AdjRibOut = ReadonlyMap<string, AdvertisedPath>;

/** Why routes cannot go to a peer, and what to do about it, by `prefix.text`. */
export type HeldRoutes = ReadonlyMap<string, string>;

const MAX_PACKED_LENGTH = { 4: 5, 6: 17 } as const;
/** So many paths are kept for the next change, though a session may last for years. */
const KNOWN_PATHS = 1000;

/** What a peer was sent and what is held from it, changed in place as routes change. */
export interface LiveAdjRibOut {
  readonly routes: Map<string, AdvertisedPath>;
  readonly held: Map<string, string>;
}

/** Brings a peer to what is desired, prefix by prefix; `live` is changed to what it has then. */
export class AdjRibOutChange {
  readonly #live: LiveAdjRibOut;
  readonly #paths: Paths;
  readonly #announcements = new Announcements();
  /** Of the fields or attributes that take them. */
  readonly #gone: { readonly classic: Prefix[]; readonly 4: Prefix[]; readonly 6: Prefix[] } = {
    classic: [],
    4: [],
    6: [],
  };
  #announced = 0;
  #withdrawn = 0;
  #heldChanged = false;

  constructor(live: LiveAdjRibOut, paths: Paths) {
    this.#live = live;
    this.#paths = paths;
  }

  /** How many routes it announces. */
  get announced(): number {
    return this.#announced;
  }

  /** How many routes it withdraws. */
  get withdrawn(): number {
    return this.#withdrawn;
  }

  /** Did what is held change? */
  get heldChanged(): boolean {
    return this.#heldChanged;
  }

  /** The peer should have `route` to a prefix; undefined: none. Each prefix once. */
  bring(prefix: Prefix, route: Route | undefined): void {
    const { routes, held } = this.#live;
    const { text } = prefix;
    const path = route === undefined ? undefined : this.#paths.of(route.attributes, prefix.address.family);
    const before = routes.get(text);
    if (hold(held, text, typeof path === "string" ? path : undefined)) this.#heldChanged = true;
    if (path === undefined || typeof path === "string") {
      if (before === undefined) return;
      routes.delete(text);
      this.#gone[isClassic(before) ? "classic" : prefix.address.family].push(prefix);
      this.#withdrawn++;
    } else if (before?.key !== path.key) {
      routes.set(text, path);
      this.#announcements.add(prefix, path);
      this.#announced++;
    }
  }

  /** Whole messages, to be sent in this order. */
  updates(): Uint8Array[] {
    const { maxSendLength } = this.#paths.context.codec;
    const { classic, 4: four, 6: six } = this.#gone;
    return [
      ...packUnreach(IPV4_UNICAST, true, classic, maxSendLength),
      ...packUnreach(IPV4_UNICAST, false, four, maxSendLength),
      ...packUnreach(IPV6_UNICAST, false, six, maxSendLength),
      ...this.#announcements.updates(maxSendLength),
    ];
  }
}

/** Prefixes by the path that they go by, in the order in which paths and prefixes come. */
export class Announcements {
  readonly #groups = new Map<string, { readonly path: AdvertisedPath; readonly prefixes: Prefix[] }>();
  #last: { readonly path: AdvertisedPath; readonly prefixes: Prefix[] } | undefined;

  /** One more, by its path. */
  add(prefix: Prefix, path: AdvertisedPath): void {
    // Most often it is the same path as before.
    const group = this.#last?.path === path ? this.#last : this.#groups.get(path.key);
    this.#last = group ?? { path, prefixes: [] };
    if (group === undefined) this.#groups.set(path.key, this.#last);
    this.#last.prefixes.push(prefix);
  }

  /** The UPDATEs that announce them. */
  updates(maxLength: number): Uint8Array[] {
    return [...this.#groups.values()].flatMap(({ path, prefixes }) => packReach(path, prefixes, maxLength));
  }
}

/** Holds a prefix for `reason`, or no more; says whether that is news. */
function hold(held: Map<string, string>, text: string, reason: string | undefined): boolean {
  if (reason === undefined) return held.size > 0 && held.delete(text);
  const changed = held.get(text) !== reason;
  held.set(text, reason);
  return changed;
}

/** The UPDATE that is End-of-RIB for `family` (RFC 4724). */
export function endOfRib(family: AfiSafi, context: AdvertiseContext): Uint8Array {
  return encodeMessage(endOfRibUpdate(family), context.codec);
}

/** The paths of routes to one peer; equal ones are made once. */
export class Paths {
  readonly #found = {
    4: new Map<RouteAttributes, AdvertisedPath | string>(),
    6: new Map<RouteAttributes, AdvertisedPath | string>(),
  };
  readonly #byValue = new Map<string, AdvertisedPath | string>();

  constructor(readonly context: AdvertiseContext) {}

  /** The path of routes with some attributes, or why they are held. */
  of(attributes: RouteAttributes, family: 4 | 6): AdvertisedPath | string {
    return this.#found[family].get(attributes) ?? this.#make(attributes, family);
  }

  #make(attributes: RouteAttributes, family: 4 | 6): AdvertisedPath | string {
    const key = valueKey(attributes, family);
    const path = this.#byValue.get(key) ?? pathFor(attributes, family, this.context);
    for (const known of [this.#byValue, this.#found[family]]) if (known.size >= KNOWN_PATHS) known.clear();
    this.#byValue.set(key, path);
    this.#found[family].set(attributes, path);
    return path;
  }
}

function pathFor(
  attributes: RouteAttributes,
  family: 4 | 6,
  context: AdvertiseContext,
): AdvertisedPath | string {
  const { codec, peerName } = context;
  const afiSafi = family === 4 ? IPV4_UNICAST : IPV6_UNICAST;
  if (!codec.families.some((each) => sameFamily(each, afiSafi))) {
    return `ipv${family}-unicast is not negotiated with ${peerName}: add it to the families on both sides`;
  }
  const nextHops = nextHopsFor(family, context);
  if (typeof nextHops === "string") return nextHops;
  const [nextHop] = nextHops;
  const classic = family === 4 && nextHop?.family === 4;
  const pathAttributes = { ...peerAttributes(attributes, context), ...(classic && { nextHop }) };
  const encoded = encodeAttributes(pathAttributes, codec);
  const mpNextHops = classic ? [] : nextHops;
  const path = { family: afiSafi, mpNextHops, attributes: encoded, nextHops, pathAttributes };
  const room = roomForPrefixes(path, codec.maxSendLength);
  if (room < MAX_PACKED_LENGTH[family]) {
    return `attributes of ${encoded.byteLength} octets leave no room in a message of ${codec.maxSendLength}: ` +
      "announce fewer communities";
  }
  return { ...path, key: [family, ...nextHops.map(({ text }) => text), encoded.join(".")].join(" ") };
}

/** What goes with a route of ours to this peer, NEXT_HOP aside (RFC 4271 section 5.1). */
function peerAttributes(
  attributes: RouteAttributes,
  { codec, localAs, onlyToCustomer }: AdvertiseContext,
): PathAttributes {
  const { med, localPreference, asPathPrepend } = attributes;
  const communities = [...new Set(attributes.communities)].sort((a, b) => a - b);
  const extendedCommunities = unique(attributes.extendedCommunities, compareOctets);
  const largeCommunities = unique(attributes.largeCommunities, compareOctets);
  return {
    origin: Origin.IGP,
    asPath: codec.internal ? [] : asSequence(new Array<number>(1 + asPathPrepend).fill(localAs)),
    ...(med !== undefined && { med }),
    ...(codec.internal && { localPref: localPreference }),
    ...(communities.length > 0 && { communities }),
    ...(extendedCommunities.length > 0 && { extendedCommunities }),
    ...(largeCommunities.length > 0 && { largeCommunities }),
    ...(onlyToCustomer && { onlyToCustomer: localAs }),
  };
}

/** Are its prefixes in the NLRI and Withdrawn Routes fields, not in MP attributes? */
function isClassic(path: AdvertisedPath): boolean {
  return path.mpNextHops.length === 0;
}

/** Compares number by number; both are of the same length. */
function compareOctets(a: ArrayLike<number>, b: ArrayLike<number>): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function unique<T>(values: readonly T[], compare: (a: T, b: T) => number): readonly T[] {
  const sorted = [...values].sort(compare);
  return sorted.filter((value, index) => {
    const before = sorted[index - 1];
    return before === undefined || compare(before, value) !== 0;
  });
}

/** The same for routes that a peer gets with the same attributes. */
function valueKey(attributes: RouteAttributes, family: 4 | 6): string {
  const { med, localPreference, communities, largeCommunities, extendedCommunities, asPathPrepend } =
    attributes;
  const lists = `${communities.join()} ${largeCommunities.join()} ${extendedCommunities.join()}`;
  return `${family} ${med} ${localPreference} ${asPathPrepend} ${lists}`;
}
