/** The diff: each rule of ownership and repair, and the property that it always leads there and hurts nobody. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Change, describeChange } from "../../src/kernel/change.ts";
import { diff } from "../../src/kernel/diff.ts";
import {
  type ActualAddress,
  type ActualInterface,
  type ActualKernel,
  ADDRESS_AS_SET,
  type DesiredKernel,
  type Destination,
  INTERFACE_AS_MADE,
  INTERFACE_GROUP,
  type VirtualService,
  type VirtualServiceId,
} from "../../src/kernel/state.ts";
import { address } from "../support/bgp.ts";
import { FakeKernel } from "../support/fake_kernel.ts";
import { interestIn } from "../../src/kernel/kernel.ts";
import { NONE, plainDestination as destination, plainService as service } from "../support/kernel_objects.ts";

const VIP = address("10.99.0.1");
const VIP6 = address("2001:db8:99::1");
const empty: ActualKernel = { interfaces: [], virtualServices: [] };

function wantInterface(addresses = [VIP]): DesiredKernel {
  return { ...NONE, interfaces: [{ name: "web", service: "web", addresses }], ownedAddresses: addresses };
}

function have(overrides: Partial<ActualInterface> = {}): ActualKernel {
  return { ...empty, interfaces: [{ ...made("web", [on(VIP)]), ...overrides }] };
}

function made(name: string, addresses: readonly ActualAddress[], index = 7): ActualInterface {
  return { index, name, ...INTERFACE_AS_MADE, alias: `bgp-lb:${name}`, addresses };
}

function on(of = VIP, prefixLength = of.bytes.byteLength * 8, deprecated = true): ActualAddress {
  return { address: of, prefixLength, ...ADDRESS_AS_SET, deprecated };
}

function wantServices(...virtualServices: readonly VirtualService[]): DesiredKernel {
  return { ...NONE, virtualServices, ownedAddresses: [VIP, VIP6] };
}

function haveServices(...services: readonly VirtualService[]): ActualKernel {
  const virtualServices = services.map((each) => ({
    ...each,
    destinations: each.destinations.map((to) => ({ ...to, activeConnections: 0, inactiveConnections: 0 })),
  }));
  return { ...empty, virtualServices };
}

function words(desired: DesiredKernel, actual: ActualKernel): readonly string[] {
  const { changes, conflicts } = diff(desired, actual);
  assert.deepEqual(conflicts, []);
  return changes.map(describeChange);
}

const rows: readonly (readonly [string, DesiredKernel, ActualKernel, readonly string[]])[] = [
  ["of NONE and NONE is nothing", NONE, empty, []],
  ["makes link, then addresses", wantInterface([VIP, VIP6]), empty, [
    "create dummy interface web",
    "add address 10.99.0.1/32 to web",
    "add address 2001:db8:99::1/128 to web",
  ]],
  ["adopts what is right", wantInterface(), have(), []],
  ["sets a link up", wantInterface(), have({ up: false }), ["repair interface web (was down)"]],
  [
    "moves the mark to the service that has the interface now",
    wantInterface(),
    have({ alias: "bgp-lb:old" }),
    [
      "repair interface web (alias was bgp-lb:old)",
    ],
  ],
  ["adds an address that is missing", wantInterface(), have({ addresses: [] }), [
    "add address 10.99.0.1/32 to web",
  ]],
  ["gives an address its lifetimes", wantInterface(), have({ addresses: [on(VIP, 32, false)] }), [
    "repair address 10.99.0.1/32 on web (lifetimes)",
  ]],
  [
    "adds an IPv4 address of the right length before it deletes the wrong one",
    wantInterface(),
    have({
      addresses: [on(VIP, 24)],
    }),
    ["add address 10.99.0.1/32 to web", "delete address 10.99.0.1/24 from web"],
  ],
  [
    "exchanges an IPv6 address of the wrong length, for it is in the way",
    wantInterface([VIP6]),
    have({
      addresses: [on(VIP6, 64)],
    }),
    ["repair address 2001:db8:99::1/128 on web (it was 2001:db8:99::1/64)"],
  ],
  [
    "exchanges an IPv4 address whose scope or broadcast address the kernel cannot set",
    wantInterface([VIP, address("10.99.0.2")]),
    have({
      addresses: [
        { ...on(VIP, 32, false), hostScope: false },
        { ...on(address("10.99.0.2")), broadcast: true, localRoute: false },
      ],
    }),
    ["repair address 10.99.0.1/32 on web (scope)", "repair address 10.99.0.2/32 on web (broadcast address)"],
  ],
  [
    "adds an IPv4 address before it deletes the same one with another end, and exchanges an IPv6 one",
    wantInterface([VIP, VIP6]),
    have({
      addresses: [{ ...on(), peer: address("10.1.1.1") }, { ...on(VIP6), peer: address("2001:db8::9") }],
    }),
    [
      "add address 10.99.0.1/32 to web",
      "repair address 2001:db8:99::1/128 on web (it was 2001:db8:99::1 peer 2001:db8::9/128)",
      "delete address 10.99.0.1/32 from web",
    ],
  ],
  [
    "sets that duplicate addresses are not looked for, and exchanges an address where it was found to be one",
    wantInterface([VIP6, address("2001:db8:99::2")]),
    have({
      addresses: [{ ...on(VIP6), nodad: false, duplicateDetection: "running", localRoute: false }, {
        ...on(address("2001:db8:99::2")),
        duplicateDetection: "failed",
        localRoute: false,
      }],
    }),
    [
      "repair address 2001:db8:99::1/128 on web (duplicate address detection)",
      "repair address 2001:db8:99::2/128 on web (duplicate address detection failed)",
    ],
  ],
  [
    "waits for duplicate address detection that runs",
    wantInterface([VIP6]),
    have({ addresses: [{ ...on(VIP6), duplicateDetection: "running", localRoute: false }] }),
    [],
  ],
  [
    "puts local routes back",
    wantInterface([VIP, VIP6]),
    have({ addresses: [{ ...on(), localRoute: false }, { ...on(VIP6), localRoute: false }] }),
    [
      "repair address 10.99.0.1/32 on web (local route)",
      "repair address 2001:db8:99::1/128 on web (local route)",
    ],
  ],
  [
    "leaves the local routes of a link that is down to the kernel, which makes them when it comes up",
    wantInterface(),
    have({ up: false, addresses: [{ ...on(), localRoute: false }] }),
    ["repair interface web (was down)"],
  ],
  [
    "takes a link out of its master, and adds the IPv6 addresses that it loses with that",
    wantInterface([VIP, VIP6]),
    have({
      master: "red",
      addresses: [{ ...on(), localRoute: false }, { ...on(VIP6), localRoute: false }],
    }),
    ["repair interface web (was in master red)", "add address 2001:db8:99::1/128 to web"],
  ],
  ["gives a link its carrier", wantInterface(), have({ carrier: false }), [
    "repair interface web (had no carrier)",
  ]],
  ["switches IPv6 on where it is wanted", wantInterface([VIP6]), have({ ipv6: false, addresses: [] }), [
    "repair interface web (IPv6 was off)",
    "add address 2001:db8:99::1/128 to web",
  ]],
  [
    "gives a link the MTU that IPv6 needs",
    wantInterface([VIP6]),
    have({ mtu: 1279, ipv6: false, addresses: [] }),
    [
      "repair interface web (MTU was 1279, too small for IPv6)",
      "add address 2001:db8:99::1/128 to web",
    ],
  ],
  [
    "does not care for IPv6 and its MTU where the service has none, nor for the group",
    wantInterface(),
    have({ mtu: 576, ipv6: false, group: 0 }),
    [],
  ],
  [
    "finishes an interface of ours that was created and not marked, whatever is on it",
    wantInterface(),
    have({ alias: undefined, up: false, addresses: [on(address("10.1.1.1"))] }),
    [
      "repair interface web (finish: set alias bgp-lb:web, was down)",
      "add address 10.99.0.1/32 to web",
      "delete address 10.1.1.1/32 from web",
    ],
  ],
  [
    "deletes an interface of ours that was created and not marked, where it is not wanted",
    NONE,
    have({ alias: undefined, up: false, addresses: [] }),
    ["delete interface web"],
  ],
  [
    "adopts an empty dummy without alias that is down: an older agent was killed before it marked it",
    wantInterface(),
    have({ alias: undefined, group: 0, up: false, addresses: [] }),
    [
      "repair interface web (adopt: set alias bgp-lb:web, was down)",
      "add address 10.99.0.1/32 to web",
    ],
  ],
  [
    "deletes addresses on our interface that are not wanted",
    wantInterface(),
    have({
      addresses: [on(), on(VIP6), on(address("10.1.1.1"), 24)],
    }),
    ["delete address 2001:db8:99::1/128 from web", "delete address 10.1.1.1/24 from web"],
  ],
  ["deletes an interface of ours that is not wanted", NONE, have(), ["delete interface web"]],
  ["leaves an interface alone that is not wanted and not ours", NONE, have({ alias: "mine" }), []],
  ["leaves an interface alone that has our mark and is no dummy", NONE, have({ kind: "veth" }), []],
  [
    "adopts a dummy without alias that carries our address and no other",
    wantInterface([VIP, VIP6]),
    have({
      alias: undefined,
      group: 0,
      up: false,
      addresses: [on(VIP, 32, false)],
    }),
    [
      "repair interface web (adopt: set alias bgp-lb:web, was down)",
      "repair address 10.99.0.1/32 on web (lifetimes)",
      "add address 2001:db8:99::1/128 to web",
    ],
  ],
  [
    "makes services, then destinations",
    wantServices(
      service({ destinations: [destination()] }),
      service({ protocol: "udp", address: VIP6, netmask: 128 }),
    ),
    empty,
    [
      "create virtual service tcp 10.99.0.1:80 rr",
      "create virtual service udp [2001:db8:99::1]:80 rr",
      "add destination 10.0.0.1:8080 (masq, weight 1) to tcp 10.99.0.1:80",
    ],
  ],
  [
    "sets what differs of a service and of its destinations, and adds before it deletes",
    wantServices(service({
      scheduler: "wrr",
      destinations: [destination({ weight: 2 }), destination({ port: 81 })],
    })),
    haveServices(service({ destinations: [destination(), destination({ port: 82 })] })),
    [
      "repair virtual service tcp 10.99.0.1:80 (scheduler wrr, was rr)",
      "set destination 10.0.0.1:8080 of tcp 10.99.0.1:80 (weight 2, was 1)",
      "add destination 10.0.0.1:81 (masq, weight 1) to tcp 10.99.0.1:80",
      "delete destination 10.0.0.1:82 from tcp 10.99.0.1:80",
    ],
  ],
  [
    "sets the forwarding of a destination",
    wantServices(service({ destinations: [destination({ forwarding: "droute" })] })),
    haveServices(service({ destinations: [destination()] })),
    ["set destination 10.0.0.1:8080 of tcp 10.99.0.1:80 (forwarding droute, was masq)"],
  ],
  [
    "sets a destination that has something that we never set",
    wantServices(service({ destinations: [destination()] })),
    haveServices(service({ destinations: [Object.assign({ foreign: "remote checksum" }, destination())] })),
    ["set destination 10.0.0.1:8080 of tcp 10.99.0.1:80 (no remote checksum)"],
  ],
  [
    "sets flags, timeout and netmask of a persistent service",
    wantServices(
      service({ flags: 1, timeoutSeconds: 300, netmask: 24 }),
      service({ port: 81, flags: 1, timeoutSeconds: 300, netmask: 32 }),
      service({ port: 82, flags: 5, timeoutSeconds: 300, netmask: 32 }),
    ),
    haveServices(
      service({ flags: 1, timeoutSeconds: 300, netmask: 32 }),
      service({ port: 81, flags: 1, timeoutSeconds: 60, netmask: 32 }),
      service({ port: 82, flags: 1, timeoutSeconds: 300, netmask: 32 }),
    ),
    [
      "repair virtual service tcp 10.99.0.1:80 (persistence 300 s by /24, was 300 s by /32)",
      "repair virtual service tcp 10.99.0.1:81 (persistence 300 s by /32, was 60 s by /32)",
      "repair virtual service tcp 10.99.0.1:82 (flags ops, was none)",
    ],
  ],
  [
    "does not care for timeout and netmask without persistence, nor for IP_VS_SVC_F_HASHED",
    wantServices(service()),
    haveServices(service({ flags: 2, timeoutSeconds: 60, netmask: 0 })),
    [],
  ],
  [
    "deletes services on addresses of ours that are not wanted, with their destinations",
    wantServices(),
    haveServices(service({ destinations: [destination()] }), service({ address: VIP6, protocol: "sctp" })),
    ["delete virtual service tcp 10.99.0.1:80", "delete virtual service sctp [2001:db8:99::1]:80"],
  ],
  [
    "leaves services on addresses alone that are not ours",
    wantServices(),
    haveServices(service({ address: address("10.99.0.2") })),
    [],
  ],
  [
    "lets another destination take packets before one takes none any more",
    wantServices(service({
      destinations: [
        destination({ weight: 0 }),
        destination({ port: 82 }),
        destination({ port: 83, weight: 2 }),
      ],
    })),
    haveServices(service({ destinations: [destination(), destination({ port: 83, weight: 0 })] })),
    [
      "add destination 10.0.0.1:82 (masq, weight 1) to tcp 10.99.0.1:80",
      "set destination 10.0.0.1:83 of tcp 10.99.0.1:80 (weight 2, was 0)",
      "set destination 10.0.0.1:8080 of tcp 10.99.0.1:80 (weight 0, was 1)",
    ],
  ],
  [
    "breaks in the order destination, service, address, link, after all that is made",
    {
      interfaces: [{ name: "api", service: "api", addresses: [VIP6] }],
      virtualServices: [service({ address: VIP6, destinations: [destination()] })],
      ownedAddresses: [VIP6],
      ownedFwmarks: [],
    },
    {
      interfaces: [
        made("web", [on(VIP)]),
        made("api", [on(address("10.1.1.1"))], 8),
      ],
      virtualServices: haveServices(
        service({ address: VIP6, destinations: [destination({ port: 82 })] }),
        service({ address: VIP }),
      ).virtualServices,
    },
    [
      "add address 2001:db8:99::1/128 to api",
      "add destination 10.0.0.1:8080 (masq, weight 1) to tcp [2001:db8:99::1]:80",
      "delete destination 10.0.0.1:82 from tcp [2001:db8:99::1]:80",
      "delete virtual service tcp 10.99.0.1:80",
      "delete address 10.1.1.1/32 from api",
      "delete interface web",
    ],
  ],
];

for (const [sentence, desired, actual, expected] of rows) {
  Deno.test(`diff() ${sentence}`, () => assert.deepEqual(words(desired, actual), expected));
}

const strangers: readonly (readonly [string, Partial<ActualInterface>, RegExp])[] = [
  [
    "a dummy with a foreign alias",
    { alias: "mine" },
    /a dummy interface with alias "mine".*link delete.*hand it over/,
  ],
  [
    "a dummy without alias or address that is up",
    { alias: undefined, addresses: [] },
    /with no alias.*alias bgp-lb:web/,
  ],
  [
    "a dummy without alias with ours that is part of a bridge",
    { alias: undefined, up: false, master: "br0" },
    /hand it over/,
  ],
  [
    "a dummy without alias with another address",
    { alias: undefined, addresses: [on(address("10.1.1.1"))] },
    /hand it over/,
  ],
  [
    "a dummy with ours and another address",
    { alias: undefined, addresses: [on(), on(VIP6)] },
    /hand it over/,
  ],
  [
    "a bridge",
    { kind: "bridge", alias: undefined },
    /a bridge interface with no alias\. Delete it .*, or give/,
  ],
  ["a bridge with our mark", { kind: "bridge" }, /a bridge interface with alias "bgp-lb:web"/],
  ["hardware", { kind: undefined, alias: undefined }, /a network device with no alias.*another "interface"/],
];

for (const [stranger, overrides, message] of strangers) {
  Deno.test(`diff() takes ${stranger} of a wanted name for a conflict, and makes nothing that leads there`, () => {
    const want = { ...wantInterface(), virtualServices: [service()] };
    const { changes, conflicts } = diff(want, have({ group: 0, ...overrides }));
    assert.deepEqual(changes, []);
    assert.equal(conflicts.length, 1);
    assert.deepEqual([conflicts[0]?.interface, conflicts[0]?.service], ["web", "web"]);
    assert.match(conflicts[0]?.message ?? "", message);
  });
}

const POOL = ["10.99.0.1", "10.99.0.2", "10.99.0.3", "2001:db8:99::1", "2001:db8:99::2"].map(address);
const NAMES = ["web", "api", "dns", "eth0"];

const poolAddress = fc.constantFrom(...POOL);
const actualAddresses = fc.uniqueArray(
  fc.record({
    address: poolAddress,
    host: fc.boolean(),
    deprecated: fc.boolean(),
    hostScope: fc.boolean(),
    broadcast: fc.boolean(),
    peer: fc.constantFrom(undefined, undefined, address("10.1.1.9")),
    nodad: fc.boolean(),
    duplicateDetection: fc.constantFrom("over", "failed"),
    localRoute: fc.boolean(),
  }),
  { maxLength: 3, selector: ({ address }) => address.text },
).map((list) =>
  list.map(({ address, host, hostScope, nodad, duplicateDetection, broadcast, ...rest }): ActualAddress => ({
    ...rest,
    address,
    prefixLength: host ? address.bytes.byteLength * 8 : 24,
    ...(address.family === 4
      ? { hostScope, broadcast, nodad: true, duplicateDetection: "over" }
      : { hostScope: true, broadcast: false, nodad, duplicateDetection }),
  }))
);
const links = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom(...NAMES),
    kind: fc.constantFrom("dummy", "dummy", "dummy", "bridge", undefined),
    alias: fc.constantFrom(undefined, "bgp-lb:web", "bgp-lb:api", "bgp-lb:gone", "bgp-lb", "mine"),
    group: fc.constantFrom(0, 7, INTERFACE_GROUP),
    up: fc.boolean(),
    carrier: fc.boolean(),
    master: fc.constantFrom(undefined, undefined, "red"),
    mtu: fc.constantFrom(1000, 1280, 9000),
    addresses: actualAddresses,
  }).chain((link) => fc.boolean().map((ipv6) => ({ ...link, ipv6: ipv6 && link.mtu >= 1280 }))).map((
    link,
  ) => ({
    ...link,
    addresses: link.addresses.filter(({ address: { family } }) => family === 4 || (link.ipv6 && link.up)),
  })),
  { selector: ({ name }) => name },
);
const destinations = fc.uniqueArray(
  fc.record<Destination>({
    address: fc.constantFrom(address("10.0.0.1"), address("10.0.0.2"), address("2001:db8::1")),
    port: fc.constantFrom(80, 8080),
    weight: fc.nat(2),
    forwarding: fc.constantFrom("masq", "droute", "tunnel"),
    tunnel: fc.constantFrom(undefined, { type: "gue", port: 6080, checksum: true }),
    upperThreshold: fc.constantFrom(0, 10),
    lowerThreshold: fc.constantFrom(0, 5),
  }),
  { maxLength: 4, selector: ({ address, port }) => `${address.text} ${port}` },
);
const virtualServices = fc.uniqueArray(
  fc.record<VirtualService>({
    protocol: fc.constantFrom("tcp", "udp", "sctp"),
    address: poolAddress,
    port: fc.constantFrom(0, 80, 443),
    fwmark: fc.constant(0),
    persistenceEngine: fc.constant(""),
    scheduler: fc.constantFrom("rr", "wrr"),
    flags: fc.constantFrom(0, 1, 4, 0x18),
    timeoutSeconds: fc.constantFrom(0, 300),
    netmask: fc.constantFrom(24, 32),
    destinations,
  }).map(({ destinations, ...service }) => ({
    ...service,
    destinations: destinations.map((each) => possible(each, service.address.family)),
  })),
  { maxLength: 8, selector: keyOf },
);
/** What the kernel would take: only a tunnel leads to the other family, and the lower threshold is not over the upper one. */
function possible(destination: Destination, family: 4 | 6): Destination {
  const forwarding = destination.address.family === family ? destination.forwarding : "tunnel";
  const { tunnel, upperThreshold, lowerThreshold } = destination;
  return {
    ...destination,
    forwarding,
    tunnel: forwarding === "tunnel" ? tunnel : undefined,
    lowerThreshold: Math.min(lowerThreshold, upperThreshold),
  };
}

/** Each service address is on one interface. */
const wanted: fc.Arbitrary<DesiredKernel> = fc.record({
  owners: fc.array(fc.constantFrom("", "web", "api", "dns"), {
    minLength: POOL.length,
    maxLength: POOL.length,
  }),
  virtualServices,
}).map(({ owners, virtualServices }) => {
  const owned = POOL.filter((_, index) => owners[index] !== "");
  const names = [...new Set(owners)].filter((name) => name !== "");
  return {
    interfaces: names.map((name) => ({
      name,
      service: name,
      addresses: POOL.filter((_, index) => owners[index] === name),
    })),
    virtualServices: virtualServices.filter(({ address }) => owned.includes(address)),
    ownedAddresses: owned,
    ownedFwmarks: [],
  };
});

function populate(
  interfaces: readonly Omit<ActualInterface, "index">[],
  services: readonly VirtualService[],
): FakeKernel {
  const kernel = new FakeKernel();
  for (const link of interfaces) {
    Object.assign(kernel.addLink(link.name, link.kind), { ...link, addresses: [...link.addresses] });
  }
  for (const each of services) kernel.addService(each);
  return kernel;
}

/** What of the host is not ours, by the words of the design and not by the diff's own code. */
function foreignParts(kernel: FakeKernel, desired: DesiredKernel) {
  const marked = kernel.interfaces.filter(({ kind, alias, group }) =>
    kind === "dummy" && (/^bgp-lb:/.test(alias ?? "") || (alias === undefined && group === 0x6267706c))
  );
  const adoptable = kernel.interfaces.filter(({ name, kind, alias, up, master, addresses }) => {
    const want = desired.interfaces.find((each) => each.name === name)?.addresses.map(({ text }) => text);
    if (want === undefined || kind !== "dummy" || alias !== undefined || master !== undefined) return false;
    return addresses.length > 0 ? addresses.every(({ address }) => want.includes(address.text)) : !up;
  });
  const owned = [
    ...desired.ownedAddresses,
    ...marked.flatMap(({ addresses }) => addresses.map(({ address }) => address)),
  ].map(({ text }) => text);
  return {
    interfaces: kernel.interfaces.filter((link) => !marked.includes(link) && !adoptable.includes(link)),
    services: kernel.services.filter(({ address }) => !owned.includes(address.text)),
  };
}

const RANK: Readonly<Record<Change["type"], number>> = {
  "create-interface": 0,
  "set-interface": 0,
  "add-address": 1,
  "set-address": 1,
  "exchange-address": 1,
  "restore-route": 1,
  "create-service": 2,
  "set-service": 2,
  "create-destination": 3,
  "set-destination": 3,
  "delete-destination": 4,
  "delete-service": 5,
  "delete-address": 6,
  "delete-interface": 7,
};

Deno.test("diff() always leads to what is desired in one pass, hurts NONE foreign, and then finds NONE to do", async () => {
  await fc.assert(
    fc.asyncProperty(links, virtualServices, wanted, async (interfaces, services, desired) => {
      const kernel = populate(interfaces, services);
      const foreign = foreignParts(kernel, desired);
      const before = structuredClone(foreign);
      const births = new Map(kernel.services.map((each) => [keyOf(each), each.birth]));
      const indexes = new Map(kernel.interfaces.map(({ name, index }) => [name, index]));
      const interest = interestIn(desired);
      const { changes, conflicts } = diff(desired, await kernel.read(interest));
      assert.deepEqual((await kernel.apply(changes)).filter((error) => error !== undefined), []);

      const after = diff(desired, await kernel.read(interest));
      assert.deepEqual(after, { changes: [], conflicts }, "a second diff finds nothing");
      assert.deepEqual(structuredClone(foreign), before, "NONE foreign was changed");
      for (const link of foreign.interfaces) {
        assert.ok(kernel.interfaces.includes(link), `${link.name} is there`);
      }
      for (const each of foreign.services) {
        assert.ok(kernel.services.includes(each), `${keyOf(each)} is there`);
      }
      for (const each of desired.virtualServices) {
        const now = kernel.services.find((other) => keyOf(other) === keyOf(each));
        const born = births.get(keyOf(each));
        if (born === undefined && isTaken(each, conflicts, desired)) continue;
        assert.ok(now !== undefined && (born === undefined || now.birth === born), "counters are kept");
      }
      for (const { name } of desired.interfaces) {
        assert.equal(
          kernel.link(name).index,
          indexes.get(name) ?? kernel.link(name).index,
          "the index is kept",
        );
      }
    }),
    { seed: 20260110, numRuns: 2000 },
  );
});

Deno.test("diff() makes before it breaks, and in the order of the layers", () => {
  fc.assert(
    fc.property(links, virtualServices, wanted, (interfaces, services, desired) => {
      const actual = {
        interfaces: interfaces.map((link, index) => ({ ...link, index: index + 2 })),
        virtualServices: haveServices(...services).virtualServices,
      };
      const { changes } = diff(desired, actual);
      const ranks = changes.map(({ type }) => RANK[type]);
      assert.deepEqual(ranks, ranks.toSorted((a, b) => a - b));
    }),
    { seed: 20260111, numRuns: 1000 },
  );
});

/** Its address is wanted on interfaces alone whose names somebody else has. */
function isTaken(
  { address: { text } }: VirtualServiceId,
  conflicts: ReturnType<typeof diff>["conflicts"],
  { interfaces }: DesiredKernel,
): boolean {
  const own = interfaces.filter(({ addresses }) => addresses.some((each) => each.text === text));
  return own.length > 0 && own.every(({ name }) => conflicts.some((each) => each.interface === name));
}

function keyOf({ protocol, address, port }: VirtualServiceId): string {
  return `${protocol} ${address.text} ${port}`;
}
