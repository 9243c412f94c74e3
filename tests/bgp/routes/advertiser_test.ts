/** The desired routes and what a session sends of their changes. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { AdjRibOut, AdvertiseContext } from "../../../src/bgp/routes/adj_rib_out.ts";
import { Advertiser, type Batch } from "../../../src/bgp/routes/advertiser.ts";
import { DesiredRoutes } from "../../../src/bgp/routes/desired_routes.ts";
import { negotiate } from "../../../src/bgp/session/negotiate.ts";
import { NewestFirst } from "../../../src/bgp/routes/newest_first.ts";
import type { Route } from "../../../src/bgp/routes/route.ts";
import type { Prefix } from "../../../src/net/prefix.ts";
import type { AfiSafi } from "../../../src/bgp/wire/capability.ts";
import { IPV4_UNICAST, IPV6_UNICAST } from "../../../src/bgp/wire/nlri.ts";
import { isEndOfRib } from "../../../src/bgp/wire/update.ts";
import { NotificationError } from "../../../src/bgp/wire/notification.ts";
import { decodeMessage } from "../../../src/bgp/wire/message.ts";
import { EMPTY_ADJ_RIB_OUT, updateAdjRibOut } from "../../support/adj_rib_out.ts";
import { address, manyRoutes, route } from "../../support/bgp.ts";
import { configOf, openOf } from "../../support/sessions.ts";

const NEGOTIATED = negotiate(
  configOf(),
  { omission: [], restarting: false, forwarding: [] },
  openOf(),
);
assert.ok(!(NEGOTIATED instanceof NotificationError));
const GRACEFUL = {
  ...NEGOTIATED,
  gracefulRestart: {
    offered: true,
    notification: true,
    restarting: false,
    restartTimeSeconds: 120,
    families: [],
  },
};
const CONTEXT: AdvertiseContext = {
  codec: NEGOTIATED,
  peerName: "b",
  localAs: 65_001,
  onlyToCustomer: false,
  address: address("10.0.0.1"),
  address6: undefined,
  nextHop: undefined,
  nextHop6: undefined,
  localAddress: address("10.0.0.1"),
  zone: undefined,
  remoteAddress: address("10.88.0.253"),
  own: { addresses: undefined, services: new Set() },
  prefersOnLink: false,
  besideGlobal: true,
};

const BOTH: AdvertiseContext = {
  ...CONTEXT,
  address6: address("2001:db8::ffff"),
  codec: { ...CONTEXT.codec, families: [IPV4_UNICAST, IPV6_UNICAST] },
};

/** Routes that meet often: few prefixes, few attributes, some for one peer only, some that are held. */
const anyRoute = fc.record({
  index: fc.nat(7),
  med: fc.nat(2),
  peers: fc.constantFrom(undefined, ["b"], ["c"]),
  six: fc.nat(9),
})
  .map(({ index, med, peers, six }): Route => ({
    ...route(six === 0 ? `2001:db8::${index}/128` : `10.99.0.${index}/32`, { med }),
    peers,
  }));
/** A whole that keeps some objects of the one before, at the front, at the back or in between. */
const wholes = fc.array(
  fc.tuple(fc.array(anyRoute, { maxLength: 12 }), fc.nat(12), fc.nat(12), fc.boolean()),
  { minLength: 1, maxLength: 12, size: "max" },
);

function next(
  before: readonly Route[],
  [fresh, head, tail, copy]: [Route[], number, number, boolean],
): readonly Route[] {
  const kept = [
    ...before.slice(0, head),
    ...fresh,
    ...before.slice(before.length - Math.min(tail, before.length)),
  ];
  return copy ? kept.map((one) => ({ ...one, attributes: { ...one.attributes } })) : kept;
}

Deno.test("Advertiser.next() leads over any changes to what a new session would have been sent (DESIGN Adj-RIB-Out)", () => {
  fc.assert(
    fc.property(wholes, fc.boolean(), (steps, lazy) => {
      const desired = new DesiredRoutes();
      const advertiser = new Advertiser(desired, CONTEXT, NEGOTIATED);
      const told = new Map<string, string>();
      let whole: readonly Route[] = [];
      for (const [index, step] of steps.entries()) {
        whole = next(whole, step);
        advertiser.touch(desired.replace(whole));
        // Where the socket is full several changes go out at once.
        if (lazy && index % 3 !== 0 && index !== steps.length - 1) continue;
        const { messages, announced, withdrawn } = advertiser.next(true);
        for (const message of messages) tell(told, message);
        if (messages.length === 0) assert.equal(announced + withdrawn, 0);
      }
      const expected = updateAdjRibOut(EMPTY_ADJ_RIB_OUT, whole, CONTEXT);
      const keys = (routes: AdjRibOut) => [...routes].map(([prefix, { key }]) => `${prefix} ${key}`).sort();
      assert.deepEqual(keys(advertiser.routes), keys(expected.rib));
      assert.deepEqual(
        [...told].map(([prefix, med]) => `${prefix} ${med}`).sort(),
        [...expected.rib].map(([prefix, { pathAttributes }]) => `${prefix} ${pathAttributes.med}`).sort(),
      );
      assert.deepEqual([...advertiser.held].sort(), [...expected.held].sort());
      assert.deepEqual(advertiser.next(true).messages, []);
    }),
    { seed: 4724, numRuns: 1000 },
  );
});

function numbered(i: number, med?: number): Route {
  return route(`10.${i >>> 16}.${(i >>> 8) & 0xff}.${i & 0xff}/32`, { med });
}

Deno.test("Advertiser.next() goes through many routes in batches, changes first and End-of-RIB last (RFC 4724 4.1)", () => {
  const count = 40_000;
  const all = manyRoutes(count);
  const wholes = [
    // Of those that the peer has already and of those that it has not: one goes, one changes; and one is new.
    all.flatMap((one, i) => {
      if (i === 1 || i === count - 2) return [];
      return i === 2 || i === count - 3 ? [numbered(i, 5)] : [one];
    }).concat(numbered(count)),
    // Two routes to one prefix, far from each other: the first counts.
    [numbered(count - 4, 7), ...all],
  ];
  for (const whole of wholes) {
    const desired = new DesiredRoutes();
    desired.replace(all);
    const advertiser: Advertiser = new Advertiser(desired, CONTEXT, GRACEFUL);
    const told = new Map<string, string>();
    const batches: Batch[] = [advertiser.next(true)];
    for (const message of batches[0]?.messages ?? []) tell(told, message);
    assert.ok(told.size > 1000 && told.size < count / 2);
    advertiser.touch(desired.replace(whole));
    while (advertiser.more) {
      const batch = advertiser.next(true);
      batches.push(batch);
      for (const message of batch.messages.slice(0, batch.endOfRib ? -1 : undefined)) tell(told, message);
      const wanted = desired.of(numbered(2).prefix, CONTEXT.peerName)?.attributes.med;
      assert.equal(told.get("10.0.0.2/32"), `${wanted}`, "a change waits for no first pass");
    }
    assert.ok(batches.length > 2 && batches.length < 8);
    assert.deepEqual(
      batches.map(({ endOfRib }) => endOfRib),
      batches.map((_, i) => i === batches.length - 1),
    );
    const expected = updateAdjRibOut(EMPTY_ADJ_RIB_OUT, whole, CONTEXT).rib;
    assert.deepEqual(
      told,
      new Map([...told.keys()].map((key) => [key, `${expected.get(key)?.pathAttributes.med}`])),
    );
    assert.equal(told.size, expected.size);
    assert.deepEqual(advertiser.next(true).messages, []);
  }
});

const ENHANCED = { ...NEGOTIATED, enhancedRouteRefresh: true };
const ASKED = { type: "ROUTE-REFRESH", family: IPV4_UNICAST, subtype: 0 } as const;

/** A peer that takes a refresh as RFC 7313 section 4 says, and would not stand an incomplete one. */
class RefreshedPeer {
  readonly table = new Map<string, string>();
  /** Prefixes announced between BoRR and EoRR, for each refresh that came to its end. */
  readonly refreshed: number[] = [];
  #stale: Set<string> | undefined;
  #again = 0;

  take({ messages, refreshMarkers }: Batch): void {
    let markers = 0;
    for (const bytes of messages) {
      const message = decodeMessage(bytes, BOTH.codec);
      if (message.type === "ROUTE-REFRESH") {
        markers++;
        if (message.subtype === 1) this.#begin(message.family);
        else this.#end();
        continue;
      }
      tell(this.table, bytes);
      assert.ok(message.type === "UPDATE");
      for (const { nlri } of [...message.unreach, ...message.reach]) {
        for (const { text } of nlri.prefixes()) {
          this.#stale?.delete(text);
          if (this.table.has(text)) this.#again++;
        }
      }
    }
    assert.equal(refreshMarkers, markers);
  }

  #begin({ afi }: AfiSafi): void {
    assert.equal(this.#stale, undefined, "BoRR within a refresh");
    this.#stale = new Set([...this.table.keys()].filter((text) => text.includes(":") === (afi === 2)));
    this.#again = 0;
  }

  #end(): void {
    assert.equal(this.#stale?.size, 0, "routes are missing between BoRR and EoRR");
    this.#stale = undefined;
    this.refreshed.push(this.#again);
  }
}

Deno.test("Advertiser.refresh() sends a complete family in batches between BoRR and EoRR, behind changes and in their new form (RFC 7313 4)", () => {
  const all = manyRoutes(40_000);
  const desired = new DesiredRoutes();
  desired.replace([...all, route("192.0.2.1/32")]);
  const advertiser = new Advertiser(desired, CONTEXT, ENHANCED);
  const peer = new RefreshedPeer();
  while (advertiser.more) peer.take(advertiser.next(true));
  advertiser.refresh(ASKED);
  // The last of all changes before its turn, and the first goes and comes again after it.
  const whole = (med: number) => [route("192.0.2.2/32", { med }), ...all.slice(1, -1), numbered(39_999, med)];
  advertiser.touch(desired.replace(whole(5)));
  const batches: Batch[] = [advertiser.next(true)];
  assert.equal(batches[0]?.refreshMarkers, 1);
  peer.take(batches[0]);
  assert.equal(advertiser.routes.size, 40_000);
  assert.deepEqual([peer.table.has("192.0.2.1/32"), peer.table.get("192.0.2.2/32")], [false, "5"]);
  advertiser.touch(desired.replace([numbered(0), ...whole(6)]));
  while (advertiser.more) {
    const batch = advertiser.next(true);
    batches.push(batch);
    peer.take(batch);
    assert.deepEqual(["192.0.2.2/32", "10.0.156.63/32"].map((text) => peer.table.get(text)), ["6", "6"]);
    assert.ok(peer.table.has("10.0.0.0/32"));
  }
  assert.deepEqual(batches.map(({ refreshMarkers }) => refreshMarkers), [1, 0, 1]);
  const longest = Math.max(...batches.map(({ messages }) => messages.length));
  assert.ok(longest < 25, `${longest} messages in a batch`);
  assert.equal(peer.refreshed.length, 1);
  assert.deepEqual(new Set(peer.table.keys()), new Set(advertiser.routes.keys()));
  assert.deepEqual(advertiser.next(true).messages, []);
});

Deno.test("Advertiser.refresh() makes one more complete refresh of any number of requests while one is on its way (RFC 7313 4)", () => {
  const desired = new DesiredRoutes();
  desired.replace([...manyRoutes(20_000), route("2001:db8::1/128")]);
  for (const enhanced of [true, false]) {
    const advertiser = new Advertiser(desired, BOTH, { ...ENHANCED, enhancedRouteRefresh: enhanced });
    const peer = new RefreshedPeer();
    while (advertiser.more) peer.take(advertiser.next(true));
    let announced = 0;
    for (let asked = 0; asked < 5; asked++) advertiser.refresh(ASKED);
    peer.take(advertiser.next(true));
    for (let asked = 0; asked < 5; asked++) {
      advertiser.refresh(ASKED);
      advertiser.refresh({ ...ASKED, family: IPV6_UNICAST });
    }
    for (; advertiser.more; announced++) peer.take(advertiser.next(true));
    assert.deepEqual(peer.refreshed, enhanced ? [20_000, 20_000, 1] : []);
    assert.ok(announced < 6);
  }
});

Deno.test("Advertiser.refresh() sends no BoRR before the first End-of-RIB, and End-of-RIB after all of it (RFC 7313 4)", () => {
  const desired = new DesiredRoutes();
  desired.replace(manyRoutes(20_000));
  const advertiser = new Advertiser(desired, CONTEXT, { ...GRACEFUL, enhancedRouteRefresh: true });
  const types = ({ messages }: Batch) => {
    const all = messages.map((bytes) => {
      const message = decodeMessage(bytes, BOTH.codec);
      return message.type === "UPDATE" && isEndOfRib(message) !== undefined ? "End-of-RIB" : message.type;
    });
    return all.filter((type, index) => type !== all[index - 1]);
  };
  advertiser.refresh(ASKED);
  for (let batch = 0; advertiser.more; batch++) {
    const next = advertiser.next(batch > 0);
    assert.deepEqual([types(next), next.refreshMarkers, next.endOfRib], [
      advertiser.more ? ["UPDATE"] : ["UPDATE", "End-of-RIB"],
      0,
      !advertiser.more,
    ]);
  }
  advertiser.refresh(ASKED);
  const marked = [advertiser.next(true), advertiser.next(true)];
  assert.deepEqual(marked.map(types), [["ROUTE-REFRESH", "UPDATE"], ["UPDATE", "ROUTE-REFRESH"]]);
  assert.deepEqual([marked.map(({ refreshMarkers }) => refreshMarkers), advertiser.more], [[1, 1], false]);
});

/** What a peer has after a message. */
function tell(told: Map<string, string>, bytes: Uint8Array): void {
  const message = decodeMessage(bytes, BOTH.codec);
  assert.ok(message.type === "UPDATE");
  for (const { nlri } of message.unreach) {
    for (const { text } of nlri.prefixes()) {
      assert.ok(told.delete(text), `${text} is withdrawn and was not announced`);
    }
  }
  for (const { nlri } of message.reach) {
    for (const { text } of nlri.prefixes()) told.set(text, String(message.attributes.med));
  }
}

Deno.test("DesiredRoutes.replace() names each changed prefix once, and none for equal routes that are other objects (STYLE)", () => {
  const desired = new DesiredRoutes();
  const [one, two] = [route("10.99.0.1/32", { communities: [1] }), route("10.99.0.2/32")];
  const texts = (routes: readonly Route[]) => {
    const { withdrawn, changed } = desired.replace(routes);
    return [...withdrawn, ...changed].map(({ text }) => text);
  };
  assert.deepEqual(texts([one, two]), ["10.99.0.1/32", "10.99.0.2/32"]);
  assert.deepEqual(texts([one, two]), []);
  assert.deepEqual(texts([route("10.99.0.1/32", { communities: [1] }), route("10.99.0.2/32")]), []);
  assert.deepEqual(texts([two, one]), []);
  const rows: readonly (readonly [Partial<Route["attributes"]>, readonly string[]])[] = [
    [{ communities: [2] }, ["10.99.0.1/32"]],
    [{ communities: [2], med: 0 }, ["10.99.0.1/32"]],
    [{ communities: [2], largeCommunities: [[1, 2, 3]] }, ["10.99.0.1/32"]],
    [{ communities: [2], largeCommunities: [[1, 2, 4]] }, ["10.99.0.1/32"]],
    [{ communities: [2], extendedCommunities: [new Uint8Array(8)] }, ["10.99.0.1/32"]],
    [{ communities: [2], extendedCommunities: [new Uint8Array(8)] }, []],
    [{ communities: [2], asPathPrepend: 1 }, ["10.99.0.1/32"]],
    [{ communities: [2], asPathPrepend: 1, localPreference: 1 }, ["10.99.0.1/32"]],
  ];
  for (const [attributes, changed] of rows) {
    assert.deepEqual(texts([two, route("10.99.0.1/32", attributes)]), changed);
  }
  assert.deepEqual(texts([two, { ...route("10.99.0.1/32"), peers: ["b"] }]), ["10.99.0.1/32"]);
  assert.deepEqual(texts([two, { ...route("10.99.0.1/32"), peers: ["b"] }]), []);
  assert.deepEqual(texts([]), ["10.99.0.2/32", "10.99.0.1/32"]);
});

Deno.test("DesiredRoutes.replace() tells what a peer may have to lose from other changes (DESIGN Adj-RIB-Out)", () => {
  const desired = new DesiredRoutes();
  const numbered = (i: number, med?: number) => route(`10.99.0.${i}/32`, { med });
  const to = (peers: readonly string[] | undefined, one: Route) => ({ ...one, peers });
  desired.replace([
    numbered(1),
    numbered(2),
    numbered(3),
    to(["b", "c"], numbered(4)),
    to(["b"], numbered(5)),
  ]);
  const { withdrawn, changed } = desired.replace([
    numbered(6),
    to(["c"], numbered(4, 1)),
    numbered(3),
    numbered(2, 1),
    to(undefined, numbered(5)),
  ]);
  const numbers = (prefixes: readonly { readonly text: string }[]) =>
    prefixes.map(({ text }) => Number(text.split(/[./]/)[3]));
  assert.deepEqual([numbers(withdrawn), numbers(changed)], [[1, 4, 5], [6, 2]]);
  assert.equal(desired.of(numbered(4).prefix, "b"), undefined);
  assert.equal(desired.of(numbered(4).prefix, "c")?.attributes.med, 1);
});

Deno.test("DesiredRoutes.replace() takes the first of several routes to a prefix, whatever was there before (DESIGN Adj-RIB-Out)", () => {
  const desired = new DesiredRoutes();
  const twin = (med: number, peers?: readonly string[]) => ({ ...route("10.99.0.1/32", { med }), peers });
  const other = route("10.99.0.2/32");
  const rows: readonly (readonly [readonly Route[], number | undefined])[] = [
    [[twin(1), other, twin(2)], 1],
    [[twin(1), other], 1],
    [[twin(2), twin(1), other], 2],
    [[other, twin(1), twin(2)], 1],
    [[other, twin(3), twin(1), twin(2)], 3],
    [[twin(4, ["c"]), other, twin(2)], undefined],
    [[other, twin(2)], 2],
    [[other, twin(2), twin(2), other], 2],
  ];
  for (const [routes, med] of rows) {
    desired.replace(routes);
    assert.equal(desired.of(twin(0).prefix, "b")?.attributes.med, med);
    assert.equal([...desired.all()].length, 2);
    assert.deepEqual(desired.replace(routes), { withdrawn: [], changed: [] });
  }
});

Deno.test("Advertiser ends its first pass although routes change all the time, at both ends and doubly (DESIGN Adj-RIB-Out)", () => {
  const all = manyRoutes(40_000);
  const flapping = (med: number) => [
    route("192.0.2.1/32", { med }),
    ...all,
    route("192.0.2.2/32", { med }),
    route("192.0.2.2/32", { med: 7 }),
  ];
  const desired = new DesiredRoutes();
  desired.replace(flapping(0));
  const advertiser = new Advertiser(desired, CONTEXT, NEGOTIATED);
  for (let batch = 0; batch < 4; batch++) {
    advertiser.next(true);
    advertiser.touch(desired.replace(flapping((batch + 1) % 2)));
  }
  assert.equal(advertiser.routes.size, all.length + 2);
  advertiser.next(true);
  assert.ok(!advertiser.more);
});

Deno.test("Advertiser.next() sends a withdrawal before all that waits, and the newest change before older ones (DESIGN Adj-RIB-Out)", () => {
  const [gone, moved] = [route("192.0.2.1/32"), route("192.0.2.2/32")];
  const away = { ...route("192.0.2.3/32"), peers: ["c"] };
  const few = [gone, moved, { ...away, peers: undefined }];
  for (const kind of ["first pass", "changes before it", "changes after it"] as const) {
    const desired = new DesiredRoutes();
    const large = manyRoutes(40_000);
    desired.replace(kind === "first pass" ? [...few, ...large] : few);
    const advertiser: Advertiser = new Advertiser(desired, CONTEXT, NEGOTIATED);
    advertiser.next(true);
    if (kind === "changes before it") advertiser.touch(desired.replace([...few, ...large]));
    const left = [route("192.0.2.2/32", { med: 5 }), away];
    advertiser.touch(desired.replace(kind === "changes after it" ? left : [...left, ...large]));
    if (kind === "changes after it") advertiser.touch(desired.replace([...left, ...large]));
    const told = new Map<string, string>(few.map(({ prefix }) => [prefix.text, ""]));
    const [first] = advertiser.next(true).messages;
    assert.ok(first !== undefined);
    tell(told, first);
    assert.deepEqual([...told.keys()], ["192.0.2.2/32"], kind);
    if (kind !== "changes after it") {
      assert.equal(advertiser.routes.get("192.0.2.2/32")?.pathAttributes.med, 5);
    }
    while (advertiser.more) advertiser.next(true);
    assert.equal(advertiser.routes.size, large.length + 1);
    assert.equal(advertiser.routes.get("192.0.2.2/32")?.pathAttributes.med, 5);
  }
});

Deno.test("NewestFirst gives every prefix, the newest first, and does not grow where the same ones come for ever (DESIGN seam 2)", () => {
  const [a, b, c, d] = manyRoutes(4).map(({ prefix }) => prefix);
  assert.ok(a !== undefined && b !== undefined && c !== undefined && d !== undefined);
  const waiting = new NewestFirst();
  waiting.add([a, b, c]);
  waiting.add([]);
  waiting.add([d]);
  assert.deepEqual([waiting.length, waiting.take(3), waiting.take(2), waiting.length], [4, [d], [a, b], 1]);
  assert.deepEqual([waiting.take(2), waiting.take(2), waiting.length], [[c], [], 0]);
  waiting.add([a, b]);
  for (let i = 0; i < 100_000; i++) waiting.add([c, d]);
  assert.ok(waiting.length < 3000, `${waiting.length} wait`);
  const taken: Prefix[] = [];
  while (waiting.length > 0) taken.push(...waiting.take(2));
  assert.deepEqual([taken.slice(0, 2), taken.slice(-2)], [[c, d], [a, b]]);
  // To look for doubles takes time for all that wait, so it is done once, and not for a lot that stands alone.
  waiting.add(manyRoutes(5000).map(({ prefix }) => prefix));
  for (let i = 0; i < 5000; i++) waiting.add([c]);
  assert.equal(waiting.length, 9999);
});
