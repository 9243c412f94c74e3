// The text of communities (RFC 1997, RFC 4360, RFC 5668, RFC 8092, draft-ietf-idr-link-bandwidth).
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatCommunity,
  formatExtendedCommunity,
  formatLargeCommunity,
  parseCommunity,
  parseExtendedCommunity,
  parseLargeCommunity,
} from "../../src/net/community.ts";

const toHex = (bytes: Uint8Array) =>
  Array.from(bytes, (octet) => octet.toString(16).padStart(2, "0")).join("");

const COMMUNITIES: readonly (readonly [string, number])[] = [
  ["0:0", 0],
  ["0:65535", 0xffff],
  ["65512:100", 0xffe80064],
  ["65535:65534", 0xfffffffe],
  ["no-export", 0xffffff01],
  ["no-advertise", 0xffffff02],
  ["no-export-subconfed", 0xffffff03],
  ["no-peer", 0xffffff04],
  ["graceful-shutdown", 0xffff0000],
  ["accept-own", 0xffff0001],
  ["llgr-stale", 0xffff0006],
  ["no-llgr", 0xffff0007],
  ["blackhole", 0xffff029a],
];

for (const [text, value] of COMMUNITIES) {
  Deno.test(`parseCommunity() and formatCommunity() agree on ${text} (RFC 1997, IANA)`, () => {
    assert.equal(parseCommunity(text), value);
    assert.equal(formatCommunity(value), text);
  });
}

Deno.test("parseCommunity() takes a well-known value as two numbers, too", () => {
  assert.equal(parseCommunity("65535:65281"), 0xffffff01);
});

const NOT_TEXT = [
  "",
  ":",
  "1",
  "1:",
  ":1",
  "1:2:3",
  "65536:1",
  "1:65536",
  "01:1",
  "1:01",
  "-1:1",
  "1:+1",
  "1: 1",
  " 1:1",
  "0x1:1",
  "1.0:1",
  "1e3:1",
  "NO-EXPORT",
  "no_export",
  "toString",
];

for (const text of NOT_TEXT) {
  Deno.test(`parseCommunity() refuses "${text}"`, () => assert.equal(parseCommunity(text), undefined));
}

Deno.test("formatCommunity() of any number is read back to it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (value) => {
      assert.equal(parseCommunity(formatCommunity(value)), value);
    }),
    { seed: 1997 },
  );
});

Deno.test("parseLargeCommunity() takes three numbers of 32 bits (RFC 8092 5)", () => {
  for (const text of ["0:0:0", "65512:1:2", "4294967295:4294967295:4294967295"]) {
    const parsed = parseLargeCommunity(text);
    assert.equal(parsed && formatLargeCommunity(parsed), text);
  }
  for (
    const text of [
      "",
      "1:2",
      "1:2:3:4",
      "4294967296:0:0",
      "1:2:",
      "01:2:3",
      "1:2:-3",
      "a:b:c",
      "99999999999:1:1",
    ]
  ) {
    assert.equal(parseLargeCommunity(text), undefined, text);
  }
});

const EXTENDED: readonly (readonly [string, string])[] = [
  ["rt:65512:100", "0002ffe800000064"],
  ["rt:0:4294967295", "00020000ffffffff"],
  ["ro:65512:100", "0003ffe800000064"],
  ["rt:10.0.0.1:65535", "01020a000001ffff"],
  ["ro:10.0.0.1:5", "01030a0000010005"],
  ["rt:65536:100", "0202000100000064"],
  ["ro:4294967295:65535", "0203ffffffffffff"],
  ["rt:65512L:100", "02020000ffe80064"],
  ["link-bandwidth:65512:125000000", "4004ffe84cee6b28"],
  ["link-bandwidth:0:0", "4004000000000000"],
  ["link-bandwidth:65535:0.5", "4004ffff3f000000"],
  ["0x0304ffe84cee6b28", "0304ffe84cee6b28"],
  ["0x4004ffe8ff800000", "4004ffe8ff800000"],
  ["0x4004ffe880000000", "4004ffe880000000"],
];

for (const [text, hex] of EXTENDED) {
  Deno.test(`parseExtendedCommunity() and formatExtendedCommunity() agree on ${text} (RFC 4360, RFC 5668)`, () => {
    const octets = parseExtendedCommunity(text);
    assert.equal(octets && toHex(octets), hex);
    assert.equal(octets && formatExtendedCommunity(octets), text);
  });
}

Deno.test("parseExtendedCommunity() takes what is the same in other words", () => {
  const hex = (text: string) => toHex(parseExtendedCommunity(text) ?? new Uint8Array());
  assert.equal(hex("rt:65536L:1"), hex("rt:65536:1"));
  assert.equal(hex("link-bandwidth:1:1e9"), hex("link-bandwidth:1:1000000000"));
  assert.equal(hex("link-bandwidth:1:1.25e9"), hex("link-bandwidth:1:1250000000"));
  assert.equal(hex("0x0002ffe800000064"), hex("rt:65512:100"));
});

const NOT_EXTENDED = [
  "",
  "rt",
  "rt:1",
  "rt:1:2:3",
  "rt:65512:4294967296",
  "rt:65536:65536",
  "rt:65512L:65536",
  "rt:4294967296:1",
  "rt:10.0.0.1:65536",
  "rt:10.0.0:1",
  "rt:10.0.0.256:1",
  "rt:L:1",
  "RT:1:1",
  "xx:1:1",
  "link-bandwidth:1",
  "link-bandwidth:65536:1",
  "link-bandwidth:10.0.0.1:1",
  "link-bandwidth:1:-1",
  "link-bandwidth:1:1e39",
  "link-bandwidth:1:",
  "link-bandwidth:1:NaN",
  "link-bandwidth:1:Infinity",
  "link-bandwidth:1:0x10",
  "0x0002ffe80000006",
  "0x0002ffe8000000640",
  "0x0002FFE800000064",
];

for (const text of NOT_EXTENDED) {
  Deno.test(`parseExtendedCommunity() refuses "${text}"`, () => {
    assert.equal(parseExtendedCommunity(text), undefined);
  });
}

Deno.test("formatExtendedCommunity() of any eight octets is read back to them", () => {
  const octets = fc.oneof(
    fc.uint8Array({ minLength: 8, maxLength: 8 }),
    fc.tuple(
      fc.constantFrom(0, 1, 2, 0x40),
      fc.constantFrom(2, 3, 4),
      fc.uint8Array({ minLength: 6, maxLength: 6 }),
    )
      .map(([type, subtype, rest]) => Uint8Array.of(type, subtype, ...rest)),
  );
  fc.assert(
    fc.property(octets, (given) => {
      const parsed = parseExtendedCommunity(formatExtendedCommunity(given));
      assert.equal(parsed && toHex(parsed), toHex(given));
    }),
    { seed: 4360, numRuns: 2000 },
  );
});
