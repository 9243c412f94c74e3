/** What a BGP speaker must make of UPDATEs (RFC 4271 section 6.3, RFC 7606 and its relatives), as rows. */
import type { PeerConfig } from "../../src/config/config.ts";
import {
  attribute,
  capability,
  fourOctetAs,
  message,
  multiprotocol,
  type Octets,
  open,
  u16,
  u32,
  UPDATE,
  update,
  withCapabilities,
} from "../support/raw_peer.ts";
import { answers, type Expected, type Row, SURVIVES } from "./conformance_rows.ts";

const WITHDRAWN: Expected = { malformed: 1 };
/** The fault is counted the same; from outside a discarded attribute and a withdrawn route look alike. */
const DISCARDED: Expected = { malformed: 1 };

const ORIGIN = attribute(0x40, 1, [0]);
const AS_PATH = attribute(0x40, 2, [2, 1, ...u32(65_002)]);
const NEXT_HOP = attribute(0x40, 3, [10, 0, 0, 2]);
const LOCAL_PREF = attribute(0x40, 5, u32(100));
const BASE: Octets = [...ORIGIN, ...AS_PATH, ...NEXT_HOP];
const NLRI: Octets = [24, 10, 1, 2];
const NEXT_HOP_6: Octets = [0x20, 1, 0xd, 0xb8, ...new Array<number>(11).fill(0), 2];
const NLRI_6: Octets = [32, 0x20, 1, 0xd, 0xb8];

function zeros(count: number): Octets {
  return new Array<number>(count).fill(0);
}

function path(...ases: readonly number[]): Octets {
  return [2, ases.length, ...ases.flatMap(u32)];
}

function reach(afi: number, nextHop: Octets, nlri: Octets, safi = 1): Octets {
  return [...u16(afi), safi, nextHop.length, ...nextHop, 0, ...nlri];
}

function row(rfc: string, name: string, octets: Octets, expected: Expected, rest: Partial<Row> = {}): Row {
  return { rfc, name, state: "Established", send: [octets], expected, ...rest };
}

/** A good route and one attribute more. */
function plus(rfc: string, name: string, extra: Octets, expected: Expected, rest: Partial<Row> = {}): Row {
  return row(rfc, name, update({ attributes: [...BASE, ...extra], nlri: NLRI }), expected, rest);
}

/** A route with these attributes and no other. */
function only(
  rfc: string,
  name: string,
  attributes: Octets,
  expected: Expected,
  rest: Partial<Row> = {},
): Row {
  return row(rfc, name, update({ attributes, nlri: NLRI }), expected, rest);
}

const withOrigin = (origin: Octets): Octets => [...origin, ...AS_PATH, ...NEXT_HOP];
const withPath = (
  value: Octets,
  flags = 0x40,
): Octets => [...ORIGIN, ...attribute(flags, 2, value), ...NEXT_HOP];
const withNextHop = (value: Octets): Octets => [...ORIGIN, ...AS_PATH, ...attribute(0x40, 3, value)];

const attributeRows: readonly Row[] = [
  only("4271 4.3", "a good route", BASE, SURVIVES),
  only("7606 7.1", "ORIGIN 3", withOrigin(attribute(0x40, 1, [3])), WITHDRAWN),
  only("7606 7.1", "ORIGIN of 0 octets", withOrigin(attribute(0x40, 1)), WITHDRAWN),
  only("7606 7.1", "ORIGIN of 2 octets", withOrigin(attribute(0x40, 1, [0, 0])), WITHDRAWN),
  only("7606 3", "ORIGIN optional", withOrigin(attribute(0xc0, 1, [0])), WITHDRAWN),
  only("7606 3", "ORIGIN not transitive", withOrigin(attribute(0, 1, [0])), WITHDRAWN),
  only("4271 4.3", "ORIGIN with the low flags set", withOrigin(attribute(0x4f, 1, [0])), SURVIVES),
  only("4271 4.3", "ORIGIN with Extended Length", withOrigin(attribute(0x50, 1, [0])), SURVIVES),
  only("7606 3", "ORIGIN missing", withOrigin([]), WITHDRAWN),
  only("7606 3", "ORIGIN twice", [...BASE, ...ORIGIN], DISCARDED),
  only("7606 7.2", "AS_PATH of 1 octet", withPath([2]), WITHDRAWN),
  only("7606 7.2", "AS_PATH with an empty segment", withPath([2, 0]), WITHDRAWN),
  only(
    "7606 7.2",
    "AS_PATH with an empty segment behind a good one",
    withPath([...path(65_002), 1, 0]),
    WITHDRAWN,
  ),
  only("7606 7.2", "AS_PATH with segment type 0", withPath([0, 1, ...u32(1)]), WITHDRAWN),
  only("7606 7.2", "AS_PATH with segment type 5", withPath([5, 1, ...u32(1)]), WITHDRAWN),
  only("7606 7.2", "AS_PATH with a segment overrun", withPath([2, 2, ...u32(65_002)]), WITHDRAWN),
  only("7606 7.2", "AS_PATH with a segment underrun", withPath([...path(65_002), 2]), WITHDRAWN),
  only("7606 7.2", "AS_PATH of two-octet ASes", withPath([2, 1, 0xfd, 0xea]), WITHDRAWN),
  only("7607 2", "AS_PATH with AS 0", withPath(path(65_002, 0)), WITHDRAWN),
  only(
    "5065 5",
    "AS_PATH with AS_CONFED_SEQUENCE from an external peer",
    withPath([3, 1, ...u32(9), ...path(65_002)]),
    WITHDRAWN,
  ),
  only(
    "5065 5",
    "AS_PATH with AS_CONFED_SET from an external peer",
    withPath([4, 1, ...u32(9), ...path(65_002)]),
    WITHDRAWN,
  ),
  only(
    "4271 4.3",
    "AS_PATH with an AS_SET",
    withPath([...path(65_002), 1, 2, ...u32(5), ...u32(6)]),
    SURVIVES,
  ),
  only(
    "4271 4.3",
    "AS_PATH of 255 ASes",
    withPath(path(...new Array<number>(255).fill(65_002)), 0x50),
    SURVIVES,
  ),
  only("4271 4.3", "AS_PATH empty", withPath([]), SURVIVES),
  only("7606 3", "AS_PATH missing", [...ORIGIN, ...NEXT_HOP], WITHDRAWN),
  only("7606 3", "AS_PATH optional", withPath(path(65_002), 0xc0), WITHDRAWN),
  only("7606 7.3", "NEXT_HOP of 3 octets", withNextHop([10, 0, 0]), WITHDRAWN),
  only("7606 7.3", "NEXT_HOP of 16 octets", withNextHop(NEXT_HOP_6), WITHDRAWN),
  only("4271 6.3", "NEXT_HOP 0.0.0.0", withNextHop(zeros(4)), WITHDRAWN),
  only("4271 6.3", "NEXT_HOP 255.255.255.255", withNextHop([255, 255, 255, 255]), WITHDRAWN),
  only("4271 6.3", "NEXT_HOP multicast", withNextHop([224, 0, 0, 5]), WITHDRAWN),
  only("7606 3", "NEXT_HOP missing", [...ORIGIN, ...AS_PATH], WITHDRAWN),
  plus("4271 4.3", "MULTI_EXIT_DISC", attribute(0x80, 4, u32(1)), SURVIVES),
  plus("7606 7.4", "MULTI_EXIT_DISC of 3 octets", attribute(0x80, 4, zeros(3)), WITHDRAWN),
  plus("7606 3", "MULTI_EXIT_DISC transitive", attribute(0xc0, 4, u32(1)), WITHDRAWN),
  plus(
    "7606 3",
    "MULTI_EXIT_DISC twice",
    [...attribute(0x80, 4, u32(1)), ...attribute(0x80, 4, u32(2))],
    DISCARDED,
  ),
  plus("7606 7.5", "LOCAL_PREF from an external peer", LOCAL_PREF, DISCARDED),
  plus("7606 7.5", "LOCAL_PREF of 3 octets from an external peer", attribute(0x40, 5, zeros(3)), DISCARDED),
  plus("4271 4.3", "ATOMIC_AGGREGATE", attribute(0x40, 6), SURVIVES),
  plus("7606 7.6", "ATOMIC_AGGREGATE of 1 octet", attribute(0x40, 6, [0]), DISCARDED),
  plus("4271 4.3", "AGGREGATOR", attribute(0xc0, 7, [...u32(65_002), 10, 0, 0, 2]), SURVIVES),
  plus("7606 7.7", "AGGREGATOR of 6 octets", attribute(0xc0, 7, zeros(6)), DISCARDED),
  plus("7607 2", "AGGREGATOR with AS 0", attribute(0xc0, 7, [...u32(0), 10, 0, 0, 2]), DISCARDED),
  plus("1997", "COMMUNITIES", attribute(0xc0, 8, u32(1)), SURVIVES),
  plus("7606 7.8", "COMMUNITIES of 0 octets", attribute(0xc0, 8), WITHDRAWN),
  plus("7606 7.8", "COMMUNITIES of 5 octets", attribute(0xc0, 8, zeros(5)), WITHDRAWN),
  plus("7606 3", "COMMUNITIES not transitive", attribute(0x80, 8, u32(1)), WITHDRAWN),
  plus("4271 5", "COMMUNITIES with Partial", attribute(0xe0, 8, u32(1)), SURVIVES),
  plus("7606 7.9", "ORIGINATOR_ID from an external peer", attribute(0x80, 9, u32(1)), DISCARDED),
  plus("7606 7.10", "CLUSTER_LIST from an external peer", attribute(0x80, 10, u32(1)), DISCARDED),
  plus("4360", "EXTENDED_COMMUNITIES", attribute(0xc0, 16, zeros(16)), SURVIVES),
  plus("7606 7.14", "EXTENDED_COMMUNITIES of 0 octets", attribute(0xc0, 16), WITHDRAWN),
  plus("7606 7.14", "EXTENDED_COMMUNITIES of 9 octets", attribute(0xc0, 16, zeros(9)), WITHDRAWN),
  plus("8092 5", "LARGE_COMMUNITIES", attribute(0xc0, 32, zeros(24)), SURVIVES),
  plus("8092 5", "LARGE_COMMUNITIES of 0 octets", attribute(0xc0, 32), WITHDRAWN),
  plus("8092 5", "LARGE_COMMUNITIES of 13 octets", attribute(0xc0, 32, zeros(13)), WITHDRAWN),
  plus("6793 6", "AS4_PATH from a four-octet peer", attribute(0xc0, 17, path(65_002)), DISCARDED),
  plus(
    "6793 6",
    "AS4_AGGREGATOR from a four-octet peer",
    attribute(0xc0, 18, [...u32(65_002), 10, 0, 0, 2]),
    DISCARDED,
  ),
  plus("7606 3", "several faults in one UPDATE", [...attribute(0xc0, 8), ...attribute(0x80, 4)], WITHDRAWN),
  plus("4271 6.3", "unknown, optional and transitive", attribute(0xc0, 99, [1, 2, 3]), SURVIVES),
  plus("4271 6.3", "unknown, optional and not transitive", attribute(0x80, 99, [1, 2, 3]), SURVIVES),
  plus("4271 6.3", "unknown, optional and 0 octets", attribute(0xc0, 200), SURVIVES),
  plus("4271 6.3", "unknown, optional, Partial and extended", attribute(0xf0, 254, zeros(300)), SURVIVES),
  plus("4271 6.3", "type 0, optional", attribute(0xc0, 0, [1]), SURVIVES),
  plus(
    "4271 6.3",
    "unknown and well-known",
    attribute(0x40, 99, [7]),
    answers(3, 2, attribute(0x40, 99, [7])),
  ),
  plus(
    "4271 6.3",
    "type 255 and well-known, extended",
    attribute(0x50, 255, [7]),
    answers(3, 2, attribute(0x50, 255, [7])),
  ),
  plus("4271 6.3", "unknown with flags 0", attribute(0, 200), answers(3, 2, attribute(0, 200))),
];

const listRows: readonly Row[] = [
  row("4271 6.3", "Withdrawn Routes Length beyond the end", update({ withdrawnLength: 1 }), answers(3, 1)),
  row("4271 6.3", "Withdrawn Routes Length 65535", update({ withdrawnLength: 65_535 }), answers(3, 1)),
  row(
    "4271 6.3",
    "Withdrawn Routes Length that leaves one octet",
    message(UPDATE, [0, 1, 0, 0]),
    answers(3, 1),
  ),
  row(
    "4271 6.3",
    "Total Path Attribute Length beyond the end",
    update({ attributes: BASE, attributesLength: BASE.length + 1 }),
    answers(3, 1),
  ),
  row(
    "4271 6.3",
    "Total Path Attribute Length 65535",
    update({ attributesLength: 65_535, nlri: NLRI }),
    answers(3, 1),
  ),
  only("7606 4", "an attribute longer than the list", [...BASE, 0xc0, 8, 9, 0], WITHDRAWN),
  only("7606 4", "an attribute of one octet", [...BASE, 0xc0], WITHDRAWN),
  only("7606 4", "an attribute of two octets", [...BASE, 0xc0, 8], WITHDRAWN),
  only("7606 4", "an attribute without the second octet of its length", [...BASE, 0xd0, 8, 0], WITHDRAWN),
  only("7606 4", "an attribute of 65535 octets", [...BASE, 0xd0, 8, 255, 255], WITHDRAWN),
  only("7606 4", "MP_REACH_NLRI longer than the list", [...BASE, 0x80, 14, 9, 0], answers(3, 1)),
  row(
    "7606 5.2",
    "a fault and no NLRI",
    update({ attributes: attribute(0x40, 1, [9]) }),
    answers(3, 6, attribute(0x40, 1, [9])),
  ),
  row(
    "7606 5.2",
    "a list cut short and no NLRI",
    update({ attributes: [...BASE, 0xc0, 8, 9] }),
    answers(3, 1),
  ),
  row("7606 5.2", "good attributes and no NLRI", update({ attributes: BASE }), SURVIVES),
  row(
    "7606 5.2",
    "a discarded attribute and no NLRI",
    update({ attributes: [...BASE, ...LOCAL_PREF] }),
    DISCARDED,
  ),
  row("4271 4.3", "a withdrawal", update({ withdrawn: NLRI }), SURVIVES),
  row(
    "4271 4.3",
    "a route withdrawn and announced in one",
    update({ withdrawn: NLRI, attributes: BASE, nlri: NLRI }),
    SURVIVES,
  ),
  row("4724 2", "End-of-RIB", update({}), SURVIVES),
  row(
    "7606 5.3",
    "a prefix of 33 bits",
    update({ attributes: BASE, nlri: [33, 10, 1, 2, 3, 4] }),
    answers(3, 10),
  ),
  row(
    "7606 5.3",
    "a prefix of 255 bits",
    update({ attributes: BASE, nlri: [255, ...zeros(32)] }),
    answers(3, 10),
  ),
  row(
    "7606 5.3",
    "a prefix that is cut short",
    update({ attributes: BASE, nlri: [24, 10, 1] }),
    answers(3, 10),
  ),
  row(
    "7606 5.3",
    "a prefix behind good ones that is cut short",
    update({ attributes: BASE, nlri: [...NLRI, ...NLRI, 32] }),
    answers(3, 10),
  ),
  row(
    "7606 5.3",
    "a withdrawn prefix of 33 bits",
    update({ withdrawn: [33, 10, 1, 2, 3, 4] }),
    answers(3, 10),
  ),
  row("7606 5.3", "a withdrawn prefix that is cut short", update({ withdrawn: [32, 10] }), answers(3, 10)),
  row("4271 4.3", "the default route", update({ attributes: BASE, nlri: [0] }), SURVIVES),
  row(
    "4271 4.3",
    "bits behind a prefix's length",
    update({ attributes: BASE, nlri: [9, 10, 255] }),
    SURVIVES,
  ),
  row(
    "4271 6.3",
    "prefixes that are no unicast ones",
    update({ attributes: BASE, nlri: [4, 224, 32, 127, 0, 0, 1] }),
    SURVIVES,
  ),
  row("4271 4.1", "4096 octets of unknown attributes", filled(4096), SURVIVES),
  row("4271 4.1", "4096 octets of prefixes", prefixes(4096), SURVIVES),
  row("8654 4", "65535 octets of attributes, as we offer it", filled(65_535), SURVIVES),
  row("8654 4", "4097 octets of prefixes, as we offer it", prefixes(4097), SURVIVES),
  row(
    "7606 3",
    "1000 attributes of 3 octets, each again",
    update({ attributes: [...BASE, ...new Array<Octets>(1000).fill(attribute(0x40, 6)).flat()], nlri: NLRI }),
    DISCARDED,
  ),
];

/** An UPDATE of so many octets, of unknown attributes. */
function filled(octets: number): Octets {
  let left = octets - 19 - 4 - BASE.length - NLRI.length;
  const extra: number[] = [];
  for (; left > 500; left -= 304) extra.push(...attribute(0xd0, 100, zeros(300)));
  extra.push(...attribute(0xd0, 101, zeros(left - 4)));
  return update({ attributes: [...BASE, ...extra], nlri: NLRI });
}

/** An UPDATE of so many octets, of prefixes. */
function prefixes(octets: number): Octets {
  const room = octets - 19 - 4 - BASE.length;
  const nlri: number[] = [];
  while (nlri.length + 4 <= room) nlri.push(24, 10, nlri.length & 0xff, nlri.length >>> 8);
  while (nlri.length < room) nlri.push(0);
  return update({ attributes: BASE, nlri });
}

const V6 = [...ORIGIN, ...AS_PATH];
/** An UPDATE with MP_REACH_NLRI and what goes with it. */
function mpReach(
  rfc: string,
  name: string,
  value: Octets,
  expected: Expected | "3/9",
  rest: Partial<Row> = {},
): Row {
  const octets = attribute(0x90, 14, value);
  const wanted = expected === "3/9" ? answers(3, 9, octets) : expected;
  return row(rfc, name, update({ attributes: [...octets, ...V6] }), wanted, rest);
}

function mpUnreach(rfc: string, name: string, value: Octets, expected: Expected | "3/9"): Row {
  const octets = attribute(0x80, 15, value);
  return row(
    rfc,
    name,
    update({ attributes: octets }),
    expected === "3/9" ? answers(3, 9, octets) : expected,
  );
}

const REACH_6 = attribute(0x80, 14, reach(2, NEXT_HOP_6, NLRI_6));

const multiprotocolRows: readonly Row[] = [
  mpReach("4760 3", "MP_REACH_NLRI of IPv6", reach(2, NEXT_HOP_6, NLRI_6), SURVIVES),
  mpReach(
    "2545 3",
    "MP_REACH_NLRI with two next hops",
    reach(2, [...NEXT_HOP_6, 0xfe, 0x80, ...zeros(13), 2], NLRI_6),
    SURVIVES,
  ),
  mpReach("4760 3", "MP_REACH_NLRI of IPv4", reach(1, [10, 0, 0, 2], NLRI), SURVIVES),
  mpReach("4760 3", "MP_REACH_NLRI without prefixes", reach(2, NEXT_HOP_6, []), SURVIVES),
  mpReach(
    "4760 6",
    "MP_REACH_NLRI of a family that is not negotiated",
    reach(1, zeros(12), [99, 1], 128),
    SURVIVES,
  ),
  mpReach("4760 6", "MP_REACH_NLRI of an unknown AFI", reach(16_397, [], [255, 255]), SURVIVES),
  mpReach("7606 5.3", "MP_REACH_NLRI of 0 octets", [], "3/9"),
  mpReach("7606 5.3", "MP_REACH_NLRI of 4 octets", [0, 2, 1, 0], "3/9"),
  mpReach("7606 7.11", "MP_REACH_NLRI with a next hop of 0 octets", reach(2, [], NLRI_6), "3/9"),
  mpReach(
    "7606 7.11",
    "MP_REACH_NLRI with a next hop of 4 octets for IPv6",
    reach(2, [10, 0, 0, 2], NLRI_6),
    "3/9",
  ),
  mpReach("7606 7.11", "MP_REACH_NLRI with a next hop of 24 octets", reach(2, zeros(24), NLRI_6), "3/9"),
  mpReach(
    "7606 7.11",
    "MP_REACH_NLRI with a next hop beyond its end",
    [0, 2, 1, 250, ...NEXT_HOP_6, 0],
    "3/9",
  ),
  mpReach(
    "8950 4",
    "MP_REACH_NLRI of IPv4 with an IPv6 next hop that was not negotiated",
    reach(1, NEXT_HOP_6, NLRI),
    "3/9",
  ),
  mpReach(
    "7606 5.3",
    "MP_REACH_NLRI with a prefix of 129 bits",
    reach(2, NEXT_HOP_6, [129, ...zeros(17)]),
    "3/9",
  ),
  mpReach(
    "7606 5.3",
    "MP_REACH_NLRI with a prefix that is cut short",
    reach(2, NEXT_HOP_6, [64, 1, 2]),
    "3/9",
  ),
  row(
    "7606 3",
    "MP_REACH_NLRI twice",
    update({ attributes: [...REACH_6, ...V6, ...REACH_6] }),
    answers(3, 1),
  ),
  row(
    "7606 3",
    "MP_REACH_NLRI transitive",
    update({ attributes: [...attribute(0xc0, 14, reach(2, NEXT_HOP_6, NLRI_6)), ...V6] }),
    WITHDRAWN,
  ),
  row(
    "7606 3",
    "MP_REACH_NLRI well-known",
    update({ attributes: [...attribute(0x40, 14, reach(2, NEXT_HOP_6, NLRI_6)), ...V6] }),
    WITHDRAWN,
  ),
  row("7606 5.1", "MP_REACH_NLRI last", update({ attributes: [...V6, ...REACH_6] }), SURVIVES),
  row(
    "7606 5.1",
    "MP_REACH_NLRI and NLRI",
    update({ attributes: [...REACH_6, ...BASE], nlri: NLRI }),
    SURVIVES,
  ),
  row("7606 7.11", "MP_REACH_NLRI and a NEXT_HOP", update({ attributes: [...REACH_6, ...BASE] }), SURVIVES),
  row("7606 3", "MP_REACH_NLRI without ORIGIN", update({ attributes: [...REACH_6, ...AS_PATH] }), WITHDRAWN),
  mpUnreach("4760 4", "MP_UNREACH_NLRI", [0, 2, 1, ...NLRI_6], SURVIVES),
  mpUnreach("4724 2", "End-of-RIB of IPv6", [0, 2, 1], SURVIVES),
  mpUnreach("4724 2", "End-of-RIB of a family that is not negotiated", [0, 25, 70], SURVIVES),
  mpUnreach("7606 5.3", "MP_UNREACH_NLRI of 2 octets", [0, 2], "3/9"),
  mpUnreach("7606 5.3", "MP_UNREACH_NLRI with a prefix of 129 bits", [0, 2, 1, 129, ...zeros(17)], "3/9"),
  mpUnreach("7606 5.3", "MP_UNREACH_NLRI with a prefix that is cut short", [0, 2, 1, 64, 1], "3/9"),
  row(
    "7606 3",
    "MP_UNREACH_NLRI twice",
    update({ attributes: [...attribute(0x80, 15, [0, 2, 1]), ...attribute(0x80, 15, [0, 2, 1])] }),
    answers(3, 1),
  ),
  row(
    "7606 5.2",
    "a fault beside MP_UNREACH_NLRI alone",
    update({ attributes: [...attribute(0x80, 15, [0, 2, 1, ...NLRI_6]), ...attribute(0xc0, 8)] }),
    answers(3, 5, attribute(0xc0, 8)),
  ),
];

const iBGP: Partial<PeerConfig> = { as: 65_001 };
const internal: Partial<Row> = { peer: iBGP, open: open({ as: 65_001 }) };

const internalRows: readonly Row[] = [
  plus("4271 5.1.5", "LOCAL_PREF from an internal peer", LOCAL_PREF, SURVIVES, internal),
  plus("7606 3", "no LOCAL_PREF from an internal peer", [], WITHDRAWN, internal),
  plus(
    "7606 7.5",
    "LOCAL_PREF of 3 octets from an internal peer",
    attribute(0x40, 5, zeros(3)),
    WITHDRAWN,
    internal,
  ),
  plus(
    "4456 8",
    "ORIGINATOR_ID from an internal peer",
    [...LOCAL_PREF, ...attribute(0x80, 9, u32(1))],
    SURVIVES,
    internal,
  ),
  plus(
    "7606 7.9",
    "ORIGINATOR_ID of 5 octets",
    [...LOCAL_PREF, ...attribute(0x80, 9, zeros(5))],
    WITHDRAWN,
    internal,
  ),
  plus(
    "4456 8",
    "CLUSTER_LIST from an internal peer",
    [...LOCAL_PREF, ...attribute(0x80, 10, zeros(8))],
    SURVIVES,
    internal,
  ),
  plus("7606 7.10", "CLUSTER_LIST of 0 octets", [...LOCAL_PREF, ...attribute(0x80, 10)], WITHDRAWN, internal),
  plus(
    "7606 7.10",
    "CLUSTER_LIST of 6 octets",
    [...LOCAL_PREF, ...attribute(0x80, 10, zeros(6))],
    WITHDRAWN,
    internal,
  ),
];

/** A peer that knows of two-octet ASes only. */
const old: Partial<Row> = {
  open: open({ parameters: withCapabilities([...multiprotocol(1), ...capability(2)]) }),
};
const OLD_BASE: Octets = [...ORIGIN, ...attribute(0x40, 2, [2, 1, 0xfd, 0xea]), ...NEXT_HOP];

function fromOld(rfc: string, name: string, extra: Octets, expected: Expected): Row {
  return row(
    rfc,
    `${name} from a two-octet peer`,
    update({ attributes: [...OLD_BASE, ...extra], nlri: NLRI }),
    expected,
    old,
  );
}

const twoOctetRows: readonly Row[] = [
  fromOld("6793 4", "a route", [], SURVIVES),
  only(
    "7606 7.2",
    "AS_PATH of four-octet ASes from a two-octet peer",
    withPath([2, 1, 0, 1, 0xfd, 0xea]),
    WITHDRAWN,
    old,
  ),
  fromOld("6793 4", "AS4_PATH", attribute(0xc0, 17, path(70_000)), SURVIVES),
  fromOld("6793 6", "AS4_PATH of 0 octets", attribute(0xc0, 17), DISCARDED),
  fromOld("6793 6", "AS4_PATH with a segment overrun", attribute(0xc0, 17, [2, 2, ...u32(1)]), DISCARDED),
  fromOld("6793 6", "AS4_PATH with an empty segment", attribute(0xc0, 17, [2, 0]), DISCARDED),
  fromOld("7607 2", "AS4_PATH with AS 0", attribute(0xc0, 17, path(0)), DISCARDED),
  fromOld(
    "6793 6",
    "AS4_PATH with a confederation segment",
    attribute(0xc0, 17, [3, 1, ...u32(5), ...path(70_000)]),
    SURVIVES,
  ),
  fromOld("6793 4", "AGGREGATOR and AS4_AGGREGATOR", [
    ...attribute(0xc0, 7, [0x5b, 0xa0, 1, 2, 3, 4]),
    ...attribute(0xc0, 18, [...u32(70_000), 1, 2, 3, 4]),
  ], SURVIVES),
  fromOld("7606 7.7", "AGGREGATOR of 8 octets", attribute(0xc0, 7, zeros(8)), DISCARDED),
  fromOld("6793 6", "AS4_AGGREGATOR of 7 octets", attribute(0xc0, 18, zeros(7)), DISCARDED),
];

/** A peer without capabilities speaks IPv4 unicast and nothing else. */
const bare: Partial<Row> = { open: open({ parameters: [0] }) };

const bareRows: readonly Row[] = [
  row(
    "4760 8",
    "a route from a peer without capabilities",
    update({ attributes: OLD_BASE, nlri: NLRI }),
    SURVIVES,
    bare,
  ),
  row(
    "4760 8",
    "MP_REACH_NLRI from a peer without capabilities",
    update({ attributes: [...REACH_6, ...ORIGIN, ...attribute(0x40, 2, [2, 1, 0xfd, 0xea])] }),
    SURVIVES,
    bare,
  ),
];

/** A peer with an IPv6 next hop for IPv4 would need the capability on both sides, and one with AS_TRANS a large AS. */
const large: Partial<Row> = {
  peer: { as: 4_200_000_002 },
  open: open({
    as: 23_456,
    parameters: withCapabilities([...multiprotocol(1), ...capability(2), ...fourOctetAs(4_200_000_002)]),
  }),
};

/** Every row about UPDATEs. */
export const UPDATE_ROWS: readonly Row[] = [
  ...attributeRows,
  ...listRows,
  ...multiprotocolRows,
  ...internalRows,
  ...twoOctetRows,
  ...bareRows,
  only("6793 4.1", "a route of a four-octet AS", withPath(path(4_200_000_002)), SURVIVES, large),
];
