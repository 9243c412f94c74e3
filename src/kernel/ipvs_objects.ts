/** Virtual services and destinations in the words of `state.ts`, and as netlink carries them: every field, both ways. */
import {
  IP_VS_CONN_F,
  IP_VS_CONN_F_TUNNEL_TYPE,
  IP_VS_SVC_F,
  IP_VS_TUNNEL_ENCAP_FLAG,
  IPPROTO,
} from "../netlink/constants.ts";
import type { IpvsDestination, IpvsService, IpvsServiceId } from "../netlink/ipvs.ts";
import type { IpvsActualDestination } from "../netlink/ipvs_decode.ts";
import type {
  ActualDestination,
  ActualVirtualService,
  Destination,
  VirtualService,
  VirtualServiceId,
} from "./state.ts";

const PROTOCOLS = { tcp: IPPROTO.TCP, udp: IPPROTO.UDP, sctp: IPPROTO.SCTP } as const;

const FORWARDING = {
  masq: IP_VS_CONN_F.MASQ,
  droute: IP_VS_CONN_F.DROUTE,
  tunnel: IP_VS_CONN_F.TUNNEL,
} as const;

const TUNNEL_TYPES = {
  ipip: IP_VS_CONN_F_TUNNEL_TYPE.IPIP,
  gue: IP_VS_CONN_F_TUNNEL_TYPE.GUE,
  gre: IP_VS_CONN_F_TUNNEL_TYPE.GRE,
} as const;

/** What identifies a virtual service, for a request. */
export function ipvsServiceId({ protocol, address, port, fwmark }: VirtualServiceId): IpvsServiceId {
  return { protocol: PROTOCOLS[protocol], address, port, fwmark };
}

/** A virtual service for a request. */
export function ipvsService(service: VirtualService): IpvsService {
  const { scheduler, flags, timeoutSeconds, netmask, persistenceEngine } = service;
  return { ...ipvsServiceId(service), scheduler, flags, timeoutSeconds, netmask, persistenceEngine };
}

/** A destination for a request. */
export function ipvsDestination(destination: Destination): IpvsDestination {
  const { address, port, weight, forwarding, upperThreshold, lowerThreshold, tunnel } = destination;
  return {
    address,
    port,
    weight,
    forwarding: FORWARDING[forwarding],
    upperThreshold,
    lowerThreshold,
    tunnelType: TUNNEL_TYPES[tunnel?.type ?? "ipip"],
    tunnelPort: tunnel?.port ?? 0,
    tunnelFlags: tunnel?.checksum === true ? IP_VS_TUNNEL_ENCAP_FLAG.CSUM : 0,
  };
}

/** A virtual service that was read, without its destinations; undefined: its protocol is none of ours. */
export function actualService(service: IpvsService): ActualVirtualService | undefined {
  const protocol = (["tcp", "udp", "sctp"] as const).find((name) => PROTOCOLS[name] === service.protocol);
  if (protocol === undefined) return undefined;
  return { ...service, protocol, flags: service.flags & ~IP_VS_SVC_F.HASHED, destinations: [] };
}

/** A destination that was read. */
export function actualDestination(destination: IpvsActualDestination): ActualDestination {
  const { address, port, weight, upperThreshold, lowerThreshold } = destination;
  const { forwarding, activeConnections, inactiveConnections } = destination;
  const foreign = foreignOf(destination);
  const actual = {
    address,
    port,
    weight,
    forwarding: forwardingOf(forwarding),
    tunnel: tunnelOf(destination),
    upperThreshold,
    lowerThreshold,
    activeConnections,
    inactiveConnections,
  };
  return foreign === undefined ? actual : { ...actual, foreign };
}

/**
 * Whether a destination that is read is what it was at the read before, told without making it; one with settings of a tunnel
 * is not looked into, and may be all the same.
 */
export function isAsBefore(before: ActualDestination, now: IpvsActualDestination): boolean {
  return before.address === now.address && before.port === now.port && before.weight === now.weight &&
    before.activeConnections === now.activeConnections &&
    before.inactiveConnections === now.inactiveConnections &&
    before.upperThreshold === now.upperThreshold && before.lowerThreshold === now.lowerThreshold &&
    before.foreign === undefined && before.tunnel === undefined &&
    FORWARDING[before.forwarding] === now.forwarding && now.forwarding !== IP_VS_CONN_F.TUNNEL &&
    isWithoutTunnel(now);
}

/** One that is not forwarded through a tunnel has no settings of one, unless a stranger gave it some. */
function tunnelOf(
  { forwarding, tunnelType, tunnelPort, tunnelFlags }: IpvsDestination,
): Destination["tunnel"] {
  if (isWithoutTunnel({ tunnelType, tunnelPort, tunnelFlags }) && forwarding !== IP_VS_CONN_F.TUNNEL) {
    return undefined;
  }
  return {
    type: typeOf(tunnelType) ?? "ipip",
    port: tunnelPort,
    checksum: (tunnelFlags & IP_VS_TUNNEL_ENCAP_FLAG.CSUM) !== 0,
  };
}

function isWithoutTunnel(
  { tunnelType, tunnelPort, tunnelFlags }: Pick<IpvsDestination, "tunnelType" | "tunnelPort" | "tunnelFlags">,
): boolean {
  return tunnelType === IP_VS_CONN_F_TUNNEL_TYPE.IPIP && tunnelPort === 0 && tunnelFlags === 0;
}

function typeOf(tunnelType: number): keyof typeof TUNNEL_TYPES | undefined {
  return (["ipip", "gue", "gre"] as const).find((name) => TUNNEL_TYPES[name] === tunnelType);
}

function forwardingOf(method: number): Destination["forwarding"] {
  return method === IP_VS_CONN_F.DROUTE ? "droute" : method === IP_VS_CONN_F.TUNNEL ? "tunnel" : "masq";
}

/** What a destination has that we have no word for, for we never set it. */
function foreignOf({ forwarding, tunnelType, tunnelFlags }: IpvsDestination): string | undefined {
  const flags = tunnelFlags & ~IP_VS_TUNNEL_ENCAP_FLAG.CSUM;
  const method = OURS.includes(forwarding) ? undefined : FOREIGN_METHODS[forwarding] ?? `${forwarding}`;
  const isKnown = tunnelType <= IP_VS_CONN_F_TUNNEL_TYPE.GRE;
  if (flags === 0 && method === undefined && isKnown) return undefined;
  const rest = flags & ~IP_VS_TUNNEL_ENCAP_FLAG.REMCSUM;
  const words = [
    method && `forwarding ${method}`,
    isKnown ? undefined : `tunnel type ${tunnelType}`,
    flags === rest ? undefined : "remote checksum",
    rest === 0 ? undefined : `tunnel flags ${rest}`,
  ];
  return words.filter((word) => word !== undefined).join(", ");
}

const OURS: readonly number[] = Object.values(FORWARDING);
const FOREIGN_METHODS: Readonly<Record<number, string>> = {
  [IP_VS_CONN_F.LOCALNODE]: "localnode",
  [IP_VS_CONN_F.BYPASS]: "bypass",
};
