/**
 * One pass over the path attributes of an UPDATE that checks everything and builds nothing (RFC 4271 section 6.3,
 * RFC 7606): what must be survived is a fault, what must not is thrown. The values are read only where asked for.
 */
import { type AttributeDescriptor, attributeOf, type Collected, wholeAttributes } from "./attributes.ts";
import type { PathAttributes } from "./attributes.ts";
import { AttributeFlag, AttributeType, ErrorCode, OTHER_ATTRIBUTES, UpdateSubcode } from "./constants.ts";
import type { CodecContext } from "./codec_context.ts";
import { decodeReach, decodeUnreach, type Reach, type Unreach } from "./multiprotocol.ts";
import { NotificationError } from "./notification.ts";

/** What RFC 7606 says to do about a malformed attribute that does not end the session. */
export interface AttributeFault {
  /** Type code; 0 where the list of attributes itself is cut short. */
  readonly attribute: number;
  readonly action: "treat-as-withdraw" | "attribute-discard";
  readonly message: string;
}

/** What the pass over the attributes found. */
export interface AttributeScan {
  /** Rows that occurred, by `bit`. */
  readonly seen: number;
  /** Rows that must not be used, by `bit`. */
  readonly bad: number;
  readonly faults: readonly AttributeFault[];
  readonly reach: Reach | undefined;
  readonly unreach: Unreach | undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A scan while it goes on. */
interface Scanning extends Mutable<Omit<AttributeScan, "faults">> {
  readonly faults: AttributeFault[];
  /** Rows that occurred again, by `bit`. */
  repeated: number;
  /** An attribute other than MP_UNREACH_NLRI occurred. */
  others: boolean;
  /** The session reset that the first fault with treat-as-withdraw would be. */
  severe: NotificationError | undefined;
}

const MP_REACH = attributeOf(AttributeType.MP_REACH_NLRI);
const MP_UNREACH = attributeOf(AttributeType.MP_UNREACH_NLRI);
const OPTIONAL_TRANSITIVE = AttributeFlag.OPTIONAL | AttributeFlag.TRANSITIVE;

/** The attribute at hand while a list is walked. */
class AttributeCursor {
  flags = 0;
  type = 0;
  /** Where it starts, where its value starts, and where the next one starts. */
  at = 0;
  value = 0;
  next: number;
  constructor(readonly bytes: Uint8Array, start: number, readonly end: number) {
    this.next = start;
  }

  /** Goes to the next attribute; false at the end, and where what is left holds no attribute (RFC 7606 section 4). */
  advance(): boolean {
    const { bytes, end } = this;
    const at = this.at = this.next;
    if (end - at < 3) return false;
    const flags = this.flags = bytes[at] ?? 0;
    this.type = bytes[at + 1] ?? 0;
    let length = bytes[at + 2] ?? 0;
    this.value = at + 3;
    if ((flags & AttributeFlag.EXTENDED_LENGTH) !== 0) {
      if (end - at < 4) return false;
      length = (length << 8) | (bytes[at + 3] ?? 0);
      this.value = at + 4;
    }
    if (length > end - this.value) return false;
    this.next = this.value + length;
    return true;
  }

  /** Flags, type, length and value, as they go into a NOTIFICATION. */
  octets(): Uint8Array {
    return this.bytes.slice(this.at, this.next);
  }
}

/**
 * Checks the attributes between two offsets. `nlriOctets` is the length of the NLRI field that they belong to.
 * @throws {NotificationError} 3/1, 3/2, 3/9, and 3/n by RFC 7606 section 5.2
 */
export function scanAttributes(
  bytes: Uint8Array,
  start: number,
  end: number,
  nlriOctets: number,
  context: CodecContext,
): AttributeScan {
  const scan: Scanning = {
    seen: 0,
    bad: 0,
    repeated: 0,
    others: false,
    faults: [],
    reach: undefined,
    unreach: undefined,
    severe: undefined,
  };
  const cursor = new AttributeCursor(bytes, start, end);
  while (cursor.advance()) examine(cursor, scan, context);
  const whole = cursor.at === end;
  if (!whole) cutShort(cursor, scan);
  if (nlriOctets > 0 || (scan.reach?.nlri.bytes.byteLength ?? 0) > 0) {
    if (whole) checkMandatory(scan, nlriOctets > 0, context);
  } else if (scan.severe !== undefined && scan.others) {
    // RFC 7606 section 5.2: without reachable NLRI nothing shows that the NLRI was parsed right.
    throw scan.severe;
  }
  return scan;
}

/** The values that a scan has found good. */
export function readAttributes(
  bytes: Uint8Array,
  start: number,
  end: number,
  bad: number,
  context: CodecContext,
): PathAttributes {
  const collected: Collected = { attributes: {} };
  const cursor = new AttributeCursor(bytes, start, end);
  let seen = bad;
  while (cursor.advance()) {
    const row = attributeOf(cursor.type);
    if (row === undefined || (seen & row.bit) !== 0) continue;
    seen |= row.bit;
    row.decode(bytes, cursor.value, cursor.next, collected, context);
  }
  return wholeAttributes(collected);
}

/** An UPDATE whose lengths contradict each other, or which has an attribute twice that must be there once (3/1). */
export function malformedList(text: string): NotificationError {
  return updateError(UpdateSubcode.MALFORMED_ATTRIBUTE_LIST, text);
}

/** An error of code 3. */
export function updateError(
  subcode: number,
  text: string,
  octets: Uint8Array = new Uint8Array(),
): NotificationError {
  return new NotificationError(ErrorCode.UPDATE_MESSAGE, subcode, `UPDATE: ${text}`, octets);
}

function examine(cursor: AttributeCursor, scan: Scanning, context: CodecContext): void {
  const row = attributeOf(cursor.type);
  if (row !== MP_UNREACH) scan.others = true;
  if (row === undefined) return examineUnknown(cursor, scan);
  if ((scan.seen & row.bit) !== 0) return examineRepeated(row, scan);
  scan.seen |= row.bit;
  if (row === MP_REACH || row === MP_UNREACH) return examineMultiprotocol(row, cursor, scan, context);
  const refused = row.refuse(context);
  if (refused !== undefined) return discard(row, refused, scan);
  if ((cursor.flags & OPTIONAL_TRANSITIVE) !== row.flags) {
    return withdraw(row, UpdateSubcode.ATTRIBUTE_FLAGS_ERROR, flagsText(cursor), cursor, scan);
  }
  const wrong = row.check(cursor.bytes, cursor.value, cursor.next, context);
  if (wrong === undefined) return;
  if (row.malformed === "attribute-discard") discard(row, wrong.message, scan);
  else withdraw(row, wrong.subcode, wrong.message, cursor, scan);
}

/**
 * An optional one is ignored. One that says it is well-known is told apart: of a registered type that is a wrong flag, as
 * every such type is optional (RFC 7606 section 3 (c)); of any other it cannot be done without (RFC 4271 section 6.3).
 */
function examineUnknown(cursor: AttributeCursor, scan: Scanning): void {
  if ((cursor.flags & AttributeFlag.OPTIONAL) !== 0) return;
  if (OTHER_ATTRIBUTES.includes(cursor.type)) {
    const { type } = cursor;
    const row = { type, name: `attribute ${type}`, bit: 0 };
    return withdraw(row, UpdateSubcode.ATTRIBUTE_FLAGS_ERROR, flagsText(cursor), cursor, scan);
  }
  const text = `attribute ${cursor.type} is not known and not optional`;
  throw updateError(UpdateSubcode.UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE, text, cursor.octets());
}

/** RFC 7606 section 3 (g): the first one counts, and MP_* must not occur twice. */
function examineRepeated(row: AttributeDescriptor, scan: Scanning): void {
  if (row.malformed === "session-reset") throw malformedList(`${row.name} occurs twice`);
  if ((scan.repeated & row.bit) !== 0) return;
  scan.repeated |= row.bit;
  scan.faults.push({ attribute: row.type, action: "attribute-discard", message: `${row.name} occurs again` });
}

function examineMultiprotocol(
  row: AttributeDescriptor,
  cursor: AttributeCursor,
  scan: Scanning,
  context: CodecContext,
): void {
  const { bytes, value, next } = cursor;
  if (row === MP_REACH) {
    const reach = decodeReach(bytes, value, next, context);
    if (typeof reach === "string") throw multiprotocolError(row, reach, cursor);
    scan.reach = reach;
  } else {
    const unreach = decodeUnreach(bytes, value, next, context);
    if (typeof unreach === "string") throw multiprotocolError(row, unreach, cursor);
    scan.unreach = unreach;
  }
  // Wrong flags hide no NLRI, so they cost no session (RFC 7606 section 3 (c)).
  if ((cursor.flags & OPTIONAL_TRANSITIVE) === row.flags) return;
  withdraw(row, UpdateSubcode.ATTRIBUTE_FLAGS_ERROR, flagsText(cursor), cursor, scan);
}

/** RFC 4760 section 7: the NLRI cannot be found for sure, so that nothing milder is left. */
function multiprotocolError(
  row: AttributeDescriptor,
  text: string,
  cursor: AttributeCursor,
): NotificationError {
  return updateError(UpdateSubcode.OPTIONAL_ATTRIBUTE_ERROR, `${row.name}: ${text}`, cursor.octets());
}

/** RFC 7606 section 4: the list ends inside an attribute. Where that is one with NLRI, the NLRI is lost. */
function cutShort(cursor: AttributeCursor, scan: Scanning): void {
  const left = cursor.end - cursor.at;
  const row = left < 2 ? undefined : attributeOf(cursor.bytes[cursor.at + 1] ?? 0);
  const text = `attribute list cut short ${left} octets before its end`;
  const lost = row?.malformed === "session-reset" && (scan.seen & row.bit) === 0;
  const error = malformedList(text);
  if (lost) throw error;
  scan.others = true;
  scan.severe ??= error;
  scan.faults.push({ attribute: 0, action: "treat-as-withdraw", message: text });
}

/** RFC 7606 section 3 (d). */
function checkMandatory(scan: Scanning, hasNlriField: boolean, context: CodecContext): void {
  requireAttribute(AttributeType.ORIGIN, scan);
  requireAttribute(AttributeType.AS_PATH, scan);
  if (hasNlriField) requireAttribute(AttributeType.NEXT_HOP, scan);
  if (context.internal) requireAttribute(AttributeType.LOCAL_PREF, scan);
}

function requireAttribute(attribute: number, scan: Scanning): void {
  const row = attributeOf(attribute);
  if (row === undefined || (scan.seen & row.bit) !== 0) return;
  scan.faults.push({ attribute, action: "treat-as-withdraw", message: `${row.name} is missing` });
}

function discard(row: AttributeDescriptor, text: string, scan: Scanning): void {
  scan.bad |= row.bit;
  scan.faults.push({ attribute: row.type, action: "attribute-discard", message: `${row.name}: ${text}` });
}

function withdraw(
  row: Pick<AttributeDescriptor, "type" | "name" | "bit">,
  subcode: number,
  text: string,
  cursor: AttributeCursor,
  scan: Scanning,
): void {
  scan.bad |= row.bit;
  const message = `${row.name}: ${text}`;
  scan.severe ??= updateError(subcode, message, cursor.octets());
  scan.faults.push({ attribute: row.type, action: "treat-as-withdraw", message });
}

function flagsText(cursor: AttributeCursor): string {
  return `flags 0x${cursor.flags.toString(16).padStart(2, "0")}`;
}
