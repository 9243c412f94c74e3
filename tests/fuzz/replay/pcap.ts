/** Packets of a capture: pcap with microseconds or nanoseconds, and pcapng, in either order of octets. */
import { type OctetStream, ReplayError } from "./octet_stream.ts";

/** One packet, as far as it was captured. */
export interface Packet {
  /** From 1. */
  readonly number: number;
  /** Of IANA's and tcpdump's registry of link types. */
  readonly linkType: number;
  readonly bytes: Uint8Array;
}

/** What no capture has in one packet or block: the file is broken. */
const MAX_BLOCK = 16 * 1024 * 1024;
const PCAP = [0xa1b2c3d4, 0xa1b23c4d];
const SECTION = 0x0a0d0d0a;
const BYTE_ORDER = 0x1a2b3c4d;

/** Does a file that begins so have packets? */
export function isCapture(head: Uint8Array): boolean {
  const view = viewOf(head);
  return view.getUint32(0) === SECTION ||
    PCAP.some((magic) => view.getUint32(0) === magic || view.getUint32(0, true) === magic);
}

/** The packets, in the order of the file. @throws {ReplayError} where it is broken */
export async function* packets(stream: OctetStream): AsyncGenerator<Packet> {
  const head = await stream.peek(4);
  if (head === undefined || !isCapture(head)) throw new ReplayError("is no capture");
  yield* viewOf(head).getUint32(0) === SECTION ? nextGeneration(stream) : classic(stream);
}

async function* classic(stream: OctetStream): AsyncGenerator<Packet> {
  const header = await stream.take(24);
  if (header === undefined) return;
  const little = PCAP.includes(viewOf(header).getUint32(0, true));
  // The high bits tell of a checksum of the link.
  const linkType = viewOf(header).getUint32(20, little) & 0xffff;
  for (let number = 1;; number++) {
    const each = await stream.take(16);
    if (each === undefined) return;
    const length = bounded(viewOf(each).getUint32(8, little), stream);
    const bytes = await stream.take(length);
    if (bytes === undefined) return;
    yield { number, linkType, bytes };
  }
}

async function* nextGeneration(stream: OctetStream): AsyncGenerator<Packet> {
  let little = false;
  let linkTypes: number[] = [];
  let number = 0;
  for (;;) {
    const head = await stream.peek(12);
    if (head === undefined) return;
    if (viewOf(head).getUint32(0) === SECTION) {
      little = viewOf(head).getUint32(8, true) === BYTE_ORDER;
      linkTypes = [];
    }
    const type = viewOf(head).getUint32(0, little);
    const length = bounded(viewOf(head).getUint32(4, little), stream);
    if (length < 12 || length % 4 !== 0) throw new ReplayError(`has a block of ${length} octets`);
    const block = await stream.take(length);
    if (block === undefined) return;
    const view = viewOf(block);
    const body = block.subarray(8, length - 4);
    if (type === 1 && body.byteLength >= 8) linkTypes.push(view.getUint16(8, little));
    const found = packetIn(type, body, little);
    if (found === undefined) continue;
    const linkType = linkTypes[found.device];
    if (linkType === undefined) {
      throw new ReplayError(`has a packet of interface ${found.device}, which it does not name`);
    }
    yield { number: ++number, linkType, bytes: found.bytes };
  }
}

/** Enhanced, simple and obsolete packet blocks. */
function packetIn(
  type: number,
  body: Uint8Array,
  little: boolean,
): { readonly device: number; readonly bytes: Uint8Array } | undefined {
  const view = viewOf(body);
  if (type === 3 && body.byteLength >= 4) {
    return { device: 0, bytes: body.subarray(4, 4 + view.getUint32(0, little)) };
  }
  if ((type !== 6 && type !== 2) || body.byteLength < 20) return undefined;
  const device = type === 6 ? view.getUint32(0, little) : view.getUint16(0, little);
  return { device, bytes: body.subarray(20, 20 + view.getUint32(12, little)) };
}

function bounded(length: number, { offset }: OctetStream): number {
  if (length <= MAX_BLOCK) return length;
  throw new ReplayError(`says ${length} octets at ${offset}: it is broken, or no capture`);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
