/**
 * One unary call of gRPC on a connection of its own ("gRPC over HTTP2" of the gRPC documentation): a POST with one message,
 * answered by a header, one message and trailers, or by trailers alone. One stream, no dynamic header table; what the server
 * wants to have acknowledged meanwhile is. Neither side sends more than the first window of HTTP/2 lets it.
 */
import { Reader } from "../../bytes/reader.ts";
import { Writer } from "../../bytes/writer.ts";
import { latin1Octets } from "../../net/latin1.ts";
import type { StreamSocket } from "../../net/sockets.ts";
import { foreignText } from "../../text/foreign.ts";
import { ProbeFailure } from "./failure.ts";
import { decodeFields, encodeFields } from "./hpack.ts";
import { interimAnswers, MAX_INTERIM_ANSWERS } from "./http_exchange.ts";
import {
  checkEnd,
  Flag,
  type Frame,
  frameOctets,
  FrameReader,
  FrameType,
  MAX_HEADER_OCTETS,
  PREFACE,
  Setting,
  STREAM,
  withoutPadding,
} from "./http2_frames.ts";

/** What is called, and with which message. */
export interface UnaryCall {
  readonly scheme: "http" | "https";
  readonly authority: string;
  /** `/package.Service/Method`. */
  readonly path: string;
  /** The server may give up after so long. */
  readonly timeoutMs: number;
  /** As protobuf has it. */
  readonly message: Uint8Array;
}

/** How a call ended. */
export interface UnaryAnswer {
  /** The code of gRPC; undefined: the server has not sent one, so that it does not speak gRPC. */
  readonly grpcStatus: number | undefined;
  /** What the server says of it; "": nothing. */
  readonly grpcMessage: string;
  /** Of HTTP: other than 200 where something between says no. */
  readonly httpStatus: number;
  /** The messages, each with its length before it. */
  readonly body: Uint8Array;
}

const PUSH_PROMISE = 5;
/** The body of an answer is no longer. */
const MAX_BODY_OCTETS = 16_384;
/** SETTINGS and PING that are acknowledged in one call. */
const MAX_ACKNOWLEDGED = 32;
/** Longer ones are cut. */
const GRPC_MESSAGE_LENGTH = 100;
/** A character has four octets at most, of three each. */
const LONGEST_CODED = 12;

/**
 * Calls on `stream`, which bounds what is read.
 * @throws {ProbeFailure} no answer, or one that is not HTTP/2
 * @throws {Error} the connection's own
 */
export async function callUnary(stream: StreamSocket, call: UnaryCall): Promise<UnaryAnswer> {
  const send = (octets: Uint8Array) => void stream.write(octets).catch(() => {});
  send(callOctets(call));
  const frames = new FrameReader(stream);
  const answer = new AnswerFrames(send);
  for (let frame = await frames.next(), isFirst = true; frame !== undefined; frame = await frames.next()) {
    if (isFirst && frame.type !== FrameType.SETTINGS) throw new ProbeFailure("the answer is not HTTP/2");
    answer.add(frame);
    if (answer.isComplete) return answer.outcome();
    isFirst = false;
  }
  throw new ProbeFailure("connection closed without an answer");
}

function callOctets({ scheme, authority, path, timeoutMs, message }: UnaryCall): Uint8Array {
  const settings = new Writer()
    .u16(Setting.HEADER_TABLE_SIZE).u32(0)
    .u16(Setting.ENABLE_PUSH).u32(0)
    .u16(Setting.MAX_HEADER_LIST_SIZE).u32(MAX_HEADER_OCTETS).finish();
  const block = encodeFields([
    [":method", "POST"],
    [":scheme", scheme],
    [":path", path],
    [":authority", authority],
    ["te", "trailers"],
    ["grpc-timeout", `${timeoutMs}m`],
    ["content-type", "application/grpc"],
    ["user-agent", "bgp-lb"],
  ]);
  const body = new Writer().u8(0).u32(message.byteLength).bytes(message).finish();
  return new Writer().bytes(new TextEncoder().encode(PREFACE))
    .bytes(frameOctets(FrameType.SETTINGS, 0, 0, settings))
    .bytes(frameOctets(FrameType.HEADERS, Flag.END_HEADERS, STREAM, block))
    .bytes(frameOctets(FrameType.DATA, Flag.END_STREAM, STREAM, body)).finish();
}

/** Makes the answer of the frames of a connection. */
class AnswerFrames {
  readonly #send: (octets: Uint8Array) => void;
  readonly #body = new Writer();
  /** A header block that is not complete, and whether nothing follows it. */
  #block: { readonly octets: Writer; readonly isLast: boolean } | undefined;
  #interim = 0;
  #acknowledged = 0;
  #httpStatus: number | undefined;
  #grpcStatus: number | undefined;
  #grpcMessage = "";
  #isComplete = false;

  constructor(send: (octets: Uint8Array) => void) {
    this.#send = send;
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** @throws {ProbeFailure} it is none that may come now */
  add(frame: Frame): void {
    if (this.#block !== undefined) return this.#continue(frame);
    checkEnd(frame);
    if (frame.type === FrameType.CONTINUATION) throw notHttp2("a header without a beginning");
    if (frame.type === PUSH_PROMISE) throw notHttp2("a push, which was switched off");
    if (frame.type === FrameType.SETTINGS || frame.type === FrameType.PING) this.#acknowledge(frame);
    if (frame.stream !== STREAM) return;
    if (frame.type === FrameType.HEADERS) this.#begin(frame);
    else if (frame.type === FrameType.DATA) this.#addData(frame);
  }

  outcome(): UnaryAnswer {
    return {
      grpcStatus: this.#grpcStatus,
      grpcMessage: this.#grpcMessage,
      httpStatus: this.#httpStatus ?? 0,
      body: this.#body.finish(),
    };
  }

  #acknowledge({ type, flags, payload }: Frame): void {
    if (flags & Flag.ACK) return;
    if (++this.#acknowledged > MAX_ACKNOWLEDGED) {
      throw new ProbeFailure(`more than ${MAX_ACKNOWLEDGED} SETTINGS and PING frames and no answer`);
    }
    this.#send(frameOctets(type, Flag.ACK, 0, type === FrameType.PING ? payload : new Uint8Array()));
  }

  #begin(frame: Frame): void {
    this.#block = { octets: new Writer(), isLast: (frame.flags & Flag.END_STREAM) !== 0 };
    this.#addToBlock(this.#block, withoutPadding(frame), frame.flags);
  }

  #continue({ type, stream, flags, payload }: Frame): void {
    if (this.#block === undefined || type !== FrameType.CONTINUATION || stream !== STREAM) {
      throw notHttp2("a header that is cut");
    }
    this.#addToBlock(this.#block, payload, flags);
  }

  #addToBlock(block: { octets: Writer; isLast: boolean }, octets: Uint8Array, flags: number): void {
    block.octets.bytes(octets);
    if (block.octets.length > MAX_HEADER_OCTETS) {
      throw new ProbeFailure(`the answer is too large: the head is longer than ${MAX_HEADER_OCTETS} octets`);
    }
    if ((flags & Flag.END_HEADERS) === 0) return;
    this.#block = undefined;
    this.#addFields(block.octets.finish(), block.isLast);
  }

  #addFields(block: Uint8Array, isLast: boolean): void {
    const fields = decodeFields(block, ["grpc-status", "grpc-message"]);
    const valueOf = (asked: string) => fields.find(({ name }) => name === asked)?.value;
    const grpcStatus = valueOf("grpc-status");
    if (this.#httpStatus === undefined) {
      const status = valueOf(":status") ?? "";
      if (!/^[1-9]\d\d$/.test(status)) throw notHttp2("it has no status");
      if (status.startsWith("1") && !isLast) return this.#countInterim();
      this.#httpStatus = Number(status);
    } else if (!isLast) {
      throw notHttp2("trailers that are not the end");
    }
    // Also where the server sends trailers alone, in place of a header.
    if (grpcStatus !== undefined && /^\d{1,9}$/.test(grpcStatus)) this.#grpcStatus = Number(grpcStatus);
    const grpcMessage = valueOf("grpc-message");
    if (grpcMessage !== undefined) {
      this.#grpcMessage = foreignText(percentDecoded(grpcMessage), GRPC_MESSAGE_LENGTH);
    }
    this.#isComplete = isLast;
  }

  #countInterim(): void {
    if (++this.#interim > MAX_INTERIM_ANSWERS) throw interimAnswers();
  }

  #addData(frame: Frame): void {
    if (this.#httpStatus === undefined) throw notHttp2("a body without a header");
    this.#body.bytes(withoutPadding(frame));
    if (this.#body.length > MAX_BODY_OCTETS) {
      throw new ProbeFailure(`the answer is too large: the body is longer than ${MAX_BODY_OCTETS} octets`);
    }
    this.#isComplete = (frame.flags & Flag.END_STREAM) !== 0;
  }
}

function notHttp2(what: string): ProbeFailure {
  return new ProbeFailure(`the answer is not HTTP/2: ${what}`);
}

/** What is in no order counts as it is, and of a character that was cut its place is seen: so gRPC has it for clients. */
function percentDecoded(text: string): string {
  const octets = text.slice(0, LONGEST_CODED * GRPC_MESSAGE_LENGTH).replace(
    /%([0-9a-f]{2})/gi,
    (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return new TextDecoder().decode(latin1Octets(octets));
}

/**
 * The only message of a body (Length-Prefixed-Message of the same document).
 * @throws {ProbeFailure} there is none, more than one, or one that is compressed, which nobody asked for
 */
export function onlyMessage(body: Uint8Array): Uint8Array {
  const PREFIX_OCTETS = 5;
  if (body.byteLength < PREFIX_OCTETS) throw new ProbeFailure("the answer has no message");
  const reader = new Reader(body);
  if (reader.u8("compressed") !== 0) {
    throw new ProbeFailure("the answer is compressed, which was not asked for");
  }
  const length = reader.u32("length");
  if (length !== reader.remaining) throw new ProbeFailure("the answer is not one message of gRPC");
  return reader.rest();
}
