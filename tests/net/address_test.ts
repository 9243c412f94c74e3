import assert from "node:assert/strict";
import fc from "fast-check";
import { addressOf, addressToU32, formatU32, hostBits, parseAddress } from "../../src/net/address.ts";
import { hostPrefix, parsePrefix, prefixOf } from "../../src/net/prefix.ts";

Deno.test("parseAddress() takes dotted quads and IPv6 text and writes them canonically (RFC 4291 2.2, RFC 5952)", () => {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["10.0.0.256", undefined],
    ["10.0.0", undefined],
    ["10.0.0.1.2", undefined],
    ["010.0.0.1", undefined],
    ["0.00.0.1", undefined],
    ["1..0.1", undefined],
    [".1.0.0.1", undefined],
    ["1.0.0.", undefined],
    ["1.0.0.1.", undefined],
    ["1.0.0.1111111111111111", undefined],
    ["1.2.3.4\u0000", undefined],
    ["\u0661.0.0.1", undefined],
    ["10.0.0.1 ", undefined],
    ["10.0.0.-1", undefined],
    ["1e1.0.0.1", undefined],
    ["", undefined],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0db8::0001", "2001:db8::1"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["1:2:3:4:5:6:7", undefined],
    ["1:2:3:4:5:6:7:8:9", undefined],
    ["1:2:3:4::5:6:7:8", undefined],
    ["1::2::3", undefined],
    [":::", undefined],
    [":1", undefined],
    ["1:", undefined],
    ["12345::", undefined],
    ["g::", undefined],
    ["::1.2.3", undefined],
    ["1.2.3.4::", undefined],
    ["fe80::1%eth0", undefined],
    ["[::1]", undefined],
  ];
  for (const [text, expected] of rows) assert.equal(parseAddress(text)?.text, expected, text);
});

Deno.test("parseAddress() reads back what addressOf() writes", () => {
  const octets = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  fc.assert(
    fc.property(octets, (bytes) => {
      const { text } = addressOf(bytes);
      assert.deepEqual(parseAddress(text)?.bytes, Uint8Array.from(bytes), text);
    }),
    { seed: 5952 },
  );
});

Deno.test("An address gives its octets one by one and as a copy, and nobody changes them", () => {
  for (const octets of [[0, 127, 128, 255], [0xfe, 0x80, ...Array.from({ length: 14 }, (_, i) => 255 - i)]]) {
    const source = Uint8Array.from(octets);
    const address = addressOf(source);
    source.fill(1);
    address.bytes.fill(2);
    assert.deepEqual([...address.bytes], octets);
    assert.deepEqual(octets.map((_, index) => address.octet(index)), octets);
    assert.equal(hostBits(address), octets.length * 8);
  }
});

Deno.test("addressOf() refuses other lengths", () => {
  for (const length of [0, 3, 5, 15, 17]) assert.throws(() => addressOf(new Uint8Array(length)), RangeError);
});

Deno.test("addressToU32() and formatU32() are unsigned and inverse", () => {
  for (const text of ["0.0.0.0", "127.0.0.1", "128.0.0.0", "255.255.255.255"]) {
    const parsed = parseAddress(text);
    assert.ok(parsed !== undefined);
    assert.ok(addressToU32(parsed) >= 0);
    assert.equal(formatU32(addressToU32(parsed)), text);
  }
});

Deno.test("parsePrefix() wants a length that fits and host bits of zero", () => {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["10.0.0.1", "10.0.0.1/32"],
    ["10.0.0.0/8", "10.0.0.0/8"],
    ["10.0.0.1/8", undefined],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["10.0.0.0/33", undefined],
    ["10.0.0.0/", undefined],
    ["10.0.0.0/08", undefined],
    ["10.0.0.0/8/8", undefined],
    ["2001:db8::/32", "2001:db8::/32"],
    ["2001:db8::1", "2001:db8::1/128"],
    ["2001:db8::/129", undefined],
  ];
  for (const [text, expected] of rows) assert.equal(parsePrefix(text)?.text, expected, text);
});

Deno.test("prefixOf() clears the host bits at every length", () => {
  const all = parseAddress("255.255.255.255");
  assert.ok(all !== undefined);
  assert.equal(prefixOf(all, 0).text, "0.0.0.0/0");
  assert.equal(prefixOf(all, 9).text, "255.128.0.0/9");
  assert.equal(prefixOf(all, 31).text, "255.255.255.254/31");
  assert.equal(hostPrefix(all).text, "255.255.255.255/32");
});
