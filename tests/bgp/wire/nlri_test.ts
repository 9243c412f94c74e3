// Packed prefixes, and many of them in few UPDATEs (RFC 4271 section 4.3, RFC 7606 sections 5.1 and 5.3).
import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeMessage } from "../../../src/bgp/wire/message.ts";
import { addressBits, decodeNlri, IPV4_UNICAST, IPV6_UNICAST, nlriOf } from "../../../src/bgp/wire/nlri.ts";
import { packReach, packUnreach, roomForPrefixes, type SharedPath } from "../../../src/bgp/wire/pack.ts";
import { addressOf } from "../../../src/net/address.ts";
import { type Prefix, prefixOf } from "../../../src/net/prefix.ts";
import { codecContext, fromHex, prefix, toHex } from "./support.ts";
import { address } from "../../support/bgp.ts";

const ROWS: readonly {
  readonly hex: string;
  readonly bits: 32 | 128;
  readonly prefixes: readonly string[] | undefined;
}[] = [
  { hex: "", bits: 32, prefixes: [] },
  { hex: "00", bits: 32, prefixes: ["0.0.0.0/0"] },
  { hex: "00 00 00", bits: 128, prefixes: ["::/0", "::/0", "::/0"] },
  { hex: "01 80", bits: 32, prefixes: ["128.0.0.0/1"] },
  { hex: "01 ff", bits: 32, prefixes: ["128.0.0.0/1"] },
  { hex: "01", bits: 32, prefixes: undefined },
  { hex: "08 0a", bits: 32, prefixes: ["10.0.0.0/8"] },
  { hex: "09 0a80", bits: 32, prefixes: ["10.128.0.0/9"] },
  { hex: "09 0a", bits: 32, prefixes: undefined },
  { hex: "20 0a000001", bits: 32, prefixes: ["10.0.0.1/32"] },
  { hex: "20 0a0000", bits: 32, prefixes: undefined },
  { hex: "21 0a00000100", bits: 32, prefixes: undefined },
  { hex: "21 2001000000", bits: 128, prefixes: ["2001::/33"] },
  { hex: `80 ${"20".repeat(16)}`, bits: 128, prefixes: [`${"2020:".repeat(8).slice(0, -1)}/128`] },
  { hex: `80 ${"20".repeat(15)}`, bits: 128, prefixes: undefined },
  { hex: `81 ${"20".repeat(17)}`, bits: 128, prefixes: undefined },
  { hex: `ff ${"20".repeat(32)}`, bits: 128, prefixes: undefined },
  { hex: "08 0a 08", bits: 32, prefixes: undefined },
];

for (const { hex, bits, prefixes } of ROWS) {
  Deno.test(`decodeNlri() of "${hex}" with ${bits} bits is ${prefixes?.join(" ") ?? "refused"} (RFC 7606 5.3)`, () => {
    const bytes = fromHex(`ff ${hex} ff`);
    const nlri = decodeNlri(bytes, 1, bytes.byteLength - 1, bits);
    assert.equal(nlri?.count, prefixes?.length);
    assert.deepEqual(nlri && [...nlri.prefixes()].map(({ text }) => text), prefixes);
    if (nlri !== undefined) assert.equal(toHex(nlri.bytes), toHex(fromHex(hex)));
  });
}

Deno.test("addressBits() knows unicast alone", () => {
  assert.equal(addressBits(IPV4_UNICAST), 32);
  assert.equal(addressBits(IPV6_UNICAST), 128);
  for (const family of [{ afi: 1, safi: 2 }, { afi: 2, safi: 128 }, { afi: 25, safi: 1 }]) {
    assert.equal(addressBits(family), undefined);
  }
});

const prefixes = (octets: 4 | 16) =>
  fc.array(
    fc.tuple(fc.uint8Array({ minLength: octets, maxLength: octets }), fc.integer({ min: 0, max: octets * 8 }))
      .map(([bytes, length]) => prefixOf(addressOf(bytes), length)),
    { maxLength: 50 },
  );

for (const [octets, bits] of [[4, 32], [16, 128]] as const) {
  Deno.test(`nlriOf() any prefixes of ${bits} bits comes back as it was`, () => {
    fc.assert(
      fc.property(prefixes(octets), (given) => {
        const { bytes } = nlriOf(given);
        const nlri = decodeNlri(bytes, 0, bytes.byteLength, bits);
        assert.equal(nlri?.count, given.length);
        assert.deepEqual([...nlri?.prefixes() ?? []].map(({ text }) => text), given.map(({ text }) => text));
      }),
      { seed: 4760, numRuns: 200 },
    );
  });
}

const classic: SharedPath = {
  family: IPV4_UNICAST,
  mpNextHops: [],
  attributes: fromHex("40 01 01 00 40 02 00 40 03 04 0a5800c8"),
};
const multiprotocol: SharedPath = {
  family: IPV6_UNICAST,
  mpNextHops: [address("2001:db8::200"), address("fe80::1")],
  attributes: fromHex("40 01 01 00 40 02 00"),
};
const context = codecContext({ extendedNextHop: [IPV4_UNICAST], maxReceiveLength: 65535 });

function hosts(count: number, family: 4 | 6): Prefix[] {
  return Array.from({ length: count }, (_, i) => {
    const bytes = new Uint8Array(family === 4 ? 4 : 16).fill(1);
    bytes.set([10, i >>> 16, i >>> 8, i]);
    return prefixOf(addressOf(bytes), family === 4 ? 32 : 128);
  });
}

/** What the messages announce and withdraw, in order; every one is checked on the way. */
function unpack(
  messages: readonly Uint8Array[],
): { reach: string[]; unreach: string[]; nextHops: Set<string> } {
  const found = { reach: new Array<string>(), unreach: new Array<string>(), nextHops: new Set<string>() };
  for (const bytes of messages) {
    const message = decodeMessage(bytes, context);
    assert.equal(message.type, "UPDATE");
    if (message.type !== "UPDATE") continue;
    assert.deepEqual(message.faults, []);
    for (const { nlri, nextHops } of message.reach) {
      found.reach.push(...[...nlri.prefixes()].map(({ text }) => text));
      found.nextHops.add(nextHops.map(({ text }) => text).join());
    }
    for (const { nlri } of message.unreach) {
      found.unreach.push(...[...nlri.prefixes()].map(({ text }) => text));
    }
  }
  return found;
}

const PACKS: readonly {
  readonly path: SharedPath;
  readonly max: number;
  readonly fits: number;
  readonly nextHops: string;
}[] = [
  // 4096 - 23 - 14 = 4059 octets, 811 host prefixes of 5.
  { path: classic, max: 4096, fits: 811, nextHops: "10.88.0.200" },
  // 4096 - 23 - 7 - 4 - 5 - 32 = 4025 octets, 236 host prefixes of 17.
  { path: multiprotocol, max: 4096, fits: 236, nextHops: "2001:db8::200,fe80::1" },
  { path: classic, max: 65535, fits: 13099, nextHops: "10.88.0.200" },
];

for (const { path, max, fits, nextHops } of PACKS) {
  Deno.test(`packReach() puts ${fits} prefixes of AFI ${path.family.afi} into ${max} octets, and ${fits + 1} into two`, () => {
    const family = path.family.afi === 1 ? 4 : 6;
    for (
      const [count, messages] of [[0, 0], [1, 1], [fits, 1], [fits + 1, 2], [2 * fits, 2], [
        2 * fits + 1,
        3,
      ]] as const
    ) {
      const given = hosts(count, family);
      const packed = packReach(path, given, max);
      assert.equal(packed.length, messages);
      assert.ok(packed.every(({ byteLength }) => byteLength <= max));
      const { reach, nextHops: seen } = unpack(packed);
      assert.deepEqual(reach, given.map(({ text }) => text));
      if (count > 0) assert.deepEqual([...seen], [nextHops]);
    }
  });
}

Deno.test("packReach() fills a message to the last octet, and takes one more octet of attributes as one prefix less", () => {
  const exact = {
    ...classic,
    attributes: new Uint8Array([...classic.attributes, ...fromHex("c0 63 01 00")]),
  };
  assert.equal(roomForPrefixes(exact, 4096) % 5, 0);
  const [full, ...more] = packReach(exact, hosts(811, 4), 4096);
  assert.deepEqual([full?.byteLength, more.length], [4096, 0]);
  const tight = {
    ...classic,
    attributes: new Uint8Array([...classic.attributes, ...fromHex("c0 63 02 0000")]),
  };
  assert.equal(packReach(tight, hosts(811, 4), 4096).length, 2);
});

/** A prefix that takes so many octets. */
const filler = (octets: number, family: 4 | 6) =>
  prefix(family === 4 ? `0.0.0.0/${8 * octets - 8}` : `::/${8 * octets - 8}`);

Deno.test("packReach() and packUnreach() fill every kind of message to the last octet, and no further", () => {
  const kinds = [
    { family: 4, left: 4059 % 5, pack: (given: readonly Prefix[]) => packReach(classic, given, 4096) },
    { family: 6, left: 4025 % 17, pack: (given: readonly Prefix[]) => packReach(multiprotocol, given, 4096) },
    {
      family: 4,
      left: 4073 % 5,
      pack: (given: readonly Prefix[]) => packUnreach(IPV4_UNICAST, true, given, 4096),
    },
    {
      family: 4,
      left: 4066 % 5,
      pack: (given: readonly Prefix[]) => packUnreach(IPV4_UNICAST, false, given, 4096),
    },
    {
      family: 6,
      left: 4066 % 17,
      pack: (given: readonly Prefix[]) => packUnreach(IPV6_UNICAST, false, given, 4096),
    },
  ] as const;
  const counts = [811, 236, 814, 813, 239];
  for (const [index, { family, left, pack }] of kinds.entries()) {
    const full = hosts(counts[index] ?? 0, family);
    const lengths = (given: readonly Prefix[]) => pack(given).map(({ byteLength }) => byteLength);
    assert.deepEqual(lengths([...full, filler(left, family)]), [4096], `kind ${index}`);
    assert.equal(lengths([...full, filler(left + 1, family)]).length, 2, `kind ${index}`);
  }
});

Deno.test("packReach() and packUnreach() write the extended length from 256 octets on", () => {
  const short = { ...multiprotocol, mpNextHops: multiprotocol.mpNextHops.slice(0, 1) };
  const cases = [
    { bytes: packReach(short, [...hosts(13, 6), filler(13, 6)], 4096), head: "800eff" },
    { bytes: packReach(short, [...hosts(13, 6), filler(14, 6)], 4096), head: "900e0100" },
    { bytes: packUnreach(IPV6_UNICAST, false, [...hosts(14, 6), filler(14, 6)], 4096), head: "800fff" },
    { bytes: packUnreach(IPV6_UNICAST, false, [...hosts(14, 6), filler(15, 6)], 4096), head: "900f0100" },
  ];
  for (const { bytes, head } of cases) {
    assert.equal(toHex(bytes[0] ?? new Uint8Array()).slice(46, 46 + head.length), head);
    const { reach, unreach } = unpack(bytes);
    assert.equal(reach.length + unreach.length, head[3] === "e" ? 14 : 15);
  }
});

Deno.test("packReach() throws RangeError where not one prefix has room", () => {
  const large = { ...classic, attributes: new Uint8Array(4096 - 23 - 4) };
  assert.equal(roomForPrefixes(large, 4096), 4);
  assert.throws(() => packReach(large, hosts(1, 4), 4096), RangeError);
  assert.equal(packReach(large, [prefix("10.0.0.0/24")], 4096).length, 1);
});

Deno.test("packReach() writes short and long MP_REACH_NLRI, first of all attributes (RFC 7606 5.1)", () => {
  const short = { ...multiprotocol, mpNextHops: multiprotocol.mpNextHops.slice(0, 1) };
  for (const [count, head] of [[13, "800ef2"], [14, "900e0103"]] as const) {
    const [message] = packReach(short, hosts(count, 6), 4096);
    assert.equal(toHex(message ?? new Uint8Array()).slice(46, 46 + head.length), head);
    assert.equal(unpack(message === undefined ? [] : [message]).reach.length, count);
  }
});

const WITHDRAWALS = [
  // 4096 - 23 = 4073 octets, 814 prefixes of 5.
  { family: IPV4_UNICAST, classic: true, version: 4, fits: 814 },
  // 4096 - 23 - 7 = 4066 octets, 813 prefixes of 5 and 239 of 17.
  { family: IPV4_UNICAST, classic: false, version: 4, fits: 813 },
  { family: IPV6_UNICAST, classic: false, version: 6, fits: 239 },
] as const;

for (const { family, classic, version, fits } of WITHDRAWALS) {
  Deno.test(`packUnreach() puts ${fits} prefixes of AFI ${family.afi} into a message, classic ${classic}`, () => {
    for (const [count, messages] of [[0, 0], [1, 1], [fits, 1], [fits + 1, 2]] as const) {
      const given = hosts(count, version);
      const packed = packUnreach(family, classic, given, 4096);
      assert.equal(packed.length, messages);
      assert.ok(packed.every(({ byteLength }) => byteLength <= 4096));
      assert.deepEqual(unpack(packed).unreach, given.map(({ text }) => text));
      assert.ok(packed.every((bytes) => (bytes[19] === 0 && bytes[20] === 0) === !classic));
    }
  });
}
