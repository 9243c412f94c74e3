import assert from "node:assert/strict";
import fc from "fast-check";
import { address } from "../support/bgp.ts";
import {
  clientLimits,
  CONTROL_CLIENTS,
  descriptorNeeds,
  shareOut,
  totalNeed,
} from "../../src/agent/descriptors.ts";
import { config, httpCheckConfig, internalPeer, serviceConfig } from "../support/config.ts";
import { checkedPort } from "../support/ports.ts";

Deno.test("descriptorNeeds() counts peers, listeners, clients, and the probes that may hang at once (faults S5)", () => {
  const alone = descriptorNeeds(config({ services: [], bgp: { ...config().bgp, peers: [] } }));
  const two = descriptorNeeds(config({ bgp: { ...config().bgp, peers: [internalPeer(), internalPeer()] } }));
  assert.ok(two.core - alone.core >= 2 * 4, "room for collisions and rejections of each");
  const { local } = config().bgp;
  const deaf = { ...local, listenPort: -1 };
  const listening = { ...local, listenPort: 179, listenAddresses: [local.routerID, local.address] };
  const coreOf = (local: typeof deaf) => descriptorNeeds(config({ bgp: { local, peers: [] } })).core;
  assert.equal(coreOf(listening) - coreOf(deaf), 2, "one for each address, none where nobody listens");
  assert.equal(alone.clients, 0, "what is turned off needs nothing");
  const http = { listen: { hostname: "", port: 1 }, allowedHosts: [] };
  assert.equal(descriptorNeeds(config({ http, limits: { httpConnections: 99 } })).clients, 99);
  const shared = serviceConfig({ ports: [checkedPort()] });
  const sharing = descriptorNeeds(config({ services: [shared, { ...shared, name: "twin" }] })).probes;
  assert.equal(sharing, 2 * 2 * 2, "destinations that share a check are probed once");
  const checks = [httpCheckConfig({ timeoutMs: 5000, fastIntervalMs: 1000 }), httpCheckConfig()];
  const probing = descriptorNeeds(
    config({ services: [serviceConfig({ checks }), serviceConfig({ checks })] }),
  );
  assert.equal(
    probing.probes,
    2 * 2 * (6 + 2),
    "five timeouts side by side and one more, twice, and so of the other",
  );
  const watching = serviceConfig({ checks: [httpCheckConfig({ tripwire: true }), httpCheckConfig()] });
  assert.equal(descriptorNeeds(config({ services: [watching] })).watches, 1);
  const through = ["10.99.0.1", "2001:db8::1"].map((text) => {
    return { address: address(text), source: undefined, mark: undefined };
  });
  const passing = serviceConfig({ checks: checks.map((check) => ({ ...check, through })) });
  assert.equal(descriptorNeeds(config({ services: [passing] })).probes, probing.probes, "one for each way");
});

Deno.test("shareOut() gives all what they need where there is enough, and BGP first where there is not (faults S5)", () => {
  const needs = { core: 100, clients: 288, probes: 400, watches: 50 };
  assert.deepEqual(shareOut(needs, totalNeed(needs)), { probes: 200, clients: 288, watches: 50 });
  assert.deepEqual(shareOut(needs, totalNeed(needs) - 20).watches, 30, "probes come before watches");
  const quarter = { probes: 9, clients: 6, watches: 0 };
  assert.deepEqual(shareOut(needs, 100), quarter, "a quarter of a small limit");
  const some = fc.nat(500);
  fc.assert(
    fc.property(some, some, fc.nat(5000), some, fc.nat(8000), (core, clients, probes, watches, limit) => {
      const share = shareOut({ core, clients, probes, watches }, limit);
      const free = Math.max(limit - core, Math.floor(limit / 4));
      const taken = 2 * share.probes + share.clients + share.watches;
      assert.ok(taken <= free, "BGP and the kernel keep theirs");
      assert.ok(share.watches >= 0 && share.watches <= watches);
      assert.ok(share.clients <= clients && 2 * share.probes <= probes);
      if (limit >= 28 && probes >= 2) assert.ok(share.probes > 0, "somebody is probed");
      if (limit >= 28 && clients >= 1) assert.ok(share.clients > 0, "somebody is answered");
    }),
    { seed: 6 },
  );
});

Deno.test("clientLimits() bounds the control socket's clients as it does those of HTTP (faults S5)", () => {
  const http = { listen: { hostname: "", port: 1 }, allowedHosts: [] };
  const both = config({
    http,
    control: { socket: "/run/a", group: undefined },
    limits: { httpConnections: 256 },
  });
  assert.deepEqual(clientLimits(both, 256 + CONTROL_CLIENTS), { http: 256, control: CONTROL_CLIENTS });
  assert.deepEqual(clientLimits(both, 40), { http: 30, control: 10 });
  assert.deepEqual(clientLimits(both, 4), { http: 2, control: 2 });
  assert.deepEqual(clientLimits(both, 1), { http: 1, control: 2 }, "somebody is answered everywhere");
  const alone = { ...both, http: { ...http, listen: undefined } };
  assert.equal(clientLimits(alone, 3).control, 2);
});
