// What the agent's plan foretells is what its reload then does: in the kernel, at the routers, in words.
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Agent } from "../../src/agent/agent.ts";
import type { Config, ServiceConfig } from "../../src/config/config.ts";
import type { Plan } from "../../src/status/plan.ts";
import { World } from "../support/agent_world.ts";
import { address } from "../support/bgp.ts";
import { httpCheckConfig, PLAIN_PORT, scheduledBy, serviceConfig } from "../support/config.ts";
import { PLAIN } from "../support/kernel_objects.ts";

const NEW = serviceConfig({
  name: "new",
  interface: "new",
  addresses: [address("10.99.5.1"), address("2001:db8:99::5")],
  ports: [{
    port: 80,
    ...PLAIN_PORT,
    protocol: "tcp",
    destinations: [{
      address: address("10.0.0.7"),
      port: 8080,
      weight: 3,
      forwarding: "masq",
      ...PLAIN,
      checks: [],
    }],
  }],
});

async function running(): Promise<{ world: World; agent: Agent }> {
  const world = new World();
  const agent = world.agent();
  agent.start();
  await world.stage.clock.advance(3500);
  world.kernel.made.length = 0;
  return { world, agent };
}

async function planned(world: World, agent: Agent, next: Config): Promise<Plan> {
  world.file = { ok: true, config: next, warnings: [] };
  const answer = await agent.plan(undefined);
  assert.ok(answer.result === "plan", JSON.stringify(answer));
  return answer.plan;
}

function withWeb(config: Config, web: Partial<ServiceConfig>): Config {
  return {
    ...config,
    services: config.services.map((service) => service.name === "web" ? { ...service, ...web } : service),
  };
}

/** What each router has, as `PEER PREFIX`. */
function routesOf(agent: Agent): ReadonlySet<string> {
  return new Set(
    agent.status().peers.flatMap(({ name, advertised }) =>
      advertised.map(({ prefix }) => `${name} ${prefix}`)
    ),
  );
}

const [web] = new World().config().services;
const [port] = web?.ports ?? [];
const [first] = port?.destinations ?? [];
if (web === undefined || port === undefined || first === undefined) throw new Error("the world has changed");
const second = { ...first, address: address("10.0.0.9") };

const marked = { ...port, port: 0, fwmark: 7, families: [4] } as const;

/** What changes, by name. */
const ROWS: Readonly<Record<string, (config: Config) => Config>> = {
  "nothing": (config) => config,
  "a service comes": (config) => ({ ...config, services: [NEW, ...config.services] }),
  "a service goes": (config) => ({
    ...config,
    services: config.services.filter(({ name }) => name !== "web"),
  }),
  "a service comes in place of another": (config) => ({
    ...config,
    services: [NEW, ...config.services.filter(({ name }) => name !== "web")],
  }),
  "another MED": (config) => withWeb(config, { announce: { ...web.announce, med: 5 } }),
  "fewer peers": (config) => withWeb(config, { announce: { ...web.announce, peers: ["r2"] } }),
  "another address": (config) => withWeb(config, { addresses: [address("10.99.0.2")] }),
  "one more address": (config) => withWeb(config, { addresses: [...web.addresses, address("10.99.0.2")] }),
  "a port comes": (config) => withWeb(config, { ports: [port, { ...port, port: 81 }] }),
  "a port goes": (config) => withWeb(config, { ports: [] }),
  "a firewall mark comes": (config) => withWeb(config, { ports: [port, marked] }),
  "another scheduler": (config) =>
    withWeb(config, scheduledBy(web, { ...PLAIN_PORT.ipvs, scheduler: "wrr" })),
  "another weight": (config) =>
    withWeb(config, { ports: [{ ...port, destinations: [{ ...first, weight: 7 }] }] }),
  "a destination in place of another": (config) =>
    withWeb(config, { ports: [{ ...port, destinations: [second] }] }),
  "another interface": (config) => withWeb(config, { interface: "web2" }),
  "disabled": (config) => withWeb(config, { enabled: false }),
  "enabled": (config) => ({
    ...config,
    services: config.services.map((service) => ({ ...service, enabled: true })),
  }),
  "another check": (config) => withWeb(config, { checks: [httpCheckConfig({ port: 9, name: "nine" })] }),
  "a peer's timers": (config) => ({
    ...config,
    bgp: { ...config.bgp, peers: config.bgp.peers.map((peer) => ({ ...peer, holdTimeSeconds: 30 })) },
  }),
};

/** Plans and then reloads `next`; the plan must say what the reload does. */
async function foretell(world: World, agent: Agent, next: Config, inOrder: boolean): Promise<void> {
  world.kernel.made.length = 0;
  const before = routesOf(agent);
  const plan = await planned(world, agent, next);
  assert.deepEqual(world.kernel.made, [], "a plan changes nothing");
  assert.deepEqual(routesOf(agent), before);
  const reloaded = agent.orders.reload(undefined);
  await world.stage.clock.advance(30_000);
  const answer = await reloaded;
  assert.ok(answer.result !== "invalid");
  assert.deepEqual(plan.changes, answer.changes);
  assert.deepEqual(plan.restart, answer.restart);
  // What leaves for different reasons leaves each in its own time.
  const foretold = plan.kernel.flatMap(({ changes }) => changes);
  assert.deepEqual(foretold.toSorted(), world.kernel.made.toSorted());
  if (inOrder) assert.deepEqual(foretold, world.kernel.made);
  const expected = new Set(before);
  const each = ({ prefix, toPeers = ["r1", "r2"] }: Plan["routes"]["announced"][number]) =>
    toPeers.map((peer) => `${peer} ${prefix}`);
  for (const route of plan.routes.withdrawn.flatMap(each)) assert.ok(expected.delete(route), route);
  for (const route of plan.routes.announced.flatMap(each)) {
    assert.ok(!expected.has(route), route);
    expected.add(route);
  }
  for (const route of plan.routes.changed.flatMap(each)) assert.ok(expected.has(route), route);
  assert.deepEqual([...routesOf(agent)].toSorted(), [...expected].toSorted());
}

for (const [name, change] of Object.entries(ROWS)) {
  Deno.test(`the agent's plan foretells the kernel's changes and the routes of a reload: ${name}`, async () => {
    const { world, agent } = await running();
    await foretell(world, agent, change(world.config()), true);
    await world.close();
  });
}

Deno.test("the agent's plan foretells that a firewall mark goes, and from its interface once it is out of use (found by simulation)", async () => {
  const { world, agent } = await running();
  await foretell(world, agent, withWeb(world.config(), { ports: [port, marked] }), true);
  await foretell(world, agent, world.config(), true);
  assert.match(world.kernel.made.join(), /repair interface web \(alias was bgp-lb:web fwmark 7\/4\)$/);
  await world.close();
});

Deno.test("the agent's plan foretells a reload from and to any two configurations, and of several changes at once", async () => {
  const rows = Object.values(ROWS);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.subarray(rows, { maxLength: 3 }), { minLength: 2, maxLength: 3 }),
      async (reloads) => {
        const { world, agent } = await running();
        for (const changes of reloads) {
          const next = changes.reduce((config, change) => change(config), world.config());
          await foretell(world, agent, next, false);
        }
        await world.close();
      },
    ),
    { seed: 5, numRuns: 60, endOnFailure: true },
  );
});
