/**
 * Random configurations, and random other ones that a reload or a successor may come with: services, addresses, ports,
 * destinations, weights, checks, peers and attributes that are added, removed and changed.
 */
import type { HttpCheckConfig } from "../../src/config/checks/http.ts";
import type {
  Config,
  DestinationConfig,
  PeerConfig,
  PortConfig,
  ServiceConfig,
} from "../../src/config/config.ts";
import type { Address } from "../../src/net/address.ts";
import { address, peerConfig } from "../support/bgp.ts";
import { config, httpCheckConfig, PLAIN_PORT, scheduledBy, serviceConfig } from "../support/config.ts";
import type { Dice } from "./dice.ts";
import { PLAIN } from "../support/kernel_objects.ts";

/** From when on an object is contested, and until when. */
export const CONTENTION = { limit: 3, windowMs: 30_000, holdMs: 8_000 } as const;
/** The agent's own address. */
export const AGENT: Address = address("10.0.0.1");
/** The same over IPv6. */
export const AGENT_6: Address = address("2001:db8::1");
/** Every router that there may be, and the AS of each; the agent's is the first one's. */
export const ROUTERS: readonly { readonly name: string; readonly address: Address; readonly as: number }[] = [
  { name: "r1", address: address("10.0.0.2"), as: 65_512 },
  { name: "r2", address: address("10.0.0.3"), as: 65_512 },
  { name: "r3", address: address("10.0.0.4"), as: 65_001 },
];
const AS = 65_512;
const SERVICES = 4;
/** Takes what comes where nobody else does. */
const SORRY = address("10.0.0.99");
/** The same as a destination. */
export const SORRY_NAME = "10.0.0.99:8080";
const BACKENDS: readonly Address[] = [AGENT, address("10.0.0.11"), address("10.0.0.12")];
const BACKENDS_6: readonly Address[] = [AGENT_6, address("2001:db8::11")];

/** The addresses that service `index` may have. */
const ADDRESSES = Array.from({ length: SERVICES }, (_, index) => [
  address(`10.99.${index}.1`),
  address(`10.99.${index}.2`),
  address(`2001:db8:99:${index}::1`),
]);

/** The marks that services may have; others have others. */
export const MARKS: readonly number[] = ADDRESSES.map((_, index) => markOf(index));

/** The addresses of the service that has this mark, or had it. */
export function addressesOfMark(mark: number, { services }: Config): readonly Address[] {
  // One that stays without the mark is not served by it any more.
  const index = MARKS.indexOf(mark);
  return services.some(({ name }) => name === nameOf(index)) ? [] : ADDRESSES[index] ?? [];
}

function markOf(index: number): number {
  return 10 + index;
}

/** A configuration to start with. */
export function someConfig(dice: Dice): Config {
  const peers = dice.some(ROUTERS, 0.6).map((router) => somePeer(router, dice));
  const services = Array.from({ length: SERVICES }, (_, index) => index)
    .filter(() => dice.chance(0.5)).map((index) => someService(index, dice));
  const [first] = ROUTERS;
  return config({
    hooks: { timeoutMs: 2000 },
    state: { directory: dice.chance(0.85) ? "/var/lib/bgp-lb" : undefined },
    network: dice.chance(0.1)
      ? { setup: false, ipvs: false, contention: CONTENTION }
      : { setup: true, ipvs: dice.chance(0.9), contention: CONTENTION },
    bgp: {
      local: {
        routerID: AGENT,
        as: AS,
        listenPort: 179,
        listenAddresses: [AGENT],
        address: AGENT,
        address6: AGENT_6,
      },
      peers: peers.length > 0 || first === undefined ? peers : [somePeer(first, dice)],
    },
    services: services.length > 0 ? services : [someService(0, dice)],
  });
}

/** Another configuration for the same host. */
export function anotherConfig(before: Config, dice: Dice): Config {
  let next = before;
  for (let changes = dice.between(1, 3); changes > 0; changes--) next = changed(next, dice);
  return next;
}

function changed(before: Config, dice: Dice): Config {
  const { services, bgp } = before;
  const kind = dice.below(12);
  if (kind === 0) return withPeers(before, otherPeers(bgp.peers, dice));
  if (kind === 1) return { ...before, services: [...services].reverse() };
  if (kind === 2 && services.length > 1) {
    const gone = dice.below(services.length);
    return { ...before, services: services.filter((_, index) => index !== gone) };
  }
  if (kind === 3) {
    const missing = ADDRESSES.keys().filter((index) => !services.some(({ name }) => name === nameOf(index)));
    const [added] = missing;
    if (added !== undefined) {
      const at = dice.below(services.length + 1);
      return { ...before, services: services.toSpliced(at, 0, someService(added, dice)) };
    }
  }
  const which = dice.below(services.length);
  return {
    ...before,
    services: services.map((service, index) => index === which ? otherService(service, dice) : service),
  };
}

function otherService(service: ServiceConfig, dice: Dice): ServiceConfig {
  const index = indexOf(service.name);
  switch (dice.below(10)) {
    case 0:
      return withAddresses(service, someAddresses(index, dice), dice);
    case 1:
      return { ...service, ports: somePorts(index, service.addresses, dice) };
    case 2:
      return { ...service, checks: someChecks(index, dice) };
    case 3:
      return { ...service, checks: [...service.checks].reverse() };
    case 4:
      return { ...service, announce: someAnnounce(dice) };
    case 5:
      return { ...service, stop: someStop(dice) };
    case 6:
      return { ...service, enabled: !service.enabled };
    case 7:
      return scheduledBy(service, { ...PLAIN_PORT.ipvs, scheduler: dice.pick(["rr", "wrr", "mh"]) });
    case 8:
      return { ...service, ports: service.ports.map((port) => maybeChecked(port, dice)) };
    default:
      return { ...service, ports: service.ports.map((port) => otherWeights(port, dice)) };
  }
}

function otherPeers(peers: readonly PeerConfig[], dice: Dice): readonly PeerConfig[] {
  const others = ROUTERS.filter(({ name }) => !peers.some((peer) => peer.name === name));
  if (dice.chance(0.3) && others.length > 0) return [...peers, somePeer(dice.pick(others), dice)];
  if (dice.chance(0.3) && peers.length > 1) {
    const gone = dice.below(peers.length);
    return peers.filter((_, index) => index !== gone);
  }
  const which = dice.below(peers.length);
  return peers.map((peer, index) => {
    if (index !== which) return peer;
    return dice.chance(0.5)
      ? { ...peer, holdTimeSeconds: dice.pick([9, 15, 30]) }
      : { ...peer, nextHop: dice.chance(0.5) ? undefined : address("10.0.0.77") };
  });
}

function withPeers(before: Config, peers: readonly PeerConfig[]): Config {
  return { ...before, bgp: { ...before.bgp, peers } };
}

function somePeer({ name, address, as }: typeof ROUTERS[number], dice: Dice): PeerConfig {
  return peerConfig({
    name,
    address,
    as,
    passive: dice.chance(0.2),
    holdTimeSeconds: dice.pick([9, 15, 30]),
    sendHoldTimeSeconds: dice.pick([60, 90]),
    connectRetryTimeMs: 1000,
    families: dice.chance(0.7) ? ["ipv4-unicast", "ipv6-unicast"] : ["ipv4-unicast"],
    gracefulRestart: dice.chance(0.6) ? { restartTimeSeconds: dice.pick([40, 60]) } : undefined,
  });
}

/** What services are called. */
export const SERVICE_NAMES: readonly string[] = Array.from({ length: SERVICES }, (_, index) => nameOf(index));

function nameOf(index: number): string {
  return `s${index}`;
}

function indexOf(name: string): number {
  return Number(name.slice(1));
}

function someService(index: number, dice: Dice): ServiceConfig {
  const addresses = someAddresses(index, dice);
  const name = nameOf(index);
  return serviceConfig({
    name,
    interface: name,
    enabled: dice.chance(0.95),
    addresses,
    announce: someAnnounce(dice),
    ports: somePorts(index, addresses, dice),
    checks: someChecks(index, dice),
    stop: someStop(dice),
    onChange: dice.chance(0.4) ? ["/usr/local/bin/on-change"] : undefined,
  });
}

function withAddresses(service: ServiceConfig, addresses: readonly Address[], dice: Dice): ServiceConfig {
  return { ...service, addresses, ports: somePorts(indexOf(service.name), addresses, dice) };
}

function someAddresses(index: number, dice: Dice): readonly Address[] {
  const [first, ...others] = ADDRESSES[index] ?? [];
  return [...first === undefined ? [] : [first], ...dice.some(others, 0.3)];
}

function somePorts(index: number, addresses: readonly Address[], dice: Dice): readonly PortConfig[] {
  const has6 = addresses.some(({ family }) => family === 6);
  const ports = dice.some([80, 443], 0.5).map((port): PortConfig => ({
    ...PLAIN_PORT,
    port,
    protocol: dice.chance(0.75) ? "tcp" : "udp",
    destinations: destinationsFor(has6 || dice.chance(0.2), dice),
  }));
  if (dice.chance(0.25)) {
    const both = has6 && dice.chance(0.7);
    ports.push({
      ...PLAIN_PORT,
      port: 0,
      protocol: "tcp",
      fwmark: markOf(index),
      families: both ? [4, 6] : [4],
      destinations: destinationsFor(both, dice),
    });
  }
  return ports.map((port) => maybeChecked(maybeScheduled(port, dice), dice));
}

function destinationsFor(both: boolean, dice: Dice): readonly DestinationConfig[] {
  const own = someDestinations(BACKENDS, dice);
  if (!both) return own;
  // Or those of the other family carry its packets in a tunnel.
  const others = dice.chance(0.8) ? someDestinations(BACKENDS_6, dice) : [];
  return others.length > 0 ? [...own, ...others] : own.map((each) => tunnelled(each, dice));
}

/** By more than round robin, now and then. */
function maybeScheduled(port: PortConfig, dice: Dice): PortConfig {
  if (dice.chance(0.75)) return port;
  const hashed = dice.chance(0.5);
  const ipvs = {
    scheduler: hashed ? "mh" : dice.pick(["wrr", "lc"]),
    flags: hashed ? ["mh-port"] : [],
    persistence: dice.chance(0.6) ? { timeoutSeconds: 300, netmask: 24, netmask6: 64 } : undefined,
  };
  return { ...port, ipvs };
}

/** With checks of its destinations, as often as not, and what rests on these. */
function maybeChecked(port: PortConfig, dice: Dice): PortConfig {
  const plain = { ...port, destinations: port.destinations.map((each) => ({ ...each, checks: [] })) };
  if (dice.chance(0.5)) {
    return { ...plain, quorum: 1, hysteresis: 0, slowStartMs: 0, sorry: [], whenFailed: "quiesce" };
  }
  // Few kinds of them, so that ports and services share probes.
  const intervalMs = dice.pick([1000, 2000]);
  const [rise, fall] = [dice.between(1, 2), dice.between(1, 2)];
  const weightHeader = dice.chance(0.2) ? "X-Weight" : undefined;
  return {
    ...port,
    destinations: port.destinations.map((each) => ({
      ...each,
      checks: [httpCheckConfig({
        name: "d",
        port: destinationPort(each.address),
        intervalMs,
        fastIntervalMs: 500,
        timeoutMs: 500,
        rise,
        fall,
        weightHeader,
        ...someWatchfulness(dice),
      })],
    })),
    whenFailed: dice.pick(["quiesce", "remove"]),
    ...someQuorum(dice),
    slowStartMs: dice.pick([0, 0, 2000]),
    sorry: dice.chance(0.3) ? [{ address: SORRY, port: 8080, weight: 1, forwarding: "masq", ...PLAIN }] : [],
  };
}

/** What a backend answers whose answer has a weight. */
export function weightGivenAt(port: number): number {
  return 2 + port % 4;
}

/** The least that its checks give it, or what is configured. */
export function givenWeight({ weight, checks }: DestinationConfig): number {
  const given = checks.flatMap((check) =>
    check.type === "http" && check.weightHeader !== undefined ? [weightGivenAt(check.port)] : []
  );
  return given.length === 0 ? weight : Math.min(...given);
}

function someQuorum(dice: Dice): Pick<PortConfig, "quorum" | "hysteresis"> {
  return { quorum: dice.pick([1, 1, 2]), hysteresis: dice.pick([0, 0, 1]) };
}

/** Where the check of a destination asks. */
function destinationPort({ text }: Address): number {
  return 9500 + [...BACKENDS, ...BACKENDS_6].findIndex((each) => each.text === text);
}

function someDestinations(backends: readonly Address[], dice: Dice): readonly DestinationConfig[] {
  const [first, ...others] = backends;
  const chosen = [...first === undefined ? [] : [first], ...dice.some(others, 0.5)];
  return chosen.map((address, index) => {
    const plain = {
      address,
      port: 8080,
      weight: index === 0 ? dice.between(1, 3) : dice.below(3),
      forwarding: "masq",
      ...PLAIN,
      checks: [],
    } as const;
    if (dice.chance(0.1)) return tunnelled(plain, dice);
    return dice.chance(0.1) ? { ...plain, upperThreshold: 100, lowerThreshold: 80 } : plain;
  });
}

function tunnelled(destination: DestinationConfig, dice: Dice): DestinationConfig {
  const tunnel = dice.pick(
    [
      { type: "ipip", port: 0, checksum: false },
      { type: "gue", port: 6080, checksum: true },
      { type: "gre", port: 0, checksum: false },
    ] as const,
  );
  return { ...destination, forwarding: "tunnel", tunnel };
}

function otherWeights(port: PortConfig, dice: Dice): PortConfig {
  return {
    ...port,
    destinations: port.destinations.map((each) => ({
      ...each,
      weight: each.weight === 0 ? 1 : dice.between(1, 4),
    })),
  };
}

/** Checks whose names and targets say which they are; their order says nothing. */
function someChecks(index: number, dice: Dice): readonly HttpCheckConfig[] {
  return dice.some(["a", "b"], 0.55).map((name) => {
    const intervalMs = dice.between(1, 4) * 1000;
    return httpCheckConfig({
      name,
      port: backendPort(index, name),
      intervalMs,
      fastIntervalMs: dice.pick([500, 1000]),
      timeoutMs: dice.pick([500, 1000, 2500]),
      rise: dice.between(1, 3),
      fall: dice.between(1, 3),
      ...someWatchfulness(dice),
    });
  });
}

/** Two changes of outcome are one too many; and watches that stand. */
function someWatchfulness(dice: Dice): Pick<HttpCheckConfig, "flap" | "tripwire"> {
  return {
    flap: dice.chance(0.3) ? { limit: 1, windowMs: 15_000, holdMs: dice.pick([1000, 3000]) } : undefined,
    tripwire: dice.chance(0.4),
  };
}

/** How long the backend at this port keeps idle connections; undefined: for good. */
export function keptAt(port: number): number | undefined {
  return port % 3 === 0 ? [700, 3000, 20][port % 7 % 3] : undefined;
}

function backendPort(index: number, name: string): number {
  return 9000 + index * 10 + (name === "a" ? 0 : 1);
}

function someAnnounce(dice: Dice): ServiceConfig["announce"] {
  return {
    ...serviceConfig().announce,
    med: dice.chance(0.5) ? dice.between(1, 3) * 100 : undefined,
    localPreference: dice.pick([100, 200]),
    communities: dice.chance(0.3) ? [(65_512 << 16 >>> 0) + dice.below(3)] : [],
    peers: dice.chance(0.2) ? ["r1", "r3"] : undefined,
  };
}

/**
 * The same configurations, with services that are announced worse while they are unhealthy: as much worse in one as in
 * another, or not.
 */
export function someDegraded(configs: readonly Config[], dice: Dice): readonly Config[] {
  const names = new Set(SERVICE_NAMES.filter(() => dice.chance(0.5)));
  return configs.map((config) => ({
    ...config,
    services: config.services.map((service) => {
      const med = dice.pick([900, 900, 950, undefined]);
      const { announce } = service;
      if (!names.has(service.name) || med === undefined) return service;
      const { peers: _, whenUnhealthy: _own, ...own } = announce;
      const whenUnhealthy = { ...own, med, localPreference: 10, communities: [(65_512 << 16 >>> 0) + 99] };
      return { ...service, announce: { ...announce, whenUnhealthy } };
    }),
  }));
}

function someStop(dice: Dice): ServiceConfig["stop"] {
  return {
    shiftMs: dice.chance(0.3) ? 2000 : 0,
    convergeMs: dice.pick([500, 1000, 2000]),
    quiesceMs: dice.pick([1000, 3000]),
  };
}

/** Where a check's target answers: every port that some check may ask. */
export const BACKEND_PORTS: readonly number[] = [
  ...Array.from({ length: SERVICES }, (_, index) => [backendPort(index, "a"), backendPort(index, "b")])
    .flat(),
  ...[...BACKENDS, ...BACKENDS_6].map(destinationPort),
];
