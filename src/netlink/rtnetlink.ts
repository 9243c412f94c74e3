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
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  IFA_ADDRESS,
  IFA_CACHEINFO,
  IFA_F_DEPRECATED,
  IFA_F_NODAD,
  IFA_F_PERMANENT,
  IFA_FLAGS,
  IFA_LOCAL,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  INFINITY_LIFE_TIME,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RT_SCOPE_UNIVERSE,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_SETLINK,
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
    writeString(writer, IFLA_IFNAME, name);
    writeNested(writer, IFLA_LINKINFO, () => writeString(writer, IFLA_INFO_KIND, "dummy"));
  });
  return { type: RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL, payload };
}

/**
 * Asks for a dummy interface that the driver must refuse, for its all-zero hardware address: it creates nothing.
 * EADDRNOTAVAIL says that the driver is there, EOPNOTSUPP that it is not.
 */
export function probeDummy(): Request {
  const payload = linkPayload({ index: 0 }, {}, (writer) => {
    writeAttribute(writer, IFLA_ADDRESS, new Uint8Array(6));
    writeNested(writer, IFLA_LINKINFO, () => writeString(writer, IFLA_INFO_KIND, "dummy"));
  });
  return { type: RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL, payload };
}

/** Sets what `settings` names of a link. */
export function setLink(link: LinkReference, settings: LinkSettings): Request {
  return { type: RTM_SETLINK, flags: 0, payload: linkPayload(link, settings) };
}

/** Deletes a link. */
export function deleteLink(link: LinkReference): Request {
  return { type: RTM_DELLINK, flags: 0, payload: linkPayload(link, {}) };
}

/** Asks for one link. */
export function getLink(link: LinkReference): Request {
  return { type: RTM_GETLINK, flags: 0, payload: linkPayload(link, {}) };
}

/** Asks for every link. */
export function dumpLinks(): Request {
  return { type: RTM_GETLINK, flags: NLM_F_DUMP, payload: linkPayload({ index: 0 }, {}) };
}

/**
 * Adds a host address (/32, /128), or makes one that is there so: valid for ever, preferred for no time (never
 * chosen as a source), without duplicate address detection.
 */
export function replaceAddress(index: number, address: Address): Request {
  const payload = addressPayload(index, address, address.bytes.byteLength * 8, (writer) => {
    // struct ifa_cacheinfo: ifa_prefered, ifa_valid, cstamp, tstamp
    const cacheInfo = new Writer(HOST_ORDER).u32(0).u32(INFINITY_LIFE_TIME).u32(0).u32(0).finish();
    writeAttribute(writer, IFA_CACHEINFO, cacheInfo);
    if (address.family === 6) writeU32(writer, IFA_FLAGS, IFA_F_NODAD);
  });
  return { type: RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_REPLACE, payload };
}

/** Deletes an address. */
export function deleteAddress(index: number, address: Address, prefixLength: number): Request {
  return { type: RTM_DELADDR, flags: 0, payload: addressPayload(index, address, prefixLength) };
}

/** Asks for every address of both families. */
export function dumpAddresses(): Request {
  const payload = new Writer(HOST_ORDER).u8(AF_UNSPEC).zeros(7).finish();
  return { type: RTM_GETADDR, flags: NLM_F_DUMP, payload };
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
    name: attributeString(attributes, IFLA_IFNAME) ?? "",
    kind: attributeString(nested(attributes, IFLA_LINKINFO), IFLA_INFO_KIND),
    alias: attributeString(attributes, IFLA_IFALIAS),
    up: (flags & IFF_UP) !== 0,
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
  const octets = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  const length = family === AF_INET ? 4 : family === AF_INET6 ? 16 : undefined;
  if (octets === undefined || octets.byteLength !== length) return undefined;
  const flags = attributeU32(attributes, IFA_FLAGS) ?? shortFlags;
  return {
    index,
    address: addressOf(octets),
    prefixLength,
    scope,
    deprecated: (flags & IFA_F_DEPRECATED) !== 0,
    permanent: (flags & IFA_F_PERMANENT) !== 0,
  };
}

function linkPayload(
  link: LinkReference,
  settings: LinkSettings,
  fill?: (writer: Writer) => void,
): Uint8Array<ArrayBuffer> {
  const { alias, up } = settings;
  // struct ifinfomsg: ifi_family, pad, ifi_type, ifi_index, ifi_flags, ifi_change
  const writer = new Writer(HOST_ORDER).u8(AF_UNSPEC).u8(0).u16(0);
  writer.u32("index" in link ? link.index : 0).u32(up === true ? IFF_UP : 0).u32(
    up === undefined ? 0 : IFF_UP,
  );
  if ("name" in link) writeString(writer, IFLA_IFNAME, link.name);
  if (alias !== undefined) writeString(writer, IFLA_IFALIAS, alias);
  fill?.(writer);
  return writer.finish();
}

function addressPayload(
  index: number,
  address: Address,
  prefixLength: number,
  fill?: (writer: Writer) => void,
): Uint8Array<ArrayBuffer> {
  const family = address.family === 4 ? AF_INET : AF_INET6;
  // struct ifaddrmsg: ifa_family, ifa_prefixlen, ifa_flags, ifa_scope, ifa_index
  const writer = new Writer(HOST_ORDER).u8(family).u8(prefixLength).u8(0).u8(RT_SCOPE_UNIVERSE).u32(index);
  writeAttribute(writer, IFA_LOCAL, address.bytes);
  writeAttribute(writer, IFA_ADDRESS, address.bytes);
  fill?.(writer);
  return writer.finish();
}
