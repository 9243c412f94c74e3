/** What fits through a tunnel: the MTU of the way to each destination less the encapsulation, and the MSS that clients need. */
import type { TunnelConfig } from "../config/config.ts";
import type { Address } from "../net/address.ts";
import { type Finding, listed, ok, problem, type Row, warning } from "./finding.ts";
import { type HostLink, type HostRoute, NotSeenError } from "./host.ts";
import type { SubjectPort } from "./subject.ts";

/** Octets of headers. */
const IP_HEADER = { 4: 20, 6: 40 } as const;
const TCP_HEADER = 20;
const UDP_HEADER = 8;
/** What a client's link carries, most often. */
const CLIENT_MTU = 1500;
/** What a tunnel is where nothing is said. */
const PLAIN_TUNNEL: TunnelConfig = { type: "ipip", port: 0, checksum: false };
/** RFC 8200 section 5. */
const LEAST_IPV6_MTU = 1280;

/** A destination behind a tunnel, with the ports that use it. */
interface Tunnel {
  readonly address: Address;
  readonly tunnel: TunnelConfig;
  /** Of what goes through it. */
  readonly families: readonly (4 | 6)[];
  readonly ports: readonly SubjectPort[];
}

/** Tunnels of one kind whose packets leave by the same way. */
interface Way extends Omit<Tunnel, "address"> {
  /** Of one family. */
  readonly addresses: readonly [Address, ...Address[]];
  readonly link: HostLink;
  readonly mtu: number;
  /** The MTU is the route's, not the interface's. */
  readonly routed: boolean;
}

/** The row. */
export const TUNNEL_ROWS: readonly Row[] = [
  {
    name: "tunnel MTU",
    applies: ({ ports }) => tunnelsOf(ports).length > 0,
    look(host, { ports }) {
      const links = host.links();
      const routed = tunnelsOf(ports).map((tunnel) => ({ tunnel, route: host.routeTo(tunnel.address) }));
      const lost = routed.filter(({ route }) => route === undefined).map(({ tunnel }) => tunnel);
      const local = routed.filter(({ route }) => route?.local === true).map(({ tunnel }) => tunnel);
      const ways = waysOf(
        routed.flatMap(({ tunnel, route }) =>
          route === undefined || route.local ? [] : [wayOf(tunnel, route, links)]
        ),
      );
      return [
        ...lost.length === 0 ? [] : [
          problem(
            `no route to ${addressesText(lost)}`,
            `${servicesText(lost)} cannot reach these destinations`,
            {
              cure: "a route to them, or other destinations",
            },
          ),
        ],
        ...ways.map((way) => judged(way, widest(ways, way.link))),
        ...local.length === 0 ? [] : [ok(`${addressesText(local)} is this host: nothing is encapsulated`)],
      ];
    },
  },
];

/** How many octets a tunnel puts around a packet. */
export function overheadOf({ type, checksum }: TunnelConfig, outer: 4 | 6): number {
  switch (type) {
    case "ipip":
      return IP_HEADER[outer];
    case "gre":
      // RFC 2784: four octets, and four more with a checksum.
      return IP_HEADER[outer] + (checksum ? 8 : 4);
    case "gue":
      // draft-ietf-intarea-gue: four octets behind UDP, whose checksum costs nothing.
      return IP_HEADER[outer] + UDP_HEADER + 4;
    default:
      return type satisfies never;
  }
}

function tunnelsOf(ports: readonly SubjectPort[]): readonly Tunnel[] {
  const all = ports.flatMap((port) =>
    port.destinations.flatMap(({ address, forwarding, families, tunnel = PLAIN_TUNNEL }) =>
      forwarding === "tunnel" ? [{ address, tunnel, families, port }] : []
    )
  );
  const groups = Map.groupBy(all, ({ address, tunnel }) => JSON.stringify([address.text, tunnel]));
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const families = [...new Set(group.flatMap((each) => each.families))].sort();
    return [{ address: first.address, tunnel: first.tunnel, families, ports: group.map(({ port }) => port) }];
  });
}

function wayOf({ address, ...tunnel }: Tunnel, route: HostRoute, links: readonly HostLink[]): Way {
  const link = links.find(({ index }) => index === route.link) ?? narrowest(links);
  if (link === undefined) throw new NotSeenError(`by which interface ${address.text} is reached`);
  return {
    ...tunnel,
    addresses: [address],
    link,
    mtu: route.mtu ?? link.mtu,
    routed: route.mtu !== undefined,
  };
}

/** Those that are said in one sentence: of hundreds of destinations most are alike. */
function waysOf(ways: readonly Way[]): readonly Way[] {
  const groups = Map.groupBy(
    ways,
    ({ addresses: [address], tunnel, families, link, mtu, routed }) =>
      JSON.stringify([address.family, tunnel.type, tunnel.checksum, families, link.index, mtu, routed]),
  );
  return [...groups.values()].flatMap((group) => {
    const [first, ...rest] = group;
    if (first === undefined) return [];
    const [address, ...others] = first.addresses;
    const addresses = [address, ...others, ...rest.flatMap((way) => way.addresses)] as const;
    return [{ ...first, addresses, ports: [...new Set(group.flatMap(({ ports }) => ports))] }];
  });
}

/** The MTU at which packets of clients fit into every tunnel by this interface. */
function widest(ways: readonly Way[], { index }: HostLink): number {
  const needs = ways.filter(({ link }) => link.index === index)
    .map(({ tunnel, addresses: [{ family }] }) => CLIENT_MTU + overheadOf(tunnel, family));
  return Math.max(...needs);
}

function judged({ addresses, tunnel, families, ports, link, mtu, routed }: Way, wantedMtu: number): Finding {
  const [address] = addresses;
  const overhead = overheadOf(tunnel, address.family);
  const inner = mtu - overhead;
  const segments = families.map((family) => `MSS ${mssOf(inner, family)} over IPv${family}`);
  const what = `${listed(addresses.map(({ text }) => text))} (${tunnel.type}) by ${
    routed ? "a route" : link.name
  }`;
  const found = `${what}: MTU ${mtu} - ${overhead} = ${inner}, ${segments.join(", ")}`;
  // What a route says of its MTU is configured where the route is.
  const own = routed ? ` the route's own mtu at ${wantedMtu} (ip route get ${address.text})` : "";
  const command = routed ? {} : { command: `ip link set dev ${link.name} mtu ${wantedMtu}` };
  if (families.includes(6) && inner < LEAST_IPV6_MTU) {
    return problem(
      found,
      `IPv6 needs an MTU of ${LEAST_IPV6_MTU}: ${portsText(ports)} cannot work over IPv6`,
      {
        cure: `at least ${LEAST_IPV6_MTU + overhead}, and for whole packets of clients:${own}`,
        ...command,
      },
    );
  }
  if (inner >= CLIENT_MTU) return ok(found);
  return warning(
    found,
    `clients of ${
      portsText(ports)
    } send packets of up to ${CLIENT_MTU} octets, which do not fit: this host answers them ` +
      `with ICMP, and where that does not get through, large requests hang${
        datagramWords(ports, inner, families)
      }`,
    {
      cure: clampWords(ports, inner, families) +
        `Or, where everything up to the destination carries frames of that size, here:${own}`,
      ...command,
    },
  );
}

/** Clients heed the MSS that the real server names, whose SYN goes to them directly: it is lowered there. */
function clampWords(ports: readonly SubjectPort[], inner: number, families: readonly (4 | 6)[]): string {
  const streams = ports.filter(({ port }) => port.protocol === "tcp");
  if (streams.length === 0) return "";
  return `On the real server, whose own MSS clients heed: ${
    families.map((family) => clampCommand(streams, inner, family)).join("; ")
  }; ` +
    `or on its routes to clients: ${families.map((family) => advmss(inner, family)).join(", ")}. `;
}

/** An nft(8) command that lowers the MSS of what these ports answer. */
export function clampCommand(ports: readonly SubjectPort[], inner: number, family: 4 | 6): string {
  const marked = ports.some(({ port }) => port.fwmark > 0);
  const numbers = [...new Set(ports.map(({ port }) => port.port))].join(", ");
  const which = marked ? "" : `tcp sport { ${numbers} } `;
  const [table, chain] = [
    `${family === 4 ? "ip" : "ip6"} bgp_lb_mss`,
    "{ type filter hook output priority mangle; }",
  ];
  return `nft 'add table ${table}; add chain ${table} output ${chain}; add rule ${table} output ${which}` +
    `tcp flags & (syn | rst) == syn tcp option maxseg size set ${mssOf(inner, family)}'`;
}

function advmss(inner: number, family: 4 | 6): string {
  return `ip ${family === 6 ? "-6 " : ""}route change ... advmss ${mssOf(inner, family)}`;
}

function datagramWords(ports: readonly SubjectPort[], inner: number, families: readonly (4 | 6)[]): string {
  if (!ports.some(({ port }) => port.protocol === "udp")) return "";
  const most = families.map((family) => `${inner - IP_HEADER[family] - UDP_HEADER} octets over IPv${family}`);
  return `; datagrams of more than ${listed(most)} do not get through whole`;
}

function mssOf(mtu: number, family: 4 | 6): number {
  return mtu - IP_HEADER[family] - TCP_HEADER;
}

/** Of several next hops the kernel does not say which: the narrowest way counts. */
function narrowest(links: readonly HostLink[]): HostLink | undefined {
  return links.filter(({ up, name, kind }) => up && name !== "lo" && kind !== "dummy")
    .sort((a, b) => a.mtu - b.mtu)[0];
}

function portsText(ports: readonly SubjectPort[]): string {
  return listed([...new Set(ports.map(({ service }) => service))]);
}

function addressesText(tunnels: readonly Tunnel[]): string {
  return listed([...new Set(tunnels.map(({ address }) => address.text))]);
}

function servicesText(tunnels: readonly Tunnel[]): string {
  return portsText(tunnels.flatMap(({ ports }) => ports));
}
