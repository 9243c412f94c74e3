/**
 * A request by HTTP/2 on a connection of its own (RFC 9113), and its answer as far as it is looked at: one stream, no
 * push, no dynamic header table. The runtime's library keeps memory for each session that it frees late, and bounds less.
 */
import { Writer } from "../../bytes/writer.ts";
import type { StreamSocket } from "../../net/sockets.ts";
import { ProbeFailure } from "./failure.ts";
import { decodeFields, encodeFields } from "./hpack.ts";
import {
  checkEnd,
  Flag,
  type Frame,
  frameOctets,
  FrameReader,
  FrameType,
  MAX_FRAME_OCTETS,
  MAX_HEADER_OCTETS,
  PREFACE,
  Setting,
  STREAM,
  windowUpdate,
  withoutPadding,
} from "./http2_frames.ts";
import {
  bodyCutShort,
  type HttpAnswer,
  type HttpRequest,
  interimAnswers,
  MAX_INTERIM_ANSWERS,
} from "./http_exchange.ts";

/**
 * Asks on `stream`, which bounds what is read, and returns the final answer.
 * @throws {ProbeFailure} no answer, or one that is not HTTP/2
 * @throws {Error} the connection's own
 */
export async function askByHttp2(stream: StreamSocket, request: HttpRequest): Promise<HttpAnswer> {
  stream.write(requestOctets(request)).catch(() => {});
  const frames = new FrameReader(stream);
  const first = await frames.next();
  if (first?.type !== FrameType.SETTINGS) {
    throw new ProbeFailure(
      first === undefined ? "connection closed without an answer" : "the answer is not HTTP/2",
    );
  }
  stream.write(frameOctets(FrameType.SETTINGS, Flag.ACK, 0, new Uint8Array())).catch(() => {});
  for (let interim = 0; interim <= MAX_INTERIM_ANSWERS; interim++) {
    const { block, ended } = await headerBlock(frames);
    const fields = decodeFields(block, request.wanted.fields);
    const valueOf = (asked: string) => fields.find(({ name }) => name === asked)?.value;
    const status = valueOf(":status") ?? "";
    if (!/^[1-9]\d\d$/.test(status)) throw new ProbeFailure("the answer is not HTTP/2: it has no status");
    if (Number(status) < 200) continue;
    const body = new BodyFrames(stream, frames, ended);
    return { status: Number(status), field: valueOf, readBody: () => body.next() };
  }
  throw interimAnswers();
}

function requestOctets({ method, scheme, authority, path, fields }: HttpRequest): Uint8Array {
  const settings = new Writer()
    .u16(Setting.HEADER_TABLE_SIZE).u32(0)
    .u16(Setting.ENABLE_PUSH).u32(0)
    .u16(Setting.MAX_HEADER_LIST_SIZE).u32(MAX_HEADER_OCTETS).finish();
  const block = encodeFields([
    [":method", method],
    [":scheme", scheme],
    [":authority", authority],
    [":path", path],
    // Names are in lower case here (RFC 9113 section 8.2.1).
    ...Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value] as const),
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

/** A header block of our stream, and whether nothing follows. */
interface HeaderBlock {
  readonly block: Uint8Array;
  readonly ended: boolean;
}

/** The next header block of our stream, in one piece; what else comes meanwhile is let go. */
async function headerBlock(frames: FrameReader): Promise<HeaderBlock> {
  for (;;) {
    const frame = frames.arrived() ?? await frames.next();
    if (frame === undefined) throw new ProbeFailure("connection closed without an answer");
    checkEnd(frame);
    if (frame.type === FrameType.DATA && frame.stream === STREAM) {
      throw new ProbeFailure("the answer is not HTTP/2: a body without a header");
    }
    if (frame.type !== FrameType.HEADERS || frame.stream !== STREAM) continue;
    // Continuations end a block, and only its first frame a stream (RFC 9113 section 6.2).
    const ended = (frame.flags & Flag.END_STREAM) !== 0;
    return { block: await wholeBlock(frame, frames), ended };
  }
}

/** The block that `first` begins; nothing else may come before its end (RFC 9113 section 4.3). */
async function wholeBlock(first: Frame, frames: FrameReader): Promise<Uint8Array> {
  const block = new Writer().bytes(withoutPadding(first));
  for (let { flags } = first; (flags & Flag.END_HEADERS) === 0;) {
    const frame = frames.arrived() ?? await frames.next();
    if (frame === undefined) throw new ProbeFailure("connection closed without an answer");
    if (frame.type !== FrameType.CONTINUATION || frame.stream !== STREAM) {
      throw new ProbeFailure("the answer is not HTTP/2: a header that is cut");
    }
    block.bytes(frame.payload);
    if (block.length > MAX_HEADER_OCTETS) {
      throw new ProbeFailure(`the answer is too large: the head is longer than ${MAX_HEADER_OCTETS} octets`);
    }
    flags = frame.flags;
  }
  return block.finish();
}

/** What a server may send before it must wait for more window (RFC 9113 section 6.9.2). */
const WINDOW_OCTETS = 65_535;

/** The octets of one body, as they come. */
class BodyFrames {
  readonly #stream: StreamSocket;
  readonly #frames: FrameReader;
  #ended: boolean;
  /** Octets of the windows that were used up and not given back yet, padding too. */
  #owed = 0;

  constructor(stream: StreamSocket, frames: FrameReader, ended: boolean) {
    this.#stream = stream;
    this.#frames = frames;
    this.#ended = ended;
  }

  async next(): Promise<Uint8Array | undefined> {
    while (!this.#ended) {
      const frame = this.#frames.arrived() ?? await this.#frames.next();
      if (frame === undefined) throw bodyCutShort();
      checkEnd(frame);
      if (frame.stream !== STREAM) continue;
      this.#ended = (frame.type === FrameType.DATA || frame.type === FrameType.HEADERS) &&
        (frame.flags & Flag.END_STREAM) !== 0;
      // Trailers: how they are spelled matters to nobody, and they end the stream (RFC 9113 section 8.1).
      if (frame.type === FrameType.HEADERS) {
        await wholeBlock(frame, this.#frames);
        this.#ended = true;
      }
      if (frame.type !== FrameType.DATA) continue;
      this.#giveBack(frame.payload.byteLength);
      const data = withoutPadding(frame);
      if (data.byteLength > 0) return data;
    }
    return undefined;
  }

  /** Half a window at a time, so that the server never waits for one and is not answered for each frame. */
  #giveBack(octets: number): void {
    this.#owed += octets;
    if (this.#ended || this.#owed < WINDOW_OCTETS / 2) return;
    const updates = new Writer().bytes(windowUpdate(0, this.#owed)).bytes(windowUpdate(STREAM, this.#owed));
    this.#owed = 0;
    this.#stream.write(updates.finish()).catch(() => {});
  }
}
