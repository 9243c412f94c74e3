/**
 * IPVS over generic netlink: virtual services of an address or a firewall mark, and destinations, IPv4 and IPv6: what is
 * asked. <linux/ip_vs.h>. Ports and the IPv4 netmask travel in network order, everything else in host order. Requests
 * take the family's number as resolved. How answers are read is in ipvs_decode.ts.
 */
import { Writer } from "../bytes/writer.ts";
import type { Address } from "../net/address.ts";
import {
  HOST_ORDER,
  writeAttribute,
  writeBe16,
  writeNested,
  writeString,
  writeU16,
  writeU32,
  writeU8,
} from "./attribute.ts";
import {
  AF,
  IPVS_CMD,
  IPVS_CMD_ATTR,
  IPVS_DEST_ATTR,
  IPVS_GENL,
  IPVS_SVC_ATTR,
  NLA,
  NLM_F,
} from "./constants.ts";
import { encodeGeneric } from "./genetlink.ts";
import type { Request } from "./message.ts";

/** Of union nf_inet_addr. */
const INET_ADDRESS_OCTETS = 16;

/** What identifies a virtual service. */
export interface IpvsServiceId {
  /** IPPROTO_TCP, IPPROTO_UDP or IPPROTO_SCTP; the kernel says TCP of every mark. */
  readonly protocol: number;
  /** Zeros of the family with a mark. */
  readonly address: Address;
  readonly port: number;
  /** The firewall mark that identifies it instead; 0: none. */
  readonly fwmark: number;
}

/** A virtual service. */
export interface IpvsService extends IpvsServiceId {
  readonly scheduler: string;
  /** IP_VS_SVC_F_*. */
  readonly flags: number;
  readonly timeoutSeconds: number;
  /** A prefix length, for both families. */
  readonly netmask: number;
  /** "": none. */
  readonly persistenceEngine: string;
}

/** What identifies a destination within its virtual service. */
export interface IpvsDestinationId {
  /** Of either family, whatever the service's is (Linux 3.18). */
  readonly address: Address;
  readonly port: number;
}

/** A destination. */
export interface IpvsDestination extends IpvsDestinationId {
  /** IP_VS_CONN_F_*, within IP_VS_CONN_F_FWD_MASK. */
  readonly forwarding: number;
  readonly weight: number;
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
  /** IP_VS_CONN_F_TUNNEL_TYPE_*: GUE since Linux 5.2, GRE since 5.3. Older ones pay no heed to it. */
  readonly tunnelType: number;
  /** Of GUE. */
  readonly tunnelPort: number;
  /** IP_VS_TUNNEL_ENCAP_FLAG_* (Linux 5.3). */
  readonly tunnelFlags: number;
}

/** Creates a virtual service, written to `into` where many are written: EEXIST where it is there, ENOENT where the scheduler is not. */
export function newService(family: number, service: IpvsService, into?: Writer): Request {
  return request(family, IPVS_CMD.NEW_SERVICE, (writer) => writeService(writer, service), into);
}

/**
 * Changes a virtual service; its connections, counters and destinations stay. Flags that are not among `flags`, and a
 * persistence engine that is not named, are taken from it. ESRCH where it is not there.
 */
export function setService(family: number, service: IpvsService, into?: Writer): Request {
  return request(family, IPVS_CMD.SET_SERVICE, (writer) => writeService(writer, service), into);
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
export function newDest(
  family: number,
  id: IpvsServiceId,
  destination: IpvsDestination,
  into?: Writer,
): Request {
  return destinationRequest(family, IPVS_CMD.NEW_DEST, id, destination, destination, into);
}

/** Changes a destination, every field of it; its connections and counters stay. ENOENT where it is not there. */
export function setDest(
  family: number,
  id: IpvsServiceId,
  destination: IpvsDestination,
  into?: Writer,
): Request {
  return destinationRequest(family, IPVS_CMD.SET_DEST, id, destination, destination, into);
}

/** Takes a destination out of a virtual service. */
export function delDest(family: number, id: IpvsServiceId, destination: IpvsDestinationId): Request {
  return destinationRequest(family, IPVS_CMD.DEL_DEST, id, destination, undefined);
}

/** Asks for every destination of a virtual service. */
export function dumpDests(family: number, id: IpvsServiceId): Request {
  return { ...request(family, IPVS_CMD.GET_DEST, (writer) => writeServiceId(writer, id)), flags: NLM_F.DUMP };
}

/** AF.INET or AF.INET6, as the address is. */
export function addressFamily(address: Address): number {
  return address.family === 4 ? AF.INET : AF.INET6;
}

function request(family: number, command: number, fill: (writer: Writer) => void, into?: Writer): Request {
  return { type: family, flags: 0, payload: encodeGeneric(command, IPVS_GENL.VERSION, fill, into) };
}

function destinationRequest(
  family: number,
  command: number,
  service: IpvsServiceId,
  { address, port }: IpvsDestinationId,
  settings: IpvsDestination | undefined,
  into?: Writer,
): Request {
  const fill = (writer: Writer) => {
    writeServiceId(writer, service);
    writeNested(writer, IPVS_CMD_ATTR.DEST, () => {
      writeInetAddress(writer, IPVS_DEST_ATTR.ADDR, address);
      writeBe16(writer, IPVS_DEST_ATTR.PORT, port);
      writeU16(writer, IPVS_DEST_ATTR.ADDR_FAMILY, addressFamily(address));
      if (settings !== undefined) writeSettings(writer, settings);
    });
  };
  return request(family, command, fill, into);
}

function writeSettings(writer: Writer, settings: IpvsDestination): void {
  writeU32(writer, IPVS_DEST_ATTR.FWD_METHOD, settings.forwarding);
  writeU32(writer, IPVS_DEST_ATTR.WEIGHT, settings.weight);
  writeU32(writer, IPVS_DEST_ATTR.U_THRESH, settings.upperThreshold);
  writeU32(writer, IPVS_DEST_ATTR.L_THRESH, settings.lowerThreshold);
  writeU8(writer, IPVS_DEST_ATTR.TUN_TYPE, settings.tunnelType);
  writeBe16(writer, IPVS_DEST_ATTR.TUN_PORT, settings.tunnelPort);
  writeU16(writer, IPVS_DEST_ATTR.TUN_FLAGS, settings.tunnelFlags);
}

function writeServiceId(writer: Writer, id: IpvsServiceId, fill?: () => void): void {
  writeNested(writer, IPVS_CMD_ATTR.SERVICE, () => {
    writeU16(writer, IPVS_SVC_ATTR.AF, addressFamily(id.address));
    if (id.fwmark > 0) {
      writeU32(writer, IPVS_SVC_ATTR.FWMARK, id.fwmark);
    } else {
      writeU16(writer, IPVS_SVC_ATTR.PROTOCOL, id.protocol);
      writeInetAddress(writer, IPVS_SVC_ATTR.ADDR, id.address);
      writeBe16(writer, IPVS_SVC_ATTR.PORT, id.port);
    }
    fill?.();
  });
}

function writeService(writer: Writer, service: IpvsService): void {
  writeServiceId(writer, service, () => {
    writeString(writer, IPVS_SVC_ATTR.SCHED_NAME, service.scheduler);
    const { persistenceEngine } = service;
    if (persistenceEngine !== "") writeString(writer, IPVS_SVC_ATTR.PE_NAME, persistenceEngine);
    // struct ip_vs_flags: the flags, and the mask of those that are meant
    const flags = new Writer(HOST_ORDER).u32(service.flags).u32(0xffff_ffff).finish();
    writeAttribute(writer, IPVS_SVC_ATTR.FLAGS, flags);
    writeU32(writer, IPVS_SVC_ATTR.TIMEOUT, service.timeoutSeconds);
    writeAttribute(writer, IPVS_SVC_ATTR.NETMASK, netmaskOf(service.address, service.netmask));
  });
}

/** union nf_inet_addr: 16 octets, of which an IPv4 address fills the first four. */
function writeInetAddress(writer: Writer, type: number, { bytes }: Address): void {
  writer.u16(NLA.HDRLEN + INET_ADDRESS_OCTETS).u16(type).bytes(bytes).zeros(
    INET_ADDRESS_OCTETS - bytes.byteLength,
  );
}

/** A mask in network order for IPv4, a length in host order for IPv6. */
function netmaskOf(address: Address, length: number): Uint8Array {
  if (address.family === 6) return new Writer(HOST_ORDER).u32(length).finish();
  return new Writer().u32(length === 0 ? 0 : (0xffff_ffff << (32 - length)) >>> 0).finish();
}
