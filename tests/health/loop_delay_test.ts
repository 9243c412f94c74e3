/** The delay of the event loop as checks share it: what of a probe's time was never the service's. */
import assert from "node:assert/strict";
import { Check } from "../../src/health/check.ts";
import { LoopDelay } from "../../src/health/loop_delay.ts";
import { PLAIN_CHECK } from "../support/config.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const target = { type: "service", service: "web" } as const;
const TIMING = {
  ...PLAIN_CHECK,
  intervalMs: 10_000,
  fastIntervalMs: 10_000,
  timeoutMs: 1000,
  rise: 1,
  fall: 1,
};

/** What comes of a probe without an answer, while `happens`. */
async function outcomeOf(happens: (clock: VirtualClock) => Promise<void>): Promise<string | undefined> {
  const clock = new VirtualClock();
  using loopDelay = new LoopDelay(clock);
  const probe = { run: () => new Promise<never>(() => {}) };
  using check = new Check({ name: "x", target, config: TIMING, probe, clock, loopDelay });
  check.start();
  await clock.advance(1);
  await happens(clock);
  // The timeout comes when it is due, give or take a moment.
  await clock.advance(Math.max(0, 1000 - clock.now()));
  await clock.advance(30);
  return check.status().lastResult?.kind;
}

Deno.test("Check has no timeout for what its process did not see, though its own timer came in time", async () => {
  const rows: readonly (readonly [string, (clock: VirtualClock) => Promise<void>, string])[] = [
    ["nothing", async () => {}, "fail"],
    ["one stall, between the timers of the check", async (clock) => {
      clock.stall(800);
      await clock.advance(0);
    }, "unknown"],
    ["one short stall", async (clock) => {
      clock.stall(250);
      await clock.advance(0);
    }, "fail"],
    ["many stalls, each too short to mind", async (clock) => {
      for (let count = 0; count < 5; count++) {
        clock.stall(190);
        await clock.advance(0);
      }
    }, "unknown"],
    ["a loop that is a little late all the time", async (clock) => {
      for (let count = 0; count < 9; count++) {
        clock.stall(109);
        await clock.advance(0);
      }
    }, "fail"],
  ];
  for (const [name, happens, kind] of rows) assert.equal(await outcomeOf(happens), kind, name);
});

Deno.test("Check whose loop is late for ever is judged all the same", async () => {
  const clock = new VirtualClock();
  using loopDelay = new LoopDelay(clock);
  const probe = { run: () => new Promise<never>(() => {}) };
  const config = { ...TIMING, intervalMs: 2000, fastIntervalMs: 2000 };
  const kinds: string[] = [];
  const onResult = ({ kind }: { readonly kind: string }) => kinds.push(kind);
  using check = new Check({ name: "x", target, config, probe, clock, loopDelay, onResult });
  check.start();
  while (kinds.length < 8) {
    await clock.advance(1);
    // Never as long as a single stall that tells by itself.
    clock.stall(200);
  }
  assert.deepEqual(kinds, [...new Array(5).fill("unknown"), "fail", "fail", "fail"]);
});

Deno.test("LoopDelay measures nothing where no timer can be set, and goes on with the next probe", async () => {
  const real = new VirtualClock();
  let broken = true;
  const at = (...args: Parameters<VirtualClock["at"]>) => {
    if (broken) throw new Error("no timer");
    return real.at(...args);
  };
  using delay = new LoopDelay({ now: () => real.now(), wallTime: () => real.wallTime(), at });
  const blind = delay.begin();
  real.stall(500);
  assert.equal(blind.delayedMs, 0);
  broken = false;
  const span = delay.begin();
  real.stall(320);
  await real.advance(0);
  assert.deepEqual([blind.delayedMs, span.delayedMs], [200, 200]);
});

Deno.test("LoopDelay counts the beat that is due still, what was before a span is no part of it, and an idle loop has no timer", async () => {
  const clock = new VirtualClock();
  using delay = new LoopDelay(clock);
  assert.equal(clock.pending, 0);
  const first = delay.begin();
  clock.stall(320);
  assert.equal(first.delayedMs, 200);
  const second = delay.begin();
  await clock.advance(0);
  assert.deepEqual([first.delayedMs, second.delayedMs], [200, 0]);
  clock.stall(220);
  await clock.advance(0);
  assert.deepEqual([first.delayedMs, second.delayedMs], [300, 100]);
  first.end();
  first.end();
  await clock.advance(1000);
  assert.equal(clock.pending, 1, "the second one is measured still");
  second.end();
  await clock.advance(100);
  assert.equal(clock.pending, 0);
  delay.begin();
  delay[Symbol.dispose]();
  assert.equal(clock.pending, 0);
});
