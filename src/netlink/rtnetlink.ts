/**
 * Links and addresses: struct ifinfomsg and struct ifaddrmsg with their attributes. <linux/rtnetlink.h>,
 * <linux/if_link.h>, <linux/if_addr.h>. Encoders return requests; decoders take messages of either direction.
 */
import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { type Address, addressOf } from "../net/address.ts";
import {
  attributeString,
  attributeU32,
  decodeAttributes,
  HOST_ORDER,
  nested,
  writeAttribute,
  writeNested,
  writeString,
  writeU32,
} from "./attribute.ts";
import {
  AF,
  IFA,
  IFA_F,
  IFF,
  IFLA,
  IFLA_INFO,
  INFINITY_LIFE_TIME,
  NLM_F,
  RT_SCOPE,
  RTM,
} from "./constants.ts";
import type { NetlinkMessage, Request } from "./message.ts";

/** A network interface. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** IFLA_INFO_KIND, such as `dummy`; undefined for hardware. */
  readonly kind: string | undefined;
  readonly alias: string | undefined;
  readonly up: boolean;
}

/** An address on an interface. */
export interface LinkAddress {
  readonly index: number;
  readonly address: Address;
  readonly prefixLength: number;
  /** RT_SCOPE_*. */
  readonly scope: number;
  /** IFA_F_DEPRECATED: preferred_lft is 0. */
  readonly deprecated: boolean;
  /** IFA_F_PERMANENT: valid_lft is forever. */
  readonly permanent: boolean;
}

/** By index, or by name where the index is not known. */
export type LinkReference = { readonly index: number } | { readonly name: string };

/** What to change about a link; what is undefined stays. */
export interface LinkSettings {
  readonly alias?: string;
  readonly up?: boolean;
}

/** Creates a dummy interface; fails with EEXIST where the name is taken. Its alias can only be set afterwards. */
export function createDummy(name: string): Request {
  const payload = linkPayload({ index: 0 }, {}, (writer) => {
    writeString(writer, IFLA.IFNAME, name);
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
  return { type: RTM.GETLINK, flags: NLM_F.DUMP, payload: linkPayload({ index: 0 }, {}) };
}

/**
 * Adds a host address (/32, /128) that is never chosen as a source, or gives one that is there its lifetimes: valid
 * for ever, preferred for no time, without duplicate address detection. IPv6 heeds the preferred lifetime; IPv4 shows
 * it only, and takes an address of any interface where the one towards the destination has none, unless its scope is
 * the host. (The scope of an address that is there already stays.)
 */
export function replaceAddress(index: number, address: Address): Request {
  const payload = addressPayload(index, address, address.bytes.byteLength * 8, (writer) => {
    // struct ifa_cacheinfo: ifa_prefered, ifa_valid, cstamp, tstamp
    const cacheInfo = new Writer(HOST_ORDER).u32(0).u32(INFINITY_LIFE_TIME).u32(0).u32(0).finish();
    writeAttribute(writer, IFA.CACHEINFO, cacheInfo);
    if (address.family === 6) writeU32(writer, IFA.FLAGS, IFA_F.NODAD);
  });
  return { type: RTM.NEWADDR, flags: NLM_F.CREATE | NLM_F.REPLACE, payload };
}

/** Deletes an address. */
export function deleteAddress(index: number, address: Address, prefixLength: number): Request {
  return { type: RTM.DELADDR, flags: 0, payload: addressPayload(index, address, prefixLength) };
}

/** Asks for every address of both families. */
export function dumpAddresses(): Request {
  const payload = new Writer(HOST_ORDER).u8(AF.UNSPEC).zeros(7).finish();
  return { type: RTM.GETADDR, flags: NLM_F.DUMP, payload };
}

/** The link of an RTM_*LINK message. @throws {ReadError} it is cut short */
export function decodeLink(message: NetlinkMessage): Link {
  const reader = new Reader(message.payload, HOST_ORDER);
  reader.bytes(4, "ifi_family, ifi_type");
  const index = reader.u32("ifi_index");
  const flags = reader.u32("ifi_flags");
  reader.u32("ifi_change");
  const attributes = decodeAttributes(reader.rest());
  return {
    index,
    name: attributeString(attributes, IFLA.IFNAME) ?? "",
    kind: attributeString(nested(attributes, IFLA.LINKINFO), IFLA_INFO.KIND),
    alias: attributeString(attributes, IFLA.IFALIAS),
    up: (flags & IFF.UP) !== 0,
  };
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
  const flags = attributeU32(attributes, IFA.FLAGS) ?? shortFlags;
  return {
    index,
    address: addressOf(octets),
    prefixLength,
    scope,
    deprecated: (flags & IFA_F.DEPRECATED) !== 0,
    permanent: (flags & IFA_F.PERMANENT) !== 0,
  };
}

function linkPayload(
  link: LinkReference,
  settings: LinkSettings,
  fill?: (writer: Writer) => void,
): Uint8Array<ArrayBuffer> {
  const { alias, up } = settings;
  // struct ifinfomsg: ifi_family, pad, ifi_type, ifi_index, ifi_flags, ifi_change
  const writer = new Writer(HOST_ORDER).u8(AF.UNSPEC).u8(0).u16(0);
  writer.u32("index" in link ? link.index : 0).u32(up === true ? IFF.UP : 0).u32(
    up === undefined ? 0 : IFF.UP,
  );
  if ("name" in link) writeString(writer, IFLA.IFNAME, link.name);
  if (alias !== undefined) writeString(writer, IFLA.IFALIAS, alias);
  fill?.(writer);
  return writer.finish();
}

function addressPayload(
  index: number,
  address: Address,
  prefixLength: number,
  fill?: (writer: Writer) => void,
): Uint8Array<ArrayBuffer> {
  const family = address.family === 4 ? AF.INET : AF.INET6;
  const scope = address.family === 4 ? RT_SCOPE.HOST : RT_SCOPE.UNIVERSE;
  // struct ifaddrmsg: ifa_family, ifa_prefixlen, ifa_flags, ifa_scope, ifa_index
  const writer = new Writer(HOST_ORDER).u8(family).u8(prefixLength).u8(0).u8(scope).u32(index);
  writeAttribute(writer, IFA.LOCAL, address.bytes);
  writeAttribute(writer, IFA.ADDRESS, address.bytes);
  fill?.(writer);
  return writer.finish();
}
