import assert from "node:assert/strict";
import { decodeSocketAddress, encodeSocketAddress, type SocketAddress } from "../../ffi/sockaddr.ts";

const octets = (hex: string) =>
  Uint8Array.from(hex.split(/\s+/).filter(Boolean), (octet) => parseInt(octet, 16));
const four = { family: 4, bytes: octets("0a 58 00 fd") } as const;
const six = { family: 6, bytes: octets("fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 01") } as const;

const GOLDENS: readonly (readonly [SocketAddress, string])[] = [
  [{ address: four, port: 179, scopeId: 0 }, "02 00 00 b3 0a 58 00 fd 00 00 00 00 00 00 00 00"],
  [
    { address: six, port: 65535, scopeId: 0x01020304 },
    "0a 00 ff ff 00 00 00 00 fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 01 04 03 02 01",
  ],
];

Deno.test("encodeSocketAddress() and decodeSocketAddress() agree with linux/in.h and in6.h (goldens)", () => {
  for (const [value, hex] of GOLDENS) {
    assert.deepEqual(encodeSocketAddress(value), octets(hex));
    // The kernel's answer is followed by what was in the buffer before.
    assert.deepEqual(decodeSocketAddress(octets(`${hex} ff ff`)), value);
  }
  assert.equal(decodeSocketAddress(octets("01 00 2f 00")), undefined);
});

Deno.test("encodeSocketAddress() refuses what is no address, port or interface index (linux/in.h)", () => {
  const rows: readonly SocketAddress[] = [
    { address: { family: 4, bytes: six.bytes }, port: 1, scopeId: 0 },
    { address: { family: 6, bytes: four.bytes }, port: 1, scopeId: 0 },
    { address: four, port: -1, scopeId: 0 },
    { address: four, port: 65536, scopeId: 0 },
    { address: four, port: 1.5, scopeId: 0 },
    { address: six, port: 1, scopeId: -1 },
    { address: six, port: 1, scopeId: 2 ** 32 },
  ];
  for (const row of rows) assert.throws(() => encodeSocketAddress(row), RangeError);
});
