import assert from "node:assert/strict";
import {
  decodeEchoRequest,
  decodeIcmp,
  encodeEchoRequest,
  expectedTypes,
  splitIPv4,
} from "../../src/icmp/packet.ts";
import { icmpErrorReason } from "../../src/net/icmp_error.ts";

const octets = (hex: string) =>
  Uint8Array.from(hex.split(/\s+/).filter(Boolean), (octet) => parseInt(octet, 16));
const ECHO = { identifier: 0x1234, sequence: 0xfffe, payload: octets("61 62 63") };

Deno.test("encodeEchoRequest() writes RFC 792 with checksum and RFC 4443 without (goldens)", () => {
  assert.deepEqual(encodeEchoRequest(4, ECHO), octets("08 00 21 6a 12 34 ff fe 61 62 63"));
  assert.deepEqual(encodeEchoRequest(6, ECHO), octets("80 00 00 00 12 34 ff fe 61 62 63"));
  for (const family of [4, 6] as const) {
    assert.deepEqual(decodeEchoRequest(family, encodeEchoRequest(family, ECHO)), ECHO);
  }
});

Deno.test("decodeIcmp() reads an echo reply, odd length and empty payload too (RFC 792, 4443)", () => {
  assert.deepEqual(decodeIcmp(4, octets("00 00 29 6a 12 34 ff fe 61 62 63")), { type: "reply", echo: ECHO });
  assert.deepEqual(decodeIcmp(6, octets("81 00 00 00 12 34 ff fe 61 62 63")), { type: "reply", echo: ECHO });
  const empty = { type: "reply", echo: { identifier: 0, sequence: 0, payload: new Uint8Array(0) } };
  assert.deepEqual(decodeIcmp(4, octets("00 00 ff ff 00 00 00 00")), empty);
});

Deno.test("decodeIcmp() reads what an error returned (RFC 792, RFC 4443 section 3)", () => {
  const request4 = "08 00 21 6a 12 34 ff fe 61 62 63";
  const header4 = "45 00 00 1f 00 00 00 00 40 01 00 00 0a 09 00 01 0a 42 00 01";
  const options4 = `46 ${header4.slice(3)} 01 01 01 01`;
  const echo = ECHO;
  for (const header of [header4, options4]) {
    const bytes = withChecksum(octets(`03 01 00 00 00 00 00 00 ${header} ${request4}`));
    const destination = octets("0a 42 00 01");
    assert.deepEqual(decodeIcmp(4, bytes), { type: "error", reason: "host unreachable", destination, echo });
  }
  const destination = octets("fd 66 00 00 00 00 00 00 00 00 00 00 00 00 00 01");
  const header6 = `60 00 00 00 00 0b 3a 40 ${"00 ".repeat(16)} ${"fd 66" + " 00".repeat(13)} 01`;
  const bytes = octets(`01 03 00 00 00 00 00 00 ${header6} 80 00 00 00 12 34 ff fe 61 62 63`);
  assert.deepEqual(decodeIcmp(6, bytes), { type: "error", reason: "address unreachable", destination, echo });
});

Deno.test("decodeIcmp() takes nothing else and nothing that is cut (RFC 792, 4443)", () => {
  const reply = octets("00 00 29 6a 12 34 ff fe 61 62 63");
  const error = withChecksum(octets(
    "03 01 00 00 00 00 00 00 45 00 00 1f 00 00 00 00 40 01 00 00 0a 09 00 01 0a 42 00 01 08 00 21 6a 12 34 ff fe",
  ));
  assert.equal(decodeIcmp(4, error)?.type, "error");
  for (let length = 0; length < 8; length++) {
    assert.equal(decodeIcmp(4, reply.subarray(0, length)), undefined);
    assert.equal(decodeIcmp(6, new Uint8Array(length).fill(129, 0, 1)), undefined);
  }
  for (let length = 8; length < error.byteLength; length++) {
    assert.equal(decodeIcmp(4, withChecksum(error.slice(0, length))), undefined, `error of ${length} octets`);
  }
  const rows: readonly (readonly [4 | 6, string])[] = [
    [4, "00 00 29 6b 12 34 ff fe 61 62 63"], // the checksum is off by one
    [4, "08 00 21 6a 12 34 ff fe 61 62 63"], // a request
    [4, "00 01 29 69 12 34 ff fe 61 62 63"], // code 1
    [6, "80 00 00 00 12 34 ff fe"],
    [6, "88 00 00 00 12 34 ff fe"], // neighbour advertisement
    [6, `01 03 00 00 00 00 00 00 60 00 00 00 00 0b 11 40 ${"00 ".repeat(32)} 80 00 00 00 12 34 ff fe`], // UDP
    [6, `01 03 00 00 00 00 00 00 45 00 00 00 00 0b 3a 40 ${"00 ".repeat(32)} 80 00 00 00 12 34 ff fe`], // IPv4
  ];
  for (const [family, hex] of rows) assert.equal(decodeIcmp(family, octets(hex)), undefined, hex);
});

Deno.test("splitIPv4() honours the header's own length and protocol (RFC 791 section 3.1)", () => {
  const header = "00 00 00 00 00 00 00 00 01 00 00 01 02 03 04 05 06 07 08";
  assert.deepEqual(splitIPv4(octets(`45 ${header} aa`)), {
    payload: octets("aa"),
    destination: octets("05 06 07 08"),
  });
  assert.deepEqual(splitIPv4(octets(`45 ${header}`))?.payload, new Uint8Array(0));
  assert.equal(splitIPv4(octets(`46 ${header} aa`)), undefined);
  assert.equal(splitIPv4(octets(`44 ${header} aa`)), undefined);
  assert.equal(splitIPv4(octets(`65 ${header} aa`)), undefined);
  assert.equal(splitIPv4(new Uint8Array(0)), undefined);
  assert.equal(splitIPv4(octets(`45 ${header} aa`.replace(" 01 00 00 01", " 11 00 00 01"))), undefined);
});

Deno.test("icmpErrorReason() has words for every error type and none for the rest (RFC 792, 4443)", () => {
  assert.equal(icmpErrorReason(4, 3, 0), "network unreachable");
  assert.equal(icmpErrorReason(4, 3, 200), "destination unreachable");
  assert.equal(icmpErrorReason(4, 11, 0), "TTL exceeded in transit");
  assert.equal(icmpErrorReason(6, 1, 0), "no route to destination");
  assert.equal(icmpErrorReason(6, 3, 1), "time exceeded");
  assert.equal(icmpErrorReason(4, 0, 0), undefined);
  assert.equal(icmpErrorReason(6, 129, 0), undefined);
  assert.deepEqual(expectedTypes(4), [0, 3, 11, 12]);
  assert.deepEqual(expectedTypes(6), [129, 1, 2, 3, 4]);
});

/** Sets the Internet checksum (RFC 1071). */
function withChecksum(bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength < 4) return bytes;
  bytes.fill(0, 2, 4);
  let sum = 0;
  bytes.forEach((octet, index) => sum += index % 2 === 0 ? octet << 8 : octet);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  bytes[2] = (~sum >>> 8) & 0xff;
  bytes[3] = ~sum & 0xff;
  return bytes;
}
