/** The tripwire: what the end of a watch means, and what is learned of servers that close what is idle. */
import assert from "node:assert/strict";
import { Check } from "../../src/health/check.ts";
import { countedAllowance, withinAllowance } from "../../src/health/kinds/allowance.ts";
import type { Probe, Tripped } from "../../src/health/kinds/probe.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { Backend } from "./backend.ts";

/** A server that is watched, and keeps idle connections for as long as the test says. */
class Watched implements Probe {
  readonly backend: Backend;
  /** Since when each watch stands. */
  readonly begun: number[] = [];
  readonly standing = new Set<Tripped>();
  /** So many watches the server has closed for being idle. */
  closed = 0;
  keepsMs: (watch: number) => number = () => Infinity;
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
    this.backend = new Backend(clock);
  }

  run(signal: AbortSignal) {
    return this.backend.run(signal);
  }

  watch(tripped: Tripped): Disposable {
    const nowMs = this.#clock.now();
    const keptMs = this.keepsMs(this.begun.length);
    this.begun.push(nowMs);
    this.standing.add(tripped);
    const end = () => {
      this.closed++;
      this.standing.delete(tripped);
      tripped("the server closed an idle connection", "idle");
    };
    const timer = keptMs === Infinity ? undefined : this.#clock.at(nowMs + keptMs, end);
    return {
      [Symbol.dispose]: () => {
        this.standing.delete(tripped);
        timer?.[Symbol.dispose]();
      },
    };
  }

  /** What a process that is killed does: its connections end, and nobody answers any more. */
  kill(): void {
    this.backend.answer = { pass: false, afterMs: 0 };
    for (const tripped of [...this.standing]) {
      this.standing.delete(tripped);
      tripped("connection reset", "idle");
    }
  }
}

const TIMING = { intervalMs: 1000, fastIntervalMs: 200, timeoutMs: 500, rise: 1, fall: 1 };

interface Rig extends Disposable {
  readonly clock: VirtualClock;
  readonly server: Watched;
  readonly check: Check;
  readonly verdicts: string[];
}

function rig(timing: Partial<typeof TIMING & { tripwire: boolean }> = {}): Rig {
  const clock = new VirtualClock();
  const server = new Watched(clock);
  const verdicts: string[] = [];
  const check = new Check({
    name: "http-1",
    config: { ...TIMING, tripwire: true, ...timing },
    probe: server,
    clock,
    target: { type: "service", service: "web" },
    onVerdict: ({ seenMs, verdict }) => verdicts.push(`${seenMs} ${verdict}`),
  });
  check.start();
  return { clock, server, check, verdicts, [Symbol.dispose]: () => check.stop() };
}

Deno.test("Check begins a watch with its first pass, and no second one while it stands", async () => {
  using scene = rig();
  const { clock, server, check } = scene;
  server.backend.answer = (attempt) => ({ pass: attempt >= 2, afterMs: 0 });
  await clock.advance(60_000);
  assert.deepEqual(server.begun, [2000]);
  assert.equal(check.status().watch?.sinceMs, 2000);
  assert.equal(server.backend.starts.length, 61);
});

Deno.test("Check without tripwire has no watch", async () => {
  using scene = rig({ tripwire: false });
  await scene.clock.advance(5000);
  assert.deepEqual([scene.server.begun, scene.check.status().watch], [[], undefined]);
});

Deno.test("Check is unhealthy in the turn in which its watch ends, with fall 1, and the beat stays where it was", async () => {
  using scene = rig();
  const { clock, server, verdicts, check } = scene;
  await clock.advance(4321);
  server.kill();
  await clock.advance(0);
  assert.deepEqual(verdicts, ["0 healthy", "4321 unhealthy"]);
  assert.deepEqual(check.status().watch?.lastTrip, { reason: "connection reset", atMs: 4321 });
  await clock.advance(2000);
  assert.deepEqual(server.backend.starts.slice(-3), [4321, 5000, 6000]);
  // Up again: watched again with the pass.
  server.backend.answer = { pass: true, afterMs: 0 };
  await clock.advance(1000);
  assert.deepEqual([verdicts.at(-1), server.begun], ["7000 healthy", [0, 7000]]);
});

Deno.test("Check needs fall failures after its watch has ended, at the fast interval", async () => {
  using scene = rig({ fall: 3 });
  const { clock, server, verdicts } = scene;
  await clock.advance(4321);
  server.kill();
  await clock.advance(1000);
  assert.deepEqual(server.backend.starts.slice(5), [4321, 4521, 4721, 5000]);
  assert.deepEqual(verdicts, ["0 healthy", "4721 unhealthy"]);
});

Deno.test("Check goes on at the fast interval while what its watch has started hangs", async () => {
  using scene = rig({ fall: 3 });
  const { clock, server, verdicts } = scene;
  await clock.advance(4321);
  server.backend.hangsFromMs = 4321;
  server.kill();
  await clock.advance(1000);
  assert.deepEqual(server.backend.starts.slice(5, 8), [4321, 4521, 4721]);
  assert.deepEqual(verdicts.at(-1), "5221 unhealthy");
});

Deno.test("Check learns from two ends alike how long a server keeps what is idle, and begins its watch anew before that", async () => {
  using scene = rig();
  const { clock, server, check, verdicts } = scene;
  server.keepsMs = () => 5000;
  await clock.advance(10_900);
  // Begun with a pass of the beat, never with that of the probe which the end has started.
  assert.deepEqual(server.begun, [0, 5000 + 1000]);
  assert.equal(check.status().watch?.trips, 1);
  await clock.advance(100);
  assert.equal(check.status().watch?.trips, 2);
  assert.equal(check.status().watch?.lifetimeMs, 5000);
  const probes = server.backend.starts.length;
  await clock.advance(600_000);
  assert.equal(check.status().watch?.trips, 2, "two probes more, ever");
  assert.equal(server.backend.starts.length - probes, 600);
  assert.ok(server.begun.length > 100 && server.standing.size === 1, "it always stands");
  assert.equal(server.closed, 2, "and is never left to be closed");
  assert.deepEqual(verdicts, ["0 healthy"]);
  // And a server that dies is found out all the same.
  const nowMs = clock.now() + 321;
  await clock.advance(321);
  server.kill();
  await clock.advance(0);
  assert.deepEqual(verdicts.at(-1), `${nowMs} unhealthy`);
});

Deno.test("Check lets a watch end in silence that a server keeps for less than two beats, and still trips before that", async () => {
  using scene = rig();
  const { clock, server, check, verdicts } = scene;
  server.keepsMs = () => 600;
  await clock.advance(60_500);
  assert.deepEqual([check.status().watch?.trips, check.status().watch?.lifetimeMs], [2, 600]);
  assert.equal(server.backend.starts.length, 61 + 2);
  // The pass at 61 s has begun a watch.
  await clock.advance(600);
  server.kill();
  await clock.advance(0);
  assert.deepEqual(verdicts.at(-1), "61100 unhealthy");
});

Deno.test("Check does not watch a server that keeps nothing, tries again after a while, and has it all the same later", async () => {
  using scene = rig();
  const { clock, server, check } = scene;
  server.keepsMs = () => 20;
  await clock.advance(300_000);
  assert.equal(server.begun.length, 2);
  assert.equal(check.status().watch?.quiet, true);
  assert.equal(server.backend.starts.length, 301 + 2);
  await clock.advance(600_000);
  assert.equal(server.begun.length, 3);
  server.keepsMs = () => Infinity;
  await clock.advance(1_200_000);
  const { quiet, lifetimeMs, sinceMs } = check.status().watch ?? {};
  assert.deepEqual([quiet, lifetimeMs], [false, undefined]);
  assert.equal(server.begun.at(-1), sinceMs);
});

Deno.test("Check begins watches less and less often where they end now and then for nothing", async () => {
  using scene = rig();
  const { clock, server, check, verdicts } = scene;
  // No two alike.
  server.keepsMs = (watch) => 100 + watch % 3 * 300;
  await clock.advance(600_000);
  const trips = check.status().watch?.trips ?? 0;
  assert.ok(trips > 10 && trips < 25, `${trips} trips`);
  assert.equal(server.backend.starts.length, 601 + trips);
  assert.deepEqual(verdicts, ["0 healthy"]);
});

Deno.test("Check forgets what it learned of a server that has failed", async () => {
  using scene = rig();
  const { clock, server, check } = scene;
  server.keepsMs = () => 5000;
  await clock.advance(12_500);
  assert.equal(check.status().watch?.lifetimeMs, 5000);
  server.kill();
  await clock.advance(100);
  server.keepsMs = () => Infinity;
  server.backend.answer = { pass: true, afterMs: 0 };
  await clock.advance(60_000);
  assert.equal(check.status().watch?.lifetimeMs, undefined);
  assert.equal(server.begun.at(-1), 13_000);
});

Deno.test("Check.trip() probes at once, and once only for what comes in a row; the end of it is not missed", async () => {
  using scene = rig();
  const { clock, server, check } = scene;
  await clock.advance(2300);
  for (let count = 0; count < 10; count++) check.trip();
  await clock.advance(0);
  assert.deepEqual(server.backend.starts.slice(3), [2300]);
  await clock.advance(1000);
  assert.deepEqual(server.backend.starts.slice(3), [2300, 2350, 3000]);
});

Deno.test("Check that is stopped has no watch any more, and none says anything", async () => {
  const { clock, server, check } = rig();
  await clock.advance(1500);
  const [tripped] = server.standing;
  check.stop();
  assert.equal(server.standing.size, 0);
  tripped?.("late", "gone");
  await clock.advance(5000);
  assert.deepEqual([server.backend.starts.length, clock.pending], [2, 0]);
});

Deno.test("Check whose watch is over before it stands is probed once", async () => {
  const clock = new VirtualClock();
  const backend = new Backend(clock);
  let watches = 0;
  const probe: Probe = {
    run: (signal) => backend.run(signal),
    watch(tripped) {
      watches++;
      tripped("the process has ended", "gone");
      return { [Symbol.dispose]() {} };
    },
  };
  const target = { type: "service", service: "web" } as const;
  using check = new Check({ name: "x", config: { ...TIMING, tripwire: true }, probe, clock, target });
  check.start();
  await clock.advance(999);
  assert.deepEqual([watches, backend.starts], [1, [0, 0]]);
  assert.equal(check.status().watch?.lifetimeMs, undefined);
});

Deno.test("Check whose watch throws says so, probes on and tries again", async () => {
  const clock = new VirtualClock();
  const backend = new Backend(clock);
  let watches = 0;
  const probe: Probe = {
    run: (signal) => backend.run(signal),
    watch() {
      watches++;
      throw new Error("this watch is broken");
    },
  };
  const target = { type: "service", service: "web" } as const;
  using check = new Check({ name: "x", config: { ...TIMING, tripwire: true }, probe, clock, target });
  check.start();
  await clock.advance(3500);
  assert.deepEqual([watches, backend.starts.length], [4, 4]);
  assert.equal(check.status().fault?.text, "this watch is broken");
});

Deno.test("withinAllowance() has as many watches stand as there are descriptors for, and probes keep theirs", async () => {
  const clock = new VirtualClock();
  const servers = [new Watched(clock), new Watched(clock)];
  const slots = countedAllowance(() => 2, countedAllowance(() => 1));
  const target = { type: "service", service: "web" } as const;
  const checks = servers.map((server) => {
    const probe = withinAllowance(server, slots);
    return new Check({ name: "x", config: { ...TIMING, tripwire: true }, probe, clock, target });
  });
  for (const check of checks) check.start();
  await clock.advance(3500);
  assert.deepEqual(checks.map((check) => check.status().watch?.sinceMs), [0, undefined]);
  assert.deepEqual(checks.map((check) => check.status().passes), [4, 4]);
  assert.deepEqual(
    checks.map((check) => check.status().watch?.trips),
    [0, 0],
    "that says nothing of the server",
  );
  checks[0]?.stop();
  await clock.advance(1000);
  assert.equal(checks[1]?.status().watch?.sinceMs, 4000, "it was given back");
  servers[1]?.kill();
  await clock.advance(0);
  assert.equal(checks[1]?.status().verdict, "unhealthy");
  checks[1]?.stop();
});
