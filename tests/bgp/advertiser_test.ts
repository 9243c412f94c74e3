/** The desired routes and what a session sends of their changes. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { AdvertiseContext } from "../../src/bgp/adj_rib_out.ts";
import { Advertiser, type Batch } from "../../src/bgp/advertiser.ts";
import { DesiredRoutes } from "../../src/bgp/desired_routes.ts";
import { codecContext, negotiate } from "../../src/bgp/negotiate.ts";
import type { Route } from "../../src/bgp/route.ts";
import { NotificationError } from "../../src/bgp/wire/notification.ts";
import { decodeMessage } from "../../src/bgp/wire/message.ts";
import { EMPTY_ADJ_RIB_OUT, updateAdjRibOut } from "../support/adj_rib_out.ts";
import { address, route } from "../support/bgp.ts";
import { configOf, openOf } from "../support/sessions.ts";

const NEGOTIATED = negotiate(
  configOf(),
  { capabilities: true, restarting: false, forwarding: false },
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
  codec: codecContext(NEGOTIATED),
  peerName: "b",
  localAs: 65_001,
  routerID: address("10.0.0.1"),
  address6: undefined,
  nextHop: undefined,
  nextHop6: undefined,
  localAddress: address("10.0.0.1"),
  linkLocal: undefined,
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
      const keys = (routes: ReadonlyMap<string, { readonly path: { readonly key: string } }>) =>
        [...routes].map(([prefix, { path }]) => `${prefix} ${path.key}`).sort();
      assert.deepEqual(keys(advertiser.routes), keys(expected.rib));
      assert.deepEqual(
        [...told].map(([prefix, med]) => `${prefix} ${med}`).sort(),
        [...expected.rib].map(([prefix, { path }]) => `${prefix} ${path.pathAttributes.med}`).sort(),
      );
      const reasons = (held: Iterable<{ readonly prefix: { readonly text: string } }>) =>
        [...new Set([...held].map(({ prefix }) => prefix.text))].sort();
      assert.deepEqual(reasons(advertiser.held.values()), reasons(expected.held));
      assert.deepEqual(advertiser.next(true).messages, []);
    }),
    { seed: 4724, numRuns: 1000 },
  );
});

Deno.test("Advertiser.next() goes through many routes in batches, changes first and End-of-RIB last (RFC 4724 4.1)", () => {
  const count = 40_000;
  const numbered = (i: number, med?: number) =>
    route(`10.${i >>> 16}.${(i >>> 8) & 0xff}.${i & 0xff}/32`, { med });
  const all = Array.from({ length: count }, (_, i) => numbered(i));
  const wholes = [
    // Of those that the peer has already and of those that it has not: one goes, one changes; and one is new.
    all.flatMap((one, i) => {
      if (i === 1 || i === count - 2) return [];
      return i === 2 || i === count - 3 ? [numbered(i, 5)] : [one];
    }).concat(numbered(count)),
    // Two routes to one prefix, far from each other.
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
      const wanted = desired.of(numbered(2).prefix, CONTEXT.peerName).route?.attributes.med;
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
      new Map([...told.keys()].map((key) => [key, `${expected.get(key)?.path.pathAttributes.med}`])),
    );
    assert.equal(told.size, expected.size);
    assert.deepEqual(advertiser.next(true).messages, []);
  }
});

/** What a peer has after a message. */
function tell(told: Map<string, string>, bytes: Uint8Array): void {
  const message = decodeMessage(bytes, CONTEXT.codec);
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
  const texts = (routes: readonly Route[]) => desired.replace(routes).map(({ text }) => text);
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
