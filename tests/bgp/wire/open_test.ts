// OPEN and its optional parameters (RFC 4271 section 6.2, RFC 5492, RFC 9072).
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Capability } from "../../../src/bgp/wire/capability.ts";
import { INITIAL_CONTEXT } from "../../../src/bgp/wire/codec_context.ts";
import { decodeMessage, encodeMessage } from "../../../src/bgp/wire/message.ts";
import type { OpenMessage } from "../../../src/bgp/wire/open.ts";
import { message, toHex, verdict } from "./support.ts";

/** Version 4, AS 65000, hold time 90, identifier 10.0.0.1, then `parameters` from Opt Parm Len on. */
const open = (parameters: string) => `04 fde8 005a 0a000001 ${parameters}`;

function judge(body: string): unknown {
  const judged = verdict(() => decodeMessage(message(1, body), INITIAL_CONTEXT));
  return judged;
}

function capabilitiesOf(parameters: string): unknown {
  const judged = decodeMessage(message(1, open(parameters)), INITIAL_CONTEXT);
  assert.equal(judged.type, "OPEN");
  return judged.type === "OPEN" ? judged.capabilities : undefined;
}

const FAULTS: readonly {
  readonly name: string;
  readonly body: string;
  readonly error: string;
  readonly data?: string;
}[] = [
  { name: "version 3", body: "03 fde8 005a 0a000001 00", error: "2/1", data: "0004" },
  { name: "version 5", body: "05 fde8 005a 0a000001 00", error: "2/1", data: "0004" },
  { name: "version 0 and nothing else right", body: "00 0000 0001 00000000 ff", error: "2/1", data: "0004" },
  { name: "hold time 1", body: "04 fde8 0001 0a000001 00", error: "2/6" },
  { name: "hold time 2", body: "04 fde8 0002 0a000001 00", error: "2/6" },
  { name: "identifier 0.0.0.0", body: "04 fde8 005a 00000000 00", error: "2/3" },
  { name: "parameters shorter than Opt Parm Len", body: open("08 02 04 41 02"), error: "2/0" },
  { name: "parameters longer than Opt Parm Len", body: open("00 02 00"), error: "2/0" },
  { name: "Opt Parm Len 255 and nothing", body: open("ff"), error: "2/0" },
  { name: "a parameter of one octet", body: open("01 02"), error: "2/0" },
  { name: "a parameter longer than what is left", body: open("02 02 01"), error: "2/0" },
  { name: "the Authentication parameter (deprecated)", body: open("03 01 01 00"), error: "2/4" },
  { name: "parameter type 3", body: open("02 03 00"), error: "2/4" },
  { name: "parameter type 255 that is not the first", body: open("04 02 00 ff 00"), error: "2/4" },
  { name: "a capability of one octet", body: open("03 02 01 40"), error: "2/0" },
  { name: "a capability longer than its parameter", body: open("04 02 02 41 04"), error: "2/0" },
  {
    name: "a capability that runs into the next parameter",
    body: open("0a 02 04 41 04 0000 02 02 0000"),
    error: "2/0",
  },
  { name: "the extended length cut short", body: open("ff ff 00"), error: "2/0" },
  { name: "extended parameters shorter than their length", body: open("ff ff 0004 02 0000"), error: "2/0" },
  { name: "extended parameters longer than their length", body: open("ff ff 0002 02 0000"), error: "2/0" },
  { name: "an extended parameter of two octets", body: open("ff ff 0002 02 00"), error: "2/0" },
  { name: "an extended parameter of type 7", body: open("ff ff 0003 07 0000"), error: "2/4" },
];

for (const { name, body, error, data = "" } of FAULTS) {
  Deno.test(`decodeMessage() answers an OPEN with ${name} by ${error} (RFC 4271 6.2)`, () => {
    assert.deepEqual(judge(body), { error, data });
  });
}

const LENGTHS: readonly {
  readonly code: number;
  readonly name: string;
  readonly good: readonly number[];
  readonly bad: readonly number[];
}[] = [
  { code: 1, name: "multiprotocol (RFC 4760 8)", good: [4], bad: [0, 3, 5, 8] },
  { code: 2, name: "route refresh (RFC 2918 2)", good: [0], bad: [1, 4] },
  { code: 5, name: "extended next hop (RFC 8950 4)", good: [0, 6, 12], bad: [1, 5, 7] },
  { code: 6, name: "extended message (RFC 8654 3)", good: [0], bad: [1] },
  { code: 64, name: "graceful restart (RFC 4724 3)", good: [2, 6, 10], bad: [0, 1, 3, 4, 5] },
  { code: 65, name: "four-octet AS (RFC 6793 3)", good: [4], bad: [0, 2, 5] },
  { code: 70, name: "enhanced route refresh (RFC 7313 3.1)", good: [0], bad: [1] },
  { code: 128, name: "unknown (RFC 5492 3)", good: [0, 1, 255 - 4], bad: [] },
];

for (const { code, name, good, bad } of LENGTHS) {
  const parameters = (length: number) => {
    const octet = (value: number) => value.toString(16).padStart(2, "0");
    return [length + 4, 2, length + 2, code, length].map(octet).join("") + "01".repeat(length);
  };
  Deno.test(`decodeMessage() judges the length of the capability ${name}`, () => {
    for (const length of good) {
      const judged = judge(open(parameters(length)));
      assert.ok(typeof judged === "object" && judged !== null && "capabilities" in judged, `${length}`);
    }
    for (const length of bad) assert.deepEqual(judge(open(parameters(length))), { error: "2/0", data: "" });
  });
}

Deno.test("decodeMessage() takes hold time 0, 3 and 65535 (RFC 4271 6.2)", () => {
  for (const [hex, holdTimeSeconds] of [["0000", 0], ["0003", 3], ["ffff", 65535]] as const) {
    const judged = decodeMessage(message(1, `04 fde8 ${hex} 0a000001 00`), INITIAL_CONTEXT);
    assert.equal(judged.type === "OPEN" && judged.holdTimeSeconds, holdTimeSeconds);
  }
});

Deno.test("decodeMessage() takes AS 0 and 23456: they are the session's to judge (RFC 7607)", () => {
  for (const [hex, myAs] of [["0000", 0], ["5ba0", 23456]] as const) {
    const judged = decodeMessage(message(1, `04 ${hex} 005a 0a000001 00`), INITIAL_CONTEXT);
    assert.equal(judged.type === "OPEN" && judged.myAs, myAs);
  }
});

Deno.test("decodeMessage() joins capabilities of several parameters, several in one, and an empty one (RFC 5492 4)", () => {
  assert.deepEqual(capabilitiesOf("10 02 02 0200 02 06 4104 0000fde8 02 00 02 00"), [
    { type: "route-refresh" },
    { type: "four-octet-as", as: 65000 },
  ]);
  assert.deepEqual(capabilitiesOf("0a 02 08 0200 4104 0000fde8"), [
    { type: "route-refresh" },
    { type: "four-octet-as", as: 65000 },
  ]);
});

Deno.test("decodeMessage() keeps capabilities that occur twice, for the session to judge (RFC 5492 4)", () => {
  assert.deepEqual(capabilitiesOf("06 02 04 0200 0200"), [{ type: "route-refresh" }, {
    type: "route-refresh",
  }]);
});

Deno.test("decodeMessage() reads extended parameters whatever the short length says, but for 0 (RFC 9072 2)", () => {
  const capabilities = [{ type: "route-refresh" }, { type: "four-octet-as", as: 65000 }];
  for (const short of ["ff", "01", "0e"]) {
    assert.deepEqual(capabilitiesOf(`${short} ff 000e 02 0002 0200 02 0006 4104 0000fde8`), capabilities);
  }
  assert.deepEqual(judge(open("00 ff 0005 02 0002 0200")), { error: "2/0", data: "" });
});

Deno.test("encodeMessage() uses extended parameters only where the short length does not do (RFC 9072 2)", () => {
  const withValue = (length: number): OpenMessage => ({
    type: "OPEN",
    version: 4,
    myAs: 65000,
    holdTimeSeconds: 90,
    bgpIdentifier: 0x0a000001,
    capabilities: [
      { type: "unknown", code: 200, value: new Uint8Array(200).fill(1) },
      { type: "unknown", code: 201, value: new Uint8Array(length).fill(2) },
    ],
  });
  const short = encodeMessage(withValue(49), INITIAL_CONTEXT);
  assert.equal(toHex(short.subarray(28, 31)), "ff02fd");
  const long = encodeMessage(withValue(50), INITIAL_CONTEXT);
  assert.equal(toHex(long.subarray(28, 35)), "ffff01010200fe");
  assert.deepEqual(decodeMessage(short, INITIAL_CONTEXT), withValue(49));
  assert.deepEqual(decodeMessage(long, INITIAL_CONTEXT), withValue(50));
});

Deno.test("encodeMessage() throws RangeError for a capability of 256 octets", () => {
  const capabilities: Capability[] = [{ type: "unknown", code: 200, value: new Uint8Array(256) }];
  const message: OpenMessage = {
    type: "OPEN",
    version: 4,
    myAs: 1,
    holdTimeSeconds: 90,
    bgpIdentifier: 1,
    capabilities,
  };
  assert.throws(() => encodeMessage(message, INITIAL_CONTEXT), RangeError);
});

/** fast-check's records have no prototype, which deepEqual tells apart. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u8 = fc.integer({ min: 0, max: 0xff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const family = record({ afi: u16, safi: u8 });
const capability: fc.Arbitrary<Capability> = fc.oneof(
  record({ type: fc.constant("multiprotocol" as const), family }),
  fc.constantFrom<Capability>({ type: "route-refresh" }, { type: "extended-message" }, {
    type: "enhanced-route-refresh",
  }),
  record({
    type: fc.constant("extended-next-hop" as const),
    tuples: fc.array(record({ family: record({ afi: u16, safi: u16 }), nextHopAfi: u16 }), {
      maxLength: 5,
    }),
  }),
  record({
    type: fc.constant("graceful-restart" as const),
    restarting: fc.boolean(),
    notification: fc.boolean(),
    restartTimeSeconds: fc.integer({ min: 0, max: 4095 }),
    families: fc.array(record({ family, forwarding: fc.boolean() }), { maxLength: 5 }),
  }),
  record({ type: fc.constant("four-octet-as" as const), as: u32 }),
  record({
    type: fc.constant("unknown" as const),
    code: fc.constantFrom(0, 3, 66, 69, 73, 128, 255),
    value: fc.uint8Array({ maxLength: 255 }),
  }),
);

Deno.test("an OPEN of any capabilities comes back as it was (RFC 5492, RFC 9072)", () => {
  const opens = record({
    type: fc.constant("OPEN" as const),
    version: fc.constant(4),
    myAs: u16,
    holdTimeSeconds: fc.oneof(fc.constant(0), fc.integer({ min: 3, max: 0xffff })),
    bgpIdentifier: fc.integer({ min: 1, max: 0xffff_ffff }),
    capabilities: fc.array(capability, { maxLength: 12 }),
  });
  fc.assert(
    fc.property(opens, (open) => {
      assert.deepEqual(decodeMessage(encodeMessage(open, INITIAL_CONTEXT), INITIAL_CONTEXT), open);
    }),
    { seed: 9072, numRuns: 300 },
  );
});
