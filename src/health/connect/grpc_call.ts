/**
 * One unary call of gRPC on a connection of its own ("gRPC over HTTP2" of the gRPC documentation): a POST with one message,
 * answered by a header, one message and trailers, or by trailers alone.
 */
import { Reader } from "../../bytes/reader.ts";
import { Writer } from "../../bytes/writer.ts";
import type { StreamSocket } from "../../net/sockets.ts";
import { foreignText } from "../../text/foreign.ts";
import { ProbeFailure } from "./failure.ts";
import { askByHttp2 } from "./http2.ts";
import type { HttpAnswer } from "./http_exchange.ts";

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

/** The body of an answer is no longer. */
const MAX_BODY_OCTETS = 16_384;
/** Longer ones are cut. */
const GRPC_MESSAGE_LENGTH = 100;

/**
 * Calls on `stream`, which bounds what is read.
 * @throws {ProbeFailure} no answer, or one that is not HTTP/2
 * @throws {Error} the connection's own
 */
export async function callUnary(
  stream: StreamSocket,
  { scheme, authority, path, timeoutMs, message }: UnaryCall,
): Promise<UnaryAnswer> {
  const answer = await askByHttp2(stream, {
    method: "POST",
    scheme,
    authority,
    path,
    fields: {
      te: "trailers",
      "grpc-timeout": `${timeoutMs}m`,
      "content-type": "application/grpc",
      "user-agent": "bgp-lb",
    },
    wanted: { fields: ["grpc-status", "grpc-message"], body: true },
    body: new Writer().u8(0).u32(message.byteLength).bytes(message).finish(),
  });
  const body = await wholeBody(answer);
  // In the header, where the server sends trailers alone.
  const said = (name: string) => answer.trailer(name) ?? answer.field(name) ?? "";
  const status = said("grpc-status");
  return {
    grpcStatus: /^\d{1,9}$/.test(status) ? Number(status) : undefined,
    grpcMessage: percentDecoded(said("grpc-message")),
    httpStatus: answer.status,
    body,
  };
}

async function wholeBody(answer: HttpAnswer): Promise<Uint8Array> {
  const body = new Writer();
  for (let piece = await answer.readBody(); piece !== undefined; piece = await answer.readBody()) {
    body.bytes(piece);
    if (body.length > MAX_BODY_OCTETS) {
      throw new ProbeFailure(`the answer is too large: the body is longer than ${MAX_BODY_OCTETS} octets`);
    }
  }
  return body.finish();
}

function percentDecoded(text: string): string {
  const short = text.slice(0, 3 * GRPC_MESSAGE_LENGTH);
  try {
    return foreignText(decodeURIComponent(short), GRPC_MESSAGE_LENGTH);
  } catch {
    return foreignText(short, GRPC_MESSAGE_LENGTH);
  }
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
