/** What a gRPC server sends, frame by frame, and a call of its health service that is met by that. */
import { callUnary, type UnaryAnswer } from "../../src/health/connect/grpc_call.ts";
import { CHECK_PATH, encodeHealthRequest } from "../../src/health/connect/grpc_health.ts";
import { encodeFields } from "../../src/health/connect/hpack.ts";
import type { StreamSocket } from "../../src/net/sockets.ts";

/** Octets in hexadecimal, spaces where one likes. */
export function hex(text: string): Uint8Array {
  return Uint8Array.fromHex(text.replaceAll(" ", ""));
}

/** All of them, one after the other. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const octets = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  parts.reduce((at, part) => (octets.set(part, at), at + part.byteLength), 0);
  return octets;
}

/** A frame of HTTP/2 (RFC 9113 section 4.1). */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array | string = "",
): Uint8Array {
  const octets = typeof payload === "string" ? hex(payload) : payload;
  const length = [octets.length >> 16, octets.length >> 8 & 255, octets.length & 255];
  return joined(Uint8Array.of(...length, type, flags, 0, 0, 0, stream), octets);
}

/** Flags of frames. */
export const [END_STREAM, END_HEADERS, PADDED] = [1, 4, 8] as const;
/** SETTINGS that say nothing. */
export const SETTINGS: Uint8Array = frame(4, 0, 0);
/** `SERVING`, with its length before it. */
export const SERVING = "00 00000002 0801";

type Fields = readonly (readonly [string, string])[];

/** The header of an answer; with END_STREAM, of one that has trailers alone. */
export function head(flags: number, ...fields: Fields): Uint8Array {
  const all = [[":status", "200"], ["content-type", "application/grpc"], ...fields] as const;
  return frame(1, END_HEADERS | flags, 1, encodeFields(all));
}

/** The end of an answer. */
export function trailers(...fields: Fields): Uint8Array {
  return frame(1, END_HEADERS | END_STREAM, 1, encodeFields(fields));
}

/** An answer that passes. */
export const WELL: readonly Uint8Array[] = [
  SETTINGS,
  head(0),
  frame(0, 0, 1, SERVING),
  trailers(["grpc-status", "0"]),
];

/** The answer to a call that is met by `pieces`; what was sent goes to `sent`. */
export function callMetBy(
  pieces: readonly Uint8Array[],
  sent: Uint8Array[] = [],
): Promise<UnaryAnswer> {
  const rest = [...pieces];
  const stream: StreamSocket = {
    local: undefined,
    remote: undefined,
    read: () => Promise.resolve(rest.shift()),
    write: (octets) => Promise.resolve(void sent.push(octets.slice())),
    end: () => Promise.resolve(),
    [Symbol.dispose]() {},
  };
  return callUnary(stream, {
    scheme: "http",
    authority: "a.example:50051",
    path: CHECK_PATH,
    timeoutMs: 1500,
    message: encodeHealthRequest("a"),
  });
}
