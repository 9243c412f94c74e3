/**
 * struct nlmsghdr and the control messages NLMSG_ERROR (with the extended acknowledgement's text) and NLMSG_DONE.
 * <linux/netlink.h>. A datagram holds any number of messages; a request's answers carry its sequence number.
 */
import { Reader, ReadError } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { align, AttributeCursor, attributeString, decodeAttributes, HOST_ORDER } from "./attribute.ts";
import { NLM_F, NLMSG, NLMSGERR_ATTR } from "./constants.ts";

/** A message to the kernel, before it has a sequence number. */
export interface Request {
  readonly type: number;
  /** NLM_F_* beside NLM_F_REQUEST, which every request has. */
  readonly flags: number;
  readonly payload: Uint8Array;
}

/** A message, either way. `payload` is a view of the datagram. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly port: number;
  readonly payload: Uint8Array;
}

/** A message of a datagram. Dumps have thousands, whose octets are read where they lie: no view is made of each. */
class ReceivedMessage implements NetlinkMessage {
  constructor(
    readonly type: number,
    readonly flags: number,
    readonly sequence: number,
    readonly port: number,
    readonly datagram: DataView,
    /** Of the payload, in the datagram. */
    readonly start: number,
    readonly end: number,
  ) {}

  get payload(): Uint8Array {
    const { buffer, byteOffset } = this.datagram;
    return new Uint8Array(buffer, byteOffset + this.start, this.end - this.start);
  }
}

/** The attributes in a message's payload, from an octet of it on. */
export function attributesOf(message: NetlinkMessage, from: number): AttributeCursor {
  if (message instanceof ReceivedMessage) {
    return new AttributeCursor(message.datagram, message.start + from, message.end);
  }
  const { buffer, byteOffset, byteLength } = message.payload;
  return new AttributeCursor(new DataView(buffer, byteOffset, byteLength), from, byteLength);
}

/** What the kernel has against a request. */
export interface Failure {
  /** Positive, as in <asm-generic/errno.h>. */
  readonly errno: number;
  /** The number in words; undefined: nothing is known of it, or `extendedAck` says it all. */
  readonly words?: string;
  /** The kernel's own sentence (NLMSGERR_ATTR.MSG), where it gives one. */
  readonly extendedAck: string | undefined;
}

/** The messages of a datagram. @throws {ReadError} a message is longer than what is left, or than its own header */
export function decodeMessages(datagram: Uint8Array): readonly NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  for (let at = 0, left = datagram.byteLength; left >= NLMSG.HDRLEN; left = datagram.byteLength - at) {
    const length = view.getUint32(at, true);
    if (length < NLMSG.HDRLEN || length > left) throw new ReadError("netlink payload", at, length, left);
    messages.push(
      new ReceivedMessage(
        view.getUint16(at + 4, true),
        view.getUint16(at + 6, true),
        view.getUint32(at + 8, true),
        view.getUint32(at + 12, true),
        view,
        at + NLMSG.HDRLEN,
        at + length,
      ),
    );
    at += align(length);
  }
  return messages;
}

/** Messages in one datagram, in order: a view of what `writer` holds then, and nothing else. */
export function encodeMessages(
  messages: readonly NetlinkMessage[],
  writer: Writer = new Writer(HOST_ORDER),
): Uint8Array<ArrayBuffer> {
  writer.clear();
  for (const { type, flags, sequence, port, payload } of messages) {
    const length = NLMSG.HDRLEN + payload.byteLength;
    writer.u32(length).u16(type).u16(flags).u32(sequence).u32(port);
    writer.bytes(payload).zeros(align(length) - length);
  }
  return writer.view();
}

/**
 * What an NLMSG_ERROR or NLMSG_DONE says: undefined is success (an acknowledgement).
 * @throws {ReadError} it is cut short
 */
export function decodeFailure(message: NetlinkMessage): Failure | undefined {
  const { type, flags, payload } = message;
  const reader = new Reader(payload, HOST_ORDER);
  // An old kernel's NLMSG_DONE may come without a payload.
  if (type === NLMSG.DONE && reader.remaining < 4) return undefined;
  const errno = -(reader.u32("error") | 0);
  if (errno === 0) return undefined;
  if ((flags & NLM_F.ACK_TLVS) === 0) return { errno, extendedAck: undefined };
  if (type === NLMSG.ERROR) {
    const length = reader.u32("nlmsg_len of the request");
    // NLM_F_CAPPED: of the request only its header is repeated.
    const repeated = (flags & NLM_F.CAPPED) !== 0 ? NLMSG.HDRLEN : align(length);
    reader.bytes(repeated - 4, "request");
  }
  return { errno, extendedAck: attributeString(decodeAttributes(reader.rest()), NLMSGERR_ATTR.MSG) };
}
