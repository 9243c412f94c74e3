/**
 * Routes: struct rtmsg with its attributes, as far as our own addresses in table `local` and the way to others need it.
 * <linux/rtnetlink.h>.
 */
import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { type Address, addressOf, hostBits } from "../net/address.ts";
import { attributeU32, decodeAttributes, HOST_ORDER, nested, writeAttribute, writeU32 } from "./attribute.ts";
import { AF, NLM_F, RT_SCOPE, RT_TABLE, RTA, RTAX, RTM, RTN, RTPROT } from "./constants.ts";
import type { NetlinkMessage, Request } from "./message.ts";

/** A route. */
export interface Route {
  readonly family: number;
  /** Undefined: the default route, or one of a family other than IPv4 and IPv6. */
  readonly destination: Address | undefined;
  readonly prefixLength: number;
  /** RTN_*. */
  readonly type: number;
  readonly table: number;
  /** RTA_OIF; 0: none, as of several next hops. */
  readonly index: number;
  /** RTAX_MTU, where the route itself has one. */
  readonly mtu: number | undefined;
}

/**
 * Asks where a packet to `address`, which is on interface `index`, would go; the answer's type is RTN_LOCAL where this host
 * takes it. Of IPv6 it asks as of a packet that comes in by that interface: for one that goes out, the kernel would look
 * for a source among all addresses, each time. (Of IPv4 that would need a source address.)
 */
export function getRoute(index: number, address: Address): Request {
  return routeRequest(address, (writer) => {
    if (address.family === 6) writeU32(writer, RTA.IIF, index);
  });
}

/** Asks where a packet of this host to `address` would go. */
export function getOutgoingRoute(address: Address): Request {
  return routeRequest(address, () => {});
}

/**
 * Puts the local route of an IPv4 address on an interface back in its place, as the kernel makes it with the address:
 * before any other one to the same destination.
 */
export function restoreLocalRoute(index: number, address: Address): readonly Request[] {
  const payload = localRoute(index, address);
  // Where it stands behind another one, it has to go first: it would be there already.
  return [
    { type: RTM.DELROUTE, flags: 0, payload },
    { type: RTM.NEWROUTE, flags: NLM_F.CREATE, payload },
  ];
}

/** The route of an RTM_*ROUTE message. @throws {ReadError} it is cut short */
export function decodeRoute(message: NetlinkMessage): Route {
  const reader = new Reader(message.payload, HOST_ORDER);
  const family = reader.u8("rtm_family");
  const prefixLength = reader.u8("rtm_dst_len");
  reader.bytes(2, "rtm_src_len, rtm_tos");
  const table = reader.u8("rtm_table");
  reader.bytes(2, "rtm_protocol, rtm_scope");
  const type = reader.u8("rtm_type");
  reader.u32("rtm_flags");
  const attributes = decodeAttributes(reader.rest());
  const octets = attributes.get(RTA.DST);
  return {
    family,
    destination: octets?.byteLength === 4 || octets?.byteLength === 16 ? addressOf(octets) : undefined,
    prefixLength,
    type,
    table: attributeU32(attributes, RTA.TABLE) ?? table,
    index: attributeU32(attributes, RTA.OIF) ?? 0,
    mtu: attributeU32(nested(attributes, RTA.METRICS), RTAX.MTU),
  };
}

/** The type of a route alone, RTN_*: of a thousand answers nothing else is read. @throws {ReadError} it is cut short */
export function decodeRouteType({ payload }: NetlinkMessage): number {
  const reader = new Reader(payload, HOST_ORDER);
  reader.bytes(7, "rtm_family to rtm_scope");
  return reader.u8("rtm_type");
}

function routeRequest(address: Address, fill: (writer: Writer) => void): Request {
  const writer = routeHeader(address, { type: 0, scope: 0, table: 0, protocol: 0 });
  writeAttribute(writer, RTA.DST, address.bytes);
  fill(writer);
  return { type: RTM.GETROUTE, flags: 0, payload: writer.finish() };
}

function localRoute(index: number, address: Address): Uint8Array<ArrayBuffer> {
  const writer = routeHeader(address, {
    type: RTN.LOCAL,
    scope: RT_SCOPE.HOST,
    table: RT_TABLE.LOCAL,
    protocol: RTPROT.KERNEL,
  });
  writeAttribute(writer, RTA.DST, address.bytes);
  writeU32(writer, RTA.OIF, index);
  writeAttribute(writer, RTA.PREFSRC, address.bytes);
  return writer.finish();
}

function routeHeader(
  address: Address,
  { type, scope, table, protocol }: Record<"type" | "scope" | "table" | "protocol", number>,
): Writer {
  // struct rtmsg: rtm_family, rtm_dst_len, rtm_src_len, rtm_tos, rtm_table, rtm_protocol, rtm_scope, rtm_type, rtm_flags
  return new Writer(HOST_ORDER).u8(address.family === 4 ? AF.INET : AF.INET6).u8(hostBits(address)).zeros(2)
    .u8(table).u8(protocol).u8(scope).u8(type).u32(0);
}
