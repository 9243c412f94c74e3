// Whether everything still turns: each loop of a whole agent stuck once, by a timer that never comes, and seen.
import assert from "node:assert/strict";
import type { Agent } from "../../src/agent/agent.ts";
import { Liveness } from "../../src/agent/liveness.ts";
import type { Config } from "../../src/config/config.ts";
import { MemoryNetwork } from "../bfd/memory_datagrams.ts";
import { World } from "../support/agent_world.ts";
import { seeded } from "../support/random.ts";
import { StuckClock } from "../support/stuck_clock.ts";

const EVERY_MS = 10_000;
const BFD = {
  transmitMs: 500,
  receiveMs: 500,
  multiplier: 3,
  passive: false,
  strict: false,
  multihop: false,
};

/** An agent all of whose loops are there, and who watches it. */
class Scene extends World {
  readonly clock = new StuckClock(this.stage.clock);
  readonly host = new MemoryNetwork(this.stage.clock).host("10.0.0.1");
  readonly liveness = new Liveness();
  readonly watched: Agent;

  constructor() {
    super();
    const interfaceIndex = (name: string) => this.host.interfaces.get(name);
    const bfd = { datagrams: this.host, interfaceIndex, random: seeded(1) };
    this.watched = this.agent({}, { clock: this.clock, bfd });
  }

  override config(...given: Parameters<World["config"]>): Config {
    const config = super.config(...given);
    const [first, ...others] = config.bgp.peers;
    if (first === undefined) return config;
    return { ...config, bgp: { ...config.bgp, peers: [{ ...first, bfd: BFD }, ...others] } };
  }

  /** Up, and well for a while. */
  async start(): Promise<void> {
    await this.stage.clock.advance(0);
    await this.watched.start();
    assert.deepEqual(await this.look(6), []);
  }

  /** Those that stand still at some of so many looks. */
  async look(times: number): Promise<readonly string[]> {
    const names = new Set<string>();
    for (let time = 0; time < times; time++) {
      await this.stage.clock.advance(EVERY_MS);
      for (const { name } of this.liveness.look(this.watched.loops(), this.clock.now())) names.add(name);
    }
    return [...names].sort();
  }
}

const RECONCILER = "src/kernel/reconciler.ts";

/** The files whose timers are lost, and who stands still then. */
const FAULTS: readonly (readonly [readonly string[], readonly string[]])[] = [
  [["src/agent/loop_lag.ts"], ["the event loop"]],
  [[RECONCILER], ["the kernel's reconciler"]],
  [["src/bfd/driver.ts"], ["BFD"]],
  [["src/bgp/driver.ts"], ["peer r1", "peer r2"]],
  [["src/http/side_listener.ts"], ["control listener", "http listener"]],
  [["src/health/check.ts"], ["check other/http-1", "check web/http-1"]],
];

for (const [files, standing] of FAULTS) {
  Deno.test(`a loop that stands still is seen, and no other one: ${files} has lost its timer`, async () => {
    const scene = new Scene();
    await scene.start();
    scene.clock.stuck = files;
    assert.deepEqual(await scene.look(12), standing);
    assert.ok(scene.clock.lost > 0, "nothing was lost");
    await scene.watched.abort();
    await scene.stage.close();
  });
}

Deno.test("services that stand still on their way out are seen, where news of the kernel do not move them on either", async () => {
  const scene = new Scene();
  await scene.start();
  scene.clock.stuck = ["src/service/driver.ts", RECONCILER];
  void scene.watched.stop("test");
  assert.deepEqual(await scene.look(12), ["services", "the kernel's reconciler"]);
});

Deno.test("a run of the reconciler that never ends is seen", async () => {
  const scene = new Scene();
  await scene.start();
  scene.kernel.read = () => new Promise(() => {});
  assert.deepEqual(await scene.look(12), ["the kernel's reconciler"]);
});

Deno.test("nothing stands still where all is well, where peers and backends are lost, after a pause, or on the way out", async () => {
  const scene = new Scene();
  await scene.start();
  scene.outcome = { kind: "fail", detail: "503" };
  await scene.router.speaker.stop({ mode: "shutdown", communication: "" });
  assert.deepEqual(await scene.look(30), []);
  scene.stage.clock.stall(600_000);
  assert.deepEqual(scene.liveness.look(scene.watched.loops(), scene.clock.now()), []);
  assert.deepEqual(await scene.look(6), []);
  void scene.watched.stop("test");
  assert.deepEqual(await scene.look(12), []);
  await scene.stage.close();
});

Deno.test("Liveness tells who is late at two looks, and was due at the same time at both", () => {
  const liveness = new Liveness();
  const look = (atMs: number, ...dueMs: readonly number[]) =>
    liveness.look(dueMs.map((due, index) => ({ name: `loop ${index}`, dueMs: due })), atMs).map(({ name }) =>
      name
    );
  assert.deepEqual(look(10_000, 4_000, 6_000, Infinity, -Infinity), [], "once is a pause");
  assert.deepEqual(look(10_001, 4_000, 6_000, Infinity, -Infinity), [], "and so is the next moment");
  assert.deepEqual(look(20_000, 4_000, 16_000, Infinity, -Infinity), ["loop 0", "loop 3"]);
  assert.deepEqual(
    look(30_000, 24_999, 16_000, Infinity, 29_000),
    [],
    "each has turned meanwhile, and is due anew",
  );
});
