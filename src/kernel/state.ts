/** What the kernel should have, and what it has: dummy interfaces with addresses, and IPVS virtual services. */
import { type Address, UNSPECIFIED, withPort } from "../net/address.ts";
import type { ForwardingMethod, IpProtocol, TunnelConfig } from "../config/config.ts";

/** A destination (real server) of a virtual service. */
export interface Destination {
  readonly address: Address;
  /** 0 with a firewall mark: the port that the client asked for. */
  readonly port: number;
  readonly weight: number;
  readonly forwarding: ForwardingMethod;
  /** With forwarding tunnel alone. */
  readonly tunnel: TunnelConfig | undefined;
  /** Active connections from which on no new ones come; 0: any number. */
  readonly upperThreshold: number;
  /** Active connections below which they come again. */
  readonly lowerThreshold: number;
}

/** What identifies a virtual service; as in struct ip_vs_service_user. */
export interface VirtualServiceId {
  readonly protocol: IpProtocol;
  readonly address: Address;
  readonly port: number;
  /** The mark that a packet filter gave its packets, and then address and port are zeros, of its family; 0: no mark. */
  readonly fwmark: number;
}

/** An IPVS virtual service. */
export interface VirtualService extends VirtualServiceId {
  readonly scheduler: string;
  /** IP_VS_SVC_F_* bits of <linux/ip_vs.h>, without IP_VS_SVC_F_HASHED. */
  readonly flags: number;
  /** Persistence timeout in seconds, 0 where it is off. */
  readonly timeoutSeconds: number;
  /** Persistence granularity: a prefix length (32 or 128: each client alone). */
  readonly netmask: number;
  /** IPVS_SVC_ATTR_PE_NAME: what tells clients apart beside their address; "": nothing, as we set it. */
  readonly persistenceEngine: string;
  readonly destinations: readonly Destination[];
}

/** One dummy interface of ours, up, marked with `bgp-lb:<service>`, with exactly these host addresses. */
export interface DesiredInterface {
  readonly name: string;
  readonly service: string;
  readonly addresses: readonly Address[];
  /** The service's firewall marks, which no address tells; left out: those that the interface carries stay. */
  readonly fwmarks?: readonly VirtualServiceId[] | undefined;
}

/** Whether an interface has to have IPv6. */
export function wantsIpv6({ addresses }: DesiredInterface): boolean {
  return addresses.some(({ family }) => family === 6);
}

/** What should be. `ownedAddresses` are the service addresses that we are configured for, `ownedFwmarks` the marks: virtual
 * services on them that are not desired are removed; any other virtual service is invisible to us. */
export interface DesiredKernel {
  readonly interfaces: readonly DesiredInterface[];
  readonly virtualServices: readonly VirtualService[];
  readonly ownedAddresses: readonly Address[];
  readonly ownedFwmarks: readonly VirtualServiceId[];
}

/** An address on an interface. Its label, metric and protocol, and `noprefixroute`, are not ours: they decide nothing here. */
export interface ActualAddress {
  readonly address: Address;
  readonly prefixLength: number;
  /** True where it is as we set it: preferred_lft 0 (the kernel does not choose it as a source), valid for ever. */
  readonly deprecated: boolean;
  /** Of scope host, so that an IPv4 address is never chosen as a source; IPv6 has no choice there, and it is true. */
  readonly hostScope: boolean;
  /** It has an (IPv4) broadcast address. */
  readonly broadcast: boolean;
  /** The other end of a point-to-point link. */
  readonly peer: Address | undefined;
  /** Used without duplicate address detection, as we set it; IPv4 has none, and it is true. */
  readonly nodad: boolean;
  /** While it runs, and after it failed, the kernel takes no packet to an IPv6 address. */
  readonly duplicateDetection: "over" | "running" | "failed";
  /** The kernel takes packets to it, by the route in table `local` that it made with the address. */
  readonly localRoute: boolean;
}

/** What an address has that is as we set it. */
export const ADDRESS_AS_SET = {
  deprecated: true,
  hostScope: true,
  broadcast: false,
  peer: undefined,
  nodad: true,
  duplicateDetection: "over",
  localRoute: true,
} as const;

/** An interface as the kernel has it. Its hardware address, queues, ARP and promiscuous mode are not ours. */
export interface ActualInterface {
  readonly index: number;
  readonly name: string;
  /** IFLA_INFO_KIND, such as `dummy`; undefined for hardware. */
  readonly kind: string | undefined;
  /** IFLA_IFALIAS: our mark. */
  readonly alias: string | undefined;
  /** IFLA_GROUP: the mark from the creation until there is an alias. */
  readonly group: number;
  readonly up: boolean;
  /** What has no carrier may get no routes (`ignore_routes_with_linkdown`). */
  readonly carrier: boolean;
  /** The bridge, VRF or bond that it is part of: what takes its packets, or its routes out of table `local`. */
  readonly master: string | undefined;
  /** Below 1,280 it has no IPv6. */
  readonly mtu: number;
  /** It has IPv6, and its `disable_ipv6` is 0. */
  readonly ipv6: boolean;
  readonly addresses: readonly ActualAddress[];
}

/** The group that our interfaces are created in ("bgpl"). */
export const INTERFACE_GROUP = 0x6267_706c;

/** What an interface has that is as we made it, beside its names. */
export const INTERFACE_AS_MADE = {
  kind: "dummy",
  group: INTERFACE_GROUP,
  up: true,
  carrier: true,
  master: undefined,
  mtu: 1500,
  ipv6: true,
} as const;

/** A destination with what runs over it. */
export interface ActualDestination extends Destination {
  /** IPVS_DEST_ATTR_ACTIVE_CONNS: what a stop waits for. */
  readonly activeConnections: number;
  /** IPVS_DEST_ATTR_INACT_CONNS. */
  readonly inactiveConnections: number;
  /** What it has that we never set, in words, such as `remote checksum`. */
  readonly foreign?: string;
}

/** A virtual service as the kernel has it. */
export interface ActualVirtualService extends VirtualService {
  readonly destinations: readonly ActualDestination[];
}

/** What is. Only what could concern us need be in it (IPv6 link-local addresses are the kernel's own and are not). */
export interface ActualKernel {
  readonly interfaces: readonly ActualInterface[];
  readonly virtualServices: readonly ActualVirtualService[];
}

const MARK = "bgp-lb:";

/** What tells whose an interface is; where its group is not known, the alias alone. */
type Marked = Pick<ActualInterface, "kind" | "alias"> & Partial<Pick<ActualInterface, "group">>;

/** What stands between a service's name, which has no space, and its firewall marks. */
const FWMARKS = " fwmark ";
/** IFALIASZ of <linux/if.h>, without its zero byte. */
const LONGEST_ALIAS = 255;

/**
 * The alias that marks an interface as ours, such as `bgp-lb:web` or `bgp-lb:web fwmark 7 8/6`: mark 7 of both families, 8
 * of IPv6 alone. Of more marks than there is room for, of which seventeen fit in any case, it has the first.
 */
export function interfaceMark(service: string, fwmarks: readonly VirtualServiceId[] = []): string {
  let alias = `${MARK}${service}`;
  if (fwmarks.length === 0) return alias;
  const families = Map.groupBy(fwmarks, ({ fwmark }) => fwmark);
  const longest = LONGEST_ALIAS - (new TextEncoder().encode(service).byteLength - service.length);
  let separator = FWMARKS;
  for (const [fwmark, ids] of [...families].sort(([one], [other]) => one - other)) {
    const [family, ...others] = new Set(ids.map(({ address }) => address.family));
    const next = `${alias}${separator}${fwmark}${others.length > 0 ? "" : `/${family}`}`;
    if (next.length > longest) break;
    alias = next;
    separator = " ";
  }
  return alias;
}

/** The service that an interface of ours is marked for. */
export function serviceOf({ alias = "" }: Pick<ActualInterface, "alias">): string {
  return alias.slice(MARK.length).split(FWMARKS, 1)[0] ?? "";
}

/** The firewall marks that an interface of ours carries; what is none is passed over. */
export function markedFwmarks(link: Marked): readonly VirtualServiceId[] {
  const words = isOurs(link) ? link.alias?.split(FWMARKS)[1]?.split(" ") ?? [] : [];
  return words.flatMap((word) => {
    const [, fwmark, family] = /^([1-9][0-9]{0,9})(?:\/([46]))?$/.exec(word) ?? [];
    if (fwmark === undefined || Number(fwmark) > 0xffff_ffff) return [];
    const families = family === "4" ? [4] as const : family === "6" ? [6] as const : [4, 6] as const;
    return families.map((each) => fwmarkId(Number(fwmark), each));
  });
}

/** What identifies the virtual service of a firewall mark; the kernel says TCP of each. */
export function fwmarkId(fwmark: number, family: 4 | 6): VirtualServiceId {
  return { protocol: "tcp", address: UNSPECIFIED[family], port: 0, fwmark };
}

/**
 * Whether an interface carries our mark. A device of another kind never does, whatever its alias. What has no alias yet is
 * ours by the group that it was created in: so it is from the first moment, whatever ends us before the second one.
 */
export function isOurs({ kind, alias, group }: Marked): boolean {
  return kind === "dummy" && (alias === undefined ? group === INTERFACE_GROUP : alias.startsWith(MARK));
}

/** The key of a virtual service: protocol, address and port, or its mark and family. */
export function virtualServiceKey({ protocol, address, port, fwmark }: VirtualServiceId): string {
  return fwmark > 0 ? `fwmark ${fwmark} ${address.family}` : `${protocol} ${address.text} ${port}`;
}

/** A virtual service in words, such as `tcp 10.99.0.1:80` or `fwmark 7 IPv6`. */
export function virtualServiceText({ protocol, address, port, fwmark }: VirtualServiceId): string {
  return fwmark > 0 ? `fwmark ${fwmark} IPv${address.family}` : `${protocol} ${withPort(address, port)}`;
}

/** Whether a virtual service takes connections, so that its destinations can be quiesced; datagrams have none. */
export function isConnected({ protocol, fwmark }: Pick<VirtualServiceId, "protocol" | "fwmark">): boolean {
  return fwmark > 0 || protocol !== "udp";
}

/** The key of a destination within its virtual service: address and port. */
export function destinationKey(destination: Pick<Destination, "address" | "port">): string {
  return `${destination.address.text} ${destination.port}`;
}
