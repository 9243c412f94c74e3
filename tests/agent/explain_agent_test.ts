// What explain says of a whole agent: a gate shuts, is named, opens again.
import assert from "node:assert/strict";
import { explain } from "../../src/status/explain.ts";
import { address } from "../support/bgp.ts";
import { World } from "../support/agent_world.ts";
import { serviceConfig } from "../support/config.ts";

Deno.test("explain() of a running agent follows health, the session and the stop: down, named with its cure, and up again", async () => {
  const world = new World();
  const { clock } = world.stage;
  const agent = world.agent({ stop: { shiftMs: 5000, convergeMs: 1000, quiesceMs: 5000 } });
  const shut = (peer = "r1") => explain(agent.status(), "web", peer, clock.wallTime()).shut;
  agent.start();
  await clock.advance(3000);
  assert.equal(shut(), undefined);

  world.outcome = { kind: "fail", detail: "connection refused" };
  await clock.advance(4000);
  assert.equal(shut()?.name, "healthy");
  assert.match(shut()?.saw ?? "", /connection refused/);
  assert.match(
    shut()?.opens ?? "",
    /must pass .* \(it passes where http:\/\/\S+ answers with a 2xx status within 1s\)/,
  );
  world.outcome = { kind: "pass", detail: "status 200" };
  await clock.advance(4000);
  assert.equal(shut(), undefined);

  await world.router.speaker.stop({ mode: "shutdown", communication: "maintenance until 6" });
  await clock.advance(100);
  assert.deepEqual([shut()?.name, shut()?.peer], ["session Established", "r1"]);
  assert.match(shut()?.saw ?? "", /maintenance until 6/);
  assert.match(shut()?.opens ?? "", /only there it is turned on again/);
  assert.equal(shut("r2"), undefined, "the other router's chain is its own");

  const stopping = agent.stop("for the test");
  await clock.advance(100);
  const [service] = agent.status().services;
  assert.equal(service?.phase.name, "shifting");
  const { communities, localPreference, med } = service?.routes[0]?.attributes ?? {};
  assert.deepEqual([communities, localPreference, med], [["graceful-shutdown"], 0, 4_294_967_295]);
  const notes = explain(agent.status(), "web", "r2", clock.wallTime()).routes[0]?.peers[0]?.notes ?? [];
  assert.match(notes.join("\n"), /it shifts away.*GRACEFUL_SHUTDOWN/s);
  await clock.advance(6000);
  assert.equal(shut("r2")?.name, "not drained");
  assert.match(shut("r2")?.opens ?? "", /^nothing while the agent stops/);
  await clock.advance(20_000);
  await stopping;
  await world.close();
});

Deno.test("explain() of a service that is disabled names the key, and of one that a peer is no target of the peer", async () => {
  const world = new World();
  const announce = { ...serviceConfig().announce, peers: ["r1"] };
  const agent = world.agent({ announce });
  const { clock } = world.stage;
  agent.start();
  await clock.advance(3000);
  assert.match(
    explain(agent.status(), "off", undefined, clock.wallTime()).shut?.opens ?? "",
    /^set enabled: true for off /,
  );
  assert.equal(explain(agent.status(), "web", "r2", clock.wallTime()).shut?.name, "target");
  assert.equal(explain(agent.status(), "web", undefined, clock.wallTime()).shut, undefined);
  await world.close();
});

Deno.test("an address that somebody deletes again and again is withdrawn and named, others are not; let alone it comes back (K1)", async () => {
  const world = new World();
  world.network = { ...world.network, contention: { limit: 3, windowMs: 60_000, holdMs: 20_000 } };
  const { clock } = world.stage;
  const agent = world.agent({});
  const shut = (service: string) => explain(agent.status(), service, "r2", clock.wallTime()).shut;
  agent.start();
  await clock.advance(3000);
  const take = async () => {
    const { index } = world.kernel.link("web");
    world.kernel.deleteAddress(index, address("10.99.0.1"), 32);
    world.kernel.notify({ index, address: "10.99.0.1", port: 0 });
    await clock.advance(50);
  };
  for (let times = 0; times < 3; times++) await take();
  assert.equal(shut("web"), undefined);
  await take();
  assert.equal(shut("web")?.name, "let alone");
  assert.match(
    shut("web")?.saw ?? "",
    /^address 10\.99\.0\.1 on web is changed again and again: repaired 4 times$/,
  );
  assert.match(shut("web")?.opens ?? "", /let alone for network\.contention\.hold/);
  assert.equal(shut("other"), undefined);
  assert.deepEqual(agent.status().kernel.contested.map(({ object, repairs }) => [object, repairs]), [
    ["address 10.99.0.1 on web", 4],
  ]);
  const contested = world.events.events.find(({ kind }) => kind === "kernel-contested");
  const withdrawn = world.events.events.findLast(({ kind }) => kind === "route");
  assert.equal(withdrawn?.because, contested?.id, "the withdrawal names its cause");
  await clock.advance(19_000);
  assert.equal(shut("web")?.name, "let alone");
  await clock.advance(2000);
  assert.equal(shut("web"), undefined);
  assert.deepEqual(agent.status().kernel.contested, []);
  await world.close();
});

Deno.test("check-now looks at the kernel at once: IPVS tells nobody", async () => {
  const world = new World();
  const { clock } = world.stage;
  const agent = world.agent({});
  agent.start();
  await clock.advance(3000);
  world.kernel.services = [];
  assert.deepEqual(agent.orders.checkNow({ services: [] }, undefined), {
    services: ["web", "other"],
    kernel: true,
  });
  await clock.advance(0);
  assert.equal(world.kernel.services.length, 1);
  await world.close();
});
