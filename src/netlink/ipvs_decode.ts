/**
 * IPVS over generic netlink: how virtual services and destinations are read (<linux/ip_vs.h>), each in one walk over its
 * octets, for a pass may read ten thousand. `addresses` says where addresses come from, see address_pool.ts.
 */
import { UNSPECIFIED } from "../net/address.ts";
import { type AddressSource, FRESH_ADDRESSES } from "./address_pool.ts";
import type { AttributeCursor } from "./attribute.ts";
import {
  AF,
  IP_VS_CONN_F,
  IP_VS_CONN_F_TUNNEL_TYPE,
  IPPROTO,
  IPVS_CMD_ATTR,
  IPVS_DEST_ATTR,
  IPVS_SVC_ATTR,
} from "./constants.ts";
import { GENL_HDRLEN } from "./genetlink.ts";
import type { IpvsDestination, IpvsService } from "./ipvs.ts";
import { attributesOf, type NetlinkMessage } from "./message.ts";

/** A destination as the kernel has it. */
export interface IpvsActualDestination extends IpvsDestination {
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  /** Templates of persistence. */
  readonly persistentConnections: number;
  /** What the kernel is too old to say: the encapsulation (before 5.2) or its flags (before 5.3). */
  readonly lacks: "TUN_TYPE" | "TUN_FLAGS" | undefined;
}

/** The virtual service of a message; undefined where there is none in it. @throws {ReadError} it is cut short */
export function decodeService(
  message: NetlinkMessage,
  addresses: AddressSource = FRESH_ADDRESSES,
): IpvsService | undefined {
  const cursor = inside(message, IPVS_CMD_ATTR.SERVICE);
  if (cursor === undefined) return undefined;
  let family: 4 | 6 | undefined;
  let protocol: number | undefined;
  let port: number | undefined;
  let fwmark = 0;
  let addressAt = -1;
  let addressLength = 0;
  let scheduler = "";
  let persistenceEngine = "";
  let flags = 0;
  let timeoutSeconds = 0;
  let netmask: { readonly host: number; readonly network: number } | undefined;
  while (cursor.next()) {
    switch (cursor.type) {
      case IPVS_SVC_ATTR.AF:
        family = familyOf(cursor.u16());
        break;
      case IPVS_SVC_ATTR.PROTOCOL:
        protocol = cursor.u16();
        break;
      case IPVS_SVC_ATTR.ADDR:
        addressAt = cursor.start;
        addressLength = cursor.length;
        break;
      case IPVS_SVC_ATTR.PORT:
        port = cursor.be16();
        break;
      case IPVS_SVC_ATTR.FWMARK:
        fwmark = cursor.u32();
        break;
      case IPVS_SVC_ATTR.SCHED_NAME:
        scheduler = cursor.text();
        break;
      case IPVS_SVC_ATTR.PE_NAME:
        persistenceEngine = cursor.text();
        break;
      case IPVS_SVC_ATTR.FLAGS:
        flags = cursor.u32();
        break;
      case IPVS_SVC_ATTR.TIMEOUT:
        timeoutSeconds = cursor.u32();
        break;
      case IPVS_SVC_ATTR.NETMASK:
        netmask = { host: cursor.u32(), network: cursor.be32() };
        break;
    }
  }
  if (family === undefined) return undefined;
  const settings = {
    scheduler,
    flags,
    timeoutSeconds,
    netmask: netmask === undefined
      ? (family === 4 ? 32 : 128)
      : family === 6
      ? netmask.host
      : Math.clz32(~netmask.network),
    persistenceEngine,
  };
  if (fwmark > 0) {
    return { protocol: IPPROTO.TCP, address: UNSPECIFIED[family], port: 0, fwmark, ...settings };
  }
  if (protocol === undefined || port === undefined || addressLength < octetsOf(family)) return undefined;
  const address = addresses.address(cursor.view, addressAt, family);
  return { protocol, address, port, fwmark, ...settings };
}

/**
 * The destination of a message. `serviceFamily` (AF_*) stands in where the kernel (before 3.18) does not name one.
 * @throws {ReadError} it is cut short
 */
export function decodeDest(
  message: NetlinkMessage,
  serviceFamily: number,
  addresses: AddressSource = FRESH_ADDRESSES,
): IpvsActualDestination | undefined {
  const cursor = inside(message, IPVS_CMD_ATTR.DEST);
  if (cursor === undefined) return undefined;
  let family = familyOf(serviceFamily);
  let port: number | undefined;
  let addressAt = -1;
  let addressLength = 0;
  let forwarding = 0;
  let weight = 0;
  let upperThreshold = 0;
  let lowerThreshold = 0;
  let activeConnections = 0;
  let inactiveConnections = 0;
  let persistentConnections = 0;
  let tunnelType: number | undefined;
  let tunnelPort = 0;
  let tunnelFlags: number | undefined;
  while (cursor.next()) {
    switch (cursor.type) {
      case IPVS_DEST_ATTR.ADDR:
        addressAt = cursor.start;
        addressLength = cursor.length;
        break;
      case IPVS_DEST_ATTR.PORT:
        port = cursor.be16();
        break;
      case IPVS_DEST_ATTR.FWD_METHOD:
        forwarding = cursor.u32() & IP_VS_CONN_F.FWD_MASK;
        break;
      case IPVS_DEST_ATTR.WEIGHT:
        weight = cursor.u32();
        break;
      case IPVS_DEST_ATTR.U_THRESH:
        upperThreshold = cursor.u32();
        break;
      case IPVS_DEST_ATTR.L_THRESH:
        lowerThreshold = cursor.u32();
        break;
      case IPVS_DEST_ATTR.ACTIVE_CONNS:
        activeConnections = cursor.u32();
        break;
      case IPVS_DEST_ATTR.INACT_CONNS:
        inactiveConnections = cursor.u32();
        break;
      case IPVS_DEST_ATTR.PERSIST_CONNS:
        persistentConnections = cursor.u32();
        break;
      case IPVS_DEST_ATTR.ADDR_FAMILY:
        family = familyOf(cursor.u16());
        break;
      case IPVS_DEST_ATTR.TUN_TYPE:
        tunnelType = cursor.u8();
        break;
      case IPVS_DEST_ATTR.TUN_PORT:
        tunnelPort = cursor.be16();
        break;
      case IPVS_DEST_ATTR.TUN_FLAGS:
        tunnelFlags = cursor.u16();
        break;
    }
  }
  if (family === undefined || port === undefined || addressLength < octetsOf(family)) return undefined;
  return {
    address: addresses.address(cursor.view, addressAt, family),
    port,
    forwarding,
    weight,
    upperThreshold,
    lowerThreshold,
    tunnelType: tunnelType ?? IP_VS_CONN_F_TUNNEL_TYPE.IPIP,
    tunnelPort,
    tunnelFlags: tunnelFlags ?? 0,
    activeConnections,
    inactiveConnections,
    persistentConnections,
    lacks: tunnelType === undefined ? "TUN_TYPE" : tunnelFlags === undefined ? "TUN_FLAGS" : undefined,
  };
}

/** The attributes inside attribute `type` of a generic message; undefined where it has none. @throws {ReadError} */
function inside(message: NetlinkMessage, type: number): AttributeCursor | undefined {
  const cursor = attributesOf(message, GENL_HDRLEN);
  while (cursor.next()) {
    if (cursor.type !== type) continue;
    cursor.enter();
    return cursor;
  }
  return undefined;
}

function familyOf(af: number): 4 | 6 | undefined {
  return af === AF.INET ? 4 : af === AF.INET6 ? 6 : undefined;
}

function octetsOf(family: 4 | 6): number {
  return family === 4 ? 4 : 16;
}
