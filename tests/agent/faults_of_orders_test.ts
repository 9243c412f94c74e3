// Faults of orders that the simulation found, or that it alone held: each once more, by itself.
import assert from "node:assert/strict";
import type { Agent } from "../../src/agent/agent.ts";
import type { Config, ServiceConfig } from "../../src/config/config.ts";
import { World } from "../support/agent_world.ts";
import { address } from "../support/bgp.ts";
import { httpCheckConfig, serviceConfig } from "../support/config.ts";
import { sleep } from "../../src/time/clock.ts";

const DIRECTORY = "/var/lib/bgp-lb";
const NEW = serviceConfig({ name: "new", interface: "new", addresses: [address("10.99.5.1")] });

async function running(service: Partial<ServiceConfig> = {}, world = new World()) {
  world.stateDirectory = DIRECTORY;
  const agent = world.agent(service);
  agent.start();
  await world.stage.clock.advance(3500);
  return { world, agent, clock: world.stage.clock };
}

async function reload(world: World, agent: Agent, config: Config): Promise<void> {
  world.file = { ok: true, config, warnings: [] };
  const reloading = agent.orders.reload(undefined);
  await world.stage.clock.advance(100);
  await reloading;
}

/** Its routers keep nothing for an agent that restarts. */
class ForgetfulWorld extends World {
  override config(service: Partial<ServiceConfig> = {}): Config {
    const config = super.config(service);
    const peers = config.bgp.peers.map((peer) => ({ ...peer, gracefulRestart: undefined }));
    return { ...config, bgp: { ...config.bgp, peers } };
  }
}

/** The process is gone in this moment, as by SIGKILL. */
async function kill(world: World, agent: Agent): Promise<void> {
  world.stage.network.resetAll();
  await agent.abort();
}

function drain(agent: Agent, services: readonly string[], forMs?: number) {
  return agent.orders.drain({ services, reason: undefined, forMs }, undefined);
}

function withNew(config: Config): Config {
  return { ...config, services: [...config.services, NEW] };
}

/** Longer than a beat of LoopDelay. */
const BEAT_MS = 150;

Deno.test("a reload leaves no timer behind: the kernel is not waited for any longer than it takes", async () => {
  const { world, agent, clock } = await running();
  // What measures the loop while anything is probed has its own end by then.
  await clock.advance(BEAT_MS);
  const before = clock.pending;
  for (let turn = 0; turn < 5; turn++) {
    await reload(world, agent, world.config({ announce: { ...serviceConfig().announce, med: turn } }));
  }
  await clock.advance(BEAT_MS);
  assert.ok(clock.pending <= before, `${clock.pending} timers, and ${before} before`);
  await world.close();
});

Deno.test("a drain for a time that ends while the agent stops puts nothing back into service", async () => {
  const { world, agent, clock } = await running();
  world.kernel.activeConnections = 1;
  await drain(agent, ["web"], 3000);
  await clock.advance(1500);
  const stopped = agent.stop("for the test");
  await clock.advance(30_000);
  assert.deepEqual(await stopped, []);
  assert.equal(world.events.of("undrained").length, 0);
  const back = world.events.of("phase").filter(({ to }) => to === "serving");
  assert.deepEqual(back, []);
  await world.close();
});

Deno.test("a restored drain that was converging gives routers their time once more, before weights go", async () => {
  const stop = { shiftMs: 0, convergeMs: 1000, quiesceMs: 5000 };
  const { world, agent, clock } = await running({ stop }, new ForgetfulWorld());
  await drain(agent, ["web"]);
  await clock.advance(500);
  assert.equal(agent.status().services[0]?.phase.name, "converging");
  await kill(world, agent);
  const next = world.agent({ stop });
  next.start();
  const weight = () => world.kernel.services[0]?.destinations[0]?.weight;
  await clock.advance(900);
  assert.equal(next.status().services[0]?.routes[0]?.announce, false);
  assert.notEqual(weight(), 0, "routers have not had their time");
  await clock.advance(60_000);
  assert.equal(next.status().services[0]?.phase.name, "down");
  assert.equal(weight(), 0);
  await world.closeWithFaults();
});

Deno.test("drain of all, where all were drained by name before, is for services that come later, too", async () => {
  const { world, agent, clock } = await running();
  await drain(agent, ["web", "other", "off"]);
  await clock.advance(8000);
  await drain(agent, []);
  await reload(world, agent, withNew(world.config()));
  await clock.advance(3000);
  assert.equal(agent.status().services.find(({ name }) => name === "new")?.phase.name, "down");
  assert.deepEqual(world.events.of("route").filter(({ service }) => service === "new"), []);
  await world.closeWithFaults();
});

Deno.test("a service that dies while it shifts at a stop is withdrawn at once", async () => {
  const { world, agent, clock } = await running({
    stop: { shiftMs: 20_000, convergeMs: 1000, quiesceMs: 1000 },
  });
  const stopped = agent.stop("for the test");
  await clock.advance(1500);
  assert.equal(agent.status().services[0]?.routes[0]?.announce, true);
  world.outcome = { kind: "fail", detail: "connection refused" };
  await clock.advance(4000);
  assert.equal(agent.status().services[0]?.routes[0]?.announce, false);
  assert.equal(world.router.status.prefixes.withdrawn, 1);
  await clock.advance(60_000);
  assert.deepEqual(await stopped, []);
  await world.close();
});

Deno.test("a service that comes while all are drained never gets weight, and the plan names every write", async () => {
  const { world, agent, clock } = await running();
  await drain(agent, []);
  await clock.advance(8000);
  const next = withNew(world.config());
  world.file = { ok: true, config: next, warnings: [] };
  const answer = await agent.plan(undefined);
  world.kernel.made.length = 0;
  await reload(world, agent, next);
  await clock.advance(8000);
  assert.ok(answer.result === "plan");
  assert.deepEqual(
    answer.plan.kernel.flatMap(({ changes }) => changes).toSorted(),
    world.kernel.made.toSorted(),
  );
  assert.deepEqual(world.kernel.made.filter((line) => /weight [1-9]/.test(line)), []);
  await world.closeWithFaults();
});

Deno.test("what leaves the kernel names the reload that ordered it, in every phase", async () => {
  const { world, agent, clock } = await running({ addresses: [address("10.99.0.1"), address("10.99.0.2")] });
  world.kernel.activeConnections = 1;
  await reload(world, agent, world.config());
  await clock.advance(20_000);
  const [reloaded] = world.events.of("reload");
  const leaving = world.events.of("leaving");
  assert.deepEqual(leaving.map(({ to }) => to), ["withdrawn", "converging", "quiescing", "gone"]);
  assert.deepEqual(leaving.map(({ because }) => because), leaving.map(() => reloaded?.id));
  await world.close();
});

Deno.test("what goes by a verdict while it shifts names the verdict, its phases the order to go", async () => {
  const { world, agent, clock } = await running({
    stop: { shiftMs: 20_000, convergeMs: 1000, quiesceMs: 1000 },
  });
  await drain(agent, ["web"]);
  world.outcome = { kind: "fail", detail: "connection refused" };
  await clock.advance(10_000);
  const [drained] = world.events.of("drained");
  const verdict = world.events.of("verdict").findLast(({ to }) => to === "unhealthy");
  const route = world.events.of("route").findLast(({ to }) => to === "withdrawn");
  assert.equal(route?.because, verdict?.id);
  for (const phase of world.events.of("phase")) assert.equal(phase.because, drained?.id, phase.to);
  await world.close();
});

Deno.test("a plan names the routes that come because the check that kept them back is no more", async () => {
  const { world, agent, clock } = await running();
  world.outcome = { kind: "fail", detail: "connection refused" };
  await clock.advance(5000);
  const checks = [httpCheckConfig({ name: "another", port: 5 })];
  world.file = { ok: true, config: world.config({ checks }), warnings: [] };
  const answer = await agent.plan(undefined);
  assert.ok(answer.result === "plan");
  const announced = answer.plan.routes.announced.map(({ prefix, when }) => [prefix, when]);
  assert.deepEqual(announced, [["10.99.0.1/32", "when healthy"]]);
  await reload(world, agent, world.config({ checks }));
  await clock.advance(5000);
  assert.equal(agent.status().services[0]?.routes[0]?.announce, true);
  await world.close();
});

Deno.test("what is ordered while the file of drains is read is added to it, and names its order", async () => {
  const { world, agent } = await running();
  await drain(agent, ["other"]);
  await kill(world, agent);
  const { clock } = world.stage;
  const files = world.side.stateFiles;
  const next = world.agent({}, {
    stateFiles: {
      read: async (path) => {
        await sleep(clock, 500);
        return await files.read(path);
      },
      replace: (path, octets) => files.replace(path, octets),
      setAside: (path) => files.setAside(path),
    },
  });
  next.start();
  await clock.advance(100);
  const ordered = drain(next, ["web"]);
  await clock.advance(5000);
  assert.equal((await ordered).lost, undefined);
  const drains = () => next.status().services.map(({ name, drain }) => drain && name);
  assert.deepEqual(drains(), ["web", "other", undefined]);
  const drained = world.events.of("drained").at(-1);
  const phases = world.events.of("phase").filter(({ service }) => service === "web");
  assert.ok(phases.length > 0);
  for (const phase of phases) assert.equal(phase.because, drained?.id, phase.to);
  await kill(world, next);
  const third = world.agent();
  third.start();
  await clock.advance(3000);
  assert.deepEqual(third.status().services.map(({ name, drain }) => drain && name), [
    "web",
    "other",
    undefined,
  ]);
  await world.closeWithFaults();
});

Deno.test("a drain that is ordered while the agent starts breaks nothing that routers keep of the process before", async () => {
  const { world, agent, clock } = await running();
  await kill(world, agent);
  const files = world.side.stateFiles;
  const next = world.agent({}, {
    stateFiles: {
      read: async (path) => {
        await sleep(clock, 100);
        return await files.read(path);
      },
      replace: (path, octets) => files.replace(path, octets),
      setAside: (path) => files.setAside(path),
    },
  });
  world.stage.network.unreachable.add("10.0.0.2");
  next.start();
  await clock.advance(50);
  void drain(next, ["web"]);
  await clock.advance(3000);
  assert.equal(world.kernel.services[0]?.destinations[0]?.weight, 1, "a router may keep the route");
  assert.equal(next.status().services[0]?.phase.name, "withdrawn");
  world.stage.network.unreachable.clear();
  await clock.advance(180_000);
  assert.equal(next.status().services[0]?.phase.name, "down");
  await world.closeWithFaults();
});
