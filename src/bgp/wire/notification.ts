/**
 * NOTIFICATION (RFC 4271 sections 4.5 and 6, RFC 4486, RFC 6608): the message, its words, the shutdown
 * communication (RFC 9003), Hard Reset (RFC 8538), and the one error that hostile or broken input becomes.
 */
import { UNPRINTABLE } from "../../text/escapes.ts";
import {
  AttributeType,
  CeaseSubcode,
  ErrorCode,
  FsmSubcode,
  MessageHeaderSubcode,
  OpenSubcode,
  RouteRefreshSubcode,
  UpdateSubcode,
} from "./constants.ts";

/** A NOTIFICATION message, as sent or received. */
export interface NotificationMessage {
  readonly type: "NOTIFICATION";
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

/** A fault of the peer's that ends the session with this NOTIFICATION. Thrown by codecs, caught in one place. */
export class NotificationError extends Error {
  override readonly name = "NotificationError";
  constructor(
    readonly code: number,
    readonly subcode: number,
    message: string,
    readonly data: Uint8Array = new Uint8Array(),
  ) {
    super(message);
  }

  /** The message that tells the peer. */
  notification(): NotificationMessage {
    return { type: "NOTIFICATION", code: this.code, subcode: this.subcode, data: this.data };
  }
}

/** RFC 9003: octets of UTF-8. */
const MAX_SHUTDOWN_COMMUNICATION = 255;

/** The body of a NOTIFICATION, without header; `data` beyond `maxLength` is cut. */
export function encodeNotification(message: NotificationMessage, maxLength: number): Uint8Array {
  const data = message.data.subarray(0, Math.max(0, maxLength - 2));
  const body = new Uint8Array(2 + data.byteLength);
  body.set([message.code, message.subcode]);
  body.set(data, 2);
  return body;
}

/** Reads the body of a NOTIFICATION, which framing has made at least two octets long. */
export function decodeNotification(body: Uint8Array): NotificationMessage {
  const [code = 0, subcode = 0] = body;
  return { type: "NOTIFICATION", code, subcode, data: body.slice(2) };
}

/** A Cease with a shutdown communication; `text` is cut to 255 octets between characters; "" sends none. */
export function cease(subcode: number, text: string = ""): NotificationMessage {
  const data = carriesCommunication(subcode) && text !== "" ? encodeCommunication(text) : new Uint8Array();
  return { type: "NOTIFICATION", code: ErrorCode.CEASE, subcode, data };
}

/** Wraps a NOTIFICATION in Cease/Hard Reset, so that a graceful-restart peer drops the routes (RFC 8538). */
export function hardReset(inner: NotificationMessage): NotificationMessage {
  const data = encodeNotification(inner, Number.MAX_SAFE_INTEGER);
  return { type: "NOTIFICATION", code: ErrorCode.CEASE, subcode: CeaseSubcode.HARD_RESET, data };
}

/** What a Hard Reset wraps, or undefined where `message` is none or says no reason. */
export function hardResetReason(message: NotificationMessage): NotificationMessage | undefined {
  if (!isHardReset(message) || message.data.byteLength < 2) return undefined;
  return decodeNotification(message.data);
}

/** Is it Cease/Hard Reset? */
export function isHardReset(message: NotificationMessage): boolean {
  return message.code === ErrorCode.CEASE && message.subcode === CeaseSubcode.HARD_RESET;
}

/**
 * The peer's shutdown communication, within a Hard Reset too, or undefined where there is none or it is not
 * well-formed UTF-8. Control characters are replaced, as it ends up in logs and on terminals.
 */
export function shutdownCommunication(message: NotificationMessage): string | undefined {
  const inner = hardResetReason(message);
  if (inner !== undefined && !isHardReset(inner)) return shutdownCommunication(inner);
  if (message.code !== ErrorCode.CEASE || !carriesCommunication(message.subcode)) return undefined;
  const [length = 0] = message.data;
  if (length === 0 || message.data.byteLength < 1 + length) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(message.data.subarray(1, 1 + length));
    return text.replace(UNPRINTABLE, "\ufffd");
  } catch {
    return undefined;
  }
}

/**
 * May it be about the next hop in an MP_REACH_NLRI? Its data is the attribute that was found wrong (RFC 4271 section 6.3,
 * RFC 4760 section 7), where the peer sends any.
 */
export function blamesNextHop({ code, subcode, data }: NotificationMessage): boolean {
  if (code !== ErrorCode.UPDATE_MESSAGE) return false;
  const named = attributeIn(data);
  if (named !== undefined) return named === AttributeType.MP_REACH_NLRI;
  return subcode === UpdateSubcode.OPTIONAL_ATTRIBUTE_ERROR ||
    subcode === UpdateSubcode.MALFORMED_ATTRIBUTE_LIST ||
    subcode === UpdateSubcode.ATTRIBUTE_LENGTH_ERROR ||
    subcode === UpdateSubcode.INVALID_NEXT_HOP_ATTRIBUTE;
}

/** The type of the attribute that `data` is, whole or cut at its end; undefined: it is none, such as the value of one alone. */
function attributeIn(data: Uint8Array): number | undefined {
  const [flags = 0, type, high = 0, low = 0] = data;
  if (data.byteLength < 2 || type === 0 || (flags & UNUSED_FLAGS) !== 0) return undefined;
  const isExtended = (flags & EXTENDED_LENGTH) !== 0;
  const end = isExtended ? 4 + (high << 8 | low) : 3 + high;
  return data.byteLength <= end ? type : undefined;
}

/**
 * A NOTIFICATION in the registry's words: `Cease/Administrative Shutdown: TEXT`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(describeNotification(cease(2, "new kernel")), "Cease/Administrative Shutdown: new kernel");
 * ```
 */
export function describeNotification(message: NotificationMessage): string {
  const name = describeCodes(message.code, message.subcode);
  const inner = hardResetReason(message);
  if (inner !== undefined) {
    return `${name} (${
      isHardReset(inner) ? describeCodes(inner.code, inner.subcode) : describeNotification(inner)
    })`;
  }
  const text = shutdownCommunication(message);
  return text === undefined ? name : `${name}: ${text}`;
}

/** An error code and subcode in the registry's words; numbers where it has none. */
export function describeCodes(code: number, subcode: number): string {
  const entry = NAMES.get(code);
  if (entry === undefined) return `error ${code}/${subcode}`;
  const [name, subcodes] = entry;
  const subname = subcodes.get(subcode);
  if (subname !== undefined) return `${name}/${subname}`;
  return subcode === 0 ? name : `${name}/subcode ${subcode}`;
}

function carriesCommunication(subcode: number): boolean {
  return subcode === CeaseSubcode.ADMINISTRATIVE_SHUTDOWN || subcode === CeaseSubcode.ADMINISTRATIVE_RESET;
}

function encodeCommunication(text: string): Uint8Array {
  const buffer = new Uint8Array(1 + MAX_SHUTDOWN_COMMUNICATION);
  // encodeInto stops between characters where the buffer is full.
  const { written } = new TextEncoder().encodeInto(text.toWellFormed(), buffer.subarray(1));
  buffer[0] = written;
  return buffer.slice(0, 1 + written);
}

/** Flags of a path attribute (RFC 4271 section 4.3). */
const EXTENDED_LENGTH = 0x10;
const UNUSED_FLAGS = 0x0f;

const NAMES: ReadonlyMap<number, readonly [string, ReadonlyMap<number, string>]> = new Map([
  [ErrorCode.MESSAGE_HEADER, [
    "Message Header Error",
    new Map<number, string>([
      [MessageHeaderSubcode.CONNECTION_NOT_SYNCHRONIZED, "Connection Not Synchronized"],
      [MessageHeaderSubcode.BAD_MESSAGE_LENGTH, "Bad Message Length"],
      [MessageHeaderSubcode.BAD_MESSAGE_TYPE, "Bad Message Type"],
    ]),
  ]],
  [ErrorCode.OPEN_MESSAGE, [
    "OPEN Message Error",
    new Map<number, string>([
      [OpenSubcode.UNSUPPORTED_VERSION_NUMBER, "Unsupported Version Number"],
      [OpenSubcode.BAD_PEER_AS, "Bad Peer AS"],
      [OpenSubcode.BAD_BGP_IDENTIFIER, "Bad BGP Identifier"],
      [OpenSubcode.UNSUPPORTED_OPTIONAL_PARAMETER, "Unsupported Optional Parameter"],
      [5, "Authentication Failure"],
      [OpenSubcode.UNACCEPTABLE_HOLD_TIME, "Unacceptable Hold Time"],
      [OpenSubcode.UNSUPPORTED_CAPABILITY, "Unsupported Capability"],
      [OpenSubcode.ROLE_MISMATCH, "Role Mismatch"],
    ]),
  ]],
  [ErrorCode.UPDATE_MESSAGE, [
    "UPDATE Message Error",
    new Map<number, string>([
      [UpdateSubcode.MALFORMED_ATTRIBUTE_LIST, "Malformed Attribute List"],
      [UpdateSubcode.UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE, "Unrecognized Well-known Attribute"],
      [UpdateSubcode.MISSING_WELL_KNOWN_ATTRIBUTE, "Missing Well-known Attribute"],
      [UpdateSubcode.ATTRIBUTE_FLAGS_ERROR, "Attribute Flags Error"],
      [UpdateSubcode.ATTRIBUTE_LENGTH_ERROR, "Attribute Length Error"],
      [UpdateSubcode.INVALID_ORIGIN_ATTRIBUTE, "Invalid ORIGIN Attribute"],
      [7, "AS Routing Loop"],
      [UpdateSubcode.INVALID_NEXT_HOP_ATTRIBUTE, "Invalid NEXT_HOP Attribute"],
      [UpdateSubcode.OPTIONAL_ATTRIBUTE_ERROR, "Optional Attribute Error"],
      [UpdateSubcode.INVALID_NETWORK_FIELD, "Invalid Network Field"],
      [UpdateSubcode.MALFORMED_AS_PATH, "Malformed AS_PATH"],
    ]),
  ]],
  [ErrorCode.HOLD_TIMER_EXPIRED, ["Hold Timer Expired", new Map<number, string>()]],
  [ErrorCode.FINITE_STATE_MACHINE, [
    "Finite State Machine Error",
    new Map<number, string>([
      [FsmSubcode.UNEXPECTED_MESSAGE_IN_OPENSENT, "Receive Unexpected Message in OpenSent State"],
      [FsmSubcode.UNEXPECTED_MESSAGE_IN_OPENCONFIRM, "Receive Unexpected Message in OpenConfirm State"],
      [FsmSubcode.UNEXPECTED_MESSAGE_IN_ESTABLISHED, "Receive Unexpected Message in Established State"],
    ]),
  ]],
  [ErrorCode.CEASE, [
    "Cease",
    new Map<number, string>([
      [CeaseSubcode.MAXIMUM_NUMBER_OF_PREFIXES_REACHED, "Maximum Number of Prefixes Reached"],
      [CeaseSubcode.ADMINISTRATIVE_SHUTDOWN, "Administrative Shutdown"],
      [CeaseSubcode.PEER_DECONFIGURED, "Peer De-configured"],
      [CeaseSubcode.ADMINISTRATIVE_RESET, "Administrative Reset"],
      [CeaseSubcode.CONNECTION_REJECTED, "Connection Rejected"],
      [CeaseSubcode.OTHER_CONFIGURATION_CHANGE, "Other Configuration Change"],
      [CeaseSubcode.CONNECTION_COLLISION_RESOLUTION, "Connection Collision Resolution"],
      [CeaseSubcode.OUT_OF_RESOURCES, "Out of Resources"],
      [CeaseSubcode.HARD_RESET, "Hard Reset"],
      [CeaseSubcode.BFD_DOWN, "BFD Down"],
    ]),
  ]],
  [ErrorCode.ROUTE_REFRESH_MESSAGE, [
    "ROUTE-REFRESH Message Error",
    new Map<number, string>([[RouteRefreshSubcode.INVALID_MESSAGE_LENGTH, "Invalid Message Length"]]),
  ]],
  [ErrorCode.SEND_HOLD_TIMER_EXPIRED, ["Send Hold Timer Expired", new Map<number, string>()]],
]);
