import assert from "node:assert/strict";
import { isLinkLocal } from "../../src/net/address.ts";
import { type InterfaceAddress, linkLocalBeside } from "../../src/net/on_link.ts";
import { address } from "../support/bgp.ts";

const interfaces: readonly InterfaceAddress[] = [
  { name: "lo", address: "::1", cidr: "::1/128" },
  { name: "eth0", address: "10.0.0.1", cidr: "10.0.0.1/24" },
  { name: "eth1", address: "fe80::1", cidr: "fe80::1/64" },
  { name: "eth0", address: "2001:db8::1", cidr: "2001:db8::1/64" },
  { name: "eth0", address: "fe80::2", cidr: "fe80::2/64" },
  { name: "web", address: "2001:db8:1::1", cidr: "2001:db8:1::1/128" },
  { name: "bare", address: "2001:db8:2::1", cidr: "2001:db8:2::1/64" },
];

Deno.test("linkLocalBeside() finds our link-local address on the subnet that the peer shares (RFC 2545 section 3)", () => {
  const rows: readonly (readonly [string, string, string | undefined])[] = [
    ["2001:db8::1", "2001:db8::2", "fe80::2"],
    ["2001:db8::1", "2001:db8:0:1::2", undefined],
    ["2001:db8::9", "2001:db8::2", undefined],
    ["2001:db8:1::1", "2001:db8:1::1", undefined],
    ["2001:db8:2::1", "2001:db8:2::2", undefined],
    ["10.0.0.1", "10.0.0.2", undefined],
    ["fe80::2", "fe80::9", undefined],
  ];
  for (const [local, remote, expected] of rows) {
    assert.equal(
      linkLocalBeside(interfaces, address(local), address(remote))?.text,
      expected,
      `${local} ${remote}`,
    );
  }
});

Deno.test("isLinkLocal() is fe80::/10", () => {
  for (const text of ["fe80::", "febf:ffff::"]) assert.ok(isLinkLocal(address(text)), text);
  for (const text of ["fe7f::", "fec0::", "169.254.0.1"]) assert.ok(!isLinkLocal(address(text)), text);
});
