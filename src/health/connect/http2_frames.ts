/** Frames of HTTP/2 (RFC 9113 sections 4 and 6): written as octets, and read off a stream that bounds what is read. */
import { OctetQueue } from "../../bytes/octet_queue.ts";
import { Reader } from "../../bytes/reader.ts";
import { Writer } from "../../bytes/writer.ts";
import type { StreamSocket } from "../../net/sockets.ts";
import { shownOctets } from "../../text/shown_octets.ts";
import { ProbeFailure } from "./failure.ts";

/** Types of frames (RFC 9113 section 6). */
export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

/** Flags of frames; which type has which is said in RFC 9113 section 6. */
export const Flag = { ACK: 1, END_STREAM: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 0x20 } as const;

/** Settings (RFC 9113 section 6.5.2). */
export const Setting = { HEADER_TABLE_SIZE: 1, ENABLE_PUSH: 2, MAX_HEADER_LIST_SIZE: 6 } as const;

/** What a client begins with (RFC 9113 section 3.4). */
export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** The first stream of a client. */
export const STREAM = 1;
/** A header block is no longer. */
export const MAX_HEADER_OCTETS = 65_536;
/** SETTINGS_MAX_FRAME_SIZE, as it is where nobody says otherwise. */
export const MAX_FRAME_OCTETS = 16_384;
const FRAME_HEADER_OCTETS = 9;

/** One frame. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array;
}

/** The octets of a frame. */
export function frameOctets(type: number, flags: number, stream: number, payload: Uint8Array): Uint8Array {
  return new Writer({ capacity: FRAME_HEADER_OCTETS + payload.byteLength })
    .u8(payload.byteLength >> 16).u16(payload.byteLength & 0xffff)
    .u8(type).u8(flags).u32(stream).bytes(payload).finish();
}

/** A frame that gives the other side so many octets more to send, of `stream` or (0) of the connection. */
export function windowUpdate(stream: number, octets: number): Uint8Array {
  return frameOctets(FrameType.WINDOW_UPDATE, 0, stream, new Writer().u32(octets).finish());
}

/** What a DATA or HEADERS frame carries. @throws {ProbeFailure} its padding is longer than the frame */
export function withoutPadding({ type, flags, payload }: Frame): Uint8Array {
  const padding = flags & Flag.PADDED ? payload[0] ?? 0 : 0;
  const priority = type === FrameType.HEADERS && (flags & Flag.PRIORITY) !== 0;
  const from = (flags & Flag.PADDED ? 1 : 0) + (priority ? 5 : 0);
  if (from + padding > payload.byteLength) {
    throw new ProbeFailure("the answer is not HTTP/2: too much padding");
  }
  return payload.subarray(from, payload.byteLength - padding);
}

/** Lets a frame pass that ends nothing. @throws {ProbeFailure} the server ends the stream or the connection without an answer */
export function checkEnd({ type, stream, payload }: Frame): void {
  if (type === FrameType.RST_STREAM && stream === STREAM) {
    throw new ProbeFailure(`the server resets the stream, HTTP/2 error code ${errorCode(payload, 0)}`);
  }
  // Without an error the answers to streams up to the last one still come (RFC 9113 section 6.8).
  const code = type === FrameType.GOAWAY ? errorCode(payload, 4) : 0;
  if (type === FrameType.GOAWAY && (code !== 0 || (errorCode(payload, 0) & 0x7fff_ffff) < STREAM)) {
    throw new ProbeFailure(`the server goes away, HTTP/2 error code ${code}`);
  }
}

function errorCode(payload: Uint8Array, at: number): number {
  return payload.byteLength < at + 4 ? 0 : new Reader(payload.subarray(at, at + 4)).u32("error code");
}

/** Frames as they come. */
export class FrameReader {
  readonly #stream: StreamSocket;
  readonly #octets = new OctetQueue();
  /** Octets of the frame that was given last. */
  #used = 0;

  constructor(stream: StreamSocket) {
    this.#stream = stream;
  }

  /**
   * The next one, its payload good until the one after it; undefined at the end of the stream.
   * @throws {ProbeFailure} it is too large
   */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.arrived();
      if (frame !== undefined) return frame;
      const piece = await this.#stream.read();
      if (piece === undefined) return undefined;
      this.#octets.append(piece);
    }
  }

  /** The next one, where it has come already: small frames cost less than to wait for each. @throws {ProbeFailure} */
  arrived(): Frame | undefined {
    this.#octets.consume(this.#used);
    this.#used = 0;
    const octets = this.#octets.view;
    if (octets.byteLength < FRAME_HEADER_OCTETS) return undefined;
    const header = new Reader(octets);
    const length = (header.u8("length") << 16) | header.u16("length");
    if (length > MAX_FRAME_OCTETS) {
      const came = shownOctets(octets.subarray(0, FRAME_HEADER_OCTETS));
      throw new ProbeFailure(`the answer is not HTTP/2, what came: ${came}`);
    }
    const [type, flags, stream] = [header.u8("type"), header.u8("flags"), header.u32("stream") & 0x7fff_ffff];
    if (octets.byteLength < FRAME_HEADER_OCTETS + length) return undefined;
    this.#used = FRAME_HEADER_OCTETS + length;
    return { type, flags, stream, payload: octets.subarray(FRAME_HEADER_OCTETS, this.#used) };
  }
}
