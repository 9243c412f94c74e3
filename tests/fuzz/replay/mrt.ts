/** BGP messages of an MRT file (RFC 6396): those of BGP4MP as they were, and the routes of TABLE_DUMP_V2 made into UPDATEs. */
import { type OctetStream, ReplayError } from "./octet_stream.ts";

/** A message, and what the file says of its session. */
export interface MrtMessage {
  /** The number of the record, from 1. */
  readonly record: number;
  readonly bytes: Uint8Array;
  readonly fourOctetAs: boolean;
  /** Undefined: the file does not say. */
  readonly internal: boolean | undefined;
}

/** A record that is not replayed. */
export interface MrtSkipped {
  readonly record: number;
  readonly skipped: string;
}

const MAX_RECORD = 64 * 1024 * 1024;
const TABLE_DUMP_V2 = 13;
const BGP4MP = 16;
const BGP4MP_ET = 17;
const MP_REACH_NLRI = 14;

/** Types of RFC 6396, 8050 and the deprecated ones, for what is skipped. */
const NAMES: Readonly<Record<number, string>> = { 11: "OSPFv2", 12: "TABLE_DUMP", 32: "ISIS", 48: "OSPFv3" };

/** Does a file that begins so have MRT records? */
export function isMrt(head: Uint8Array): boolean {
  const [, , , , high = 0, type = 0] = head;
  return high === 0 && [11, 12, TABLE_DUMP_V2, BGP4MP, BGP4MP_ET, 32, 33, 48, 49].includes(type);
}

/** The messages, in the order of the file. @throws {ReplayError} where it is broken */
export async function* mrtMessages(stream: OctetStream): AsyncGenerator<MrtMessage | MrtSkipped> {
  for (let record = 1;; record++) {
    const head = await stream.take(12);
    if (head === undefined) return;
    const view = viewOf(head);
    const length = view.getUint32(8);
    if (length > MAX_RECORD) {
      throw new ReplayError(`says ${length} octets at ${stream.offset}: it is broken, or no MRT`);
    }
    const body = await stream.take(length);
    if (body === undefined) return;
    const type = view.getUint16(4);
    const subtype = view.getUint16(6);
    try {
      if (type === BGP4MP) yield message(record, subtype, body);
      else if (type === BGP4MP_ET) yield message(record, subtype, body.subarray(4));
      else if (type === TABLE_DUMP_V2) yield* table(record, subtype, body);
      else yield { record, skipped: NAMES[type] ?? `type ${type}` };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      yield { record, skipped: "cut short" };
    }
  }
}

function message(record: number, subtype: number, body: Uint8Array): MrtMessage | MrtSkipped {
  if (subtype === 0 || subtype === 5) return { record, skipped: "BGP4MP state change" };
  if (subtype >= 8 && subtype <= 11) return { record, skipped: "BGP4MP with ADD-PATH (RFC 8050)" };
  const fourOctetAs = subtype === 4 || subtype === 7;
  if (!fourOctetAs && subtype !== 1 && subtype !== 6) return { record, skipped: `BGP4MP subtype ${subtype}` };
  const view = viewOf(body);
  const width = fourOctetAs ? 4 : 2;
  const as = (at: number) => fourOctetAs ? view.getUint32(at) : view.getUint16(at);
  const addresses = 2 * (view.getUint16(2 * width + 2) === 2 ? 16 : 4);
  const at = 2 * width + 4 + addresses;
  if (at + 19 > body.byteLength) throw new RangeError("no message");
  return { record, bytes: body.slice(at), fourOctetAs, internal: as(0) === as(width) };
}

function* table(record: number, subtype: number, body: Uint8Array): Generator<MrtMessage | MrtSkipped> {
  if (subtype === 1) return yield { record, skipped: "TABLE_DUMP_V2 peer index" };
  if (subtype >= 8 && subtype <= 12) {
    return yield { record, skipped: "TABLE_DUMP_V2 with ADD-PATH (RFC 8050)" };
  }
  if (subtype !== 2 && subtype !== 4) return yield { record, skipped: `TABLE_DUMP_V2 subtype ${subtype}` };
  const view = viewOf(body);
  const prefixEnd = 5 + ((view.getUint8(4) + 7) >>> 3);
  const prefix = body.subarray(4, prefixEnd);
  let at = prefixEnd + 2;
  for (let entries = view.getUint16(prefixEnd); entries > 0; entries--) {
    const length = view.getUint16(at + 6);
    const end = at + 8 + length;
    if (end > body.byteLength) throw new RangeError("no attributes");
    const bytes = updateOf(body.subarray(at + 8, end), prefix, subtype === 4 ? 2 : 1);
    yield { record, bytes, fourOctetAs: true, internal: undefined };
    at = end;
  }
}

/** An UPDATE of one route. MP_REACH_NLRI stands there as its next hop alone (RFC 6396 section 4.3.4), by most writers. */
function updateOf(attributes: Uint8Array, prefix: Uint8Array, afi: 1 | 2): Uint8Array {
  const list: number[] = [];
  let multiprotocol = false;
  for (let at = 0; at + 3 <= attributes.byteLength;) {
    const [flags = 0, type = 0, first = 0, second = 0] = attributes.subarray(at, at + 4);
    const extended = (flags & 0x10) !== 0;
    const value = at + (extended ? 4 : 3);
    const end = value + (extended ? (first << 8) | second : first);
    const octets = attributes.subarray(value, end);
    if (type === MP_REACH_NLRI && octets[0] !== 0) {
      multiprotocol = true;
      list.push(...withLength(0x90, type, [0, afi, 1, ...octets, 0, ...prefix]));
    } else {
      multiprotocol ||= type === MP_REACH_NLRI;
      // BIRD 2.0 writes no flags for NEXT_HOP and LOCAL_PREF.
      list.push((flags & 0xc0) === 0 ? flags | 0x40 : flags, ...attributes.subarray(at + 1, end));
    }
    at = end;
  }
  const nlri = multiprotocol ? [] : prefix;
  const length = 23 + list.length + nlri.length;
  return Uint8Array.from([
    ...new Array<number>(16).fill(0xff),
    length >>> 8,
    length & 0xff,
    2,
    0,
    0,
    list.length >>> 8,
    list.length & 0xff,
    ...list,
    ...nlri,
  ]);
}

function withLength(flags: number, type: number, value: readonly number[]): readonly number[] {
  return [flags, type, value.length >>> 8, value.length & 0xff, ...value];
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
