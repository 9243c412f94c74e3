/** Where a router and our speakers meet: what kind of router it is, its neighbours, and what it shows of them. */
import assert from "node:assert/strict";
import type { LocalBgp, PeerConfig } from "../../src/config/config.ts";
import { address } from "./bgp.ts";
import { OURS, OurSpeaker, ROUTER, type Router, type RouterSession, type SeenRoute } from "./interop.ts";
import type { NamespacePair } from "./namespace.ts";
import type { PackageName } from "./setup.ts";
import { eventually } from "./until.ts";

/** A router and how it differs from the others. */
export interface RouterUnderTest {
  readonly name: string;
  readonly packages: readonly PackageName[];
  start(sessions: readonly RouterSession[], prefix: readonly string[]): Promise<Router>;
  /** Neighbours to which it speaks as an old router, our AS, and the AS_PATH that it shows of one prepended AS. */
  readonly oldSpeakers: readonly {
    readonly as: number;
    readonly session: Partial<RouterSession>;
    readonly asPath: string;
  }[];
  /** Offers RFC 8950 over IPv6 whether or not it is configured. */
  readonly alwaysExtendedNextHop: boolean;
  /** Offers RFC 8950 over IPv4, too. */
  readonly extendedNextHopOverIPv4: boolean;
  /** Asks for routes again, and does not only look at its own copies. */
  readonly refreshes: boolean;
  /** Connects to a link-local neighbour that it knows by address. */
  readonly connectsToLinkLocal: boolean;
  readonly extendedMessages: boolean;
  readonly enhancedRouteRefresh: boolean;
  /** How often a session may flap after a collision; undefined: it does not connect beside a connection of ours. */
  readonly flapsOfCollision: number | undefined;
  /** What it shows of `rt:65001:5` and of a link bandwidth of 125,000,000 octets per second in AS 65001. */
  readonly extendedCommunities: readonly string[];
  /** Cuts long lists where it shows them. */
  readonly cutsLists: boolean;
  /** What it shows of no-export. */
  readonly noExport: string;
}

/** Where all themes meet. */
export interface Scene {
  readonly namespaces: NamespacePair;
  readonly router: Router;
  readonly kind: RouterUnderTest;
}

/** Neighbours, each at an address of its own. */
export class Plan {
  readonly sessions: RouterSession[] = [];
  #host = 10;

  constructor(readonly kind: RouterUnderTest) {}

  /** How many addresses are taken. */
  get size(): number {
    return this.#host - 10;
  }

  /** A neighbour of the router over IPv4 or IPv6. */
  add(over: 4 | 6, rest: Partial<Omit<RouterSession, "neighbor">> = {}): RouterSession {
    const host = ++this.#host;
    return this.addAt(over === 4 ? `10.9.0.${host}` : `fd09::${host}`, rest);
  }

  /** A neighbour at a given address. */
  addAt(neighbor: string, rest: Partial<Omit<RouterSession, "neighbor">> = {}): RouterSession {
    const session = { neighbor, peerAs: 65001, families: [4, 6], passive: true, ...rest } as const;
    this.sessions.push(session);
    return session;
  }
}

/** Adds its neighbours to the plan and gives what is to be done once the router runs. */
export type Theme = (plan: Plan) => { readonly sentence: string; run(scene: Scene): Promise<void> };

/** Our peer for a neighbour of the router's. */
export function peerFor(session: RouterSession, rest: Partial<PeerConfig> = {}): Partial<PeerConfig> {
  const { neighbor, families, password } = session;
  const link = neighbor.startsWith("fe80:");
  return {
    name: neighbor,
    address: address(link ? ROUTER.link : ROUTER[neighbor.includes(":") ? 6 : 4]),
    ...(link ? { zone: OURS.device } : { localAddress: address(neighbor) }),
    families: families.map((family) => `ipv${family}-unicast` as const),
    password,
    ...(session.ttlSecurity === true && { ttlSecurity: 1 }),
    multihop: session.multihop,
    ...rest,
  };
}

/** A speaker of ours for one neighbour of the router's. */
export function speakerFor(
  { namespaces }: Scene,
  session: RouterSession,
  { peer, local, restarting }: {
    readonly peer?: Partial<PeerConfig>;
    readonly local?: Partial<LocalBgp>;
    readonly restarting?: boolean;
  } = {},
): OurSpeaker {
  return new OurSpeaker(namespaces, {
    local: { as: session.peerAs, address6: address(OURS[6]), ...local },
    peers: [peerFor(session, peer)],
    restarting: restarting ?? false,
  });
}

/** The one route that the router has for `prefix` from this neighbour, once it has it. */
export async function seen(
  { router }: Pick<Scene, "router">,
  { neighbor }: RouterSession,
  prefix: string,
): Promise<SeenRoute> {
  const routes = await eventually(
    async () => from(await router.routes(prefix), neighbor),
    (all) => all.length > 0,
    `${prefix} from ${neighbor}`,
  );
  const [first, ...others] = routes;
  assert.ok(first !== undefined && others.length === 0);
  return first;
}

/** Waits until the router has no route for `prefix` from this neighbour. */
export async function gone(
  { router }: Pick<Scene, "router">,
  { neighbor }: RouterSession,
  prefix: string,
): Promise<void> {
  await eventually(
    async () => from(await router.routes(prefix), neighbor),
    (all) => all.length === 0,
    `${prefix} from ${neighbor} is gone`,
  );
}

function from(routes: readonly SeenRoute[], neighbor: string): readonly SeenRoute[] {
  return routes.filter((route) => route.from.split("%")[0] === neighbor);
}
