/** Links, addresses and routes of a host in memory as a kernel tells them. */
import { Writer } from "../../src/bytes/writer.ts";
import type { Address } from "../../src/net/address.ts";
import {
  decodeAttributes,
  HOST_ORDER,
  writeAttribute,
  writeNested,
  writeString,
  writeU32,
} from "../../src/netlink/attribute.ts";
import {
  AF,
  DEVCONF,
  IFA,
  IFA_F,
  IFF,
  IFLA,
  IFLA_INET6,
  IFLA_INFO,
  IPV6_MIN_MTU,
  RT_SCOPE,
  RT_TABLE,
  RTA,
  RTN,
} from "../../src/netlink/constants.ts";
import type { NetlinkMessage } from "../../src/netlink/message.ts";
import type { FakeInterface } from "./fake_links.ts";

/** struct ifinfomsg with attributes. */
export function linkPayload(
  { index, name, kind, alias, group, up, carrier, mtu, ipv6 }: FakeInterface,
  master = 0,
): Uint8Array {
  const writer = new Writer(HOST_ORDER).u32(0).u32(index).u32(up ? IFF.UP : 0).u32(0);
  writeString(writer, IFLA.IFNAME, name);
  writeU32(writer, IFLA.MTU, mtu);
  writeU32(writer, IFLA.GROUP, group);
  if (master !== 0) writeU32(writer, IFLA.MASTER, master);
  writeAttribute(writer, IFLA.CARRIER, Uint8Array.of(carrier ? 1 : 0));
  if (mtu >= IPV6_MIN_MTU) {
    const conf = new Uint8Array(4 * 50);
    conf[DEVCONF.DISABLE_IPV6 * 4] = ipv6 ? 0 : 1;
    writeNested(writer, IFLA.AF_SPEC, () => {
      writeNested(writer, AF.INET6, () => writeAttribute(writer, IFLA_INET6.CONF, conf));
    });
  }
  if (alias !== undefined) writeString(writer, IFLA.IFALIAS, alias);
  if (kind !== undefined) {
    writeNested(writer, IFLA.LINKINFO, () => writeString(writer, IFLA_INFO.KIND, kind));
  }
  return writer.finish();
}

/** struct ifaddrmsg with attributes, of each address and the link-local one. */
export function addressPayloads(link: FakeInterface): readonly Uint8Array[] {
  const linkLocal = new Writer(HOST_ORDER).u8(AF.INET6).u8(64).u8(0).u8(RT_SCOPE.LINK).u32(link.index);
  writeAttribute(
    linkLocal,
    IFA.ADDRESS,
    Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, link.index),
  );
  const others = link.addresses.map((each) => {
    const { address, prefixLength, deprecated, ends, hostScope, broadcast, peer, nodad } = each;
    const family = address.family === 4 ? AF.INET : AF.INET6;
    const scope = address.family === 4 && hostScope ? RT_SCOPE.HOST : RT_SCOPE.UNIVERSE;
    const writer = new Writer(HOST_ORDER).u8(family).u8(prefixLength).u8(0).u8(scope).u32(link.index);
    writeAttribute(writer, IFA.ADDRESS, (peer ?? address).bytes);
    if (family === AF.INET || peer !== undefined) writeAttribute(writer, IFA.LOCAL, address.bytes);
    if (broadcast) writeAttribute(writer, IFA.BROADCAST, address.bytes);
    const flags = [
      deprecated || ends === true ? IFA_F.DEPRECATED : 0,
      ends === true ? 0 : IFA_F.PERMANENT,
      nodad && family === AF.INET6 ? IFA_F.NODAD : 0,
      { over: 0, running: IFA_F.TENTATIVE, failed: IFA_F.DADFAILED }[each.duplicateDetection],
    ];
    writeU32(writer, IFA.FLAGS, flags.reduce((all, flag) => all | flag, 0));
    return writer.finish();
  });
  return link.up ? [...others, linkLocal.finish()] : others;
}

/** struct rtmsg of a local route. */
export function routePayload(destination: Address): Uint8Array {
  const writer = new Writer(HOST_ORDER).u8(destination.family === 4 ? AF.INET : AF.INET6)
    .u8(destination.bytes.byteLength * 8).u16(0).u8(RT_TABLE.LOCAL).u8(0).u8(0).u8(RTN.LOCAL).u32(0);
  writeAttribute(writer, RTA.DST, destination.bytes);
  return writer.finish();
}

/** IFA_CACHEINFO says: preferred for no time. */
export function neverPreferred({ payload }: NetlinkMessage): boolean {
  const cacheInfo = decodeAttributes(payload.subarray(8)).get(IFA.CACHEINFO);
  return cacheInfo !== undefined && cacheInfo.subarray(0, 4).every((octet) => octet === 0);
}
