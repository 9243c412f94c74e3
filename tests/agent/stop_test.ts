// A stop is the drain of everything, stop.shift too, whether the kernel is ours or not.
import assert from "node:assert/strict";
import { World } from "../support/agent_world.ts";
import { CONTENTION } from "../support/config.ts";

const stop = { shiftMs: 2000, convergeMs: 1000, quiesceMs: 5000 };

Deno.test("SIGTERM shifts what has a shift, while what has none is withdrawn at once", async () => {
  const world = new World();
  const agent = world.agent({ stop });
  agent.start();
  const { clock } = world.stage;
  await clock.advance(3500);
  const stopped = agent.stop("for the test");
  await clock.advance(100);
  const [web, other] = agent.status().services;
  assert.deepEqual([web?.phase.name, web?.routes[0]?.announce], ["shifting", true]);
  assert.deepEqual([other?.phase.name, other?.routes[0]?.announce], ["converging", false]);
  assert.equal(world.router.status.prefixes.withdrawn, 0);
  await clock.advance(2000);
  assert.equal(world.router.status.prefixes.withdrawn, 1);
  assert.equal(world.router.status.state, "Established");
  await clock.advance(10_000);
  assert.deepEqual(await stopped, []);
  assert.deepEqual(world.kernel.interfaces, []);
  await world.close();
});

Deno.test("an agent that only announces shifts too, and then has nothing to converge or to quiesce", async () => {
  const world = new World();
  world.network = { setup: false, ipvs: false, contention: CONTENTION };
  const agent = world.agent({ stop, ports: [] }, { kernel: undefined });
  agent.start();
  const { clock } = world.stage;
  await clock.advance(3500);
  const begun = clock.now();
  let ended = Infinity;
  void agent.stop("for the test").then(() => ended = clock.now());
  await clock.advance(100);
  assert.equal(agent.status().services[0]?.phase.name, "shifting");
  await clock.advance(30_000);
  assert.ok(ended - begun >= 2000 && ended - begun < 4000, `${ended - begun} ms`);
  assert.equal(world.router.status.prefixes.withdrawn, 1);
  await world.close();
});

Deno.test("a service that is drained already does not wait for its shift at a stop", async () => {
  const world = new World();
  const agent = world.agent({ stop });
  agent.start();
  const { clock } = world.stage;
  await clock.advance(3500);
  await agent.orders.drain({ services: [], reason: undefined, forMs: undefined }, undefined);
  await clock.advance(10_000);
  const begun = clock.now();
  let ended = Infinity;
  void agent.stop("for the test").then(() => ended = clock.now());
  await clock.advance(20_000);
  assert.ok(ended - begun < 1000, `${ended - begun} ms`);
  await world.close();
});
