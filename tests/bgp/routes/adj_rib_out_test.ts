// Adj-RIB-Out: what a peer is sent, what is held, and nothing more than needed (RFC 4271 section 5.1, RFC 7606 5.1).
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type AdjRibOut,
  type AdvertiseContext,
  Announcements,
  endOfRib,
} from "../../../src/bgp/routes/adj_rib_out.ts";
import type { Route, RouteAttributes } from "../../../src/bgp/routes/route.ts";
import type { PathAttributes } from "../../../src/bgp/wire/attributes.ts";
import { decodeMessage } from "../../../src/bgp/wire/message.ts";
import { IPV4_UNICAST, IPV6_UNICAST } from "../../../src/bgp/wire/nlri.ts";
import { codecContext, fromHex, prefix, toHex } from "../wire/support.ts";
import { EMPTY_ADJ_RIB_OUT, updateAdjRibOut } from "../../support/adj_rib_out.ts";
import { address } from "../../support/bgp.ts";

const external: AdvertiseContext = {
  codec: codecContext(),
  localAs: 65512,
  onlyToCustomer: false,
  peerName: "tor-1",
  address: address("10.88.0.200"),
  address6: address("2001:db8::200"),
  nextHop: undefined,
  nextHop6: undefined,
  localAddress: address("10.88.0.200"),
  zone: undefined,
  remoteAddress: address("10.88.0.253"),
  own: { addresses: undefined, services: new Set() },
  prefersOnLink: false,
  besideGlobal: true,
};
const internal: AdvertiseContext = { ...external, codec: codecContext({ internal: true }) };

const NO_ATTRIBUTES: RouteAttributes = {
  med: undefined,
  localPreference: 100,
  communities: [],
  largeCommunities: [],
  extendedCommunities: [],
  asPathPrepend: 0,
};

function route(text: string, attributes: Partial<RouteAttributes> = {}, peers?: readonly string[]): Route {
  return { prefix: prefix(text), attributes: { ...NO_ATTRIBUTES, ...attributes }, peers };
}

/** What a peer knows: the attributes and next hops of each prefix, as text. */
type Table = Map<string, string>;

const describe = (attributes: PathAttributes, nextHops: readonly { readonly text: string }[]) =>
  JSON.stringify([{ ...attributes, nextHop: undefined }, nextHops.map(({ text }) => text)]);

/** Takes UPDATEs as the peer does. */
function receive(table: Table, updates: readonly Uint8Array[], context: AdvertiseContext): Table {
  const next = new Map(table);
  for (const bytes of updates) {
    assert.ok(bytes.byteLength <= context.codec.maxSendLength);
    const message = decodeMessage(bytes, { ...context.codec, maxReceiveLength: 65535 });
    assert.equal(message.type, "UPDATE");
    if (message.type !== "UPDATE") continue;
    assert.deepEqual(message.faults, []);
    assert.ok(
      message.reach.length + message.unreach.length <= 1,
      "one kind of field in an UPDATE (RFC 7606 5.1)",
    );
    for (const { nlri } of message.unreach) for (const { text } of nlri.prefixes()) next.delete(text);
    for (const { nlri, nextHops } of message.reach) {
      for (const { text } of nlri.prefixes()) next.set(text, describe(message.attributes, nextHops));
    }
  }
  return next;
}

/** The attributes of the only UPDATE. */
function attributesOf(routes: readonly Route[], context: AdvertiseContext): PathAttributes {
  const { updates } = updateAdjRibOut(EMPTY_ADJ_RIB_OUT, routes, context);
  assert.equal(updates.length, 1);
  const message = decodeMessage(updates[0] ?? new Uint8Array(), context.codec);
  return message.type === "UPDATE" ? message.attributes : {};
}

const send = (routes: readonly Route[], context = external, sent = EMPTY_ADJ_RIB_OUT) =>
  updateAdjRibOut(sent, routes, context);

Deno.test("AdjRibOutChange sends an external peer our AS and MED, and no LOCAL_PREF (RFC 4271 5.1)", () => {
  const attributes = attributesOf([route("10.88.2.1/32", { med: 0, localPreference: 200 })], external);
  assert.deepEqual(attributes, {
    origin: 0,
    asPath: [{ type: 2, ases: [65512] }],
    nextHop: address("10.88.0.200"),
    med: 0,
  });
});

Deno.test("AdjRibOutChange sends an internal peer an empty AS_PATH and LOCAL_PREF (RFC 4271 5.1.2, 5.1.5)", () => {
  const attributes = attributesOf(
    [route("10.88.2.1/32", { localPreference: 200, asPathPrepend: 3 })],
    internal,
  );
  assert.deepEqual(attributes, { origin: 0, asPath: [], nextHop: address("10.88.0.200"), localPref: 200 });
});

Deno.test("AdjRibOutChange prepends our AS as often as asked, beyond one segment, too", () => {
  const ases = (asPathPrepend: number) =>
    attributesOf([route("10.0.0.0/8", { asPathPrepend })], external).asPath;
  assert.deepEqual(ases(2), [{ type: 2, ases: [65512, 65512, 65512] }]);
  assert.deepEqual(ases(255)?.map(({ ases }) => ases.length), [255, 1]);
});

Deno.test("AdjRibOutChange sends a four-octet AS to a two-octet peer as AS_TRANS and AS4_PATH (RFC 6793 4.2.2)", () => {
  const codec = codecContext({ fourOctetAs: false });
  const { updates } = send([route("10.0.0.0/8")], { ...external, codec, localAs: 4_200_000_000 });
  assert.match(toHex(updates[0] ?? new Uint8Array()), /40020402015ba0.*c011060201fa56ea00/);
});

Deno.test("AdjRibOutChange sends communities sorted and once, and GRACEFUL_SHUTDOWN as one of them (RFC 8326)", () => {
  const attributes = attributesOf(
    [route("10.0.0.0/8", {
      communities: [0xffff0000, 1, 0xffff0000, 0],
      largeCommunities: [[2, 0, 0], [1, 2, 10], [1, 2, 3], [2, 0, 0]],
      extendedCommunities: [
        fromHex("0102030405060709"),
        fromHex("0102030405060708"),
        fromHex("0102030405060709"),
      ],
    })],
    external,
  );
  assert.deepEqual(attributes.communities, [0, 1, 0xffff0000]);
  assert.deepEqual(attributes.largeCommunities, [[1, 2, 3], [1, 2, 10], [2, 0, 0]]);
  assert.deepEqual(attributes.extendedCommunities?.map(toHex), ["0102030405060708", "0102030405060709"]);
});

Deno.test("AdjRibOutChange sends one community of each kind, and no attribute for none", () => {
  const one = {
    communities: [1],
    largeCommunities: [[1, 2, 3]] as const,
    extendedCommunities: [fromHex("4004ffe84cee6b28")],
  };
  const { communities, largeCommunities, extendedCommunities } = attributesOf(
    [route("10.0.0.0/8", one)],
    external,
  );
  assert.deepEqual({ communities, largeCommunities, extendedCommunities }, one);
  assert.deepEqual(Object.keys(attributesOf([route("10.0.0.0/8")], external)), [
    "origin",
    "asPath",
    "nextHop",
  ]);
});

Deno.test("AdjRibOutChange sends nothing, and keeps what it has, where nothing changed", () => {
  const routes = [route("10.88.2.1/32", { med: 1 }), route("2001:db8:2::1/128")];
  const first = send(routes);
  assert.deepEqual([first.updates.length, first.announced, first.withdrawn], [2, 2, 0]);
  const copies = routes.map(({ attributes, ...rest }) => ({ ...rest, attributes: { ...attributes } }));
  const second = send([...copies].reverse(), external, first.rib);
  assert.deepEqual([second.updates, second.announced, second.withdrawn, second.held.size], [[], 0, 0, 0]);
  assert.deepEqual(second.rib, first.rib);
});

Deno.test("AdjRibOutChange gives two routes one path only where all of their attributes are equal", () => {
  const octets = (last: number) => Uint8Array.from([0, 2, 0, 0, 0, 0, 0, last]);
  const rows: readonly (readonly [keyof RouteAttributes, ...Partial<RouteAttributes>[]])[] = [
    ["med", {}, { med: 0 }, { med: 1 }],
    ["localPreference", { localPreference: 1 }, { localPreference: 2 }],
    ["communities", {}, { communities: [1] }, { communities: [1, 2] }, { communities: [12] }],
    ["largeCommunities", {}, { largeCommunities: [[1, 2, 3]] }, { largeCommunities: [[1, 2, 4]] }],
    ["extendedCommunities", {}, { extendedCommunities: [octets(1)] }, { extendedCommunities: [octets(2)] }],
    ["asPathPrepend", {}, { asPathPrepend: 1 }, { asPathPrepend: 2 }],
  ];
  for (const [name, ...values] of rows) {
    const context = name === "localPreference" ? internal : external;
    const routes = values.flatMap((
      value,
      i,
    ) => [route(`10.0.${i}.1/32`, value), route(`10.0.${i}.2/32`, value)]);
    const { updates } = send(routes, context);
    assert.equal(updates.length, values.length, name);
    assert.equal(new Set(receive(new Map(), updates, context).values()).size, values.length, name);
  }
});

Deno.test("AdjRibOutChange takes differences that the peer does not see for no change", () => {
  const { rib } = send([route("10.0.0.0/8", { localPreference: 1, communities: [2, 1] })]);
  assert.deepEqual(
    send([route("10.0.0.0/8", { localPreference: 9, communities: [1, 2, 2] })], external, rib).updates,
    [],
  );
});

Deno.test("AdjRibOutChange announces what changed, without a withdrawal, and withdraws what is gone", () => {
  const { rib } = send([route("10.0.0.1/32"), route("10.0.0.2/32"), route("10.0.0.3/32")]);
  const table = receive(
    new Map(),
    send([...rib.keys()].map((text) => route(text))).updates,
    external,
  );
  const next = send(
    [route("10.0.0.1/32"), route("10.0.0.2/32", { med: 5 }), route("10.0.0.4/32")],
    external,
    rib,
  );
  assert.deepEqual([next.updates.length, next.announced, next.withdrawn], [3, 2, 1]);
  const after = receive(table, next.updates, external);
  assert.deepEqual([...after.keys()].sort(), ["10.0.0.1/32", "10.0.0.2/32", "10.0.0.4/32"]);
  assert.match(after.get("10.0.0.2/32") ?? "", /"med":5/);
  const kinds = next.updates.map((bytes) => bytes[20]);
  assert.deepEqual(kinds, [5, 0, 0], "the withdrawal goes first");
});

Deno.test("AdjRibOutChange announces in the order of the routes, those with equal attributes together", () => {
  const routes = ["10.0.0.10/32", "10.0.0.2/32", "9.0.0.0/8", "10.0.0.0/8"]
    .map((text, i) => route(text, { med: i % 2 }));
  const { rib, updates } = send(routes);
  const prefixes = (bytes: Uint8Array) => {
    const message = decodeMessage(bytes, external.codec);
    return message.type === "UPDATE"
      ? [...message.reach, ...message.unreach].flatMap(({ nlri }) =>
        [...nlri.prefixes()].map(({ text }) => text)
      )
      : [];
  };
  assert.deepEqual(updates.map(prefixes), [["10.0.0.10/32", "9.0.0.0/8"], ["10.0.0.2/32", "10.0.0.0/8"]]);
  assert.deepEqual(send([], external, rib).updates.map(prefixes), [routes.map(({ prefix }) => prefix.text)]);
});

Deno.test("AdjRibOutChange gives a peer only the routes that name it, and takes back those that no longer do", () => {
  const { rib } = send([
    route("10.0.0.1/32", {}, ["tor-1"]),
    route("10.0.0.2/32", {}, ["tor-2"]),
    route("10.0.0.3/32", {}, []),
  ]);
  assert.deepEqual([...rib.keys()], ["10.0.0.1/32"]);
  assert.equal(send([route("10.0.0.1/32", {}, ["tor-2"])], external, rib).withdrawn, 1);
});

Deno.test("AdjRibOutChange holds what the peer cannot be told, with the cure, and withdraws it where it was sent", () => {
  const both = [route("10.0.0.1/32"), route("2001:db8::1/128")];
  const first = send(both);
  const held = (context: AdvertiseContext) => {
    const next = send(both, context, first.rib);
    assert.deepEqual([...next.rib.keys()], ["10.0.0.1/32"]);
    assert.deepEqual([next.announced, next.withdrawn], [0, 1]);
    return [...next.held].map(([prefix, reason]) => `${prefix}: ${reason}`);
  };
  assert.deepEqual(held({ ...external, codec: codecContext({ families: [IPV4_UNICAST] }) }), [
    "2001:db8::1/128: ipv6-unicast is not negotiated with tor-1: add it to the families on both sides",
  ]);
  assert.match(
    held({ ...external, address6: undefined })[0] ?? "",
    /2001:db8::1\/128: no IPv6 next hop.*address6/,
  );
});

Deno.test("AdjRibOutChange holds a route whose attributes leave no room for a prefix", () => {
  const communities = (count: number) => Array.from({ length: count }, (_, i) => i);
  // 4096 - 23 - 4 - 9 - 7 - 4 = 4049 octets, 1012 communities and one to spare: no room for a prefix of 5.
  const fits = send([route("10.0.0.1/32", { communities: communities(1011) })]);
  assert.deepEqual([fits.updates.length, fits.held.size], [1, 0]);
  const large = send([route("10.0.0.1/32", { communities: communities(1012) })]);
  assert.deepEqual([large.updates.length, large.held.size], [0, 1]);
  assert.match([...large.held.values()][0] ?? "", /no room in a message of 4096/);
  const extended = { ...external, codec: codecContext({ maxSendLength: 65535 }) };
  assert.equal(send([route("10.0.0.1/32", { communities: communities(1012) })], extended).updates.length, 1);
});

Deno.test("AdjRibOutChange holds an IPv6 route whose attributes leave no room for a host prefix", () => {
  const held = (octets: number) => {
    const codec = codecContext({ maxSendLength: 23 + 13 + 25 + octets });
    return send([route("2001:db8::/32")], { ...external, codec }).held.size;
  };
  // ORIGIN and AS_PATH take 13 octets, MP_REACH_NLRI without prefixes 25, a host prefix 17.
  assert.deepEqual([held(17), held(16)], [0, 1]);
});

Deno.test("AdjRibOutChange withdraws what went with an IPv6 next hop by MP_UNREACH_NLRI (RFC 8950)", () => {
  const codec = codecContext({ extendedNextHop: [IPV4_UNICAST] });
  const context = { ...external, codec, localAddress: address("2001:db8::1") };
  const { rib, updates } = send([route("10.0.0.1/32")], context);
  assert.deepEqual([...receive(new Map(), updates, context).keys()], ["10.0.0.1/32"]);
  assert.match(toHex(updates[0] ?? new Uint8Array()), /^f{32}....020000....800e1a00010110/);
  assert.match(
    toHex(send([], context, rib).updates[0] ?? new Uint8Array()),
    /^f{32}....020000....800f0800010120/,
  );
});

Deno.test("AdjRibOutChange announces again where the next hop changes", () => {
  const { rib } = send([route("10.0.0.1/32")]);
  const moved = send([route("10.0.0.1/32")], { ...external, nextHop: address("10.88.0.201") }, rib);
  assert.deepEqual([moved.updates.length, moved.announced, moved.withdrawn], [1, 1, 0]);
  assert.equal(moved.rib.get("10.0.0.1/32")?.nextHops[0]?.text, "10.88.0.201");
});

Deno.test("AdjRibOutChange packs 100,000 prefixes into as few UPDATEs as their octets allow", () => {
  const routes = Array.from(
    { length: 100_000 },
    (_, i) => route(`${100 + (i >>> 16)}.${(i >>> 8) & 0xff}.${i & 0xff}.0/24`),
  );
  const { updates, announced } = send(routes);
  assert.equal(announced, 100_000);
  // 4096 - 23 - 4 - 9 - 7 = 4053 octets, 1013 prefixes of 4.
  assert.equal(updates.length, Math.ceil(100_000 / 1013));
});

function announced(rib: AdjRibOut): readonly Uint8Array[] {
  const announcements = new Announcements();
  for (const [text, path] of rib) announcements.add(prefix(text), path);
  return announcements.updates(external.codec.maxSendLength);
}

Deno.test("Announcements are as many UPDATEs as there are paths, or none (RFC 4271 4.3)", () => {
  const routes = [route("10.0.0.1/32"), route("10.0.0.2/32", { med: 1 }), route("2001:db8::1/128")];
  const { rib, updates } = send(routes);
  const again = announced(rib);
  assert.equal(again.length, 3);
  assert.deepEqual(receive(new Map(), again, external), receive(new Map(), updates, external));
  assert.deepEqual(announced(new Map()), []);
});

Deno.test("endOfRib() is the empty UPDATE, or an empty MP_UNREACH_NLRI (RFC 4724 2)", () => {
  assert.equal(toHex(endOfRib(IPV4_UNICAST, external)).slice(32), "00170200000000");
  assert.equal(toHex(endOfRib(IPV6_UNICAST, external)).slice(32), "001d0200000006800f03000201");
});

const PREFIXES = [
  ...Array.from({ length: 12 }, (_, i) => `10.0.${i}.0/${24 + (i % 9)}`),
  ...Array.from({ length: 6 }, (_, i) => `2001:db8:${i}::/48`),
];
const routes = fc.uniqueArray(
  fc.tuple(
    fc.constantFrom(...PREFIXES),
    fc.constantFrom<Partial<RouteAttributes>>({}, { med: 1 }, { med: 2 }, { communities: [5] }, {
      asPathPrepend: 1,
    }),
    fc.constantFrom(undefined, ["tor-1"], ["tor-2"]),
  ).map(([text, attributes, peers]) => route(text, attributes, peers)),
  { selector: ({ prefix }) => prefix.text },
);

for (const [name, context] of [["external", external], ["internal", internal]] as const) {
  Deno.test(`AdjRibOutChange brings an ${name} peer to the desired routes from whatever it had`, () => {
    fc.assert(
      fc.property(fc.array(routes, { maxLength: 6 }), (steps) => {
        let rib: AdjRibOut = EMPTY_ADJ_RIB_OUT;
        let table: Table = new Map();
        for (const wanted of steps) {
          const next = updateAdjRibOut(rib, wanted, context);
          table = receive(table, next.updates, context);
          rib = next.rib;
          const fresh = receive(
            new Map(),
            updateAdjRibOut(EMPTY_ADJ_RIB_OUT, wanted, context).updates,
            context,
          );
          assert.deepEqual([...table].sort(), [...fresh].sort());
          assert.deepEqual([...table.keys()].sort(), [...rib.keys()].sort());
          assert.equal(updateAdjRibOut(rib, wanted, context).updates.length, 0);
        }
      }),
      { seed: 2, numRuns: 200 },
    );
  });
}

Deno.test("updateAdjRibOut() marks routes with ONLY_TO_CUSTOMER and the AS of the session, or does not (RFC 9234 5)", () => {
  for (const onlyToCustomer of [true, false]) {
    const context = { ...external, localAs: 4_200_000_001, onlyToCustomer };
    const { updates } = updateAdjRibOut(
      EMPTY_ADJ_RIB_OUT,
      [route("10.0.0.1/32"), route("2001:db8::1/128")],
      context,
    );
    assert.equal(updates.length, 2);
    for (const bytes of updates) {
      const message = decodeMessage(bytes, context.codec);
      assert.ok(message.type === "UPDATE");
      assert.equal(message.attributes.onlyToCustomer, onlyToCustomer ? 4_200_000_001 : undefined);
      assert.equal(toHex(bytes).includes("c02304fa56ea01"), onlyToCustomer);
    }
  }
});
