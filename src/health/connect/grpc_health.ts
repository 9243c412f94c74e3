/**
 * grpc.health.v1.Health/Check ("GRPC Health Checking Protocol" of the gRPC documentation): the two messages as protobuf has
 * them, and what an answer says in words.
 */
import { Reader, ReadError } from "../../bytes/reader.ts";
import { Writer } from "../../bytes/writer.ts";
import { ProbeFailure } from "./failure.ts";
import { onlyMessage, type UnaryAnswer } from "./grpc_call.ts";

/** The path of the method. */
export const CHECK_PATH = "/grpc.health.v1.Health/Check";

/** HealthCheckResponse.ServingStatus. */
const SERVING_STATUSES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] as const;

/** Codes of gRPC, from 0 on. */
const CODES = (
  "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED " +
  "FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED"
).split(" ");
const OK = 0;
const NOT_FOUND = 5;
const UNIMPLEMENTED = 12;

/** Wire types of protobuf. */
const Wire = { VARINT: 0, I64: 1, LEN: 2, I32: 5 } as const;
/** Number of the only field of both messages. */
const FIELD = 1;
const MAX_VARINT_OCTETS = 10;

/** HealthCheckRequest for `service`; "": the server as a whole. */
export function encodeHealthRequest(service: string): Uint8Array {
  const name = new TextEncoder().encode(service);
  if (name.byteLength === 0) return new Uint8Array();
  const writer = new Writer().u8(FIELD << 3 | Wire.LEN);
  let rest = name.byteLength;
  for (; rest >= 0x80; rest >>>= 7) writer.u8(rest & 0x7f | 0x80);
  return writer.u8(rest).bytes(name).finish();
}

/**
 * The status of a HealthCheckResponse; fields that nobody knows are skipped.
 * @throws {ProbeFailure} it is no message of protobuf
 */
export function decodeHealthResponse(message: Uint8Array): number {
  const reader = new Reader(message);
  let status = 0n;
  try {
    while (reader.remaining > 0) {
      const tag = readVarint(reader);
      const wire = Number(tag & 7n);
      if (tag >> 3n === BigInt(FIELD) && wire === Wire.VARINT) status = readVarint(reader);
      else skipField(reader, wire);
    }
  } catch (error) {
    if (error instanceof ReadError) throw new ProbeFailure("the answer is no message of protobuf: it is cut");
    throw error;
  }
  return Number(BigInt.asIntN(32, status));
}

function skipField(reader: Reader, wire: number): void {
  if (wire === Wire.VARINT) readVarint(reader);
  else if (wire === Wire.I64) reader.bytes(8, "I64");
  else if (wire === Wire.I32) reader.bytes(4, "I32");
  else if (wire === Wire.LEN) {
    const length = readVarint(reader);
    reader.bytes(length > BigInt(reader.remaining) ? reader.remaining + 1 : Number(length), "LEN");
  } else throw new ProbeFailure(`the answer is no message of protobuf: wire type ${wire}`);
}

function readVarint(reader: Reader): bigint {
  let value = 0n;
  for (let at = 0; at < MAX_VARINT_OCTETS; at++) {
    const octet = reader.u8("varint");
    value |= BigInt(octet & 0x7f) << BigInt(7 * at);
    if (octet < 0x80) return value;
  }
  throw new ProbeFailure("the answer is no message of protobuf: a number that is too long");
}

/** `SERVING`. @throws {ProbeFailure} whatever else the answer for `service` says */
export function servingStatus(answer: UnaryAnswer, service: string): "SERVING" {
  const { grpcStatus, httpStatus } = answer;
  if (grpcStatus === undefined) {
    throw new ProbeFailure(
      httpStatus === 200
        ? "the answer is not gRPC: it has no grpc-status"
        : `not gRPC: HTTP status ${httpStatus}`,
    );
  }
  if (grpcStatus !== OK) throw new ProbeFailure(wordsOf(answer, grpcStatus, service));
  const status = decodeHealthResponse(onlyMessage(answer.body));
  const name = SERVING_STATUSES[status];
  if (name === "SERVING") return name;
  throw new ProbeFailure(`${name ?? `an unknown status, ${status}`}${of(service)}`);
}

function wordsOf({ grpcMessage }: UnaryAnswer, code: number, service: string): string {
  const said = grpcMessage === "" ? "" : ` (${grpcMessage})`;
  const name = `grpc-status ${code} ${CODES[code] ?? "of no name"}`;
  if (code === UNIMPLEMENTED) {
    return `${name}: the server has no health service, grpc.health.v1.Health${said}`;
  }
  if (code === NOT_FOUND) {
    return `${name}: the server's health service knows no service ${JSON.stringify(service)}${said}`;
  }
  return `${name}${said}`;
}

function of(service: string): string {
  return service === "" ? "" : `: ${service}`;
}
