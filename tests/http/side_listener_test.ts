import assert from "node:assert/strict";
import { SideListener, type SideListenerState } from "../../src/http/side_listener.ts";
import { listenTcp } from "../../src/http/tcp_listener.ts";
import { kernelError, MemoryStreams } from "../support/memory_streams.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

/** A listener that fails, or has a problem, as the test says. */
class Rig {
  readonly clock = new VirtualClock();
  readonly said: string[] = [];
  readonly attemptsMs: number[] = [];
  failure: string | undefined;
  problem: string | undefined;
  open = 0;
  readonly listener = new SideListener({
    clock: this.clock,
    address: "here",
    open: () => {
      this.attemptsMs.push(this.clock.now());
      if (this.failure !== undefined) return Promise.reject(new Error(this.failure));
      this.open++;
      this.problem = undefined;
      return Promise.resolve({ problem: () => this.problem, [Symbol.dispose]: () => void this.open-- });
    },
    onChange: (state: SideListenerState) =>
      void this.said.push(`${this.clock.now()} ${state.state === "failed" ? state.error : state.state}`),
  });
}

Deno.test("SideListener tries again after 1 s and ever later up to 30 s, and says a lasting failure once", async () => {
  const rig = new Rig();
  rig.failure = "in use";
  await rig.listener.start();
  assert.deepEqual(rig.listener.state, {
    state: "failed",
    sinceMs: 0,
    address: "here",
    error: "in use",
    retryAtMs: 1000,
  });
  await rig.clock.advance(120_000);
  assert.deepEqual(rig.attemptsMs, [0, 1000, 3000, 7000, 15_000, 31_000, 61_000, 91_000]);
  rig.failure = "not permitted";
  await rig.clock.advance(30_000);
  rig.failure = undefined;
  await rig.clock.advance(30_000);
  assert.deepEqual(rig.said, ["0 in use", "121000 not permitted", "151000 listening"]);
  assert.deepEqual(rig.listener.state, { state: "listening", sinceMs: 151_000, address: "here" });
  rig.listener[Symbol.dispose]();
  assert.deepEqual([rig.open, rig.clock.pending, rig.listener.state.state], [0, 0, "off"]);
});

Deno.test("SideListener opens anew within seconds what is not what it was, and only one at a time", async () => {
  const rig = new Rig();
  await rig.listener.start();
  await rig.clock.advance(60_000);
  rig.problem = "removed";
  await rig.clock.advance(2000);
  assert.deepEqual(rig.said, ["0 listening", "62000 removed", "62000 listening"]);
  rig.problem = "removed";
  await rig.clock.advance(4000);
  assert.deepEqual(
    rig.said.slice(3),
    ["64000 removed", "65000 listening"],
    "again so soon: not quite at once",
  );
  assert.equal(rig.open, 1);
  rig.problem = "removed";
  rig.failure = "something is there";
  await rig.clock.advance(10_000);
  assert.equal(rig.open, 0);
  rig.failure = undefined;
  await rig.clock.advance(30_000);
  assert.equal(rig.open, 1);
  rig.listener[Symbol.dispose]();
});

Deno.test("SideListener throws at its start what is final, says nothing of it and does not try again", async () => {
  const rig = new Rig();
  rig.failure = "another agent";
  await assert.rejects(rig.listener.start(() => true), /another agent/);
  assert.deepEqual([rig.said, rig.clock.pending], [[], 0]);
});

Deno.test("SideListener that is disposed while it opens closes what it gets", async () => {
  const rig = new Rig();
  const starting = rig.listener.start();
  rig.listener[Symbol.dispose]();
  await starting;
  assert.deepEqual([rig.open, rig.clock.pending, rig.said], [0, 0, []]);
});

Deno.test("SideListener goes on where it throws to look, to close, or to tell", async () => {
  const clock = new VirtualClock();
  let opened = 0;
  let told = 0;
  const fail = () => {
    throw new Error("a fault of ours");
  };
  const listener = new SideListener({
    clock,
    address: "here",
    open: () => {
      opened++;
      return { problem: fail, [Symbol.dispose]: fail };
    },
    onChange: () => {
      if (told++ === 0) fail();
    },
  });
  await assert.rejects(listener.start(), /a fault of ours/);
  assert.equal(listener.state.state, "listening");
  for (let second = 0; second < 60; second++) await clock.advance(1000).catch(() => {});
  assert.ok(opened > 5 && told > 5, `${opened} ${told}`);
  assert.equal(clock.pending, 1);
  assert.throws(() => listener[Symbol.dispose]());
  assert.equal(clock.pending, 0);
});

/** Who listens where, after listening on all addresses where some cannot be had. */
function everywhere(faults: Readonly<Record<string, string>>): readonly string[] {
  const streams = new MemoryStreams();
  for (const [place, code] of Object.entries(faults)) streams.faults.set(place, kernelError(code));
  listenTcp({ hostname: "", port: 80 }, streams, { connection() {}, fault() {} });
  return [...streams.listeners.keys()];
}

Deno.test("listenTcp() on no address listens on both families, whatever the system makes of :: (faults.md S16)", () => {
  assert.deepEqual(everywhere({}), [":: 80", "0.0.0.0 80"], "bindv6only");
  assert.deepEqual(everywhere({ "0.0.0.0 80": "EADDRINUSE" }), [":: 80"], ":: has IPv4 too");
  assert.deepEqual(everywhere({ ":: 80": "EAFNOSUPPORT" }), ["0.0.0.0 80"], "no IPv6");
  assert.throws(() => everywhere({ ":: 80": "EADDRINUSE" }), /EADDRINUSE/, "somebody else has it");
  assert.throws(() => everywhere({ "0.0.0.0 80": "EACCES" }), /EACCES/);
});

Deno.test("listenTcp() has a problem when accepting fails for good, and none when descriptors have run out", () => {
  for (
    const [code, ends] of [["EMFILE", false], ["ENFILE", false], ["ENOMEM", false], ["EINVAL", true]] as const
  ) {
    const streams = new MemoryStreams();
    const faults: string[] = [];
    const events = { connection() {}, fault: (error: Error) => void faults.push(error.message) };
    using listener = listenTcp({ hostname: "127.0.0.1", port: 80 }, streams, events);
    streams.listeners.get("127.0.0.1 80")?.fault(kernelError(code));
    assert.equal(listener.problem() !== undefined, ends, code);
    assert.deepEqual(faults, [code]);
  }
});

Deno.test("SideListener says what a listener lacks though it listens, and no more when it is opened anew without that", async () => {
  const clock = new VirtualClock();
  const states: SideListenerState[] = [];
  let shortfall: string | undefined = "no group";
  let problem: string | undefined;
  using listener = new SideListener({
    clock,
    address: "here",
    open: () => ({ shortfall, problem: () => problem, [Symbol.dispose]() {} }),
    onChange: (state) => void states.push(state),
  });
  await listener.start();
  assert.deepEqual(listener.state, {
    state: "listening",
    sinceMs: 0,
    address: "here",
    shortfall: "no group",
  });
  problem = "the group is there now";
  await clock.advance(1999);
  shortfall = undefined;
  await clock.advance(1);
  problem = undefined;
  await clock.advance(1000);
  assert.deepEqual(states.map((state) => state.state), ["listening", "failed", "listening"]);
  assert.deepEqual(listener.state, { state: "listening", sinceMs: 3000, address: "here" });
});
