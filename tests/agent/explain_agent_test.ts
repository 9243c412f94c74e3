// What explain says of a whole agent: a gate shuts, is named, opens again.
import assert from "node:assert/strict";
import { explain } from "../../src/status/explain.ts";
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
