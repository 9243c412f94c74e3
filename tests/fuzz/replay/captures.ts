/** Captures and MRT files made by hand, as tcpdump and collectors write them. */
import { Writer } from "../../../src/bytes/writer.ts";
import { type Octets, u16, u32 } from "../../support/raw_peer.ts";

/** How a capture is written. */
export interface CaptureForm {
  readonly name: string;
  readonly linkType: number;
  /** What stands before the IP header, of version 4 or 6. */
  readonly link: (version: 4 | 6) => Octets;
}

const zeros = (count: number): Octets => new Array<number>(count).fill(0);
const etherType = (version: 4 | 6): Octets => u16(version === 4 ? 0x0800 : 0x86dd);

/** The link types that are read. */
export const FORMS: readonly CaptureForm[] = [
  { name: "Ethernet", linkType: 1, link: (version) => [...zeros(12), ...etherType(version)] },
  {
    name: "Ethernet with two VLAN tags",
    linkType: 1,
    link: (version) => [...zeros(12), 0x88, 0xa8, 0, 7, 0x81, 0, 0, 9, ...etherType(version)],
  },
  { name: "Linux cooked", linkType: 113, link: (version) => [...zeros(14), ...etherType(version)] },
  { name: "Linux cooked 2", linkType: 276, link: (version) => [...etherType(version), ...zeros(18)] },
  { name: "raw", linkType: 101, link: () => [] },
  { name: "loopback", linkType: 0, link: (version) => [version === 4 ? 2 : 10, 0, 0, 0] },
  { name: "OpenBSD loopback", linkType: 108, link: (version) => [0, 0, 0, version === 4 ? 2 : 24] },
];

/** A TCP segment from the client, or to it. */
export interface SegmentForm {
  readonly version?: 4 | 6;
  readonly toClient?: boolean;
  readonly sequence: number;
  readonly syn?: boolean;
  readonly payload?: Octets;
}

/** The IP packet of a segment; both headers have an option, and the packet the padding of a short Ethernet frame. */
export function ipPacket(
  { version = 4, toClient = false, sequence, syn = false, payload = [] }: SegmentForm,
): Octets {
  const ports = toClient ? [...u16(179), ...u16(40_000)] : [...u16(40_000), ...u16(179)];
  const tcp = [
    ...ports,
    ...u32(sequence),
    ...u32(0),
    0x60,
    syn ? 2 : 0x18,
    ...zeros(6),
    1,
    1,
    1,
    1,
    ...payload,
  ];
  const client = version === 4 ? [10, 0, 0, 1] : [...zeros(15), 1];
  const server = version === 4 ? [10, 0, 0, 2] : [...zeros(15), 2];
  const addresses = toClient ? [...server, ...client] : [...client, ...server];
  if (version === 4) {
    return [
      0x46,
      0,
      ...u16(24 + tcp.length),
      ...zeros(5),
      6,
      0,
      0,
      ...addresses,
      1,
      1,
      1,
      1,
      ...tcp,
      ...zeros(5),
    ];
  }
  const options = [6, 0, ...zeros(6)];
  return [0x60, 0, 0, 0, ...u16(8 + tcp.length), 0, 64, ...addresses, ...options, ...tcp, ...zeros(5)];
}

/** A pcap file. */
export function pcap(
  packets: readonly Octets[],
  { linkType = 1, little = true, nanoseconds = false }: {
    readonly linkType?: number;
    readonly little?: boolean;
    readonly nanoseconds?: boolean;
  } = {},
): Uint8Array {
  const number = numbers(little);
  const writer = new Writer();
  writer.bytes(number(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, 4)).bytes(number(2, 2)).bytes(number(4, 2));
  writer.bytes(number(0, 4)).bytes(number(0, 4)).bytes(number(65_535, 4)).bytes(number(linkType, 4));
  for (const packet of packets) {
    writer.bytes(number(0, 4)).bytes(number(0, 4)).bytes(number(packet.length, 4)).bytes(
      number(packet.length, 4),
    );
    writer.bytes(Uint8Array.from(packet));
  }
  return writer.finish();
}

/** A pcapng file: two interfaces, of which the second one has the packets, and a block that nobody knows. */
export function pcapng(packets: readonly Octets[], linkType = 1, little = true): Uint8Array {
  const number = numbers(little);
  const writer = new Writer();
  const block = (type: number, ...parts: readonly Uint8Array[]) => {
    const octets = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const padded = (octets + 3) & ~3;
    writer.bytes(number(type, 4)).bytes(number(12 + padded, 4));
    for (const part of parts) writer.bytes(part);
    writer.bytes(new Uint8Array(padded - octets)).bytes(number(12 + padded, 4));
  };
  block(0x0a0d0d0a, number(0x1a2b3c4d, 4), number(1, 2), number(0, 2), new Uint8Array(8).fill(0xff));
  block(1, number(147, 2), number(0, 2), number(0, 4));
  block(1, number(linkType, 2), number(0, 2), number(0, 4));
  block(5, new Uint8Array(12));
  for (const packet of packets) {
    const length = number(packet.length, 4);
    block(6, number(1, 4), new Uint8Array(8), length, length, Uint8Array.from(packet));
  }
  return writer.finish();
}

/** An MRT record. */
export function mrtRecord(type: number, subtype: number, body: Octets): Octets {
  return [...u32(0), ...u16(type), ...u16(subtype), ...u32(body.length), ...body];
}

/** What comes before the message in BGP4MP, with ASes of two or four octets. */
export function bgp4mp(message: Octets, four: boolean, peerAs: number, localAs: number): Octets {
  const as = (value: number) => four ? u32(value) : u16(value);
  return [...as(peerAs), ...as(localAs), 0, 0, 0, 1, 10, 0, 0, 2, 10, 0, 0, 1, ...message];
}

/** A record of TABLE_DUMP_V2 with one entry for each list of attributes. */
export function rib(prefix: Octets, lists: readonly Octets[]): Octets {
  const entries = lists.flatMap((list) => [0, 0, ...u32(0), ...u16(list.length), ...list]);
  return [...u32(0), ...prefix, ...u16(lists.length), ...entries];
}

function numbers(little: boolean): (value: number, octets: 2 | 4) => Uint8Array {
  return (value, octets) => {
    const bytes = Uint8Array.from(octets === 4 ? u32(value) : u16(value));
    return little ? bytes.reverse() : bytes;
  };
}
