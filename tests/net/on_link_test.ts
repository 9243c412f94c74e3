import assert from "node:assert/strict";
import { isLinkLocal } from "../../src/net/address.ts";
import { linkLocalBeside } from "../../src/net/on_link.ts";
import { address } from "../support/bgp.ts";
import { hostAddress } from "../support/fake_addresses.ts";

const addresses = [
  "lo ::1/128",
  "eth0 10.0.0.1/24",
  "eth1 fe80::1/64",
  "eth0 2001:db8::1/64",
  "eth0 fe80::3/64 tentative",
  "eth0 fe80::2/64",
  "web 2001:db8:1::1/128",
  "bare 2001:db8:2::1/64",
].map(hostAddress);

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
      linkLocalBeside(addresses, address(local), address(remote))?.text,
      expected,
      `${local} ${remote}`,
    );
  }
});

Deno.test("isLinkLocal() is fe80::/10", () => {
  for (const text of ["fe80::", "febf:ffff::"]) assert.ok(isLinkLocal(address(text)), text);
  for (const text of ["fe7f::", "fec0::", "169.254.0.1"]) assert.ok(!isLinkLocal(address(text)), text);
});
