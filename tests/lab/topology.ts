/**
 * The lab's network as data: nodes (each a network namespace), links between them, the anycast services, and
 * things of others on the load-balancer hosts that must survive. What it takes to build it is computed here, as text for
 * `ip -batch` and friends, so that one start of a program does the work of many.
 */

/** One end of a link. `addresses` have a length and may be of both families. */
export interface LinkEnd {
  readonly node: string;
  readonly interface: string;
  readonly addresses: readonly string[];
}

/** A wire: a veth pair where it has two ends, a switch (a bridge in a namespace of its own) where it has more. */
export interface Link {
  readonly name: string;
  readonly ends: readonly LinkEnd[];
}

/** A router: a routing daemon, and a kernel that forwards. */
export interface RouterNode {
  readonly kind: "router";
  /** A flow that is open stays with its host, whatever becomes of the routes (session-based ECMP). */
  readonly keepsFlows: boolean;
  /** It forgets a host's routes at once when the session ends, whatever the host asks for. Default: it keeps them (RFC 4724). */
  readonly forgets?: true;
  readonly name: string;
  readonly as: number;
  readonly routerID: string;
}

/** A load-balancer host: the agent, a web application, and things that belong to somebody else. */
export interface HostNode {
  readonly kind: "host";
  readonly name: string;
  readonly as: number;
  /** Its own address, which is its BGP Identifier too. */
  readonly address: string;
  /** Its own IPv6 address; undefined where it has none. */
  readonly address6: string | undefined;
  /** The family that its BGP sessions run over; they carry the routes of every family. */
  readonly transport: 4 | 6;
  /** How long its routers keep its routes while its agent is away (RFC 4724); undefined: no graceful restart. */
  readonly restartTimeSeconds: number | undefined;
  /** Where its application listens. */
  readonly applicationAddress: string;
  readonly applicationPort: number;
  readonly foreign: Foreign | undefined;
}

/** Where requests come from. */
export interface ClientNode {
  readonly kind: "client";
  readonly name: string;
}

/** A real server that hosts lead to, on the same wire as they are. */
export interface ServerNode {
  readonly kind: "server";
  readonly name: string;
  readonly address: string;
  readonly address6: string;
}

/** Somebody else's kernel objects on a host. */
export interface Foreign {
  readonly dummy: { readonly name: string; readonly addresses: readonly string[] };
  /** An extra address on an interface that the host already has. */
  readonly address: { readonly interface: string; readonly address: string };
  /** In `ipvsadm -Sn` form, which is what `ipvsadm -R` reads. */
  readonly ipvs: readonly string[];
}

export type Node = RouterNode | HostNode | ClientNode | ServerNode;

/** An anycast service, the same on every host. */
export interface LabService {
  readonly name: string;
  readonly address: string;
  /** Undefined where the service is for IPv4 alone. */
  readonly address6: string | undefined;
  readonly port: number;
  readonly check: {
    readonly intervalMs: number;
    readonly fastIntervalMs: number;
    readonly timeoutMs: number;
    readonly rise: number;
    readonly fall: number;
  };
  readonly stop: { readonly convergeMs: number; readonly quiesceMs: number };
}

/** A whole network. Every host and client is linked to at least one router, its first one is its gateway. */
export interface Topology {
  readonly nodes: readonly Node[];
  readonly links: readonly Link[];
  readonly services: readonly LabService[];
}

/** The network that the reference's example configuration is for: two routers and a host on one wire, all in one AS. */
export const referenceTopology: Topology = {
  nodes: [
    { kind: "router", keepsFlows: false, name: "r1", as: 65512, routerID: "10.88.0.253" },
    { kind: "router", keepsFlows: false, name: "r2", as: 65512, routerID: "10.88.0.254" },
    {
      ...{ kind: "host", name: "h1", as: 65512, address: "10.88.0.200", address6: undefined, transport: 4 },
      ...{ restartTimeSeconds: undefined, applicationAddress: "0.0.0.0", applicationPort: 8080 },
      foreign: undefined,
    },
    { kind: "client", name: "c1" },
  ],
  links: [{
    name: "lan",
    ends: [
      { node: "r1", interface: "eth0", addresses: ["10.88.0.253/24"] },
      { node: "r2", interface: "eth0", addresses: ["10.88.0.254/24"] },
      { node: "h1", interface: "eth0", addresses: ["10.88.0.200/24"] },
      { node: "c1", interface: "eth0", addresses: ["10.88.0.10/24"] },
    ],
  }],
  services: [{
    name: "matchbox",
    address: "10.88.2.1",
    address6: undefined,
    port: 80,
    check: { intervalMs: 1_000, fastIntervalMs: 1_000, timeoutMs: 3_000, rise: 1, fall: 1 },
    stop: { convergeMs: 1_000, quiesceMs: 30_000 },
  }],
};

/**
 * One router, two load-balancer hosts, one client: the picture of the README. Everything is there twice, for IPv4 and
 * IPv6. The hosts differ in how they speak: h1 over IPv4 and without graceful restart, h2 over IPv6 and with it.
 */
export const standardTopology: Topology = {
  nodes: [
    { kind: "router", keepsFlows: false, name: "r1", as: 65000, routerID: "10.0.9.1" },
    { ...standardHost("h1", 1), transport: 4, restartTimeSeconds: undefined },
    { ...standardHost("h2", 2), transport: 6, restartTimeSeconds: 60 },
    { kind: "client", name: "c1" },
  ],
  links: [
    link("r1", "h1", 1),
    link("r1", "h2", 2),
    link("r1", "c1", 9),
  ],
  services: [{
    name: "web",
    address: "10.99.0.1",
    address6: "2001:db8:99::1",
    port: 80,
    check: { intervalMs: 1_000, fastIntervalMs: 200, timeoutMs: 500, rise: 2, fall: 3 },
    stop: { convergeMs: 500, quiesceMs: 1_000 },
  }],
};

/**
 * The network for what is done under client load: as the standard one, but that both hosts have graceful restart, there are
 * two services, and the router keeps open flows where they are, as one that is a firewall does (see kept_flows.ts).
 */
export const loadTopology: Topology = {
  nodes: standardTopology.nodes.map((node) => {
    if (node.kind === "router") return { ...node, keepsFlows: true };
    return node.kind === "host" ? { ...node, restartTimeSeconds: 60 } : node;
  }),
  links: standardTopology.links,
  services: [["web", 1], ["shop", 2]].map(([name, number]) => ({
    name: `${name}`,
    address: `10.99.0.${number}`,
    address6: `2001:db8:99::${number}`,
    port: 80,
    check: { intervalMs: 1_000, fastIntervalMs: 200, timeoutMs: 1_000, rise: 2, fall: 3 },
    stop: { convergeMs: 500, quiesceMs: 20_000 },
  })),
};

/** The interface towards a node has that node's name; a host's or client's only one is eth0. */
function link(router: string, node: string, subnet: number): Link {
  const addresses = (end: number) => [`10.0.${subnet}.${end}/24`, `2001:db8:${subnet}::${end}/64`];
  return {
    name: `${router}-${node}`,
    ends: [
      { node: router, interface: node, addresses: addresses(1) },
      { node, interface: "eth0", addresses: addresses(2) },
    ],
  };
}

function standardHost(name: string, subnet: number): Omit<HostNode, "transport" | "restartTimeSeconds"> {
  return {
    kind: "host",
    name,
    as: 65001,
    address: `10.0.${subnet}.2`,
    address6: `2001:db8:${subnet}::2`,
    applicationAddress: "::",
    applicationPort: 8080,
    foreign: {
      dummy: { name: "foreign0", addresses: ["192.0.2.1/32", "192.0.2.7/24"] },
      address: { interface: "eth0", address: "198.51.100.1/32" },
      ipvs: [
        "-A -t 192.0.2.1:443 -s wlc -p 120",
        "-a -t 192.0.2.1:443 -r 192.0.2.80:8443 -m -w 7",
        "-A -u 192.0.2.1:53 -s rr",
      ],
    },
  };
}

/** The nodes of one kind. */
export function nodesOf<K extends Node["kind"]>(topology: Topology, kind: K): Extract<Node, { kind: K }>[] {
  const isKind = (node: Node): node is Extract<Node, { kind: K }> => node.kind === kind;
  return topology.nodes.filter(isKind);
}

/** Neighbours of a node: their end and ours, link by link. */
export function neighboursOf(topology: Topology, name: string): { own: LinkEnd; other: LinkEnd }[] {
  return topology.links.flatMap(({ ends }) =>
    ends.filter(({ node }) => node === name).flatMap((own) =>
      ends.filter((other) => other !== own).map((other) => ({ own, other }))
    )
  );
}

/** The links that are switches. */
export function switchesOf(topology: Topology): Link[] {
  return topology.links.filter(({ ends }) => ends.length > 2);
}

/** An address without its length. */
export function bare(address: string): string {
  return address.split("/")[0] ?? address;
}

/** The family of an address. */
export function familyOf(address: string): 4 | 6 {
  return address.includes(":") ? 6 : 4;
}

/** The first address of that family at a link's end. @throws where it has none */
export function addressAt(end: LinkEnd, family: 4 | 6): string {
  const found = end.addresses.map(bare).find((address) => familyOf(address) === family);
  if (found === undefined) throw new Error(`${end.node} ${end.interface} has no IPv${family} address`);
  return found;
}

/** A host's or a service's address of each family that it has, IPv4 first. */
export function addressesOf({ address, address6 }: Pick<LabService, "address" | "address6">): string[] {
  return address6 === undefined ? [address] : [address, address6];
}

/** The host route to an address. */
export function hostRoute(address: string): string {
  return `${address}/${familyOf(address) === 4 ? 32 : 128}`;
}

/** An address as it stands before a colon and a port. */
export function bracketed(address: string): string {
  return familyOf(address) === 4 ? address : `[${address}]`;
}

/** Input for `ip -batch`, run outside: namespaces, then links right into them. */
export function outerBatch(topology: Topology): string[] {
  const switches = switchesOf(topology);
  const veth = (a: Pick<LinkEnd, "node" | "interface">, b: Pick<LinkEnd, "node" | "interface">) =>
    `link add name ${a.interface} netns ${a.node} type veth peer name ${b.interface} netns ${b.node}`;
  return [
    ...[...topology.nodes, ...switches].map(({ name }) => `netns add ${name}`),
    ...topology.links.flatMap((link) => {
      const [a, b] = link.ends;
      if (switches.includes(link)) {
        return link.ends.map((end) => veth(end, { node: link.name, interface: end.node }));
      }
      return a === undefined || b === undefined ? [] : [veth(a, b)];
    }),
  ];
}

/** Input for `ip -n SWITCH -batch`. */
export function switchBatch(link: Link): string[] {
  return [
    "link add name bridge type bridge",
    "link set bridge up",
    ...link.ends.map(({ node }) => `link set ${node} master bridge up`),
  ];
}

/** Input for `ip -n NODE -batch`: links up, addresses, the way to the gateway, and what belongs to others. */
export function nodeBatch(topology: Topology, node: Node): string[] {
  const ends = topology.links.flatMap((link) => link.ends.filter((end) => end.node === node.name));
  const routers = nodesOf(topology, "router").map(({ name }) => name);
  const gateway = neighboursOf(topology, node.name).map(({ other }) => other).find((end) =>
    routers.includes(end.node)
  );
  return [
    "link set lo up",
    ...ends.flatMap((own) => [
      ...own.addresses.map((address) => `addr add ${address} dev ${own.interface}${noDad(address)}`),
      `link set ${own.interface} up`,
    ]),
    ...(node.kind === "router" || gateway === undefined
      ? []
      : gateway.addresses.map((address) => `route add default via ${bare(address)}`)),
    ...(node.kind === "host" && node.foreign !== undefined ? foreignBatch(node.foreign) : []),
  ];
}

function foreignBatch(foreign: Foreign): string[] {
  const { dummy, address } = foreign;
  return [
    `link add name ${dummy.name} type dummy`,
    ...dummy.addresses.map((each) => `addr add ${each} dev ${dummy.name}${noDad(each)}`),
    `link set ${dummy.name} up`,
    `addr add ${address.address} dev ${address.interface}${noDad(address.address)}`,
  ];
}

/** Duplicate address detection would hold an IPv6 address back for a second. */
function noDad(address: string): string {
  return familyOf(address) === 6 ? " nodad" : "";
}

/** What a router's namespace needs besides addresses: forwarding, and flows spread by ports, not by addresses alone. */
export const routerSysctls: Readonly<Record<string, string>> = {
  "net/ipv4/ip_forward": "1",
  "net/ipv4/fib_multipath_hash_policy": "1",
  "net/ipv6/conf/all/forwarding": "1",
  "net/ipv6/fib_multipath_hash_policy": "1",
};

/** The agent's configuration of a host, in the format of CONTRACT (JSON is YAML). */
export function agentConfig(topology: Topology, host: HostNode, folder: string): AgentConfig {
  const peers = neighboursOf(topology, host.name).flatMap(({ other }) =>
    nodesOf(topology, "router").filter(({ name }) => name === other.node)
      .map(({ name, as }) => ({ name, address: addressAt(other, host.transport), as }))
  );
  return {
    log: { level: "debug", format: "json" },
    http: { listen: "127.0.0.1:8081" },
    state: { directory: `${folder}/${host.name}.state` },
    bgp: {
      local: { routerID: host.address, as: host.as, address: host.address, address6: host.address6 },
      defaults: {
        holdTime: "9s",
        connectRetryTime: "1s",
        gracefulRestart: host.restartTimeSeconds === undefined
          ? "off"
          : { restartTime: `${host.restartTimeSeconds}s` },
      },
      peers,
    },
    services: topology.services.map((service) => hostServiceConfig(service, host)),
  };
}

/** What is said of itself, in the configuration of its agent; the rest is what scenarios change. */
export interface AgentConfig {
  readonly services: readonly Record<string, unknown>[];
  readonly bgp: { readonly defaults: Record<string, unknown>; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
}

/** A service in the agent's configuration of a host, which leads it to the host's own application. */
export function hostServiceConfig(service: LabService, host: HostNode): Record<string, unknown> {
  return {
    ...serviceConfig(service, "127.0.0.1", host.applicationPort),
    ports: [{ port: service.port, targetPort: host.applicationPort }],
  };
}

/** A service in the agent's configuration, but for its ports. */
export function serviceConfig(service: LabService, address: string, port: number): Record<string, unknown> {
  const { check, stop } = service;
  return {
    name: service.name,
    addresses: addressesOf(service),
    checks: [{
      type: "http",
      address,
      port,
      path: "/healthz",
      interval: `${check.intervalMs}ms`,
      fastInterval: `${check.fastIntervalMs}ms`,
      timeout: `${check.timeoutMs}ms`,
      rise: check.rise,
      fall: check.fall,
    }],
    stop: { converge: `${stop.convergeMs}ms`, quiesce: `${stop.quiesceMs}ms` },
  };
}
