/**
 * UPDATE (RFC 4271 sections 4.3 and 6.3, RFC 4760, RFC 7606) and End-of-RIB (RFC 4724). Decoding checks the whole
 * message in one pass and builds nothing; attributes and prefixes are made into values only where somebody asks.
 */
import { Writer } from "../../bytes/writer.ts";
import type { Address } from "../../net/address.ts";
import {
  type AttributeFault,
  type AttributeScan,
  malformedList,
  readAttributes,
  scanAttributes,
  updateError,
} from "./attribute_scan.ts";
import { u16 } from "./attribute_values.ts";
import { attributeOf, encodeAttributes, type PathAttributes, writeAttribute } from "./attributes.ts";
import type { AfiSafi } from "./capability.ts";
import { AttributeType, UpdateSubcode } from "./constants.ts";
import type { CodecContext } from "./codec_context.ts";
import { encodeReach, encodeUnreach, type Reach, type Unreach } from "./multiprotocol.ts";
import { decodeNlri, IPV4_UNICAST, type Nlri, NO_NLRI, sameFamily } from "./nlri.ts";

/** A decoded UPDATE. With both lists empty and no attributes, or one empty Unreach, it is End-of-RIB (RFC 4724). */
export interface UpdateMessage {
  readonly type: "UPDATE";
  readonly attributes: PathAttributes;
  readonly reach: readonly Reach[];
  readonly unreach: readonly Unreach[];
  /** Faults that were survived; where any says treat-as-withdraw, `reach` counts as withdrawn. */
  readonly faults: readonly AttributeFault[];
}

/** Withdrawn Routes Length and Total Path Attribute Length. */
const FIXED_LENGTH = 4;

/**
 * Reads the body of an UPDATE, from `at` to `bodyEnd`. The result looks at `bytes` still: read it before these are
 * used again.
 * @throws {NotificationError} 3/n where RFC 7606 leaves nothing but session reset
 */
export function decodeUpdate(
  bytes: Uint8Array,
  at: number,
  bodyEnd: number,
  context: CodecContext,
): UpdateMessage {
  if (bodyEnd - at < FIXED_LENGTH) throw malformedList(`body of ${bodyEnd - at} octets`);
  const withdrawnAt = at + 2;
  const withdrawnEnd = withdrawnAt + u16(bytes, at);
  if (withdrawnEnd + 2 > bodyEnd) {
    throw malformedList(`Withdrawn Routes Length ${withdrawnEnd - withdrawnAt}`);
  }
  const start = withdrawnEnd + 2;
  const end = start + u16(bytes, withdrawnEnd);
  if (end > bodyEnd) throw malformedList(`Total Path Attribute Length ${end - start}`);

  const scan = scanAttributes(bytes, start, end, bodyEnd - end, context);
  const withdrawn = networkField(bytes, withdrawnAt, withdrawnEnd, "Withdrawn Routes");
  const nlri = networkField(bytes, end, bodyEnd, "NLRI");

  const values = new LazyAttributes(bytes, start, end, scan.bad, context);
  return new DecodedUpdate(values, scan, nlri, withdrawn);
}

/**
 * The body of an UPDATE. IPv4 unicast goes to the classic fields where its next hop is the NEXT_HOP attribute.
 * @throws {RangeError} where two Reach or Unreach would need the same attribute
 */
export function encodeUpdate(update: UpdateMessage, context: CodecContext): Uint8Array {
  const isClassic = ({ family, nextHops }: Reach) =>
    sameFamily(family, IPV4_UNICAST) && nextHops[0]?.text === update.attributes.nextHop?.text;
  const isIPv4 = ({ family }: Unreach) => sameFamily(family, IPV4_UNICAST);
  const writer = new Writer();
  const withdrawn = update.unreach.filter(isIPv4);
  writer.u16(withdrawn.reduce((sum, { nlri }) => sum + nlri.bytes.byteLength, 0));
  for (const { nlri } of withdrawn) writer.bytes(nlri.bytes);
  const lengthAt = writer.length;
  writer.u16(0);
  writeMultiprotocol(
    update.reach.filter((each) => !isClassic(each)),
    update.unreach.filter((each) => !isIPv4(each)),
    writer,
  );
  writer.bytes(encodeAttributes(update.attributes, context));
  writer.patchU16(lengthAt, writer.length - lengthAt - 2);
  for (const { nlri } of update.reach.filter(isClassic)) writer.bytes(nlri.bytes);
  return writer.finish();
}

/** The UPDATE that is End-of-RIB for `family` (RFC 4724 section 2). */
export function endOfRibUpdate(family: AfiSafi): UpdateMessage {
  const unreach = sameFamily(family, IPV4_UNICAST) ? [] : [{ family, nlri: NO_NLRI }];
  return { type: "UPDATE", attributes: {}, reach: [], unreach, faults: [] };
}

/** The family whose End-of-RIB this is, or undefined. */
export function isEndOfRib(update: UpdateMessage): AfiSafi | undefined {
  const [unreach, ...more] = update.unreach;
  if (update.reach.length > 0 || more.length > 0 || (unreach?.nlri.bytes.byteLength ?? 0) > 0) {
    return undefined;
  }
  if (update.faults.length > 0 || Object.keys(update.attributes).length > 0) return undefined;
  return unreach?.family ?? IPV4_UNICAST;
}

/** RFC 7606 section 5.1: these come first, so that a receiver finds the NLRI whatever follows. */
function writeMultiprotocol(reach: readonly Reach[], unreach: readonly Unreach[], writer: Writer): void {
  if (reach.length > 1 || unreach.length > 1) {
    throw new RangeError("MP_REACH_NLRI or MP_UNREACH_NLRI occurs twice");
  }
  const reachRow = attributeOf(AttributeType.MP_REACH_NLRI);
  const unreachRow = attributeOf(AttributeType.MP_UNREACH_NLRI);
  if (reachRow === undefined || unreachRow === undefined) return;
  for (const { family, nextHops, nlri } of reach) {
    writeAttribute(reachRow, encodeReach(family, nextHops, nlri.bytes), writer);
  }
  for (const { family, nlri } of unreach) {
    writeAttribute(unreachRow, encodeUnreach(family, nlri.bytes), writer);
  }
}

/**
 * Attributes that are read when somebody first asks. Fields here and not a closure, as V8 lets closures that a constructor
 * stores outlive its young generation; classes, as accessors of literals cost a flood dearly.
 */
class LazyAttributes {
  #values: PathAttributes | undefined;
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #end: number;
  readonly #bad: number;
  readonly #context: CodecContext;
  constructor(bytes: Uint8Array, start: number, end: number, bad: number, context: CodecContext) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#bad = bad;
    this.#context = context;
  }

  get(): PathAttributes {
    return this.#values ??= readAttributes(this.#bytes, this.#start, this.#end, this.#bad, this.#context);
  }
}

class DecodedUpdate implements UpdateMessage {
  readonly type = "UPDATE";
  readonly reach: readonly Reach[];
  readonly unreach: readonly Unreach[];
  readonly faults: readonly AttributeFault[];
  readonly #attributes: LazyAttributes;
  constructor(attributes: LazyAttributes, scan: AttributeScan, nlri: Nlri, withdrawn: Nlri) {
    this.#attributes = attributes;
    this.reach = present(nlri.count === 0 ? undefined : new ClassicReach(nlri, attributes), scan.reach);
    const unreach = withdrawn.count === 0 ? undefined : { family: IPV4_UNICAST, nlri: withdrawn };
    this.unreach = present(unreach, scan.unreach);
    this.faults = scan.faults;
  }

  get attributes(): PathAttributes {
    return this.#attributes.get();
  }
}

/** The routes of the NLRI field, whose next hop is the NEXT_HOP attribute. */
class ClassicReach implements Reach {
  readonly family = IPV4_UNICAST;
  readonly #attributes: LazyAttributes;
  constructor(readonly nlri: Nlri, attributes: LazyAttributes) {
    this.#attributes = attributes;
  }

  get nextHops(): readonly Address[] {
    const { nextHop } = this.#attributes.get();
    return nextHop === undefined ? [] : [nextHop];
  }
}

function present<T>(first: T | undefined, second: T | undefined): readonly T[] {
  if (first === undefined) return second === undefined ? [] : [second];
  return second === undefined ? [first] : [first, second];
}

/** RFC 7606 section 5.3: where these prefixes cannot be parsed, the session ends (3/10). */
function networkField(bytes: Uint8Array, at: number, end: number, name: string): Nlri {
  const nlri = decodeNlri(bytes, at, end, 32);
  if (nlri !== undefined) return nlri;
  throw updateError(
    UpdateSubcode.INVALID_NETWORK_FIELD,
    `prefixes in ${name} do not fit or are longer than 32`,
  );
}
