// The single values: boundary rows, and what is formatted reads back.
import assert from "node:assert/strict";
import { formatZoned, parsePeerAddress, parseServiceAddress } from "../../../src/config/values/address.ts";
import { parseHost, parseInterfaceName } from "../../../src/config/values/name.ts";
import type { Parsed } from "../../../src/text/parsed.ts";

/** The value, or undefined. */
function valueOf<T>(parsed: Parsed<T>): T | undefined {
  return "value" in parsed ? parsed.value : undefined;
}

function isRefused(parsed: Parsed<unknown>): boolean {
  return "problem" in parsed && parsed.problem !== "";
}

Deno.test("parseInterfaceName() follows dev_valid_name() of Linux", () => {
  const good = ["a", "eth0", "lb-web.1", "fifteen-bytes-x", "ééééééé", "..."];
  const bad = [
    "",
    "sixteen-bytes-xx",
    "éééééééé",
    ".",
    "..",
    "a/b",
    "a:b",
    "a b",
    "a\tb",
    "a\u00a0b",
    "a%d",
    "a\u0000",
  ];
  for (const name of good) assert.equal(valueOf(parseInterfaceName(name)), name);
  for (const name of bad) assert.ok(isRefused(parseInterfaceName(name)), JSON.stringify(name));
});

Deno.test("parsePeerAddress() takes a zone exactly where the address is link-local (RFC 4007 section 11)", () => {
  for (
    const text of ["10.0.0.1", "2001:db8::1", "fe80::1%eth0", "febf::1%vlan.10", "127.0.0.1", "169.254.0.1"]
  ) {
    const peer = valueOf(parsePeerAddress(text));
    assert.equal(peer && formatZoned(peer.address, peer.zone), text);
  }
  for (
    const text of [
      "fe80::1",
      "fec0::1%eth0",
      "10.0.0.1%eth0",
      "fe80::1%",
      "fe80::1%a%b",
      "::",
      "0.0.0.0",
      "host",
    ]
  ) {
    assert.ok(isRefused(parsePeerAddress(text)), text);
  }
});

Deno.test("parseServiceAddress() takes routable addresses with a prefix length of at least 1", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["10.88.2.1", "10.88.2.1/32"],
    ["10.88.2.1/24", "10.88.2.1/24"],
    ["10.88.2.1/1", "10.88.2.1/1"],
    ["2001:DB8::1", "2001:db8::1/128"],
    ["2001:db8::1/64", "2001:db8::1/64"],
    ["240.0.0.1", "240.0.0.1/32"],
  ];
  for (const [text, expected] of rows) {
    const parsed = valueOf(parseServiceAddress(text));
    assert.equal(parsed && `${parsed.address.text}/${parsed.length}`, expected);
  }
  const bad = [
    "10.0.0.1/",
    "10.0.0.1/033",
    "10.0.0.1/-1",
    "10.0.0.1/8/8",
    "255.255.255.255",
    "::ffff:10.0.0.1",
    "fe80::1",
  ];
  for (const text of bad) assert.ok(isRefused(parseServiceAddress(text)), text);
});

Deno.test("parseHost() takes names (RFC 1123) and addresses", () => {
  for (
    const text of [
      "localhost",
      "a.example.org",
      "a.example.org.",
      "x_1",
      "10.0.0.1",
      "2001:db8::1",
      "127.0.0.1",
    ]
  ) {
    assert.equal(valueOf(parseHost(text)), text);
  }
  for (
    const text of [
      "",
      "-a",
      "a-",
      "a..b",
      "a b",
      "10.0.0.256",
      "http://a",
      "a:80",
      "a/b",
      "::",
      "0.0.0.0",
      "224.0.0.1",
    ]
  ) {
    assert.ok(isRefused(parseHost(text)), text);
  }
});
