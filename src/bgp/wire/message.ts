/**
 * Framing and the five messages (RFC 4271 sections 4 and 6.1, RFC 2918, RFC 7313, RFC 8654). Framing has three
 * answers: a whole message, more bytes are needed, or a NotificationError, which comes as early as the bytes show it.
 */
import type { AfiSafi } from "./capability.ts";
import type { CodecContext } from "./codec_context.ts";
import {
  ErrorCode,
  HEADER_LENGTH,
  MARKER_LENGTH,
  MAX_MESSAGE_LENGTH,
  MessageHeaderSubcode,
  MessageType,
  RouteRefreshSubcode,
} from "./constants.ts";
import {
  decodeNotification,
  encodeNotification,
  NotificationError,
  type NotificationMessage,
} from "./notification.ts";
import { decodeOpen, encodeOpen, type OpenMessage } from "./open.ts";
import { decodeUpdate, encodeUpdate, type UpdateMessage } from "./update.ts";

/** A KEEPALIVE; it is a header alone. */
export interface KeepaliveMessage {
  readonly type: "KEEPALIVE";
}

/** ROUTE-REFRESH; `subtype` 0 is a request, 1 BoRR, 2 EoRR (RFC 7313), any other must be ignored. */
export interface RouteRefreshMessage {
  readonly type: "ROUTE-REFRESH";
  readonly family: AfiSafi;
  readonly subtype: number;
}

/** Any BGP message. */
export type Message =
  | OpenMessage
  | UpdateMessage
  | NotificationMessage
  | KeepaliveMessage
  | RouteRefreshMessage;

/** What stands at the front of a receive buffer; an error is thrown instead. */
export type Frame =
  /** `length` octets are one message with a good header, to be handed to `decodeMessage`. */
  | { readonly type: "message"; readonly length: number; readonly messageType: number }
  /** At least `needed` octets must be in the buffer before it is worth asking again. */
  | { readonly type: "incomplete"; readonly needed: number };

/** Smallest whole length by message type; ROUTE-REFRESH is judged when it is complete (RFC 7313 section 5). */
const MIN_LENGTH: ReadonlyMap<number, number> = new Map([
  [MessageType.OPEN, 29],
  [MessageType.UPDATE, 23],
  [MessageType.NOTIFICATION, 21],
  [MessageType.KEEPALIVE, HEADER_LENGTH],
  [MessageType.ROUTE_REFRESH, HEADER_LENGTH],
]);
const ROUTE_REFRESH_LENGTH = 23;
const ROUTE_REFRESH_SUBTYPES = 3;

/**
 * Looks at what stands in `buffer` between two offsets. `maxLength` is what was negotiated; OPEN and KEEPALIVE never exceed 4096.
 * @throws {NotificationError} 1/1, 1/2 with the Length field, 1/3 with the type
 */
export function frame(
  buffer: Uint8Array,
  maxLength: number,
  start: number = 0,
  end: number = buffer.byteLength,
): Frame {
  const available = end - start;
  const marker = Math.min(available, MARKER_LENGTH);
  for (let i = 0; i < marker; i++) {
    const octet = buffer[start + i];
    if (octet !== 0xff) {
      throw headerError(
        MessageHeaderSubcode.CONNECTION_NOT_SYNCHRONIZED,
        `marker octet ${i} is ${octet}, not 255`,
      );
    }
  }
  if (available < MARKER_LENGTH + 2) return { type: "incomplete", needed: HEADER_LENGTH };
  const length = ((buffer[start + 16] ?? 0) << 8) | (buffer[start + 17] ?? 0);
  if (length < HEADER_LENGTH || length > maxLength) {
    throw badLength(length, `must be ${HEADER_LENGTH} to ${maxLength}`);
  }
  if (available < HEADER_LENGTH) return { type: "incomplete", needed: HEADER_LENGTH };
  const messageType = buffer[start + 18] ?? 0;
  checkLength(messageType, length);
  return available < length
    ? { type: "incomplete", needed: length }
    : { type: "message", length, messageType };
}

/**
 * Reads one whole message, header included. UPDATEs keep views of `bytes`: read them before the buffer is used again.
 * @throws {NotificationError} for whatever is wrong with it
 */
export function decodeMessage(bytes: Uint8Array, context: CodecContext): Message {
  const head = frame(bytes, context.maxReceiveLength);
  if (head.type === "incomplete" || head.length !== bytes.byteLength) {
    const text = `${bytes.byteLength} octets are not one message`;
    throw headerError(MessageHeaderSubcode.BAD_MESSAGE_LENGTH, text);
  }
  return decodeFramed(bytes, 0, bytes.byteLength, context);
}

/**
 * Reads one whole message between two offsets, whose header `frame` has found good, as `decodeMessage` does.
 * @throws {NotificationError} for whatever is wrong behind the header
 */
export function decodeFramed(bytes: Uint8Array, from: number, to: number, context: CodecContext): Message {
  const bodyAt = from + HEADER_LENGTH;
  switch (bytes[bodyAt - 1]) {
    case MessageType.UPDATE:
      return decodeUpdate(bytes, bodyAt, to, context);
    case MessageType.OPEN:
      return decodeOpen(bytes.subarray(bodyAt, to));
    case MessageType.NOTIFICATION:
      return decodeNotification(bytes.subarray(bodyAt, to));
    case MessageType.ROUTE_REFRESH:
      return decodeRouteRefresh(bytes.subarray(from, to));
    default:
      return { type: "KEEPALIVE" };
  }
}

/**
 * One whole message. Too much NOTIFICATION data is cut.
 * @throws {RangeError} where an OPEN or UPDATE is longer than may be sent
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { INITIAL_CONTEXT } from "./codec_context.ts";
 *
 * const bytes = encodeMessage({ type: "ROUTE-REFRESH", family: { afi: 1, safi: 1 }, subtype: 0 }, INITIAL_CONTEXT);
 * assert.deepEqual([...bytes.subarray(16)], [0, 23, 5, 0, 1, 0, 1]);
 * assert.equal(decodeMessage(bytes, INITIAL_CONTEXT).type, "ROUTE-REFRESH");
 * ```
 */
export function encodeMessage(message: Message, context: CodecContext): Uint8Array {
  switch (message.type) {
    case "OPEN":
      return withHeader(MessageType.OPEN, encodeOpen(message), MAX_MESSAGE_LENGTH);
    case "UPDATE":
      return withHeader(MessageType.UPDATE, encodeUpdate(message, context), context.maxSendLength);
    case "NOTIFICATION": {
      const body = encodeNotification(message, context.maxSendLength - HEADER_LENGTH);
      return withHeader(MessageType.NOTIFICATION, body, context.maxSendLength);
    }
    case "KEEPALIVE":
      return keepalive();
    case "ROUTE-REFRESH": {
      const { family, subtype } = message;
      const body = Uint8Array.of(family.afi >>> 8, family.afi & 0xff, subtype, family.safi);
      return withHeader(MessageType.ROUTE_REFRESH, body, context.maxSendLength);
    }
  }
}

/** The 19 octets of a KEEPALIVE. */
export function keepalive(): Uint8Array {
  return withHeader(MessageType.KEEPALIVE, new Uint8Array(), MAX_MESSAGE_LENGTH);
}

/** Writes marker, length and type at the front of `message`, whose length it takes as it is. */
export function writeHeader(message: Uint8Array, type: number): void {
  message.fill(0xff, 0, MARKER_LENGTH);
  message[MARKER_LENGTH] = message.byteLength >>> 8;
  message[MARKER_LENGTH + 1] = message.byteLength & 0xff;
  message[MARKER_LENGTH + 2] = type;
}

function withHeader(type: number, body: Uint8Array, maxLength: number): Uint8Array {
  const length = HEADER_LENGTH + body.byteLength;
  if (length > maxLength) {
    throw new RangeError(`message of type ${type} takes ${length} octets, ${maxLength} at most`);
  }
  const message = new Uint8Array(length);
  writeHeader(message, type);
  message.set(body, HEADER_LENGTH);
  return message;
}

/** RFC 4271 section 6.1: the rules for the length of each type. */
function checkLength(messageType: number, length: number): void {
  const min = MIN_LENGTH.get(messageType);
  if (min === undefined) {
    const data = Uint8Array.of(messageType);
    throw headerError(MessageHeaderSubcode.BAD_MESSAGE_TYPE, `message of type ${messageType}`, data);
  }
  if (length < min) {
    throw badLength(length, `must be at least ${min} for type ${messageType}`);
  }
  if (messageType === MessageType.KEEPALIVE && length !== HEADER_LENGTH) {
    throw badLength(length, `must be ${HEADER_LENGTH} for KEEPALIVE`);
  }
  if (messageType === MessageType.OPEN && length > MAX_MESSAGE_LENGTH) {
    throw badLength(length, `must be at most ${MAX_MESSAGE_LENGTH} for OPEN`);
  }
}

function decodeRouteRefresh(bytes: Uint8Array): RouteRefreshMessage {
  const subtype = bytes[HEADER_LENGTH + 2] ?? 0;
  const known = bytes.byteLength < ROUTE_REFRESH_LENGTH || subtype < ROUTE_REFRESH_SUBTYPES;
  if (known && bytes.byteLength !== ROUTE_REFRESH_LENGTH) {
    throw new NotificationError(
      ErrorCode.ROUTE_REFRESH_MESSAGE,
      RouteRefreshSubcode.INVALID_MESSAGE_LENGTH,
      `ROUTE-REFRESH of ${bytes.byteLength} octets, must be ${ROUTE_REFRESH_LENGTH}`,
      bytes.slice(),
    );
  }
  const [high = 0, low = 0, , safi = 0] = bytes.subarray(HEADER_LENGTH);
  return { type: "ROUTE-REFRESH", family: { afi: (high << 8) | low, safi }, subtype };
}

function badLength(length: number, rule: string): NotificationError {
  const data = Uint8Array.of(length >>> 8, length & 0xff);
  const text = `message length ${length}, ${rule}`;
  return headerError(MessageHeaderSubcode.BAD_MESSAGE_LENGTH, text, data);
}

function headerError(
  subcode: number,
  text: string,
  data: Uint8Array = new Uint8Array(),
): NotificationError {
  return new NotificationError(ErrorCode.MESSAGE_HEADER, subcode, text, data);
}
