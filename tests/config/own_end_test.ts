// What a peer's source and next hops cannot be, and what is allowed beside it (RFC 4271 section 5.1.3).
import assert from "node:assert/strict";
import { configOf, issuesOf, MINIMAL, parse } from "./text.ts";

const peer = (keys: string) => MINIMAL.replace("as: 65512}]", `as: 65512, ${keys}}]`);

Deno.test("parseConfig() takes a next hop that is no address of the peer or of a service, whoever else has it", () => {
  for (const keys of ["nextHop: 10.0.0.253", 'nextHop6: "2001:db8::1"', "localAddress: 10.0.0.9"]) {
    assert.deepEqual(issuesOf(peer(keys)), [], keys);
  }
});

Deno.test("parseConfig() takes loopback addresses for a peer on this host", () => {
  const text = peer('nextHop: 127.0.0.1, nextHop6: "::1"').replace("10.0.0.254", "127.0.0.2");
  assert.deepEqual(issuesOf(text), []);
});

Deno.test("parseConfig() tells of every peer whose next hop is a service's, of any service", () => {
  const text = peer('nextHop6: "2001:db8:99::1"').replace(
    "[10.99.0.1]}",
    '[10.99.0.1]}\n  - {name: dns, addresses: ["2001:db8:99::1"]}',
  );
  assert.match(issuesOf(text).join(), /^3:\d+: bgp.peers\[0\].nextHop6: is the address of service dns, /);
});

Deno.test("parseConfig() warns of an IPv6 next hop of IPv4 routes whose capability is not offered (RFC 8950)", () => {
  const text = peer('nextHop: "2001:db8::1", capabilities: {extendedNextHop: false}');
  const result = parse(text);
  assert.ok(result.ok);
  assert.match(result.warnings.map(({ message }) => message).join(), /nothing is announced by it without/);
  assert.equal(configOf(text).bgp.peers[0]?.nextHop?.text, "2001:db8::1");
});
