import assert from "node:assert/strict";
import { factOf } from "../../src/agent/bgp_events.ts";

Deno.test("factOf() says why routes are held by the first of them, and that none is any more", () => {
  const event = { type: "routes-held", peer: "r1", count: 2 } as const;
  const held = [{ prefix: "10.0.0.1/32", reason: "no next hop" }, {
    prefix: "10.0.0.2/32",
    reason: "another",
  }];
  assert.equal(factOf({ ...event, held }).cause, "no next hop");
  assert.equal(factOf({ ...event, count: 0, held: [] }).cause, "none is held any more");
});

Deno.test("factOf() tells listeners, refusals and faults by what they are", () => {
  const place = { address: "::", port: 179 };
  assert.deepEqual(factOf({ type: "listening", ...place }), {
    kind: "listener",
    ...place,
    to: "listening",
    cause: "the address is there",
  });
  assert.deepEqual(factOf({ type: "listen-failed", ...place, kind: "in-use", cause: "in use" }), {
    kind: "listener",
    ...place,
    to: "failed",
    cause: "in use",
  });
  const refused = factOf({ type: "connection-refused", ...place, count: 3, reason: { type: "no-peer" } });
  assert.equal(refused.cause, "no peer is configured with this address");
  assert.deepEqual(factOf({ type: "peer-fault", peer: "r1", cause: "broke" }), {
    kind: "fault",
    part: "bgp",
    name: "r1",
    cause: "broke",
  });
});
