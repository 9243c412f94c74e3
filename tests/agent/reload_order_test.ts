// Reloads where things change places, come back, or meet what does not work: nothing that can stay is withdrawn.
import assert from "node:assert/strict";
import type { Agent } from "../../src/agent/agent.ts";
import type { Config, ServiceConfig } from "../../src/config/config.ts";
import type { ReloadAnswer } from "../../src/control/orders.ts";
import { interfaceMark } from "../../src/kernel/state.ts";
import { World } from "../support/agent_world.ts";
import { address } from "../support/bgp.ts";
import { httpCheckConfig, PLAIN_PORT, scheduledBy, serviceConfig } from "../support/config.ts";
import { FakeKernel } from "../support/fake_kernel.ts";

const stop = { shiftMs: 0, convergeMs: 1000, quiesceMs: 5000 };
const SECOND = serviceConfig({
  name: "second",
  interface: "second",
  addresses: [address("10.99.0.2")],
  stop,
});

/** An agent that runs, with everything announced; `services` beside the bystanders of the world, in place of `web`. */
async function running(
  services: readonly ServiceConfig[],
  world = new World(),
  ports: Parameters<World["agent"]>[1] = {},
): Promise<{ world: World; agent: Agent }> {
  const agent = world.agent({ checks: [] }, ports);
  agent.start();
  await world.stage.clock.advance(3500);
  const answer = await reload(world, agent, services);
  assert.equal(answer.result === "applied" || answer.result === "unchanged", true, JSON.stringify(answer));
  await world.stage.clock.advance(3500);
  world.journal.length = 0;
  world.kernel.made.length = 0;
  return { world, agent };
}

function start(
  world: World,
  agent: Agent,
  services: readonly ServiceConfig[],
  change = (config: Config) => config,
) {
  const others = world.config().services.filter(({ name }) => name !== "web");
  world.file = {
    ok: true,
    config: change({ ...world.config(), services: [...services, ...others] }),
    warnings: [],
  };
  return agent.orders.reload(undefined);
}

async function reload(
  world: World,
  agent: Agent,
  services: readonly ServiceConfig[],
  change?: (config: Config) => Config,
): Promise<ReloadAnswer> {
  const answer = start(world, agent, services, change);
  await world.stage.clock.advance(50);
  return await answer;
}

/** Prefixes that the routers were told to drop, by UPDATE. */
function withdrawnOnWire(world: World): number {
  return world.router.status.prefixes.withdrawn + world.second.status.prefixes.withdrawn;
}

const WEB = serviceConfig({ stop });

Deno.test("two services that swap their interfaces stay announced all along", async () => {
  const { world, agent } = await running([WEB, SECOND]);
  const routes = world.events.of("route").length;
  await reload(world, agent, [{ ...WEB, interface: "second" }, { ...SECOND, interface: "web" }]);
  await world.stage.clock.advance(5000);
  assert.equal(withdrawnOnWire(world), 0);
  assert.deepEqual(world.events.of("route").slice(routes), []);
  assert.equal(world.kernel.link("web").alias, interfaceMark("second"));
  assert.deepEqual(world.kernel.link("web").addresses.map(({ address }) => address.text), ["10.99.0.2"]);
  await world.close();
});

Deno.test("two services that swap their addresses, or their names, are never withdrawn on the wire", async () => {
  const { world, agent } = await running([WEB, SECOND]);
  const web = { ...WEB, addresses: SECOND.addresses };
  const second = { ...SECOND, addresses: WEB.addresses };
  await reload(world, agent, [web, second]);
  await world.stage.clock.advance(7000);
  assert.equal(withdrawnOnWire(world), 0, world.journal.join("\n"));
  await reload(world, agent, [{ ...web, name: "second" }, { ...second, name: "web" }]);
  await world.stage.clock.advance(7000);
  assert.equal(withdrawnOnWire(world), 0, world.journal.join("\n"));
  assert.deepEqual(agent.status().services.slice(0, 2).map(({ routes }) => routes[0]?.announce), [
    true,
    true,
  ]);
  assert.deepEqual(agent.status().leaving, []);
  await world.close();
});

Deno.test("a service under another name with the same interface and address is never withdrawn", async () => {
  const { world, agent } = await running([WEB]);
  await reload(world, agent, [{ ...WEB, name: "site" }]);
  await world.stage.clock.advance(7000);
  assert.equal(withdrawnOnWire(world), 0, world.journal.join("\n"));
  assert.equal(world.kernel.link("web").alias, interfaceMark("site"));
  assert.equal(agent.status().services[0]?.routes[0]?.announce, true);
  assert.deepEqual(world.kernel.made, ["repair interface web (alias was bgp-lb:web)"]);
  await world.close();
});

Deno.test("an address moves to another service: on both interfaces for a moment, announced all along", async () => {
  const both = [...WEB.addresses, address("10.99.0.9")];
  const { world, agent } = await running([{ ...WEB, addresses: both }, SECOND]);
  await reload(world, agent, [WEB, { ...SECOND, addresses: [...SECOND.addresses, address("10.99.0.9")] }]);
  await world.stage.clock.advance(7000);
  assert.equal(withdrawnOnWire(world), 0, world.journal.join("\n"));
  assert.ok(
    world.at("add address 10.99.0.9/32 to second") < world.at("delete address 10.99.0.9/32 from web"),
  );
  assert.ok(
    !world.kernel.made.some((line) => line.includes("virtual service")),
    world.kernel.made.join("\n"),
  );
  await world.close();
});

Deno.test("an address moves to a service that is not healthy: withdrawn at once, and the kernel has it all the same", async () => {
  const { world, agent } = await running([{ ...WEB, addresses: [...WEB.addresses, address("10.99.0.9")] }, {
    ...SECOND,
    checks: [httpCheckConfig({ fall: 1 })],
  }]);
  world.outcome = { kind: "fail", detail: "status 500" };
  await world.stage.clock.advance(2000);
  const before = withdrawnOnWire(world);
  await reload(world, agent, [WEB, {
    ...SECOND,
    checks: [httpCheckConfig({ fall: 1 })],
    addresses: [...SECOND.addresses, address("10.99.0.9")],
  }]);
  assert.equal(withdrawnOnWire(world), before + 2);
  await world.stage.clock.advance(7000);
  assert.ok(world.kernel.link("second").addresses.some(({ address }) => address.text === "10.99.0.9"));
  assert.ok(world.kernel.services.some(({ address }) => address.text === "10.99.0.9"));
  await world.close();
});

Deno.test("a service goes and another one comes with its interface: the one that goes shifts and stays served meanwhile", async () => {
  const shifting = { ...WEB, stop: { ...stop, shiftMs: 3000 } };
  const { world, agent } = await running([shifting]);
  await reload(world, agent, [{ ...SECOND, interface: "web" }]);
  await world.stage.clock.advance(1000);
  assert.equal(agent.status().services.find(({ name }) => name === "web")?.phase.name, "shifting");
  assert.equal(agent.status().services.find(({ name }) => name === "web")?.routes[0]?.announce, true);
  await world.stage.clock.advance(9000);
  assert.deepEqual(world.kernel.link("web").addresses.map(({ address }) => address.text), ["10.99.0.2"]);
  assert.equal(agent.status().services[0]?.routes[0]?.announce, true);
  await world.close();
});

Deno.test("a service that goes while it shifts is still gated by its health", async () => {
  const web = { ...WEB, stop: { ...stop, shiftMs: 30_000 }, checks: [httpCheckConfig({ fall: 1 })] };
  const { world, agent } = await running([web]);
  await reload(world, agent, []);
  world.outcome = { kind: "fail", detail: "status 500" };
  await world.stage.clock.advance(1500);
  assert.equal(world.router.status.prefixes.withdrawn, 1);
  await world.stage.clock.advance(9000);
  assert.equal(agent.status().services.some(({ name }) => name === "web"), false);
  await world.close();
});

Deno.test("removed and added three times in a row: in the end it is there, or is gone, as the last file says", async () => {
  for (const last of [[WEB], []]) {
    const { world, agent } = await running([WEB]);
    world.kernel.activeConnections = 1;
    for (let time = 0; time < 3; time++) {
      await reload(world, agent, []);
      await world.stage.clock.advance(time * 700);
      await reload(world, agent, [WEB]);
      await world.stage.clock.advance(time * 70);
    }
    await reload(world, agent, last);
    await world.stage.clock.advance(10_000);
    assert.equal(world.kernel.interfaces.some(({ name }) => name === "web"), last.length > 0);
    assert.equal(agent.status().services.filter(({ name }) => name === "web").length, last.length);
    assert.deepEqual(agent.status().leaving, []);
    await world.close();
  }
});

Deno.test("a service that comes back in each phase of its way out is announced only with weights in the kernel", async () => {
  for (const goneForMs of [10, 900, 1100, 3000, 5900]) {
    const { world, agent } = await running([WEB]);
    world.kernel.activeConnections = 1;
    let bad = 0;
    world.events.stream.subscribe("test", ({ kind }) => {
      const announced = agent.status().services.find(({ name }) => name === "web")?.routes[0]?.announce;
      const weight = world.kernel.services[0]?.destinations[0]?.weight;
      if (kind === "route" && announced === true && weight !== 1) bad++;
    });
    await reload(world, agent, []);
    await world.stage.clock.advance(goneForMs);
    await reload(world, agent, [WEB]);
    await world.stage.clock.advance(2000);
    assert.equal(agent.status().services[0]?.routes[0]?.announce, true, `${goneForMs}`);
    assert.equal(bad, 0, `${goneForMs}`);
    await world.close();
  }
});

Deno.test("a peer under another name, and a service that names it: no route is withdrawn", async () => {
  const only = (peer: string) => ({ ...WEB, announce: { ...WEB.announce, peers: [peer] } });
  const { world, agent } = await running([only("r1")]);
  const before = withdrawnOnWire(world);
  await reload(world, agent, [only("edge")], (config) => ({
    ...config,
    bgp: {
      ...config.bgp,
      peers: config.bgp.peers.map((peer) => peer.name === "r1" ? { ...peer, name: "edge" } : peer),
    },
  }));
  await world.stage.clock.advance(3000);
  assert.equal(withdrawnOnWire(world), before);
  assert.equal(world.router.status.state, "Established");
  await world.close();
});

Deno.test("a check that changed and is blind takes nothing from a service that was healthy", async () => {
  const { world, agent } = await running([{ ...WEB, checks: [httpCheckConfig()] }]);
  world.outcome = { kind: "unknown", detail: "too many open files" };
  await reload(world, agent, [{ ...WEB, checks: [httpCheckConfig({ path: "/new" })] }]);
  await world.stage.clock.advance(5000);
  assert.equal(agent.status().services[0]?.routes[0]?.announce, true);
  assert.equal(withdrawnOnWire(world), 0);
  await world.close();
});

Deno.test("a part that throws as a reload goes over is told, and the others go over all the same", async () => {
  const world = new World();
  const { agent } = await running([WEB], world, {
    setLog() {
      throw new Error("no log");
    },
    hostname() {
      if (world.journal.length > 0) throw new Error("no name");
      return "host";
    },
  });
  world.journal.push("now");
  const answer = await reload(
    world,
    agent,
    [{ ...WEB, announce: { ...WEB.announce, med: 7 } }, SECOND],
    (config) => ({
      ...config,
      http: { ...config.http, listen: { hostname: "", port: 8082 } },
    }),
  );
  assert.equal(answer.result, "applied");
  assert.match(answer.result === "applied" ? answer.errors.join("\n") : "", /no log[^]*no name/);
  await world.stage.clock.advance(3000);
  assert.equal(agent.status().services[1]?.routes[0]?.announce, true);
  assert.equal(agent.status().config.lastReload?.successful, true);
  await world.closeWithFaults();
});

Deno.test("a service that the kernel refuses is refused with the cure, and runs once the kernel takes it", async () => {
  const { world, agent } = await running([WEB]);
  const next = [scheduledBy(SECOND, { ...PLAIN_PORT.ipvs, scheduler: "sed" }), WEB];
  const answer = await reload(world, agent, next);
  assert.match(answer.result === "invalid" ? answer.problems.join() : "", /modprobe ip_vs_sed/);
  assert.equal(agent.status().services.some(({ name }) => name === SECOND.name), false);
  world.kernel.schedulers = new Set([...world.kernel.schedulers, "sed"]);
  assert.equal((await reload(world, agent, next)).result, "applied");
  await world.stage.clock.advance(3000);
  assert.equal(agent.status().services[0]?.routes[0]?.announce, true);
  await world.close();
});

class SlowKernel extends FakeKernel {
  hung = false;
  readonly #free = Promise.withResolvers<void>();

  override async read(...interest: Parameters<FakeKernel["read"]>) {
    if (this.hung) await this.#free.promise;
    return await super.read(...interest);
  }

  goOn(): void {
    this.hung = false;
    this.#free.resolve();
  }
}

Deno.test("a kernel that does not answer: the rest goes over after a while, and the answer says what was not done", async () => {
  const kernel = new SlowKernel();
  const { world, agent } = await running([WEB], new World(kernel));
  kernel.hung = true;
  const reloading = start(world, agent, [{ ...WEB, announce: { ...WEB.announce, med: 7 } }, SECOND]);
  await world.stage.clock.advance(21_000);
  const answer = await Promise.race([reloading, Promise.resolve(undefined)]);
  assert.match(
    answer?.result === "applied" ? answer.errors.join() : "none",
    /kernel has not made what is new/,
  );
  assert.equal(agent.status().services[0]?.routes[0]?.attributes.med, 7);
  assert.equal(agent.status().services[1]?.routes[0]?.announce, false);
  kernel.goOn();
  await world.stage.clock.advance(31_000);
  assert.equal(agent.status().services[1]?.routes[0]?.announce, true);
  await world.close();
});

Deno.test("a reload that a stop cuts short is no applied one", async () => {
  const { world, agent } = await running([WEB]);
  const before = world.events.of("reload").length;
  world.kernel.beforeChange = () => void agent.stop("for the test");
  const reloading = start(world, agent, [WEB, SECOND]);
  await Promise.all([assert.rejects(reloading, /stopping/), world.stage.clock.advance(60_000)]);
  assert.deepEqual(world.events.of("reload").slice(before), []);
  await world.close();
});

Deno.test("the file cannot even be read: a reload that throws is a refused one, and the next one works", async () => {
  const { world, agent } = await running([WEB]);
  const file = world.file;
  Object.defineProperty(world, "file", {
    configurable: true,
    get() {
      throw new Error("the disk is gone");
    },
  });
  const answer = await agent.orders.reload(undefined);
  assert.deepEqual(answer, { result: "invalid", problems: ["the disk is gone"] });
  Object.defineProperty(world, "file", { value: file, configurable: true, writable: true });
  const again = agent.orders.reload(undefined);
  await world.stage.clock.advance(50);
  assert.equal((await again).result, "unchanged");
  await world.close();
});

Deno.test("another scheduler, persistence and protocol: set in place, or made before the old one goes", async () => {
  const { world, agent } = await running([WEB]);
  const persistence = { timeoutSeconds: 60, netmask: 32, netmask6: 128 };
  await reload(world, agent, [scheduledBy(WEB, { scheduler: "wrr", flags: [], persistence })]);
  await world.stage.clock.advance(1000);
  assert.equal(world.kernel.services.length, 1);
  assert.deepEqual([world.kernel.services[0]?.scheduler, world.kernel.services[0]?.timeoutSeconds], [
    "wrr",
    60,
  ]);
  const [port] = WEB.ports;
  assert.ok(port !== undefined);
  await reload(world, agent, [{ ...WEB, ports: [{ ...port, protocol: "udp" }] }]);
  await world.stage.clock.advance(7000);
  assert.deepEqual(world.kernel.services.map(({ protocol }) => protocol), ["udp"]);
  assert.equal(withdrawnOnWire(world), 0);
  await world.close();
});
