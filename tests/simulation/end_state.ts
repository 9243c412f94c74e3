/** What a world has to look like when everything has had its time: worked out from the configuration alone. */
import { fwmarksOf } from "../../src/service/desired.ts";
import type {
  Config,
  DestinationConfig,
  PeerConfig,
  PortConfig,
  ServiceConfig,
} from "../../src/config/config.ts";
import { type Destination, interfaceMark, isOurs, virtualServiceKey } from "../../src/kernel/state.ts";
import type { Address } from "../../src/net/address.ts";
import { weightScale } from "../../src/service/weights.ts";
import { ROUTERS } from "./configurations.ts";
import type { FakeRouter } from "./fake_router.ts";
import { prefixOf } from "./inspector.ts";
import { isService } from "./host_kernel.ts";
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
  const actual = [...router.routes].map(([prefix, { attributes, stale }]) => {
    return `${prefix}: ${attributes}${stale ? ", stale" : ""}`;
  });
  const [is, should] = [actual.sort().join("\n"), [...expected].sort().join("\n")];
  return is === should ? undefined : `${router.name} has\n${is}\nand should have\n${should}`;
}

/** The routes of every service that is in service and well. */
function expectedRoutes(world: World, peer: PeerConfig): readonly string[] {
  return world.config.services.flatMap((service) => {
    const { announce } = service;
    const addresses = service.addresses.filter((address) => isServed(world, service, address));
    if (announce.peers !== undefined && !announce.peers.includes(peer.name)) return [];
    return addresses.filter(({ family }) => peer.families.includes(`ipv${family}-unicast`))
      .map((address) => `${prefixOf(address.text)}: ${attributesOf(service, address, peer, world.config)}`);
  });
}

function isServed(
  world: World,
  { name, enabled, checks, ports }: ServiceConfig,
  { family }: Address,
): boolean {
  return enabled && !world.operator.isDrained(name) &&
    checks.every((check) => check.type === "http" && world.backend(check.port)?.state === "up") &&
    ports.every((port) => {
      const live = liveOf(world, port, family).reduce((sum, { weight }) => sum + weight, 0);
      return live > 0 && live >= port.quorum;
    });
}

/** Destinations that work. */
function liveOf(world: World, { destinations }: PortConfig, family: 4 | 6): readonly DestinationConfig[] {
  return destinations.filter(({ address, weight, checks }) =>
    address.family === family && weight > 0 &&
    checks.every((check) => check.type === "http" && world.backend(check.port)?.state === "up")
  );
}

/** What a virtual service should have in the end. */
function destinationsIn(
  world: World,
  service: string,
  port: PortConfig,
  family: 4 | 6,
): readonly Destination[] {
  const live = liveOf(world, port, family);
  const isKept = port.protocol !== "udp" && port.whenFailed === "quiesce";
  const scale = weightScale(port);
  const own = port.destinations.filter(({ address }) => address.family === family).flatMap((each) => {
    if (live.includes(each)) return [{ ...each, weight: each.weight * scale }];
    const isWell = each.checks.every((check) =>
      check.type === "http" && world.backend(check.port)?.state === "up"
    );
    return isKept || isWell ? [{ ...each, weight: 0 }] : [];
  });
  const last = live.length > 0 ? [] : port.sorry.filter(({ address }) => address.family === family)
    .map((sorry) => ({ ...sorry, weight: scale }));
  return [...own, ...last].map((each) => world.operator.isDrained(service) ? { ...each, weight: 0 } : each);
}

function attributesOf(
  { announce }: ServiceConfig,
  { family }: Address,
  peer: PeerConfig,
  config: Config,
): string {
  const internal = ROUTERS.find(({ name }) => name === peer.name)?.as === config.bgp.local.as;
  const { address, address6 } = config.bgp.local;
  const nextHop = family === 4 ? peer.nextHop ?? address : address6;
  return [
    `next hop ${nextHop?.text}`,
    `med ${announce.med}`,
    `preference ${internal ? announce.localPreference : undefined}`,
    `communities ${announce.communities.join(" ")}`,
    `path ${internal ? 0 : 1}`,
  ].join(", ");
}

function expectedKernel(world: World): string[] {
  const { network, services } = world.config;
  const links = network.setup
    ? services.map(({ name, interface: link, addresses, ports }) =>
      `${link} ${interfaceMark(name, ports.flatMap(fwmarksOf))} up ${
        addresses.map(({ text }) => prefixOf(text)).sort().join(" ")
      }`
    )
    : [];
  const virtualServices = network.ipvs
    ? services.flatMap(({ name, addresses, ports }) =>
      addresses.flatMap((address) =>
        ports.map((each) => {
          const { port, protocol, ipvs } = each;
          return `${virtualServiceKey({ protocol, address, port, fwmark: 0 })} ${ipvs.scheduler} ${
            destinationWords(destinationsIn(world, name, each, address.family))
          }`;
        })
      )
    )
    : [];
  return [...links, ...virtualServices];
}

/** What of the kernel is ours, in words. */
export function actualKernel({ kernel: { interfaces, services, orphaned }, config }: World): string[] {
  const wanted = new Set(config.services.flatMap(({ addresses }) => addresses.map(({ text }) => text)));
  return [
    ...interfaces.filter(isOurs).map(({ name, alias, up, addresses }) => {
      const texts = addresses.map(({ address, prefixLength }) => `${address.text}/${prefixLength}`);
      return `${name} ${alias} ${up ? "up" : "down"} ${texts.sort().join(" ")}`;
    }),
    ...services.filter(({ address: { text } }) =>
      isService(text) && (wanted.has(text) || !orphaned.has(text))
    )
      .map((service) =>
        `${virtualServiceKey(service)} ${service.scheduler} ${destinationWords(service.destinations)}`
      ),
  ];
}

function destinationWords(destinations: readonly Destination[]): string {
  return destinations.map(({ address, port, weight }) => `${address.text} ${port} weight ${weight}`).sort()
    .join(" ");
}
