/**
 * IPVS over generic netlink: virtual services and destinations, IPv4 and IPv6. <linux/ip_vs.h>. Ports and the IPv4
 * netmask travel in network order, everything else in host order. Requests take the family's number as resolved.
 */
import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { type Address, addressOf } from "../net/address.ts";
import {
  attributeString,
  attributeU16,
  attributeU32,
  HOST_ORDER,
  nested,
  writeAttribute,
  writeNested,
  writeString,
  writeU16,
  writeU32,
} from "./attribute.ts";
import {
  AF,
  IP_VS_CONN_F,
  IPVS_CMD,
  IPVS_CMD_ATTR,
  IPVS_DEST_ATTR,
  IPVS_GENL,
  IPVS_SVC_ATTR,
  NLM_F,
} from "./constants.ts";
import { decodeGeneric, encodeGeneric } from "./genetlink.ts";
import type { NetlinkMessage, Request } from "./message.ts";

/** What identifies a virtual service by address. (Those by firewall mark are not ours and are not decoded.) */
export interface IpvsServiceId {
  /** IPPROTO_TCP, IPPROTO_UDP or IPPROTO_SCTP. */
  readonly protocol: number;
  readonly address: Address;
  readonly port: number;
}

/** A virtual service. */
export interface IpvsService extends IpvsServiceId {
  readonly scheduler: string;
  /** IP_VS_SVC_F_*. */
  readonly flags: number;
  readonly timeoutSeconds: number;
  /** A prefix length, for both families. */
  readonly netmask: number;
}

/** A destination. */
export interface IpvsDestination {
  readonly address: Address;
  readonly port: number;
  /** IP_VS_CONN_F_*, within IP_VS_CONN_F_FWD_MASK. */
  readonly forwarding: number;
  readonly weight: number;
}

/** A destination as the kernel has it. */
export interface IpvsActualDestination extends IpvsDestination {
  readonly activeConnections: number;
}

/** Creates a virtual service: EEXIST where it is there, ENOENT where the scheduler is not. */
export function newService(family: number, service: IpvsService): Request {
  return request(family, IPVS_CMD.NEW_SERVICE, (writer) => writeService(writer, service));
}

/** Changes a virtual service; its connections, counters and destinations stay. ESRCH where it is not there. */
export function setService(family: number, service: IpvsService): Request {
  return request(family, IPVS_CMD.SET_SERVICE, (writer) => writeService(writer, service));
}

/** Deletes a virtual service with its destinations. */
export function delService(family: number, id: IpvsServiceId): Request {
  return request(family, IPVS_CMD.DEL_SERVICE, (writer) => writeServiceId(writer, id));
}

/** Asks for every virtual service. */
export function dumpServices(family: number): Request {
  return { ...request(family, IPVS_CMD.GET_SERVICE, () => {}), flags: NLM_F.DUMP };
}

/** Adds a destination to a virtual service: EEXIST where it is there, ESRCH where the service is not. */
export function newDest(family: number, id: IpvsServiceId, destination: IpvsDestination): Request {
  return destinationRequest(family, IPVS_CMD.NEW_DEST, id, destination);
}

/** Changes a destination; its connections and counters stay. */
export function setDest(family: number, id: IpvsServiceId, destination: IpvsDestination): Request {
  return destinationRequest(family, IPVS_CMD.SET_DEST, id, destination);
}

/** Takes a destination out of a virtual service. */
export function delDest(family: number, id: IpvsServiceId, destination: IpvsDestination): Request {
  return destinationRequest(family, IPVS_CMD.DEL_DEST, id, destination);
}

/** Asks for every destination of a virtual service. */
export function dumpDests(family: number, id: IpvsServiceId): Request {
  return { ...request(family, IPVS_CMD.GET_DEST, (writer) => writeServiceId(writer, id)), flags: NLM_F.DUMP };
}

/** The virtual service of a message; undefined for one by firewall mark. @throws {ReadError} it is cut short */
export function decodeService(message: NetlinkMessage): IpvsService | undefined {
  const attributes = nested(decodeGeneric(message.payload).attributes, IPVS_CMD_ATTR.SERVICE);
  const family = attributeU16(attributes, IPVS_SVC_ATTR.AF);
  const protocol = attributeU16(attributes, IPVS_SVC_ATTR.PROTOCOL);
  const port = portOf(attributes.get(IPVS_SVC_ATTR.PORT));
  const address = addressIn(family, attributes.get(IPVS_SVC_ATTR.ADDR));
  if (protocol === undefined || port === undefined || address === undefined) return undefined;
  const flags = attributes.get(IPVS_SVC_ATTR.FLAGS);
  return {
    protocol,
    address,
    port,
    scheduler: attributeString(attributes, IPVS_SVC_ATTR.SCHED_NAME) ?? "",
    flags: flags === undefined ? 0 : new Reader(flags, HOST_ORDER).u32("flags"),
    timeoutSeconds: attributeU32(attributes, IPVS_SVC_ATTR.TIMEOUT) ?? 0,
    netmask: netmaskLength(address, attributes.get(IPVS_SVC_ATTR.NETMASK)),
  };
}

/**
 * The destination of a message. `serviceFamily` (AF_*) stands in where the kernel (before 3.18) does not name one.
 * @throws {ReadError} it is cut short
 */
export function decodeDest(
  message: NetlinkMessage,
  serviceFamily: number,
): IpvsActualDestination | undefined {
  const attributes = nested(decodeGeneric(message.payload).attributes, IPVS_CMD_ATTR.DEST);
  const family = attributeU16(attributes, IPVS_DEST_ATTR.ADDR_FAMILY) ?? serviceFamily;
  const port = portOf(attributes.get(IPVS_DEST_ATTR.PORT));
  const address = addressIn(family, attributes.get(IPVS_DEST_ATTR.ADDR));
  if (port === undefined || address === undefined) return undefined;
  return {
    address,
    port,
    forwarding: (attributeU32(attributes, IPVS_DEST_ATTR.FWD_METHOD) ?? 0) & IP_VS_CONN_F.FWD_MASK,
    weight: attributeU32(attributes, IPVS_DEST_ATTR.WEIGHT) ?? 0,
    activeConnections: attributeU32(attributes, IPVS_DEST_ATTR.ACTIVE_CONNS) ?? 0,
  };
}

/** AF.INET or AF.INET6, as the address is. */
export function addressFamily(address: Address): number {
  return address.family === 4 ? AF.INET : AF.INET6;
}

function request(family: number, command: number, fill: (writer: Writer) => void): Request {
  return { type: family, flags: 0, payload: encodeGeneric(command, IPVS_GENL.VERSION, fill) };
}

function destinationRequest(
  family: number,
  command: number,
  id: IpvsServiceId,
  destination: IpvsDestination,
): Request {
  return request(family, command, (writer) => {
    writeServiceId(writer, id);
    writeNested(writer, IPVS_CMD_ATTR.DEST, () => {
      const { address, port, forwarding, weight } = destination;
      writeAttribute(writer, IPVS_DEST_ATTR.ADDR, inetAddress(address));
      writePort(writer, IPVS_DEST_ATTR.PORT, port);
      writeU16(writer, IPVS_DEST_ATTR.ADDR_FAMILY, addressFamily(address));
      writeU32(writer, IPVS_DEST_ATTR.FWD_METHOD, forwarding);
      writeU32(writer, IPVS_DEST_ATTR.WEIGHT, weight);
      writeU32(writer, IPVS_DEST_ATTR.U_THRESH, 0);
      writeU32(writer, IPVS_DEST_ATTR.L_THRESH, 0);
    });
  });
}

function writeServiceId(writer: Writer, id: IpvsServiceId, fill?: () => void): void {
  writeNested(writer, IPVS_CMD_ATTR.SERVICE, () => {
    writeU16(writer, IPVS_SVC_ATTR.AF, addressFamily(id.address));
    writeU16(writer, IPVS_SVC_ATTR.PROTOCOL, id.protocol);
    writeAttribute(writer, IPVS_SVC_ATTR.ADDR, inetAddress(id.address));
    writePort(writer, IPVS_SVC_ATTR.PORT, id.port);
    fill?.();
  });
}

function writeService(writer: Writer, service: IpvsService): void {
  writeServiceId(writer, service, () => {
    writeString(writer, IPVS_SVC_ATTR.SCHED_NAME, service.scheduler);
    // struct ip_vs_flags: the flags, and the mask of those that are meant
    const flags = new Writer(HOST_ORDER).u32(service.flags).u32(0xffff_ffff).finish();
    writeAttribute(writer, IPVS_SVC_ATTR.FLAGS, flags);
    writeU32(writer, IPVS_SVC_ATTR.TIMEOUT, service.timeoutSeconds);
    writeAttribute(writer, IPVS_SVC_ATTR.NETMASK, netmaskOf(service.address, service.netmask));
  });
}

function writePort(writer: Writer, type: number, port: number): void {
  writeAttribute(writer, type, Uint8Array.of(port >>> 8, port & 0xff));
}

/** union nf_inet_addr: 16 octets, of which an IPv4 address fills the first four. */
function inetAddress(address: Address): Uint8Array {
  const octets = new Uint8Array(16);
  octets.set(address.bytes);
  return octets;
}

function addressIn(family: number | undefined, octets: Uint8Array | undefined): Address | undefined {
  const length = family === AF.INET ? 4 : family === AF.INET6 ? 16 : undefined;
  if (length === undefined || octets === undefined || octets.byteLength < length) return undefined;
  return addressOf(octets.subarray(0, length));
}

function portOf(octets: Uint8Array | undefined): number | undefined {
  return octets && new Reader(octets).u16("port");
}

/** A mask in network order for IPv4, a length in host order for IPv6. */
function netmaskOf(address: Address, length: number): Uint8Array {
  if (address.family === 6) return new Writer(HOST_ORDER).u32(length).finish();
  return new Writer().u32(length === 0 ? 0 : (0xffff_ffff << (32 - length)) >>> 0).finish();
}

function netmaskLength(address: Address, octets: Uint8Array | undefined): number {
  if (octets === undefined) return address.bytes.byteLength * 8;
  if (address.family === 6) return new Reader(octets, HOST_ORDER).u32("netmask");
  return Math.clz32(~new Reader(octets).u32("netmask"));
}
