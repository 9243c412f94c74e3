// The whole agent with checks of destinations: weights, quorum and routes follow what probes find, in this order.
import assert from "node:assert/strict";
import type { Agent } from "../../src/agent/agent.ts";
import type { CheckConfig } from "../../src/config/checks/kinds.ts";
import type { Config, PortConfig, ServiceConfig } from "../../src/config/config.ts";
import type { Probe, ProbeOutcome } from "../../src/health/kinds/probe.ts";
import { World } from "../support/agent_world.ts";
import { address } from "../support/bgp.ts";
import { httpCheckConfig, serviceConfig } from "../support/config.ts";
import { checkedDestination, checkedPort, SORRY } from "../support/ports.ts";

/** An agent whose service `web` has ports with destinations that are probed. */
class Scene {
  readonly world: World;
  /** What probes of an address find; a pass where nothing is said. */
  readonly found = new Map<string, ProbeOutcome>();
  /** Probes by address. */
  readonly probes = new Map<string, number>();
  readonly service: Partial<ServiceConfig>;

  constructor(port: Partial<PortConfig> = {}, world = new World()) {
    this.world = world;
    this.service = { checks: [], ports: [checkedPort(port)] };
  }

  agent(): Agent {
    return this.world.agent(this.service, { probe: (check) => this.#probe(check) });
  }

  async start(): Promise<Agent> {
    const agent = this.agent();
    agent.start();
    await this.pass(2500);
    return agent;
  }

  fail(last: number): void {
    this.found.set(`10.0.0.${last}`, { kind: "fail", detail: "connection refused" });
  }

  heal(last: number, weight?: number): void {
    this.found.set(`10.0.0.${last}`, { kind: "pass", detail: "status 200", weight });
  }

  async pass(ms: number): Promise<void> {
    await this.world.stage.clock.advance(ms);
  }

  async reload(agent: Agent, change: (config: Config) => Config): Promise<string> {
    this.world.file = { ok: true, config: change(this.world.config(this.service)), warnings: [] };
    const answer = agent.orders.reload(undefined);
    await this.pass(50);
    return (await answer).result;
  }

  /** Of tcp 10.99.0.1:80, by the last number. */
  get weights(): Readonly<Record<string, number>> {
    const [service] = this.world.kernel.services;
    return Object.fromEntries((service?.destinations ?? []).map(({ address: { text }, weight }) => {
      return [text.slice(text.lastIndexOf(".") + 1), weight];
    }));
  }

  #probe(check: CheckConfig): Probe {
    const text = "address" in check ? check.address : "";
    return {
      run: () => {
        this.probes.set(text, (this.probes.get(text) ?? 0) + 1);
        return Promise.resolve(this.found.get(text) ?? { kind: "pass", detail: "status 200" });
      },
    };
  }
}

function isAnnounced(agent: Agent): boolean {
  return agent.status().services[0]?.routes[0]?.announce ?? false;
}

function quorumReason(agent: Agent): string | undefined {
  return agent.status().services[0]?.routes[0]?.gates.find(({ name }) => name === "quorum")?.reason;
}

Deno.test("a destination that fails gets nothing new, the others serve; below the quorum the route goes first", async () => {
  const at = new Scene();
  const agent = await at.start();
  assert.deepEqual(at.weights, { 1: 1, 2: 1 });
  assert.equal(isAnnounced(agent), true);
  at.fail(1);
  await at.pass(1100);
  assert.deepEqual(at.weights, { 1: 0, 2: 1 });
  assert.equal(isAnnounced(agent), true);
  at.world.journal.length = 0;
  at.fail(2);
  await at.pass(1100);
  assert.deepEqual(at.weights, { 1: 0, 2: 0 });
  assert.equal(isAnnounced(agent), false);
  assert.ok(at.world.at("withdraw") < at.world.at("kernel: set destination 10.0.0.2:8080"));
  assert.match(
    quorumReason(agent) ?? "",
    /^port tcp 80: live weight 0 of 2, needs 1; 10\.0\.0\.1:8080: http: connection refused; 10\.0\.0\.2:8080: /,
  );
  at.world.journal.length = 0;
  at.heal(1);
  await at.pass(1100);
  assert.equal(isAnnounced(agent), true);
  assert.ok(at.world.at("kernel: set destination 10.0.0.1:8080") < at.world.at("announce"));
  const told = at.world.events.of("destination").map(({ destination, to }) => `${destination} ${to}`);
  assert.deepEqual(told, [
    "10.0.0.1:8080 live",
    "10.0.0.2:8080 live",
    "10.0.0.1:8080 not live",
    "10.0.0.2:8080 not live",
    "10.0.0.1:8080 live",
  ]);
  await at.world.close();
});

Deno.test("quorum with hysteresis is lost and gained at different sums, and sorry serves where nobody else does", async () => {
  const destinations = [1, 2, 3].map((last) => checkedDestination(last));
  const at = new Scene({ quorum: 2, hysteresis: 1, destinations, sorry: SORRY });
  const agent = await at.start();
  assert.equal(isAnnounced(agent), true, "3 are 2 + 1");
  at.fail(1);
  at.fail(2);
  await at.pass(1100);
  assert.equal(isAnnounced(agent), true, "1 is 2 - 1");
  at.fail(3);
  await at.pass(1100);
  assert.equal(isAnnounced(agent), false);
  assert.deepEqual(at.weights, { 1: 0, 2: 0, 3: 0, 250: 1 });
  at.heal(1);
  at.heal(2);
  await at.pass(1100);
  assert.deepEqual(at.weights, { 1: 1, 2: 1, 3: 0 }, "sorry goes once nobody is connected to it");
  assert.equal(isAnnounced(agent), false, "2 are not 2 + 1");
  at.heal(3);
  await at.pass(1100);
  assert.equal(isAnnounced(agent), true);
  await at.world.close();
});

Deno.test("a restart cuts nothing: the same configuration writes nothing, before and after the first verdicts", async () => {
  const at = new Scene({
    slowStartMs: 10_000,
    destinations: [1, 2, 3].map((last) => checkedDestination(last)),
  });
  const first = await at.start();
  at.fail(3);
  await at.pass(1100);
  at.fail(2);
  await at.pass(1100);
  at.heal(2);
  await at.pass(4000);
  const { weights } = at;
  assert.ok((weights[2] ?? 0) > 1 && (weights[2] ?? 20) < 20, JSON.stringify(weights));
  assert.deepEqual({ ...weights, 2: 0 }, { 1: 20, 2: 0, 3: 0 });
  await first.abort();
  at.world.kernel.made.length = 0;
  const second = at.agent();
  second.start();
  await at.pass(1);
  assert.equal(isAnnounced(second), true, "what the kernel has is live");
  await at.pass(500);
  assert.deepEqual(at.weights, weights);
  assert.deepEqual(at.world.kernel.made, []);
  await at.pass(1100);
  assert.ok((at.weights[2] ?? 0) >= (weights[2] ?? 0), "goes on where it was");
  await at.pass(10_000);
  assert.deepEqual(at.weights, { 1: 20, 2: 20, 3: 0 });
  await at.world.close();
});

Deno.test("a restart with other destinations keeps those that served until routers know, and lets those that come serve first", async () => {
  const at = new Scene({ destinations: [checkedDestination(1)] });
  const first = await at.start();
  await first.abort();
  const next = new Scene({ destinations: [checkedDestination(2)] }, at.world);
  const second = next.agent();
  second.start();
  await next.pass(1);
  assert.deepEqual(next.weights, { 2: 0, 1: 1 });
  await next.pass(1100);
  assert.equal(isAnnounced(second), true);
  assert.equal(next.weights[2], 1);
  await next.pass(10_000);
  assert.deepEqual(next.weights, { 2: 1 });
  await at.world.close();
});

Deno.test("ports of several services that share a target are probed once, and hear of it when they come", async () => {
  const at = new Scene();
  const agent = await at.start();
  const other = serviceConfig({
    name: "twin",
    interface: "twin",
    addresses: [address("10.99.7.1")],
    ports: [checkedPort(), checkedPort({ port: 443 })],
  });
  at.probes.clear();
  assert.equal(
    await at.reload(agent, (config) => ({ ...config, services: [...config.services, other] })),
    "applied",
  );
  const twin = () => agent.status().services.find(({ name }) => name === "twin")?.routes[0]?.announce;
  assert.equal(twin(), true, "the verdict is known");
  await at.pass(3000);
  assert.deepEqual(Object.fromEntries(at.probes), { "10.0.0.1": 3, "10.0.0.2": 3 });
  at.fail(1);
  at.fail(2);
  await at.pass(1100);
  assert.deepEqual([isAnnounced(agent), twin()], [false, false]);
  assert.equal(await at.reload(agent, (config) => config), "applied");
  at.probes.clear();
  await at.pass(3000);
  assert.deepEqual(Object.fromEntries(at.probes), { "10.0.0.1": 3, "10.0.0.2": 3 });
  await at.world.close();
});

Deno.test("a check goes on that a service inherits from one that goes in the same reload (found by simulation)", async () => {
  const unchecked = [1, 2].map((last) => checkedDestination(last, { checks: [] }));
  const at = new Scene({ destinations: unchecked });
  const agent = await at.start();
  const gone = serviceConfig({
    name: "gone",
    interface: "gone",
    addresses: [address("10.99.7.1")],
    ports: [checkedPort()],
  });
  const withGone = (config: Config) => ({ ...config, services: [...config.services, gone] });
  assert.equal(await at.reload(agent, withGone), "applied");
  // It is out of service: what goes of it is gone at once.
  void agent.orders.drain({ services: ["gone"], reason: "maintenance", forMs: undefined }, undefined);
  await at.pass(40_000);
  const asked = at.probes.get("10.0.0.1") ?? 0;
  assert.ok(asked > 0);
  const inherit = (config: Config) => ({
    ...config,
    services: config.services.map((each) => each.name === "web" ? { ...each, ports: [checkedPort()] } : each),
  });
  assert.equal(await at.reload(agent, inherit), "applied");
  at.fail(1);
  await at.pass(2500);
  assert.ok((at.probes.get("10.0.0.1") ?? 0) > asked);
  assert.deepEqual(at.weights, { 1: 0, 2: 1 });
  await at.world.close();
});

Deno.test("a changed check keeps the verdict until the new one has its own, and a removed destination goes in order", async () => {
  const at = new Scene();
  const agent = await at.start();
  at.world.kernel.made.length = 0;
  const slower = [1, 2].map((last) => {
    const text = `10.0.0.${last}`;
    const checks = [
      httpCheckConfig({ name: "http", address: text, intervalMs: 60_000, fastIntervalMs: 60_000 }),
    ];
    return checkedDestination(last, { checks });
  });
  const withPorts = (destinations: PortConfig["destinations"]) => (config: Config) => ({
    ...config,
    services: config.services.map((service) => {
      return service.name === "web" ? { ...service, ports: [checkedPort({ destinations })] } : service;
    }),
  });
  assert.equal(await at.reload(agent, withPorts(slower)), "applied");
  assert.deepEqual(at.weights, { 1: 1, 2: 1 });
  assert.deepEqual(at.world.kernel.made, []);
  at.world.kernel.activeConnections = 1;
  await at.reload(agent, withPorts(slower.slice(0, 1)));
  assert.deepEqual(at.weights, { 1: 1, 2: 0 });
  assert.equal(isAnnounced(agent), true);
  at.world.kernel.activeConnections = 0;
  await at.pass(1000);
  assert.deepEqual(at.weights, { 1: 1 });
  await at.world.close();
});

Deno.test("a weight from a check goes to the kernel, is told once, and 0 is not live", async () => {
  const at = new Scene();
  at.heal(1, 10);
  const agent = await at.start();
  assert.deepEqual(at.weights, { 1: 10, 2: 1 });
  at.heal(1, 30);
  await at.pass(3000);
  assert.deepEqual(at.weights, { 1: 30, 2: 1 });
  at.heal(1, 0);
  await at.pass(1100);
  assert.deepEqual(at.weights, { 1: 0, 2: 1 });
  const told = at.world.events.of("destination").filter(({ destination }) => destination === "10.0.0.1:8080");
  assert.deepEqual(told.map(({ to, weight }) => [to, weight]), [["live", 10], ["live", 30], ["not live", 0]]);
  assert.equal(isAnnounced(agent), true);
  await at.world.close();
});
