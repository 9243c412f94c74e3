/** FRR as one of the routers that every interoperability test runs with. */
import * as z from "zod";
import { Frr, type FrrOptions } from "./frr.ts";
import {
  identifierOf,
  ROUTER,
  type Router,
  ROUTER_AS,
  type RouterSession,
  type SeenRoute,
} from "./interop.ts";

/** Starts FRR with these sessions. `lines` go to the `router bgp` part. */
export async function startFrr(
  sessions: readonly RouterSession[],
  prefix: readonly string[],
  lines: readonly string[] = [],
  options: FrrOptions = {},
): Promise<Router & { readonly frr: Frr }> {
  const locals = sessions.flatMap(({ local }) => local === undefined ? [] : [local]);
  const frr = await Frr.start(configuration(sessions, lines), prefix, [...new Set(locals)], options);
  return {
    frr,
    name: "FRR",
    async routes(wanted) {
      const answer = await frr.json(`show bgp ${familyOf(wanted)} unicast ${wanted} json`);
      return (route.parse(answer).paths ?? []).map(seen);
    },
    async count(neighbor, family) {
      const answer = summary.parse(await frr.json(`show bgp ipv${family} unicast summary json`));
      return answer.peers?.[neighbor]?.pfxRcd ?? 0;
    },
    words: (neighbor) => frr.ask(`show bgp neighbors ${neighbor} json`),
    established: async (neighbor) =>
      /"bgpState":\s*"Established"/.test(await frr.ask(`show bgp neighbors ${neighbor} json`)),
    refresh: async (neighbor) => void await frr.ask(`clear bgp ${neighbor} soft in`),
    shutDown: (neighbor, communication) =>
      frr.configure(`router bgp ${ROUTER_AS}`, `neighbor ${neighbor} shutdown message ${communication}`),
    enable: (neighbor) => frr.configure(`router bgp ${ROUTER_AS}`, `no neighbor ${neighbor} shutdown`),
    end: (signal) => frr.end(signal),
    run: () => frr.run(),
    log: () => frr.log(),
    [Symbol.asyncDispose]: () => frr[Symbol.asyncDispose](),
  };
}

function configuration(sessions: readonly RouterSession[], lines: readonly string[]): string {
  const family = (number: 4 | 6) => [
    ` address-family ipv${number} unicast`,
    ...sessions.filter(({ families }) => families.includes(number)).flatMap((session) => [
      `  neighbor ${nameOf(session)} activate`,
      ...(session.floods === true ? [] : [`  neighbor ${nameOf(session)} route-map NONE out`]),
    ]),
    " exit-address-family",
  ];
  return [
    "route-map NONE deny 10",
    `router bgp ${ROUTER_AS}`,
    ` bgp router-id ${identifierOf(sessions[0]?.local)}`,
    " no bgp ebgp-requires-policy",
    " no bgp default ipv4-unicast",
    " no bgp network import-check",
    ...sessions.flatMap(neighborLines),
    ...lines.map((line) => ` ${line}`),
    ...family(4),
    ...family(6),
    "",
  ].join("\n");
}

/** What the configuration calls the neighbour. */
function nameOf({ neighbor, unnumbered }: RouterSession): string {
  return unnumbered === true ? ROUTER.device : neighbor;
}

function neighborLines(session: RouterSession): readonly string[] {
  const { neighbor, peerAs, holdTime, password, multihop, gracefulRestart } = session;
  const options = [
    session.unnumbered === true ? `interface remote-as ${peerAs}` : `remote-as ${peerAs}`,
    ...(neighbor.startsWith("fe80:") && session.unnumbered !== true ? [`interface ${ROUTER.device}`] : []),
    "timers connect 1",
    ...(session.local === undefined ? [] : [`update-source ${session.local}`]),
    ...(session.passive ? ["passive"] : []),
    ...(holdTime === undefined ? [] : [`timers ${Math.floor(holdTime / 3)} ${holdTime}`]),
    ...(password === undefined ? [] : [`password ${password}`]),
    ...(session.ttlSecurity === true ? ["ttl-security hops 1"] : []),
    ...(multihop === undefined ? [] : [`ebgp-multihop ${multihop}`]),
    ...(session.extendedNextHop === true ? ["capability extended-nexthop"] : []),
    ...(session.noCapabilities === true ? ["dont-capability-negotiate"] : []),
    ...(gracefulRestart === undefined ? ["graceful-restart-disable"] : ["graceful-restart"]),
  ];
  return options.map((option) => ` neighbor ${nameOf(session)} ${option}`);
}

const summary = z.object({
  peers: z.record(z.string(), z.object({ pfxRcd: z.number().optional() })).optional(),
});

const communities = z.object({ string: z.string() }).optional();

const route = z.object({
  paths: z.array(z.object({
    aspath: z.object({ string: z.string() }),
    metric: z.number().optional(),
    locPrf: z.number().optional(),
    stale: z.boolean().optional(),
    community: communities,
    largeCommunity: communities,
    extendedCommunity: communities,
    nexthops: z.array(z.object({ ip: z.string(), scope: z.string().optional() })),
    peer: z.object({ peerId: z.string() }),
  })).optional(),
});

type Path = NonNullable<z.output<typeof route>["paths"]>[number];

function seen(path: Path): SeenRoute {
  const words = (text: string | undefined) => (text ?? "").split(" ").filter((word) => word !== "");
  return {
    from: path.peer.peerId,
    nextHops: path.nexthops.map(({ ip }) => ip),
    asPath: path.aspath.string === "Local" ? "" : path.aspath.string,
    med: path.metric,
    localPref: path.locPrf,
    communities: words(path.community?.string),
    largeCommunities: words(path.largeCommunity?.string),
    // A link bandwidth is said once more in brackets.
    extendedCommunities: words(path.extendedCommunity?.string.replaceAll(/ \([^)]*\)/g, "")),
    stale: path.stale === true,
  };
}

function familyOf(prefix: string): string {
  return prefix.includes(":") ? "ipv6" : "ipv4";
}
