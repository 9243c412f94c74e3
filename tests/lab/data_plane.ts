/**
 * The network in which a host leads to others: real servers in namespaces of their own on the host's wire, one service for
 * each way to reach them, and what a server has to have for each way. Every server counts by which way packets came.
 */
import {
  addressesOf,
  type AgentConfig,
  agentConfig,
  familyOf,
  type HostNode,
  type LabService,
  type LinkEnd,
  type ServerNode,
  type Topology,
} from "./topology.ts";

/** How packets get to a server. `mixed` is a tunnel of the other family. */
export type Way = "masq" | "droute" | "ipip" | "gue" | "gre" | "mixed";

/** A service of this network. */
export interface PlaneService extends LabService {
  readonly way: Way;
  /** Found by a firewall mark instead of by its address. */
  readonly fwmark?: number;
  /** One-packet scheduling of datagrams. */
  readonly onePacket?: boolean;
}

/** Where every server listens. */
const SERVER_PORT = 8080;
/** Where UDP that carries GUE arrives. */
const GUE_PORT = 6080;
const CLIENT_SUBNET = 9;

const director: HostNode = {
  ...{ kind: "host", name: "h1", as: 65001, address: "10.0.1.2", address6: "2001:db8:1::2", transport: 4 },
  ...{ restartTimeSeconds: 60, applicationAddress: "::", applicationPort: 8080, foreign: undefined },
};

const servers: readonly ServerNode[] = [11, 12, 13].map((number, index) => ({
  kind: "server",
  name: `s${index + 1}`,
  address: `10.0.1.${number}`,
  address6: `2001:db8:1::${number}`,
}));

const STOP = { convergeMs: 500, quiesceMs: 20_000 };
const CHECK = { intervalMs: 1_000, fastIntervalMs: 200, timeoutMs: 500, rise: 2, fall: 3 };

/** One service for each way; only masq can change the port. */
export const planeServices: readonly PlaneService[] = [
  planeService("masq", "masq", 1),
  planeService("droute", "droute", 2),
  planeService("ipip", "ipip", 3),
  planeService("gue", "gue", 4),
  planeService("gre", "gre", 5),
  { ...planeService("mixed", "mixed", 6), address6: undefined },
  { ...planeService("mixed6", "mixed", 7), address: "2001:db8:99::7", address6: undefined },
  { ...planeService("marked", "droute", 8), fwmark: 7 },
  { ...planeService("ops", "droute", 9), onePacket: true },
];

function planeService(name: string, way: Way, number: number): PlaneService {
  const addresses = { address: `10.99.0.${number}`, address6: `2001:db8:99::${number}` };
  return { name, way, ...addresses, port: way === "masq" ? 80 : SERVER_PORT, check: CHECK, stop: STOP };
}

/** A router, a host and three servers on one wire, and a client behind the router. */
export const planeTopology: Topology = {
  nodes: [
    { kind: "router", keepsFlows: false, name: "r1", as: 65000, routerID: "10.0.1.1" },
    director,
    ...servers,
    { kind: "client", name: "c1" },
  ],
  links: [
    {
      name: "lan",
      ends: [
        end("r1", "lan", "10.0.1.1/24", "2001:db8:1::1/64"),
        ...[director, ...servers].map(({ name, address, address6 }) =>
          end(name, "eth0", `${address}/24`, `${address6}/64`)
        ),
      ],
    },
    {
      name: "r1-c1",
      ends: [
        end("r1", "c1", `10.0.${CLIENT_SUBNET}.1/24`, `2001:db8:${CLIENT_SUBNET}::1/64`),
        end("c1", "eth0", `10.0.${CLIENT_SUBNET}.2/24`, `2001:db8:${CLIENT_SUBNET}::2/64`),
      ],
    },
  ],
  services: planeServices,
};

function end(node: string, name: string, ...addresses: readonly string[]): LinkEnd {
  return { node, interface: name, addresses };
}

/** What is another way than in the network. */
export interface PlaneVariant {
  /** The weight of each server, by its place; 1 where nothing is said. */
  readonly weights?: readonly number[];
  /** How many servers there are. */
  readonly count?: number;
  /** What the ports of the first service have beside destinations: checks, quorum, sorry servers and the like. */
  readonly port?: Readonly<Record<string, unknown>>;
  /** Further services. */
  readonly more?: readonly Record<string, unknown>[];
}

/** The agent's configuration: every service leads to every server, for TCP and UDP and both families. */
export function planeConfig(
  topology: Topology,
  host: HostNode,
  folder: string,
  variant: PlaneVariant = {},
): AgentConfig {
  const { services: _, ...config } = agentConfig(topology, host, folder);
  const { port, ...rest } = variant;
  const services = planeServices.map((service, index) =>
    planeServiceConfig(service, index === 0 && port !== undefined ? { ...rest, port } : rest)
  );
  // As short as it may be, so that what is contested is let alone soon.
  const network = { contention: { limit: 3, window: "60s", hold: "3s" } };
  return { ...config, network, services: [...services, ...variant.more ?? []] };
}

/** One service of it. */
export function planeServiceConfig(
  service: PlaneService,
  { weights = [], count = servers.length, port: more = {} }: PlaneVariant,
): Record<string, unknown> {
  const { name, way, port, stop, fwmark, onePacket } = service;
  const families = addressesOf(service).map((address) => carrierFamily(way, familyOf(address)));
  const destinations = servers.slice(0, count).flatMap((server, index) =>
    addressesOf(server).filter((address) => families.includes(familyOf(address))).map((address) => ({
      address,
      port: SERVER_PORT,
      weight: weights[index] ?? 1,
      ...forwardingOf(way),
    }))
  );
  const ipvs = { scheduler: "wrr" };
  return {
    name,
    addresses: addressesOf(service),
    ports: fwmark === undefined
      ? [
        { port, destinations, ipvs, ...more },
        {
          port,
          protocol: "udp",
          destinations,
          ...(onePacket === true ? { ipvs: { ...ipvs, flags: ["ops"] } } : {}),
        },
      ]
      : [{ fwmark, destinations: destinations.map(({ port: _, ...destination }) => destination), ipvs }],
    stop: { converge: `${stop.convergeMs}ms`, quiesce: `${stop.quiesceMs}ms` },
  };
}

/** The family of the addresses that packets of a service's family are sent to. */
function carrierFamily(way: Way, family: 4 | 6): 4 | 6 {
  return way !== "mixed" ? family : family === 4 ? 6 : 4;
}

function forwardingOf(way: Way): Record<string, unknown> {
  switch (way) {
    case "masq":
    case "droute":
      return { forwarding: way };
    case "ipip":
    case "mixed":
      return { forwarding: "tunnel" };
    case "gue":
      return { forwarding: "tunnel", tunnel: { type: "gue", port: GUE_PORT, checksum: true } };
    case "gre":
      return { forwarding: "tunnel", tunnel: { type: "gre", checksum: true } };
  }
}

/** What a host needs to lead to others, beyond its agent: to forward what comes back to masq, and not to redirect it. */
export const directorSysctls: Readonly<Record<string, string>> = {
  "net/ipv4/ip_forward": "1",
  "net/ipv6/conf/all/forwarding": "1",
  "net/ipv4/conf/all/send_redirects": "0",
  "net/ipv4/conf/eth0/send_redirects": "0",
};

/** What `iptables-legacy-restore` is told on a host for one family: marks that services are found by. */
export function markTable(family: 4 | 6): string[] {
  const marks = planeServices.flatMap(({ fwmark, ...service }) =>
    fwmark === undefined ? [] : addressesOf(service).filter((address) => familyOf(address) === family)
      .map((address) => `-A PREROUTING -d ${address} -j MARK --set-mark ${fwmark}`)
  );
  return ["*mangle", ...marks, "COMMIT"];
}

/** What a server needs: it has the service's address and does not say so, takes tunnels, and is not led around the host. */
export const serverSysctls: Readonly<Record<string, string>> = Object.fromEntries([
  ...["all", "eth0"].flatMap((name) => [
    [`net/ipv4/conf/${name}/arp_ignore`, "1"],
    [`net/ipv4/conf/${name}/arp_announce`, "2"],
    [`net/ipv4/conf/${name}/accept_redirects`, "0"],
    [`net/ipv6/conf/${name}/accept_redirects`, "0"],
    [`net/ipv4/conf/${name}/rp_filter`, "0"],
  ]),
  ...["tun4", "tun6", "gre4"].map((name) => [`net/ipv4/conf/${name}/rp_filter`, "0"]),
]);

/** Input for `ip -n SERVER -batch`: service addresses, tunnels that end here, and the way back through the host for masq. */
export function serverBatch({ address, address6 }: ServerNode): string[] {
  const kept = planeServices.filter(({ way }) => way !== "masq").flatMap(addressesOf);
  const { address: host, address6: host6 = "" } = director;
  return [
    ...kept.map((each) =>
      familyOf(each) === 4 ? `addr add ${each}/32 dev lo` : `addr add ${each}/128 dev lo nodad`
    ),
    `link add name tun4 type ipip local ${address} remote ${host}`,
    `link add name tun6 type ip6tnl mode any local ${address6} remote ${host6}`,
    `link add name gre4 type gre local ${address} remote ${host} csum`,
    `link add name gre6 type ip6gre local ${address6} remote ${host6} csum`,
    `link add name sit4 type sit local ${address} remote ${host}`,
    ...["tun4", "tun6", "gre4", "gre6", "sit4"].map((name) => `link set ${name} up`),
    `fou add port ${GUE_PORT} gue`,
    `rule add from ${address} lookup 100`,
    `route add default via ${host} table 100`,
  ];
}

/** The same for `ip -6`. */
export function serverBatch6({ address6 }: ServerNode): string[] {
  return [
    `fou add port ${GUE_PORT} gue`,
    `rule add from ${address6} lookup 100`,
    `route add default via ${director.address6 ?? ""} table 100`,
  ];
}

/** What a server counts: packets as they arrived on a way, and what carried them. */
export interface Counter {
  readonly name: string;
  readonly family: 4 | 6;
  /** How the packet filter knows them. */
  readonly match: string;
}

/** Every counter of a server. */
export function countersOf(server: ServerNode): Counter[] {
  return [
    ...planeServices.flatMap((service) =>
      addressesOf(service).map((address, index) => {
        const own = addressesOf(server)[index] ?? "";
        const to = service.way === "masq" ? own : address;
        const client = familyOf(address) === 4 ? `10.0.${CLIENT_SUBNET}.2` : `2001:db8:${CLIENT_SUBNET}::2`;
        const match = `-s ${client} -d ${to} -i ${deviceOf(service.way, familyOf(address))}`;
        return { name: `${service.name}-${familyOf(address)}`, family: familyOf(address), match };
      })
    ),
    ...([4, 6] as const).flatMap((family) => [
      {
        name: `carried-mixed-${carrierFamily("mixed", family)}`,
        family,
        match: `-i eth0 -p ${family === 4 ? 41 : 4}`,
      },
      { name: `carried-ipip-${family}`, family, match: `-i eth0 -p ${family === 4 ? 4 : 41}` },
      { name: `carried-gre-${family}`, family, match: "-i eth0 -p 47" },
      { name: `carried-gue-${family}`, family, match: `-i eth0 -p udp --dport ${GUE_PORT}` },
    ]),
  ];
}

/** By which interface packets of that way and family come to a server. */
function deviceOf(way: Way, family: 4 | 6): string {
  switch (way) {
    case "masq":
    case "droute":
      return "eth0";
    case "ipip":
    case "gue":
      return `tun${family}`;
    case "mixed":
      return family === 4 ? "tun6" : "sit4";
    case "gre":
      return `gre${family}`;
  }
}

/** The counter of what carries packets of that way, named as above; undefined where nothing does. */
export function carrierOf(way: Way, family: 4 | 6): string | undefined {
  switch (way) {
    case "masq":
    case "droute":
      return undefined;
    case "mixed":
      return `carried-mixed-${family}`;
    default:
      return `carried-${way}-${family}`;
  }
}

/** What `iptables-legacy-restore` is told for one family. */
export function counterTable(counters: readonly Counter[], family: 4 | 6): string[] {
  const own = counters.filter((counter) => counter.family === family);
  return [
    "*mangle",
    ...own.map(({ name }) => `:${name} - [0:0]`),
    ...own.map(({ name, match }) => `-A PREROUTING ${match} -j ${name}`),
    "COMMIT",
  ];
}

/** Packets by counter, in an answer to `iptables-legacy-save -c -t mangle`. */
export function parseCounters(text: string): ReadonlyMap<string, number> {
  const rows = [...text.matchAll(/^\[(\d+):\d+\] -A PREROUTING .* -j (\S+)$/gm)];
  return new Map(rows.map(([, packets, name = ""]) => [name, Number(packets)]));
}
