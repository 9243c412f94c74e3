// What routes know of the session that they go by.
import assert from "node:assert/strict";
import { advertiseContext } from "../../src/bgp/established_session.ts";
import type { LocalBgp, PeerConfig } from "../../src/config/config.ts";
import { address, localBgp, peerConfig } from "../support/bgp.ts";
import { sessionIn } from "../support/sessions.ts";

Deno.test("advertiseContext() has a routerID behind the link's addresses where the router is next door, and bgp.local.address before them (faults B1)", () => {
  const end = { address: address("2001:db8::1"), port: 179, zone: undefined };
  const { negotiated } = sessionIn("Established");
  assert.ok(negotiated !== undefined);
  const session = { negotiated, end, remote: end, isOutgoing: true };
  const prefersOnLink = (local: Partial<LocalBgp>, peer: Partial<PeerConfig>) =>
    advertiseContext(session, {
      local: localBgp(local),
      peer: peerConfig(peer),
      own: { addresses: undefined, services: new Set() },
      besideGlobal: true,
    }).prefersOnLink;
  assert.equal(prefersOnLink({}, {}), true);
  assert.equal(prefersOnLink({}, { ttlSecurity: 1 }), true);
  assert.equal(prefersOnLink({ address: address("10.0.0.2") }, {}), false);
  assert.equal(prefersOnLink({}, { as: 65_001 }), false);
  assert.equal(prefersOnLink({}, { as: 65_001, localAs: 65_009 }), true);
  assert.equal(prefersOnLink({}, { multihop: 2 }), false);
  assert.equal(prefersOnLink({}, { ttlSecurity: 2 }), false);
});
