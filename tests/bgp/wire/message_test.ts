// Framing and the header rules for every type (RFC 4271 section 6.1, RFC 7313 section 5, RFC 8654).
import assert from "node:assert/strict";
import { decodeMessage, encodeMessage, frame, keepalive } from "../../../src/bgp/wire/message.ts";
import { codecContext, fromHex, MARKER, message, toHex, verdict } from "./support.ts";

const BAD_LENGTH = (data: string) => ({ error: "1/2", data });
const BAD_TYPE = (data: string) => ({ error: "1/3", data });
const NOT_SYNCHRONIZED = { error: "1/1", data: "" };

interface Row {
  readonly name: string;
  readonly hex: string;
  readonly max?: number;
  readonly expected: unknown;
}

const complete = (length: number, messageType: number) => ({ type: "message", length, messageType });
const incomplete = (needed: number) => ({ type: "incomplete", needed });
const zeros = (count: number) => "00".repeat(count);

const FRAMES: readonly Row[] = [
  { name: "nothing", hex: "", expected: incomplete(19) },
  { name: "half a marker", hex: "ffff", expected: incomplete(19) },
  { name: "a wrong first octet alone", hex: "00", expected: NOT_SYNCHRONIZED },
  { name: "an HTTP request", hex: "474554202f", expected: NOT_SYNCHRONIZED },
  { name: "a wrong 16th octet", hex: "ff".repeat(15) + "fe 0013 04", expected: NOT_SYNCHRONIZED },
  { name: "a marker and half a length", hex: `${MARKER} 00`, expected: incomplete(19) },
  { name: "length 0, type not here yet", hex: `${MARKER} 0000`, expected: BAD_LENGTH("0000") },
  { name: "length 18, type not here yet", hex: `${MARKER} 0012`, expected: BAD_LENGTH("0012") },
  { name: "length 18 of a KEEPALIVE", hex: `${MARKER} 0012 04`, expected: BAD_LENGTH("0012") },
  { name: "length 19, type not here yet", hex: `${MARKER} 0013`, expected: incomplete(19) },
  { name: "length 4096 of an UPDATE, header alone", hex: `${MARKER} 1000 02`, expected: incomplete(4096) },
  { name: "length 4097", hex: `${MARKER} 1001 02`, expected: BAD_LENGTH("1001") },
  { name: "length 65535", hex: `${MARKER} ffff 02`, expected: BAD_LENGTH("ffff") },
  {
    name: "length 4097 of an UPDATE between extended speakers",
    hex: `${MARKER} 1001 02`,
    max: 65535,
    expected: incomplete(4097),
  },
  {
    name: "length 65535 of a NOTIFICATION between extended speakers",
    hex: `${MARKER} ffff 03`,
    max: 65535,
    expected: incomplete(65535),
  },
  {
    name: "length 4097 of an OPEN between extended speakers",
    hex: `${MARKER} 1001 01`,
    max: 65535,
    expected: BAD_LENGTH("1001"),
  },
  {
    name: "length 4097 of a KEEPALIVE between extended speakers",
    hex: `${MARKER} 1001 04`,
    max: 65535,
    expected: BAD_LENGTH("1001"),
  },
  { name: "type 0", hex: `${MARKER} 0013 00`, expected: BAD_TYPE("00") },
  { name: "type 6", hex: `${MARKER} 0013 06`, expected: BAD_TYPE("06") },
  { name: "type 255", hex: `${MARKER} 0017 ff`, expected: BAD_TYPE("ff") },
  { name: "type 0 of a bad length", hex: `${MARKER} 0012 00`, expected: BAD_LENGTH("0012") },
  { name: "OPEN of 28", hex: `${MARKER} 001c 01`, expected: BAD_LENGTH("001c") },
  { name: "OPEN of 29", hex: `${MARKER} 001d 01 ${zeros(10)}`, expected: complete(29, 1) },
  { name: "OPEN of 4096", hex: `${MARKER} 1000 01`, max: 65535, expected: incomplete(4096) },
  { name: "UPDATE of 22", hex: `${MARKER} 0016 02`, expected: BAD_LENGTH("0016") },
  { name: "UPDATE of 23", hex: `${MARKER} 0017 02 ${zeros(4)}`, expected: complete(23, 2) },
  {
    name: "NOTIFICATION of 20",
    hex: `${MARKER} 0014 03`,
    expected: { error: "1/2", data: "0014" },
  },
  {
    name: "NOTIFICATION of 4097",
    hex: `${MARKER} 1001 03`,
    expected: { error: "1/2", data: "1001" },
  },
  { name: "NOTIFICATION of 21", hex: `${MARKER} 0015 03 ${zeros(2)}`, expected: complete(21, 3) },
  { name: "KEEPALIVE of 19", hex: `${MARKER} 0013 04`, expected: complete(19, 4) },
  { name: "KEEPALIVE of 20", hex: `${MARKER} 0014 04 00`, expected: BAD_LENGTH("0014") },
  { name: "ROUTE-REFRESH of 19, judged whole", hex: `${MARKER} 0013 05`, expected: complete(19, 5) },
  {
    name: "ROUTE-REFRESH of 24, not here yet",
    hex: `${MARKER} 0018 05 ${zeros(4)}`,
    expected: incomplete(24),
  },
];

for (const { name, hex, max = 4096, expected } of FRAMES) {
  Deno.test(`frame() judges ${name} (RFC 4271 6.1)`, () => {
    assert.deepEqual(verdict(() => frame(fromHex(hex), max)), expected);
  });
}

const REFRESHES: readonly { readonly body: string; readonly expected: unknown }[] = [
  { body: "", expected: "7/1" },
  { body: "0001 00", expected: "7/1" },
  { body: "0001 00 01", expected: { type: "ROUTE-REFRESH", family: { afi: 1, safi: 1 }, subtype: 0 } },
  { body: "0001 00 01 00", expected: "7/1" },
  { body: "0001 01 01 00", expected: "7/1" },
  { body: "0001 02 01 00", expected: "7/1" },
  { body: "0001 03 01 00", expected: { type: "ROUTE-REFRESH", family: { afi: 1, safi: 1 }, subtype: 3 } },
  { body: "4004 ff 47", expected: { type: "ROUTE-REFRESH", family: { afi: 16388, safi: 71 }, subtype: 255 } },
];

for (const { body, expected } of REFRESHES) {
  Deno.test(`decodeMessage() judges a ROUTE-REFRESH of "${body}" (RFC 7313 5)`, () => {
    const bytes = message(5, body);
    const wanted = expected === "7/1" ? { error: "7/1", data: toHex(bytes) } : expected;
    assert.deepEqual(verdict(() => decodeMessage(bytes, codecContext())), wanted);
  });
}

Deno.test("decodeMessage() refuses octets that are not exactly one message", () => {
  for (const hex of ["", `${MARKER} 0013`, `${MARKER} 0013 04 ff`, `${MARKER} 0017 02 000000`]) {
    assert.deepEqual(verdict(() => decodeMessage(fromHex(hex), codecContext())), { error: "1/2", data: "" });
  }
});

Deno.test("keepalive() is a header alone, and new each time", () => {
  assert.equal(toHex(keepalive()), `${MARKER}001304`);
  assert.notEqual(keepalive(), keepalive());
});

Deno.test("encodeMessage() cuts NOTIFICATION data to what may be sent (RFC 7313 5 asks for a whole message)", () => {
  const data = new Uint8Array(65535).fill(7);
  const notification = { type: "NOTIFICATION", code: 7, subcode: 1, data } as const;
  assert.equal(encodeMessage(notification, codecContext()).byteLength, 4096);
  assert.equal(encodeMessage(notification, codecContext({ maxSendLength: 65535 })).byteLength, 65535);
});

Deno.test("encodeMessage() throws RangeError for an UPDATE that is longer than may be sent", () => {
  const attributes = { communities: Array.from({ length: 2000 }, (_, i) => i) };
  const update = { type: "UPDATE", attributes, reach: [], unreach: [], faults: [] } as const;
  assert.throws(() => encodeMessage(update, codecContext()), RangeError);
  const bytes = encodeMessage(update, codecContext({ maxSendLength: 65535 }));
  assert.equal(bytes.byteLength, 23 + 4 + 8000);
});
