/** Whole checks against real servers: how soon they see what happens, on a clock that a slow machine slows, and what they leave. */
import assert from "node:assert/strict";
import type { CheckConfig } from "../../src/config/checks/kinds.ts";
import type { CheckTiming } from "../../src/config/checks/base.ts";
import { Check } from "../../src/health/check.ts";
import { createProbe } from "../../src/health/create_probe.ts";
import { type Clock, systemClock } from "../../src/time/clock.ts";
import { PatientClock } from "../support/patient_clock.ts";
import { httpCheckConfig } from "../support/config.ts";
import { until } from "../support/until.ts";
import { answer, type Behaviour, drip, hang, probePorts, RawServer } from "./health_servers.ts";

const TIMING: CheckTiming = { intervalMs: 200, fastIntervalMs: 50, timeoutMs: 300, rise: 2, fall: 3 };
/** What the turns of the event loop that a connection takes may add. */
const SLACK_MS = 100;
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

interface Verdict {
  readonly verdict: string;
  readonly cause: string;
  readonly seenMs: number;
}

/** A check that runs, and the verdicts that it has reached. */
function run(config: CheckConfig, clock: Clock): Check & { readonly verdicts: Verdict[] } {
  const verdicts: Verdict[] = [];
  const check = new Check({
    name: "http-1",
    config,
    probe: createProbe(config, probePorts()),
    clock,
    target: { type: "service", service: "web" },
    onVerdict: ({ verdict, cause, seenMs }) => verdicts.push({ verdict, cause, seenMs }),
  });
  check.start();
  return Object.assign(check, { verdicts });
}

function httpConfig(port: number, timing: Partial<CheckTiming> = {}): CheckConfig {
  return httpCheckConfig({ port, ...TIMING, ...timing });
}

const HANGING: readonly (readonly [sentence: string, behaviour: Behaviour])[] = [
  ["accepts and never answers", hang],
  ["answers one byte at a time", drip(`HTTP/1.1 200 OK\r\nserver: ${"slow".repeat(1000)}\r\n`, 50)],
];

for (const [sentence, behaviour] of HANGING) {
  for (const timing of [{}, { timeoutMs: 450, fastIntervalMs: 20 }, { fall: 1 }]) {
    Deno.test(`Check finds out in time that a server ${sentence}, with ${JSON.stringify(timing)}`, async () => {
      await using clock = new PatientClock(1);
      let behaves = answer(OK);
      await using server = new RawServer((connection) => behaves(connection));
      using check = run(httpConfig(server.port, timing), clock);
      await until(() => check.status().verdict === "healthy");
      behaves = behaviour;
      const brokeMs = clock.now();
      await until(() => check.status().verdict === "unhealthy");
      const { intervalMs, fastIntervalMs, timeoutMs, fall } = { ...TIMING, ...timing };
      const limitMs = intervalMs + (fall - 1) * fastIntervalMs + timeoutMs + SLACK_MS;
      const { seenMs, cause } = check.verdicts.at(-1) ?? { seenMs: Infinity, cause: "" };
      assert.ok(seenMs - brokeMs <= limitMs, `${seenMs - brokeMs} ms, not ${limitMs}`);
      assert.match(cause, new RegExp(`timed out after ${timeoutMs} ms waiting for the answer$`));
      behaves = answer(OK);
      await until(() => check.status().verdict === "healthy");
    });
  }
}

Deno.test("Check finds out in time that a server is gone, and that it is back", async () => {
  await using clock = new PatientClock(1);
  const server = new RawServer(answer(OK));
  using check = run(httpConfig(server.port), clock);
  await until(() => check.status().verdict === "healthy");
  await server[Symbol.asyncDispose]();
  const goneMs = clock.now();
  await until(() => check.status().verdict === "unhealthy");
  const { seenMs, cause } = check.verdicts.at(-1) ?? { seenMs: Infinity, cause: "" };
  const limitMs = TIMING.intervalMs + (TIMING.fall - 1) * TIMING.fastIntervalMs + SLACK_MS;
  assert.ok(seenMs - goneMs <= limitMs, `${seenMs - goneMs} ms, not ${limitMs}`);
  assert.equal(cause, "3 consecutive failures, the last one: connection refused");
  await using _again = new RawServer(answer(OK), { port: server.port });
  await until(() => check.status().verdict === "healthy");
});

Deno.test("Check.stop() ends probes that hang: no connection, timer or operation is left", async () => {
  await using server = new RawServer(hang);
  using check = run(httpConfig(server.port, { timeoutMs: 60_000 }), systemClock);
  await until(() => server.open.size >= 5);
  check.stop();
  await until(() => server.open.size === 0);
  assert.deepEqual(check.verdicts, []);
});
