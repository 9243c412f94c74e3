// sessionPlans() and kernelStages(): what a plan says of sessions is what differ() says of them.
import assert from "node:assert/strict";
import type { Config, LocalBgp, PeerConfig } from "../../src/config/config.ts";
import { differ } from "../../src/config/difference.ts";
import { kernelStages, reloadPlan, sessionPlans } from "../../src/status/plan.ts";
import { planText } from "../../src/status/plan_text.ts";
import { configuredRoutes } from "../../src/status/route_plan.ts";
import { VALID_FILES } from "../config/arbitrary.ts";
import { configOf } from "../config/text.ts";
import { address, localBgp, peerConfig } from "../support/bgp.ts";
import { config } from "../support/config.ts";
import { CONTENTION } from "../support/config.ts";

const tor1 = peerConfig({ name: "tor-1", address: address("10.0.0.1") });
const tor2 = peerConfig({ name: "tor-2", address: address("10.0.0.2") });

function withPeers(peers: readonly PeerConfig[], local: Partial<LocalBgp> = {}): Config {
  return config({ bgp: { local: localBgp({ as: 65512, ...local }), peers } });
}

/** Each session on a line. */
function sessions(old: Config | undefined, next: Config): readonly string[] {
  return sessionPlans(old, next).map(({ peer, consequence, why }) => `${peer} ${consequence}: ${why}`);
}

Deno.test("sessionPlans() of a start are every peer, established anew", () => {
  assert.deepEqual(sessions(undefined, withPeers([tor1, tor2])), [
    "tor-1 established anew: the agent starts",
    "tor-2 established anew: the agent starts",
  ]);
});

Deno.test("sessionPlans() of a reload are those that do not simply go on, with the keys that are the reason", () => {
  const old = withPeers([tor1, tor2]);
  const rows: readonly (readonly [Config, readonly string[]])[] = [
    [old, []],
    [withPeers([tor2, tor1]), []],
    [withPeers([tor1]), ["tor-2 ended: no peer any more: Cease (6/3)"]],
    [withPeers([tor1, tor2, peerConfig({ name: "tor-3", address: address("10.0.0.3") })]), [
      "tor-3 established anew: a new peer",
    ]],
    [withPeers([{ ...tor1, password: "hunter2" }, tor2]), ["tor-1 reset: password changed: Cease (6/6)"]],
    [withPeers([{ ...tor1, name: "spine" }, tor2]), []],
    [withPeers([{ ...tor1, name: "spine", holdTimeSeconds: 9 }, tor2]), [
      "spine reset: holdTime, name changed: Cease (6/6)",
    ]],
    [withPeers([{ ...tor1, connectRetryTimeMs: 1 }, tor2]), [
      "tor-1 other next time: connectRetryTime changed",
    ]],
    [withPeers([{ ...tor1, connectRetryTimeMs: 1 }, tor2], { as: 65000 }), [
      "tor-1 reset: bgp.local: as changed: Cease (6/6)",
      "tor-2 reset: bgp.local: as changed: Cease (6/6)",
    ]],
    [withPeers([{ ...tor1, port: 1 }, tor2], { as: 65000 }), [
      "tor-1 reset: bgp.local: as changed; port changed: Cease (6/6)",
      "tor-2 reset: bgp.local: as changed: Cease (6/6)",
    ]],
    [withPeers([{ ...tor1, port: 1 }, tor2], { address: address("10.0.0.9") }), [
      "tor-1 reset: port changed: Cease (6/6)",
    ]],
    [withPeers([tor1, tor2], { listenPort: 1179, address: address("10.0.0.9") }), []],
  ];
  for (const [next, expected] of rows) assert.deepEqual(sessions(old, next), expected);
});

Deno.test("sessionPlans() foretell exactly the resets, ends and beginnings that differ() tells", () => {
  const configs = VALID_FILES.map((file) => configOf(JSON.stringify(file)));
  // The same peers with other keys, too: two files by chance have none in common.
  const pairs = configs.flatMap((old, index) => {
    const next = configs[(index + 1) % configs.length] ?? old;
    const others = next.bgp.peers;
    const peers = old.bgp.peers.map((peer, at) => ({
      ...others[at % others.length] ?? peer,
      address: peer.address,
      zone: peer.zone,
    }));
    return [[old, next], [old, { ...old, bgp: { ...old.bgp, peers } }]] as const;
  });
  let seen = 0;
  for (const [old, next] of pairs) {
    const planned = new Map(sessionPlans(old, next).map((plan) => [plan.address, plan.consequence]));
    const changes = differ(old, next);
    const all = changes.some((change) => change.of === "local" && change.sessions === "reset");
    for (const change of changes) {
      if (change.of !== "peer") continue;
      seen++;
      const consequence = planned.get(change.address);
      if (change.change === "added") assert.equal(consequence, "established anew");
      else if (change.change === "removed") assert.equal(consequence, "ended");
      else if (change.change === "changed") {
        assert.equal(consequence === "reset", all || change.session === "reset");
      }
    }
  }
  assert.ok(seen > 100, `${seen}`);
});

Deno.test("reloadPlan() joins what configurations say with what is known of routes and the kernel; a restart is named alone", () => {
  const old = withPeers([tor1, tor2]);
  const next = {
    ...withPeers([tor1, { ...tor2, holdTimeSeconds: 9 }]),
    network: { setup: true, ipvs: false, contention: CONTENTION },
  };
  const kernel = [{ step: 1, stage: "at once", changes: ["create dummy interface web"] }];
  const after = configuredRoutes(next, () => "when healthy");
  const route = { prefix: "10.99.0.1/32", service: "web" };
  assert.deepEqual(reloadPlan({ old, next, before: [], after, kernel, warnings: ["odd"] }), {
    action: "reload",
    changes: ["peer tor-2: holdTime changed, its session is reset (6/6)"],
    sessions: [
      { peer: "tor-2", address: "10.0.0.2", consequence: "reset", why: "holdTime changed: Cease (6/6)" },
    ],
    routes: {
      announced: [{ ...route, to: {}, when: "when healthy" }],
      changed: [],
      withdrawn: [],
    },
    kernel,
    restart: ["network.ipvs"],
    warnings: ["odd"],
  });
  const nothing = reloadPlan({ old, next: old, before: after, after, kernel: [], warnings: [] });
  assert.match(planText(nothing, (line) => line), /^A reload would change nothing\.\n$/);
});

Deno.test("kernelStages() numbers those in which something changes", () => {
  const stages = [
    { stage: "first", changes: [] },
    { stage: "second", changes: ["a"] },
    { stage: "third", changes: ["b", "c"] },
  ];
  assert.deepEqual(kernelStages(stages), [
    { step: 1, stage: "second", changes: ["a"] },
    { step: 2, stage: "third", changes: ["b", "c"] },
  ]);
});
