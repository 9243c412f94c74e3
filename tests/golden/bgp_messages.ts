/**
 * BGP messages as octets, derived by hand from the layouts of RFC 4271, 4724, 4760, 5492, 6793, 7313, 8092, 8538, 8950
 * and 9003, and what they mean. Every one is used both ways.
 */
import { type CodecContext, INITIAL_CONTEXT } from "../../src/bgp/wire/codec_context.ts";
import type { Message } from "../../src/bgp/wire/message.ts";
import { IPV4_UNICAST, IPV6_UNICAST } from "../../src/bgp/wire/nlri.ts";
import { codecContext, fromHex, MARKER, update } from "../bgp/wire/support.ts";
import { address } from "../support/bgp.ts";

/** A message in both of its shapes. */
export interface Golden {
  readonly name: string;
  readonly context: CodecContext;
  readonly hex: string;
  readonly message: Message;
}

const external = codecContext();
const internal = codecContext({ internal: true });
const twoOctet = codecContext({ fourOctetAs: false });
const extendedNextHop = codecContext({ extendedNextHop: [IPV4_UNICAST] });
const ascii = (text: string) => new TextEncoder().encode(text);

/** The messages. */
export const BGP_MESSAGES: readonly Golden[] = [
  {
    name: "KEEPALIVE (RFC 4271 4.4)",
    context: INITIAL_CONTEXT,
    hex: `${MARKER} 0013 04`,
    message: { type: "KEEPALIVE" },
  },
  {
    name: "OPEN of AS 65000 without optional parameters (RFC 4271 4.2)",
    context: INITIAL_CONTEXT,
    hex: `${MARKER} 001d 01  04 fde8 00b4 0a000001 00`,
    message: {
      type: "OPEN",
      version: 4,
      myAs: 65000,
      holdTimeSeconds: 180,
      bgpIdentifier: 0x0a000001,
      capabilities: [],
    },
  },
  {
    name: "OPEN of AS 4200000000 with every capability and an unknown one (RFC 5492)",
    context: INITIAL_CONTEXT,
    hex: `${MARKER} 004c 01  04 5ba0 005a 0a5800c8 2f  02 2d
      01 04 0001 00 01   01 04 0002 00 01   02 00   05 06 0001 0001 0002   06 00
      40 06 4078 0001 01 80   41 04 fa56ea00   46 00   49 03 616263`,
    message: {
      type: "OPEN",
      version: 4,
      myAs: 23456,
      holdTimeSeconds: 90,
      bgpIdentifier: 0x0a5800c8,
      capabilities: [
        { type: "multiprotocol", family: IPV4_UNICAST },
        { type: "multiprotocol", family: IPV6_UNICAST },
        { type: "route-refresh" },
        { type: "extended-next-hop", tuples: [{ family: IPV4_UNICAST, nextHopAfi: 2 }] },
        { type: "extended-message" },
        {
          type: "graceful-restart",
          restarting: false,
          notification: true,
          restartTimeSeconds: 120,
          families: [{ family: IPV4_UNICAST, forwarding: true }],
        },
        { type: "four-octet-as", as: 4_200_000_000 },
        { type: "enhanced-route-refresh" },
        { type: "unknown", code: 73, value: ascii("abc") },
      ],
    },
  },
  {
    name: "OPEN of a speaker that has restarted and kept nothing (RFC 4724 3)",
    context: INITIAL_CONTEXT,
    hex: `${MARKER} 0027 01  04 fde8 0000 0a000001 0a  02 08  40 06 8078 0001 01 00`,
    message: {
      type: "OPEN",
      version: 4,
      myAs: 65000,
      holdTimeSeconds: 0,
      bgpIdentifier: 0x0a000001,
      capabilities: [{
        type: "graceful-restart",
        restarting: true,
        notification: false,
        restartTimeSeconds: 120,
        families: [{ family: IPV4_UNICAST, forwarding: false }],
      }],
    },
  },
  {
    name: "UPDATE of one IPv4 route to an external peer with communities (RFC 4271 4.3, 1997, 8092)",
    context: external,
    hex: `${MARKER} 0051 02  0000  0035
      40 01 01 00   40 02 06 02 01 0000ffe8   40 03 04 0a5800c8   80 04 04 00000064
      c0 08 08 ffe80064 ffffff01   c0 20 0c 0000ffe8 00000001 00000002
      20 0a580201`,
    message: update({
      attributes: {
        origin: 0,
        asPath: [{ type: 2, ases: [65512] }],
        nextHop: address("10.88.0.200"),
        med: 100,
        communities: [0xffe80064, 0xffffff01],
        largeCommunities: [[65512, 1, 2]],
      },
      reach: [{ family: IPV4_UNICAST, nextHops: ["10.88.0.200"], prefixes: ["10.88.2.1/32"] }],
    }),
  },
  {
    name: "UPDATE to an internal peer with every other attribute (RFC 4271 5, 4360, 4456)",
    context: internal,
    hex: `${MARKER} 005e 02  0000  0040
      40 01 01 02   40 02 00   40 03 04 0a5800c8   40 05 04 000000c8   40 06 00
      c0 07 08 fa56ea00 0a000001   80 09 04 0a000002   80 0a 08 0a000003 0a000004
      c0 10 08 4004 ffe8 4cee6b28
      00  08 0a  17 c0a802`,
    message: update({
      attributes: {
        origin: 2,
        asPath: [],
        nextHop: address("10.88.0.200"),
        localPref: 200,
        atomicAggregate: true,
        aggregator: { as: 4_200_000_000, address: address("10.0.0.1") },
        originatorId: 0x0a000002,
        clusterList: [0x0a000003, 0x0a000004],
        extendedCommunities: [fromHex("4004 ffe8 4cee6b28")],
      },
      reach: [{
        family: IPV4_UNICAST,
        nextHops: ["10.88.0.200"],
        prefixes: ["0.0.0.0/0", "10.0.0.0/8", "192.168.2.0/23"],
      }],
    }),
  },
  {
    name: "UPDATE that withdraws two IPv4 routes (RFC 4271 4.3)",
    context: external,
    hex: `${MARKER} 0020 02  0009 20 0a580201 18 0a5803  0000`,
    message: update({ unreach: [{ family: IPV4_UNICAST, prefixes: ["10.88.2.1/32", "10.88.3.0/24"] }] }),
  },
  {
    name: "UPDATE that is End-of-RIB of IPv4 unicast (RFC 4724 2)",
    context: external,
    hex: `${MARKER} 0017 02  0000  0000`,
    message: update({}),
  },
  {
    name: "UPDATE that is End-of-RIB of IPv6 unicast (RFC 4724 2)",
    context: external,
    hex: `${MARKER} 001d 02  0000  0006  80 0f 03 0002 01`,
    message: update({ unreach: [{ family: IPV6_UNICAST, prefixes: [] }] }),
  },
  {
    name: "UPDATE of an IPv6 route with global and link-local next hop (RFC 4760 3, RFC 2545 3)",
    context: external,
    hex: `${MARKER} 005d 02  0000  0046
      80 0e 36 0002 01 20 20010db8000000000000000000000200 fe800000000000000000000000000001 00
               80 20010db8000200000000000000000001
      40 01 01 00   40 02 06 02 01 0000ffe8`,
    message: update({
      attributes: { origin: 0, asPath: [{ type: 2, ases: [65512] }] },
      reach: [{
        family: IPV6_UNICAST,
        nextHops: ["2001:db8::200", "fe80::1"],
        prefixes: ["2001:db8:2::1/128"],
      }],
    }),
  },
  {
    name: "UPDATE that withdraws an IPv6 route (RFC 4760 4)",
    context: external,
    hex: `${MARKER} 002e 02  0000  0017  80 0f 14 0002 01 80 20010db8000200000000000000000001`,
    message: update({ unreach: [{ family: IPV6_UNICAST, prefixes: ["2001:db8:2::1/128"] }] }),
  },
  {
    name: "UPDATE of an IPv4 route with an IPv6 next hop (RFC 8950 4)",
    context: extendedNextHop,
    hex: `${MARKER} 0041 02  0000  002a
      80 0e 1a 0001 01 10 20010db8000000000000000000000200 00  20 0a580201
      40 01 01 00   40 02 06 02 01 0000ffe8`,
    message: update({
      attributes: { origin: 0, asPath: [{ type: 2, ases: [65512] }] },
      reach: [{ family: IPV4_UNICAST, nextHops: ["2001:db8::200"], prefixes: ["10.88.2.1/32"] }],
    }),
  },
  {
    name: "UPDATE with AS_TRANS and AS4_PATH, AS4_AGGREGATOR to a two-octet peer (RFC 6793 4.2.2)",
    context: twoOctet,
    hex: `${MARKER} 0051 02  0000  0035
      40 01 01 00   40 02 06 02 02 5ba0 fde8   40 03 04 0a5800c8   c0 07 06 5ba0 0a000001
      c0 11 0a 02 02 fa56ea00 0000fde8   c0 12 08 fa56ea00 0a000001
      20 0a580201`,
    message: update({
      attributes: {
        origin: 0,
        asPath: [{ type: 2, ases: [4_200_000_000, 65000] }],
        nextHop: address("10.88.0.200"),
        aggregator: { as: 4_200_000_000, address: address("10.0.0.1") },
      },
      reach: [{ family: IPV4_UNICAST, nextHops: ["10.88.0.200"], prefixes: ["10.88.2.1/32"] }],
    }),
  },
  {
    name: "UPDATE with a two-octet AS_PATH alone where every AS fits (RFC 6793 4.2.2)",
    context: twoOctet,
    hex: `${MARKER} 0030 02  0000  0014  40 01 01 00   40 02 06 01 02 fde8 ffe8   40 03 04 0a5800c8
      20 0a580201`,
    message: update({
      attributes: {
        origin: 0,
        asPath: [{ type: 1, ases: [65000, 65512] }],
        nextHop: address("10.88.0.200"),
      },
      reach: [{ family: IPV4_UNICAST, nextHops: ["10.88.0.200"], prefixes: ["10.88.2.1/32"] }],
    }),
  },
  {
    name: "NOTIFICATION Cease/Administrative Shutdown with its communication (RFC 9003 2)",
    context: INITIAL_CONTEXT,
    hex: `${MARKER} 0029 03  06 02  13 6d61696e74656e616e636520756e74696c2036`,
    message: {
      type: "NOTIFICATION",
      code: 6,
      subcode: 2,
      data: Uint8Array.of(19, ...ascii("maintenance until 6")),
    },
  },
  {
    name: "NOTIFICATION Cease/Hard Reset around Administrative Reset (RFC 8538 3)",
    context: INITIAL_CONTEXT,
    hex: `${MARKER} 0017 03  06 09  06 04`,
    message: { type: "NOTIFICATION", code: 6, subcode: 9, data: Uint8Array.of(6, 4) },
  },
  {
    name: "NOTIFICATION Hold Timer Expired (RFC 4271 4.5)",
    context: INITIAL_CONTEXT,
    hex: `${MARKER} 0015 03  04 00`,
    message: { type: "NOTIFICATION", code: 4, subcode: 0, data: new Uint8Array() },
  },
  {
    name: "ROUTE-REFRESH of IPv6 unicast (RFC 2918 3)",
    context: external,
    hex: `${MARKER} 0017 05  0002 00 01`,
    message: { type: "ROUTE-REFRESH", family: IPV6_UNICAST, subtype: 0 },
  },
  {
    name: "ROUTE-REFRESH that is BoRR of IPv4 unicast (RFC 7313 3.2)",
    context: external,
    hex: `${MARKER} 0017 05  0001 01 01`,
    message: { type: "ROUTE-REFRESH", family: IPV4_UNICAST, subtype: 1 },
  },
  {
    name: "ROUTE-REFRESH that is EoRR of IPv4 unicast (RFC 7313 3.2)",
    context: external,
    hex: `${MARKER} 0017 05  0001 02 01`,
    message: { type: "ROUTE-REFRESH", family: IPV4_UNICAST, subtype: 2 },
  },
];
