// The next hop of our routes, and why there is none (RFC 4271 section 5.1.3, RFC 2545, RFC 8950).
import assert from "node:assert/strict";
import { type NextHopContext, nextHopsFor } from "../../../src/bgp/routes/next_hop.ts";
import { IPV4_UNICAST } from "../../../src/bgp/wire/nlri.ts";
import { codecContext } from "../wire/support.ts";
import { address } from "../../support/bgp.ts";

const plain = codecContext();
const extended = codecContext({ extendedNextHop: [IPV4_UNICAST] });
const over4: NextHopContext = {
  codec: plain,
  peerName: "tor-1",
  address: address("10.0.0.1"),
  address6: undefined,
  nextHop: undefined,
  nextHop6: undefined,
  localAddress: address("192.0.2.1"),
  linkLocal: undefined,
};
const over6 = { ...over4, localAddress: address("2001:db8::1") };
const overLinkLocal = { ...over4, localAddress: address("fe80::1") };
const address6 = address("2001:db8::200");

interface Row {
  readonly name: string;
  readonly family: 4 | 6;
  readonly context: NextHopContext;
  /** Next hops, or a piece of the reason. */
  readonly expected: readonly string[] | RegExp;
}

const ROWS: readonly Row[] = [
  { name: "IPv4 over IPv4", family: 4, context: over4, expected: ["192.0.2.1"] },
  {
    name: "IPv4 over IPv4, extended",
    family: 4,
    context: { ...over4, codec: extended },
    expected: ["192.0.2.1"],
  },
  { name: "IPv4 over IPv6", family: 4, context: over6, expected: ["10.0.0.1"] },
  {
    name: "IPv4 over IPv6, extended",
    family: 4,
    context: { ...over6, codec: extended },
    expected: ["2001:db8::1"],
  },
  {
    name: "IPv4 over IPv6, extended, on a shared link",
    family: 4,
    context: { ...over6, codec: extended, linkLocal: address("fe80::9") },
    expected: ["2001:db8::1", "fe80::9"],
  },
  { name: "IPv4 over link-local", family: 4, context: overLinkLocal, expected: ["10.0.0.1"] },
  {
    name: "IPv4 over link-local, extended",
    family: 4,
    context: { ...overLinkLocal, codec: extended },
    expected: ["fe80::1"],
  },
  {
    name: "IPv4 over link-local, extended, with address6",
    family: 4,
    context: { ...overLinkLocal, codec: extended, address6 },
    expected: ["2001:db8::200", "fe80::1"],
  },
  {
    name: "IPv4 with nextHop",
    family: 4,
    context: { ...over4, nextHop: address("192.0.2.9") },
    expected: ["192.0.2.9"],
  },
  {
    name: "IPv4 with nextHop, over IPv6, extended",
    family: 4,
    context: { ...over6, codec: extended, nextHop: address("192.0.2.9") },
    expected: ["192.0.2.9"],
  },
  {
    name: "IPv4 with an IPv6 nextHop",
    family: 4,
    context: { ...over4, nextHop: address("2001:db8::9") },
    expected: /next hop 2001:db8::9 .*RFC 8950.*tor-1.*set nextHop to an IPv4 address/,
  },
  {
    name: "IPv4 with an IPv6 nextHop, extended",
    family: 4,
    context: { ...over4, codec: extended, nextHop: address("2001:db8::9") },
    expected: ["2001:db8::9"],
  },
  { name: "IPv6 over IPv6", family: 6, context: over6, expected: ["2001:db8::1"] },
  {
    name: "IPv6 over IPv6 on a shared link (RFC 2545 3)",
    family: 6,
    context: { ...over6, linkLocal: address("fe80::9") },
    expected: ["2001:db8::1", "fe80::9"],
  },
  {
    name: "IPv6 over IPv4",
    family: 6,
    context: over4,
    expected: /runs over IPv4: set bgp.local.address6, or nextHop6/,
  },
  {
    name: "IPv6 over IPv4 with address6",
    family: 6,
    context: { ...over4, address6 },
    expected: ["2001:db8::200"],
  },
  ...["fe80::1", "febf::1"].map((text): Row => ({
    name: `IPv6 over ${text}, which is link-local`,
    family: 6,
    context: { ...over6, localAddress: address(text), address6 },
    expected: ["2001:db8::200", text],
  })),
  ...["fe7f::1", "fec0::1", "fd80::1", "ff80::1"].map((text): Row => ({
    name: `IPv6 over ${text}, which is not link-local`,
    family: 6,
    context: { ...over6, localAddress: address(text), address6 },
    expected: [text],
  })),
  { name: "IPv6 over link-local", family: 6, context: overLinkLocal, expected: ["fe80::1"] },
  {
    name: "IPv6 over link-local with address6",
    family: 6,
    context: { ...overLinkLocal, address6 },
    expected: ["2001:db8::200", "fe80::1"],
  },
  {
    name: "IPv6 with nextHop6",
    family: 6,
    context: { ...over6, nextHop6: address("2001:db8::9"), linkLocal: address("fe80::9") },
    expected: ["2001:db8::9"],
  },
  {
    name: "IPv6 with the session's own address as nextHop6 on a shared link",
    family: 6,
    context: { ...over6, nextHop6: address("2001:db8::1"), linkLocal: address("fe80::9") },
    expected: ["2001:db8::1", "fe80::9"],
  },
  {
    name: "IPv6 with an IPv4 nextHop6",
    family: 6,
    context: { ...over6, nextHop6: address("192.0.2.9") },
    expected: /nextHop6 192.0.2.9 is not an IPv6 address/,
  },
];

for (const { name, family, context, expected } of ROWS) {
  Deno.test(`nextHopsFor() ${name} (RFC 4271 5.1.3, RFC 2545, RFC 8950)`, () => {
    const nextHops = nextHopsFor(family, context);
    if (expected instanceof RegExp) assert.match(String(nextHops), expected);
    else {assert.deepEqual(
        typeof nextHops === "string" ? nextHops : nextHops.map(({ text }) => text),
        expected,
      );}
  });
}
