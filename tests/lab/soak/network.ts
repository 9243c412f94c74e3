/**
 * The soak's network: a client behind r1, two hosts, and two real servers that share a wire with the hosts and r2.
 *
 *     c1 ── r1 ──┬── h1 ──┐
 *           │    └── h2 ──┤ wire
 *           └─────── r2 ──┴── s1, s2
 *
 * Both routers peer with both hosts: r1 keeps the routes of a host that restarts, r2 forgets them. What servers send back goes
 * through r2, or through the host for masq. r1 keeps an open flow with its host, as a firewall does.
 */
import { CHECK, CONTENTION, HOLD_TIME_S, RESTART_TIME_S, STOP } from "../../soak/bounds.ts";
import type { Place } from "../../soak/observed.ts";
import { WELL } from "./server.ts";
import {
  addressAt,
  addressesOf,
  type AgentConfig,
  agentConfig,
  bare,
  familyOf,
  type HostNode,
  type LabService,
  type LinkEnd,
  neighboursOf,
  nodesOf,
  type ServerNode,
  type Topology,
} from "../topology.ts";

/** Where every server listens, and every service that cannot change the port. */
export const SERVER_PORT = 8080;
/** Where an agent answers HTTP: on a link of its own to where the soak runs. */
export const HTTP_PORT = 8081;

/** How a service's packets get to its servers. */
type Way = "local" | "masq" | "droute" | "tunnel";

/** A service of the soak. */
export interface SoakService extends LabService {
  readonly way: Way;
}

const WAYS: readonly (readonly [name: string, way: Way])[] = [
  ["web", "local"],
  ["shop", "masq"],
  ["direct", "droute"],
  ["through", "tunnel"],
];

/** Every service; the last one is there only while it is reloaded in. */
export const SERVICES: readonly SoakService[] = WAYS.map(([name, way], index) =>
  serviceOf(name, way, index + 1)
);
/** Not there at first. */
export const LATE: SoakService = serviceOf("late", "local", 5);

function serviceOf(name: string, way: Way, number: number): SoakService {
  return {
    ...{
      name,
      way,
      address: `10.99.0.${number}`,
      address6: `2001:db8:99::${number}`,
      check: CHECK,
      stop: STOP,
    },
    port: way === "local" || way === "masq" ? 80 : SERVER_PORT,
  };
}

const servers: readonly ServerNode[] = [1, 2].map((number) => ({
  kind: "server",
  name: `s${number}`,
  address: `10.0.5.2${number}`,
  address6: `2001:db8:5::2${number}`,
}));

const hosts: readonly HostNode[] = [1, 2].map((number) => ({
  kind: "host",
  name: `h${number}`,
  as: 65001,
  address: `10.0.${number}.2`,
  address6: `2001:db8:${number}::2`,
  transport: number === 1 ? 4 : 6,
  restartTimeSeconds: RESTART_TIME_S,
  applicationAddress: "::",
  applicationPort: SERVER_PORT,
  foreign: {
    dummy: { name: "foreign0", addresses: ["192.0.2.1/32", "192.0.2.7/24"] },
    address: { interface: "eth0", address: "198.51.100.1/32" },
    ipvs: [
      "-A -t 192.0.2.1:443 -s wlc -p 120",
      "-a -t 192.0.2.1:443 -r 192.0.2.80:8443 -m -w 7",
      "-A -u 192.0.2.1:53 -s rr",
    ],
  },
}));

/** The picture above. */
export const soakTopology: Topology = {
  nodes: [
    { kind: "router", keepsFlows: false, name: "r1", as: 65000, routerID: "10.0.9.1" },
    { kind: "router", keepsFlows: false, forgets: true, name: "r2", as: 65002, routerID: "10.0.6.2" },
    ...hosts,
    ...servers,
    { kind: "client", name: "c1" },
  ],
  links: [
    ...hosts.map(({ name }, index) => ({
      name: `r1-${name}`,
      ends: [end("r1", name, index + 1, 1), end(name, "eth0", index + 1, 2)],
    })),
    { name: "r1-c1", ends: [end("r1", "c1", 9, 1), end("c1", "eth0", 9, 2)] },
    { name: "r1-r2", ends: [end("r1", "r2", 6, 1), end("r2", "r1", 6, 2)] },
    {
      name: "wire",
      ends: [
        end("r2", "wire", 5, 1),
        ...hosts.map(({ name }, index) => end(name, "wire", 5, index + 11)),
        ...servers.map(({ name }, index) => end(name, "eth0", 5, index + 21)),
      ],
    },
  ],
  services: SERVICES,
};

function end(node: string, name: string, subnet: number, number: number): LinkEnd {
  return {
    node,
    interface: name,
    addresses: [`10.0.${subnet}.${number}/24`, `2001:db8:${subnet}::${number}/64`],
  };
}

/** The nodes whose servers stand behind a service on a host: any of them serves it. */
export function nodesBehind({ way }: SoakService, host: HostNode): readonly string[] {
  switch (way) {
    case "local":
      return [host.name];
    case "masq":
      return [ownServer(host).name];
    default:
      return servers.map(({ name }) => name);
  }
}

/** What answers of masq come back through: the server whose way back is through this host. */
function ownServer(host: HostNode): ServerNode {
  const server = servers[hosts.indexOf(host)];
  if (server === undefined) throw new Error(`${host.name} has no server of its own`);
  return server;
}

/** Every address of every service on every host. */
export function placesOf(topology: Topology): Place[] {
  return hosts.flatMap((host) =>
    SERVICES.flatMap((service) =>
      addressesOf(service).map((address) => ({
        host: host.name,
        service: service.name,
        address,
        nodes: nodesBehind(service, host),
        nextHops: Object.fromEntries(
          neighboursOf(topology, host.name).filter(({ other }) => /^r\d$/.test(other.node))
            .map(({ own, other }) => [other.node, addressAt(own, familyOf(address))]),
        ),
      }))
    )
  );
}

/** What a reload changes. */
export interface SoakVariant {
  readonly weight?: number;
  readonly late?: true;
}

/** The agent's configuration of a host. */
export function soakConfig(
  topology: Topology,
  host: HostNode,
  folder: string,
  { weight = 1, late }: SoakVariant = {},
): AgentConfig {
  const { services: _, bgp, ...config } = agentConfig(topology, host, folder);
  const peers = neighboursOf(topology, host.name).flatMap(({ own, other }) =>
    nodesOf(topology, "router").filter(({ name }) => name === other.node).map(({ name, as }) => ({
      ...{ name, as, address: addressAt(other, host.transport) },
      ...{ nextHop: addressAt(own, 4), nextHop6: addressAt(own, 6) },
    }))
  );
  const { limit, windowMs, holdMs } = CONTENTION;
  return {
    ...config,
    log: { level: "info", format: "json" },
    http: { listen: `${httpAddress(host)}:${HTTP_PORT}` },
    network: { contention: { limit, window: `${windowMs}ms`, hold: `${holdMs}ms` } },
    bgp: { ...bgp, defaults: { ...bgp.defaults, holdTime: `${HOLD_TIME_S}s` }, peers },
    services: [...SERVICES, ...late === undefined ? [] : [LATE]]
      .map((service) => configOf(service, host, folder, weight)),
  };
}

/** The host's end of its link to where the soak runs. */
export function httpAddress(host: HostNode): string {
  return `10.0.${101 + hosts.indexOf(host)}.2`;
}

/** Whoever makes this file takes the host's local service out. */
export function maintenanceFile(folder: string, host: string): string {
  return `${folder}/${host}.maintenance`;
}

function configOf(
  service: SoakService,
  host: HostNode,
  folder: string,
  weight: number,
): Record<string, unknown> {
  const { name, way, port, stop } = service;
  const common = {
    name,
    addresses: addressesOf(service),
    stop: { converge: `${stop.convergeMs}ms`, quiesce: `${stop.quiesceMs}ms` },
    ipvs: { scheduler: "wrr" },
  };
  if (way === "local") {
    return {
      ...common,
      ports: [{ port, targetPort: SERVER_PORT }],
      checks: [
        { ...timed, type: "http", port: SERVER_PORT, path: "/healthz", body: { contains: WELL } },
        { ...timed, type: "tcp", port: SERVER_PORT, tripwire: true },
        { ...timed, type: "file", path: maintenanceFile(folder, host.name), absent: true },
      ],
    };
  }
  const behind = way === "masq" ? [ownServer(host)] : servers;
  const destinations = behind.flatMap((server) =>
    addressesOf(server).map((address) => ({ address, port: SERVER_PORT, weight, forwarding: way }))
  );
  const checks = way === "droute"
    ? [{ ...timed, type: "tcp", send: "GET /healthz HTTP/1.0\r\n\r\n", expect: WELL }]
    : [{ ...timed, type: "http", path: "/healthz", body: { contains: WELL } }];
  return { ...common, ports: [{ port, destinations, checks }] };
}

const timed = {
  interval: `${CHECK.intervalMs}ms`,
  fastInterval: `${CHECK.fastIntervalMs}ms`,
  timeout: `${CHECK.timeoutMs}ms`,
  rise: CHECK.rise,
  fall: CHECK.fall,
};

/** Input of `ip -batch` in where the soak runs: a link to each host's agent. */
export function managementBatch(): string[] {
  return hosts.flatMap(({ name }, index) => [
    `link add name ${name} type veth peer name manage netns ${name}`,
    `addr add 10.0.${101 + index}.1/24 dev ${name}`,
    `link set ${name} up`,
  ]);
}

/** What a node needs beyond links and addresses: input of `ip -batch`, the same for IPv6, sysctls, and of r1 a packet filter. */
export interface Extras {
  readonly node: string;
  readonly batch: readonly string[];
  readonly batch6?: readonly string[];
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly mangle?: readonly string[];
}

/** Of every node. */
export function extrasOf(): Extras[] {
  return [
    r1Extras(),
    {
      node: "r2",
      batch: ["route add default via 10.0.6.1", "route add default via 2001:db8:6::1"],
      sysctls: { "net/ipv4/conf/all/rp_filter": "0" },
    },
    ...hosts.map((host) => ({
      node: host.name,
      batch: [`addr add ${httpAddress(host)}/24 dev manage`, "link set manage up"],
      sysctls: { "net/ipv4/conf/wire/send_redirects": "0", "net/ipv4/conf/all/rp_filter": "0" },
    })),
    ...servers.map(serverExtras),
  ];
}

/** A flow stays where its first packets were answered: the last way out before that marks it. */
function r1Extras(): Extras {
  const ways = hosts.map((host, index) => ({ host, mark: index + 1 }));
  return {
    node: "r1",
    batch: ways.flatMap(({ host, mark }) => [
      `route add default via ${host.address} dev ${host.name} table ${100 + mark}`,
      `route add default via ${host.address6} dev ${host.name} table ${100 + mark}`,
      `rule add fwmark ${mark} lookup ${100 + mark}`,
    ]),
    batch6: ways.map(({ mark }) => `rule add fwmark ${mark} lookup ${100 + mark}`),
    sysctls: { "net/ipv4/conf/all/rp_filter": "0" },
    mangle: [
      "*mangle",
      "-A PREROUTING -i c1 -m conntrack --ctstate ESTABLISHED -j CONNMARK --restore-mark",
      ...ways.map(({ host, mark }) =>
        `-A POSTROUTING -o ${host.name} -m conntrack --ctstate NEW -j CONNMARK --set-mark ${mark}`
      ),
      "COMMIT",
    ],
  };
}

/** It has the addresses that come as they are, takes tunnels from both hosts, and answers masq through its own one. */
function serverExtras({ name, address, address6 }: ServerNode, index: number): Extras {
  const kept = SERVICES.filter(({ way }) => way === "droute" || way === "tunnel").flatMap(addressesOf);
  const via = (family: 4 | 6) => bare(end("", "", 5, index + 11).addresses[family === 4 ? 0 : 1] ?? "");
  const quiet = ["all", "eth0"].flatMap((each) => [
    [`net/ipv4/conf/${each}/arp_ignore`, "1"],
    [`net/ipv4/conf/${each}/arp_announce`, "2"],
    [`net/ipv4/conf/${each}/rp_filter`, "0"],
    [`net/ipv4/conf/${each}/accept_redirects`, "0"],
    [`net/ipv6/conf/${each}/accept_redirects`, "0"],
  ]);
  const rules = (own: string) => [
    "rule add pref 100 lookup main suppress_prefixlength 0",
    `rule add pref 101 from ${own} lookup 100`,
  ];
  return {
    node: name,
    batch: [
      ...kept.map((each) => `addr add ${each} dev lo${familyOf(each) === 6 ? " nodad" : ""}`),
      `link add name tun4 type ipip local ${address} remote any`,
      `link add name tun6 type ip6tnl mode ip6ip6 local ${address6} remote any`,
      "link set tun4 up",
      "link set tun6 up",
      `route add default via ${via(4)} table 100`,
      `route add default via ${via(6)} table 100`,
      ...rules(address),
    ],
    batch6: rules(address6),
    sysctls: { ...Object.fromEntries(quiet), "net/ipv4/conf/tun4/rp_filter": "0" },
  };
}
