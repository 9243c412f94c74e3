/**
 * Configurations that follow on each other by random changes of every kind that a reload applies: services, addresses,
 * attributes, checks, stops and peers come, go, change and move. What each peer should be told is known beside it.
 */

/** Where the peers and the checks' server of a test are. */
export interface Surroundings {
  /** Peers that may be configured; the first one always is, and stays as it is. */
  readonly peers: readonly { readonly address: string; readonly port: number }[];
  /** Answers every GET with 200. */
  readonly checkPort: number;
  readonly socket: string;
  readonly as: number;
}

interface RandomPeer {
  readonly index: number;
  readonly holdTime: number;
  readonly gracefulRestart: boolean;
  readonly nextHop: number;
}

interface RandomService {
  readonly number: number;
  readonly enabled: boolean;
  /** Of each family so many. */
  readonly addresses: readonly [number, number];
  readonly med: number | undefined;
  readonly communities: readonly string[];
  readonly prepend: number;
  /** Indexes of peers that are told, as far as they are configured; undefined: all. */
  readonly peers: readonly number[] | undefined;
  readonly checks: readonly { readonly number: number; readonly intervalMs: number }[];
  readonly convergeMs: number;
}

/** A configuration of the sequence. */
export interface RandomConfig {
  readonly peers: readonly RandomPeer[];
  readonly services: readonly RandomService[];
}

type Random = () => number;
type Change = (config: RandomConfig, random: Random, around: Surroundings) => RandomConfig;

const MAX_SERVICES = 6;
const COMMUNITIES = ["65001:1", "65001:2", "no-export", "graceful-shutdown"] as const;

/** Where every sequence begins. */
export function firstConfig(): RandomConfig {
  return { peers: [0, 1].map(newPeer), services: [1, 2].map(newService) };
}

/** The one after `config`: one to three changes, now and then none. */
export function nextConfig(config: RandomConfig, random: Random, around: Surroundings): RandomConfig {
  let next = config;
  for (let count = below(random, 4); count > 0; count--) next = pick(random, CHANGES)(next, random, around);
  return next;
}

/** As the agent reads it. */
export function configText(config: RandomConfig, around: Surroundings): string {
  return JSON.stringify(
    {
      log: { level: "warning", format: "json" },
      http: { listen: "" },
      control: { socket: around.socket },
      state: { directory: "" },
      network: { setup: false },
      bgp: {
        local: { routerID: "127.0.0.1", as: around.as, listenPort: -1 },
        peers: config.peers.map((peer) => peerText(peer, around)),
      },
      services: config.services.map((service) => serviceText(service, config, around)),
    },
    null,
    1,
  );
}

/** The prefixes that a peer is told of once everything is healthy. */
export function expectedPrefixes(config: RandomConfig, peer: number): readonly string[] {
  return config.services.filter(({ enabled, peers }) => enabled && tells(config, peers, peer))
    .flatMap(addressesOf).map((address) => `${address}/${address.includes(":") ? 128 : 32}`).sort();
}

/** A list that names no peer that is there is left out of the file. */
function tells(config: RandomConfig, peers: readonly number[] | undefined, peer: number): boolean {
  const there = toldPeers(config, peers);
  return there.length === 0 || there.includes(peer);
}

function toldPeers(config: RandomConfig, peers: readonly number[] = []): number[] {
  return config.peers.map(({ index }) => index).filter((index) => peers.includes(index));
}

function addressesOf({ number, addresses: [v4, v6] }: RandomService): string[] {
  const count = (many: number) => Array.from({ length: many }, (_, index) => index + 1);
  return [
    ...count(v4).map((host) => `10.99.${number}.${host}`),
    ...count(v6).map((host) => `2001:db8:${number}::${host}`),
  ];
}

function peerText({ index, holdTime, gracefulRestart, nextHop }: RandomPeer, around: Surroundings): unknown {
  const place = around.peers[index];
  return {
    ...place,
    name: `peer${index}`,
    as: 65_002,
    holdTime: `${holdTime}s`,
    connectRetryTime: "1s",
    families: ["ipv4-unicast", "ipv6-unicast"],
    // All of 127.0.0.0/8 is this host's own; of IPv6 it has no second address that a test may count on.
    nextHop: `127.0.7.${nextHop}`,
    nextHop6: "::1",
    gracefulRestart: gracefulRestart ? { restartTime: "60s" } : "off",
  };
}

function serviceText(service: RandomService, config: RandomConfig, around: Surroundings): unknown {
  const told = toldPeers(config, service.peers);
  return {
    name: `service${service.number}`,
    enabled: service.enabled,
    addresses: addressesOf(service),
    announce: {
      ...(service.med === undefined ? {} : { med: service.med }),
      communities: service.communities,
      asPathPrepend: service.prepend,
      ...(told.length === 0 ? {} : { peers: told.map((index) => `peer${index}`) }),
    },
    checks: service.checks.map(({ number, intervalMs }) => ({
      type: "http",
      address: "127.0.0.1",
      port: around.checkPort,
      path: `/${service.number}/${number}`,
      interval: `${intervalMs}ms`,
      fastInterval: "50ms",
      timeout: "5s",
      rise: 1 + number % 2,
      fall: 3,
    })),
    stop: { converge: `${service.convergeMs}ms`, quiesce: "0s" },
  };
}

function newPeer(index: number): RandomPeer {
  return { index, holdTime: 3, gracefulRestart: false, nextHop: 1 };
}

function newService(number: number): RandomService {
  return {
    ...{ number, enabled: true, addresses: [1, 1], med: undefined, communities: [], prepend: 0 },
    ...{ peers: undefined, checks: [{ number: 1, intervalMs: 500 }], convergeMs: 0 },
  };
}

const CHANGES: readonly Change[] = [
  (config, random) => {
    const free = Array.from({ length: MAX_SERVICES }, (_, index) => index + 1)
      .filter((number) => config.services.every((service) => service.number !== number));
    if (free.length === 0) return config;
    return { ...config, services: [...config.services, newService(pick(random, free))] };
  },
  (config, random) => {
    if (config.services.length < 2) return config;
    const gone = pick(random, config.services);
    return { ...config, services: config.services.filter((service) => service !== gone) };
  },
  (config, random) => ({ ...config, services: shuffled(random, config.services) }),
  (config, random) => ({ ...config, peers: shuffled(random, config.peers) }),
  changeService((service) => ({ ...service, enabled: !service.enabled })),
  changeService((service, random) => ({ ...service, addresses: [1 + below(random, 3), below(random, 3)] })),
  changeService((service, random) => ({ ...service, med: random() < 0.3 ? undefined : below(random, 100) })),
  changeService((service, random) => ({
    ...service,
    communities: COMMUNITIES.filter(() => random() < 0.4),
  })),
  changeService((service, random) => ({ ...service, prepend: below(random, 3) })),
  changeService((service, random, { peers }) => ({
    ...service,
    peers: random() < 0.3 ? undefined : peers.map((_, index) => index).filter(() => random() < 0.6),
  })),
  changeService((service, random) => ({
    ...service,
    checks: shuffled(
      random,
      [1, 2, 3].filter(() => random() < 0.6)
        .map((number) => ({ number, intervalMs: 300 + 100 * below(random, 4) })),
    ),
  })),
  changeService((service, random) => ({ ...service, convergeMs: 10 * below(random, 4) })),
  (config, random, { peers }) => {
    const free = peers.map((_, index) => index)
      .filter((index) => config.peers.every((peer) => peer.index !== index));
    return free.length === 0 ? config : { ...config, peers: [...config.peers, newPeer(pick(random, free))] };
  },
  (config, random) => {
    const gone = pick(random, config.peers);
    return gone.index === 0 ? config : { ...config, peers: config.peers.filter((peer) => peer !== gone) };
  },
  changePeer((peer, random) => ({ ...peer, holdTime: 3 + 3 * below(random, 3) })),
  changePeer((peer) => ({ ...peer, gracefulRestart: !peer.gracefulRestart })),
  changePeer((peer, random) => ({ ...peer, nextHop: 1 + below(random, 3) })),
];

function changeService(
  change: (service: RandomService, random: Random, around: Surroundings) => RandomService,
): Change {
  return (config, random, around) => {
    const at = pick(random, config.services);
    return {
      ...config,
      services: config.services.map((each) => each === at ? change(each, random, around) : each),
    };
  };
}

function changePeer(change: (peer: RandomPeer, random: Random) => RandomPeer): Change {
  return (config, random) => {
    const at = pick(random, config.peers);
    if (at.index === 0) return config;
    return { ...config, peers: config.peers.map((each) => each === at ? change(each, random) : each) };
  };
}

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

function pick<T>(random: Random, from: readonly T[]): T {
  const found = from[below(random, from.length)];
  if (found === undefined) throw new Error("nothing to choose from");
  return found;
}

function shuffled<T>(random: Random, list: readonly T[]): readonly T[] {
  return list.map((value) => ({ value, key: random() })).sort((a, b) => a.key - b.key)
    .map(({ value }) => value);
}
