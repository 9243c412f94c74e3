/** What the kernel should have, and what it has: dummy interfaces with addresses, and IPVS virtual services. */
import type { Address } from "../net/address.ts";
import type { ForwardingMethod, IpProtocol } from "../config/config.ts";

/** A destination (real server) of a virtual service. */
export interface Destination {
  readonly address: Address;
  readonly port: number;
  readonly weight: number;
  readonly forwarding: ForwardingMethod;
}

/** An IPVS virtual service. */
export interface VirtualService {
  readonly protocol: IpProtocol;
  readonly address: Address;
  readonly port: number;
  readonly scheduler: string;
  /** IP_VS_SVC_F_* bits of <linux/ip_vs.h>, without IP_VS_SVC_F_HASHED. */
  readonly flags: number;
  /** Persistence timeout in seconds, 0 where it is off. */
  readonly timeoutSeconds: number;
  /** Persistence granularity: a prefix length (32 or 128: each client alone). */
  readonly netmask: number;
  readonly destinations: readonly Destination[];
}

/** One dummy interface of ours, up, marked with `bgp-lb:<service>`, with exactly these host addresses. */
export interface DesiredInterface {
  readonly name: string;
  readonly service: string;
  readonly addresses: readonly Address[];
}

/** What should be. `ownedAddresses` are the service addresses that we are configured for: virtual services on them
 * that are not desired are removed; virtual services on any other address are invisible to us. */
export interface DesiredKernel {
  readonly interfaces: readonly DesiredInterface[];
  readonly virtualServices: readonly VirtualService[];
  readonly ownedAddresses: readonly Address[];
}

/** An address on an interface. */
export interface ActualAddress {
  readonly address: Address;
  readonly prefixLength: number;
  /** True where it is as we set it: preferred_lft 0 (the kernel does not choose it as a source), valid for ever. */
  readonly deprecated: boolean;
}

/** An interface as the kernel has it. */
export interface ActualInterface {
  readonly index: number;
  readonly name: string;
  /** IFLA_INFO_KIND, such as `dummy`; undefined for hardware. */
  readonly kind: string | undefined;
  /** IFLA_IFALIAS: our mark. */
  readonly alias: string | undefined;
  readonly up: boolean;
  readonly addresses: readonly ActualAddress[];
}

/** A destination with what runs over it. */
export interface ActualDestination extends Destination {
  /** IPVS_DEST_ATTR_ACTIVE_CONNS: what a stop waits for. */
  readonly activeConnections: number;
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

/** The alias that marks an interface as ours. */
export function interfaceMark(service: string): string {
  return `${MARK}${service}`;
}

/** The service that an interface of ours is marked for. */
export function serviceOf({ alias }: Pick<ActualInterface, "alias">): string {
  return alias?.slice(MARK.length) ?? "";
}

/** Whether an interface carries our mark. A device of another kind never does, whatever its alias. */
export function isOurs(link: Pick<ActualInterface, "kind" | "alias">): boolean {
  return link.kind === "dummy" && link.alias !== undefined && link.alias.startsWith(MARK);
}

/** The key of a virtual service: protocol, address and port. */
export function virtualServiceKey(service: Pick<VirtualService, "protocol" | "address" | "port">): string {
  return `${service.protocol} ${service.address.text} ${service.port}`;
}

/** The key of a destination within its virtual service: address and port. */
export function destinationKey(destination: Pick<Destination, "address" | "port">): string {
  return `${destination.address.text} ${destination.port}`;
}
