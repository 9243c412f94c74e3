/** struct nlattr: type, length, payload, aligned to four octets; nested ones hold more of them. <linux/netlink.h>. */
import { Reader, ReadError } from "../bytes/reader.ts";
import type { Writer } from "../bytes/writer.ts";
import { NLA, NLA_F, NLMSG } from "./constants.ts";

/** Netlink speaks the host's byte order, and every machine that Deno runs on is little-endian. */
export const HOST_ORDER = { littleEndian: true } as const;

/** Attributes by type, payloads as views. Of a type that occurs twice the last one counts, as in the kernel. */
export type Attributes = ReadonlyMap<number, Uint8Array>;

const NONE: Attributes = new Map();

/** `length` rounded up to where the next message or attribute starts. */
export function align(length: number): number {
  return (length + NLMSG.ALIGNTO - 1) & ~(NLMSG.ALIGNTO - 1);
}

/**
 * The attributes in `bytes`. Fewer than four octets at the end are padding.
 * @throws {ReadError} an attribute is longer than what is left, or shorter than its own header
 */
export function decodeAttributes(bytes: Uint8Array): Attributes {
  const attributes = new Map<number, Uint8Array>();
  const reader = new Reader(bytes, HOST_ORDER);
  while (reader.remaining >= NLA.HDRLEN) {
    const length = reader.u16("nla_len");
    const type = reader.u16("nla_type") & NLA.TYPE_MASK;
    // A length under four becomes one that no buffer holds.
    const payload = length < NLA.HDRLEN ? 0xffff_ffff : length - NLA.HDRLEN;
    attributes.set(type, reader.bytes(payload, `payload of attribute ${type}`));
    reader.bytes(Math.min(align(length) - length, reader.remaining), "padding");
  }
  return attributes;
}

/**
 * Walks attributes where they lie, for dumps of many thousand objects: `type`, `start` and `length` are those of the one
 * that `next()` has come to. What `decodeAttributes()` refuses is refused here.
 */
export class AttributeCursor {
  readonly view: DataView;
  type = 0;
  /** Of the payload, counted from the view's start. */
  start = 0;
  /** Of the payload, in octets. */
  length = 0;
  #next: number;
  #end: number;

  /** Attributes from `start` to `end` of the view. */
  constructor(view: DataView, start: number, end: number) {
    this.view = view;
    this.#next = start;
    this.#end = end;
  }

  /** Goes on to the next attribute; false: there is none. @throws {ReadError} it is longer than what is left */
  next(): boolean {
    const left = this.#end - this.#next;
    if (left < NLA.HDRLEN) return false;
    const length = this.view.getUint16(this.#next, true);
    this.type = this.view.getUint16(this.#next + 2, true) & NLA.TYPE_MASK;
    if (length < NLA.HDRLEN || length > left) {
      throw new ReadError(`payload of attribute ${this.type}`, this.#next, length, left);
    }
    this.start = this.#next + NLA.HDRLEN;
    this.length = length - NLA.HDRLEN;
    this.#next += align(length);
    return true;
  }

  /** The attributes inside this one, to be walked beside those that it stands among. */
  inside(): AttributeCursor {
    return new AttributeCursor(this.view, this.start, this.start + this.length);
  }

  /** Goes into this one: what comes next are the attributes inside it, and nothing after them. */
  enter(): void {
    this.#next = this.start;
    this.#end = this.start + this.length;
  }

  /** @throws {ReadError} it is too short */
  u8(): number {
    return this.view.getUint8(this.#from(1));
  }

  /** In host order. @throws {ReadError} it is too short */
  u16(): number {
    return this.view.getUint16(this.#from(2), true);
  }

  /** In network order. @throws {ReadError} it is too short */
  be16(): number {
    return this.view.getUint16(this.#from(2));
  }

  /** In host order. @throws {ReadError} it is too short */
  u32(): number {
    return this.view.getUint32(this.#from(4), true);
  }

  /** In host order; what is more than a number can count is rounded. @throws {ReadError} it is too short */
  u64(): number {
    return Number(this.view.getBigUint64(this.#from(8), true));
  }

  /** In network order. @throws {ReadError} it is too short */
  be32(): number {
    return this.view.getUint32(this.#from(4));
  }

  /** Text up to its zero byte. */
  text(): string {
    let text = "";
    for (let at = this.start; at < this.start + this.length; at++) {
      const octet = this.view.getUint8(at);
      if (octet === 0) break;
      if (octet >= 0x80) return attributeText(this.#octets);
      text += String.fromCharCode(octet);
    }
    return text;
  }

  get #octets(): Uint8Array {
    return new Uint8Array(this.view.buffer, this.view.byteOffset + this.start, this.length);
  }

  #from(needed: number): number {
    if (this.length >= needed) return this.start;
    throw new ReadError(`attribute ${this.type}`, this.start, needed, this.length);
  }
}

/** The attributes nested in attribute `type`; none where it is missing. @throws {ReadError} */
export function nested(attributes: Attributes, type: number): Attributes {
  const bytes = attributes.get(type);
  return bytes === undefined ? NONE : decodeAttributes(bytes);
}

/** Attribute `type` as a u32 in host order, undefined where it is missing. @throws {ReadError} */
export function attributeU32(attributes: Attributes, type: number): number | undefined {
  const bytes = attributes.get(type);
  return bytes && new Reader(bytes, HOST_ORDER).u32(`attribute ${type}`);
}

/** Attribute `type` as text up to its zero byte, undefined where it is missing. */
export function attributeString(attributes: Attributes, type: number): string | undefined {
  const bytes = attributes.get(type);
  return bytes === undefined ? undefined : attributeText(bytes);
}

function attributeText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Writes an attribute; `writer` is one in host order, here and below. */
export function writeAttribute(writer: Writer, type: number, payload: Uint8Array): void {
  const padding = -payload.byteLength & (NLMSG.ALIGNTO - 1);
  writer.u32(header(type, payload.byteLength)).bytes(payload);
  if (padding > 0) writer.zeros(padding);
}

/** Writes a u8 attribute. */
export function writeU8(writer: Writer, type: number, value: number): void {
  writer.u32(header(type, 1)).u32(value & 0xff);
}

/** Writes a u16 attribute in host order. */
export function writeU16(writer: Writer, type: number, value: number): void {
  writer.u32(header(type, 2)).u32(value & 0xffff);
}

/** Writes a u16 attribute in network order. */
export function writeBe16(writer: Writer, type: number, value: number): void {
  writer.u32(header(type, 2)).u32((value >>> 8 & 0xff) | (value & 0xff) << 8);
}

/** Writes a u32 attribute in host order. */
export function writeU32(writer: Writer, type: number, value: number): void {
  writer.u32(header(type, 4)).u32(value);
}

/**
 * Length and type, and likewise a short value and its padding, as one number: ten thousand destinations have 140,000
 * attributes, of which half the calls were for halves of words.
 */
function header(type: number, length: number): number {
  return (NLA.HDRLEN + length | type << 16) >>> 0;
}

/** Writes text with its terminating zero byte. */
export function writeString(writer: Writer, type: number, text: string): void {
  writeAttribute(writer, type, new TextEncoder().encode(`${text}\0`));
}

/**
 * Writes an attribute that holds those that `fill` writes.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 * import { Writer } from "../bytes/writer.ts";
 *
 * const writer = new Writer(HOST_ORDER);
 * writeNested(writer, 1, () => writeU32(writer, 2, 7));
 * const attributes = decodeAttributes(writer.finish());
 * equal(attributeU32(nested(attributes, 1), 2), 7);
 * ```
 */
export function writeNested(writer: Writer, type: number, fill: () => void): void {
  const start = writer.length;
  writer.u16(0).u16(type | NLA_F.NESTED);
  fill();
  writer.patchU16(start, writer.length - start);
}
