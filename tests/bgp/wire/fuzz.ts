/**
 * A seeded fuzzer of the codec: random octets, messages built attribute by attribute, and mutated good ones. Nothing
 * but NotificationError may be thrown, everything that was read can be asked for, and what is written reads back.
 */
import assert from "node:assert/strict";
import type { CodecContext } from "../../../src/bgp/wire/codec_context.ts";
import { decodeMessage, encodeMessage, frame, type Message } from "../../../src/bgp/wire/message.ts";
import { AsPathSegmentType } from "../../../src/bgp/wire/constants.ts";
import { IPV4_UNICAST, IPV6_UNICAST } from "../../../src/bgp/wire/nlri.ts";
import { describeNotification, NotificationError } from "../../../src/bgp/wire/notification.ts";
import { isEndOfRib } from "../../../src/bgp/wire/update.ts";
import { BGP_MESSAGES } from "../../golden/bgp_messages.ts";
import type { FuzzSubject } from "../../fuzz/fuzz.ts";
import { Dice } from "../../support/dice.ts";
import { codecContext, fromHex, plain } from "./support.ts";

const CONTEXTS: readonly CodecContext[] = [
  codecContext(),
  codecContext({ internal: true }),
  codecContext({ fourOctetAs: false }),
  codecContext({ fourOctetAs: false, internal: true, maxReceiveLength: 65535, maxSendLength: 65535 }),
  codecContext({ extendedNextHop: [IPV4_UNICAST], maxReceiveLength: 65535, maxSendLength: 65535 }),
  codecContext({ families: [IPV4_UNICAST] }),
  codecContext({ families: [IPV6_UNICAST] }),
];

const GOLDENS = BGP_MESSAGES.map(({ hex }) => fromHex(hex));
const ATTRIBUTE_TYPES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 18, 32, 35, 0, 20, 255];
const RIGHT_FLAGS: Readonly<Record<number, number>> = {
  1: 0x40,
  2: 0x40,
  3: 0x40,
  4: 0x80,
  5: 0x40,
  6: 0x40,
  9: 0x80,
  10: 0x80,
  14: 0x80,
  15: 0x80,
};
const CAPABILITY_LENGTHS: Readonly<Record<number, number>> = { 1: 4, 2: 0, 5: 6, 6: 0, 64: 6, 65: 4, 70: 0 };
const INTERESTING = [0, 1, 2, 3, 4, 5, 8, 16, 18, 19, 22, 23, 31, 32, 33, 64, 127, 128, 129, 254, 255];

/** Messages to the codec: what is an error of BGP fails, and everything else is read. */
export const BGP_FUZZ: FuzzSubject = {
  name: "bgp",
  open: () => (dice) => {
    const shown = generate(dice);
    const context = dice.pick(CONTEXTS);
    return {
      shown,
      judge() {
        const sort = judge(shown, context);
        return { verdict: /^\d/.test(sort) ? "fail" : "pass", sort };
      },
    };
  },
};

/** Decodes, asks for everything, and writes it again. Answers with the message type or the error. */
export function judge(bytes: Uint8Array, context: CodecContext): string {
  let message: Message;
  try {
    frame(bytes, context.maxReceiveLength);
    message = decodeMessage(bytes, context);
  } catch (error) {
    if (!(error instanceof NotificationError)) throw error;
    checkError(error, bytes, context);
    return `${error.code}/${error.subcode}`;
  }
  const value = plain(message);
  if (message.type === "NOTIFICATION") describeNotification(message);
  if (message.type === "UPDATE") {
    const end = isEndOfRib(message);
    assert.ok(end === undefined || message.reach.length === 0);
    if (message.faults.some(({ action }) => action === "treat-as-withdraw")) {
      return "UPDATE, treat-as-withdraw";
    }
    if (message.faults.length > 0) return "UPDATE, attribute-discard";
    if (!rewritable(message, context)) return "UPDATE";
  }
  const again = encodeMessage(message, { ...context, maxSendLength: 65535 });
  assert.deepEqual(plain(decodeMessage(again, { ...context, maxReceiveLength: 65535 })), value);
  return message.type;
}

/** RFC 4271 section 6: a code of ours, no more data than there was, and a message that can be sent. */
function checkError(error: NotificationError, bytes: Uint8Array, context: CodecContext): void {
  assert.ok([1, 2, 3, 7].includes(error.code), `code ${error.code}`);
  assert.ok(error.data.byteLength <= Math.max(2, bytes.byteLength));
  const sent = encodeMessage(error.notification(), context);
  assert.ok(sent.byteLength <= context.maxSendLength);
}

/**
 * Does the same message come out of the encoder? Not where a family is opaque, two fields become one, or AS4_PATH
 * would have to carry confederation segments, which stay out of it (RFC 6793 section 3).
 */
function rewritable(message: Message, { fourOctetAs }: CodecContext): boolean {
  if (message.type !== "UPDATE") return true;
  const families = (
    routes: readonly { readonly family: { readonly afi: number; readonly safi: number } }[],
  ) => new Set(routes.map(({ family }) => `${family.afi}/${family.safi}`)).size === routes.length;
  const all = [...message.reach, ...message.unreach];
  const known = all.every(({ nlri }) => nlri.count > 0 || nlri.bytes.byteLength === 0);
  const empty = message.unreach.some(({ nlri, family }) => family.afi === 1 && nlri.count === 0) ||
    message.reach.some(({ nlri, family }) => nlri.count === 0 || family.safi !== 1);
  const twice = message.reach.some(({ nextHops: [first, second] }) => first?.text === second?.text);
  const confederated =
    message.attributes.asPath?.some(({ type }) =>
      type === AsPathSegmentType.AS_CONFED_SEQUENCE || type === AsPathSegmentType.AS_CONFED_SET
    ) ?? false;
  return known && !empty && !twice && !(confederated && !fourOctetAs) && families(message.reach) &&
    families(message.unreach);
}

function generate(dice: Dice): Uint8Array {
  const kind = dice.below(12);
  if (kind === 0) return withHeader(dice, dice.octets(dice.below(120)), 1 + dice.below(5));
  if (kind === 1) return withHeader(dice, openBody(dice), 1);
  if (kind === 2) return withHeader(dice, notificationBody(dice), 3);
  if (kind <= 6) return withHeader(dice, updateBody(dice), 2);
  return mutate(dice, dice.pick(GOLDENS));
}

function openBody(dice: Dice): Uint8Array {
  const extended = dice.below(4) === 0;
  const parameters: number[] = [];
  for (let i = dice.below(4); i > 0; i--) {
    const capabilities: number[] = [];
    for (let j = dice.below(5); j > 0; j--) {
      const code = dice.pick([1, 2, 5, 6, 64, 65, 70, 73, 128]);
      const value = dice.octets(
        dice.below(8) === 0 ? dice.below(20) : CAPABILITY_LENGTHS[code] ?? dice.below(9),
      );
      capabilities.push(code, dice.below(40) === 0 ? dice.below(256) : value.byteLength, ...value);
    }
    const length = dice.below(40) === 0 ? dice.below(256) : capabilities.length;
    parameters.push(dice.below(30) === 0 ? dice.pick(INTERESTING) : 2);
    parameters.push(...(extended ? [length >>> 8, length & 0xff] : [length]), ...capabilities);
  }
  const length = dice.below(30) === 0 ? dice.below(256) : parameters.length;
  return Uint8Array.from([
    dice.below(20) === 0 ? dice.below(256) : 4,
    ...dice.octets(2),
    0,
    dice.below(20) === 0 ? dice.below(4) : 90,
    ...(dice.below(20) === 0 ? [0, 0, 0, 0] : dice.octets(4)),
    ...(extended ? [dice.pick([0, 1, 255]), 255, length >>> 8, length & 0xff] : [length]),
    ...parameters,
  ]);
}

function notificationBody(dice: Dice): Uint8Array {
  const hard = dice.below(3) === 0 ? [6, 9] : [];
  const data = dice.octets(dice.below(20));
  const length = dice.below(4) === 0 ? dice.below(256) : data.byteLength;
  return Uint8Array.from([...hard, dice.pick([6, 6, 1, 3, 9]), dice.pick([2, 4, 9, 0, 3]), length, ...data]);
}

function updateBody(dice: Dice): Uint8Array {
  const withdrawn = dice.below(4) === 0 ? prefixes(dice, 32) : [];
  const attributes: number[] = [];
  for (let i = dice.below(8); i > 0; i--) attributes.push(...attribute(dice));
  const nlri = dice.below(3) > 0 ? prefixes(dice, 32) : [];
  const skew = () => dice.below(40) === 0 ? dice.below(9) - 4 : 0;
  const sized = (octets: readonly number[]) => {
    const length = Math.max(0, octets.length + skew());
    return [length >>> 8, length & 0xff, ...octets];
  };
  return Uint8Array.from([...sized(withdrawn), ...sized(attributes), ...nlri]);
}

function attribute(dice: Dice): number[] {
  const type = dice.pick(ATTRIBUTE_TYPES);
  const value = attributeValue(dice, type);
  const flags = dice.below(30) === 0 ? dice.below(256) : RIGHT_FLAGS[type] ?? 0xc0;
  const length = dice.below(40) === 0 ? dice.pick(INTERESTING) : value.length;
  const extended = length > 255 || dice.below(8) === 0;
  if (extended) return [flags | 0x10, type, length >>> 8, length & 0xff, ...value];
  return [flags & ~0x10, type, length, ...value];
}

function attributeValue(dice: Dice, type: number): number[] {
  const wrong = dice.below(12) === 0;
  if (wrong) return [...dice.octets(dice.below(20))];
  switch (type) {
    case 1:
      return [dice.below(4)];
    case 2:
    case 17:
      return path(dice, type === 17 || dice.below(2) === 0 ? 4 : 2);
    case 6:
      return [];
    case 7:
      return [...dice.octets(dice.below(2) === 0 ? 8 : 6)];
    case 8:
    case 10:
      return [...dice.octets(4 * (1 + dice.below(70)))];
    case 14: {
      const afi = 1 + dice.below(2);
      const nextHop = dice.pick([4, 16, 16, 32]);
      return [0, afi, 1, nextHop, ...dice.octets(nextHop), 0, ...prefixes(dice, afi === 1 ? 32 : 128)];
    }
    case 15: {
      const afi = 1 + dice.below(2);
      return [0, afi, 1, ...prefixes(dice, afi === 1 ? 32 : 128)];
    }
    case 16:
    case 18:
      return [...dice.octets(8)];
    case 32:
      return [...dice.octets(12)];
    default:
      return [...dice.octets(4)];
  }
}

function path(dice: Dice, octets: 2 | 4): number[] {
  const segments: number[] = [];
  for (let i = dice.below(4); i > 0; i--) {
    const count = 1 + dice.below(4);
    segments.push(
      dice.below(20) === 0 ? dice.below(6) : 1 + dice.below(2),
      count,
      ...dice.octets(count * octets),
    );
  }
  return segments;
}

function prefixes(dice: Dice, bits: 32 | 128): number[] {
  const packed: number[] = [];
  for (let i = dice.below(6); i > 0; i--) {
    const length = dice.below(60) === 0 ? dice.below(256) : dice.below(bits + 1);
    packed.push(length, ...dice.octets((length + 7) >>> 3));
  }
  return packed;
}

function mutate(dice: Dice, golden: Uint8Array): Uint8Array {
  let bytes = golden.slice();
  for (let i = dice.below(4); i > 0; i--) {
    const at = dice.below(bytes.byteLength);
    switch (dice.below(6)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.below(8));
        break;
      case 1:
        bytes[at] = dice.pick(INTERESTING);
        break;
      case 2:
        bytes = bytes.slice(0, Math.max(19, at));
        break;
      case 3:
        bytes = Uint8Array.from([
          ...bytes.subarray(0, at),
          ...dice.octets(dice.below(6)),
          ...bytes.subarray(at),
        ]);
        break;
      case 4:
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + dice.below(6))]);
        break;
      default: {
        const other = dice.pick(GOLDENS);
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...other.subarray(dice.below(other.byteLength))]);
      }
    }
  }
  if (dice.below(10) === 0 || bytes.byteLength < 19) return bytes;
  bytes.fill(0xff, 0, 16);
  bytes[16] = bytes.byteLength >>> 8;
  bytes[17] = bytes.byteLength & 0xff;
  return bytes;
}

function withHeader(dice: Dice, body: Uint8Array, type: number): Uint8Array {
  const bytes = new Uint8Array(19 + body.byteLength).fill(0xff, 0, 16);
  const length = dice.below(100) === 0 ? dice.below(0x10000) : bytes.byteLength;
  bytes[16] = length >>> 8;
  bytes[17] = length & 0xff;
  bytes[18] = type;
  bytes.set(body, 19);
  return bytes;
}
