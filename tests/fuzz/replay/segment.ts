/** The TCP segment in a captured packet, under Ethernet, VLANs, Linux cooked captures, loopback and bare IP. */

/** A TCP segment. */
export interface Segment {
  /** `ADDRESS PORT > ADDRESS PORT`, addresses in hexadecimal. */
  readonly flow: string;
  /** The same of the other direction. */
  readonly reverse: string;
  readonly sequence: number;
  readonly syn: boolean;
  readonly payload: Uint8Array;
}

const VLANS = [0x8100, 0x88a8, 0x9100];
const FRAGMENT = 44;
const TCP = 6;
/** Hop-by-hop options, routing, destination options. */
const EXTENSIONS = [0, 43, 60];

/** The segment, or in a word what the packet is instead. */
export function segmentIn(linkType: number, bytes: Uint8Array): Segment | string {
  const at = networkAt(linkType, bytes);
  return typeof at === "string" ? at : ipAt(bytes, at);
}

/** Where the IP header begins. */
function networkAt(linkType: number, bytes: Uint8Array): number | string {
  switch (linkType) {
    case 0: // NULL: a protocol family of the host, in its order
    case 108: // LOOP
      return 4;
    case 1: // EN10MB
      return behindVlans(bytes, 12);
    case 12: // RAW, by systems of their own number
    case 14:
    case 101: // RAW
    case 228: // IPV4
    case 229: // IPV6
      return 0;
    case 113: // LINUX_SLL
      return behindVlans(bytes, 14);
    case 276: // LINUX_SLL2
      return isNetwork(u16(bytes, 0)) ? 20 : "no IP";
    default:
      return `link type ${linkType}`;
  }
}

/** Behind an EtherType and as many tags of VLANs as there are. */
function behindVlans(bytes: Uint8Array, at: number): number | string {
  let type = at;
  while (VLANS.includes(u16(bytes, type)) && type + 4 <= bytes.byteLength) type += 4;
  return isNetwork(u16(bytes, type)) ? type + 2 : "no IP";
}

function isNetwork(type: number): boolean {
  return type === 0x0800 || type === 0x86dd;
}

function ipAt(bytes: Uint8Array, at: number): Segment | string {
  const version = (bytes[at] ?? 0) >>> 4;
  if (version === 4) {
    const header = ((bytes[at] ?? 0) & 15) * 4;
    if (header < 20 || at + header > bytes.byteLength) return "cut short";
    if ((u16(bytes, at + 6) & 0x3fff) !== 0) return "fragment";
    if (bytes[at + 9] !== TCP) return "no TCP";
    // Where the network card cuts the segments, the length is 0 in what was captured.
    const total = u16(bytes, at + 2);
    const end = total === 0 ? bytes.byteLength : at + total;
    return tcpAt(bytes, at + header, end, bytes.subarray(at + 12, at + 16), bytes.subarray(at + 16, at + 20));
  }
  if (version !== 6) return "no IP";
  if (at + 40 > bytes.byteLength) return "cut short";
  const payload = u16(bytes, at + 4);
  const end = payload === 0 ? bytes.byteLength : at + 40 + payload;
  let next = bytes[at + 6] ?? 0;
  let header = at + 40;
  while (EXTENSIONS.includes(next) && header + 8 <= bytes.byteLength) {
    next = bytes[header] ?? 0;
    header += 8 + 8 * (bytes[header + 1] ?? 0);
  }
  if (next === FRAGMENT) return "fragment";
  if (next !== TCP) return "no TCP";
  return tcpAt(bytes, header, end, bytes.subarray(at + 8, at + 24), bytes.subarray(at + 24, at + 40));
}

function tcpAt(
  bytes: Uint8Array,
  at: number,
  end: number,
  source: Uint8Array,
  destination: Uint8Array,
): Segment | string {
  const header = ((bytes[at + 12] ?? 0) >>> 4) * 4;
  if (at + 20 > bytes.byteLength || header < 20) return "cut short";
  // What was not captured is missing from the stream, and is found to be by the next segment's number.
  const payload = bytes.subarray(Math.min(at + header, end), end);
  const from = `${source.toHex()} ${u16(bytes, at)}`;
  const to = `${destination.toHex()} ${u16(bytes, at + 2)}`;
  return {
    flow: `${from} > ${to}`,
    reverse: `${to} > ${from}`,
    sequence: (u16(bytes, at + 4) * 0x10000) + u16(bytes, at + 6),
    syn: ((bytes[at + 13] ?? 0) & 2) !== 0,
    payload,
  };
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
