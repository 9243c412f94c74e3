/** GoBGP as one of the routers that every interoperability test runs with. */
import * as z from "zod";
import { GoBgp } from "./gobgp.ts";
import {
  identifierOf,
  ROUTER,
  type Router,
  ROUTER_AS,
  type RouterSession,
  type SeenRoute,
} from "./interop.ts";

/** Starts GoBGP with these sessions. */
export async function startGoBgp(
  sessions: readonly RouterSession[],
  prefix: readonly string[],
): Promise<Router & { readonly gobgp: GoBgp }> {
  const gobgp = await GoBgp.start(configuration(sessions), prefix);
  return {
    gobgp,
    name: "GoBGP",
    async routes(wanted) {
      const answer = await gobgp.json("global", "rib", "-a", familyOf(wanted), wanted);
      return Object.values(rib.parse(answer)).flat().map(seen);
    },
    async count(neighbor, family) {
      const answer = await gobgp.ask("neighbor", neighbor, "adj-in", "-a", `ipv${family}`, "summary").catch(
        () => "",
      );
      return Number(/Path: (\d+)/.exec(answer)?.[1] ?? 0);
    },
    // What the neighbour said last is in the log alone.
    words: async (neighbor) =>
      await gobgp.ask("neighbor", neighbor) +
      (await gobgp.log()).split("\n").filter((line) => line.includes(`Key=${neighbor} `)).join("\n"),
    established: async (neighbor) =>
      /BGP state = (?:BGP_FSM_)?ESTABLISHED/i.test(await gobgp.ask("neighbor", neighbor)),
    refresh: async (neighbor) => void await gobgp.ask("neighbor", neighbor, "softresetin"),
    shutDown: async (neighbor, communication) =>
      void await gobgp.ask("neighbor", neighbor, "shutdown", "--reason", communication),
    enable: async (neighbor) => void await gobgp.ask("neighbor", neighbor, "enable"),
    end: (signal) => gobgp.end(signal),
    run: () => gobgp.run(),
    log: () => gobgp.log(),
    [Symbol.asyncDispose]: () => gobgp[Symbol.asyncDispose](),
  };
}

function configuration(sessions: readonly RouterSession[]): unknown {
  const locals = [...new Set(sessions.flatMap(({ local }) => local === undefined ? [] : [local]))];
  return {
    global: {
      config: {
        "as": ROUTER_AS,
        "router-id": identifierOf(locals[0]),
        ...(locals.length > 0 && { "local-address-list": locals }),
      },
    },
    neighbors: sessions.map(neighborOf),
  };
}

function neighborOf(session: RouterSession): unknown {
  const { neighbor, peerAs, families, holdTime, password, multihop, gracefulRestart } = session;
  const zone = neighbor.startsWith("fe80:") ? `%${ROUTER.device}` : "";
  return {
    "config": {
      ...(session.unnumbered === true
        ? { "neighbor-interface": ROUTER.device }
        : { "neighbor-address": `${neighbor}${zone}` }),
      "peer-as": peerAs,
      ...(password !== undefined && { "auth-password": password }),
    },
    "transport": { config: { "passive-mode": session.passive } },
    "timers": {
      config: {
        "connect-retry": 1,
        "idle-hold-time-after-reset": 1,
        ...(holdTime !== undefined && { "hold-time": holdTime, "keepalive-interval": holdTime / 3 }),
      },
    },
    "ttl-security": { config: { enabled: session.ttlSecurity === true, "ttl-min": 255 } },
    "ebgp-multihop": { config: { enabled: multihop !== undefined, "multihop-ttl": multihop ?? 0 } },
    "graceful-restart": {
      config: {
        "enabled": gracefulRestart !== undefined,
        "restart-time": gracefulRestart ?? 0,
        "notification-enabled": gracefulRestart !== undefined,
      },
    },
    "afi-safis": families.map((family) => ({
      "config": { "afi-safi-name": `ipv${family}-unicast` },
      "mp-graceful-restart": { config: { enabled: gracefulRestart !== undefined } },
    })),
  };
}

const attribute = z.object({
  type: z.number(),
  value: z.unknown().optional(),
  nexthop: z.string().optional(),
  metric: z.number().optional(),
  communities: z.array(z.number()).optional(),
  as_paths: z.array(z.object({ asns: z.array(z.number()).nullable() })).nullable().optional(),
});

const large = z.array(z.object({ ASN: z.number(), LocalData1: z.number(), LocalData2: z.number() })).catch(
  [],
);

const extended = z.array(
  z.object({ value: z.string().optional(), asn: z.number().optional(), bandwidth: z.number().optional() }),
).catch([]);

const rib = z.record(
  z.string(),
  z.array(z.object({
    "attrs": z.array(attribute),
    "stale": z.boolean(),
    "neighbor-ip": z.string().optional(),
    "source-id": z.string().optional(),
  })),
);

type Path = z.output<typeof rib>[string][number];

function seen(path: Path): SeenRoute {
  const of = (type: number) => path.attrs.find((each) => each.type === type);
  const nextHop = of(14)?.nexthop ?? of(3)?.nexthop;
  return {
    from: path["neighbor-ip"] ?? "",
    nextHops: nextHop === undefined ? [] : [nextHop],
    asPath: (of(2)?.as_paths ?? []).flatMap(({ asns }) => asns ?? []).join(" "),
    med: of(4)?.metric,
    localPref: z.number().optional().catch(undefined).parse(of(5)?.value),
    communities: (of(8)?.communities ?? []).map((value) => `${value >>> 16}:${value & 0xffff}`),
    largeCommunities: large.parse(of(32)?.value).map((each) =>
      `${each.ASN}:${each.LocalData1}:${each.LocalData2}`
    ),
    extendedCommunities: extended.parse(of(16)?.value).map((each) =>
      each.value ?? `${each.asn}:${each.bandwidth}`
    ),
    stale: path.stale,
  };
}

function familyOf(prefix: string): string {
  return prefix.includes(":") ? "ipv6" : "ipv4";
}
