/**
 * What netlink tells of a host beside what the agent reads itself: every interface with its MTU, the way to an address,
 * and whether IPVS has a scheduler. Nothing of it changes anything.
 */
import { type Address, addressOf } from "../net/address.ts";
import { NetlinkChannel } from "../netlink/channel.ts";
import { IPPROTO, IPVS_GENL, NETLINK, RTN } from "../netlink/constants.ts";
import { ERRNO } from "../netlink/errno.ts";
import { delService, type IpvsService, newService } from "../netlink/ipvs.ts";
import { decodeRoute, getOutgoingRoute } from "../netlink/route.ts";
import { decodeAddress, decodeLink, dumpAddresses, dumpLinks, probeDummy } from "../netlink/rtnetlink.ts";
import { KernelError, type NetlinkTransport, openSocket, resolveFamily } from "../netlink/transport.ts";
import type { Slices } from "../time/slices.ts";
import { type HostLink, type HostRoute, NotSeenError } from "./host.ts";

/** What the kernel says where no route leads to an address. */
const NO_ROUTE: readonly number[] = [
  ERRNO.ENETUNREACH,
  ERRNO.EHOSTUNREACH,
  ERRNO.ESRCH,
  ERRNO.EACCES,
  ERRNO.EINVAL,
];

/** In the discard prefix (RFC 6666), and the discard port: nobody has a virtual service there. */
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
    const { index, type, mtu } = channel.get(
      `find the route to ${address.text}`,
      getOutgoingRoute(address),
      decodeRoute,
    );
    return { link: index === 0 ? undefined : index, local: type === RTN.LOCAL, mtu };
  } catch (error) {
    if (error instanceof KernelError && NO_ROUTE.includes(error.errno)) return undefined;
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
  const service = impossibleService(name);
  const [failure] = channel.transact("probe", [newService(family, service)]);
  if (failure === undefined) {
    // A kernel that takes it has the scheduler, and is to have nothing of us.
    channel.transact("undo the probe", [delService(family, service)]);
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

function impossibleService(scheduler: string): IpvsService {
  return {
    protocol: IPPROTO.TCP,
    address: addressOf(NOWHERE),
    port: DISCARD_PORT,
    fwmark: 0,
    scheduler,
    flags: 0,
    timeoutSeconds: 0,
    netmask: 0,
    persistenceEngine: "",
  };
}
