// UPDATE and its faults, attribute by attribute (RFC 4271 section 6.3, RFC 4760, RFC 6793, RFC 7606, RFC 7607).
import assert from "node:assert/strict";
import type { CodecContext } from "../../../src/bgp/wire/codec_context.ts";
import { decodeMessage } from "../../../src/bgp/wire/message.ts";
import { IPV4_UNICAST, IPV6_UNICAST } from "../../../src/bgp/wire/nlri.ts";
import { endOfRibUpdate, isEndOfRib, type UpdateMessage } from "../../../src/bgp/wire/update.ts";
import { codecContext, fromHex, toHex, update, updateBytes, verdict } from "./support.ts";

const ORIGIN = "40 01 01 00";
const AS_PATH = "40 02 06 02 01 0000ffe8";
const AS_PATH2 = "40 02 04 02 01 ffe8";
const NEXT_HOP = "40 03 04 0a5800c8";
const LOCAL_PREF = "40 05 04 00000064";
const MANDATORY = `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`;
const NLRI = "20 0a580201";
const MP_REACH6 = "80 0e 1e 0002 01 10 20010db8000000000000000000000200 00 40 20010db800020000";
const MP_UNREACH6 = "80 0f 0c 0002 01 40 20010db800020000";

const external = codecContext();
const internal = codecContext({ internal: true });
const twoOctet = codecContext({ fourOctetAs: false });
const WITHDRAW = "treat-as-withdraw";
const DISCARD = "attribute-discard";

function decode(fields: Parameters<typeof updateBytes>[0], context: CodecContext = external): UpdateMessage {
  const message = decodeMessage(updateBytes(fields), context);
  assert.equal(message.type, "UPDATE");
  if (message.type !== "UPDATE") throw new Error("not an UPDATE");
  return message;
}

/** Where each attribute would stand. */
const KEYS: ReadonlyMap<number, string> = new Map([
  [1, "origin"],
  [2, "asPath"],
  [3, "nextHop"],
  [4, "med"],
  [5, "localPref"],
  [6, "atomicAggregate"],
  [7, "aggregator"],
  [8, "communities"],
  [9, "originatorId"],
  [10, "clusterList"],
  [16, "extendedCommunities"],
  [32, "largeCommunities"],
]);

interface FaultRow {
  readonly name: string;
  readonly attributes: string;
  readonly context?: CodecContext;
  /** Type and action of each fault, in order. */
  readonly faults: readonly (readonly [number, typeof WITHDRAW | typeof DISCARD])[];
  readonly nlri?: string;
}

/** With the mandatory ones around, so that `wrong` is the only fault. */
const beside = (wrong: string) => `${MANDATORY} ${wrong}`;
const besideInternal = (wrong: string) => `${MANDATORY} ${LOCAL_PREF} ${wrong}`;

const FAULTS: readonly FaultRow[] = [
  { name: "nothing wrong", attributes: MANDATORY, faults: [] },
  { name: "nothing wrong, internal", attributes: besideInternal(""), context: internal, faults: [] },
  // RFC 7606 7.1
  { name: "ORIGIN of length 0", attributes: `40 01 00 ${AS_PATH} ${NEXT_HOP}`, faults: [[1, WITHDRAW]] },
  { name: "ORIGIN of length 2", attributes: `40 01 02 0000 ${AS_PATH} ${NEXT_HOP}`, faults: [[1, WITHDRAW]] },
  { name: "ORIGIN 3", attributes: `40 01 01 03 ${AS_PATH} ${NEXT_HOP}`, faults: [[1, WITHDRAW]] },
  { name: "ORIGIN 255", attributes: `40 01 01 ff ${AS_PATH} ${NEXT_HOP}`, faults: [[1, WITHDRAW]] },
  { name: "ORIGIN 2", attributes: `40 01 01 02 ${AS_PATH} ${NEXT_HOP}`, faults: [] },
  // RFC 7606 7.2
  { name: "AS_PATH empty", attributes: `${ORIGIN} 40 02 00 ${NEXT_HOP}`, faults: [] },
  { name: "AS_PATH of one octet", attributes: `${ORIGIN} 40 02 01 02 ${NEXT_HOP}`, faults: [[2, WITHDRAW]] },
  {
    name: "AS_PATH with an empty segment",
    attributes: `${ORIGIN} 40 02 02 0200 ${NEXT_HOP}`,
    faults: [[2, WITHDRAW]],
  },
  {
    name: "AS_PATH with segment type 0",
    attributes: `${ORIGIN} 40 02 06 0001 0000ffe8 ${NEXT_HOP}`,
    faults: [[2, WITHDRAW]],
  },
  {
    name: "AS_PATH with segment type 5",
    attributes: `${ORIGIN} 40 02 06 0501 0000ffe8 ${NEXT_HOP}`,
    faults: [[2, WITHDRAW]],
  },
  {
    name: "AS_PATH with a segment overrun",
    attributes: `${ORIGIN} 40 02 06 0202 0000ffe8 ${NEXT_HOP}`,
    faults: [[2, WITHDRAW]],
  },
  {
    name: "AS_PATH with a segment underrun",
    attributes: `${ORIGIN} 40 02 07 0201 0000ffe8 00 ${NEXT_HOP}`,
    faults: [[2, WITHDRAW]],
  },
  {
    name: "AS_PATH with AS_SET and AS_SEQUENCE",
    attributes: `${ORIGIN} 40 02 0c 0201 0000ffe8 0101 0000ffe9 ${NEXT_HOP}`,
    faults: [],
  },
  {
    name: "AS_PATH of confederations from outside (RFC 5065 5)",
    attributes: `${ORIGIN} 40 02 06 0301 0000ffe8 ${NEXT_HOP}`,
    faults: [[2, WITHDRAW]],
  },
  {
    name: "AS_PATH with AS 0 (RFC 7607)",
    attributes: `${ORIGIN} 40 02 0a 0202 0000ffe8 00000000 ${NEXT_HOP}`,
    faults: [[2, WITHDRAW]],
  },
  {
    name: "AS_PATH with AS 0 from a two-octet peer (RFC 7607)",
    attributes: `${ORIGIN} 40 02 06 0202 ffe8 0000 ${NEXT_HOP}`,
    context: twoOctet,
    faults: [[2, WITHDRAW]],
  },
  {
    name: "a four-octet AS_PATH from a two-octet peer",
    attributes: `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`,
    context: twoOctet,
    faults: [[2, WITHDRAW]],
  },
  // RFC 7606 7.3, RFC 4271 6.3
  {
    name: "NEXT_HOP of length 3",
    attributes: `${ORIGIN} ${AS_PATH} 40 03 03 0a5800`,
    faults: [[3, WITHDRAW]],
  },
  {
    name: "NEXT_HOP of length 16",
    attributes: `${ORIGIN} ${AS_PATH} 40 03 10 20010db8000000000000000000000200`,
    faults: [[3, WITHDRAW]],
  },
  { name: "NEXT_HOP 0.0.0.0", attributes: `${ORIGIN} ${AS_PATH} 40 03 04 00000000`, faults: [[3, WITHDRAW]] },
  {
    name: "NEXT_HOP 224.0.0.1",
    attributes: `${ORIGIN} ${AS_PATH} 40 03 04 e0000001`,
    faults: [[3, WITHDRAW]],
  },
  {
    name: "NEXT_HOP 255.255.255.255",
    attributes: `${ORIGIN} ${AS_PATH} 40 03 04 ffffffff`,
    faults: [[3, WITHDRAW]],
  },
  { name: "NEXT_HOP 127.0.0.1", attributes: `${ORIGIN} ${AS_PATH} 40 03 04 7f000001`, faults: [] },
  // RFC 7606 7.4 to 7.7
  { name: "MULTI_EXIT_DISC of length 3", attributes: beside("80 04 03 000001"), faults: [[4, WITHDRAW]] },
  { name: "MULTI_EXIT_DISC of length 0", attributes: beside("80 04 00"), faults: [[4, WITHDRAW]] },
  { name: "LOCAL_PREF from an external peer", attributes: beside(LOCAL_PREF), faults: [[5, DISCARD]] },
  {
    name: "malformed LOCAL_PREF from an external peer",
    attributes: beside("40 05 01 00"),
    faults: [[5, DISCARD]],
  },
  {
    name: "LOCAL_PREF of length 5 from an internal peer",
    attributes: beside("40 05 05 0000000000"),
    context: internal,
    faults: [[5, WITHDRAW]],
  },
  { name: "ATOMIC_AGGREGATE of length 1", attributes: beside("40 06 01 00"), faults: [[6, DISCARD]] },
  {
    name: "AGGREGATOR of length 6 from a four-octet peer",
    attributes: beside("c0 07 06 ffe8 0a000001"),
    faults: [[7, DISCARD]],
  },
  {
    name: "AGGREGATOR of length 8 from a two-octet peer",
    attributes: `${ORIGIN} ${AS_PATH2} ${NEXT_HOP} c0 07 08 0000ffe8 0a000001`,
    context: twoOctet,
    faults: [[7, DISCARD]],
  },
  {
    name: "AGGREGATOR with AS 0 (RFC 7607)",
    attributes: beside("c0 07 08 00000000 0a000001"),
    faults: [[7, DISCARD]],
  },
  // RFC 7606 7.8 to 7.10, 7.14, RFC 8092 6
  { name: "COMMUNITIES of length 0", attributes: beside("c0 08 00"), faults: [[8, WITHDRAW]] },
  { name: "COMMUNITIES of length 6", attributes: beside("c0 08 06 ffe80064 ffe8"), faults: [[8, WITHDRAW]] },
  {
    name: "ORIGINATOR_ID from an external peer",
    attributes: beside("80 09 04 0a000001"),
    faults: [[9, DISCARD]],
  },
  {
    name: "ORIGINATOR_ID of length 5 from an internal peer",
    attributes: besideInternal("80 09 05 0a00000100"),
    context: internal,
    faults: [[9, WITHDRAW]],
  },
  {
    name: "CLUSTER_LIST from an external peer",
    attributes: beside("80 0a 04 0a000001"),
    faults: [[10, DISCARD]],
  },
  {
    name: "CLUSTER_LIST of length 0 from an internal peer",
    attributes: besideInternal("80 0a 00"),
    context: internal,
    faults: [[10, WITHDRAW]],
  },
  {
    name: "CLUSTER_LIST of length 5 from an internal peer",
    attributes: besideInternal("80 0a 05 0a00000100"),
    context: internal,
    faults: [[10, WITHDRAW]],
  },
  { name: "EXTENDED_COMMUNITIES of length 0", attributes: beside("c0 10 00"), faults: [[16, WITHDRAW]] },
  {
    name: "EXTENDED_COMMUNITIES of length 7",
    attributes: beside("c0 10 07 00020000000000"),
    faults: [[16, WITHDRAW]],
  },
  { name: "LARGE_COMMUNITIES of length 0", attributes: beside("c0 20 00"), faults: [[32, WITHDRAW]] },
  {
    name: "LARGE_COMMUNITIES of length 13",
    attributes: beside(`c0 20 0d ${"00".repeat(13)}`),
    faults: [[32, WITHDRAW]],
  },
  // RFC 6793 6
  {
    name: "AS4_PATH from a four-octet peer",
    attributes: beside("c0 11 06 0201 0000ffe8"),
    faults: [[17, DISCARD]],
  },
  {
    name: "AS4_AGGREGATOR from a four-octet peer",
    attributes: beside("c0 12 08 0000ffe8 0a000001"),
    faults: [[18, DISCARD]],
  },
  {
    name: "AS4_PATH of length 0",
    attributes: `${ORIGIN} ${AS_PATH2} ${NEXT_HOP} c0 11 00`,
    context: twoOctet,
    faults: [[17, DISCARD]],
  },
  {
    name: "AS4_PATH of length 5",
    attributes: `${ORIGIN} ${AS_PATH2} ${NEXT_HOP} c0 11 05 0201 000001`,
    context: twoOctet,
    faults: [[17, DISCARD]],
  },
  {
    name: "AS4_PATH with an empty segment",
    attributes: `${ORIGIN} ${AS_PATH2} ${NEXT_HOP} c0 11 08 0200 0201 0000ffe8`,
    context: twoOctet,
    faults: [[17, DISCARD]],
  },
  {
    name: "AS4_PATH with AS 0 (RFC 7607)",
    attributes: `${ORIGIN} ${AS_PATH2} ${NEXT_HOP} c0 11 06 0201 00000000`,
    context: twoOctet,
    faults: [[17, DISCARD]],
  },
  {
    name: "AS4_PATH with confederation segments",
    attributes: `${ORIGIN} ${AS_PATH2} ${NEXT_HOP} c0 11 0c 0301 0000fff0 0201 0000ffe8`,
    context: twoOctet,
    faults: [],
  },
  {
    name: "AS4_AGGREGATOR of length 6",
    attributes: `${ORIGIN} ${AS_PATH2} ${NEXT_HOP} c0 12 06 ffe8 0a000001`,
    context: twoOctet,
    faults: [[18, DISCARD]],
  },
  // RFC 7606 3 (c)
  {
    name: "ORIGIN marked optional",
    attributes: `c0 01 01 00 ${AS_PATH} ${NEXT_HOP}`,
    faults: [[1, WITHDRAW]],
  },
  {
    name: "AS_PATH not transitive",
    attributes: `${ORIGIN} 00 02 06 0201 0000ffe8 ${NEXT_HOP}`,
    faults: [[2, WITHDRAW]],
  },
  {
    name: "MULTI_EXIT_DISC marked transitive",
    attributes: beside("c0 04 04 00000001"),
    faults: [[4, WITHDRAW]],
  },
  { name: "ATOMIC_AGGREGATE marked optional", attributes: beside("c0 06 00"), faults: [[6, WITHDRAW]] },
  { name: "COMMUNITIES not transitive", attributes: beside("80 08 04 ffe80064"), faults: [[8, WITHDRAW]] },
  { name: "COMMUNITIES marked partial", attributes: beside("e0 08 04 ffe80064"), faults: [] },
  {
    name: "ORIGIN with extended length and unused bits",
    attributes: `5f 01 0001 00 ${AS_PATH} ${NEXT_HOP}`,
    faults: [],
  },
  {
    name: "ATOMIC_AGGREGATE with extended length 0 at the end",
    attributes: beside("50 06 0000"),
    faults: [],
  },
  // RFC 7606 3 (c): the NLRI can be found all the same
  {
    name: "MP_REACH_NLRI marked transitive",
    attributes: `c0${MP_REACH6.slice(2)} ${ORIGIN} ${AS_PATH}`,
    nlri: "",
    faults: [[14, WITHDRAW]],
  },
  {
    name: "MP_UNREACH_NLRI not optional",
    attributes: beside("00 0f 03 0002 01"),
    faults: [[15, WITHDRAW]],
  },
  // RFC 7606 3 (d)
  { name: "ORIGIN missing", attributes: `${AS_PATH} ${NEXT_HOP}`, faults: [[1, WITHDRAW]] },
  { name: "AS_PATH missing", attributes: `${ORIGIN} ${NEXT_HOP}`, faults: [[2, WITHDRAW]] },
  { name: "NEXT_HOP missing", attributes: `${ORIGIN} ${AS_PATH}`, faults: [[3, WITHDRAW]] },
  {
    name: "NEXT_HOP missing beside MP_REACH_NLRI alone",
    attributes: `${MP_REACH6} ${ORIGIN} ${AS_PATH}`,
    nlri: "",
    faults: [],
  },
  {
    name: "NEXT_HOP missing beside MP_REACH_NLRI and NLRI",
    attributes: `${MP_REACH6} ${ORIGIN} ${AS_PATH}`,
    faults: [[3, WITHDRAW]],
  },
  {
    name: "LOCAL_PREF missing from an internal peer (RFC 4271 5.1.5)",
    attributes: MANDATORY,
    context: internal,
    faults: [[5, WITHDRAW]],
  },
  { name: "no attributes at all", attributes: "", faults: [[1, WITHDRAW], [2, WITHDRAW], [3, WITHDRAW]] },
  // RFC 7606 3 (g)
  { name: "ORIGIN twice", attributes: beside("40 01 01 02"), faults: [[1, DISCARD]] },
  {
    name: "ORIGIN four times",
    attributes: beside("40 01 01 02 40 01 01 01 40 01 01 07"),
    faults: [[1, DISCARD]],
  },
  { name: "an unknown optional attribute twice", attributes: beside("c0 63 01 00 c0 63 01 01"), faults: [] },
  // RFC 7606 3 (h): all of them are told; the strongest one counts
  {
    name: "two faults of different weight",
    attributes: beside("40 06 01 00 80 04 03 000000"),
    faults: [[6, DISCARD], [4, WITHDRAW]],
  },
  // RFC 7606 4
  {
    name: "the last attribute overruns the list",
    attributes: beside("c0 08 08 ffe80064"),
    faults: [[0, WITHDRAW]],
  },
  { name: "one octet after the last attribute", attributes: beside("c0"), faults: [[0, WITHDRAW]] },
  { name: "two octets after the last attribute", attributes: beside("c008"), faults: [[0, WITHDRAW]] },
  { name: "three octets of an extended attribute", attributes: beside("d00800"), faults: [[0, WITHDRAW]] },
  { name: "the first attribute overruns the list", attributes: "40 01 ff 00", faults: [[0, WITHDRAW]] },
  // Others
  { name: "an unknown optional attribute", attributes: beside("c0 63 03 010203"), faults: [] },
  { name: "an unknown optional attribute of length 0", attributes: beside("80 fe 00"), faults: [] },
  { name: "attribute type 0, optional", attributes: beside("80 00 00"), faults: [] },
];

for (const { name, attributes, context, faults, nlri = NLRI } of FAULTS) {
  Deno.test(`decodeMessage() survives ${name} (RFC 7606)`, () => {
    const message = decode({ attributes, nlri }, context);
    assert.deepEqual(message.faults.map(({ attribute, action }) => [attribute, action]), faults);
    assert.equal(message.reach.length > 0, true);
    for (const [type] of faults) {
      const key = KEYS.get(type);
      const first = /twice|four times/.test(name);
      if (key !== undefined) assert.equal(Object.hasOwn(message.attributes, key), first, key);
      if (first) assert.equal(message.attributes.origin, 0);
    }
  });
}

interface ResetRow {
  readonly name: string;
  readonly fields: Parameters<typeof updateBytes>[0];
  readonly error: string;
  readonly data?: string;
  readonly context?: CodecContext;
}

const RESETS: readonly ResetRow[] = [
  // RFC 4271 6.3, RFC 7606 3 (f)
  {
    name: "an unknown well-known attribute",
    fields: { attributes: beside("40 63 02 0102"), nlri: NLRI },
    error: "3/2",
    data: "4063020102",
  },
  {
    name: "an unknown well-known attribute with extended length",
    fields: { attributes: beside("50 63 0001 01"), nlri: NLRI },
    error: "3/2",
    data: "5063000101",
  },
  // RFC 7606 3 (g)
  {
    name: "MP_REACH_NLRI twice",
    fields: { attributes: `${MP_REACH6} ${MP_REACH6} ${ORIGIN} ${AS_PATH}` },
    error: "3/1",
  },
  { name: "MP_UNREACH_NLRI twice", fields: { attributes: `${MP_UNREACH6} ${MP_UNREACH6}` }, error: "3/1" },
  // RFC 7606 5.3, 7.11, RFC 4760 7
  {
    name: "MP_REACH_NLRI of length 4",
    fields: { attributes: "80 0e 04 00020100" },
    error: "3/9",
    data: "800e0400020100",
  },
  {
    name: "MP_REACH_NLRI with a next hop overrun",
    fields: { attributes: "80 0e 06 0002 01 10 2001" },
    error: "3/9",
    data: "800e06000201102001",
  },
  {
    name: "MP_REACH_NLRI of IPv6 with a next hop of 4",
    fields: { attributes: "80 0e 09 0002 01 04 0a000001 00" },
    error: "3/9",
    data: "800e09000201040a00000100",
  },
  {
    name: "MP_REACH_NLRI of IPv6 with a next hop of 24",
    fields: { attributes: `80 0e 1d 0002 01 18 ${"20".repeat(24)} 00` },
    error: "3/9",
    data: `800e1d00020118${"20".repeat(24)}00`,
  },
  {
    name: "MP_REACH_NLRI of IPv4 with a next hop of 16, not negotiated (RFC 8950)",
    fields: { attributes: `80 0e 15 0001 01 10 ${"20".repeat(16)} 00` },
    error: "3/9",
    data: `800e1500010110${"20".repeat(16)}00`,
  },
  {
    name: "MP_REACH_NLRI with a prefix of 129",
    fields: { attributes: `80 0e 27 0002 01 10 ${"20".repeat(16)} 00 81 ${"20".repeat(17)}` },
    error: "3/9",
    data: `800e2700020110${"20".repeat(16)}0081${"20".repeat(17)}`,
  },
  {
    name: "MP_REACH_NLRI with a prefix overrun",
    fields: { attributes: `80 0e 17 0002 01 10 ${"20".repeat(16)} 00 40 20` },
    error: "3/9",
    data: `800e1700020110${"20".repeat(16)}004020`,
  },
  {
    name: "MP_REACH_NLRI that overruns the list",
    fields: { attributes: `${MANDATORY} 80 0e 40 0002 01`, nlri: NLRI },
    error: "3/1",
  },
  {
    name: "MP_UNREACH_NLRI of length 2",
    fields: { attributes: "80 0f 02 0002" },
    error: "3/9",
    data: "800f020002",
  },
  {
    name: "MP_UNREACH_NLRI with a prefix of 129",
    fields: { attributes: `80 0f 15 0002 01 81 ${"20".repeat(17)}` },
    error: "3/9",
    data: `800f1500020181${"20".repeat(17)}`,
  },
  {
    name: "MP_UNREACH_NLRI of IPv4 with a prefix of 33",
    fields: { attributes: "80 0f 09 0001 01 21 0a00000100" },
    error: "3/9",
    data: "800f09000101210a00000100",
  },
  // RFC 7606 3 (a), 5.3
  {
    name: "NLRI with a prefix of 33",
    fields: { attributes: MANDATORY, nlri: "21 0a00000100" },
    error: "3/10",
  },
  {
    name: "NLRI with a prefix of 255",
    fields: { attributes: MANDATORY, nlri: `ff ${"00".repeat(32)}` },
    error: "3/10",
  },
  {
    name: "NLRI with a prefix overrun",
    fields: { attributes: MANDATORY, nlri: "18 0a0000 18 0a00" },
    error: "3/10",
  },
  { name: "Withdrawn Routes with a prefix of 33", fields: { withdrawn: "21 0a00000100" }, error: "3/10" },
  { name: "Withdrawn Routes with a prefix overrun", fields: { withdrawn: "18 0a00" }, error: "3/10" },
  // RFC 7606 5.2: nothing shows where the NLRI is
  {
    name: "a malformed ORIGIN without any NLRI",
    fields: { attributes: "40 01 01 03" },
    error: "3/6",
    data: "40010103",
  },
  {
    name: "a malformed AS_PATH without any NLRI",
    fields: { attributes: "40 02 01 02" },
    error: "3/11",
    data: "40020102",
  },
  {
    name: "a malformed NEXT_HOP without any NLRI",
    fields: { attributes: "40 03 04 00000000" },
    error: "3/8",
    data: "40030400000000",
  },
  {
    name: "a malformed COMMUNITIES beside withdrawn routes alone",
    fields: { withdrawn: NLRI, attributes: "c0 08 01 00" },
    error: "3/5",
    data: "c0080100",
  },
  {
    name: "wrong flags without any NLRI",
    fields: { attributes: "80 01 01 00" },
    error: "3/4",
    data: "80010100",
  },
  { name: "a list that is cut short without any NLRI", fields: { attributes: "40 01" }, error: "3/1" },
  {
    name: "a malformed ORIGIN beside MP_UNREACH_NLRI alone",
    fields: { attributes: `${MP_UNREACH6} 40 01 01 03` },
    error: "3/6",
    data: "40010103",
  },
  {
    name: "a malformed ORIGIN beside an empty MP_REACH_NLRI",
    fields: { attributes: `80 0e 15 0002 01 10 ${"20".repeat(16)} 00 40 01 01 03` },
    error: "3/6",
    data: "40010103",
  },
];

for (const { name, fields, error, data = "", context = external } of RESETS) {
  Deno.test(`decodeMessage() ends the session with ${error} for ${name} (RFC 4271 6.3, RFC 7606)`, () => {
    assert.deepEqual(verdict(() => decodeMessage(updateBytes(fields), context)), { error, data });
  });
}

const LENGTHS: readonly (readonly [string, string])[] = [
  ["Withdrawn Routes Length 1 of 0", "0001 0000"],
  ["Withdrawn Routes Length 65535", "ffff 0000"],
  ["Withdrawn Routes that leave one octet for Total Path Attribute Length", "0001 00 00"],
  ["Total Path Attribute Length 1 of 0", "0000 0001"],
  ["Total Path Attribute Length 65535", "0000 ffff"],
  ["both lengths together too large", "0002 0000 0003 0000"],
];

for (const [name, body] of LENGTHS) {
  Deno.test(`decodeMessage() ends the session with 3/1 for ${name} (RFC 4271 6.3)`, () => {
    const bytes = updateBytes({});
    const whole = new Uint8Array([...bytes.subarray(0, 19), ...fromHex(body)]);
    whole[17] = whole.byteLength;
    assert.deepEqual(verdict(() => decodeMessage(whole, external)), { error: "3/1", data: "" });
  });
}

Deno.test("decodeMessage() keeps a fault of an UPDATE without NLRI that is an attribute discard (RFC 7606 5.2)", () => {
  const message = decode({ withdrawn: NLRI, attributes: "40 06 01 00" });
  assert.deepEqual(message.faults.map(({ action }) => action), [DISCARD]);
});

Deno.test("decodeMessage() reads families that are not negotiated by their lengths only (RFC 4760 8)", () => {
  const only4 = codecContext({ families: [IPV4_UNICAST] });
  const cases = [
    {
      attributes: `${MP_REACH6} ${ORIGIN} ${AS_PATH}`,
      context: only4,
      afi: 2,
      safi: 1,
      nlri: "4020010db800020000",
    },
    {
      attributes: `80 0e 09 0002 01 00 00 81 ffff ff ${ORIGIN} ${AS_PATH}`,
      context: only4,
      afi: 2,
      safi: 1,
      nlri: "81ffffff",
    },
    {
      attributes: `80 0e 0a 0019 41 04 0a000001 00 ff ${ORIGIN} ${AS_PATH}`,
      context: external,
      afi: 25,
      safi: 65,
      nlri: "ff",
    },
    {
      attributes: `80 0e 0a 0001 80 04 0a000001 00 ff ${ORIGIN} ${AS_PATH}`,
      context: external,
      afi: 1,
      safi: 128,
      nlri: "ff",
    },
  ];
  for (const { attributes, context, afi, safi, nlri } of cases) {
    const [reach, ...more] = decode({ attributes }, context).reach;
    assert.deepEqual([reach?.family, reach?.nlri.count, reach?.nextHops, more], [{ afi, safi }, 0, [], []]);
    assert.equal(toHex(reach?.nlri.bytes ?? new Uint8Array()), nlri);
    assert.deepEqual([...reach?.nlri.prefixes() ?? []], []);
  }
  const [unreach] = decode({ attributes: "80 0f 05 0019 41 ffff" }).unreach;
  assert.deepEqual([unreach?.family, unreach?.nlri.count], [{ afi: 25, safi: 65 }, 0]);
  assert.equal(isEndOfRib(decode({ attributes: "80 0f 05 0019 41 ffff" })), undefined);
});

Deno.test("decodeMessage() takes a link-local next hop alone, and IPv4 with one or two IPv6 ones (RFC 2545, 8950)", () => {
  const context = codecContext({ extendedNextHop: [IPV4_UNICAST] });
  const link = "fe800000000000000000000000000001";
  const cases = [
    { attributes: `80 0e 15 0002 01 10 ${link} 00 ${ORIGIN} ${AS_PATH}`, nextHops: ["fe80::1"] },
    { attributes: `80 0e 1a 0001 01 10 ${link} 00 ${NLRI} ${ORIGIN} ${AS_PATH}`, nextHops: ["fe80::1"] },
    {
      attributes:
        `80 0e 2a 0001 01 20 20010db8000000000000000000000001 ${link} 00 ${NLRI} ${ORIGIN} ${AS_PATH}`,
      nextHops: ["2001:db8::1", "fe80::1"],
    },
    { attributes: `80 0e 0e 0001 01 04 0a000001 00 ${NLRI} ${ORIGIN} ${AS_PATH}`, nextHops: ["10.0.0.1"] },
  ];
  for (const { attributes, nextHops } of cases) {
    assert.deepEqual(decode({ attributes }, context).reach[0]?.nextHops.map(({ text }) => text), nextHops);
  }
});

Deno.test("decodeMessage() joins the classic fields and the MP attributes of one UPDATE (RFC 7606 5.1)", () => {
  const message = decode({
    withdrawn: "18 0a0100",
    attributes: `${MANDATORY} ${MP_UNREACH6} ${MP_REACH6}`,
    nlri: NLRI,
  });
  assert.deepEqual(message.reach.map(({ family, nlri }) => [family, nlri.count]), [[IPV4_UNICAST, 1], [
    IPV6_UNICAST,
    1,
  ]]);
  assert.deepEqual(message.unreach.map(({ family, nlri }) => [family, nlri.count]), [[IPV4_UNICAST, 1], [
    IPV6_UNICAST,
    1,
  ]]);
  assert.deepEqual(message.reach[0]?.nextHops.map(({ text }) => text), ["10.88.0.200"]);
});

Deno.test("decodeMessage() clears host bits of NLRI (RFC 4271 4.3)", () => {
  const message = decode({ attributes: MANDATORY, nlri: "09 0aff" });
  assert.deepEqual([...message.reach[0]?.nlri.prefixes() ?? []].map(({ text }) => text), ["10.128.0.0/9"]);
});

Deno.test("isEndOfRib() tells the family, and is not fooled by other empty UPDATEs (RFC 4724 2)", () => {
  assert.deepEqual(isEndOfRib(decode({})), IPV4_UNICAST);
  assert.deepEqual(isEndOfRib(decode({ attributes: "80 0f 03 0002 01" })), IPV6_UNICAST);
  assert.deepEqual(isEndOfRib(decode({ attributes: "80 0f 03 0001 01" })), IPV4_UNICAST);
  assert.deepEqual(isEndOfRib(decode({ attributes: "80 0f 03 0019 41" })), { afi: 25, safi: 65 });
  assert.equal(isEndOfRib(decode({ attributes: MP_UNREACH6 })), undefined);
  assert.equal(isEndOfRib(decode({ withdrawn: NLRI })), undefined);
  assert.equal(isEndOfRib(decode({ attributes: ORIGIN })), undefined);
  assert.equal(isEndOfRib(decode({ attributes: MANDATORY, nlri: NLRI })), undefined);
  assert.equal(isEndOfRib(decode({ withdrawn: NLRI, attributes: "80 0f 03 0002 01" })), undefined);
  assert.deepEqual(isEndOfRib(endOfRibUpdate(IPV6_UNICAST)), IPV6_UNICAST);
  assert.deepEqual(isEndOfRib(update({})), IPV4_UNICAST);
});

Deno.test("decodeMessage() looks at no more than one fault of each repeated attribute, however often it comes", () => {
  const attributes = `${MANDATORY} ${"40 01 01 00".repeat(900)}`;
  assert.equal(decode({ attributes, nlri: NLRI }).faults.length, 1);
});
