/** What the codec's tests share: hexadecimal text, contexts, and messages as plain values that can be compared. */
import type { CodecContext } from "../../../src/bgp/wire/codec_context.ts";
import { type Message, writeHeader } from "../../../src/bgp/wire/message.ts";
import { IPV4_UNICAST, IPV6_UNICAST, nlriOf } from "../../../src/bgp/wire/nlri.ts";
import type { PathAttributes } from "../../../src/bgp/wire/attributes.ts";
import type { AfiSafi } from "../../../src/bgp/wire/capability.ts";
import type { UpdateMessage } from "../../../src/bgp/wire/update.ts";
import { NotificationError } from "../../../src/bgp/wire/notification.ts";
import { parsePrefix, type Prefix } from "../../../src/net/prefix.ts";
import { address } from "../../support/bgp.ts";

/** Sixteen octets of ones. */
export const MARKER = "ff".repeat(16);

/** The octets of hexadecimal text; blanks are ignored. */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/\s/g, "");
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error(`not hexadecimal: ${text}`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Lower-case hexadecimal text without blanks. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (octet) => octet.toString(16).padStart(2, "0")).join("");
}

/** A whole message around a body in hexadecimal. */
export function message(type: number, body: string): Uint8Array {
  const octets = fromHex(body);
  const bytes = new Uint8Array(19 + octets.byteLength);
  writeHeader(bytes, type);
  bytes.set(octets, 19);
  return bytes;
}

/** An UPDATE around its three fields in hexadecimal, lengths filled in. */
export function updateBytes(fields: { withdrawn?: string; attributes?: string; nlri?: string }): Uint8Array {
  const sized = (text: string) => fromHex(text).byteLength.toString(16).padStart(4, "0") + text;
  return message(2, sized(fields.withdrawn ?? "") + sized(fields.attributes ?? "") + (fields.nlri ?? ""));
}

/** An external four-octet session with both families; `more` changes it. */
export function codecContext(more: Partial<CodecContext> = {}): CodecContext {
  return {
    fourOctetAs: true,
    internal: false,
    maxReceiveLength: 4096,
    maxSendLength: 4096,
    families: [IPV4_UNICAST, IPV6_UNICAST],
    extendedNextHop: [],
    ...more,
  };
}

/** The prefix that `text` spells. */
export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(`not a prefix: ${text}`);
  return parsed;
}

/** Routes of one family, as text. */
export interface Routes {
  readonly family: AfiSafi;
  readonly nextHops?: readonly string[];
  readonly prefixes: readonly string[];
}

/** An UPDATE to encode, with its routes given as text. */
export function update(
  parts: {
    readonly attributes?: PathAttributes;
    readonly reach?: readonly Routes[];
    readonly unreach?: readonly Routes[];
  },
): UpdateMessage {
  const nlri = ({ prefixes }: Routes) => nlriOf(prefixes.map(prefix));
  return {
    type: "UPDATE",
    attributes: parts.attributes ?? {},
    reach: (parts.reach ?? []).map((routes) => ({
      family: routes.family,
      nextHops: (routes.nextHops ?? []).map(address),
      nlri: nlri(routes),
    })),
    unreach: (parts.unreach ?? []).map((routes) => ({ family: routes.family, nlri: nlri(routes) })),
    faults: [],
  };
}

/** A message without views and accessors, to be compared by `deepEqual`. */
export function plain(message: Message): unknown {
  if (message.type !== "UPDATE") return message;
  return {
    type: "UPDATE",
    attributes: message.attributes,
    reach: message.reach.map(({ family, nextHops, nlri }) => ({
      family,
      nextHops: nextHops.map(({ text }) => text),
      count: nlri.count,
      prefixes: [...nlri.prefixes()].map(({ text }) => text),
    })),
    unreach: message.unreach.map(({ family, nlri }) => ({
      family,
      count: nlri.count,
      prefixes: [...nlri.prefixes()].map(({ text }) => text),
    })),
    faults: message.faults,
  };
}

/** What a NotificationError says, or what came instead. */
export function verdict(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof NotificationError)) throw error;
    const { code, subcode, data } = error;
    return { error: `${code}/${subcode}`, data: toHex(data) };
  }
}
