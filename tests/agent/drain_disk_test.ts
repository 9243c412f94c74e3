// Orders to drain while the disk is slow, another one, or not read yet: what is told is what is so.
import assert from "node:assert/strict";
import { DrainKeeper } from "../../src/agent/drain_keeper.ts";
import { decodeDrains, type Drained } from "../../src/service/drains.ts";
import { World } from "../support/agent_world.ts";
import { RecordedEvents } from "../support/events.ts";
import { MemoryStateFiles } from "../support/side_ports.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const DRAINED: Drained = { reason: "r", sinceMs: 0, untilMs: Infinity };

/** A disk that answers when a test lets it. */
class SlowFiles extends MemoryStateFiles {
  #hold = Promise.withResolvers<void>();
  slow = false;

  override async read(path: string): Promise<Uint8Array | undefined> {
    if (this.slow) await this.#hold.promise;
    return await super.read(path);
  }

  override async replace(path: string, octets: Uint8Array): Promise<void> {
    if (this.slow) await this.#hold.promise;
    await super.replace(path, octets);
  }

  goOn(): void {
    this.slow = false;
    this.#hold.resolve();
    this.#hold = Promise.withResolvers();
  }

  /** Names that the file in `directory` has. */
  names(directory: string): readonly string[] {
    const file = this.files.get(`${directory}/drains`);
    if (file === undefined) return [];
    return [...decodeDrains(file, { wallMs: Date.UTC(2026, 0, 1), nowMs: 0 }).services.keys()];
  }
}

function keeper(directory: string | undefined = "/a") {
  const clock = new VirtualClock();
  const files = new SlowFiles();
  const events = new RecordedEvents(clock);
  const drains = new DrainKeeper({ clock, files, events: events.stream, directory, onEnd: () => {} });
  return { clock, files, events, drains };
}

Deno.test("DrainKeeper: while the disk hangs every answer says that nothing is kept, and it is in order once it goes on", async () => {
  const { clock, files, drains } = keeper();
  files.slow = true;
  const first = drains.drain(["a"], DRAINED);
  const second = drains.drain(["b"], DRAINED);
  const repeated = drains.kept();
  await clock.advance(2100);
  for (const answer of [first, second, repeated]) {
    assert.match(await answer ?? "", /has not answered for 2 s/);
  }
  assert.match(drains.lost ?? "", /has not answered/);
  files.goOn();
  await clock.advance(100);
  assert.equal(drains.lost, undefined);
  assert.deepEqual(files.names("/a"), ["a", "b"]);
  assert.equal(await drains.kept(), undefined);
  await drains.close();
  assert.equal(clock.pending, 0);
});

Deno.test("DrainKeeper: another folder gets what there is, the old one nothing more, and its late word does not count", async () => {
  const { clock, files, drains } = keeper();
  await drains.drain(["a"], DRAINED);
  files.slow = true;
  void drains.drain(["b"], DRAINED);
  await clock.advance(10);
  drains.configure(undefined);
  files.goOn();
  await clock.advance(3000);
  assert.equal(drains.lost, "state.directory is turned off");
  drains.configure("/b");
  await clock.advance(100);
  assert.deepEqual(files.names("/b"), ["a", "b"]);
  assert.equal(drains.lost, undefined);
  assert.deepEqual(
    files.names("/a"),
    [],
    "who comes back to the old folder finds nothing that was undone since",
  );
  await drains.close();
  assert.equal(clock.pending, 0);
});

Deno.test("a drain that is ordered while the file of drains is read waits for that, and both are kept", async () => {
  const world = new World();
  world.stateDirectory = "/a";
  const files = new SlowFiles();
  const first = world.agent({}, { stateFiles: files });
  first.start();
  await world.stage.clock.advance(3500);
  await first.orders.drain({ services: ["web"], reason: undefined, forMs: undefined }, undefined);
  await world.stage.clock.advance(100);
  world.stage.network.resetAll();
  await first.abort();
  files.slow = true;
  const agent = world.agent({}, { stateFiles: files });
  agent.start();
  await world.stage.clock.advance(100);
  const answer = agent.orders.drain({ services: ["off"], reason: undefined, forMs: undefined }, undefined);
  await world.stage.clock.advance(100);
  files.goOn();
  await world.stage.clock.advance(5000);
  assert.deepEqual(await answer, { services: ["off"], lost: undefined });
  assert.deepEqual(files.names("/a"), ["web", "off"]);
  const drained = agent.status().services.filter(({ drain }) => drain !== undefined).map(({ name }) => name);
  assert.deepEqual(drained, ["web", "off"]);
  await world.closeWithFaults();
});
