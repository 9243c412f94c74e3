// What the kernel drops before it takes room: the program, run by an interpreter of what it is made of.
import assert from "node:assert/strict";
import { type Address, parseAddress } from "../../src/net/address.ts";
import { receiveFilter } from "../../src/bfd/receive_filter.ts";
import type { BfdPeer } from "../../src/bfd/bfd_peer.ts";
import type { FilterInstruction } from "../../src/net/sockets.ts";

interface Packet {
  readonly from: string;
  readonly ttl: number;
  /** What the kernel's dice show. */
  readonly random: number;
  /** Your Discriminator; undefined: it is too short to have one. */
  readonly discriminator?: number;
}

function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed !== undefined);
  return parsed;
}

function peer(text: string, minimumTtl = 255): BfdPeer {
  return {
    name: text,
    key: text,
    address: address(text),
    zone: undefined,
    local: undefined,
    device: undefined,
    multihop: minimumTtl < 255,
    minimumTtl,
    transmitMs: 50,
    receiveMs: 50,
    multiplier: 3,
    passive: false,
  };
}

/** An IP header as far as the program looks at it. */
function headerOf({ from, ttl }: Packet): DataView {
  const { family, bytes } = address(from);
  const header = new Uint8Array(40);
  header[family === 4 ? 8 : 7] = ttl;
  header.set(bytes, family === 4 ? 12 : 8);
  return new DataView(header.buffer);
}

/** The classic BPF machine (linux/filter.h), for the instructions that are used. */
function runProgram(program: readonly FilterInstruction[], packet: Packet): number {
  const header = headerOf(packet);
  let accumulator = 0;
  for (let at = 0;; at++) {
    const { code, jt, jf, k } = program[at] ?? assert.fail(`the program runs over its end at ${at}`);
    switch (code) {
      case 0x20:
        if (k === 16 && packet.discriminator === undefined) return 0;
        accumulator = k === 16
          ? packet.discriminator ?? 0
          : k === 0xffff_f038
          ? packet.random
          : header.getUint32(k - 0xfff0_0000);
        break;
      case 0x30:
        accumulator = header.getUint8(k - 0xfff0_0000);
        break;
      case 0x05:
        at += k;
        break;
      case 0x15:
        at += accumulator === k ? jt : jf;
        break;
      case 0x35:
        at += accumulator >= k ? jt : jf;
        break;
      case 0x54:
        accumulator &= k;
        break;
      case 0x06:
        return k;
      default:
        assert.fail(`no such instruction ${code}`);
    }
  }
}

const ROWS: readonly [peers: readonly BfdPeer[], from: string, ttl: number, taken: boolean][] = [
  [[peer("10.0.0.2"), peer("10.0.0.3")], "10.0.0.2", 255, true],
  [[peer("10.0.0.2"), peer("10.0.0.3")], "10.0.0.3", 255, true],
  [[peer("10.0.0.2"), peer("10.0.0.3")], "10.0.0.3", 254, false],
  [[peer("10.0.0.2"), peer("10.0.0.3")], "10.0.0.4", 255, false],
  [[peer("10.0.0.2", 60), peer("10.0.0.3", 250)], "10.0.0.3", 60, true],
  [[peer("10.0.0.2", 60), peer("10.0.0.3", 250)], "10.0.0.3", 59, false],
  [[peer("200.0.0.2")], "200.0.0.2", 255, true],
  [[peer("fe80::2"), peer("2001:db8::3")], "fe80::2", 255, true],
  [[peer("fe80::2"), peer("2001:db8::3")], "2001:db8::3", 255, true],
  [[peer("fe80::2"), peer("2001:db8::3")], "2001:db8::3", 64, false],
  [[peer("fe80::2"), peer("2001:db8::3")], "2001:db8::4", 255, false],
];

for (const [peers, from, ttl, taken] of ROWS) {
  const of = peers.map(({ address, minimumTtl }) => `${address.text} from TTL ${minimumTtl}`).join(", ");
  Deno.test(`receiveFilter() of ${of} ${taken ? "takes" : "samples"} what comes from ${from} with TTL ${ttl}`, () => {
    const program = receiveFilter(peers, peers);
    const outcomes = Array.from({ length: 64 }, (_, random) => runProgram(program, { from, ttl, random }));
    assert.equal(outcomes.filter((each) => each !== 0).length, taken ? 64 : 1);
  });
}

Deno.test("receiveFilter() leaves a sample of what comes from a peer that is not heard", () => {
  const [one, other] = [peer("10.0.0.2"), peer("10.0.0.3")];
  const program = receiveFilter([one, other], [other]);
  assert.equal(runProgram(program, { from: "10.0.0.2", ttl: 255, random: 1 }), 0);
  assert.notEqual(runProgram(program, { from: "10.0.0.2", ttl: 255, random: 128 }), 0);
  assert.notEqual(runProgram(program, { from: "10.0.0.3", ttl: 255, random: 1 }), 0);
});

Deno.test("receiveFilter() takes from a peer that is not heard what names its session", () => {
  const [one, other] = [peer("10.0.0.2"), peer("10.0.0.3")];
  const program = receiveFilter([one, other], [other], [0xfedc_ba98, 7]);
  const packet = { from: "10.0.0.2", ttl: 255, random: 1 };
  for (const discriminator of [0xfedc_ba98, 7]) {
    assert.notEqual(runProgram(program, { ...packet, discriminator }), 0);
  }
  for (const discriminator of [0, 8, 0xfedc_ba99, undefined]) {
    assert.equal(runProgram(program, { ...packet, ...discriminator !== undefined && { discriminator } }), 0);
  }
});

Deno.test("receiveFilter() for nobody, and for more than a program has room for, takes everything", () => {
  const many = Array.from({ length: 501 }, (_, index) => peer(`10.0.${index >> 8}.${index & 255}`));
  for (const peers of [[], many]) {
    assert.equal(
      runProgram(receiveFilter(peers, peers), { from: "192.0.2.1", ttl: 1, random: 1 }),
      0xffff_ffff,
    );
  }
  // What the kernel makes of it takes up to twice the room of its 8 octets an instruction.
  assert.ok(receiveFilter(many.slice(1), many.slice(1)).length * 16 < 20 * 1024);
});
