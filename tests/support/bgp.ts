/** Pieces of configuration and routes for BGP tests. */
import type { Route, RouteAttributes } from "../../src/bgp/routes/route.ts";
import { familyOf } from "../../src/bgp/session/family.ts";
import type { Restart } from "../../src/bgp/session/session_state.ts";
import type { LocalBgp, PeerConfig } from "../../src/config/config.ts";
import { type Address, parseAddress } from "../../src/net/address.ts";
import { parsePrefix } from "../../src/net/prefix.ts";
import type { Clock } from "../../src/time/clock.ts";

/** The address that `text` spells. @throws where it spells none */
export function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`not an address: ${text}`);
  return parsed;
}

/** A speaker that only connects out. */
export function localBgp(rest: Partial<LocalBgp> = {}): LocalBgp {
  const routerID = rest.routerID ?? address("10.0.0.1");
  return {
    routerID,
    as: 65001,
    listenPort: -1,
    listenAddresses: [],
    address: routerID,
    address6: undefined,
    ...rest,
  };
}

/** An external peer with everything plain. */
export function peerConfig(rest: Partial<PeerConfig> = {}): PeerConfig {
  return {
    name: "router",
    address: address("10.0.0.2"),
    automatic: false,
    zone: undefined,
    device: undefined,
    as: 65002,
    localAs: undefined,
    port: 179,
    passive: false,
    localAddress: undefined,
    password: undefined,
    tcpAo: [],
    tcpMss: undefined,
    ttlSecurity: undefined,
    multihop: undefined,
    holdTimeSeconds: 90,
    keepaliveTimeSeconds: undefined,
    connectRetryTimeMs: 5000,
    sendHoldTimeSeconds: 480,
    families: ["ipv4-unicast"],
    nextHop: undefined,
    nextHop6: undefined,
    linkLocalNextHop: "auto",
    gracefulRestart: undefined,
    capabilities: {
      routeRefresh: true,
      enhancedRouteRefresh: true,
      extendedMessages: true,
      extendedNextHop: true,
    },
    localRole: undefined,
    strictRole: false,
    bfd: undefined,
    ...rest,
  };
}

const MANY: Route[] = [];

/** Routes to 10.0.0.0/32 and so on; whoever asks for them again gets the same objects, which take a while to make. */
export function manyRoutes(count: number): readonly Route[] {
  for (let i = MANY.length; i < count; i++) {
    MANY.push(route(`10.${i >>> 16}.${(i >>> 8) & 0xff}.${i & 0xff}/32`));
  }
  return MANY.slice(0, count);
}

/** A route to `prefix` for every peer. */
export function route(prefix: string, attributes: Partial<RouteAttributes> = {}): Route {
  const parsed = parsePrefix(prefix);
  if (parsed === undefined) throw new Error(`not a prefix: ${prefix}`);
  return {
    prefix: parsed,
    peers: undefined,
    attributes: {
      med: undefined,
      localPreference: 100,
      communities: [],
      largeCommunities: [],
      extendedCommunities: [],
      asPathPrepend: 0,
      ...attributes,
    },
  };
}

/** What a speaker is told where the run before it had a session with every peer, and everything forwards since. */
export function restarted(clock: Pick<Clock, "now">): (peer: PeerConfig) => Restart {
  const bornMs = clock.now();
  return ({ families, gracefulRestart }) => ({
    restartingUntilMs: bornMs + (gracefulRestart?.restartTimeSeconds ?? 0) * 1000,
    forwarding: families.map(familyOf),
    because: "the test says so",
  });
}
