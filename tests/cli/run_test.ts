// `bgp-lb run` on a virtual clock: what signals do, what the service manager is told, and the exit statuses.
import assert from "node:assert/strict";
import { type Platform, run, type RunPorts, type Signal } from "../../src/cli/run.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { KernelError } from "../../src/netlink/transport.ts";
import { FakeKernel } from "../support/fake_kernel.ts";
import { MemoryNetwork } from "../support/memory_transport.ts";
import { sidePorts } from "../support/side_ports.ts";
import { A } from "../support/speakers.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const FILE = JSON.stringify({
  http: { listen: "127.0.0.1:1" },
  control: { socket: "" },
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
  /** What it said of itself. */
  readonly words: string[] = [];
  readonly lines: string[] = [];
  #onSignal: ((signal: Signal) => void) | undefined;
  status: number | undefined;

  constructor(
    platform: Partial<Platform> = {},
    early: readonly Signal[] = [],
    ports: Partial<RunPorts> = {},
    named = true,
  ) {
    run(named ? "config.json" : undefined, {}, {
      version: "test",
      clock: this.clock,
      readFile: () => ({ octets: new TextEncoder().encode(FILE) }),
      stderr: (text) => void this.lines.push(text),
      logOutput: {
        isTerminal: false,
        isJournal: false,
        write: (line) => void this.lines.push(line),
        setLostLine() {},
      },
      openPlatform: () => ({
        random: () => 0.5,
        transport: new MemoryNetwork({ clock: this.clock }).transport(A),
        kernel: this.kernel,
        probe: () => ({ run: () => Promise.resolve({ kind: "pass", detail: "" }) }),
        ...sidePorts(),
        processFigures: () => ({ residentMemoryBytes: 0, cpuSeconds: 0, startTimeSeconds: 0 }),
        serviceManager: {
          notify: (state) => {
            for (const line of state.split("\n")) {
              if (line.startsWith("STATUS=")) this.words.push(line.slice("STATUS=".length));
              else if (!line.startsWith("EXTEND_")) this.notified.push(line);
            }
          },
          monotonicMicroseconds: () => this.clock.now() * 1000,
          watchdogMs: undefined,
        },
        loops: () => [],
        [Symbol.asyncDispose]: () => Promise.resolve(),
        ...platform,
      }),
      onException: () => ({ [Symbol.dispose]() {} }),
      onSignal: (callback) => {
        this.#onSignal = callback;
        for (const signal of early) callback(signal);
        return { [Symbol.dispose]: () => void (this.#onSignal = undefined) };
      },
      ...ports,
    }).then((status) => this.status = status);
  }

  /** In this turn. */
  signalNow(signal: Signal): void {
    this.#onSignal?.(signal);
  }

  async signal(signal: Signal, afterMs: number): Promise<void> {
    await this.clock.advance(afterMs);
    this.#onSignal?.(signal);
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

Deno.test("run() ends with 1 at a second signal, from every state, and frees nothing (CONTRACT Command line, faults S14, S22)", async () => {
  const never = new Promise<never>(() => {});
  const states: readonly (readonly [string, Partial<Platform>, number])[] = [
    ["while it drains", {}, 1000],
    ["while it starts", { kernel: Object.assign(new FakeKernel(), { probe: () => never }) }, 0],
  ];
  for (const [state, platform, afterMs] of states) {
    let disposed = false;
    const rig = new Rig({
      ...platform,
      [Symbol.asyncDispose]: () => Promise.resolve(void (disposed = true)),
    });
    await rig.signal("SIGINT", afterMs);
    await rig.signal("SIGINT", 5);
    assert.equal(rig.status, undefined, `${state}: one press that arrives twice is one`);
    await rig.signal("SIGTERM", 100);
    assert.equal(rig.status, 1, state);
    assert.equal(disposed, false, state);
    assert.match(rig.lines.join(""), /SIGTERM again/, state);
  }
});

Deno.test("run() that is told to end before it has begun touches nothing and ends with 0 (faults S14)", async () => {
  const openPlatform = () => {
    throw new Error("not to be opened");
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGUSR2"] as const) {
    const rig = new Rig({}, [signal], { openPlatform });
    await rig.clock.advance(1000);
    assert.equal(rig.status, 0, signal);
    assert.deepEqual(rig.kernel.made, []);
  }
});

Deno.test("run() hands over at SIGUSR2, the kernel as it is, and ends with 4 for the service manager, with 0 where there is none", async () => {
  const rig = new Rig();
  await rig.signal("SIGUSR2", 1000);
  await rig.clock.advance(1000);
  assert.equal(rig.status, 4);
  assert.deepEqual(rig.notified, ["READY=1"], "STOPPING=1 would be a stop");
  const alone = new Rig({ serviceManager: undefined });
  await alone.signal("SIGUSR2", 1000);
  await alone.clock.advance(1000);
  assert.equal(alone.status, 0);
  assert.ok(rig.kernel.interfaces.some(({ name }) => name === "web"));
});

Deno.test("run() ends with 1 where a stop fails, and says why", async () => {
  const { streams } = sidePorts();
  const fail = () => {
    throw new Error("no way");
  };
  const listen = () => ({ local: undefined, [Symbol.dispose]: fail });
  const rig = new Rig({ streams: { connect: (to, signal) => streams.connect(to, signal), listen } });
  await rig.signal("SIGTERM", 1000);
  await rig.clock.advance(30_000);
  assert.equal(rig.status, 1);
  assert.match(rig.lines.join(""), /cannot stop in order: Error: no way/);
});

Deno.test("run() ends with 1 where something of ours could not be removed, and names it (faults K12)", async () => {
  const rig = new Rig();
  await rig.clock.advance(1000);
  rig.kernel.refuse = (change) => change.type === "delete-interface" ? ERRNO.EBUSY : undefined;
  await rig.signal("SIGTERM", 0);
  await rig.clock.advance(60_000);
  assert.equal(rig.status, 1);
  assert.match(rig.lines.join(""), /could not be removed: interface web: delete interface web: .*busy/i);
});

Deno.test("run() ends with 1 and names what stays where the kernel cannot even be read any more (faults K12)", async () => {
  const rig = new Rig();
  await rig.clock.advance(1000);
  rig.kernel.readError = new KernelError("list interfaces", { errno: ERRNO.EPERM, extendedAck: undefined });
  await rig.signal("SIGTERM", 0);
  await rig.clock.advance(60_000);
  assert.equal(rig.status, 1);
  assert.match(rig.lines.join(""), /could not be removed: interface web.*: list interfaces: /);
});

Deno.test("run() removes at a stop what the kernel gives up only at a later attempt, and ends with 0", async () => {
  const rig = new Rig();
  await rig.clock.advance(1000);
  let refusals = 2;
  rig.kernel.refuse = (change) =>
    change.type === "delete-interface" && refusals-- > 0 ? ERRNO.EBUSY : undefined;
  await rig.signal("SIGTERM", 0);
  await rig.clock.advance(60_000);
  assert.equal(rig.status, 0);
  assert.deepEqual(rig.kernel.interfaces.filter(({ name }) => name === "web"), []);
});

/** A file system that has these files alone. */
function having(files: Readonly<Record<string, string>>): Partial<RunPorts> {
  return {
    readFile(path) {
      const text = files[path];
      if (text === undefined) throw new Error("does not exist");
      return { octets: new TextEncoder().encode(text) };
    },
  };
}

Deno.test("run() without a file takes config.yaml, and config.json where only that is there (CONTRACT Command line)", async () => {
  const [yaml, json] = ["/etc/bgp-lb/config.yaml", "/etc/bgp-lb/config.json"];
  const rows = [
    [{ [yaml]: FILE }, 0, undefined],
    [{ [json]: FILE }, 0, undefined],
    [{ [yaml]: FILE, [json]: "{}" }, 0, undefined],
    [{}, 2, /config\.yaml: does not exist\n.*that is the default; --config FILE names another/s],
  ] as const;
  for (const [files, status, said] of rows) {
    const rig = new Rig({}, [], having(files), false);
    await rig.signal("SIGTERM", 1000);
    await rig.clock.advance(60_000);
    const told = rig.lines.join("");
    assert.equal(rig.status, status, told);
    if (said === undefined) assert.doesNotMatch(told, /that is the default/);
    else assert.match(told, said);
  }
  const named = new Rig({}, [], having({}));
  await named.clock.advance(0);
  assert.equal(named.status, 2);
  assert.doesNotMatch(named.lines.join(""), /that is the default/);
});

Deno.test("run() reloads for a SIGHUP that comes after the file was read and before the agent is there", async () => {
  const rig = new Rig();
  // In the turn of the start: the file was read, and nothing else has happened.
  rig.signalNow("SIGHUP");
  await rig.clock.advance(1000);
  assert.match(rig.lines.join(""), /reload/);
  await rig.signal("SIGTERM", 1000);
  await rig.clock.advance(30_000);
  assert.equal(rig.status, 0);
});

Deno.test("run() does not read the file twice for a SIGHUP that came before it was read", async () => {
  const rig = new Rig({}, ["SIGHUP"]);
  await rig.clock.advance(1000);
  assert.doesNotMatch(rig.lines.join(""), /reload/);
  await rig.signal("SIGTERM", 1000);
  await rig.clock.advance(30_000);
  assert.equal(rig.status, 0);
});
