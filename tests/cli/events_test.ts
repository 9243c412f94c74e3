// The command `events` where the agent answers, goes, comes back, and does not; time is virtual.
import assert from "node:assert/strict";
import { events, type EventsQuestion } from "../../src/cli/events.ts";
import { ExitStatus } from "../../src/cli/exit_status.ts";
import { runProgram } from "../../src/cli/program.ts";
import type { StreamEnd } from "../../src/control/stream_client.ts";
import { formatServerSentEvent } from "../../src/net/server_sent_events.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

/** What the agent does at one connection: lines, then the end. */
interface Turn {
  readonly events?: readonly string[];
  readonly end: StreamEnd | Error;
}

const OK: StreamEnd = { status: 200, body: "" };
const GONE = new Error("no agent answers at /s: there is no socket");
const event = (id: number, at = "2026-01-01T00:00:00.000Z") =>
  formatServerSentEvent({
    id: `run-${id}`,
    data: JSON.stringify({ id, at, kind: "warning", cause: `c${id}` }),
  });
const notice = (kind: string, cause: string) =>
  formatServerSentEvent({ id: "run-0", name: kind, data: JSON.stringify({ kind, cause }) });

async function ask(turns: readonly Turn[], question: Partial<EventsQuestion> = {}) {
  const clock = new VirtualClock();
  const rest = [...turns];
  const asked = { targets: [] as string[], stdout: "", stderr: "", status: -1, atMs: 0 };
  const running = events(
    { follow: false, since: undefined, filters: {}, json: false, socket: "/s", ...question },
    {
      clock,
      stdout: (text) => void (asked.stdout += text),
      stderr: (text) => void (asked.stderr += text),
      stream({ target, accept }, onLine) {
        assert.equal(accept, "text/event-stream");
        asked.targets.push(target);
        const { events = [], end } = rest.shift() ?? { end: GONE };
        (events.join("").split("\n")).slice(0, -1).forEach(onLine);
        return end instanceof Error ? Promise.reject(end) : Promise.resolve(end);
      },
    },
  ).then((status) => {
    asked.status = status;
    asked.atMs = clock.now();
  });
  await clock.advance(3_600_000);
  await running;
  return asked;
}

Deno.test("bgp-lb events prints what the agent keeps, as lines and as one record in each", async () => {
  const turn = { events: [event(1), event(2)], end: OK };
  const lines = await ask([turn], { filters: { service: "a b", peer: undefined } });
  assert.deepEqual(lines.targets, ["/v1/events?follow=false&service=a+b"]);
  assert.equal(
    lines.stdout,
    "2026-01-01T00:00:00.000Z #1     warning          c1\n2026-01-01T00:00:00.000Z #2     warning          c2\n",
  );
  assert.deepEqual([lines.status, lines.stderr], [ExitStatus.OK, ""]);
  const records = await ask([turn], { json: true });
  assert.deepEqual(records.stdout.trim().split("\n").map((line) => JSON.parse(line).id), [1, 2]);
});

Deno.test("bgp-lb events --since takes an event, a time ago, a moment, or now", async () => {
  const old = event(1, "2025-12-31T23:49:59.000Z");
  const young = event(2, "2025-12-31T23:50:01.000Z");
  const rows: [string, string, readonly number[]][] = [
    ["17", "&since=17", [1, 2]],
    ["run-17", "&since=run-17", [1, 2]],
    ["now", "&since=now", [1, 2]],
    ["10m", "", [2]],
    ["10m ago", "", [2]],
    ["2025-12-31T23:50:00Z", "", [2]],
  ];
  for (const [since, query, ids] of rows) {
    const { targets, stdout } = await ask([{ events: [old, young], end: OK }], { since, json: true });
    assert.deepEqual(targets, [`/v1/events?follow=false${query}`], since);
    assert.deepEqual(stdout.trim().split("\n").map((line) => JSON.parse(line).id), ids, since);
  }
  const wrong = await ask([], { since: "yesterday" });
  assert.equal(wrong.status, ExitStatus.USAGE);
  assert.match(wrong.stderr, /^--since: must be .*yesterday/);
});

Deno.test("bgp-lb events says why there is no answer, and what the agent says instead", async () => {
  const none = await ask([{ end: GONE }], { follow: true });
  assert.deepEqual(
    [none.status, none.targets.length],
    [ExitStatus.FAILED, 1],
    "nobody is waited for who was not there",
  );
  assert.match(none.stderr, /^no agent answers .*\nIs the agent running/);
  const full = await ask([{ end: { status: 503, body: "64 readers\x1b\n" } }], { follow: true });
  assert.deepEqual([full.status, full.stderr], [ExitStatus.FAILED, "64 readers\\u001b\n"]);
  const cut = await ask([{ events: [event(1)], end: new Error("the answer was cut off: it ended") }]);
  assert.equal(cut.status, ExitStatus.FAILED);
  assert.match(cut.stderr, /^the answer was cut off: it ended\n$/);
  assert.equal((await ask([], { socket: "" })).status, ExitStatus.USAGE);
});

Deno.test("bgp-lb events --follow goes on where it was when the agent comes back, and says so; in the end it gives up", async () => {
  const back = await ask([
    { events: [event(1)], end: OK },
    { end: GONE },
    { end: GONE },
    {
      events: [notice("gap", "the agent was started anew"), event(2)],
      end: new Error("the answer was cut off: x"),
    },
    { events: [event(3), notice("cut", "it took nothing")], end: OK },
    { events: [event(4)], end: OK },
  ], { follow: true, json: true });
  assert.deepEqual(back.stdout.trim().split("\n").map((line) => JSON.parse(line).id), [1, 2, 3, 4]);
  assert.deepEqual(back.targets.slice(0, 6).map((target) => target.replace(/.*since=|\/v1.*/, "")), [
    "",
    "run-1",
    "run-1",
    "run-1",
    "run-2",
    "run-0",
  ]);
  assert.match(
    back.stderr,
    /^the agent has stopped; waiting .*\nthe agent was started anew\nthe answer was cut off: x; waiting .*\ncut off by the agent: it took nothing\n/,
  );
  assert.equal(back.status, ExitStatus.FAILED);
  assert.ok(back.targets.length < 60 && back.atMs > 120_000 && back.atMs < 900_000, `${back.atMs}`);
});

Deno.test("the command line names events with its options (CONTRACT Command line)", async () => {
  const asked: EventsQuestion[] = [];
  const never = () => Promise.reject(new Error("another command"));
  const output = { version: "1", stdout() {}, stderr: (text: string) => assert.fail(text) };
  await runProgram(
    [
      "events",
      "--follow",
      "--json",
      "--since",
      "10m",
      "--service",
      "web",
      "--peer",
      "r1",
      "--kind",
      "a,b",
      "--control-socket",
      "/s",
    ],
    {
      run: never,
      check: never,
      doctor: never,
      cleanup: never,
      migrate: never,
      schema: never,
      version: never,
      ask: never,
      plan: never,
      order: never,
      watch: never,
      top: never,
      listNames: never,
      events: (question) => Promise.resolve(asked.push(question)),
    },
    output,
  );
  assert.deepEqual(asked, [{
    follow: true,
    since: "10m",
    filters: { service: "web", peer: "r1", kind: "a,b" },
    json: true,
    socket: "/s",
  }]);
});
