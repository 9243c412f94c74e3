/**
 * What netlink tells of a host beside what the agent reads itself: every interface with its MTU, the way to an address
 * (struct rtmsg of <linux/rtnetlink.h>), and whether IPVS has a scheduler. Nothing of it changes anything.
 */
import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import type { Address } from "../net/address.ts";
import { NetlinkChannel } from "../netlink/channel.ts";
import {
  attributeU32,
  decodeAttributes,
  HOST_ORDER,
  nested,
  writeAttribute,
  writeNested,
  writeString,
  writeU16,
  writeU32,
} from "../netlink/attribute.ts";
import {
  AF,
  IPPROTO,
  IPVS_CMD,
  IPVS_CMD_ATTR,
  IPVS_GENL,
  IPVS_SVC_ATTR,
  NETLINK,
} from "../netlink/constants.ts";
import { ERRNO } from "../netlink/errno.ts";
import { encodeGeneric } from "../netlink/genetlink.ts";
import type { NetlinkMessage, Request } from "../netlink/message.ts";
import { decodeAddress, decodeLink, dumpAddresses, dumpLinks, probeDummy } from "../netlink/rtnetlink.ts";
import { KernelError, type NetlinkTransport, openSocket, resolveFamily } from "../netlink/transport.ts";
import type { Slices } from "../time/slices.ts";
import { type HostLink, type HostRoute, NotSeenError } from "./host.ts";

/** Of <linux/rtnetlink.h> and <linux/if_link.h>, what only doctor needs. */
const RTM_GETROUTE = 26;
const RTN_LOCAL = 2;
const RTA = { DST: 1, OIF: 4, METRICS: 8 } as const;
const RTAX_MTU = 2;
const ENETUNREACH = 101;
const EHOSTUNREACH = 113;
/** The discard prefix (RFC 6666) and port: nobody has a virtual service there. */
const NOWHERE = Uint8Array.from([0x01, ...new Array<number>(14).fill(0), 0x01]);
const DISCARD_PORT = 9;

/** Every interface, with its addresses. @throws {KernelError} */
export async function readLinks(transport: NetlinkTransport, slices: Slices): Promise<readonly HostLink[]> {
  const channel = new NetlinkChannel(openSocket(transport, NETLINK.ROUTE), slices);
  using _channel = channel;
  const links = await channel.dump("list interfaces", dumpLinks(), decodeLink);
  const addresses = await channel.dump("list addresses", dumpAddresses(), decodeAddress);
  return links.map(({ index, name, kind, alias, group, up, mtu }) => ({
    index,
    name,
    kind,
    alias,
    group,
    up,
    mtu,
    addresses: addresses.filter((each) => each.index === index),
  }));
}

/** The way that packets to `address` take; undefined where there is none. @throws {KernelError} */
export function readRoute(
  transport: NetlinkTransport,
  slices: Slices,
  address: Address,
): HostRoute | undefined {
  const channel = new NetlinkChannel(openSocket(transport, NETLINK.ROUTE), slices);
  using _channel = channel;
  try {
    return channel.get(`find the route to ${address.text}`, getRoute(address), decodeRoute);
  } catch (error) {
    const none = error instanceof KernelError &&
      [ENETUNREACH, EHOSTUNREACH, ERRNO.ESRCH, ERRNO.EACCES, ERRNO.EINVAL].includes(error.errno);
    if (none) return undefined;
    throw error;
  }
}

/** Whether the kernel can make dummy interfaces. @throws {KernelError} */
export function probeForDummy(transport: NetlinkTransport, slices: Slices): boolean {
  const channel = new NetlinkChannel(openSocket(transport, NETLINK.ROUTE), slices);
  using _channel = channel;
  const [failure] = channel.transact("probe", [probeDummy()]);
  if (failure?.errno === ERRNO.EPERM) throw new NotSeenError("only with CAP_NET_ADMIN does the kernel say");
  return failure?.errno !== ERRNO.EOPNOTSUPP;
}

/** Whether the kernel has IPVS; asking makes it load the module, where it has it. @throws {KernelError} */
export function probeForIpvs(transport: NetlinkTransport): boolean {
  return resolveFamily(transport, IPVS_GENL.NAME) !== undefined;
}

/**
 * Whether IPVS has a scheduler; asking makes it load the module. It is asked for an IPv6 virtual service of no netmask, which
 * the kernel refuses with EINVAL, but only after it has found the scheduler (ip_vs_add_service()). @throws {KernelError}
 */
export function probeForScheduler(transport: NetlinkTransport, slices: Slices, name: string): boolean {
  const family = resolveFamily(transport, IPVS_GENL.NAME);
  if (family === undefined) return false;
  const channel = new NetlinkChannel(openSocket(transport, NETLINK.GENERIC), slices);
  using _channel = channel;
  const [failure] = channel.transact("probe", [impossibleService(family, IPVS_CMD.NEW_SERVICE, name)]);
  if (failure === undefined) {
    // A kernel that takes it has the scheduler, and is to have nothing of us.
    channel.transact("undo the probe", [impossibleService(family, IPVS_CMD.DEL_SERVICE, name)]);
    return true;
  }
  switch (failure.errno) {
    case ERRNO.EINVAL:
      return true;
    case ERRNO.ENOENT:
      return false;
    case ERRNO.EPERM:
      throw new NotSeenError("only with CAP_NET_ADMIN does the kernel say");
    default:
      throw new NotSeenError(`the kernel does not say: ${failure.words ?? `errno ${failure.errno}`}`);
  }
}

function getRoute({ family, bytes }: Address): Request {
  // struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags
  const writer = new Writer(HOST_ORDER).u8(family === 4 ? AF.INET : AF.INET6).u8(bytes.byteLength * 8).zeros(
    6,
  )
    .u32(0);
  writeAttribute(writer, RTA.DST, bytes);
  return { type: RTM_GETROUTE, flags: 0, payload: writer.finish() };
}

function decodeRoute(message: NetlinkMessage): HostRoute {
  const reader = new Reader(message.payload, HOST_ORDER);
  reader.bytes(7, "struct rtmsg up to its scope");
  const type = reader.u8("rtm_type");
  reader.u32("rtm_flags");
  const attributes = decodeAttributes(reader.rest());
  return {
    link: attributeU32(attributes, RTA.OIF),
    local: type === RTN_LOCAL,
    mtu: attributeU32(nested(attributes, RTA.METRICS), RTAX_MTU),
  };
}

function impossibleService(family: number, command: number, scheduler: string): Request {
  const port = new Writer().u16(DISCARD_PORT).finish();
  const payload = encodeGeneric(command, IPVS_GENL.VERSION, (writer) => {
    writeNested(writer, IPVS_CMD_ATTR.SERVICE, () => {
      writeU16(writer, IPVS_SVC_ATTR.AF, AF.INET6);
      writeU16(writer, IPVS_SVC_ATTR.PROTOCOL, IPPROTO.TCP);
      writeAttribute(writer, IPVS_SVC_ATTR.ADDR, NOWHERE);
      writeAttribute(writer, IPVS_SVC_ATTR.PORT, port);
      writeString(writer, IPVS_SVC_ATTR.SCHED_NAME, scheduler);
      // struct ip_vs_flags: flags, mask
      writeAttribute(writer, IPVS_SVC_ATTR.FLAGS, new Writer(HOST_ORDER).u32(0).u32(0xffff_ffff).finish());
      writeU32(writer, IPVS_SVC_ATTR.TIMEOUT, 0);
      writeU32(writer, IPVS_SVC_ATTR.NETMASK, 0);
    });
  });
  return { type: family, flags: 0, payload };
}
