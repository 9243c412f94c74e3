/** What is our own fault, and what throws: no verdict comes of it, the status says so, and a timer stands all the same. */
import assert from "node:assert/strict";
import type { CheckTiming } from "../../src/config/checks/base.ts";
import { Check, type CheckOptions } from "../../src/health/check.ts";
import { countedAllowance, withinAllowance } from "../../src/health/kinds/allowance.ts";
import type { Probe, ProbeOutcome } from "../../src/health/kinds/probe.ts";
import type { Clock } from "../../src/time/clock.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";
import { Backend } from "./backend.ts";

const TIMING: CheckTiming = { intervalMs: 1000, fastIntervalMs: 200, timeoutMs: 1000, rise: 2, fall: 3 };
const PASS: ProbeOutcome = { kind: "pass", detail: "status 200" };
const FAIL: ProbeOutcome = { kind: "fail", detail: "status 503" };
const SHORT: ProbeOutcome = { kind: "unknown", detail: "this process has too many open files" };

function start(clock: Clock, probe: Probe, options: Partial<CheckOptions> = {}): Check {
  const target = { type: "service", service: "web" } as const;
  const check = new Check({ name: "x", target, config: TIMING, probe, clock, ...options });
  check.start();
  return check;
}

/** Answers attempts with these, and the last one for ever. */
function script(...outcomes: readonly ProbeOutcome[]): Probe & { attempts: number } {
  return {
    attempts: 0,
    run() {
      const outcome = outcomes[Math.min(this.attempts++, outcomes.length - 1)] ?? PASS;
      return Promise.resolve(outcome);
    },
  };
}

Deno.test("Check counts an unknown result neither as pass nor as failure: it neither breaks nor lengthens a run", async () => {
  for (
    const [outcomes, verdict] of [
      [[PASS, SHORT, SHORT, PASS], "healthy"],
      [[PASS, SHORT, SHORT], "unknown"],
      [[PASS, PASS, FAIL, SHORT, FAIL, SHORT], "healthy"],
      [[PASS, PASS, FAIL, SHORT, FAIL, SHORT, FAIL], "unhealthy"],
      [[FAIL, SHORT, FAIL, SHORT, FAIL], "unhealthy"],
      [[FAIL, FAIL, SHORT], "unknown"],
    ] as const
  ) {
    const clock = new VirtualClock();
    const probe = script(...outcomes, SHORT);
    using check = start(clock, probe);
    await clock.advance(60_000);
    const { passes, failures, unknowns, verdict: reached, lastUnknown, lastResult } = check.status();
    const told = outcomes.map(({ kind }) => kind).join(" ");
    assert.equal(reached, verdict, told);
    assert.equal(passes, outcomes.filter(({ kind }) => kind === "pass").length, told);
    assert.equal(failures, outcomes.filter(({ kind }) => kind === "fail").length, told);
    assert.ok(unknowns > 10 && passes + failures + unknowns === probe.attempts, told);
    assert.deepEqual([lastUnknown, lastResult?.kind], [SHORT.detail, "unknown"], told);
  }
});

Deno.test("Check that only ever met our own shortage stays unknown, and says why", async () => {
  const clock = new VirtualClock();
  const verdicts: string[] = [];
  using check = start(clock, script(SHORT), { onVerdict: ({ verdict }) => verdicts.push(verdict) });
  assert.equal(check.status().cause, "not probed yet");
  await clock.advance(600_000);
  const { verdict, cause, fault } = check.status();
  assert.deepEqual([verdict, cause], ["unknown", "nothing known yet: this process has too many open files"]);
  assert.deepEqual([verdicts, fault], [[], undefined]);
});

Deno.test("Check keeps a verdict and its cause through our own shortage, and shows the newest result beside it (S12)", async () => {
  const clock = new VirtualClock();
  const second: ProbeOutcome = { kind: "fail", detail: "connection refused" };
  using check = start(clock, script(FAIL, FAIL, FAIL, second, SHORT, second));
  await clock.advance(399);
  await clock.advance(1);
  assert.equal(check.status().cause, "3 consecutive failures, the last one: status 503");
  await clock.advance(10_000);
  const { verdict, cause, lastResult, lastUnknown } = check.status();
  assert.deepEqual([verdict, cause], ["unhealthy", "3 consecutive failures, the last one: status 503"]);
  assert.deepEqual([lastResult?.detail, lastUnknown], ["connection refused", SHORT.detail]);
});

Deno.test("Check has no failure of a probe during which its own process stood still", async () => {
  for (
    const [stallMs, outcome, kind] of [
      [30_000, FAIL, "unknown"],
      [30_000, PASS, "pass"],
      [300, FAIL, "unknown"],
      [100, FAIL, "fail"],
      [0, FAIL, "fail"],
    ] as const
  ) {
    const clock = new VirtualClock();
    const answers: ((outcome: ProbeOutcome) => void)[] = [];
    using check = start(clock, { run: () => new Promise((resolve) => answers.push(resolve)) });
    await clock.advance(100);
    assert.equal(answers.length, 1);
    // The next timer, at 200, is late by what the process stood still.
    clock.stall(100 + stallMs);
    await clock.advance(0);
    answers[0]?.(outcome);
    await settle();
    assert.equal(check.status().lastResult?.kind, kind, `${stallMs} ms, ${outcome.kind}`);
  }
});

/** What a probe can do wrong, once. */
const WRONG: Readonly<Record<string, (signal: AbortSignal) => Promise<ProbeOutcome>>> = {
  "throws at once": () => {
    throw new Error("boom");
  },
  "rejects": () => Promise.reject(new Error("boom")),
  "rejects with nothing": () => Promise.reject(undefined),
  "rejects with what has no text": () => Promise.reject(Object.create(null)),
  "gives nothing": () => rubbish(undefined),
  "gives null": () => rubbish(null),
  "gives a text": () => rubbish("pass"),
  "gives another kind": () => rubbish({ kind: "maybe", detail: "x" }),
  "gives no detail": () => rubbish({ kind: "pass" }),
  "gives what throws": () =>
    rubbish({
      get kind() {
        throw new Error("boom");
      },
    }),
  "is no promise": () => rubbishNow(7),
};

/** What the types forbid comes by way of JSON and getters all the same. */
function rubbish(value: unknown): Promise<ProbeOutcome> {
  const untyped: { value: Promise<ProbeOutcome> } = { value: Promise.resolve(PASS) };
  Reflect.set(untyped, "value", Promise.resolve(value));
  return untyped.value;
}

function rubbishNow(value: unknown): Promise<ProbeOutcome> {
  const untyped: { value: Promise<ProbeOutcome> } = { value: Promise.resolve(PASS) };
  Reflect.set(untyped, "value", value);
  return untyped.value;
}

for (const [sentence, wrong] of Object.entries(WRONG)) {
  Deno.test(`Check goes on where a probe ${sentence} once (S17)`, async () => {
    const clock = new VirtualClock();
    let attempts = 0;
    using check = start(clock, {
      run: (signal) => ++attempts === 3 ? wrong(signal) : Promise.resolve(PASS),
    });
    await clock.advance(1000);
    assert.deepEqual([attempts, check.status().verdict], [3, "healthy"]);
    const { fault, lastResult, failures } = check.status();
    assert.deepEqual([fault?.count, fault?.atMs, failures], [1, 1000, 0]);
    assert.equal(lastResult?.kind, "unknown");
    assert.match(lastResult?.detail ?? "", /^unexpected: /);
    assert.equal(clock.pending, 1);
    await clock.advance(1000);
    assert.deepEqual([attempts, check.status().fault], [4, undefined]);
  });
}

Deno.test("Check counts a probe that never settles as timed out, and hears nothing of one that throws after it was cut off", async () => {
  const clock = new VirtualClock();
  const details: string[] = [];
  using check = start(clock, {
    run: (signal, progress) => {
      progress("connecting");
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(new Error("after the abort")));
      });
    },
  }, { config: { ...TIMING, fall: 1 }, onResult: ({ detail }) => details.push(detail) });
  await clock.advance(2500);
  assert.equal(new Set(details).size, 1);
  assert.equal(details[0], "timed out after 1000 ms connecting");
  assert.deepEqual([check.status().verdict, check.status().fault], ["unhealthy", undefined]);
});

for (const throwing of ["onResult", "onVerdict"] as const) {
  Deno.test(`Check goes on where ${throwing} throws once, and tells the verdict all the same (S17)`, async () => {
    const clock = new VirtualClock();
    const backend = new Backend(clock);
    const told: string[] = [];
    let armed = true;
    const call = (name: string, text: string) => {
      if (armed && name === throwing) {
        armed = false;
        throw new Error(`boom ${"x".repeat(1000)}`);
      }
      told.push(text);
    };
    using check = start(clock, backend, {
      config: { ...TIMING, rise: 1 },
      onResult: (result, status) => call("onResult", `${result.order} ${status.verdict}`),
      onVerdict: ({ from, verdict }) => call("onVerdict", `${from} → ${verdict}`),
    });
    await clock.advance(0);
    assert.match(check.status().fault?.text ?? "", /^boom x+…$/);
    assert.equal(check.status().verdict, "healthy");
    assert.equal(clock.pending, 1);
    await clock.advance(1000);
    const expected = throwing === "onResult"
      ? ["unknown → healthy", "1 healthy"]
      : ["0 healthy", "unknown → healthy", "1 healthy"];
    assert.deepEqual(told, expected);
    assert.equal(check.status().fault, undefined);
    await clock.advance(5000);
    assert.equal(backend.starts.length, 7);
  });
}

Deno.test("Check whose onVerdict always throws says so for as long as it does, and probes on", async () => {
  const clock = new VirtualClock();
  const backend = new Backend(clock);
  using check = start(clock, backend, {
    onVerdict: () => {
      throw new Error("boom");
    },
  });
  await clock.advance(10_000);
  assert.ok((check.status().fault?.count ?? 0) > 5);
  assert.equal(check.status().failures, 0);
  assert.ok(backend.starts.length > 10);
});

Deno.test("Check goes on where the clock throws once, whichever call it is (S17)", async () => {
  for (let broken = 1; broken <= 12; broken++) {
    const real = new VirtualClock();
    const backend = new Backend(real);
    let calls = 0;
    const clock: Clock = {
      now: () => real.now(),
      wallTime: () => real.wallTime(),
      at(atMs, callback) {
        if (++calls === broken) throw new Error("no timer");
        return real.at(atMs, callback);
      },
    };
    using check = start(clock, backend);
    await real.advance(20_000);
    assert.ok(backend.starts.length >= 20, `call ${broken}: ${backend.starts.length} probes`);
    assert.equal(check.status().verdict, "healthy");
  }
});

Deno.test("Check: others are on time while one throws whatever it can", async () => {
  const clock = new VirtualClock();
  const good = new Backend(clock);
  const boom = () => {
    throw new Error("boom");
  };
  using _bad = start(clock, { run: boom }, { onResult: boom, onVerdict: boom });
  using check = start(clock, good, { config: { ...TIMING, rise: 1 } });
  await clock.advance(9999);
  assert.deepEqual(good.starts, [0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000]);
  assert.equal(check.status().fault, undefined);
});

Deno.test("withinAllowance() runs so many probes at once, says nothing of the service beyond, and gives slots back", async () => {
  const slots = countedAllowance(() => 2);
  const waiting: ((outcome: ProbeOutcome) => void)[] = [];
  const probe = withinAllowance({ run: () => new Promise((resolve) => waiting.push(resolve)) }, slots);
  const run = () => probe.run(new AbortController().signal, () => {});
  const [first, second] = [run(), run()];
  const third = await run();
  assert.equal(third.kind, "unknown");
  assert.match(third.detail, /as many probes as this process may have are open/);
  waiting.shift()?.(PASS);
  assert.equal((await first).kind, "pass");
  const fourth = run();
  await settle();
  for (const resolve of waiting.splice(0)) resolve(FAIL);
  assert.deepEqual([(await second).kind, (await fourth).kind], ["fail", "fail"]);
  const throwing = withinAllowance({ run: () => Promise.reject(new Error("boom")) }, slots);
  for (let attempt = 0; attempt < 5; attempt++) {
    await assert.rejects(throwing.run(new AbortController().signal, () => {}), /boom/);
  }
  const slot = slots.tryTake();
  slot?.[Symbol.dispose]();
  slot?.[Symbol.dispose]();
  using _a = slots.tryTake();
  using _b = slots.tryTake();
  assert.equal(slots.tryTake(), undefined, "given back once, however often it is disposed");
});
