/** Which routes would be announced, changed and withdrawn, and to which peers: two sets of routes, compared. Pure. */
import type { Route } from "../bgp/routes/route.ts";
import { canonical } from "../config/canonical.ts";
import type { Config, PeerConfig, ServiceConfig } from "../config/config.ts";
import { renderAttributes } from "../config/render.ts";
import { peerKey } from "../config/session_difference.ts";
import { type Address, hostBits } from "../net/address.ts";
import { prefixOf } from "../net/prefix.ts";

/** When a route would change: in the same moment; with a healthy verdict; when what goes before it is done. */
export type PlannedMoment = "at once" | "when healthy" | "in order";

/** What a route says, by the names of the file; what is not sent is not there. */
export type RouteWords = Readonly<Record<string, string | number | readonly string[]>>;

/** One route that would be announced, changed or withdrawn. */
export interface RoutePlan {
  readonly prefix: string;
  readonly service: string;
  /** Names; undefined: every peer. */
  readonly toPeers?: readonly string[];
  /** Of a changed one: what is another one afterwards. */
  readonly from?: RouteWords;
  /** Of a changed one: the same afterwards; of one that is announced: everything. */
  readonly to?: RouteWords;
  readonly when: PlannedMoment;
}

/** What would happen to routes. */
export interface RoutePlans {
  readonly announced: readonly RoutePlan[];
  readonly changed: readonly RoutePlan[];
  readonly withdrawn: readonly RoutePlan[];
}

/** A route that is announced, or would be; where it goes or comes, `when` says when. */
export interface PlannedRoute extends Route {
  readonly service: string;
  readonly when: PlannedMoment;
}

/** Routes and the configuration that they are of. */
export interface RouteSet {
  readonly config: Config;
  readonly routes: readonly PlannedRoute[];
}

/** The routes of enabled services as they are configured; `whenOf` says when one comes, and undefined: never. */
export function configuredRoutes(
  { services }: Config,
  whenOf: (service: ServiceConfig, address: Address) => PlannedMoment | undefined,
): readonly PlannedRoute[] {
  return services.filter(({ enabled }) => enabled).flatMap((service) =>
    service.addresses.flatMap((address): readonly PlannedRoute[] => {
      const when = whenOf(service, address);
      if (when === undefined) return [];
      const { announce, prefixLengths, name } = service;
      const prefix = prefixOf(address, prefixLengths.get(address.text) ?? hostBits(address));
      return [{ service: name, prefix, attributes: announce, peers: announce.peers, when }];
    })
  );
}

/**
 * What leads from the routes of before to those of after, for peers that are there before and after; undefined: there was
 * nothing before, and all peers count.
 */
export function routePlans(before: RouteSet | undefined, after: RouteSet): RoutePlans {
  const known = new Map(before?.config.bgp.peers.map((peer) => [peerKey(peer), peer]));
  const pairs = after.config.bgp.peers.flatMap((next): readonly PeerPair[] => {
    const old = known.get(peerKey(next));
    return before !== undefined && old === undefined ? [] : [{ name: next.name, old, next }];
  });
  const olds = new Map(before?.routes.map((route) => [keyOf(route), route]));
  const nexts = new Map(after.routes.map((route) => [keyOf(route), route]));
  const plans = [...new Set([...olds.keys(), ...nexts.keys()])].flatMap((key) => {
    const [old, next] = [olds.get(key), nexts.get(key)];
    return plansOf(pairs, (peer) => ({
      from: old && before && peer.old && told(old, peer.old, before.config),
      to: next && told(next, peer.next, after.config),
    }), next ?? old);
  });
  const of = (wanted: keyof RoutePlans) =>
    plans.filter(({ kind }) => kind === wanted).map(({ plan }) => plan);
  return { announced: of("announced"), changed: of("changed"), withdrawn: of("withdrawn") };
}

/** A peer before and after. */
interface PeerPair {
  readonly name: string;
  readonly old: PeerConfig | undefined;
  readonly next: PeerConfig;
}

/** What a peer is told before and after; undefined: it is not told of the route. */
interface Told {
  readonly from: RouteWords | undefined;
  readonly to: RouteWords | undefined;
}

interface OnePlan {
  readonly kind: keyof RoutePlans;
  readonly plan: RoutePlan;
}

/** The plans of one route: peers for which the same happens are in one. */
function plansOf(
  pairs: readonly PeerPair[],
  toldTo: (peer: PeerPair) => Told,
  route: PlannedRoute | undefined,
): readonly OnePlan[] {
  if (route === undefined) return [];
  const { service, prefix: { text: prefix }, when } = route;
  const groups = Map.groupBy(
    pairs.flatMap(({ name, ...peer }) => {
      const what = whatHappens(toldTo({ name, ...peer }));
      return what === undefined ? [] : [{ name, what }];
    }),
    ({ what }) => canonical(what),
  );
  return [...groups.values()].flatMap((group): readonly OnePlan[] => {
    const [first] = group;
    if (first === undefined) return [];
    const { kind, ...words } = first.what;
    const toPeers = group.length === pairs.length ? {} : { toPeers: group.map(({ name }) => name) };
    return [{ kind, plan: { prefix, service, ...toPeers, ...words, when } }];
  });
}

type Happening = Pick<OnePlan, "kind"> & Pick<RoutePlan, "from" | "to">;

function whatHappens({ from, to }: Told): Happening | undefined {
  if (to === undefined) return from === undefined ? undefined : { kind: "withdrawn" };
  if (from === undefined) return { kind: "announced", to };
  const differing = [...new Set([...Object.keys(from), ...Object.keys(to)])]
    .filter((key) => canonical(from[key]) !== canonical(to[key]));
  return differing.length === 0
    ? undefined
    : { kind: "changed", from: only(from, differing), to: only(to, differing) };
}

function only(words: RouteWords, keys: readonly string[]): RouteWords {
  return Object.fromEntries(Object.entries(words).filter(([key]) => keys.includes(key)));
}

function keyOf({ service, prefix }: PlannedRoute): string {
  return `${service} ${prefix.text}`;
}

/** What a peer is told of a route; undefined: nothing. */
function told(route: PlannedRoute, peer: PeerConfig, { bgp: { local } }: Config): RouteWords | undefined {
  const v4 = route.prefix.address.family === 4;
  if (!peer.families.includes(v4 ? "ipv4-unicast" : "ipv6-unicast")) return undefined;
  if (route.peers !== undefined && !route.peers.includes(peer.name)) return undefined;
  const { localPreference, asPathPrepend, ...attributes } = renderAttributes(route.attributes);
  const nextHop = (v4 ? peer.nextHop : peer.nextHop6)?.text;
  const words = {
    ...attributes,
    ...(peer.as === (peer.localAs ?? local.as)
      ? { localPreference }
      : asPathPrepend === 0
      ? {}
      : { asPathPrepend }),
    nextHop,
  };
  return Object.fromEntries(
    Object.entries(words).flatMap(([key, value]) =>
      value === undefined || (Array.isArray(value) && value.length === 0) ? [] : [[key, value]]
    ),
  );
}
