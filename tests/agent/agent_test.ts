// The whole agent on a virtual clock: a kernel in memory, a network in memory, a router that is a speaker of ours.
import assert from "node:assert/strict";
import { HostNotFitError } from "../../src/agent/ports.ts";
import type { ProbeOutcome } from "../../src/health/kinds/probe.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { World } from "../support/agent_world.ts";
import { address } from "../support/bgp.ts";
import { CONTENTION, httpCheckConfig, serviceConfig } from "../support/config.ts";
import { kernelError } from "../support/memory_streams.ts";
import { A } from "../support/speakers.ts";

Deno.test("Agent makes before it announces: address, virtual service and destination first (DESIGN seam 3)", async () => {
  const world = new World();
  const agent = world.agent();
  agent.start();
  await world.stage.clock.advance(3000);
  const announced = world.at("bgp: told the peer: 1 announced");
  for (
    const made of [
      "create dummy interface web",
      "add address 10.99.0.1/32",
      "create virtual service",
      "add destination",
    ]
  ) {
    assert.ok(world.at(`kernel: ${made}`) < announced, made);
  }
  assert.deepEqual(
    agent.status().services.map(({ routes }) => routes.map(({ peers }) => peers.map(({ name }) => name))),
    [[["r1", "r2"]], [["r2"], ["r2"]], [[]]],
  );
  await world.close();
});

Deno.test("Agent withdraws in the turn in which the last needed failure is seen, and announces again", async () => {
  const world = new World();
  const agent = world.agent();
  agent.start();
  await world.stage.clock.advance(3500);
  world.outcome = { kind: "fail", detail: "connection refused" };
  await world.stage.clock.advance(2000);
  assert.equal(world.router.status.prefixes.withdrawn, 1);
  assert.match(agent.status().services[0]?.cause ?? "", /connection refused/);
  world.outcome = { kind: "pass", detail: "status 200" };
  await world.stage.clock.advance(2000);
  assert.equal(world.router.status.prefixes.received, 2);
  await world.close();
});

Deno.test("Agent stops in order: withdraw, converge, quiesce while connections last, Cease, remove (DESIGN Stop)", async () => {
  const world = new World();
  const agent = world.agent();
  agent.start();
  await world.stage.clock.advance(3000);
  world.kernel.activeConnections = 3;
  const { clock } = world.stage;
  let ended = false;
  const begin = clock.now();
  agent.stop("for the test").then(() => ended = true);
  assert.equal(agent.status().services[0]?.routes[0]?.announce, false, "withdrawn in the turn of the call");
  await clock.advance(999);
  assert.equal(world.router.status.prefixes.withdrawn, 1, "withdrawn at once");
  assert.equal(
    world.journal.some((line) => line.includes("weight 0")),
    false,
    "nothing breaks before convergence",
  );
  await clock.advance(3000);
  assert.equal(ended, false, "connections are waited for");
  assert.equal(world.router.status.state, "Established");
  world.kernel.activeConnections = 0;
  await clock.advance(300);
  assert.equal(ended, true);
  assert.ok(clock.now() - begin < 5000);
  const order = [
    "1 withdrawn",
    "set destination",
    "Cease/Administrative Shutdown: for the test",
  ];
  const places = [...order, "delete virtual service", "delete interface web"].map((text) => world.at(text));
  assert.deepEqual(places, [...places].sort((a, b) => a - b), world.journal.join("\n"));
  assert.deepEqual(world.kernel.interfaces.filter(({ name }) => name === "web"), []);
  await world.close();
});

Deno.test("Agent gives routers their time from when the withdrawal is out, not from when it was decided (DESIGN seam 3)", async () => {
  const world = new World();
  const network = world.stage.network.transport(A);
  const taken = Promise.withResolvers<void>();
  let stuck = false;
  const connect: typeof network.connect = async (...args) => {
    const connection = await network.connect(...args);
    const write = connection.write.bind(connection);
    connection.write = (bytes) => stuck ? taken.promise.then(() => write(bytes)) : write(bytes);
    return connection;
  };
  const agent = world.agent({ ports: [] }, { transport: { ...network, connect } });
  agent.start();
  await world.stage.clock.advance(3000);
  stuck = true;
  agent.stop("for the test");
  await world.stage.clock.advance(2000);
  assert.ok(
    world.kernel.interfaces.some(({ name }) => name === "web"),
    "the router still sends packets here",
  );
  stuck = false;
  taken.resolve();
  await world.stage.clock.advance(900);
  assert.equal(world.router.status.prefixes.withdrawn, 1);
  assert.ok(world.kernel.interfaces.some(({ name }) => name === "web"), "it has a second to converge");
  await world.stage.clock.advance(400);
  assert.ok(!world.kernel.interfaces.some(({ name }) => name === "web"));
  await world.close();
});

Deno.test("Agent waits for connections no longer than stop.quiesce", async () => {
  const world = new World();
  const agent = world.agent();
  agent.start();
  await world.stage.clock.advance(3000);
  world.kernel.activeConnections = 3;
  let ended = false;
  agent.stop("for the test").then(() => ended = true);
  await world.stage.clock.advance(5900);
  assert.equal(ended, false);
  await world.stage.clock.advance(300);
  assert.equal(ended, true);
  await world.close();
});

Deno.test("Agent hands over: no NOTIFICATION, no withdrawal, and the next one adopts what it finds", async () => {
  const world = new World();
  const first = world.agent();
  first.start();
  await world.stage.clock.advance(3000);
  const made = world.kernel.made.length;
  const index = world.kernel.link("web").index;
  first.handover();
  await world.stage.clock.advance(10);
  assert.equal(world.router.status.prefixes.withdrawn, 0);
  assert.equal(world.router.of("notification-received").length, 0);
  const second = world.agent();
  second.start();
  await world.stage.clock.advance(20_000);
  assert.equal(world.kernel.made.length, made, "nothing was changed");
  assert.equal(world.kernel.link("web").index, index);
  assert.equal(world.router.status.prefixes.received, 2);
  await world.close();
});

Deno.test("Agent puts back what is deleted behind its back, without a flap of the route", async () => {
  const world = new World();
  const agent = world.agent();
  agent.start();
  await world.stage.clock.advance(3000);
  world.kernel.deleteAddress(world.kernel.link("web").index, address("10.99.0.1"), 32);
  world.kernel.notify();
  await world.stage.clock.advance(100);
  assert.equal(world.kernel.link("web").addresses.length, 1);
  assert.equal(world.router.status.prefixes.withdrawn, 0);
  await world.close();
});

Deno.test("Agent withdraws while the kernel refuses what a service needs, and recovers by itself", async () => {
  const world = new World();
  const agent = world.agent();
  agent.start();
  await world.stage.clock.advance(3000);
  world.kernel.refuse = () => 1;
  world.kernel.deleteAddress(world.kernel.link("web").index, address("10.99.0.1"), 32);
  world.kernel.notify();
  await world.stage.clock.advance(1000);
  assert.equal(world.router.status.prefixes.withdrawn, 1);
  assert.match(agent.status().kernel.errors.join(), /needs CAP_NET_ADMIN/);
  world.kernel.refuse = () => undefined;
  await world.stage.clock.advance(60_000);
  assert.equal(world.router.status.prefixes.received, 2);
  assert.deepEqual(agent.status().kernel.errors, []);
  await world.close();
});

Deno.test("Agent holds End-of-RIB back until every service has its first verdict, but not for ever (RFC 4724)", async () => {
  for (const [answers, limitMs] of [[true, 3000], [false, 31_000]] as const) {
    const world = new World();
    const silent = { run: () => new Promise<ProbeOutcome>(() => {}) };
    const checks = [httpCheckConfig({ timeoutMs: 600_000, rise: 2 })];
    const agent = world.agent({ checks }, answers ? {} : { probe: () => silent });
    agent.start();
    await world.stage.clock.advance(100);
    assert.equal(world.router.status.state, "Established");
    assert.ok(!world.journal.includes("bgp: End-of-RIB sent"), "not before the first verdict");
    await world.stage.clock.advance(limitMs);
    const sent = world.at("bgp: End-of-RIB sent");
    if (answers) assert.ok(world.at("bgp: told the peer: 1 announced") < sent, "after what it is the end of");
    await world.close();
  }
});

Deno.test("Agent that is told to stop while it starts stops after that, in order", async () => {
  const world = new World();
  const agent = world.agent();
  agent.start();
  const stopped = agent.stop("at once");
  await world.stage.clock.advance(10_000);
  await stopped;
  assert.equal(agent.status().state, "stopped");
  assert.deepEqual(world.kernel.interfaces.filter(({ name }) => name === "web"), []);
  await world.close();
});

Deno.test("Agent that cannot listen for BGP leaves nothing new on the host, and what was there before as it was", async () => {
  for (const adopts of [false, true]) {
    const world = new World();
    if (adopts) {
      const earlier = world.agent();
      earlier.start();
      await world.stage.clock.advance(3000);
      earlier.handover();
      await world.stage.clock.advance(10);
    }
    const listen = () => {
      throw new Error("Address already in use");
    };
    world.listenPort = 179;
    const transport = { ...world.stage.network.transport(A), listen };
    const agent = world.agent({}, { transport });
    await assert.rejects(agent.start(), /cannot listen on .*in use/);
    assert.equal(world.kernel.interfaces.some(({ name }) => name === "web"), adopts);
    assert.equal(world.kernel.services.length > 0, adopts);
    await world.close();
  }
});

Deno.test("Agent does not start beside another one on its control socket, and touches nothing", async () => {
  const world = new World();
  const first = world.agent();
  first.start();
  await world.stage.clock.advance(3000);
  const made = world.kernel.made.length;
  world.network = { setup: false, ipvs: false, contention: CONTENTION };
  const agent = world.agent({ ports: [] }, { kernel: undefined });
  await assert.rejects(agent.start(), (error) => {
    assert.ok(error instanceof HostNotFitError);
    assert.match(
      error.message,
      /another agent \(version test, process 1\) answers at \/run\/control\.sock; stop it/,
    );
    return true;
  });
  assert.equal(world.kernel.made.length, made);
  const stopping = first.stop("end of test");
  await world.stage.clock.advance(60_000);
  await stopping;
  await world.close();
});

Deno.test("Agent.status() tells of each route whom it is for, who has it, with which attributes, and from whom it is held", async () => {
  const world = new World();
  const announce = { ...serviceConfig().announce, med: 7, communities: [0xffffff01], peers: ["r1"] };
  const addresses = [address("10.99.0.1"), address("2001:db8::1")];
  const agent = world.agent({ addresses, announce, ports: [] });
  agent.start();
  await world.stage.clock.advance(3000);
  const routes = agent.status().services.slice(0, 1).flatMap((service) => service.routes);
  assert.deepEqual(routes.map(({ prefix, targets, peers }) => ({ prefix, targets, peers })), [
    { prefix: "10.99.0.1/32", targets: ["r1"], peers: [{ name: "r1", nextHop: A.text }] },
    { prefix: "2001:db8::1/128", targets: ["r1"], peers: [] },
  ]);
  assert.deepEqual(routes.map(({ held }) => held.map(({ name }) => name)), [[], ["r1"]]);
  assert.deepEqual([routes[0]?.attributes.med, routes[0]?.attributes.communities], [7, ["no-export"]]);
  await world.close();
});

Deno.test("Agent works without a control socket or HTTP port that cannot be had, says so once, and has them when they can be", async () => {
  const world = new World();
  world.side.streams.faults.set("/run/control.sock", new Error("read-only"));
  world.side.streams.faults.set(":: 8081", kernelError("EADDRINUSE"));
  const agent = world.agent();
  agent.start();
  await world.stage.clock.advance(20_000);
  const said = (pattern: RegExp) => world.logged.filter((line) => pattern.test(line)).length;
  assert.equal(said(/control\.socket: cannot listen on .*\/run\/control\.sock.*read-only/), 1);
  assert.equal(
    said(/http\.listen: cannot listen on .*:8081.*EADDRINUSE/),
    1,
    "a lasting failure is said once",
  );
  world.side.streams.faults.clear();
  await world.stage.clock.advance(30_000);
  assert.equal(said(/control\.socket: listening on/), 1);
  assert.equal(said(/http\.listen: listening on/), 1);
  assert.equal(world.router.status.prefixes.received, 1);
  await world.close();
});

Deno.test("Agent stops although a client of HTTP or of the control socket never ends its request", async () => {
  for (const place of [":: 8081", "/run/control.sock"]) {
    const world = new World();
    const agent = world.agent();
    agent.start();
    await world.stage.clock.advance(3000);
    const [client, server] = world.side.streams.pair();
    world.side.streams.listeners.get(place)?.connection(server);
    client.send("GET / HT");
    let ended = false;
    agent.stop("for the test").then(() => ended = true);
    await world.stage.clock.advance(1400);
    assert.deepEqual(world.kernel.interfaces.filter(({ name }) => name === "web"), [], "all else is done");
    assert.equal(ended, false, "the client has a moment");
    await world.stage.clock.advance(500);
    assert.equal(ended, true);
    await world.close();
  }
});

Deno.test("Agent without checks does not hold End-of-RIB back (RFC 4724)", async () => {
  const world = new World();
  const agent = world.agent({ checks: [] });
  agent.start();
  await world.stage.clock.advance(1000);
  assert.ok(world.at("bgp: told the peer: 1 announced") < world.at("bgp: End-of-RIB sent"));
  await world.close();
});

Deno.test("Agent that stops right after a withdrawal still gives routers time and lets connections end", async () => {
  const world = new World();
  const agent = world.agent();
  agent.start();
  await world.stage.clock.advance(3000);
  world.kernel.activeConnections = 3;
  world.outcome = { kind: "fail", detail: "connection refused" };
  while (world.router.status.prefixes.withdrawn === 0) await world.stage.clock.advance(10);
  await world.stage.clock.advance(400);
  let ended = false;
  agent.stop("for the test").then(() => ended = true);
  await world.stage.clock.advance(550);
  assert.ok(!world.journal.some((line) => line.includes("weight 0")), "converge counts from the withdrawal");
  await world.stage.clock.advance(3000);
  world.at("weight 0");
  assert.equal(ended, false, "connections are waited for");
  world.kernel.activeConnections = 0;
  await world.stage.clock.advance(500);
  assert.equal(ended, true);
  await world.close();
});

Deno.test("Agent logs every change of the kernel once, at a stop too", async () => {
  const world = new World();
  const agent = world.agent();
  agent.start();
  await world.stage.clock.advance(3000);
  agent.stop("for the test");
  await world.stage.clock.advance(10_000);
  const changes = world.logged.filter((line) => line.startsWith("changed: "));
  assert.deepEqual(changes, world.kernel.made.map((change) => `changed: ${change}`));
  await world.close();
});

Deno.test("Agent says why nothing is known of a service, and announces it when something is (faults S5)", async () => {
  const world = new World();
  world.outcome = { kind: "unknown", detail: "this process has too many open files" };
  const agent = world.agent();
  agent.start();
  await world.stage.clock.advance(5000);
  const gate = agent.status().services[0]?.routes[0]?.gates.find(({ open }) => !open);
  assert.equal(gate?.name, "healthy");
  assert.match(gate?.reason ?? "", /this process has too many open files/);
  assert.equal(world.events.of("check-blind").length, 1, "said once");
  world.outcome = { kind: "pass", detail: "status 200" };
  await world.stage.clock.advance(3000);
  assert.equal(world.router.status.prefixes.received, 1);
  world.outcome = { kind: "unknown", detail: "this process has too many open files" };
  await world.stage.clock.advance(60_000);
  assert.equal(world.router.status.prefixes.withdrawn, 0, "our own shortage withdraws nothing");
  assert.equal(agent.status().services[0]?.verdict, "healthy");
  const blind = world.events.of("check-blind").map(({ blind }) => blind);
  assert.deepEqual(blind, [true, false, true], "said once each time");
  world.outcome = { kind: "fail", detail: "status 503" };
  await world.stage.clock.advance(10_000);
  const { from, to } = world.events.of("verdict").at(-1) ?? {};
  assert.deepEqual([from, to], ["healthy", "unhealthy"]);
  await world.close();
});

Deno.test("Agent says what it is doing in every state, to its end by a stop or a handover (events: agent-state)", async () => {
  for (const how of ["stop", "handover"] as const) {
    const world = new World();
    const agent = world.agent();
    const states = () => world.events.of("agent-state").map(({ from, to }) => `${from} ${to}`);
    assert.equal(agent.status().state, "starting");
    agent.start();
    await world.stage.clock.advance(3000);
    assert.equal(agent.status().state, "running");
    const ending = how === "stop" ? agent.stop("for the test") : agent.handover();
    await world.stage.clock.advance(1);
    if (how === "stop") assert.equal(agent.status().state, "stopping");
    await world.stage.clock.advance(60_000);
    assert.deepEqual(await ending, []);
    assert.equal(agent.status().state, "stopped");
    assert.deepEqual(states(), ["starting running", "running stopping", "stopping stopped"]);
    await world.close();
  }
});

Deno.test("Agent gives memory back once, a second after it has started, and not after its end", async () => {
  for (const [startedMs, released] of [[2000, 1], [500, 0]] as const) {
    const world = new World();
    let count = 0;
    const agent = world.agent({}, { releaseMemory: () => void count++ });
    agent.start();
    await world.stage.clock.advance(startedMs);
    agent.handover();
    await world.stage.clock.advance(10_000);
    assert.equal(count, released);
    await world.close();
  }
});

Deno.test("Agent that cannot start says what of its own it could not remove again (faults K12)", async () => {
  const world = new World();
  world.kernel.refuse = ({ type }) => type === "delete-interface" ? ERRNO.EACCES : undefined;
  world.listenPort = 179;
  const listen = () => {
    throw new Error("Address already in use");
  };
  const transport = { ...world.stage.network.transport(A), listen };
  const refused = assert.rejects(world.agent({}, { transport }).start(), HostNotFitError);
  await world.stage.clock.advance(5000);
  await refused;
  const [told, ...others] = world.events.of("stop-failed");
  assert.match(told?.cause ?? "", /^could not be removed: interface web, .*: delete interface web: /);
  assert.deepEqual(others, []);
  world.kernel.refuse = () => undefined;
  await world.close();
});

Deno.test("Agent tells of each server by its name, and of the kernel when it was read", async () => {
  const world = new World();
  const agent = world.agent();
  assert.equal(agent.status().kernel.at, undefined, "not read yet");
  agent.start();
  await world.stage.clock.advance(3000);
  assert.deepEqual(world.events.of("server").map(({ server, to }) => [server, to]), [
    ["control", "listening"],
    ["http", "listening"],
  ]);
  const { kernel, startedAt } = agent.status();
  assert.ok(kernel.at !== undefined && kernel.at >= startedAt, `${kernel.at}`);
  await world.close();
});

Deno.test("Agent tells a fault of a check once, and nothing where none was", async () => {
  const world = new World();
  let broken = false;
  const run = () => broken ? Promise.reject(new Error("a bug")) : Promise.resolve(world.outcome);
  const agent = world.agent({}, { probe: () => ({ run }) });
  agent.start();
  await world.stage.clock.advance(3500);
  assert.deepEqual(world.events.of("fault"), []);
  broken = true;
  await world.stage.clock.advance(1000);
  broken = false;
  await world.stage.clock.advance(5000);
  assert.deepEqual(world.events.of("fault").map(({ part, name, cause }) => [part, name, cause]), [
    ["check", "web http-1", "a bug"],
  ]);
  await world.closeWithFaults();
});

Deno.test("Agent's events name what caused them: from the verdict to the route and to what peers are told (CONTRACT HTTP)", async () => {
  const world = new World();
  const agent = world.agent();
  agent.start();
  await world.stage.clock.advance(3500);
  const before = world.events.events.length;
  world.outcome = { kind: "fail", detail: "connection refused" };
  await world.stage.clock.advance(2000);
  const events = world.events.events.slice(before).filter(({ kind }) => kind !== "probe");
  const verdict = events.find(({ kind }) => kind === "verdict");
  assert.ok(verdict !== undefined);
  assert.deepEqual(
    events.filter(({ because }) => because === verdict.id).map(({ kind }) => kind),
    ["updates-sent", "updates-sent", "route"],
  );
  const { journal } = agent.status();
  assert.ok(journal.newest >= verdict.id && journal.oldest === 1 && journal.run.length > 0);
  await world.close();
});
