// One agent for one kernel: the second one asks the first.
import assert from "node:assert/strict";
import { HostNotFitError } from "../../src/agent/ports.ts";
import { SoleAgent } from "../../src/agent/sole_agent.ts";
import type { AgentState } from "../../src/events/event.ts";
import type { PeerCredentials } from "../../src/net/sockets.ts";
import { World } from "../support/agent_world.ts";
import { CONTENTION } from "../support/config.ts";
import { RecordedEvents } from "../support/events.ts";
import { kernelError, MemoryStreams } from "../support/memory_streams.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const NAME = "@bgp-lb/kernel";

/** Streams that tell who is at the other end, as the kernel does. */
class Told extends MemoryStreams {
  holder: PeerCredentials = { pid: 4242, uid: 0, gid: 0 };

  override async connect(...args: Parameters<MemoryStreams["connect"]>) {
    const socket = await super.connect(...args);
    return Object.assign(socket, { credentials: this.holder });
  }
}

function scene() {
  const clock = new VirtualClock();
  const streams = new Told();
  const { stream: events, events: told } = new RecordedEvents(clock);
  const agent = (state: () => AgentState = () => "running") =>
    new SoleAgent({ streams, clock, events, socketFiles: { user: 7 } }, state);
  const warnings = () => told.filter(({ kind }) => kind === "warning").map(({ cause }) => cause);
  return { clock, streams, agent, warnings };
}

Deno.test("claim(): the first one gets the name, the second one is told which process has it and what to do", async () => {
  const { clock, streams, agent, warnings } = scene();
  using first = agent();
  await first.claim();
  for (const uid of [0, 7]) {
    streams.holder = { pid: 4242, uid, gid: 0 };
    const refused = assert.rejects(agent().claim(), (error) => {
      assert.ok(error instanceof HostNotFitError);
      assert.match(error.message, /^process 4242 of user \d manages .* already, and is running: stop it, /);
      assert.match(error.message, /bgp-lb handover.*network\.setup: false/);
      return true;
    });
    await clock.advance(1000);
    await refused;
  }
  first[Symbol.dispose]();
  await agent().claim();
  assert.deepEqual(warnings(), []);
});

Deno.test("claim(): an agent that is stopping is waited for, but not for ever", async () => {
  const { clock, agent } = scene();
  const first = agent(() => "stopping");
  await first.claim();
  let outcome = "";
  using second = agent();
  void second.claim().then(() => outcome = "claimed", (error) => outcome = String(error));
  await clock.advance(9000);
  assert.equal(outcome, "");
  first[Symbol.dispose]();
  await clock.advance(200);
  assert.equal(outcome, "claimed");
  second[Symbol.dispose]();
  using third = agent(() => "stopping");
  await third.claim();
  void agent().claim().then(() => outcome = "claimed", (error) => outcome = String(error));
  await clock.advance(11_000);
  assert.match(outcome, /and is stopping: stop it/);
});

Deno.test("claim(): a name that a stranger has does not lock us out, and is said", async () => {
  const { clock, streams, agent, warnings } = scene();
  streams.holder = { pid: 666, uid: 1000, gid: 1000 };
  using _theirs = streams.listen({ path: NAME }, {
    connection: (socket) => void socket.write(new TextEncoder().encode("running\n")),
    fault() {},
  });
  const goesOn = agent().claim();
  await clock.advance(1000);
  await goesOn;
  assert.match(
    warnings()[0] ?? "",
    /^process 666 of user 1000 has the name .* would not be seen\. End that process$/,
  );
  _theirs[Symbol.dispose]();
  // One that keeps its queue full, so that nobody knows who it is.
  const connect = streams.connect.bind(streams);
  streams.connect = (_to, signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  using _silent = streams.listen({ path: NAME }, { connection() {}, fault() {} });
  const claimed = agent().claim();
  await clock.advance(3000);
  await claimed;
  assert.match(warnings()[1] ?? "", /^a process has the name/);
  streams.connect = connect;
});

Deno.test("claim(): root's process that does not answer has the kernel all the same", async () => {
  const { clock, streams, agent } = scene();
  using _hung = streams.listen({ path: NAME }, { connection() {}, fault() {} });
  const refused = assert.rejects(
    agent().claim(),
    /^HostNotFitError: process 4242 of user 0 manages .* already: stop it/,
  );
  await clock.advance(2000);
  await refused;
});

Deno.test("claim(): one that has run out of something, and resets whoever asks, has the kernel all the same", async () => {
  const { clock, streams, agent } = scene();
  using _short = streams.listen({ path: NAME }, {
    connection: (socket) => socket[Symbol.dispose](),
    fault() {},
  });
  const connect = streams.connect.bind(streams);
  streams.connect = async (...args) => {
    return Object.assign(await connect(...args), { read: () => Promise.reject(kernelError("ECONNRESET")) });
  };
  const refused = assert.rejects(agent().claim(), /^HostNotFitError: process 4242 of user 0 manages/);
  await clock.advance(2000);
  await refused;
});

Deno.test("whoever asks and does not go keeps no more than a few descriptors, and those for a second", async () => {
  const { clock, streams, agent } = scene();
  using only = agent();
  await only.claim();
  const ask = async () => {
    const socket = await streams.connect({ path: NAME }, new AbortController().signal);
    const octets = await socket.read();
    return octets === undefined ? "turned away" : "answered";
  };
  const asked = await Promise.all(Array.from({ length: 40 }, ask));
  assert.equal(asked.filter((each) => each === "answered").length, 16);
  await clock.advance(2000);
  assert.equal(await ask(), "answered");
});

Deno.test("claim() goes on where there can be no such name, and says so", async () => {
  const { streams, agent, warnings } = scene();
  streams.faults.set(NAME, kernelError("EPERM"));
  await agent().claim();
  assert.match(warnings()[0] ?? "", /cannot be known: EPERM/);
});

Deno.test("Agent that only announces runs beside one that manages the kernel", async () => {
  const world = new World();
  const first = world.agent();
  void first.start();
  await world.stage.clock.advance(3000);
  world.network = { setup: false, ipvs: false, contention: CONTENTION };
  const config = world.config.bind(world);
  world.config = (service) => ({
    ...config(service),
    control: { socket: "/run/other.sock", group: undefined },
  });
  const second = world.agent({ ports: [] }, { kernel: undefined });
  void second.start();
  await world.stage.clock.advance(3000);
  assert.equal(second.status().state, "running");
  await first.abort();
  await world.close();
});

Deno.test("Agent that manages the kernel gives its name up with its end, after everything else", async () => {
  const world = new World();
  const first = world.agent();
  void first.start();
  await world.stage.clock.advance(3000);
  const second = world.agent();
  const refused = assert.rejects(
    second.start(),
    /manages the interfaces and IPVS of this host already, and is running/,
  );
  await world.stage.clock.advance(1000);
  await refused;
  assert.ok(world.side.streams.listeners.has(NAME), "the refused one has not taken it away");
  const third = world.agent();
  void first.handover();
  void third.start();
  await world.stage.clock.advance(3000);
  assert.equal(third.status().state, "running", "it waited for the moment that the handover takes");
  await world.close();
  assert.ok(!world.side.streams.listeners.has(NAME));
});
