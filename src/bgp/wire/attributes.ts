/**
 * Path attributes (RFC 4271 sections 4.3 and 5, 1997, 4360, 4456, 4760, 6793, 8092, 9234): a table with one row for
 * each, which says how it is flagged, checked, read and written, and what RFC 7606 does when it is malformed.
 */
import { Writer } from "../../bytes/writer.ts";
import { type Address, addressOf } from "../../net/address.ts";
import type { LargeCommunity } from "../../net/community.ts";
import {
  as4PathFor,
  type AsPathSegment,
  checkAsPath,
  decodeAsPath,
  encodeAsPath,
  mergeAs4Path,
} from "./as_path.ts";
import {
  type Aggregator,
  checkAggregator,
  exactly,
  isHostAddress,
  lengthError,
  type Malformed,
  MAX_TWO_OCTET_AS,
  multipleOf,
  readAggregator,
  readU32s,
  u32,
  u32s,
  writeAggregator,
} from "./attribute_values.ts";
import { AS_TRANS, AttributeFlag, AttributeType, Origin, UpdateSubcode } from "./constants.ts";
import type { CodecContext } from "./codec_context.ts";

/**
 * The attributes of a set of routes. NLRI of other families than IPv4 stands in `UpdateMessage`, not here. ASes are
 * always whole: AS_TRANS, AS4_PATH and AS4_AGGREGATOR exist on the wire only (RFC 6793).
 */
export interface PathAttributes {
  readonly origin?: number;
  readonly asPath?: readonly AsPathSegment[];
  readonly nextHop?: Address;
  readonly med?: number;
  readonly localPref?: number;
  readonly atomicAggregate?: true;
  readonly aggregator?: Aggregator;
  readonly communities?: readonly number[];
  /** Unsigned 32-bit. */
  readonly originatorId?: number;
  /** Unsigned 32-bit each. */
  readonly clusterList?: readonly number[];
  /** Eight octets each. */
  readonly extendedCommunities?: readonly Uint8Array[];
  readonly largeCommunities?: readonly LargeCommunity[];
  /** The AS that first sent the route to a customer, a peer or a route server's client (RFC 9234). */
  readonly onlyToCustomer?: number;
}

/** A row of the table. Values are given as the bytes that they stand in, with their start and end. */
export interface AttributeDescriptor {
  readonly type: number;
  readonly name: string;
  /** Optional and Transitive, as they must be. */
  readonly flags: number;
  /** One bit, to collect in a set. */
  readonly bit: number;
  /** What RFC 7606 does when the value is malformed; wrong flags are always the same (section 3). */
  readonly malformed: "treat-as-withdraw" | "attribute-discard" | "session-reset";
  /** Why it is to be discarded whatever it says, or undefined. */
  readonly refuse: (context: CodecContext) => string | undefined;
  readonly check: (
    bytes: Uint8Array,
    at: number,
    end: number,
    context: CodecContext,
  ) => Malformed | undefined;
  /** Adds a value that `check` has found good. */
  readonly decode: (
    bytes: Uint8Array,
    at: number,
    end: number,
    into: Collected,
    context: CodecContext,
  ) => void;
  /** The value to send, or undefined where there is none. */
  readonly encode: (attributes: PathAttributes, context: CodecContext) => Uint8Array | undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Attributes while they are read, with those that do not outlive the reading. */
export interface Collected {
  readonly attributes: Mutable<PathAttributes>;
  as4Path?: readonly AsPathSegment[];
  as4Aggregator?: Aggregator;
}

const { OPTIONAL, TRANSITIVE, EXTENDED_LENGTH } = AttributeFlag;

const accepted = () => undefined;
const internalOnly = (context: CodecContext) => context.internal ? undefined : "from an external peer";
const twoOctetOnly = (context: CodecContext) => context.fourOctetAs ? "from a four-octet peer" : undefined;
const asOctets = (context: CodecContext) => context.fourOctetAs ? 4 : 2;

type Spec<K extends keyof PathAttributes> =
  & Pick<AttributeDescriptor, "type" | "name" | "flags" | "malformed" | "check">
  & Partial<Pick<AttributeDescriptor, "refuse">>
  & {
    readonly key: K;
    readonly read: (
      bytes: Uint8Array,
      at: number,
      end: number,
      context: CodecContext,
    ) => NonNullable<PathAttributes[K]>;
    readonly write: (value: NonNullable<PathAttributes[K]>, context: CodecContext) => Uint8Array;
  };

type Row = Omit<AttributeDescriptor, "bit">;

/** A row whose attribute is one field of `PathAttributes`. */
function field<K extends keyof PathAttributes>(spec: Spec<K>): Row {
  const { key, read, write, type, name, flags, malformed, check, refuse = accepted } = spec;
  return {
    type,
    name,
    flags,
    malformed,
    refuse,
    check,
    decode: (bytes, at, end, into, context) => {
      const attributes: Pick<Mutable<PathAttributes>, K> = into.attributes;
      attributes[key] = read(bytes, at, end, context);
    },
    encode: (attributes, context) => {
      const value = attributes[key];
      return value === undefined ? undefined : write(value, context);
    },
  };
}

/** A row whose attribute stands beside `PathAttributes`: `UpdateMessage` has its NLRI, and update.ts reads it. */
function multiprotocol(type: number, name: string): Row {
  return {
    type,
    name,
    flags: OPTIONAL,
    malformed: "session-reset",
    refuse: accepted,
    check: () => undefined,
    decode: () => {},
    encode: () => undefined,
  };
}

const ROWS: readonly Row[] = [
  field({
    key: "origin",
    type: AttributeType.ORIGIN,
    name: "ORIGIN",
    flags: TRANSITIVE,
    malformed: "treat-as-withdraw",
    check: (bytes, at, end) => {
      const value = bytes[at] ?? 0;
      if (end - at !== 1) return lengthError(end - at, "1");
      if (value <= Origin.INCOMPLETE) return undefined;
      return { subcode: UpdateSubcode.INVALID_ORIGIN_ATTRIBUTE, message: `value ${value}, must be 0 to 2` };
    },
    read: (bytes, at) => bytes[at] ?? 0,
    write: (value) => Uint8Array.of(value),
  }),
  field({
    key: "asPath",
    type: AttributeType.AS_PATH,
    name: "AS_PATH",
    flags: TRANSITIVE,
    malformed: "treat-as-withdraw",
    check: (bytes, at, end, context) => {
      const message = checkAsPath(bytes, at, end, asOctets(context), context.internal);
      return message === undefined ? undefined : { subcode: UpdateSubcode.MALFORMED_AS_PATH, message };
    },
    read: (bytes, at, end, context) => decodeAsPath(bytes, at, end, asOctets(context)),
    write: (value, context) => encodeAsPath(value, asOctets(context)),
  }),
  field({
    key: "nextHop",
    type: AttributeType.NEXT_HOP,
    name: "NEXT_HOP",
    flags: TRANSITIVE,
    malformed: "treat-as-withdraw",
    check: (bytes, at, end) => {
      if (end - at !== 4) return lengthError(end - at, "4");
      if (isHostAddress(bytes, at)) return undefined;
      const text = bytes.subarray(at, end).join(".");
      return {
        subcode: UpdateSubcode.INVALID_NEXT_HOP_ATTRIBUTE,
        message: `${text} is not a host's address`,
      };
    },
    read: (bytes, at, end) => addressOf(bytes.subarray(at, end)),
    write: (value) => value.bytes,
  }),
  field({
    key: "med",
    type: AttributeType.MULTI_EXIT_DISC,
    name: "MULTI_EXIT_DISC",
    flags: OPTIONAL,
    malformed: "treat-as-withdraw",
    check: exactly(4),
    read: u32,
    write: (value) => u32s([value]),
  }),
  field({
    key: "localPref",
    type: AttributeType.LOCAL_PREF,
    name: "LOCAL_PREF",
    flags: TRANSITIVE,
    malformed: "treat-as-withdraw",
    refuse: internalOnly,
    check: exactly(4),
    read: u32,
    write: (value) => u32s([value]),
  }),
  field({
    key: "atomicAggregate",
    type: AttributeType.ATOMIC_AGGREGATE,
    name: "ATOMIC_AGGREGATE",
    flags: TRANSITIVE,
    malformed: "attribute-discard",
    check: exactly(0),
    read: () => true,
    write: () => new Uint8Array(),
  }),
  field({
    key: "aggregator",
    type: AttributeType.AGGREGATOR,
    name: "AGGREGATOR",
    flags: OPTIONAL | TRANSITIVE,
    malformed: "attribute-discard",
    check: (bytes, at, end, context) => checkAggregator(bytes, at, end, asOctets(context)),
    read: (bytes, at, end, context) => readAggregator(bytes, at, end, asOctets(context)),
    write: (value, context) => writeAggregator(value, asOctets(context)),
  }),
  field({
    key: "communities",
    type: AttributeType.COMMUNITIES,
    name: "COMMUNITIES",
    flags: OPTIONAL | TRANSITIVE,
    malformed: "treat-as-withdraw",
    check: multipleOf(4),
    read: (bytes, at, end) => readU32s(bytes, at, end),
    write: u32s,
  }),
  field({
    key: "originatorId",
    type: AttributeType.ORIGINATOR_ID,
    name: "ORIGINATOR_ID",
    flags: OPTIONAL,
    malformed: "treat-as-withdraw",
    refuse: internalOnly,
    check: exactly(4),
    read: u32,
    write: (value) => u32s([value]),
  }),
  field({
    key: "clusterList",
    type: AttributeType.CLUSTER_LIST,
    name: "CLUSTER_LIST",
    flags: OPTIONAL,
    malformed: "treat-as-withdraw",
    refuse: internalOnly,
    check: multipleOf(4),
    read: (bytes, at, end) => readU32s(bytes, at, end),
    write: u32s,
  }),
  multiprotocol(AttributeType.MP_REACH_NLRI, "MP_REACH_NLRI"),
  multiprotocol(AttributeType.MP_UNREACH_NLRI, "MP_UNREACH_NLRI"),
  field({
    key: "extendedCommunities",
    type: AttributeType.EXTENDED_COMMUNITIES,
    name: "EXTENDED_COMMUNITIES",
    flags: OPTIONAL | TRANSITIVE,
    malformed: "treat-as-withdraw",
    check: multipleOf(8),
    read: (bytes, at, end) =>
      Array.from({ length: (end - at) / 8 }, (_, i) => bytes.slice(at + 8 * i, at + 8 * i + 8)),
    write: (value) => value.reduce((writer, community) => writer.bytes(community), new Writer()).finish(),
  }),
  {
    type: AttributeType.AS4_PATH,
    name: "AS4_PATH",
    flags: OPTIONAL | TRANSITIVE,
    malformed: "attribute-discard",
    refuse: twoOctetOnly,
    check: (bytes, at, end) => {
      // RFC 6793 section 6: confederation segments are dropped and not an error; empty is one.
      const message = at === end ? "no segment" : checkAsPath(bytes, at, end, 4, true);
      return message === undefined ? undefined : { subcode: UpdateSubcode.OPTIONAL_ATTRIBUTE_ERROR, message };
    },
    decode: (bytes, at, end, into) => {
      into.as4Path = decodeAsPath(bytes, at, end, 4);
    },
    encode: ({ asPath }, context) => {
      const path = asPath === undefined || context.fourOctetAs ? undefined : as4PathFor(asPath);
      return path === undefined ? undefined : encodeAsPath(path, 4);
    },
  },
  {
    type: AttributeType.AS4_AGGREGATOR,
    name: "AS4_AGGREGATOR",
    flags: OPTIONAL | TRANSITIVE,
    malformed: "attribute-discard",
    refuse: twoOctetOnly,
    check: (bytes, at, end) => checkAggregator(bytes, at, end, 4),
    decode: (bytes, at, end, into) => {
      into.as4Aggregator = readAggregator(bytes, at, end, 4);
    },
    encode: ({ aggregator }, context) => {
      if (aggregator === undefined || context.fourOctetAs || aggregator.as <= MAX_TWO_OCTET_AS) {
        return undefined;
      }
      return writeAggregator(aggregator, 4);
    },
  },
  field({
    key: "largeCommunities",
    type: AttributeType.LARGE_COMMUNITIES,
    name: "LARGE_COMMUNITIES",
    flags: OPTIONAL | TRANSITIVE,
    malformed: "treat-as-withdraw",
    check: multipleOf(12),
    read: (bytes, at, end) => {
      const communities: LargeCommunity[] = [];
      for (let i = at; i < end; i += 12) {
        communities.push([u32(bytes, i), u32(bytes, i + 4), u32(bytes, i + 8)]);
      }
      return communities;
    },
    write: (value) => u32s(value.flat()),
  }),
  field({
    key: "onlyToCustomer",
    type: AttributeType.ONLY_TO_CUSTOMER,
    name: "ONLY_TO_CUSTOMER",
    flags: OPTIONAL | TRANSITIVE,
    malformed: "treat-as-withdraw",
    check: exactly(4),
    read: u32,
    write: (value) => u32s([value]),
  }),
];

/** The table, in the order of the type codes. */
export const ATTRIBUTES: readonly AttributeDescriptor[] = ROWS.map((row, index) => ({
  ...row,
  bit: 1 << index,
}));

const BY_TYPE: ReadonlyMap<number, AttributeDescriptor> = new Map(ATTRIBUTES.map((row) => [row.type, row]));

/** The row of an attribute, or undefined where we do not know it. */
export function attributeOf(type: number): AttributeDescriptor | undefined {
  return BY_TYPE.get(type);
}

/** What was read, with the ASes of a two-octet speaker made whole (RFC 6793 section 4.2.3). */
export function wholeAttributes({ attributes, as4Path, as4Aggregator }: Collected): PathAttributes {
  const { asPath, aggregator } = attributes;
  // An AGGREGATOR with a real AS was set by a speaker that knew nothing of the AS4 attributes: they are stale.
  if (aggregator !== undefined && as4Aggregator !== undefined && aggregator.as !== AS_TRANS) {
    return attributes;
  }
  return {
    ...attributes,
    ...(aggregator !== undefined && as4Aggregator !== undefined && { aggregator: as4Aggregator }),
    ...(asPath !== undefined && as4Path !== undefined && { asPath: mergeAs4Path(asPath, as4Path) }),
  };
}

/** The attributes as they stand in an UPDATE, MP_REACH_NLRI and MP_UNREACH_NLRI not among them. */
export function encodeAttributes(attributes: PathAttributes, context: CodecContext): Uint8Array {
  const writer = new Writer();
  for (const row of ATTRIBUTES) {
    const value = row.encode(attributes, context);
    if (value !== undefined) writeAttribute(row, value, writer);
  }
  return writer.finish();
}

/** Flags, type, length and value of one attribute. */
export function writeAttribute(row: AttributeDescriptor, value: Uint8Array, writer: Writer): void {
  if (value.byteLength > 255) writer.u8(row.flags | EXTENDED_LENGTH).u8(row.type).u16(value.byteLength);
  else writer.u8(row.flags).u8(row.type).u8(value.byteLength);
  writer.bytes(value);
}
