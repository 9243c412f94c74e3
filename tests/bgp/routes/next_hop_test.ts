// The next hop of our routes, and why there is none (RFC 4271 section 5.1.3, RFC 2545, RFC 8950).
import assert from "node:assert/strict";
import { type NextHopContext, nextHopsFor } from "../../../src/bgp/routes/next_hop.ts";
import { IPV4_UNICAST } from "../../../src/bgp/wire/nlri.ts";
import { type Address, isLinkLocal } from "../../../src/net/address.ts";
import { stateOf } from "../../../src/net/host_addresses.ts";
import { codecContext } from "../wire/support.ts";
import { address } from "../../support/bgp.ts";
import { hostAddress } from "../../support/fake_addresses.ts";

const plain = codecContext();
const extended = codecContext({ extendedNextHop: [IPV4_UNICAST] });
const HOST = [
  "lo 127.0.0.1/8",
  "lo ::1/128",
  "lo 10.0.0.1/32",
  "lo 2001:db8::200/128",
  "eth0 192.0.2.1/24",
  "eth0 2001:db8::1/64",
  "eth0 fe80::1/64",
  "eth1 192.0.2.9/24 tentative",
  "eth1 2001:db8::9/64 tentative",
  "eth1 2001:db8::d/64 duplicate",
  "web 10.99.0.1/32 service",
  "web 2001:db8:99::1/128 service",
];
const SERVICES = new Set(["10.99.0.1", "2001:db8:99::1", "10.99.0.2"]);

function own(texts: readonly string[]): NextHopContext["own"] {
  return { addresses: texts.map(hostAddress), services: SERVICES };
}

const without = (...gone: readonly string[]) =>
  own(HOST.filter((text) => !gone.some((each) => text.includes(` ${each}/`))));

const over4: NextHopContext = {
  codec: plain,
  peerName: "tor-1",
  address: address("10.0.0.1"),
  address6: undefined,
  nextHop: undefined,
  nextHop6: undefined,
  localAddress: address("192.0.2.1"),
  zone: undefined,
  remoteAddress: address("192.0.2.254"),
  own: own(HOST),
  prefersOnLink: false,
  besideGlobal: true,
};
/** The peer is not on the link that our end is on. */
const over6 = { ...over4, localAddress: address("2001:db8::1"), remoteAddress: address("2001:db8:5::254") };
const onLink6 = { ...over6, remoteAddress: address("2001:db8::254") };
const overLinkLocal = {
  ...over4,
  localAddress: address("fe80::1"),
  zone: "eth0",
  remoteAddress: address("fe80::254"),
};
const address6 = address("2001:db8::200");
/** `bgp.local.address` where it is the BGP Identifier, and no address of this host. */
const foreign = { address: address("10.255.255.1") };

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
    name: "IPv4 over IPv6 where the BGP Identifier is no address of this host (fault B1)",
    family: 4,
    context: { ...over6, ...foreign },
    expected: ["192.0.2.1"],
  },
  {
    name: "IPv4 over IPv6 where neither it nor the link has one (fault B1)",
    family: 4,
    context: { ...over6, ...foreign, own: without("192.0.2.1") },
    expected:
      /next hop 10.255.255.1 is no address of this host: give it to an interface, or turn on extended next hops .* or set bgp.local.address, or nextHop/,
  },
  {
    name: "IPv4 over IPv6 to a router next door, which takes no next hop of another link (RFC 4271 5.1.3)",
    family: 4,
    context: { ...onLink6, prefersOnLink: true },
    expected: ["192.0.2.1"],
  },
  {
    name: "IPv4 over IPv6 from an address of lo",
    family: 4,
    context: {
      ...over6,
      ...foreign,
      prefersOnLink: true,
      localAddress: address("2001:db8::200"),
      own: without("10.0.0.1"),
    },
    expected: /^next hop 10.255.255.1 is no address of this host/,
  },
  {
    name: "IPv4 over IPv6 to a router next door where the link has none",
    family: 4,
    context: { ...onLink6, prefersOnLink: true, own: without("192.0.2.1") },
    expected: ["10.0.0.1"],
  },
  {
    name: "IPv4 over IPv6 to a router next door where bgp.local.address is one of several on the link",
    family: 4,
    context: {
      ...onLink6,
      prefersOnLink: true,
      address: address("192.0.2.3"),
      own: own([...HOST, "eth0 192.0.2.3/24"]),
    },
    expected: ["192.0.2.3"],
  },
  {
    name: "IPv4 over IPv6, extended",
    family: 4,
    context: { ...over6, codec: extended },
    expected: ["2001:db8::1"],
  },
  {
    name: "IPv4 over IPv6, extended, on a shared link",
    family: 4,
    context: { ...onLink6, codec: extended },
    expected: ["2001:db8::1", "fe80::1"],
  },
  {
    name: "IPv4 over IPv6, extended, on a shared link, without link-local next hops",
    family: 4,
    context: { ...onLink6, codec: extended, besideGlobal: false },
    expected: ["2001:db8::1"],
  },
  { name: "IPv4 over link-local", family: 4, context: overLinkLocal, expected: ["10.0.0.1"] },
  {
    name: "IPv4 over link-local without an address of this host but on the link",
    family: 4,
    context: { ...overLinkLocal, ...foreign },
    expected: ["192.0.2.1"],
  },
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
    name: "IPv4 over link-local, extended, with address6, without link-local next hops",
    family: 4,
    context: { ...overLinkLocal, codec: extended, address6, besideGlobal: false },
    expected: ["2001:db8::200"],
  },
  {
    name: "IPv4 with nextHop",
    family: 4,
    context: { ...over4, nextHop: address("10.0.0.1") },
    expected: ["10.0.0.1"],
  },
  {
    name: "IPv4 with nextHop, over IPv6, extended",
    family: 4,
    context: { ...over6, codec: extended, nextHop: address("192.0.2.1") },
    expected: ["192.0.2.1"],
  },
  {
    name: "IPv4 with a nextHop that is no address of this host, though others would do",
    family: 4,
    context: { ...over4, nextHop: address("192.0.2.77") },
    expected: /^next hop 192.0.2.77 is no address of this host: .* set nextHop of the peer to an address/,
  },
  {
    name: "IPv4 with a nextHop that is tentative",
    family: 4,
    context: { ...over4, nextHop: address("192.0.2.9") },
    expected: /^next hop 192.0.2.9 is tentative/,
  },
  {
    name: "IPv4 with an IPv6 nextHop",
    family: 4,
    context: { ...over4, nextHop: address("2001:db8::1") },
    expected: /next hop 2001:db8::1 .*RFC 8950.*tor-1.*set nextHop to an IPv4 address/,
  },
  {
    name: "IPv4 with an IPv6 nextHop, extended",
    family: 4,
    context: { ...over4, codec: extended, nextHop: address("2001:db8::1") },
    expected: ["2001:db8::1"],
  },
  {
    name: "IPv4 with the peer's own address as nextHop (fault B2)",
    family: 4,
    context: { ...over4, nextHop: address("192.0.2.254") },
    expected: /^next hop 192.0.2.254 is the address of tor-1 itself.*5.1.3/,
  },
  {
    name: "IPv4 with bgp.local.address that is the peer's (fault B2)",
    family: 4,
    context: { ...over6, address: address("2001:db8:5::254"), own: without("192.0.2.1") },
    expected: /is the address of tor-1 itself/,
  },
  ...["10.99.0.1", "10.99.0.2"].map((text): Row => ({
    name: `IPv4 with the service address ${text} as nextHop, wherever it is (fault B2)`,
    family: 4,
    context: { ...over4, nextHop: address(text) },
    expected: /is a service address, which every host of the service has: set nextHop of the peer/,
  })),
  {
    name: "IPv4 with a nextHop on an interface of ours that is configured no more",
    family: 4,
    context: {
      ...over4,
      nextHop: address("10.99.0.9"),
      own: own([...HOST, "web 10.99.0.9/32 service"]),
    },
    expected: /is a service address/,
  },
  {
    name: "IPv4 over IPv4 where the router has dialled a service address (CONTRACT Meanings)",
    family: 4,
    context: { ...over4, localAddress: address("10.99.0.1") },
    expected: ["10.0.0.1"],
  },
  {
    name: "IPv4 where the router has dialled a service address and nothing else is there",
    family: 4,
    context: { ...over4, ...foreign, localAddress: address("10.99.0.1") },
    expected: /^next hop 10.99.0.1 is a service address.*set bgp.local.address/,
  },
  {
    name: "IPv4 over IPv4 where our end is gone",
    family: 4,
    context: { ...over4, own: without("192.0.2.1") },
    expected: ["10.0.0.1"],
  },
  {
    name: "IPv4 over IPv4 where our end is gone, and nothing else is there",
    family: 4,
    context: { ...over4, ...foreign, own: without("192.0.2.1") },
    expected: /^next hop 192.0.2.1 is no address of this host/,
  },
  {
    name: "IPv4 on this host",
    family: 4,
    context: { ...over4, localAddress: address("127.0.0.5"), remoteAddress: address("127.0.0.2") },
    expected: ["127.0.0.5"],
  },
  {
    name: "IPv4 with a loopback address for a router elsewhere",
    family: 4,
    context: { ...over6, address: address("127.0.0.1"), own: without("192.0.2.1") },
    expected: /^next hop 127.0.0.1 is a loopback address, by which tor-1 does not reach this host/,
  },
  {
    name: "IPv4 while addresses are read",
    family: 4,
    context: { ...over4, own: { addresses: "unread", services: SERVICES } },
    expected: /^next hop 192.0.2.1 is held until this host's addresses are read/,
  },
  {
    name: "IPv4 where addresses cannot be known",
    family: 4,
    context: { ...over6, ...foreign, own: { addresses: undefined, services: SERVICES } },
    expected: ["10.255.255.1"],
  },
  {
    name: "IPv4 where addresses cannot be known, but those of services are",
    family: 4,
    context: {
      ...over4,
      nextHop: address("10.99.0.1"),
      own: { addresses: undefined, services: SERVICES },
    },
    expected: /is a service address/,
  },
  { name: "IPv6 over IPv6", family: 6, context: over6, expected: ["2001:db8::1"] },
  {
    name: "IPv6 over IPv4 where bgp.local.address6 is given, whatever the link has (faults B1)",
    family: 6,
    context: { ...over4, address6, prefersOnLink: true },
    expected: ["2001:db8::200"],
  },
  {
    name: "IPv6 over IPv4 with a link-local nextHop6 on the session's link",
    family: 6,
    context: { ...over4, nextHop6: address("fe80::1") },
    expected: ["fe80::1"],
  },
  {
    name: "IPv6 over IPv4 with a link-local nextHop6 on another link",
    family: 6,
    context: { ...over4, nextHop6: address("fe80::1"), own: own([...HOST.slice(0, 6), "eth1 fe80::1/64"]) },
    expected:
      /^next hop fe80::1 is no address of this host on the link of the session: give it to that interface/,
  },
  {
    name: "IPv6 over IPv6 on a shared link (RFC 2545 3)",
    family: 6,
    context: onLink6,
    expected: ["2001:db8::1", "fe80::1"],
  },
  {
    name: "IPv6 over IPv6 on a shared link, without link-local next hops",
    family: 6,
    context: { ...onLink6, besideGlobal: false },
    expected: ["2001:db8::1"],
  },
  {
    name: "IPv6 over IPv4 with nothing on the link",
    family: 6,
    context: { ...over4, own: without("2001:db8::1") },
    expected: /runs over IPv4: set bgp.local.address6, or nextHop6/,
  },
  { name: "IPv6 over IPv4, by the link's", family: 6, context: over4, expected: ["2001:db8::1"] },
  {
    name: "IPv6 over IPv4, by no address of the link that is temporary or deprecated",
    family: 6,
    context: {
      ...over4,
      own: own(["eth0 192.0.2.1/24", "eth0 2001:db8::5/64 fleeting"]),
    },
    expected: /runs over IPv4/,
  },
  {
    name: "IPv6 over IPv4 with address6",
    family: 6,
    context: { ...over4, address6 },
    expected: ["2001:db8::200"],
  },
  {
    name: "IPv6 over IPv4 with an address6 that this host does not have (fault B1)",
    family: 6,
    context: { ...over4, address6, own: without("2001:db8::200", "2001:db8::1") },
    expected: /^next hop 2001:db8::200 is no address of this host: .*set bgp.local.address6, or nextHop6/,
  },
  { name: "IPv6 over link-local", family: 6, context: overLinkLocal, expected: ["fe80::1"] },
  {
    name: "IPv6 over link-local with address6",
    family: 6,
    context: { ...overLinkLocal, address6 },
    expected: ["2001:db8::200", "fe80::1"],
  },
  {
    name: "IPv6 over link-local with an address6 that this host does not have (fault B1)",
    family: 6,
    context: { ...overLinkLocal, address6, own: without("2001:db8::200") },
    expected: ["fe80::1"],
  },
  {
    name: "IPv6 over link-local whose address is on another interface now",
    family: 6,
    context: { ...overLinkLocal, own: own(["eth1 fe80::1/64"]) },
    expected: /^next hop fe80::1 is no address of this host/,
  },
  {
    name: "IPv6 with nextHop6",
    family: 6,
    context: { ...onLink6, nextHop6: address("2001:db8::200") },
    expected: ["2001:db8::200"],
  },
  {
    name: "IPv6 with the session's own address as nextHop6 on a shared link",
    family: 6,
    context: { ...onLink6, nextHop6: address("2001:db8::1") },
    expected: ["2001:db8::1", "fe80::1"],
  },
  {
    name: "IPv6 with an IPv4 nextHop6",
    family: 6,
    context: { ...over6, nextHop6: address("192.0.2.9") },
    expected: /nextHop6 192.0.2.9 is not an IPv6 address/,
  },
  {
    name: "IPv6 with a nextHop6 that is tentative",
    family: 6,
    context: { ...over6, nextHop6: address("2001:db8::9") },
    expected: /^next hop 2001:db8::9 is tentative, .*: it goes out when that is over$/,
  },
  {
    name: "IPv6 with a nextHop6 that another host has, too",
    family: 6,
    context: { ...over6, nextHop6: address("2001:db8::d") },
    expected: /^next hop 2001:db8::d is the address of another host on its link, too/,
  },
  {
    name: "IPv6 where the router has dialled a service address (CONTRACT Meanings)",
    family: 6,
    context: { ...over6, localAddress: address("2001:db8:99::1"), address6 },
    expected: ["2001:db8::200"],
  },
  {
    name: "IPv6 where the router has dialled a service address and nothing else is there (fault B3)",
    family: 6,
    context: { ...over6, localAddress: address("2001:db8:99::1") },
    expected: /^next hop 2001:db8:99::1 is a service address/,
  },
];

for (const { name, family, context, expected } of ROWS) {
  Deno.test(`nextHopsFor() ${name} (RFC 4271 5.1.3, RFC 2545, RFC 8950)`, () => {
    const nextHops = nextHopsFor(family, context);
    if (expected instanceof RegExp) assert.match(String(nextHops), expected);
    else assert.deepEqual(wordsOf(nextHops), expected);
  });
}

function wordsOf(nextHops: readonly Address[] | string): unknown {
  return typeof nextHops === "string" ? nextHops : nextHops.map(({ text }) => text);
}

Deno.test("nextHopsFor() gives what this host has and nothing else, whatever is configured and whatever is there (issue: B1, B2, B3)", () => {
  const sessions = [over4, over6, onLink6, overLinkLocal, {
    ...over4,
    localAddress: address("10.99.0.1"),
  }, { ...over6, localAddress: address("2001:db8:99::1") }];
  const asked4 = [
    undefined,
    ...["10.0.0.1", "192.0.2.254", "10.99.0.1", "2001:db8::1", "192.0.2.9"].map(address),
  ];
  const asked6 = [
    undefined,
    ...["2001:db8::200", "2001:db8::254", "2001:db8:99::1", "2001:db8::d"].map(address),
  ];
  const locals = [address("10.0.0.1"), foreign.address, address("10.99.0.1"), address("192.0.2.254")];
  const gone = ["none", "192.0.2.1", "10.0.0.1", "2001:db8::1", "2001:db8::200", "fe80::1"];
  let [given, held] = [0, 0];
  for (const session of sessions) {
    for (const codec of [plain, extended]) {
      for (const nextHop of asked4) {
        for (const nextHop6 of asked6) {
          for (const local of locals) {
            for (const six of [undefined, address6, address("2001:db8:99::1"), address("2001:db8:77::7")]) {
              for (const text of gone) {
                for (const besideGlobal of [(given + held) % 4 === 0]) {
                  const context: NextHopContext = {
                    ...session,
                    codec,
                    nextHop,
                    nextHop6,
                    address: local,
                    address6: six,
                    own: without(text),
                    besideGlobal,
                  };
                  for (const family of [4, 6] as const) {
                    if (isTrue(family, context)) given++;
                    else held++;
                  }
                }
              }
            }
          }
        }
      }
    }
  }
  assert.ok(given > 5000 && held > 5000, `${given} ${held}`);
});

/** Checks one answer; false where routes are held. */
function isTrue(family: 4 | 6, context: NextHopContext): boolean {
  const answer = nextHopsFor(family, context);
  if (typeof answer === "string") {
    const at = answer.lastIndexOf(": ");
    assert.ok(at > 0 && /set |it |that /.test(answer.slice(at)), `no cure: ${answer}`);
    return false;
  }
  const { addresses } = context.own;
  assert.ok(typeof addresses === "object");
  const [first, second, ...more] = answer;
  assert.ok(first !== undefined && more.length === 0);
  for (const hop of answer) {
    assert.equal(stateOf(addresses, hop), "usable", hop.text);
    assert.ok(!SERVICES.has(hop.text), hop.text);
    assert.notEqual(hop.text, context.remoteAddress.text);
  }
  if (first.family === 4) assert.ok(family === 4 && second === undefined);
  else assert.ok(family === 6 || context.codec.extendedNextHop.length > 0);
  if (second !== undefined) {
    assert.ok(context.besideGlobal && isLinkLocal(second) && !isLinkLocal(first));
  }
  return true;
}
