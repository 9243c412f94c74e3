// A stop while routers may still have routes of an earlier process: in order, and within its own limits.
import assert from "node:assert/strict";
import { World } from "../support/agent_world.ts";
import { address } from "../support/bgp.ts";

Deno.test("a stop soon after a handover does not wait for routers that never came back", async () => {
  const world = new World();
  const agent = world.agent();
  agent.start();
  await world.stage.clock.advance(3500);
  void agent.handover();
  await world.stage.clock.advance(100);
  world.router.speaker.abort();
  const successor = world.agent({ addresses: [address("10.99.0.8")] });
  successor.start();
  await world.stage.clock.advance(5000);
  assert.deepEqual(successor.status().leaving.map(({ what }) => what), [["address 10.99.0.1"]]);
  let left: readonly string[] | undefined;
  successor.stop("for the test").then((what) => left = what);
  await world.stage.clock.advance(25_000);
  assert.deepEqual(left, []);
  assert.deepEqual(world.kernel.interfaces, []);
  await world.closeWithFaults();
});
