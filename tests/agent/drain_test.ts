// The whole agent takes services out of service and back by operators' orders, which outlive it.
import assert from "node:assert/strict";
import type { Agent } from "../../src/agent/agent.ts";
import type { ServiceConfig } from "../../src/config/config.ts";
import { World } from "../support/agent_world.ts";
import { address } from "../support/bgp.ts";
import { serviceConfig } from "../support/config.ts";
import { PLAIN } from "../support/kernel_objects.ts";

const DIRECTORY = "/var/lib/bgp-lb";

async function running(service: Partial<ServiceConfig> = {}, world = new World()) {
  world.stateDirectory = DIRECTORY;
  const agent = world.agent(service);
  agent.start();
  await world.stage.clock.advance(3500);
  return { world, agent };
}

function phases(agent: Agent): readonly string[] {
  return agent.status().services.map(({ name, phase }) => `${name} ${phase.name}`);
}

/** The process is gone in this moment, as by SIGKILL: the kernel and the files are as they are. */
async function kill(world: World, agent: Agent): Promise<void> {
  world.stage.network.resetAll();
  await agent.abort();
}

function order(services: readonly string[], forMs?: number) {
  return { services, reason: undefined, forMs };
}

Deno.test("drain goes through its phases, each an event with the order as its cause", async () => {
  const { world, agent } = await running({ stop: { shiftMs: 2000, convergeMs: 1000, quiesceMs: 5000 } });
  world.kernel.activeConnections = 1;
  const answer = await agent.orders.drain(order(["web"]), { pid: 7, uid: 0, gid: 0 });
  assert.deepEqual(answer, { services: ["web"], lost: undefined });
  const { clock } = world.stage;
  await clock.advance(100);
  assert.equal(phases(agent)[0], "web shifting");
  assert.equal(agent.status().services[0]?.routes[0]?.announce, true);
  const [progress] = agent.orders.progress({ services: ["web"] });
  assert.deepEqual(progress, {
    service: "web",
    phase: "shifting",
    leftMs: 1900,
    connections: 1,
    done: false,
  });
  await clock.advance(2000);
  assert.equal(phases(agent)[0], "web converging");
  assert.equal(world.router.status.prefixes.withdrawn, 1);
  await clock.advance(1000);
  assert.equal(phases(agent)[0], "web quiescing");
  assert.equal(world.kernel.services[0]?.destinations[0]?.weight, 0);
  world.kernel.activeConnections = 0;
  await clock.advance(300);
  assert.equal(phases(agent)[0], "web down");
  assert.equal(agent.orders.progress({ services: ["web"] })[0]?.done, true);
  assert.ok(
    world.kernel.interfaces.some(({ name }) => name === "web"),
    "what is drained stays in the kernel",
  );
  const [given] = world.events.of("order");
  const [drained] = world.events.of("drained");
  assert.match(given?.cause ?? "", /uid 0 \(pid 7\)/);
  assert.equal(drained?.because, given?.id);
  assert.deepEqual(world.events.of("phase").map(({ to, because }) => [to, because]), [
    ["shifting", drained?.id],
    ["withdrawn", drained?.id],
    ["converging", drained?.id],
    ["quiescing", drained?.id],
    ["down", drained?.id],
  ]);
  await agent.orders.undrain({ services: ["web"] }, undefined);
  await clock.advance(100);
  assert.equal(agent.status().services[0]?.routes[0]?.peers.length, 2);
  assert.equal(world.kernel.services[0]?.destinations[0]?.weight, 1);
  await world.close();
});

Deno.test("while it shifts, its routes are everybody's last choice (RFC 8326), and are as before after an undrain", async () => {
  const { announce } = serviceConfig();
  const { world, agent } = await running({
    stop: { shiftMs: 20_000, convergeMs: 1000, quiesceMs: 5000 },
    announce: { ...announce, med: 10 },
  });
  await agent.orders.drain(order(["web"]), undefined);
  await world.stage.clock.advance(100);
  const attributes = agent.status().services[0]?.routes[0]?.attributes;
  assert.deepEqual(
    [attributes?.communities, attributes?.localPreference, attributes?.med],
    [["graceful-shutdown"], 0, 0xffff_ffff],
  );
  const sent = world.events.of("updates-sent").length;
  await agent.orders.undrain({ services: [] }, undefined);
  await world.stage.clock.advance(100);
  assert.equal(world.events.of("updates-sent").length, sent + 2);
  assert.equal(world.router.status.prefixes.withdrawn, 0);
  await world.close();
});

Deno.test("the same order again changes nothing and is told the same; one unknown name drains nothing", async () => {
  const { world, agent } = await running();
  const first = await agent.orders.drain(order(["web"]), undefined);
  const again = await agent.orders.drain(order(["web"]), undefined);
  assert.deepEqual(again, first);
  assert.equal(world.events.of("drained").length, 1);
  await assert.rejects(agent.orders.drain(order(["other", "wbe"]), undefined), /no service wbe/);
  assert.equal(agent.status().services[1]?.drain, undefined);
  const undrained = await agent.orders.undrain({ services: ["other"] }, undefined);
  assert.deepEqual(undrained.services, ["other"]);
  assert.equal(world.events.of("undrained").length, 0);
  await agent.orders.undrain({ services: [] }, undefined);
  await world.stage.clock.advance(100);
  await world.close();
});

Deno.test("a drain outlives a SIGKILL, a stop and a start: what was quiesced stays so, and is never announced", async () => {
  const { world, agent } = await running();
  world.kernel.activeConnections = 1;
  await agent.orders.drain(order(["web"]), undefined);
  await world.stage.clock.advance(2500);
  await kill(world, agent);
  const next = await running({}, world);
  assert.equal(phases(next.agent)[0], "web quiescing");
  assert.equal(world.kernel.services[0]?.destinations[0]?.weight, 0);
  assert.equal(next.agent.status().services[0]?.drain?.reason, "drained by an operator");
  assert.equal(next.agent.status().services[0]?.routes[0]?.announce, false);
  void next.agent.stop("for the test");
  world.kernel.activeConnections = 0;
  await world.stage.clock.advance(60_000);
  const third = await running({}, world);
  assert.equal(phases(third.agent)[0], "web down");
  await third.agent.orders.undrain({ services: [] }, undefined);
  await world.stage.clock.advance(1000);
  assert.equal(third.agent.status().services[0]?.routes[0]?.peers.length, 2);
  await world.closeWithFaults();
});

Deno.test("a drain for a time undoes itself, also where that was while no agent ran", async () => {
  const { world, agent } = await running();
  await agent.orders.drain(order(["web"], 10_000), undefined);
  await world.stage.clock.advance(9_000);
  assert.equal(agent.status().services[0]?.routes[0]?.announce, false);
  await world.stage.clock.advance(1_500);
  assert.equal(agent.status().services[0]?.routes[0]?.peers.length, 2);
  assert.equal(world.events.of("undrained").at(-1)?.cause, "the time is over");
  await agent.orders.drain(order([], 10_000), undefined);
  await world.stage.clock.advance(100);
  await kill(world, agent);
  world.stage.clock.stall(20_000);
  const next = await running({}, world);
  assert.equal(next.agent.status().services[0]?.drain, undefined);
  assert.equal(next.agent.status().services[0]?.routes[0]?.peers.length, 2);
  await world.closeWithFaults();
});

Deno.test("drain without a name is for services that come later, too; undrain of one leaves the others", async () => {
  const { world, agent } = await running();
  await agent.orders.drain(order([]), undefined);
  await world.stage.clock.advance(8000);
  const added = serviceConfig({
    name: "new",
    interface: "new",
    addresses: [address("10.99.5.1")],
    checks: [],
  });
  const config = world.config();
  world.file = { ok: true, config: { ...config, services: [...config.services, added] }, warnings: [] };
  const reloading = agent.orders.reload(undefined);
  await world.stage.clock.advance(3000);
  await reloading;
  assert.deepEqual(phases(agent), ["web down", "other down", "off down", "new down"]);
  assert.deepEqual(world.events.of("route").filter(({ service }) => service === "new"), []);
  await agent.orders.undrain({ services: ["new"] }, undefined);
  await world.stage.clock.advance(1000);
  assert.deepEqual(phases(agent), ["web down", "other down", "off down", "new serving"]);
  await agent.orders.undrain({ services: [] }, undefined);
  await world.stage.clock.advance(1000);
  await world.closeWithFaults();
});

Deno.test("where it cannot be kept the answer says so, and a torn file is set aside and told", async () => {
  const { world, agent } = await running();
  world.side.stateFiles.fault = new Error("/var/lib/bgp-lb is on a file system that is read only");
  const { lost } = await agent.orders.drain(order(["web"]), undefined);
  assert.match(lost ?? "", /read only/);
  await world.stage.clock.advance(100);
  assert.match(agent.status().services[0]?.drain?.lost ?? "", /read only/);
  world.side.stateFiles.fault = undefined;
  await world.stage.clock.advance(11_000);
  assert.equal(agent.status().services[0]?.drain?.lost, undefined, "it is tried again");
  await kill(world, agent);
  const file = world.side.stateFiles.files.get(`${DIRECTORY}/drains`);
  assert.ok(file !== undefined);
  world.side.stateFiles.files.set(`${DIRECTORY}/drains`, file.subarray(0, file.length - 5));
  const next = await running({}, world);
  assert.ok(world.logged.some((line) => line.includes("torn")), world.logged.join("\n"));
  assert.ok(world.side.stateFiles.files.has(`${DIRECTORY}/drains.damaged`));
  assert.equal(next.agent.status().services[0]?.routes[0]?.peers.length, 2);
  await world.closeWithFaults();
});

Deno.test("after a handover a service that is no more goes only once the routers have had End-of-RIB (faults K4)", async () => {
  const { world, agent } = await running();
  void agent.handover();
  await world.stage.clock.advance(100);
  world.journal.length = 0;
  const successor = world.agent({ enabled: true, name: "web", addresses: [address("10.99.0.8")] });
  successor.start();
  await world.stage.clock.advance(200);
  const has = () =>
    world.kernel.interfaces.some(({ addresses }) =>
      addresses.some(({ address }) => address.text === "10.99.0.1")
    );
  assert.ok(has(), "routers may still have the route");
  assert.deepEqual(successor.status().leaving.map(({ what }) => what), [["address 10.99.0.1"]]);
  await world.stage.clock.advance(40_000);
  assert.ok(!has());
  assert.equal(world.events.of("end-of-rib-sent").length, 4);
  const gone = world.at("delete address 10.99.0.1/32");
  assert.ok(
    world.journal.slice(0, gone).some((line) => line.includes("set destination")),
    world.journal.join("\n"),
  );
  await world.close();
});

Deno.test("after a handover a destination that is no more keeps its connections until they end (faults K5)", async () => {
  const [port] = serviceConfig().ports;
  assert.ok(port !== undefined);
  const old = {
    address: address("10.0.0.9"),
    port: 8080,
    weight: 1,
    forwarding: "masq",
    ...PLAIN,
    checks: [],
  } as const;
  const { world, agent } = await running({ ports: [{ ...port, destinations: [...port.destinations, old] }] });
  world.kernel.activeConnections = 1;
  void agent.handover();
  await world.stage.clock.advance(100);
  const successor = world.agent();
  successor.start();
  await world.stage.clock.advance(3000);
  const weights = () => world.kernel.services[0]?.destinations.map(({ weight }) => weight);
  assert.deepEqual(weights(), [1, 0]);
  world.kernel.activeConnections = 0;
  await world.stage.clock.advance(1000);
  assert.deepEqual(weights(), [1]);
  await world.close();
});

Deno.test("a drain of all for a time does not end what was said of one service for good", async () => {
  const { world, agent } = await running();
  await agent.orders.drain(order([]), undefined);
  await agent.orders.drain(order(["web"]), undefined);
  await agent.orders.drain(order([], 5000), undefined);
  await world.stage.clock.advance(10_000);
  assert.deepEqual(phases(agent), ["web down", "other serving", "off serving"]);
  await agent.orders.undrain({ services: [] }, undefined);
  await world.stage.clock.advance(1000);
  assert.equal(phases(agent)[0], "web serving");
  await world.close();
});

Deno.test("undrain of all means services, too, that are not configured at the moment", async () => {
  const { world, agent } = await running();
  await agent.orders.drain(order(["web"]), undefined);
  await world.stage.clock.advance(10_000);
  const config = world.config();
  const load = async (services: typeof config.services) => {
    world.file = { ok: true, config: { ...config, services }, warnings: [] };
    const reloading = agent.orders.reload(undefined);
    await world.stage.clock.advance(5000);
    await reloading;
  };
  await load(config.services.slice(1));
  await agent.orders.undrain({ services: [] }, undefined);
  await load(config.services);
  assert.equal(phases(agent)[0], "web serving");
  await world.close();
});

Deno.test("an undrain is done once the service is announced, or only its own health keeps it back", async () => {
  const { world, agent } = await running();
  const isDone = () => agent.orders.progress({ services: ["web"] })[0]?.done;
  await agent.orders.drain(order(["web"]), undefined);
  assert.equal(isDone(), false);
  await world.stage.clock.advance(10_000);
  assert.equal(isDone(), true);
  world.kernel.refuse = () => 16;
  await agent.orders.undrain({ services: ["web"] }, undefined);
  await world.stage.clock.advance(100);
  assert.equal(isDone(), false, "the kernel has no weight for it yet");
  world.kernel.refuse = () => undefined;
  await world.stage.clock.advance(5000);
  assert.equal(isDone(), true);
  world.outcome = { kind: "fail", detail: "status 500" };
  await world.stage.clock.advance(3000);
  assert.equal(agent.status().services[0]?.routes[0]?.announce, false);
  assert.equal(isDone(), true);
  await world.close();
});
