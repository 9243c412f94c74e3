// The whole agent with announce.whenUnhealthy: what routers are told, what is told of it, and what reloads and drains do.
import assert from "node:assert/strict";
import type { Agent } from "../../src/agent/agent.ts";
import { hookFacts, servicesOf } from "../../src/agent/hook_facts.ts";
import type { AnnounceConfig, ServiceConfig } from "../../src/config/config.ts";
import { World } from "../support/agent_world.ts";
import { serviceConfig } from "../support/config.ts";

const OWN = { ...serviceConfig().announce, med: 10 };
const WORSE = { ...OWN, med: 1000, communities: [6] };

function announcing(whenUnhealthy: AnnounceConfig["whenUnhealthy"], more: Partial<AnnounceConfig> = {}) {
  return { announce: { ...OWN, whenUnhealthy, ...more } };
}

/** An agent that runs, with everything announced in good health. */
async function running(service: Partial<ServiceConfig> = announcing(WORSE)) {
  const world = new World();
  const agent = world.agent(service);
  agent.start();
  await world.stage.clock.advance(3500);
  assert.equal(webOf(agent).routes[0]?.peers.length, 2);
  return { world, agent };
}

function webOf(agent: Agent) {
  return agent.status().services[0] ?? assert.fail();
}

/** What is announced of `web`: MED and whether it is degraded; undefined: nothing. */
function shown(agent: Agent): readonly unknown[] | undefined {
  const { routes: [route], degraded } = webOf(agent);
  return route?.announce === true ? [route.attributes.med, degraded, route.degraded] : undefined;
}

async function probesFind(world: World, kind: "pass" | "fail", detail = kind): Promise<void> {
  world.outcome = { kind, detail };
  await world.stage.clock.advance(3000);
}

/** UPDATEs since the last look, as `PEER: ANNOUNCED WITHDRAWN`. */
function updates(world: World): () => readonly string[] {
  let seen = world.events.of("updates-sent").length;
  return () => {
    const all = world.events.of("updates-sent");
    const fresh = all.slice(seen).map(({ peer, announced, withdrawn }) =>
      `${peer}: ${announced} ${withdrawn}`
    );
    seen = all.length;
    return fresh.toSorted();
  };
}

const ONE_EACH = ["r1: 1 0", "r2: 1 0"];
const WITHDRAWN = ["r1: 0 1", "r2: 0 1"];

Deno.test("an unhealthy service is announced worse in one UPDATE for each peer, and as before in another one (CONTRACT services.announce)", async () => {
  const { world, agent } = await running();
  const sent = updates(world);
  await probesFind(world, "fail", "fail");
  assert.deepEqual(sent(), ONE_EACH);
  assert.deepEqual(shown(agent), [1000, true, true]);
  await probesFind(world, "pass");
  assert.deepEqual(sent(), ONE_EACH);
  assert.deepEqual(shown(agent), [10, false, false]);
  assert.equal(world.router.status.prefixes.withdrawn, 0);
  await world.close();
});

Deno.test("degraded is an event of its own, with the verdict as its cause, and onChange is told it", async () => {
  const { world } = await running();
  await probesFind(world, "fail");
  const routes = world.events.of("route").filter(({ service }) => service === "web");
  assert.deepEqual(routes.map(({ to }) => to), ["announced", "degraded"]);
  const [, degraded] = routes;
  if (degraded === undefined) return assert.fail();
  assert.match(degraded.cause, /^http-1: /);
  assert.deepEqual(servicesOf(degraded), ["web"]);
  const { environment } = hookFacts(degraded, "web", new Date(0));
  assert.equal(environment["BGP_LB_TO"], "degraded");
  assert.ok(world.logged.some((line) => line.includes("announce as degraded")), world.logged.join("\n"));
  await world.close();
});

Deno.test("reloads switch an unhealthy service between withdrawn and worse, and between attributes, as the plan foretells", async () => {
  const { world, agent } = await running(announcing("withdraw"));
  await probesFind(world, "fail");
  const sent = updates(world);
  assert.equal(shown(agent), undefined);
  const goTo = async (service: Partial<ServiceConfig>) => {
    world.file = { ok: true, config: world.config(service), warnings: [] };
    const answer = await agent.plan(undefined);
    assert.ok(answer.result === "plan");
    const reload = agent.orders.reload(undefined);
    await world.stage.clock.advance(100);
    assert.equal((await reload).result, "applied");
    return answer.plan.routes;
  };
  const announced = (await goTo(announcing(WORSE))).announced;
  assert.deepEqual(announced.map(({ when, to }) => [when, to?.["med"]]), [["at once", 1000]]);
  assert.deepEqual(sent(), ONE_EACH);
  const { changed } = await goTo(announcing({ ...WORSE, med: 2000 }));
  assert.deepEqual(changed.map(({ from, to }) => [from, to]), [[{ med: 1000 }, { med: 2000 }]]);
  assert.deepEqual([shown(agent), sent()], [[2000, true, true], ONE_EACH]);
  const unseen = await goTo(announcing({ ...WORSE, med: 2000 }, { med: 20 }));
  assert.deepEqual(unseen, { announced: [], changed: [], withdrawn: [] }, "what it has in good health");
  assert.deepEqual(sent(), []);
  const fewer = await goTo(announcing({ ...WORSE, med: 2000 }, { med: 20, peers: ["r2"] }));
  assert.deepEqual(fewer.withdrawn.map(({ toPeers }) => toPeers), [["r1"]]);
  assert.deepEqual(sent(), ["r1: 0 1"]);
  await goTo(announcing({ ...WORSE, med: 2000 }, { med: 20 }));
  assert.deepEqual(sent(), ["r1: 1 0"]);
  assert.equal((await goTo(announcing("withdraw"))).withdrawn.length, 1);
  assert.deepEqual([shown(agent), sent()], [undefined, WITHDRAWN]);
  await probesFind(world, "pass");
  assert.deepEqual(shown(agent), [10, false, false]);
  await world.close();
});

Deno.test("a degraded service is drained as any other, and is degraded again after it", async () => {
  const { world, agent } = await running();
  await probesFind(world, "fail");
  const sent = updates(world);
  await agent.orders.drain({ services: ["web"], reason: undefined, forMs: undefined }, undefined);
  await world.stage.clock.advance(100);
  assert.deepEqual(sent(), WITHDRAWN);
  assert.equal(webOf(agent).degraded, false, "what is not announced is not degraded");
  await world.stage.clock.advance(3000);
  await agent.orders.undrain({ services: ["web"] }, undefined);
  await world.stage.clock.advance(100);
  assert.deepEqual([shown(agent), sent()], [[1000, true, true], ONE_EACH]);
  await world.close();
});

Deno.test("a service that is degraded and recovers changes nothing in the kernel", async () => {
  const { world } = await running();
  world.kernel.made.length = 0;
  await probesFind(world, "fail");
  await probesFind(world, "pass");
  assert.deepEqual(world.kernel.made, []);
  await world.close();
});
