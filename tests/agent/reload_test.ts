// The whole agent goes over to other configurations: what is the same stays as it is, what goes goes in order.
import assert from "node:assert/strict";
import type { Agent } from "../../src/agent/agent.ts";
import type { Config, ServiceConfig } from "../../src/config/config.ts";
import type { ReloadAnswer } from "../../src/control/orders.ts";
import { interfaceMark } from "../../src/kernel/state.ts";
import { World } from "../support/agent_world.ts";
import { address } from "../support/bgp.ts";
import { httpCheckConfig, serviceConfig } from "../support/config.ts";
import { settle } from "../support/virtual_clock.ts";
import { PLAIN } from "../support/kernel_objects.ts";
import { CONTENTION } from "../support/config.ts";

const fast = { intervalMs: 1000, fall: 2 };
const NEW = serviceConfig({
  name: "new",
  interface: "new",
  addresses: [address("10.99.5.1"), address("2001:db8:99::5")],
  ports: [],
  checks: [httpCheckConfig({ port: 3, ...fast })],
});

/** An agent that runs, with everything announced. */
async function running(service: Partial<ServiceConfig> = {}): Promise<{ world: World; agent: Agent }> {
  const world = new World();
  const agent = world.agent(service);
  agent.start();
  await world.stage.clock.advance(3500);
  assert.equal(agent.status().services[0]?.routes[0]?.peers.length, 2);
  world.journal.length = 0;
  world.kernel.made.length = 0;
  return { world, agent };
}

/** Reloads with what `change` makes of the configuration that runs. */
async function reload(
  world: World,
  agent: Agent,
  change: (config: Config) => Config,
  service: Partial<ServiceConfig> = {},
): Promise<ReloadAnswer> {
  world.file = { ok: true, config: change(world.config(service)), warnings: [] };
  const answer = agent.orders.reload(undefined);
  await world.stage.clock.advance(50);
  return await answer;
}

function withWeb(config: Config, web: Partial<ServiceConfig>): Config {
  return {
    ...config,
    services: config.services.map((service) => service.name === "web" ? { ...service, ...web } : service),
  };
}

function sessions(world: World): readonly unknown[] {
  return [world.router, world.second].map(({ status }) => [status.state, status.flaps, status.since]);
}

Deno.test("a reload of the same configuration writes nothing, sends nothing, and says so", async () => {
  const { world, agent } = await running();
  const before = sessions(world);
  const answer = await reload(world, agent, (config) => ({
    ...config,
    services: config.services.toReversed(),
    bgp: { ...config.bgp, peers: config.bgp.peers.toReversed() },
  }));
  assert.equal(answer.result, "unchanged");
  await world.stage.clock.advance(2000);
  assert.deepEqual(world.kernel.made, []);
  assert.deepEqual(
    world.events.of("updates-sent").length,
    2 + 1,
    "the first UPDATEs of web, and of the others",
  );
  assert.deepEqual(sessions(world), before);
  await world.close();
});

Deno.test("a service that comes: its objects are made before it is announced, and nothing else is touched", async () => {
  const { world, agent } = await running();
  const before = sessions(world);
  const answer = await reload(world, agent, (config) => ({ ...config, services: [NEW, ...config.services] }));
  assert.equal(answer.result, "applied");
  await world.stage.clock.advance(3000);
  assert.ok(world.at("add address 10.99.5.1/32 to new") < world.at("bgp: told the peer: 2 announced"));
  assert.ok(world.kernel.made.every((line) => line.includes("new")), world.kernel.made.join("\n"));
  assert.deepEqual(sessions(world), before);
  await world.close();
});

Deno.test("a service that goes is withdrawn at once and leaves the kernel in order; sessions stay", async () => {
  const { world, agent } = await running();
  world.kernel.activeConnections = 2;
  const before = sessions(world);
  await reload(world, agent, (config) => ({
    ...config,
    services: config.services.filter(({ name }) => name !== "web"),
  }));
  assert.equal(world.router.status.prefixes.withdrawn, 1);
  assert.equal(agent.status().services.find(({ name }) => name === "web")?.phase.name, "converging");
  await world.stage.clock.advance(2000);
  assert.equal(agent.status().services.find(({ name }) => name === "web")?.phase.name, "quiescing");
  assert.ok(world.kernel.interfaces.some(({ name }) => name === "web"));
  world.kernel.activeConnections = 0;
  await world.stage.clock.advance(500);
  assert.ok(!world.kernel.interfaces.some(({ name }) => name === "web"));
  assert.equal(agent.status().services.some(({ name }) => name === "web"), false);
  const order = ["1 withdrawn", "set destination", "delete virtual service", "delete interface web"];
  const places = order.map((text) => world.at(text));
  assert.deepEqual(places, places.toSorted((a, b) => a - b), world.journal.join("\n"));
  assert.deepEqual(sessions(world), before);
  await world.close();
});

Deno.test("a service that comes back while it is going is in service again, and nothing of it was removed", async () => {
  const { world, agent } = await running();
  world.kernel.activeConnections = 2;
  const { interfaces } = world.kernel;
  await reload(world, agent, (config) => ({
    ...config,
    services: config.services.filter(({ name }) => name !== "web"),
  }));
  await world.stage.clock.advance(1500);
  await reload(world, agent, (config) => config);
  await world.stage.clock.advance(2000);
  assert.equal(agent.status().services[0]?.name, "web");
  assert.equal(agent.status().services[0]?.routes[0]?.peers.length, 2);
  assert.equal(
    world.kernel.services.find(({ address }) => address.text === "10.99.0.1")?.destinations[0]?.weight,
    1,
  );
  assert.deepEqual(world.kernel.interfaces.map(({ index }) => index), interfaces.map(({ index }) => index));
  await world.close();
});

Deno.test("another MED is one UPDATE for each peer that has the route, and nothing else", async () => {
  const { world, agent } = await running();
  const sent = world.events.of("updates-sent").length;
  const before = sessions(world);
  await reload(world, agent, (config) => {
    const { announce } = serviceConfig();
    return withWeb(config, { announce: { ...announce, med: 50 } });
  });
  await world.stage.clock.advance(2000);
  const updates = world.events.of("updates-sent").slice(sent);
  assert.deepEqual(updates.map(({ peer, announced, withdrawn }) => [peer, announced, withdrawn]), [
    ["r1", 1, 0],
    ["r2", 1, 0],
  ]);
  assert.deepEqual(world.kernel.made, []);
  assert.deepEqual(sessions(world), before);
  await world.close();
});

Deno.test("a check that is the same keeps its verdict and its counts, wherever it stands", async () => {
  const { world, agent } = await running({ checks: [httpCheckConfig(fast)] });
  const counted = () => agent.status().services.find(({ name }) => name === "web")?.checks;
  const passes = counted()?.[0]?.passes ?? 0;
  assert.ok(passes > 2);
  const more = httpCheckConfig({ name: "http-2", port: 8081, ...fast });
  await reload(world, agent, (config) => withWeb(config, { checks: [more, httpCheckConfig(fast)] }));
  assert.deepEqual(counted()?.map(({ name }) => name), ["http-2", "http-1"]);
  assert.ok((counted()?.[1]?.passes ?? 0) >= passes);
  assert.deepEqual(world.events.of("route").filter(({ to }) => to === "withdrawn"), []);
  await world.close();
});

Deno.test("a new check of a service that is not healthy has to pass first", async () => {
  const { world, agent } = await running();
  world.outcome = { kind: "fail", detail: "status 500" };
  await world.stage.clock.advance(3000);
  assert.equal(agent.status().services[0]?.routes[0]?.announce, false);
  const other = httpCheckConfig({ name: "http-2", port: 8081, ...fast });
  await reload(world, agent, (config) => withWeb(config, { checks: [other] }));
  await world.stage.clock.advance(5000);
  assert.equal(agent.status().services[0]?.routes[0]?.announce, false);
  assert.equal(world.router.status.prefixes.withdrawn, 1);
  world.outcome = { kind: "pass", detail: "status 200" };
  await world.stage.clock.advance(2000);
  assert.equal(agent.status().services[0]?.routes[0]?.announce, true);
  await world.close();
});

Deno.test("a check that is another one now keeps its say until its first verdict, good or bad", async () => {
  const { world, agent } = await running();
  await reload(
    world,
    agent,
    (config) => withWeb(config, { checks: [httpCheckConfig({ ...fast, path: "/new" })] }),
  );
  assert.equal(agent.status().services[0]?.routes[0]?.announce, true);
  world.outcome = { kind: "fail", detail: "status 500" };
  await world.stage.clock.advance(3000);
  assert.equal(agent.status().services[0]?.routes[0]?.announce, false);
  await reload(
    world,
    agent,
    (config) => withWeb(config, { checks: [httpCheckConfig({ ...fast, path: "/other" })] }),
  );
  assert.equal(agent.status().services[0]?.routes[0]?.announce, false);
  await world.close();
});

Deno.test("an address and a port that come and go: never a moment without what stays", async () => {
  const { world, agent } = await running();
  const withdrawals = () =>
    world.events.of("route").filter(({ to, service }) => to === "withdrawn" && service === "web");
  const extra = address("10.99.0.7");
  const [port] = serviceConfig().ports;
  assert.ok(port !== undefined);
  const both = [port, { ...port, port: 81 }];
  const more = (config: Config) =>
    withWeb(config, { addresses: [...serviceConfig().addresses, extra], ports: both });
  await reload(world, agent, more);
  await world.stage.clock.advance(1000);
  assert.deepEqual(withdrawals(), [], "a port that is added takes nothing away");
  assert.ok(world.at("add address 10.99.0.7/32 to web") < world.at("bgp: told the peer: 1 announced"));
  world.kernel.activeConnections = 1;
  await reload(world, agent, (config) => config);
  assert.deepEqual(withdrawals().map(({ address }) => address), ["10.99.0.7"]);
  assert.deepEqual(agent.status().leaving.map(({ what, phase }) => [what[0], phase.name]), [
    ["address 10.99.0.7", "converging"],
    ["destination 10.0.0.1:8080 of tcp 10.99.0.1:81", "quiescing"],
  ]);
  await world.stage.clock.advance(2000);
  assert.ok(world.kernel.services.some(({ port }) => port === 81), "its connection goes on");
  world.kernel.activeConnections = 0;
  await world.stage.clock.advance(500);
  assert.deepEqual(agent.status().leaving, []);
  assert.deepEqual(world.kernel.services.map(({ address, port }) => `${address.text} ${port}`), [
    "10.99.0.1 80",
  ]);
  assert.ok(world.at("delete virtual service tcp 10.99.0.7:80") < world.at("delete address 10.99.0.7/32"));
  await world.close();
});

Deno.test("a destination that goes keeps its connections until they end, one of UDP none; weights change in place", async () => {
  const destination = {
    address: address("10.0.0.9"),
    port: 8080,
    weight: 1,
    forwarding: "masq",
    ...PLAIN,
    checks: [],
  } as const;
  const [tcp] = serviceConfig().ports;
  assert.ok(tcp !== undefined);
  const [first] = tcp.destinations;
  assert.ok(first !== undefined);
  const ports = [
    { ...tcp, destinations: [first, destination] },
    { ...tcp, port: 53, protocol: "udp" as const, destinations: [first, destination] },
  ];
  const { world, agent } = await running({ ports });
  world.kernel.activeConnections = 1;
  await reload(world, agent, (config) =>
    withWeb(config, {
      ports: ports.map((port) => ({ ...port, destinations: [{ ...first, weight: 5 }] })),
    }));
  await world.stage.clock.advance(1000);
  const weights = () =>
    world.kernel.services.map(({ destinations }) =>
      destinations.map(({ address, weight }) => [address.text, weight])
    );
  assert.deepEqual(weights(), [[["10.0.0.1", 5], ["10.0.0.9", 0]], [["10.0.0.1", 5]]]);
  world.kernel.activeConnections = 0;
  await world.stage.clock.advance(500);
  assert.deepEqual(weights(), [[["10.0.0.1", 5]], [["10.0.0.1", 5]]]);
  await world.close();
});

Deno.test("another interface is made before the old one goes, and nothing is withdrawn", async () => {
  const { world, agent } = await running();
  await reload(world, agent, (config) => withWeb(config, { interface: "web2" }));
  await world.stage.clock.advance(2000);
  assert.deepEqual(world.events.of("route").filter(({ to }) => to === "withdrawn"), []);
  assert.ok(world.at("add address 10.99.0.1/32 to web2") < world.at("delete interface web"));
  await world.close();
});

Deno.test("a peer's timers reset that peer alone, a removed one hears why", async () => {
  const { world, agent } = await running();
  const second = world.second.status.since;
  await reload(world, agent, (config) => ({
    ...config,
    bgp: {
      ...config.bgp,
      peers: config.bgp.peers.map((peer) => peer.name === "r1" ? { ...peer, holdTimeSeconds: 30 } : peer),
    },
  }));
  await world.stage.clock.advance(20_000);
  assert.deepEqual(world.router.status.lastNotificationReceived?.subcode, 6);
  assert.equal(world.router.status.state, "Established");
  assert.deepEqual(world.second.status.since, second);
  await world.close();
});

Deno.test("an invalid file keeps the running configuration, and is told", async () => {
  const { world, agent } = await running();
  const { hash } = agent.status().config;
  world.file = { ok: false, problems: ["a.yaml:3:4: bgp.local.as: must be a number"] };
  const answer = await agent.orders.reload(undefined);
  assert.deepEqual(answer, { result: "invalid", problems: ["a.yaml:3:4: bgp.local.as: must be a number"] });
  assert.equal(agent.status().config.hash, hash);
  assert.equal(agent.status().config.lastReload?.successful, false);
  assert.ok(world.logged.some((line) => line.includes("a.yaml:3:4: bgp.local.as")));
  await world.close();
});

Deno.test("what this host cannot do is refused whole: an interface of somebody else has the name", async () => {
  const { world, agent } = await running();
  world.kernel.addLink("new", "dummy").up = true;
  const answer = await reload(world, agent, (config) => ({
    ...withWeb(config, { enabled: false }),
    services: [...config.services, NEW],
  }));
  assert.equal(answer.result, "invalid");
  assert.match(answer.result === "invalid" ? answer.problems.join() : "", /new.*exists and is not ours/);
  assert.equal(agent.status().services[0]?.routes[0]?.announce, true);
  assert.deepEqual(world.kernel.made, []);
  await world.close();
});

Deno.test("what needs a restart is named, and the rest goes over", async () => {
  const { world, agent } = await running();
  const answer = await reload(world, agent, (config) => ({
    ...config,
    network: { setup: true, ipvs: false, contention: CONTENTION },
    services: [...config.services, NEW],
  }));
  assert.deepEqual(answer.result === "applied" && answer.restart, ["network.ipvs"]);
  await world.stage.clock.advance(3000);
  assert.equal(world.kernel.services.length, 1);
  assert.ok(world.kernel.interfaces.some(({ alias }) => alias === interfaceMark("new")));
  await world.close();
});

Deno.test("reloads follow each other: one that waits reads the file when its turn comes, for all who ask meanwhile", async () => {
  const { world, agent } = await running();
  const base = world.config();
  let reads = 0;
  const files = [withWeb(base, { enabled: false }), withWeb(base, { interface: "web3" }), base];
  Object.defineProperty(world, "file", {
    get: () => ({ ok: true, config: files[Math.min(reads++, 2)] ?? base, warnings: [] }),
  });
  const answers = Promise.all([1, 2, 3, 4].map(() => agent.orders.reload(undefined)));
  await world.stage.clock.advance(2000);
  const [first, ...others] = await answers;
  assert.equal(first?.result, "applied");
  assert.equal(reads, 1, "all four asked before the first had its turn");
  assert.deepEqual(others, [first, first, first]);
  const [, last] = await Promise.all([world.stage.clock.advance(2000), agent.orders.reload(undefined)]);
  assert.equal(last.result, "applied");
  assert.equal(agent.status().services[0]?.routes[0]?.announce, true);
  await world.close();
});

Deno.test("a reload while the agent starts waits; while it stops it is refused", async () => {
  const world = new World();
  const agent = world.agent();
  const started = agent.start();
  world.file = {
    ok: true,
    config: { ...world.config(), services: [...world.config().services, NEW] },
    warnings: [],
  };
  const early = agent.orders.reload(undefined);
  await world.stage.clock.advance(5000);
  await started;
  assert.equal((await early).result, "applied");
  void agent.stop("for the test");
  assert.throws(() => agent.orders.reload(undefined), /stopping/);
  await settle();
  await world.close();
});

Deno.test("a stop in the middle of a reload is a stop: what was made for it goes, too", async () => {
  const { world, agent } = await running();
  world.file = {
    ok: true,
    config: { ...world.config(), services: [...world.config().services, NEW] },
    warnings: [],
  };
  const reloading = agent.orders.reload(undefined);
  let stopped: Promise<unknown> | undefined;
  world.kernel.beforeChange = () => void (stopped ??= agent.stop("for the test"));
  await Promise.all([assert.rejects(reloading, /stopping/), world.stage.clock.advance(60_000)]);
  assert.ok(stopped !== undefined);
  await stopped;
  assert.deepEqual(world.kernel.interfaces, []);
  await world.close();
});

Deno.test("a drained service stays drained over a reload that changes it", async () => {
  const { world, agent } = await running();
  await agent.orders.drain({ services: ["web"], reason: "kernel update", forMs: undefined }, undefined);
  await world.stage.clock.advance(100);
  await reload(
    world,
    agent,
    (config) => withWeb(config, { checks: [], announce: { ...serviceConfig().announce, med: 1 } }),
  );
  await world.stage.clock.advance(5000);
  assert.equal(agent.status().services[0]?.phase.name, "down");
  assert.equal(agent.status().services[0]?.drain?.reason, "kernel update");
  await agent.orders.undrain({ services: [] }, undefined);
  await world.stage.clock.advance(1000);
  assert.equal(agent.status().services[0]?.routes[0]?.peers.length, 2);
  await world.close();
});

Deno.test("servers go over: another port is opened, the old one closed", async () => {
  const { world, agent } = await running();
  await reload(
    world,
    agent,
    (config) => ({ ...config, http: { ...config.http, listen: { hostname: "", port: 8082 } } }),
  );
  await world.stage.clock.advance(1000);
  assert.equal(agent.status().servers.http?.state, "listening");
  assert.ok(world.logged.some((line) => line.includes("8082")));
  await world.close();
});

Deno.test("an address that a reload takes away right after a handover goes only once the routers have had End-of-RIB", async () => {
  const world = new World();
  const extra = address("10.99.0.7");
  const addresses = [...serviceConfig().addresses, extra];
  const first = world.agent({ addresses });
  first.start();
  await world.stage.clock.advance(3500);
  void first.handover();
  await world.stage.clock.advance(100);
  // Nothing is known of a check, so that End-of-RIB is held back.
  world.outcome = { kind: "unknown", detail: "no descriptor is left" };
  const agent = world.agent({ addresses });
  agent.start();
  await world.stage.clock.advance(1000);
  await reload(world, agent, (config) => config);
  await world.stage.clock.advance(10_000);
  const has = () =>
    world.kernel.interfaces.some((link) => link.addresses.some(({ address }) => address.text === extra.text));
  assert.ok(has(), "the routers may still have the route to it");
  assert.equal(agent.status().leaving[0]?.phase.name, "withdrawn");
  world.outcome = { kind: "pass", detail: "status 200" };
  await world.stage.clock.advance(10_000);
  assert.ok(!has());
  await world.close();
});

Deno.test("what the kernel refuses keeps the running configuration, and what was made of the new one goes again", async () => {
  const { world, agent } = await running();
  const [port] = serviceConfig().ports;
  assert.ok(port !== undefined);
  const before = world.kernel.services.map(({ birth, scheduler }) => [birth, scheduler]);
  const refused = await reload(world, agent, (config) => ({
    ...withWeb(config, {
      ports: [{ ...port, port: 81 }, port].map((each) => ({
        ...each,
        ipvs: { scheduler: "wlc", flags: [], persistence: undefined },
      })),
    }),
  }));
  assert.equal(refused.result, "invalid");
  assert.match(refused.result === "invalid" ? refused.problems.join() : "", /modprobe ip_vs_wlc/);
  await world.stage.clock.advance(3000);
  assert.deepEqual(
    world.events.of("route").filter(({ to, service }) => to === "withdrawn" && service === "web"),
    [],
  );
  assert.deepEqual(world.kernel.services.map(({ birth, scheduler }) => [birth, scheduler]), before);
  assert.equal(agent.status().config.lastReload?.successful, false);
  await world.closeWithFaults();
});

Deno.test("a check that cannot be made keeps the running configuration as a whole", async () => {
  const world = new World();
  let broken = false;
  const agent = world.agent({}, {
    probe() {
      if (broken) throw new Error("no resolver");
      return { run: () => Promise.resolve(world.outcome) };
    },
  });
  agent.start();
  await world.stage.clock.advance(3500);
  broken = true;
  const { announce } = serviceConfig();
  const answer = await reload(world, agent, (config) =>
    withWeb(config, {
      checks: [httpCheckConfig({ name: "x", port: 99 })],
      announce: { ...announce, med: 4 },
    }));
  assert.deepEqual(answer, { result: "invalid", problems: ["a check cannot be made: no resolver"] });
  const [web] = agent.status().services;
  assert.deepEqual([web?.checks[0]?.name, web?.routes[0]?.attributes.med], ["http-1", undefined]);
  await world.close();
});

Deno.test("services that swap their interfaces, or their addresses, are never withdrawn", async () => {
  const two = serviceConfig({ name: "two", interface: "two", addresses: [address("10.99.3.1")], checks: [] });
  const { world, agent } = await running();
  const rest = () => world.config().services.filter(({ name }) => name !== "web");
  const web = serviceConfig({ checks: [httpCheckConfig(fast)] });
  const services = (...first: readonly ServiceConfig[]) => (config: Config) => {
    return { ...config, services: [...first, ...rest()] };
  };
  await reload(world, agent, services(web, two));
  await world.stage.clock.advance(1000);
  const sent = world.router.status.prefixes;
  const steps = [
    services({ ...web, interface: "two" }, { ...two, interface: "web" }),
    services(web, two),
    services({ ...web, addresses: two.addresses }, { ...two, addresses: web.addresses }),
  ];
  for (const step of steps) {
    await reload(world, agent, step);
    await world.stage.clock.advance(3000);
    assert.equal(world.router.status.prefixes.withdrawn, sent.withdrawn);
  }
  assert.deepEqual(
    world.kernel.interfaces.flatMap(({ name, addresses }) =>
      addresses.map(({ address }) => `${name} ${address.text}`)
    ).filter((text) => /^(web|two)/.test(text)).toSorted(),
    ["two 10.99.0.1", "web 10.99.3.1"],
  );
  await world.close();
});
