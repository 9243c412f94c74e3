/**
 * Links and addresses: struct ifinfomsg and struct ifaddrmsg with their attributes. <linux/rtnetlink.h>,
 * <linux/if_link.h>, <linux/if_addr.h>. Encoders return requests; decoders take messages of either direction.
 */
import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { type Address, addressOf, hostBits } from "../net/address.ts";
import {
  AttributeCursor,
  attributeU32,
  decodeAttributes,
  HOST_ORDER,
  writeAttribute,
  writeNested,
  writeString,
  writeU32,
} from "./attribute.ts";
import {
  AF,
  DEVCONF,
  IFA,
  IFA_F,
  IFF,
  IFLA,
  IFLA_INET6,
  IFLA_INFO,
  INFINITY_LIFE_TIME,
  NLM_F,
  RT_SCOPE,
  RTEXT_FILTER,
  RTM,
} from "./constants.ts";
import type { NetlinkMessage, Request } from "./message.ts";

/** Size of struct ifinfomsg; attributes follow it. */
const IFINFOMSG_OCTETS = 16;

/** A network interface. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** IFLA_INFO_KIND, such as `dummy`; undefined for hardware. */
  readonly kind: string | undefined;
  readonly alias: string | undefined;
  /** IFLA_GROUP; 0 unless somebody gave it another. */
  readonly group: number;
  readonly up: boolean;
  /** IFLA_CARRIER: as if a cable were in it. */
  readonly carrier: boolean;
  /** IFLA_MASTER: the index of the bridge, VRF or bond that it is part of; 0: none. */
  readonly master: number;
  readonly mtu: number;
  /** It has IPv6, and its `disable_ipv6` is 0. */
  readonly ipv6: boolean;
}

/** An address on an interface. */
export interface LinkAddress {
  readonly index: number;
  readonly address: Address;
  readonly prefixLength: number;
  /** IFA_ADDRESS, where it is another one: the other end of a point-to-point link. */
  readonly peer: Address | undefined;
  /** IFA_BROADCAST is there. */
  readonly broadcast: boolean;
  /** RT_SCOPE_*. */
  readonly scope: number;
  /** IFA_F_*. */
  readonly flags: number;
}

/** By index, or by name where the index is not known. */
export type LinkReference = { readonly index: number } | { readonly name: string };

/** What to change about a link; what is undefined stays. */
export interface LinkSettings {
  readonly alias?: string;
  readonly up?: boolean;
  /** 0 takes it out of its master. */
  readonly master?: number;
  readonly mtu?: number;
  readonly carrier?: boolean;
}

/**
 * Creates a dummy interface in a group; fails with EEXIST where the name is taken. Its alias can only be set afterwards:
 * the group is what the kernel takes with the creation.
 */
export function createDummy(name: string, group: number): Request {
  const payload = linkPayload({ index: 0 }, {}, (writer) => {
    writeString(writer, IFLA.IFNAME, name);
    writeU32(writer, IFLA.GROUP, group);
    writeNested(writer, IFLA.LINKINFO, () => writeString(writer, IFLA_INFO.KIND, "dummy"));
  });
  return { type: RTM.NEWLINK, flags: NLM_F.CREATE | NLM_F.EXCL, payload };
}

/**
 * Asks for a dummy interface that the driver must refuse, for its all-zero hardware address: it creates nothing.
 * EADDRNOTAVAIL says that the driver is there, EOPNOTSUPP that it is not.
 */
export function probeDummy(): Request {
  const payload = linkPayload({ index: 0 }, {}, (writer) => {
    writeAttribute(writer, IFLA.ADDRESS, new Uint8Array(6));
    writeNested(writer, IFLA.LINKINFO, () => writeString(writer, IFLA_INFO.KIND, "dummy"));
  });
  return { type: RTM.NEWLINK, flags: NLM_F.CREATE | NLM_F.EXCL, payload };
}

/** Sets what `settings` names of a link. */
export function setLink(link: LinkReference, settings: LinkSettings): Request {
  return { type: RTM.SETLINK, flags: 0, payload: linkPayload(link, settings) };
}

/** Deletes a link. */
export function deleteLink(link: LinkReference): Request {
  return { type: RTM.DELLINK, flags: 0, payload: linkPayload(link, {}) };
}

/** Asks for one link. */
export function getLink(link: LinkReference): Request {
  return { type: RTM.GETLINK, flags: 0, payload: linkPayload(link, {}) };
}

/** Asks for every link. */
export function dumpLinks(): Request {
  const payload = linkPayload({ index: 0 }, {}, (writer) => {
    // Counters are half of an answer, and nobody reads them (Linux 4.6; older kernels pay no heed to it).
    writeU32(writer, IFLA.EXT_MASK, RTEXT_FILTER.SKIP_STATS);
  });
  return { type: RTM.GETLINK, flags: NLM_F.DUMP, payload };
}

/**
 * Adds a host address (/32, /128) that is never chosen as a source, or gives one that is there its lifetimes: valid
 * for ever, preferred for no time, without duplicate address detection. IPv6 heeds the preferred lifetime; IPv4 shows
 * it only, and takes an address of any interface where the one towards the destination has none, unless its scope is
 * the host. (Scope and broadcast address of an IPv4 address that is there already stay: see `exchangeAddress`.)
 */
export function replaceAddress(index: number, address: Address): Request {
  return newAddress(
    { index, address, prefixLength: hostBits(address) },
    address.family === 6 ? IFA_F.NODAD : 0,
  );
}

/**
 * Puts a host address in the place of the same one with attributes that the kernel changes in none that is there, in one
 * datagram. The IPv4 address is never away: meanwhile a second one of another length keeps its local route.
 */
export function exchangeAddress(index: number, old: PlacedAddress): readonly Request[] {
  const { address } = old;
  const next = [deleteAddress(index, old), replaceAddress(index, address)];
  if (address.family === 6) return next;
  // Such a one brings neither a route to its prefix nor a broadcast address.
  const standIn = { address, prefixLength: hostBits(address) - 1 };
  return [
    newAddress({ index, ...standIn }, IFA_F.NOPREFIXROUTE),
    ...next,
    deleteAddress(index, standIn),
  ];
}

/** An address as it has to be told to find it on its interface. */
export interface PlacedAddress {
  readonly address: Address;
  readonly prefixLength: number;
  /** The other end, where the address has one. */
  readonly peer?: Address | undefined;
}

/** Deletes an address. */
export function deleteAddress(index: number, placed: PlacedAddress): Request {
  return { type: RTM.DELADDR, flags: 0, payload: addressPayload({ index, ...placed }) };
}

/** Asks for every address of both families. */
export function dumpAddresses(): Request {
  const payload = new Writer(HOST_ORDER).u8(AF.UNSPEC).zeros(7).finish();
  return { type: RTM.GETADDR, flags: NLM_F.DUMP, payload };
}

/** A bridge tells of its ports by messages of its own family, of which one says that a port has left, and not that it is gone. */
export function isOfLink({ payload }: NetlinkMessage): boolean {
  return payload[0] === AF.UNSPEC;
}

/** The link of an RTM_*LINK message, in one walk over its octets: there may be thousands. @throws {ReadError} it is cut short */
export function decodeLink({ payload }: NetlinkMessage): Link {
  const reader = new Reader(payload, HOST_ORDER);
  reader.bytes(4, "ifi_family, ifi_type");
  const index = reader.u32("ifi_index");
  const flags = reader.u32("ifi_flags");
  reader.u32("ifi_change");
  let [name, group, master, mtu, ipv6] = ["", 0, 0, 0, false];
  // Kernels that do not tell it cannot switch it off.
  let carrier = true;
  let kind: string | undefined;
  let alias: string | undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const cursor = new AttributeCursor(view, IFINFOMSG_OCTETS, payload.byteLength);
  while (cursor.next()) {
    switch (cursor.type) {
      case IFLA.IFNAME:
        name = cursor.text();
        break;
      case IFLA.LINKINFO:
        kind = found(cursor.inside(), IFLA_INFO.KIND)?.text();
        break;
      case IFLA.IFALIAS:
        alias = cursor.text();
        break;
      case IFLA.GROUP:
        group = cursor.u32();
        break;
      case IFLA.CARRIER:
        carrier = cursor.u8() !== 0;
        break;
      case IFLA.MASTER:
        master = cursor.u32();
        break;
      case IFLA.MTU:
        mtu = cursor.u32();
        break;
      case IFLA.AF_SPEC:
        ipv6 = hasIpv6(cursor.inside());
        break;
    }
  }
  return { index, name, kind, alias, group, up: (flags & IFF.UP) !== 0, carrier, master, mtu, ipv6 };
}

/** Where attribute `type` is, if it is there. */
function found(cursor: AttributeCursor, type: number): AttributeCursor | undefined {
  while (cursor.next()) if (cursor.type === type) return cursor;
  return undefined;
}

/** IFLA_INET6_CONF is an array of __s32; an interface without IPv6 has none. @param families those of IFLA_AF_SPEC */
function hasIpv6(families: AttributeCursor): boolean {
  const family = found(families, AF.INET6);
  const conf = family && found(family.inside(), IFLA_INET6.CONF);
  if (conf === undefined) return false;
  const at = DEVCONF.DISABLE_IPV6 * 4;
  return conf.length < at + 4 || conf.view.getUint32(conf.start + at, true) === 0;
}

/**
 * The address of an RTM_*ADDR message; undefined for a family other than IPv4 and IPv6.
 * @throws {ReadError} it is cut short
 */
export function decodeAddress(message: NetlinkMessage): LinkAddress | undefined {
  const reader = new Reader(message.payload, HOST_ORDER);
  const family = reader.u8("ifa_family");
  const prefixLength = reader.u8("ifa_prefixlen");
  const shortFlags = reader.u8("ifa_flags");
  const scope = reader.u8("ifa_scope");
  const index = reader.u32("ifa_index");
  const attributes = decodeAttributes(reader.rest());
  const octets = attributes.get(IFA.LOCAL) ?? attributes.get(IFA.ADDRESS);
  const length = family === AF.INET ? 4 : family === AF.INET6 ? 16 : undefined;
  if (octets === undefined || octets.byteLength !== length) return undefined;
  const address = addressOf(octets);
  const end = attributes.get(IFA.ADDRESS);
  const peer = end?.byteLength === length ? addressOf(end) : undefined;
  return {
    index,
    address,
    prefixLength,
    peer: peer?.text === address.text ? undefined : peer,
    broadcast: attributes.has(IFA.BROADCAST),
    scope,
    flags: attributeU32(attributes, IFA.FLAGS) ?? shortFlags,
  };
}

function linkPayload(
  link: LinkReference,
  { alias, up, master, mtu, carrier }: LinkSettings,
  fill?: (writer: Writer) => void,
): Uint8Array<ArrayBuffer> {
  // struct ifinfomsg: ifi_family, pad, ifi_type, ifi_index, ifi_flags, ifi_change
  const writer = new Writer(HOST_ORDER).u8(AF.UNSPEC).u8(0).u16(0);
  writer.u32("index" in link ? link.index : 0).u32(up === true ? IFF.UP : 0).u32(
    up === undefined ? 0 : IFF.UP,
  );
  if ("name" in link) writeString(writer, IFLA.IFNAME, link.name);
  if (alias !== undefined) writeString(writer, IFLA.IFALIAS, alias);
  if (master !== undefined) writeU32(writer, IFLA.MASTER, master);
  if (mtu !== undefined) writeU32(writer, IFLA.MTU, mtu);
  if (carrier !== undefined) writeAttribute(writer, IFLA.CARRIER, Uint8Array.of(carrier ? 1 : 0));
  fill?.(writer);
  return writer.finish();
}

function newAddress(placed: PlacedAddress & { readonly index: number }, flags: number): Request {
  const payload = addressPayload(placed, (writer) => {
    // struct ifa_cacheinfo: ifa_prefered, ifa_valid, cstamp, tstamp
    const cacheInfo = new Writer(HOST_ORDER).u32(0).u32(INFINITY_LIFE_TIME).u32(0).u32(0).finish();
    writeAttribute(writer, IFA.CACHEINFO, cacheInfo);
    if (flags !== 0) writeU32(writer, IFA.FLAGS, flags);
  });
  return { type: RTM.NEWADDR, flags: NLM_F.CREATE | NLM_F.REPLACE, payload };
}

function addressPayload(
  { index, address, prefixLength, peer }: PlacedAddress & { readonly index: number },
  fill?: (writer: Writer) => void,
): Uint8Array<ArrayBuffer> {
  const family = address.family === 4 ? AF.INET : AF.INET6;
  const scope = address.family === 4 ? RT_SCOPE.HOST : RT_SCOPE.UNIVERSE;
  // struct ifaddrmsg: ifa_family, ifa_prefixlen, ifa_flags, ifa_scope, ifa_index
  const writer = new Writer(HOST_ORDER).u8(family).u8(prefixLength).u8(0).u8(scope).u32(index);
  writeAttribute(writer, IFA.LOCAL, address.bytes);
  writeAttribute(writer, IFA.ADDRESS, (peer ?? address).bytes);
  fill?.(writer);
  return writer.finish();
}
