// Virtual services are ours across processes where no interface of ours says so (faults K10).
import assert from "node:assert/strict";
import type { ServiceConfig } from "../../src/config/config.ts";
import { World } from "../support/agent_world.ts";
import { address } from "../support/bgp.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { CONTENTION, serviceConfig } from "../support/config.ts";
import { BY_ADDRESS } from "../support/kernel_objects.ts";

const DIRECTORY = "/var/lib/bgp-lb";
const FILE = `${DIRECTORY}/ipvs`;
const MOVED = { addresses: [address("10.99.0.9")] };
/** Somebody else's. */
const FOREIGN = { protocol: "tcp", address: address("192.0.2.1"), port: 80, ...BY_ADDRESS } as const;

function ipvsOnly(): World {
  const world = new World();
  world.network = { setup: false, ipvs: true, contention: CONTENTION };
  world.stateDirectory = DIRECTORY;
  world.kernel.addService({
    ...FOREIGN,
    scheduler: "rr",
    flags: 0,
    timeoutSeconds: 0,
    netmask: 32,
    destinations: [],
  });
  return world;
}

/** An agent that was killed in the middle of its life. */
async function killed(world: World, service: Partial<ServiceConfig> = {}): Promise<void> {
  const agent = world.agent(service);
  void agent.start();
  await world.stage.clock.advance(3000);
  await agent.abort();
}

const places = (world: World) => world.kernel.services.map(({ address: { text } }) => text).sort();

Deno.test("where interfaces are not ours, virtual services that a killed agent had and the next one has not go in order", async () => {
  const world = ipvsOnly();
  await killed(world);
  assert.deepEqual(places(world), ["10.99.0.1", "192.0.2.1"]);
  world.kernel.activeConnections = 1;
  const agent = world.agent(MOVED);
  void agent.start();
  await world.stage.clock.advance(1500);
  assert.deepEqual(places(world), ["10.99.0.1", "10.99.0.9", "192.0.2.1"], "not at once");
  await world.stage.clock.advance(60_000);
  assert.deepEqual(places(world), ["10.99.0.9", "192.0.2.1"]);
  const told = world.events.of("leaving").map(({ service, to }) => `${service} ${to}`);
  assert.deepEqual([told[0]?.split(" ")[0], told.at(-1)], ["10.99.0.1", "10.99.0.1 gone"]);
  await agent.abort();
  const next = world.agent();
  void next.start();
  await world.stage.clock.advance(1000);
  world.kernel.activeConnections = 0;
  const stopped = next.stop("for the test");
  await world.stage.clock.advance(60_000);
  assert.deepEqual(await stopped, []);
  assert.deepEqual(places(world), ["192.0.2.1"], "what the one before had has gone, too");
  await world.close();
});

Deno.test("it is on the disk where virtual services are, before the first of them is made", async () => {
  const world = ipvsOnly();
  const kept: string[] = [];
  const files = world.side.stateFiles;
  const replace = files.replace.bind(files);
  files.replace = async (path, octets) => {
    await replace(path, octets);
    if (path === FILE) kept.push(`${world.kernel.made.length} made: ${textOf(octets)}`);
  };
  const agent = world.agent();
  void agent.start();
  await world.stage.clock.advance(3000);
  assert.equal(kept.length, 1, kept.join("\n"));
  assert.match(kept[0] ?? "", /^0 made: \{"version":1,"addresses":\["10\.99\.0\.1"\],"marks":\[\]\}$/);
  await world.stage.clock.advance(60_000);
  assert.equal(kept.length, 1, "and not written again while nothing changes");
  const stopped = agent.stop("for the test");
  await world.stage.clock.advance(10_000);
  await stopped;
  assert.match(kept.at(-1) ?? "", /"addresses":\[\]/, "at the end there is none");
  await world.close();
});

Deno.test("a torn file is told and kept aside, and the start goes on", async () => {
  const world = ipvsOnly();
  await killed(world);
  const file = world.side.stateFiles.files.get(FILE) ?? assert.fail();
  world.side.stateFiles.files.set(FILE, file.subarray(0, file.length - 4));
  const agent = world.agent(MOVED);
  void agent.start();
  await world.stage.clock.advance(5000);
  assert.equal(agent.status().state, "running");
  assert.match(
    world.events.of("warning").map(({ cause }) => cause).join(),
    /\/ipvs cannot be used, .* it is torn/,
  );
  assert.ok(world.side.stateFiles.files.has(`${FILE}.damaged`));
  assert.match(textOf(world.side.stateFiles.files.get(FILE) ?? assert.fail()), /10\.99\.0\.9/);
  await world.close();
});

Deno.test("a disk that cannot be written keeps no virtual service from being made, and is told once", async () => {
  const world = ipvsOnly();
  world.side.stateFiles.fault = new Error("the file system of /var/lib/bgp-lb is full");
  const agent = world.agent();
  void agent.start();
  await world.stage.clock.advance(30_000);
  assert.ok(places(world).includes("10.99.0.1"));
  const told = () => world.events.of("warning").filter(({ cause }) => cause.includes("/ipvs cannot be"));
  assert.equal(told().filter(({ cause }) => cause.includes("written")).length, 1);
  world.side.stateFiles.fault = undefined;
  await world.stage.clock.advance(10_000);
  assert.match(textOf(world.side.stateFiles.files.get(FILE) ?? assert.fail()), /10\.99\.0\.1/);
  await world.close();
});

Deno.test("a disk that hangs holds up one pass, and has no more than two writes before it, however often virtual services are made anew", async () => {
  const world = ipvsOnly();
  const files = world.side.stateFiles;
  const replace = files.replace.bind(files);
  const { promise: answers, resolve: answer } = Promise.withResolvers<void>();
  let begun = 0;
  files.replace = async (path, octets) => {
    if (path === FILE) begun++;
    await answers;
    await replace(path, octets);
  };
  const agent = world.agent();
  void agent.start();
  await world.stage.clock.advance(10_000);
  for (let times = 1; times <= 8; times++) {
    world.kernel.services = world.kernel.services.filter(({ address: { text } }) => text !== "10.99.0.1");
    await world.stage.clock.advance(5_100);
    assert.ok(places(world).includes("10.99.0.1"), "back within the period");
  }
  assert.equal(begun, 1);
  answer();
  await world.stage.clock.advance(20_000);
  assert.equal(begun, 2);
  assert.match(textOf(files.files.get(FILE) ?? assert.fail()), /10\.99\.0\.1/);
  await world.close();
});

Deno.test("without a folder for it, it is said what stays", async () => {
  const world = ipvsOnly();
  world.stateDirectory = undefined;
  const agent = world.agent();
  void agent.start();
  await world.stage.clock.advance(3000);
  assert.match(world.events.of("warning")[0]?.cause ?? "", /^state\.directory is turned off: .* stay/);
  assert.ok(places(world).includes("10.99.0.1"));
  await world.close();
});

Deno.test("a stop that could not remove virtual services says which stay, where interfaces are not ours, and of marks, too (faults K12)", async () => {
  for (const setup of [false, true]) {
    const world = ipvsOnly();
    world.network = { setup, ipvs: true, contention: CONTENTION };
    const [port] = serviceConfig().ports;
    assert.ok(port !== undefined);
    const marked = { ...port, port: 0, fwmark: 7, families: [4] as const };
    const agent = world.agent({ ports: [port, marked] });
    void agent.start();
    await world.stage.clock.advance(3000);
    world.kernel.refuse = ({ type }) => type === "delete-service" ? ERRNO.EBUSY : undefined;
    const stopped = agent.stop("for the test");
    await world.stage.clock.advance(20_000);
    const left = (await stopped).join();
    assert.match(left, /virtual service tcp 10\.99\.0\.1:80/);
    assert.match(left, /virtual service fwmark 7 IPv4/);
    assert.match(left, /EBUSY/);
    assert.match(
      textOf(world.side.stateFiles.files.get(FILE) ?? assert.fail()),
      /"fwmark":7/,
      "the next one knows",
    );
    world.kernel.refuse = () => undefined;
    const next = world.agent({ ports: [] });
    void next.start();
    await world.stage.clock.advance(60_000);
    assert.deepEqual(places(world), ["192.0.2.1"], "and removes it");
    await world.close();
  }
});

function textOf(octets: Uint8Array): string {
  return new TextDecoder().decode(octets).split("\n")[1] ?? "";
}
