/**
 * A GET by HTTP/2 on a connection of its own (RFC 9113), up to the head of the answer: one stream, no push, no dynamic
 * header table, no body. The runtime's library keeps memory for each session that it frees late, and bounds less.
 */
import { OctetQueue } from "../../bytes/octet_queue.ts";
import { Reader } from "../../bytes/reader.ts";
import { Writer } from "../../bytes/writer.ts";
import type { StreamSocket } from "../../net/sockets.ts";
import { ProbeFailure } from "./failure.ts";
import { decodeFields, encodeFields } from "./hpack.ts";
import { type AnswerHead, type GetRequest, interimAnswers, MAX_INTERIM_ANSWERS } from "./http1.ts";

/** Types of frames (RFC 9113 section 6). */
export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  GOAWAY: 7,
  CONTINUATION: 9,
} as const;
/** Flags of frames; which type has which is said in RFC 9113 section 6. */
export const Flag = { ACK: 1, END_STREAM: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 0x20 } as const;
/** Settings (RFC 9113 section 6.5.2). */
export const Setting = { HEADER_TABLE_SIZE: 1, ENABLE_PUSH: 2, MAX_HEADER_LIST_SIZE: 6 } as const;

/** What a client begins with (RFC 9113 section 3.4). */
export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** SETTINGS_MAX_FRAME_SIZE, as it is where nobody says otherwise. */
const MAX_FRAME_OCTETS = 16_384;
/** A header block is no longer. */
export const MAX_HEADER_OCTETS = 65_536;
const FRAME_HEADER_OCTETS = 9;
/** The first stream of a client. */
export const STREAM = 1;

/** One frame. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array;
}

/**
 * Asks on `stream`, which bounds what is read, and returns the head of the final answer.
 * @throws {ProbeFailure} no answer, or one that is not HTTP/2
 * @throws {Error} the connection's own
 */
export async function getByHttp2(stream: StreamSocket, request: GetRequest): Promise<AnswerHead> {
  stream.write(requestOctets(request)).catch(() => {});
  const frames = new FrameReader(stream);
  const first = await frames.next();
  if (first.type !== FrameType.SETTINGS) throw new ProbeFailure("the answer is not HTTP/2");
  stream.write(frameOctets(FrameType.SETTINGS, Flag.ACK, 0, new Uint8Array())).catch(() => {});
  for (let interim = 0; interim <= MAX_INTERIM_ANSWERS; interim++) {
    const fields = decodeFields(await headerBlock(frames), request.weightField);
    const valueOf = (asked: string | undefined) =>
      asked === undefined ? undefined : fields.find(({ name }) => name === asked)?.value;
    const status = valueOf(":status") ?? "";
    if (!/^[1-9]\d\d$/.test(status)) throw new ProbeFailure("the answer is not HTTP/2: it has no status");
    if (Number(status) >= 200) {
      return { status: Number(status), location: valueOf("location"), weight: valueOf(request.weightField) };
    }
  }
  throw interimAnswers();
}

function requestOctets({ scheme, authority, path, fields }: GetRequest): Uint8Array {
  const settings = new Writer()
    .u16(Setting.HEADER_TABLE_SIZE).u32(0)
    .u16(Setting.ENABLE_PUSH).u32(0)
    .u16(Setting.MAX_HEADER_LIST_SIZE).u32(MAX_HEADER_OCTETS).finish();
  const block = encodeFields([
    [":method", "GET"],
    [":scheme", scheme],
    [":authority", authority],
    [":path", path],
    ...Object.entries(fields),
  ]);
  const writer = new Writer().bytes(new TextEncoder().encode(PREFACE))
    .bytes(frameOctets(FrameType.SETTINGS, 0, 0, settings));
  for (let at = 0; at < block.byteLength; at += MAX_FRAME_OCTETS) {
    const part = block.subarray(at, at + MAX_FRAME_OCTETS);
    const last = at + part.byteLength === block.byteLength ? Flag.END_HEADERS : 0;
    const [type, flags] = at === 0
      ? [FrameType.HEADERS, Flag.END_STREAM | last]
      : [FrameType.CONTINUATION, last];
    writer.bytes(frameOctets(type, flags, STREAM, part));
  }
  return writer.finish();
}

/** The next header block of our stream, in one piece; what else comes meanwhile is let go. */
async function headerBlock(frames: FrameReader): Promise<Uint8Array> {
  const block = new Writer();
  for (let frame = await frames.next(), within = false;; frame = await frames.next()) {
    if (within && (frame.type !== FrameType.CONTINUATION || frame.stream !== STREAM)) {
      throw new ProbeFailure("the answer is not HTTP/2: a header that is cut");
    }
    checkEnd(frame);
    if (frame.type === FrameType.DATA && frame.stream === STREAM) {
      throw new ProbeFailure("the answer is not HTTP/2: a body without a header");
    }
    if (frame.stream !== STREAM || !(within || frame.type === FrameType.HEADERS)) continue;
    block.bytes(frame.type === FrameType.HEADERS ? withoutPadding(frame) : frame.payload);
    if (block.length > MAX_HEADER_OCTETS) {
      throw new ProbeFailure(`the answer is too large: the head is longer than ${MAX_HEADER_OCTETS} octets`);
    }
    if (frame.flags & Flag.END_HEADERS) return block.finish();
    within = true;
  }
}

/** Whether the answer can still come. @throws {ProbeFailure} the server ends the stream or the connection without it */
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

/** What a DATA or HEADERS frame carries. @throws {ProbeFailure} its padding is longer than the frame */
export function withoutPadding({ flags, payload }: Frame): Uint8Array {
  const padding = flags & Flag.PADDED ? payload[0] ?? 0 : 0;
  const from = (flags & Flag.PADDED ? 1 : 0) + (flags & Flag.PRIORITY ? 5 : 0);
  if (from + padding > payload.byteLength) {
    throw new ProbeFailure("the answer is not HTTP/2: too much padding");
  }
  return payload.subarray(from, payload.byteLength - padding);
}

/** The octets of a frame. */
export function frameOctets(type: number, flags: number, stream: number, payload: Uint8Array): Uint8Array {
  return new Writer({ capacity: FRAME_HEADER_OCTETS + payload.byteLength })
    .u8(payload.byteLength >> 16).u16(payload.byteLength & 0xffff)
    .u8(type).u8(flags).u32(stream).bytes(payload).finish();
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

  /** The next one; its payload is good until the one after it. @throws {ProbeFailure} */
  async next(): Promise<Frame> {
    this.#octets.consume(this.#used);
    await this.#atLeast(FRAME_HEADER_OCTETS);
    const header = new Reader(this.#octets.view);
    const length = (header.u8("length") << 16) | header.u16("length");
    if (length > MAX_FRAME_OCTETS) throw new ProbeFailure("the answer is not HTTP/2");
    const [type, flags, stream] = [header.u8("type"), header.u8("flags"), header.u32("stream") & 0x7fff_ffff];
    this.#used = FRAME_HEADER_OCTETS + length;
    await this.#atLeast(this.#used);
    return { type, flags, stream, payload: this.#octets.view.subarray(FRAME_HEADER_OCTETS, this.#used) };
  }

  async #atLeast(count: number): Promise<void> {
    while (this.#octets.length < count) {
      const piece = await this.#stream.read();
      if (piece === undefined) throw new ProbeFailure("connection closed without an answer");
      this.#octets.append(piece);
    }
  }
}
