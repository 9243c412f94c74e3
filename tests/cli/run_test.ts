// `bgp-lb run` on a virtual clock: what signals do, what the service manager is told, and the exit statuses.
import assert from "node:assert/strict";
import { type Platform, run, type Signal } from "../../src/cli/run.ts";
import { FakeKernel } from "../support/fake_kernel.ts";
import { MemoryNetwork } from "../support/memory_transport.ts";
import { A } from "../support/speakers.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const FILE = JSON.stringify({
  http: { listen: "127.0.0.1:1" },
  bgp: {
    local: { routerID: "10.0.0.1", as: 65512, listenPort: -1 },
    peers: [{ address: "10.0.0.2", as: 65512 }],
  },
  services: [{ name: "web", addresses: ["10.99.0.1"], stop: { converge: "20s" } }],
});

/** A run of the command, from outside. */
class Rig {
  readonly clock = new VirtualClock();
  readonly kernel = new FakeKernel();
  readonly notified: string[] = [];
  readonly lines: string[] = [];
  readonly #signals = new Map<Signal, () => void>();
  status: number | undefined;

  constructor(platform: Partial<Platform> = {}) {
    run("config.json", {}, {
      version: "test",
      readFile: () => new TextEncoder().encode(FILE),
      stderr: (text) => void this.lines.push(text),
      logOutput: { isTerminal: false, write: (line) => void this.lines.push(line) },
      openPlatform: () => ({
        clock: this.clock,
        random: () => 0.5,
        transport: new MemoryNetwork({ clock: this.clock }).transport(A),
        interfaces: () => [],
        kernel: this.kernel,
        probe: () => ({ run: () => Promise.resolve({ kind: "pass", detail: "" }) }),
        serve: () => ({ [Symbol.asyncDispose]: () => Promise.resolve() }),
        listenControl: () => Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() }),
        processFigures: () => ({ residentMemoryBytes: 0, cpuSeconds: 0, startTimeSeconds: 0 }),
        notify: (state) => void this.notified.push(state),
        [Symbol.asyncDispose]: () => Promise.resolve(),
        ...platform,
      }),
      onSignal: (signal, callback) => {
        this.#signals.set(signal, callback);
        return { [Symbol.dispose]: () => void this.#signals.delete(signal) };
      },
    }).then((status) => this.status = status);
  }

  async signal(signal: Signal, afterMs: number): Promise<void> {
    await this.clock.advance(afterMs);
    this.#signals.get(signal)?.();
    await this.clock.advance(0);
  }
}

Deno.test("run() stops in order at SIGTERM, tells the service manager and ends with 0 (CONTRACT Command line)", async () => {
  const rig = new Rig();
  await rig.signal("SIGTERM", 1000);
  assert.deepEqual(rig.notified, ["READY=1", "STOPPING=1"]);
  await rig.clock.advance(30_000);
  assert.equal(rig.status, 0);
  assert.deepEqual(rig.kernel.interfaces.filter(({ name }) => name === "web"), []);
});

Deno.test("run() stops at once at a later signal, however close the ones before it came (CONTRACT Command line)", async () => {
  const rig = new Rig();
  await rig.signal("SIGINT", 1000);
  for (const afterMs of [5, 300]) await rig.signal("SIGINT", afterMs);
  assert.equal(rig.status, undefined, "one press that arrives more than once is one");
  await rig.signal("SIGTERM", 300);
  assert.equal(rig.status, 1);
  assert.ok(rig.kernel.interfaces.some(({ name }) => name === "web"), "the kernel stays as it is");
});

Deno.test("run() hands over at SIGUSR2 and ends with 0, the kernel as it is", async () => {
  const rig = new Rig();
  await rig.signal("SIGUSR2", 1000);
  await rig.clock.advance(1000);
  assert.equal(rig.status, 0);
  assert.ok(rig.kernel.interfaces.some(({ name }) => name === "web"));
});

Deno.test("run() ends with 1 where a stop fails, and says why", async () => {
  const serve = () => ({ [Symbol.asyncDispose]: () => Promise.reject(new Error("no way")) });
  const rig = new Rig({ serve });
  await rig.signal("SIGTERM", 1000);
  await rig.clock.advance(30_000);
  assert.equal(rig.status, 1);
  assert.match(rig.lines.join(""), /cannot stop in order: Error: no way/);
});
