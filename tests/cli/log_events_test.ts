import assert from "node:assert/strict";
import { logEvents } from "../../src/cli/log_events.ts";
import { openLog } from "../../src/cli/logging.ts";
import { EventStream } from "../../src/events/stream.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

Deno.test("logEvents() writes lines in a turn after what they are about, in its order; disposing writes the rest", async () => {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const output = {
    isTerminal: false,
    isJournal: false,
    write: (line: string) => void lines.push(line),
    setLostLine() {},
  };
  const events = new EventStream(clock);
  const log = logEvents(events, await openLog("info", "json", output), clock);
  const causes = () => lines.map((line) => JSON.parse(line).cause);
  events.publish({ kind: "agent-state", from: "running", to: "stopping", cause: "first" });
  events.publish({ kind: "warning", cause: "second" });
  assert.deepEqual(causes(), []);
  await clock.advance(0);
  assert.deepEqual(causes(), ["first", "second"]);
  events.publish({ kind: "warning", cause: "third" });
  log[Symbol.dispose]();
  assert.deepEqual(causes(), ["first", "second", "third"]);
  await clock.advance(1000);
  assert.equal(lines.length, 3);
});

Deno.test("logEvents() waits for no turn where an event has no line: probes are a thousand a second", async () => {
  const clock = new VirtualClock();
  const events = new EventStream(clock);
  const output = { isTerminal: false, isJournal: false, write() {}, setLostLine() {} };
  const log = logEvents(events, await openLog("debug", "json", output), clock);
  const probe = {
    service: "web",
    check: "http",
    result: "pass",
    durationMs: 1,
    cause: "status 200",
  } as const;
  events.publish({ kind: "probe", ...probe });
  assert.equal(clock.pending, 0);
  log[Symbol.dispose]();
});
