/**
 * One unary call of gRPC on a connection of its own ("gRPC over HTTP2" of the gRPC documentation): a POST with one message,
 * answered by a header, one message and trailers, or by trailers alone.
 */
import { Reader } from "../../bytes/reader.ts";
import { Writer } from "../../bytes/writer.ts";
import { latin1Octets } from "../../net/latin1.ts";
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
/** A character has four octets at most, of three each. */
const LONGEST_CODED = 12;

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
    grpcMessage: foreignText(percentDecoded(said("grpc-message")), GRPC_MESSAGE_LENGTH),
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
