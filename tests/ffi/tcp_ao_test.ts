// The structs of TCP-AO, by the members of uapi linux/tcp.h (Linux 6.7) in its order: the kernel here has no TCP-AO to ask.
import assert from "node:assert/strict";
import { AO_SIZES, encodeAoAdd, encodeAoDelete, encodeAoInfo } from "../../ffi/tcp_ao.ts";

/** Members with their sizes in octets; those of the size of a word or less are aligned to it, as C does. */
type Members = readonly (readonly [name: string, octets: number, alignment: number])[];

const ADDRESS = ["addr", 128, 8] as const;
const ADD: Members = [
  ADDRESS,
  ["alg_name", 64, 1],
  ["ifindex", 4, 4],
  ["flags", 4, 4],
  ["reserved2", 2, 2],
  ["prefix", 1, 1],
  ["sndid", 1, 1],
  ["rcvid", 1, 1],
  ["maclen", 1, 1],
  ["keyflags", 1, 1],
  ["keylen", 1, 1],
  ["key", 80, 1],
];
const DELETE: Members = [
  ADDRESS,
  ["ifindex", 4, 4],
  ["flags", 4, 4],
  ["reserved2", 2, 2],
  ["prefix", 1, 1],
  ["sndid", 1, 1],
  ["rcvid", 1, 1],
  ["current_key", 1, 1],
  ["rnext", 1, 1],
  ["keyflags", 1, 1],
];
const INFO: Members = [
  ["flags", 4, 4],
  ["reserved2", 2, 2],
  ["current_key", 1, 1],
  ["rnext", 1, 1],
  ["pkt_good", 8, 8],
  ["pkt_bad", 8, 8],
  ["pkt_key_not_found", 8, 8],
  ["pkt_ao_required", 8, 8],
  ["pkt_dropped_icmp", 8, 8],
];

/** Where C puts the members of a struct that is aligned to 8 octets, and how long it is. */
function layout(members: Members): { readonly at: Readonly<Record<string, number>>; readonly size: number } {
  const at: Record<string, number> = {};
  let offset = 0;
  for (const [name, octets, alignment] of members) {
    offset = Math.ceil(offset / alignment) * alignment;
    at[name] = offset;
    offset += octets;
  }
  return { at, size: Math.ceil(offset / 8) * 8 };
}

/** A struct with these values, laid out by its members; all else is 0. */
function laidOut(members: Members, values: Readonly<Record<string, readonly number[]>>): Uint8Array {
  const { at, size } = layout(members);
  const bytes = new Uint8Array(size);
  for (const [name, octets] of Object.entries(values)) {
    assert.ok(at[name] !== undefined, name);
    bytes.set(octets, at[name]);
  }
  return bytes;
}

const four = { family: 4, bytes: Uint8Array.of(10, 0, 0, 2) } as const;
const six = { family: 6, bytes: Uint8Array.from({ length: 16 }, (_, index) => index + 1) } as const;
const key = { algorithm: "hmac(sha1)", macOctets: 12, sendId: 7, receiveId: 9, key: Uint8Array.of(1, 2, 3) };
const text = (value: string) => [...new TextEncoder().encode(value)];

Deno.test("AO_SIZES are those of tcp_ao_add, tcp_ao_del and tcp_ao_info_opt (linux/tcp.h)", () => {
  assert.deepEqual(AO_SIZES, { add: 288, del: 144, info: 48 });
  assert.deepEqual(AO_SIZES, { add: layout(ADD).size, del: layout(DELETE).size, info: layout(INFO).size });
});

Deno.test("encodeAoAdd() lays a key out as struct tcp_ao_add, over IPv4 and IPv6 (linux/tcp.h)", () => {
  const common = {
    alg_name: text("hmac(sha1)"),
    sndid: [7],
    rcvid: [9],
    maclen: [12],
    keylen: [3],
    key: [1, 2, 3],
  };
  assert.deepEqual(
    encodeAoAdd(four, key, false),
    laidOut(ADD, { ...common, addr: [2, 0, 0, 0, 10, 0, 0, 2], prefix: [32] }),
  );
  const inUse = { ...common, flags: [0b11], prefix: [128] };
  const address = [10, 0, 0, 0, 0, 0, 0, 0, ...six.bytes];
  assert.deepEqual(encodeAoAdd(six, key, true), laidOut(ADD, { ...inUse, addr: address }));
});

Deno.test("encodeAoDelete() names a key by address and numbers (struct tcp_ao_del)", () => {
  const expected = { addr: [2, 0, 0, 0, 10, 0, 0, 2], prefix: [32], sndid: [7], rcvid: [9] };
  assert.deepEqual(encodeAoDelete(four, key), laidOut(DELETE, expected));
});

Deno.test("encodeAoInfo() refuses what is unsigned, ignores ICMP, and may take a key into use (struct tcp_ao_info_opt)", () => {
  assert.deepEqual(encodeAoInfo(undefined), laidOut(INFO, { flags: [0b00100] }));
  assert.deepEqual(
    encodeAoInfo(key),
    laidOut(INFO, { flags: [0b00111], current_key: [7], rnext: [9] }),
  );
});

Deno.test("encodeAoAdd() refuses a key of no octets or more than 80 (TCP_AO_MAXKEYLEN)", () => {
  for (const octets of [0, 81]) {
    assert.throws(() => encodeAoAdd(four, { ...key, key: new Uint8Array(octets) }, false), RangeError);
  }
  assert.equal(encodeAoAdd(four, { ...key, key: new Uint8Array(80).fill(1) }, false)[207], 80);
  assert.throws(() => encodeAoAdd(four, { ...key, algorithm: "x".repeat(64) }, false), RangeError);
});
