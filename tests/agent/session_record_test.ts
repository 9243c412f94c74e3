import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type BootMoment,
  decodeSessions,
  encodeSessions,
  type KeptSession,
} from "../../src/agent/session_record.ts";
import { seal } from "../../src/bytes/sealed.ts";

const NOW: BootMoment = { id: "b1", ms: 1_000_000 };
const FORM = { what: "sessions", version: 1 } as const;
const SESSION: KeptSession = { families: ["ipv4-unicast"], untilMs: 1_120_000 };
const WHOLE = encodeSessions(new Map([["10.0.0.2", SESSION]]), NOW);

const anySession: fc.Arbitrary<KeptSession> = fc.record({
  families: fc.constantFrom([], ["ipv4-unicast"], ["ipv4-unicast", "ipv6-unicast"] as const),
  untilMs: fc.double({ min: 1, max: NOW.ms + 4_095_000, noNaN: true }),
}, { noNullPrototype: true });

Deno.test("decodeSessions() reads in the same boot what encodeSessions() wrote, and nothing of it in another", () => {
  fc.assert(fc.property(
    fc.dictionary(fc.string(), anySession).map((peers) => new Map(Object.entries(peers))),
    fc.nat(1e9),
    (kept, laterMs) => {
      const file = encodeSessions(kept, NOW);
      assert.deepEqual(decodeSessions(file, { ...NOW, ms: NOW.ms + laterMs }), kept);
      assert.equal(decodeSessions(file, { ...NOW, id: "b2" }), undefined);
    },
  ));
});

Deno.test("decodeSessions() says what is wrong with a file", () => {
  const sealed = (rest: Record<string, unknown>) =>
    seal(FORM, { boot: NOW.id, atMs: NOW.ms, peers: [], ...rest });
  const row = (rest: Record<string, unknown>) =>
    sealed({ peers: [{ peer: "10.0.0.2", ...SESSION, ...rest }] });
  assert.equal(decodeSessions(row({}), NOW)?.size, 1);
  const rows: readonly (readonly [Uint8Array, RegExp])[] = [
    [new Uint8Array(0), /it is no file of sessions/],
    [seal({ what: "drains", version: 1 }, {}), /it is no file of sessions/],
    [WHOLE.subarray(0, WHOLE.length - 3), /it is torn/],
    [seal({ what: "sessions", version: 2 }, {}), /of another version/],
    [sealed({ boot: 7 }), /boot, time or peers in it are none/],
    [sealed({ atMs: "now" }), /boot, time or peers in it are none/],
    [sealed({ peers: {} }), /boot, time or peers in it are none/],
    [sealed({ atMs: NOW.ms + 1 }), /of a time that has not come/],
    [sealed({ peers: ["10.0.0.2"] }), /a peer in it is none/],
    [row({ peer: 7 }), /a peer in it is none/],
    [row({ families: "ipv4-unicast" }), /a peer in it is none/],
    [row({ untilMs: null }), /a peer in it is none/],
    [row({ untilMs: NOW.ms + 4_095_001 }), /a peer in it is none/],
    [new Uint8Array(2_000_000), /too large/],
  ];
  for (const [file, expected] of rows) assert.throws(() => decodeSessions(file, NOW), expected);
});

Deno.test("decodeSessions() takes no octet that is another one, and of any content only what is whole", () => {
  fc.assert(fc.property(fc.nat(WHOLE.length - 2), fc.integer({ min: 1, max: 255 }), (at, by) => {
    const file = WHOLE.map((octet, index) => index === at ? octet ^ by : octet);
    assert.throws(() => decodeSessions(file, NOW));
  }));
  const anyRow = fc.record({ peer: fc.anything(), families: fc.anything(), untilMs: fc.anything() });
  const anyPeers = fc.oneof(fc.anything(), fc.array(fc.oneof(fc.anything(), anyRow)));
  fc.assert(fc.property(anyPeers, fc.oneof(fc.anything(), fc.constant(NOW.ms)), (peers, atMs) => {
    try {
      const file = seal(FORM, JSON.parse(JSON.stringify({ boot: NOW.id, atMs, peers }, noBigInt)));
      for (const [peer, { families, untilMs }] of decodeSessions(file, NOW) ?? []) {
        assert.ok(typeof peer === "string" && families.every((name) => /^ipv[46]-unicast$/.test(name)));
        assert.ok(untilMs <= NOW.ms + 4_095_000);
      }
    } catch (error) {
      assert.match(String(error), /in it|has not come/);
    }
  }));
});

function noBigInt(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? undefined : value;
}
