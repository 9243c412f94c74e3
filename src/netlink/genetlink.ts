/** struct genlmsghdr: the command and version in front of a generic netlink family's attributes. <linux/genetlink.h>. */
import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { type Attributes, decodeAttributes, HOST_ORDER } from "./attribute.ts";

/** Size of struct genlmsghdr; attributes follow it. */
export const GENL_HDRLEN = 4;

/** A generic netlink message's payload. */
export interface GenericMessage {
  readonly command: number;
  readonly version: number;
  readonly attributes: Attributes;
}

/** The payload of `command` with the attributes that `fill` writes: a view of what `writer` holds from there on. */
export function encodeGeneric(
  command: number,
  version: number,
  fill: (writer: Writer) => void,
  writer: Writer = new Writer(HOST_ORDER),
): Uint8Array<ArrayBuffer> {
  const start = writer.length;
  fill(writer.u8(command).u8(version).u16(0));
  return writer.view(start);
}

/** Splits a payload into command, version and attributes. @throws {ReadError} it is cut short */
export function decodeGeneric(payload: Uint8Array): GenericMessage {
  const reader = new Reader(payload, HOST_ORDER);
  const command = reader.u8("cmd");
  const version = reader.u8("version");
  reader.u16("reserved");
  return { command, version, attributes: decodeAttributes(reader.rest()) };
}
