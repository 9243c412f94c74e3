// The codec of control packets (RFC 5880 section 4.1, and the checks of 6.8.6 that need no session).
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type ControlPacket,
  decodePacket,
  encodePacket,
  PACKET_OCTETS,
  STATES,
} from "../../src/bfd/packet.ts";

const UP = "20c80318" + "11223344" + "55667788" + "0000c350" + "000186a0" + "00000000";
const UP_PACKET: ControlPacket = {
  diagnostic: 0,
  state: "Up",
  poll: false,
  final: false,
  controlPlaneIndependent: true,
  authenticated: false,
  demand: false,
  detectMult: 3,
  myDiscriminator: 0x11223344,
  yourDiscriminator: 0x55667788,
  desiredMinTxUs: 50_000,
  requiredMinRxUs: 100_000,
  requiredMinEchoRxUs: 0,
};

Deno.test("decodePacket() and encodePacket() agree with octets that are known", () => {
  assert.deepEqual(decodePacket(Uint8Array.fromHex(UP)), UP_PACKET);
  const octets = new Uint8Array(PACKET_OCTETS);
  encodePacket(UP_PACKET, octets);
  assert.equal(octets.toHex(), UP);
});

/** What is altered of a good packet, and what is said of it then. The checks are made in the order of 6.8.6. */
const ROWS: readonly [name: string, edit: (octets: Uint8Array) => Uint8Array, outcome: string][] = [
  ["nothing at all", () => new Uint8Array(0), "too-short"],
  ["23 octets", (octets) => octets.subarray(0, 23), "too-short"],
  ["version 0", (octets) => set(octets, 0, 0x00), "version"],
  ["version 2", (octets) => set(octets, 0, 0x40), "version"],
  ["length 23", (octets) => set(octets, 3, 23), "length"],
  ["length 25 of 24 octets", (octets) => set(octets, 3, 25), "length"],
  ["length 255", (octets) => set(octets, 3, 255), "length"],
  ["authentication of no length", (octets) => set(octets, 1, 0xc4), "length"],
  ["multiplier 0", (octets) => set(octets, 2, 0), "zero-multiplier"],
  ["multiplier 0 and length 23: the length comes first", (octets) => set(set(octets, 2, 0), 3, 23), "length"],
  ["multipoint", (octets) => set(octets, 1, 0xc1), "multipoint"],
  ["discriminator 0", (octets) => octets.fill(0, 4, 8), "zero-discriminator"],
];

for (const [name, edit, outcome] of ROWS) {
  Deno.test(`decodePacket() of ${name} says ${outcome} (RFC 5880 6.8.6)`, () => {
    assert.equal(decodePacket(edit(Uint8Array.fromHex(UP))), outcome);
  });
}

Deno.test("decodePacket() reads what is longer than its length tells, and tells of an authentication section", () => {
  const longer = new Uint8Array(60);
  longer.set(Uint8Array.fromHex(UP));
  assert.deepEqual(decodePacket(longer), UP_PACKET);
  longer.set([0xc4, 3, 26], 1);
  assert.deepEqual(decodePacket(longer), {
    ...UP_PACKET,
    controlPlaneIndependent: false,
    authenticated: true,
  });
});

Deno.test("what encodePacket() writes decodePacket() reads", () => {
  const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
  const packets: fc.Arbitrary<ControlPacket> = fc.record({
    diagnostic: fc.integer({ min: 0, max: 31 }),
    state: fc.constantFrom(...STATES),
    poll: fc.boolean(),
    final: fc.boolean(),
    controlPlaneIndependent: fc.boolean(),
    authenticated: fc.constant(false),
    demand: fc.boolean(),
    detectMult: fc.integer({ min: 1, max: 255 }),
    myDiscriminator: fc.integer({ min: 1, max: 0xffff_ffff }),
    yourDiscriminator: u32,
    desiredMinTxUs: u32,
    requiredMinRxUs: u32,
    requiredMinEchoRxUs: u32,
  });
  fc.assert(fc.property(packets, (packet) => {
    const octets = new Uint8Array(PACKET_OCTETS).fill(0xff);
    encodePacket(packet, octets);
    assert.deepEqual(decodePacket(octets), { ...packet });
  }));
});

function set(octets: Uint8Array, at: number, value: number): Uint8Array {
  octets[at] = value;
  return octets;
}
