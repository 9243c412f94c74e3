// How the agent is in one line, of a whole agent on a virtual clock.
import assert from "node:assert/strict";
import { World } from "../support/agent_world.ts";

Deno.test("headline() says what is announced to how many routers, of what is not the reason, and where a stop has got to", async () => {
  const world = new World();
  const agent = world.agent();
  const { clock } = world.stage;
  assert.equal(agent.headline(), "starting: what the kernel is to have is being made");
  await clock.advance(0);
  await agent.start();
  await clock.advance(10_000);
  assert.equal(agent.headline(), "announcing 2 of 2 services to 2 of 2 routers");
  world.outcome = { kind: "fail", detail: `\u001b[2J${"x".repeat(500)}` };
  await clock.advance(10_000);
  const words = agent.headline();
  assert.match(
    words,
    /^announcing 1 of 2 services to 2 of 2 routers; web: .*x\.\.\. since 2026-01-01T00:00:\d\dZ$/,
  );
  assert.ok(!words.includes("\u001b") && words.length < 300, words);
  world.outcome = { kind: "pass", detail: "" };
  await clock.advance(10_000);
  const stopped = agent.stop("test");
  assert.match(agent.headline(), /^stopping: 2 withdrawn, routers converge, 1 down$/);
  await clock.advance(60_000);
  await stopped;
  assert.equal(agent.headline(), "stopped");
  await world.close();
});
