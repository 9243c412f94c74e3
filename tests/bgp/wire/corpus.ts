/**
 * UPDATEs like those of public collections: each path attribute of IANA's registry, well-formed and in every malformed form
 * that RFC 7606 speaks of, with what is to become of the message. The table is of its own, and not the decoder's.
 */
import type { CodecContext } from "../../../src/bgp/wire/codec_context.ts";
import { attribute, type Octets, u16, u32, update } from "../../support/raw_peer.ts";

/** What becomes of an UPDATE; of a session that is reset, the code and subcode. */
export type Outcome = "accepted" | "attribute-discard" | "treat-as-withdraw" | `reset 3/${number}`;

/** One UPDATE. */
export interface CorpusMessage {
  readonly name: string;
  readonly octets: Octets;
  readonly outcome: Outcome;
}

/** In which field the message has its routes. */
export type CorpusFamily = "NLRI" | "MP_REACH_NLRI";

type Session = Pick<CodecContext, "internal" | "fourOctetAs">;

const A = "accepted";
const D = "attribute-discard";
const W = "treat-as-withdraw";
const LOST = "reset 3/9";

/** A row: outcomes of the malformed forms, for sessions in which the attribute has its place. */
interface Row {
  readonly type: number;
  readonly name: string;
  readonly flags: number;
  /** A well-formed value. */
  readonly value: (session: Session) => Octets;
  readonly zero: Outcome;
  readonly short: Outcome;
  readonly long: Outcome;
  readonly flagged: Outcome;
  readonly twice: Outcome;
  readonly overrun: Outcome;
  /** Right in length, wrong inside; or unusual and right. */
  readonly inside?:
    readonly (readonly [name: string, value: (session: Session) => Octets, outcome: Outcome])[];
  /** It is discarded in other sessions, whatever it says. */
  readonly only?: (session: Session) => boolean;
}

const WELL_KNOWN = 0x40;
const NON_TRANSITIVE = 0x80;
const TRANSITIVE = 0xc0;

const zeros = (count: number): Octets => new Array<number>(count).fill(0);
const as = (number: number, { fourOctetAs }: Session): Octets => fourOctetAs ? u32(number) : u16(number);
const segment = (type: number, ases: readonly number[], session: Session): Octets => [
  type,
  ases.length,
  ...ases.flatMap((each) => as(each, session)),
];
const tlv = (type: number, value: Octets): Octets => [type, ...u16(value.length), ...value];
const internal = ({ internal }: Session) => internal;
const twoOctet = ({ fourOctetAs }: Session) => !fourOctetAs;

const NEXT_HOP_6: Octets = [0x20, 1, 0xd, 0xb8, ...zeros(11), 2];
const PREFIX: Octets = [24, 10, 1, 2];
const PREFIX_6: Octets = [64, 0x20, 1, 0xd, 0xb8, 0, 2, 0, 0];
const OTHER_6: Octets = [64, 0x20, 1, 0xd, 0xb8, 0, 3, 0, 0];
const reach = (nextHop: Octets, nlri: Octets, afi = 2, safi = 1): Octets => [
  ...u16(afi),
  safi,
  nextHop.length,
  ...nextHop,
  0,
  ...nlri,
];

/** Of a known attribute whose length is fixed, or a multiple of so many octets. */
const STRICT = { zero: W, short: W, long: W, flagged: W, twice: D, overrun: W } as const;
const DISCARDED = { ...STRICT, zero: D, short: D, long: D } as const;
const NETWORKS = {
  zero: LOST,
  short: LOST,
  long: LOST,
  flagged: W,
  twice: "reset 3/1",
  overrun: "reset 3/1",
} as const;
/** Of an attribute that a speaker without its feature ignores, whatever is in it. */
const IGNORED = { zero: A, short: A, long: A, flagged: W, twice: A, overrun: W } as const;
/** Nobody has assigned the type: a well-known attribute that is not known. */
const UNASSIGNED = { ...IGNORED, flagged: "reset 3/2" } as const;

const KNOWN: readonly Row[] = [
  {
    type: 1,
    name: "ORIGIN",
    flags: WELL_KNOWN,
    value: () => [0],
    ...STRICT,
    inside: [["EGP", () => [1], A], ["INCOMPLETE", () => [2], A], ["value 3", () => [3], W], [
      "value 255",
      () => [
        255,
      ],
      W,
    ]],
  },
  {
    type: 2,
    name: "AS_PATH",
    flags: WELL_KNOWN,
    value: (session) => segment(2, [65_002, 65_003], session),
    ...STRICT,
    zero: A,
    inside: [
      ["a set", (session) => [...segment(2, [65_002], session), ...segment(1, [7, 8], session)], A],
      ["255 ASes", (session) => segment(2, new Array<number>(255).fill(65_002), session), A],
      ["an empty segment", (session) => [...segment(2, [65_002], session), 2, 0], W],
      ["segment type 0", (session) => segment(0, [65_002], session), W],
      ["segment type 5", (session) => segment(5, [65_002], session), W],
      ["a count too large", (session) => [2, 3, ...as(1, session), ...as(2, session)], W],
      ["a count too small", (session) => [2, 1, ...as(1, session), ...as(2, session)], W],
      ["AS 0", (session) => segment(2, [65_002, 0], session), W],
    ],
  },
  {
    type: 3,
    name: "NEXT_HOP",
    flags: WELL_KNOWN,
    value: () => [10, 0, 0, 2],
    ...STRICT,
    inside: [
      ["0.0.0.0", () => [0, 0, 0, 0], W],
      ["multicast", () => [224, 0, 0, 5], W],
      ["broadcast", () => [255, 255, 255, 255], W],
    ],
  },
  { type: 4, name: "MULTI_EXIT_DISC", flags: NON_TRANSITIVE, value: () => u32(100), ...STRICT },
  { type: 5, name: "LOCAL_PREF", flags: WELL_KNOWN, value: () => u32(100), ...STRICT, only: internal },
  { type: 6, name: "ATOMIC_AGGREGATE", flags: WELL_KNOWN, value: () => [], ...DISCARDED, zero: A, short: A },
  {
    type: 7,
    name: "AGGREGATOR",
    flags: TRANSITIVE,
    value: (session) => [...as(65_003, session), 10, 0, 0, 3],
    ...DISCARDED,
    inside: [
      ["AS 0", (session) => [...as(0, session), 10, 0, 0, 3], D],
      ["an AS of the other width", ({ fourOctetAs, ...rest }) => [
        ...as(65_003, { fourOctetAs: !fourOctetAs, ...rest }),
        10,
        0,
        0,
        3,
      ], D],
    ],
  },
  {
    type: 8,
    name: "COMMUNITIES",
    flags: TRANSITIVE,
    value: () => [0xfd, 0xea, 0, 1, ...u32(0xffffff01)],
    ...STRICT,
  },
  {
    type: 9,
    name: "ORIGINATOR_ID",
    flags: NON_TRANSITIVE,
    value: () => [10, 0, 0, 9],
    ...STRICT,
    only: internal,
  },
  {
    type: 10,
    name: "CLUSTER_LIST",
    flags: NON_TRANSITIVE,
    value: () => [10, 0, 0, 8, 10, 0, 0, 7],
    ...STRICT,
    only: internal,
  },
  {
    type: 14,
    name: "MP_REACH_NLRI",
    flags: NON_TRANSITIVE,
    value: () => reach(NEXT_HOP_6, PREFIX_6),
    ...NETWORKS,
    inside: [
      ["two next hops", () => reach([...NEXT_HOP_6, 0xfe, 0x80, ...zeros(13), 2], PREFIX_6), A],
      ["a family that was not negotiated", () => reach([10, 0, 0, 2], [1, 2, 3, 4, 5], 25, 70), A],
      ["no prefix", () => reach(NEXT_HOP_6, []), A],
      ["a next hop length of 15", () => reach(NEXT_HOP_6.slice(1), PREFIX_6), LOST],
      ["a next hop length of 24", () => reach([...zeros(8), ...NEXT_HOP_6], PREFIX_6), LOST],
      ["a next hop length of 255", () => [0, 2, 1, 255, ...NEXT_HOP_6, 0, ...PREFIX_6], LOST],
      ["a prefix of 129 bits", () => reach(NEXT_HOP_6, [129, ...zeros(17)]), LOST],
      ["an IPv6 next hop of IPv4 prefixes", () => reach(NEXT_HOP_6, PREFIX, 1), LOST],
    ],
  },
  {
    type: 15,
    name: "MP_UNREACH_NLRI",
    flags: NON_TRANSITIVE,
    value: () => [0, 2, 1, ...OTHER_6],
    ...NETWORKS,
    inside: [
      ["a family that was not negotiated", () => [0, 25, 70, 1, 2, 3, 4], A],
      ["no prefix", () => [0, 2, 1], A],
      ["a prefix of 129 bits", () => [0, 2, 1, 129, ...zeros(17)], LOST],
      ["a length of 2", () => [0, 2], LOST],
    ],
  },
  {
    type: 16,
    name: "EXTENDED_COMMUNITIES",
    flags: TRANSITIVE,
    value: () => [0, 2, 0xfd, 0xea, 0, 0, 0, 5],
    ...STRICT,
    inside: [["a type that nobody knows", () => [0x7f, 0xff, 1, 2, 3, 4, 5, 6], A]],
  },
  {
    type: 17,
    name: "AS4_PATH",
    flags: TRANSITIVE,
    value: () => [2, 1, ...u32(4_200_000_000)],
    ...DISCARDED,
    only: twoOctet,
    inside: [
      ["an empty segment", () => [2, 0], D],
      ["segment type 9", () => [9, 1, ...u32(7)], D],
      ["AS 0", () => [2, 1, ...u32(0)], D],
      ["confederation segments", () => [3, 1, ...u32(7), 2, 1, ...u32(8)], A],
    ],
  },
  {
    type: 18,
    name: "AS4_AGGREGATOR",
    flags: TRANSITIVE,
    value: () => [...u32(4_200_000_000), 10, 0, 0, 3],
    ...DISCARDED,
    only: twoOctet,
    inside: [["AS 0", () => [...u32(0), 10, 0, 0, 3], D]],
  },
  {
    type: 32,
    name: "LARGE_COMMUNITIES",
    flags: TRANSITIVE,
    value: () => [...u32(65_002), ...u32(1), ...u32(2)],
    ...STRICT,
    inside: [["the same one twice", () => [...u32(1), ...zeros(8), ...u32(1), ...zeros(8)], A]],
  },
  { type: 35, name: "ONLY_TO_CUSTOMER", flags: TRANSITIVE, value: () => u32(65_002), ...STRICT },
];

/** What a speaker that only announces does not know: ignored, and whatever is wrong inside stays its owner's matter. */
const OTHERS: readonly (readonly [type: number, name: string, flags: number, value: Octets, lie: Octets])[] =
  [
    [11, "DPA", TRANSITIVE, [0xfd, 0xea, ...u32(7)], [0]],
    [12, "ADVERTISER", NON_TRANSITIVE, [10, 0, 0, 7], [10]],
    [13, "RCID_PATH", NON_TRANSITIVE, [10, 0, 0, 8, 10, 0, 0, 9], [10, 0, 0, 8, 1]],
    [19, "SSA", TRANSITIVE, tlv(1, u32(1)), [0, 1, 0xff, 0xff, 1]],
    [20, "CONNECTOR", TRANSITIVE, [0, 1, ...zeros(8), 10, 0, 0, 4], [0, 1, 10]],
    [21, "AS_PATHLIMIT", TRANSITIVE, [5, ...u32(65_002)], [0, ...u32(0)]],
    [22, "PMSI_TUNNEL", TRANSITIVE, [0, 6, 0, 0, 0x10, 10, 0, 0, 5], [0, 6, 0, 0, 0x10]],
    [23, "TUNNEL_ENCAP", TRANSITIVE, [0, 8, 0, 12, 1, 10, ...zeros(10)], [0, 8, 0xff, 0xff, 1, 250, 0]],
    [24, "TRAFFIC_ENGINEERING", NON_TRANSITIVE, [1, 1, 0, 0, ...zeros(32)], [1, 1, 0, 0, 1]],
    [25, "IPV6_EXTENDED_COMMUNITIES", TRANSITIVE, [0, 2, ...NEXT_HOP_6, 0, 5], [0, 2, 1]],
    [26, "AIGP", NON_TRANSITIVE, [1, 0, 11, ...zeros(4), ...u32(100)], [1, 0xff, 0xff, 0]],
    [27, "PE_DISTINGUISHER_LABELS", TRANSITIVE, [10, 0, 0, 6, 0, 0, 0x10], [10, 0]],
    [28, "ENTROPY_LABEL", TRANSITIVE, [], [1]],
    [29, "BGP_LS", NON_TRANSITIVE, [4, 2, 0, 3, 0x72, 0x31, 0x61], [4, 2, 0xff, 0xff, 0x72]],
    [30, "type 30", TRANSITIVE, [1, 2, 3], [0xff, 0xff]],
    [31, "type 31", TRANSITIVE, [1, 2, 3], [0xff, 0xff]],
    [33, "BGPSEC_PATH", NON_TRANSITIVE, [
      0,
      8,
      1,
      0,
      ...u32(65_002),
      0,
      29,
      1,
      ...zeros(20),
      0,
      4,
      1,
      2,
      3,
      4,
    ], [0xff, 0xff]],
    [34, "COMMUNITY_CONTAINER", TRANSITIVE, [0, 1, 0, 0, 0, 4, 1, 2, 3, 4], [0, 1, 0, 0xff, 0xff]],
    [36, "D_PATH", TRANSITIVE, [1, ...u32(65_002), 0, 1, 70], [200, 1]],
    [37, "SFP", TRANSITIVE, [1, 0, 5, 1, 2, 3, 4, 5], [1, 0xff, 0xff]],
    [38, "BFD_DISCRIMINATOR", TRANSITIVE, [1, ...u32(77), 1, 4, 10, 0, 0, 2], [1, ...u32(0), 1, 200]],
    [39, "NEXT_HOP_CHARACTERISTICS", TRANSITIVE, [0, 1, 1, 4, 10, 0, 0, 2, 0, 1, 0, 0], [0, 1, 1, 200, 10]],
    [40, "PREFIX_SID", TRANSITIVE, [1, 0, 7, 0, 0, 0, ...u32(10)], [1, 0xff, 0xff, 0]],
    [128, "ATTR_SET", TRANSITIVE, [...u32(65_002), 0x40, 1, 1, 0], [...u32(65_002), 0x40, 1, 200, 0]],
  ];

const UNKNOWN: readonly (readonly [type: number, name: string])[] = [
  [0, "type 0, reserved"],
  [99, "type 99, unassigned"],
  [254, "type 254, unassigned"],
  [255, "type 255, reserved for development"],
];

/** The rows. */
const ROWS: readonly Row[] = [
  ...KNOWN,
  ...OTHERS.map(([type, name, flags, value, lie]): Row => ({
    type,
    name,
    flags,
    value: () => value,
    ...IGNORED,
    inside: [["a length inside that is a lie", () => lie, A]],
  })),
  ...UNKNOWN.map(([type, name]): Row => ({
    type,
    name,
    flags: TRANSITIVE,
    value: () => [1, 2, 3],
    ...UNASSIGNED,
  })),
];

/** The types that the corpus has messages of. */
export const CORPUS_TYPES: readonly number[] = ROWS.map(({ type }) => type);

/** The attributes that a good message of a session has; MP_REACH_NLRI comes first (RFC 7606 section 5.1). */
function mandatory(
  family: CorpusFamily,
  session: Session,
): readonly (readonly [type: number, octets: Octets])[] {
  const good = (type: number): readonly [number, Octets] => {
    const row = ROWS.find((each) => each.type === type);
    if (row === undefined) throw new Error(`no row of type ${type}`);
    return [type, attribute(row.flags, type, row.value(session))];
  };
  return [
    ...(family === "NLRI" ? [] : [good(14)]),
    good(1),
    good(2),
    ...(family === "NLRI" ? [good(3)] : []),
    ...(session.internal ? [good(5)] : []),
  ];
}

/** All messages of a session. */
export function* corpus(family: CorpusFamily, session: Session): Generator<CorpusMessage> {
  for (const row of ROWS) {
    const { type, flags } = row;
    const value = row.value(session);
    const others = mandatory(family, session).filter(([each]) => each !== type).map(([, octets]) => octets);
    const placed = row.only?.(session) ?? true;
    const message = (form: string, octets: Octets, right: Outcome): CorpusMessage => {
      // It comes last, so that a length that lies hides nothing else; NLRI comes first.
      const parts = type === 14 || type === 15 ? [octets, ...others] : [...others, octets];
      return {
        name: `${row.name} (${type}), ${form}, beside ${family}`,
        octets: update({ attributes: parts.flat(), nlri: family === "NLRI" ? PREFIX : [] }),
        outcome: placed || form === "overrun" ? right : D,
      };
    };
    const plain = (more: Octets) => attribute(more.length > 255 ? flags | 0x10 : flags, type, more);
    yield message("well-formed", plain(value), A);
    yield message("extended length", attribute(flags | 0x10, type, value), A);
    yield message("length 0", plain([]), row.zero);
    if (value.length > 0) yield message("one octet short", plain(value.slice(0, -1)), row.short);
    yield message("one octet long", plain([...value, 0x7f]), row.long);
    yield message("Optional flipped", attribute(flags ^ 0x80, type, value), row.flagged);
    yield message("Transitive flipped", attribute(flags ^ 0x40, type, value), transitiveFlipped(row));
    yield message("Partial and the unused bits set", attribute(flags | 0x2f, type, value), A);
    yield message("twice", [...plain(value), ...plain(value)], row.twice);
    yield* overruns(row, family, session, value);
    for (const [name, inside, outcome] of row.inside ?? []) {
      yield message(name, plain(inside(session)), outcome);
    }
  }
  yield* confederations(family, session);
}

/** Who does not know the attribute cannot know whether it is transitive. */
function transitiveFlipped(row: Row): Outcome {
  return KNOWN.includes(row) ? row.flagged : A;
}

/** The length goes past the attributes' end: by one octet, and by as many as fit into the field. */
function* overruns(
  row: Row,
  family: CorpusFamily,
  session: Session,
  value: Octets,
): Generator<CorpusMessage> {
  const others = mandatory(family, session).filter(([each]) => each !== row.type).map(([, octets]) => octets);
  for (const length of [value.length + 1, 255]) {
    const octets = [row.flags, row.type, length, ...value];
    yield {
      name: `${row.name} (${row.type}), overrun to length ${length}, beside ${family}`,
      octets: update({ attributes: [...others.flat(), ...octets], nlri: family === "NLRI" ? PREFIX : [] }),
      outcome: row.overrun,
    };
  }
}

/** Segments of a confederation come from within it only (RFC 5065 section 5), and we are in none with an external peer. */
function* confederations(family: CorpusFamily, session: Session): Generator<CorpusMessage> {
  const others = mandatory(family, session);
  for (const type of [3, 4]) {
    const path = [...segment(type, [65_010], session), ...segment(2, [65_002], session)];
    const attributes = others.flatMap(([each, octets]) =>
      each === 2 ? attribute(WELL_KNOWN, 2, path) : octets
    );
    yield {
      name: `AS_PATH with confederation segment ${type}, beside ${family}`,
      octets: update({ attributes, nlri: family === "NLRI" ? PREFIX : [] }),
      outcome: session.internal ? A : W,
    };
  }
}
