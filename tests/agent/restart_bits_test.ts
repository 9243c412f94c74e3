/** What the whole agent's OPENs say of a restart (RFC 4724 4.1, faults B8): `router` has IPv4 alone, `second` both families. */
import assert from "node:assert/strict";
import type { Agent } from "../../src/agent/agent.ts";
import type { AgentPorts } from "../../src/agent/ports.ts";
import { seal } from "../../src/bytes/sealed.ts";
import type { Config } from "../../src/config/config.ts";
import { World } from "../support/agent_world.ts";
import { CONTENTION } from "../support/config.ts";

const DIRECTORY = "/var/lib/bgp-lb";
const FILE = `${DIRECTORY}/sessions`;
const OURS: Config["network"] = { setup: true, ipvs: true, contention: CONTENTION };
const OTHERS: Config["network"] = { setup: false, ipvs: false, contention: CONTENTION };
const NETWORKS: readonly (readonly [string, Config["network"]])[] = [["setup: true", OURS], [
  "setup: false",
  OTHERS,
]];
/** What is told the two of them: R and F, or `-`. */
const NOTHING = ["-", "-"];
const ALL = ["R 4", "R 46"];

function worldOf(network: Config["network"]): World {
  const world = new World();
  world.network = network;
  world.stateDirectory = DIRECTORY;
  return world;
}

function agentOf(world: World, ports: Partial<AgentPorts> = {}): Agent {
  return world.agent({}, { ...ports, ...world.network.setup ? {} : { kernel: undefined } });
}

interface Begun {
  readonly agent: Agent;
  readonly said: readonly string[];
}

function noBoot(): never {
  throw new Error("clock_gettime: EPERM");
}

/** Starts an agent; what its first OPENs say of a restart. */
async function begin(world: World, ports?: Partial<AgentPorts>): Promise<Begun> {
  const agent = agentOf(world, ports);
  void agent.start();
  await world.stage.clock.advance(10_000);
  const { peers } = agent.status();
  assert.ok(
    peers.every(({ state }) => state === "Established"),
    JSON.stringify(peers.map(({ state }) => state)),
  );
  const said = peers.map(({ saidRestart }) => {
    const { restarting = false, forwarding = [] } = saidRestart ?? {};
    const families = forwarding.map((family) => family.slice(3, 4)).join("");
    return [restarting ? "R" : "", families].filter((part) => part !== "").join(" ") || "-";
  });
  return { agent, said };
}

/** The reasons that the last OPENs have. */
function because(agent: Agent): readonly string[] {
  return agent.status().peers.map(({ saidRestart }) => saidRestart?.because ?? "");
}

async function stop(world: World, agent: Agent): Promise<void> {
  const stopped = agent.stop("for the test");
  await world.stage.clock.advance(60_000);
  await stopped;
}

async function handOver(world: World, agent: Agent): Promise<void> {
  const handover = agent.handover();
  await world.stage.clock.advance(1000);
  await handover;
}

for (const [words, network] of NETWORKS) {
  Deno.test(`the first start says neither R nor F, one after a kill or a handover both (${words})`, async () => {
    const world = worldOf(network);
    const first = await begin(world);
    assert.deepEqual(first.said, NOTHING);
    assert.match(
      because(first.agent).join(),
      /no run before this one is known to have had a session with it/,
    );
    await first.agent.abort();
    await world.stage.clock.advance(80_000);
    const second = await begin(world);
    assert.deepEqual(second.said, ALL, "killed, and away for less than the restart time");
    assert.match(because(second.agent).join(), /the run before this one had a session with it/);
    // A session that stands for long is known to have stood.
    await world.stage.clock.advance(3_600_000);
    await second.agent.abort();
    const third = await begin(world);
    assert.deepEqual(third.said, ALL);
    // It was written 29 s ago.
    await world.stage.clock.advance(19_000);
    await handOver(world, third.agent);
    await world.stage.clock.advance(105_000);
    const fourth = await begin(world);
    assert.deepEqual(fourth.said, ALL, "handed over, and away for nearly the restart time");
    await stop(world, fourth.agent);
    const fifth = await begin(world);
    assert.deepEqual(fifth.said, NOTHING, "stopped in order");
    await world.close();
  });

  Deno.test(`a start after another boot, or after the restart time, says no R, and F by what is there (${words})`, async () => {
    const world = worldOf(network);
    await (await begin(world)).agent.abort();
    world.bootId = "second boot";
    // Whatever is in the kernel is there: here it survives.
    const there = network.setup ? ["4", "46"] : NOTHING;
    const second = await begin(world);
    assert.deepEqual(second.said, there);
    if (!network.setup) {
      assert.match(because(second.agent).join(), /the machine was started after the run before/);
    }
    await second.agent.abort();
    await world.stage.clock.advance(121_000);
    const third = await begin(world);
    assert.deepEqual(third.said, there);
    assert.match(because(third.agent).join(), /the restart time after the run before this one is over/);
    await world.close();
  });

  Deno.test(`a process that is killed before it met a router leaves what it knew of that one to the next (${words})`, async () => {
    const world = worldOf(network);
    await (await begin(world)).agent.abort();
    const { speaker, local, peers } = world.second;
    speaker.configure(local, []);
    const agent = agentOf(world);
    void agent.start();
    await world.stage.clock.advance(20_000);
    assert.deepEqual(agent.status().peers.map(({ state }) => state === "Established"), [true, false]);
    await agent.abort();
    speaker.configure(local, peers);
    assert.deepEqual((await begin(world)).said, ALL);
    await world.close();
  });

  Deno.test(`a record that is torn, forged or cannot be read says nothing, costs no start, and is told (${words})`, async () => {
    const whole = worldOf(network);
    await (await begin(whole)).agent.abort();
    const file = whole.side.stateFiles.files.get(FILE) ?? assert.fail();
    await whole.close();
    const form = { what: "sessions", version: 1 };
    for (
      const broken of [
        file.subarray(0, file.length - 4),
        new Uint8Array(0),
        seal(form, { boot: "first boot", atMs: 1e15, peers: [] }),
        seal({ ...form, version: 2 }, {}),
      ]
    ) {
      const world = worldOf(network);
      world.side.stateFiles.files.set(FILE, broken);
      assert.deepEqual((await begin(world)).said, NOTHING);
      const told = world.events.of("warning").filter(({ cause }) => cause.includes(`${FILE} cannot be used`));
      assert.equal(told.length, 1);
      assert.ok(world.side.stateFiles.files.has(`${FILE}.damaged`));
      await world.close();
    }
  });

  Deno.test(`without state.directory, or a clock of the boot, nothing is known but what is in the kernel (${words})`, async () => {
    const there = network.setup ? ["4", "46"] : NOTHING;
    for (
      const [directory, ports, words] of [
        [undefined, {}, /state.directory is turned off/],
        [DIRECTORY, { boot: undefined }, /this boot of the machine cannot be told from another/],
        [DIRECTORY, { boot: noBoot }, /this boot of the machine cannot be told from another/],
      ] as const
    ) {
      const world = worldOf(network);
      world.stateDirectory = directory;
      await (await begin(world, ports)).agent.abort();
      const second = await begin(world, ports);
      assert.deepEqual(second.said, there);
      assert.match(because(second.agent).join(), words);
      assert.equal(world.side.stateFiles.files.get(FILE), undefined);
      await world.close();
    }
  });
}

Deno.test("where the kernel has nothing any more F is said of nothing, in another boot nor R", async () => {
  const before = worldOf(OURS);
  await (await begin(before)).agent.abort();
  const file = before.side.stateFiles.files.get(FILE) ?? assert.fail();
  await before.close();
  for (const [bootId, expected] of [["first boot", ["R", "R"]], ["second boot", NOTHING]] as const) {
    const world = worldOf(OURS);
    world.bootId = bootId;
    world.side.stateFiles.files.set(FILE, file);
    await world.stage.clock.advance(20_000);
    assert.deepEqual((await begin(world)).said, expected);
    assert.deepEqual(world.events.of("warning"), []);
    await world.close();
  }
});

Deno.test("one router without graceful restart is told nothing, whatever is known of the other", async () => {
  const world = worldOf(OTHERS);
  const { speaker, local, peers } = world.second;
  speaker.configure(local, peers.map((peer) => ({ ...peer, gracefulRestart: undefined })));
  const first = await begin(world);
  await first.agent.abort();
  assert.deepEqual((await begin(world)).said, ["R 4", "-"]);
  await world.close();
});

async function reload(world: World, agent: Agent, next: Config): Promise<void> {
  world.file = { ok: true, warnings: [], config: next };
  const reloading = agent.orders.reload(undefined);
  await world.stage.clock.advance(1000);
  await reloading;
}

/** The record at `path`. */
function recordOf(world: World, path: string): string {
  return new TextDecoder().decode(world.side.stateFiles.files.get(path) ?? assert.fail(path));
}

Deno.test("a router that a reload removes is out of the record at once, whether it was met or not", async () => {
  for (const isMet of [true, false]) {
    const world = worldOf(OTHERS);
    await (await begin(world)).agent.abort();
    const { speaker, local, peers } = world.second;
    if (!isMet) speaker.configure(local, []);
    const agent = agentOf(world);
    void agent.start();
    await world.stage.clock.advance(10_000);
    assert.match(recordOf(world, FILE), /"10.0.0.2".*"10.0.0.3"/);
    const whole = world.config();
    const left = whole.bgp.peers.filter(({ name }) => name !== "r2");
    await reload(world, agent, { ...whole, bgp: { ...whole.bgp, peers: left } });
    assert.match(recordOf(world, FILE), /^(?!.*"10.0.0.3").*"10.0.0.2"/m);
    await agent.abort();
    speaker.configure(local, peers);
    assert.deepEqual((await begin(world)).said, ["R 4", "-"]);
    await world.close();
  }
});

Deno.test("a reload takes the record along to another state.directory, and leaves none behind", async () => {
  const world = worldOf(OTHERS);
  const { agent } = await begin(world);
  world.stateDirectory = "/srv/state";
  await reload(world, agent, world.config());
  assert.match(recordOf(world, FILE), /"peers":\[\]/);
  assert.match(recordOf(world, "/srv/state/sessions"), /"10.0.0.2".*"10.0.0.3"/);
  await agent.abort();
  assert.deepEqual((await begin(world)).said, ALL);
  await world.close();
});

Deno.test("a session that is begun anew by one process says F of all, and no R (RFC 4724 4.2)", async () => {
  for (const [, network] of NETWORKS) {
    const world = worldOf(network);
    const { agent } = await begin(world);
    world.router.speaker.reset(world.router.status.name, { type: "administrative", communication: "" });
    world.second.speaker.reset(world.second.status.name, { type: "administrative", communication: "" });
    await world.stage.clock.advance(20_000);
    const said = agent.status().peers.map(({ saidRestart }) => [
      saidRestart?.restarting,
      saidRestart?.forwarding.length,
    ]);
    assert.deepEqual(said, [[false, 1], [false, 2]]);
    await world.close();
  }
});

Deno.test("the record is written on change and then now and then, and a disk that fails is told once and tried again", async () => {
  const world = worldOf(OTHERS);
  let writes = 0;
  const files = world.side.stateFiles;
  const agent = world.agent({}, {
    kernel: undefined,
    stateFiles: {
      read: (path) => files.read(path),
      setAside: (path) => files.setAside(path),
      replace: (path, octets) => {
        if (path === FILE) writes++;
        return files.replace(path, octets);
      },
    },
  });
  void agent.start();
  await world.stage.clock.advance(10_000);
  assert.ok(writes >= 1 && writes <= 3, `${writes} at the start`);
  writes = 0;
  await world.stage.clock.advance(1_200_000);
  assert.equal(writes, 40, "one in 30 s, of a restart time of 120 s");
  files.fault = new Error("the file system of /var/lib/bgp-lb is full");
  await world.stage.clock.advance(300_000);
  const told = () => world.events.of("warning").filter(({ cause }) => cause.includes(FILE));
  assert.equal(told().length, 1);
  assert.match(
    told()[0]?.cause ?? "",
    /cannot be written, so that routers may drop our routes .* full; it is tried/,
  );
  files.fault = undefined;
  await world.stage.clock.advance(31_000);
  await agent.abort();
  assert.deepEqual((await begin(world)).said, ALL);
  await world.close();
});
