/** What a world has to look like when everything has had its time: worked out from the configuration alone. */
import { reachableFrom } from "../../src/config/families.ts";
import { fwmarksOf, idsOf } from "../../src/service/desired.ts";
import type { DestinationConfig, PeerConfig, PortConfig, ServiceConfig } from "../../src/config/config.ts";
import {
  type Destination,
  destinationKey,
  interfaceMark,
  isConnected,
  isOurs,
  type VirtualService,
  virtualServiceKey,
} from "../../src/kernel/state.ts";
import { IP_VS_SVC_F } from "../../src/netlink/constants.ts";
import type { Address } from "../../src/net/address.ts";
import { weightScale } from "../../src/service/weights.ts";
import type { FakeDestination } from "../support/fake_host.ts";
import type { FakeAddress } from "../support/fake_links.ts";
import { attributesIn } from "./attribute_rules.ts";
import { givenWeight } from "./configurations.ts";
import type { FakeRouter } from "./fake_router.ts";
import { prefixOf } from "./prefixes.ts";
import { isOfServices, placeOf } from "./host_kernel.ts";
import type { World } from "./world.ts";

/** The first thing that is not as it should be; undefined: everything is. */
export function endState(world: World): string | undefined {
  const { routers, agent } = world;
  if (agent === undefined) return "no agent runs";
  const expected = expectedKernel(world).sort().join("\n");
  const actual = actualKernel(world).sort().join("\n");
  if (actual !== expected) return `the kernel has\n${actual}\nand should have\n${expected}`;
  for (const router of routers) {
    const wrong = routerFault(world, router);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function routerFault(world: World, router: FakeRouter): string | undefined {
  const { config } = world;
  const peer = config.bgp.peers.find(({ name }) => name === router.name);
  if (peer !== undefined && !router.established) return `${router.name} has no session`;
  const expected = peer === undefined ? [] : expectedRoutes(world, peer);
  const open = undecided(world);
  const actual = [...router.routes].filter(([prefix]) => !open.has(prefix))
    .map(([prefix, { attributes, stale }]) => `${prefix}: ${attributes}${stale ? ", stale" : ""}`);
  const [is, should] = [actual.sort().join("\n"), [...expected].sort().join("\n")];
  return is === should ? undefined : `${router.name} has\n${is}\nand should have\n${should}`;
}

/** The routes of every service that is in service and well, or is announced all the same. */
function expectedRoutes(world: World, peer: PeerConfig): readonly string[] {
  return world.config.services.flatMap((service) => {
    const { announce } = service;
    const addresses = service.addresses.filter((address) => served(world, service, address) === true);
    if (announce.peers !== undefined && !announce.peers.includes(peer.name)) return [];
    return addresses.filter(({ family }) => peer.families.includes(`ipv${family}-unicast`))
      .map((address) => `${prefixOf(address.text)}: ${wordsOf(world, service, address, peer)}`);
  });
}

function wordsOf(world: World, service: ServiceConfig, address: Address, peer: PeerConfig): string {
  const health = service.checks.every((check) => isWell(world, check)) ? "healthy" : "unhealthy";
  return attributesIn(service, health, address, { peer, config: world.config });
}

/** Prefixes that hysteresis may leave announced or not, by what was before. */
export function undecided(world: World): ReadonlySet<string> {
  return new Set(
    world.config.services.flatMap((service) =>
      service.addresses.filter((address) => served(world, service, address) === undefined)
        .map(({ text }) => prefixOf(text))
    ),
  );
}

/** Whether an address is announced in the end; undefined: it depends on what was before. */
function served(
  world: World,
  { name, enabled, checks, ports, announce: { whenUnhealthy } }: ServiceConfig,
  { family }: Address,
): boolean | undefined {
  if (!enabled || world.operator.isDrained(name)) return false;
  if (whenUnhealthy === "withdraw" && !checks.every((check) => isWell(world, check))) return false;
  const holds = ports.filter(({ fwmark, families }) => fwmark === 0 || families.includes(family)).map(
    (port) => {
      const live = liveOf(world, port, family).reduce((sum, { weight }) => sum + weight, 0);
      if (live === 0 || live < port.quorum - port.hysteresis) return false;
      return live >= port.quorum + port.hysteresis ? true : undefined;
    },
  );
  return holds.includes(false) ? false : holds.includes(undefined) ? undefined : true;
}

function isWell(world: World, check: ServiceConfig["checks"][number]): boolean {
  return check.type === "http" && world.backend(check.port)?.state === "up";
}

/** Destinations that work and have weight. */
function liveOf(world: World, { destinations }: PortConfig, family: 4 | 6): readonly DestinationConfig[] {
  return reachableFrom(family, destinations).filter(({ checks }) =>
    checks.every((check) => isWell(world, check))
  )
    .map((each) => ({ ...each, weight: givenWeight(each) })).filter(({ weight }) => weight > 0);
}

/** What a virtual service should have in the end. */
function destinationsIn(
  world: World,
  service: string,
  port: PortConfig,
  family: 4 | 6,
): readonly Destination[] {
  const live = new Map(liveOf(world, port, family).map((each) => [destinationKey(each), each.weight]));
  const isKept = isConnected(port) && port.whenFailed === "quiesce";
  const scale = weightScale(port);
  const own = reachableFrom(family, port.destinations).flatMap((each) => {
    const weight = live.get(destinationKey(each));
    if (weight !== undefined) return [{ ...each, weight: weight * scale }];
    return isKept || each.checks.every((check) => isWell(world, check)) ? [{ ...each, weight: 0 }] : [];
  });
  const last = live.size > 0
    ? []
    : reachableFrom(family, port.sorry).slice(0, 1).map((sorry) => ({ ...sorry, weight: scale }));
  return [...own, ...last].map((each) => world.operator.isDrained(service) ? { ...each, weight: 0 } : each);
}

function expectedKernel(world: World): string[] {
  const { network, services } = world.config;
  const links = network.setup
    ? services.map(({ name, interface: link, addresses, ports }) =>
      `${link} ${interfaceMark(name, network.ipvs ? ports.flatMap(fwmarksOf) : [])} up ${
        addresses.map(({ text }) => prefixOf(text)).sort().join(" ")
      }`
    )
    : [];
  const virtualServices = network.ipvs
    ? services.flatMap((service) =>
      service.ports.flatMap((port) =>
        idsOf(port, service).map((id) => {
          const destinations = destinationsIn(world, service.name, port, id.address.family);
          return serviceWords({ ...id, ...scheduledAs(port, id.address.family), destinations });
        })
      )
    )
    : [];
  return [...links, ...virtualServices];
}

function scheduledAs({ ipvs: { scheduler, flags, persistence } }: PortConfig, family: 4 | 6) {
  const bits = flags.map((flag) => flag === "mh-port" ? IP_VS_SVC_F.SCHED2 : 0);
  return {
    scheduler,
    flags: bits.reduce((sum, bit) => sum | bit, persistence === undefined ? 0 : IP_VS_SVC_F.PERSISTENT),
    timeoutSeconds: persistence?.timeoutSeconds ?? 0,
    netmask: (family === 4 ? persistence?.netmask : persistence?.netmask6) ?? 0,
    persistenceEngine: "",
  };
}

/** What of the kernel is ours, in words. */
export function actualKernel({ kernel, config }: World): string[] {
  const { interfaces, services, orphaned } = kernel;
  const wanted = new Set(config.services.flatMap((service) => [
    ...service.addresses.map(({ text }) => text),
    ...service.ports.flatMap(fwmarksOf).map(virtualServiceKey),
  ]));
  return [
    ...interfaces.filter(isOurs).map((link) => {
      const { name, alias, up, carrier, master } = link;
      const texts = link.addresses.map((each) => `${each.address.text}/${each.prefixLength}${wrongOf(each)}`);
      const wrong = `${carrier ? "" : " no carrier"}${master === undefined ? "" : ` in ${master}`}`;
      return `${name} ${alias} ${up ? "up" : "down"}${wrong} ${texts.sort().join(" ")}`;
    }),
    ...services.filter((each) =>
      isOfServices(each) && (wanted.has(placeOf(each)) || !orphaned.has(placeOf(each)))
    ).map(serviceWords),
  ];
}

/** What of an address is not as we set it. */
function wrongOf({ deprecated, hostScope, broadcast, peer, nodad, localRoute }: FakeAddress): string {
  return [
    deprecated ? "" : " preferred",
    hostScope ? "" : " global",
    broadcast ? " broadcast" : "",
    peer === undefined ? "" : " peer",
    nodad ? "" : " dad",
    localRoute ? "" : " no local route",
  ].join("");
}

/** Without persistence its timeout and granularity mean nothing. */
function serviceWords(service: VirtualService): string {
  const { scheduler, flags, timeoutSeconds, netmask, persistenceEngine, destinations } = service;
  const isPersistent = (flags & IP_VS_SVC_F.PERSISTENT) !== 0;
  const persistence = isPersistent ? ` ${timeoutSeconds} s by /${netmask}` : "";
  return `${virtualServiceKey(service)} ${scheduler} ${flags}${persistence} ${persistenceEngine} ` +
    destinations.map(destinationWords).sort().join(", ");
}

function destinationWords(destination: FakeDestination): string {
  const { address, port, weight, forwarding, tunnel, upperThreshold, lowerThreshold, foreign } = destination;
  const encapsulation = tunnel === undefined ? "" : ` ${tunnel.type} ${tunnel.port} ${tunnel.checksum}`;
  return `${address.text} ${port} ${forwarding}${encapsulation} weight ${weight}` +
    ` thresholds ${upperThreshold} ${lowerThreshold} ${foreign ?? ""}`;
}
