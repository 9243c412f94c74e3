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

/** A request that may have a body of at most one frame, 16 KiB. */
export interface Http2Request extends HttpRequest {
  readonly body?: Uint8Array | undefined;
}

/** An answer that may have trailers. */
export interface Http2Answer extends HttpAnswer {
  /** The first value of a wanted field behind the body; undefined: there is none, or the body has not been read to its end. */
  trailer(name: string): string | undefined;
}

/**
 * Asks on `stream`, which bounds what is read, and returns the final answer.
 * @throws {ProbeFailure} no answer, or one that is not HTTP/2
 * @throws {Error} the connection's own
 */
export async function askByHttp2(stream: StreamSocket, request: Http2Request): Promise<Http2Answer> {
  stream.write(requestOctets(request)).catch(() => {});
  const frames = new AnswerFrames(stream);
  await frames.begin();
  const { wanted } = request;
  for (let interim = 0; interim <= MAX_INTERIM_ANSWERS; interim++) {
    const { block, ended } = await headerBlock(frames);
    const field = fieldsOf(block, wanted.fields);
    const status = field(":status") ?? "";
    if (!/^[1-9]\d\d$/.test(status)) throw notHttp2("it has no status");
    if (Number(status) < 200) continue;
    const body = new BodyFrames(stream, frames, ended);
    const trailer = (name: string) => body.trailers && fieldsOf(body.trailers, wanted.fields)(name);
    return { status: Number(status), field, readBody: () => body.next(), trailer };
  }
  throw interimAnswers();
}

/** The first value of each field of a block that is among `wanted`. */
function fieldsOf(block: Uint8Array, wanted: readonly string[]): (name: string) => string | undefined {
  const fields = decodeFields(block, wanted);
  return (asked) => fields.find(({ name }) => name === asked)?.value;
}

function requestOctets({ method, scheme, authority, path, fields, body }: Http2Request): Uint8Array {
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
      ? [FrameType.HEADERS, (body === undefined ? Flag.END_STREAM : 0) | last]
      : [FrameType.CONTINUATION, last];
    writer.bytes(frameOctets(type, flags, STREAM, part));
  }
  if (body !== undefined) writer.bytes(frameOctets(FrameType.DATA, Flag.END_STREAM, STREAM, body));
  return writer.finish();
}

/** SETTINGS and PING that are acknowledged in one answer. */
const MAX_ACKNOWLEDGED = 32;

/** The frames of our stream; of the others the server has acknowledged what it wants to, and what ends the stream is thrown. */
class AnswerFrames {
  readonly #stream: StreamSocket;
  readonly #frames: FrameReader;
  #acknowledged = 0;

  constructor(stream: StreamSocket) {
    this.#stream = stream;
    this.#frames = new FrameReader(stream);
  }

  /** SETTINGS come first (RFC 9113 section 3.4). @throws {ProbeFailure} they do not */
  async begin(): Promise<void> {
    const first = await this.#frames.next();
    if (first === undefined) throw withoutAnswer();
    if (first.type !== FrameType.SETTINGS) throw new ProbeFailure("the answer is not HTTP/2");
    this.#isOurs(first);
  }

  /** The next one; undefined at the end of the connection. */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      const frame = await this.#frames.next();
      if (frame === undefined || this.#isOurs(frame)) return frame;
      const arrived = this.arrived();
      if (arrived !== undefined) return arrived;
    }
  }

  /** The next one, where it has come already: small frames cost less than to wait for each. */
  arrived(): Frame | undefined {
    for (;;) {
      const frame = this.#frames.arrived();
      if (frame === undefined || this.#isOurs(frame)) return frame;
    }
  }

  /** The block that `first` begins; nothing else may come before its end (RFC 9113 section 4.3). */
  async block(first: Frame): Promise<Uint8Array> {
    const block = new Writer().bytes(withoutPadding(first));
    for (let { flags } = first; (flags & Flag.END_HEADERS) === 0;) {
      const frame = this.#frames.arrived() ?? await this.#frames.next();
      if (frame === undefined) throw withoutAnswer();
      if (frame.type !== FrameType.CONTINUATION || frame.stream !== STREAM) {
        throw notHttp2("a header that is cut");
      }
      block.bytes(frame.payload);
      if (block.length > MAX_HEADER_OCTETS) {
        throw new ProbeFailure(
          `the answer is too large: the head is longer than ${MAX_HEADER_OCTETS} octets`,
        );
      }
      flags = frame.flags;
    }
    return block.finish();
  }

  /** @throws {ProbeFailure} it ends our stream, or may not come */
  #isOurs(frame: Frame): boolean {
    const { type, stream } = frame;
    checkEnd(frame);
    if (type === FrameType.CONTINUATION) throw notHttp2("a header without a beginning");
    if (type === FrameType.PUSH_PROMISE) throw notHttp2("a push, which was switched off");
    if (type === FrameType.SETTINGS || type === FrameType.PING) this.#acknowledge(frame);
    return stream === STREAM;
  }

  #acknowledge({ type, flags, payload }: Frame): void {
    if (flags & Flag.ACK) return;
    if (++this.#acknowledged > MAX_ACKNOWLEDGED) {
      throw new ProbeFailure(`more than ${MAX_ACKNOWLEDGED} SETTINGS and PING frames in one answer`);
    }
    const echoed = type === FrameType.PING ? payload : new Uint8Array();
    this.#stream.write(frameOctets(type, Flag.ACK, 0, echoed)).catch(() => {});
  }
}

/** A header block of our stream, and whether nothing follows. */
interface HeaderBlock {
  readonly block: Uint8Array;
  readonly ended: boolean;
}

/** The next header block of our stream, in one piece; what else comes meanwhile is let go. */
async function headerBlock(frames: AnswerFrames): Promise<HeaderBlock> {
  for (;;) {
    const frame = frames.arrived() ?? await frames.next();
    if (frame === undefined) throw withoutAnswer();
    if (frame.type === FrameType.DATA) throw notHttp2("a body without a header");
    if (frame.type !== FrameType.HEADERS) continue;
    // Continuations end a block, and only its first frame a stream (RFC 9113 section 6.2).
    const ended = (frame.flags & Flag.END_STREAM) !== 0;
    return { block: await frames.block(frame), ended };
  }
}

/** What a server may send before it must wait for more window (RFC 9113 section 6.9.2). */
const WINDOW_OCTETS = 65_535;

/** The octets of one body, as they come. */
class BodyFrames {
  readonly #stream: StreamSocket;
  readonly #frames: AnswerFrames;
  #ended: boolean;
  #trailers: Uint8Array | undefined;
  /** Octets of the windows that were used up and not given back yet, padding too. */
  #owed = 0;

  constructor(stream: StreamSocket, frames: AnswerFrames, ended: boolean) {
    this.#stream = stream;
    this.#frames = frames;
    this.#ended = ended;
  }

  /** The header block behind the body; undefined: none has come. */
  get trailers(): Uint8Array | undefined {
    return this.#trailers;
  }

  async next(): Promise<Uint8Array | undefined> {
    while (!this.#ended) {
      const frame = this.#frames.arrived() ?? await this.#frames.next();
      if (frame === undefined) throw bodyCutShort();
      this.#ended = (frame.type === FrameType.DATA || frame.type === FrameType.HEADERS) &&
        (frame.flags & Flag.END_STREAM) !== 0;
      // They end the stream (RFC 9113 section 8.1), whether they say so or not.
      if (frame.type === FrameType.HEADERS) {
        this.#trailers = await this.#frames.block(frame);
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

function withoutAnswer(): ProbeFailure {
  return new ProbeFailure("connection closed without an answer");
}

function notHttp2(what: string): ProbeFailure {
  return new ProbeFailure(`the answer is not HTTP/2: ${what}`);
}
