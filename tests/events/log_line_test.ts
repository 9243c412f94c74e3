import assert from "node:assert/strict";
import type { AgentFact } from "../../src/events/event.ts";
import { CHANGES_EACH, logLines } from "../../src/events/log_line.ts";
import { linesOf } from "../support/events.ts";

const lines = (fact: AgentFact) => linesOf({ ...fact, id: 1, at: 0 });

Deno.test("logLines() tells few kernel changes one by one, and bulk in one line with the first few (faults S7)", () => {
  const of = (count: number) => {
    const changes = Array.from({ length: count }, (_, index) => `add address ${index}`);
    return lines({ kind: "kernel-changed", changes, cause: "" });
  };
  assert.deepEqual(of(2), ["kernel: changed: add address 0", "kernel: changed: add address 1"]);
  assert.equal(of(CHANGES_EACH).length, CHANGES_EACH);
  assert.deepEqual(of(12_000), [
    "kernel: changed: 12000 objects, the first ones: " +
    "add address 0; add address 1; add address 2; add address 3; add address 4",
  ]);
});

Deno.test("logLines() warns of what others change again and again, object by object, and of the rest in one line (K1)", () => {
  const of = (count: number, to: "contested" | "let alone") => {
    const objects = Array.from({ length: count }, (_, index) => {
      return { object: `address ${index}`, repairs: 6, suspect: index === 0 ? "ip (process 7)" : undefined };
    });
    return { id: 1, at: 0, kind: "kernel-contested", to, objects, cause: "not known" } as const;
  };
  assert.deepEqual(linesOf(of(2, "contested")), [
    "kernel: address 0 is changed by somebody else again and again, repaired 6 times: most likely ip (process 7)",
    "kernel: address 1 is changed by somebody else again and again, repaired 6 times: not known",
  ]);
  assert.deepEqual(linesOf(of(1, "let alone")), ["kernel: address 0 was let alone"]);
  assert.deepEqual(logLines(of(1, "contested")).map(({ level }) => level), ["warning"]);
  assert.equal(logLines(of(1000, "contested")).length, CHANGES_EACH + 1);
});

Deno.test("logLines() says nothing of single probes, and never counts a transition instead of telling it", () => {
  const probe = {
    kind: "probe",
    service: "web",
    check: "c",
    result: "fail",
    durationMs: 1,
    cause: "x",
  } as const;
  assert.deepEqual(lines(probe), []);
  const transitions: readonly AgentFact[] = [
    { kind: "agent-state", from: "starting", to: "running", cause: "" },
    { kind: "route", service: "web", address: "10.99.0.1", to: "withdrawn", cause: "" },
    { kind: "phase", service: "web", from: "serving", to: "withdrawn", cause: "" },
    { kind: "verdict", service: "web", check: "c", from: "healthy", to: "unhealthy", cause: "" },
    { kind: "peer-state", peer: "r1", from: "Established", to: "Idle", cause: "" },
    { kind: "server", server: "http", to: "failed", cause: "" },
    { kind: "kernel-error", cause: "" },
  ];
  for (const fact of transitions) {
    const told = logLines({ ...fact, id: 1, at: 0 });
    assert.deepEqual(told.map(({ repeats }) => repeats), [undefined], fact.kind);
    assert.equal(told[0]?.fields["event"], fact.kind);
  }
});

Deno.test("logLines() warns of the loss of a session, and of an unhealthy check", () => {
  const level = (fact: AgentFact) => logLines({ ...fact, id: 1, at: 0 })[0]?.level;
  const peer = { kind: "peer-state", peer: "r1", cause: "" } as const;
  assert.equal(level({ ...peer, from: "Established", to: "Idle" }), "warning");
  assert.equal(level({ ...peer, from: "OpenConfirm", to: "Established" }), "info");
  assert.equal(level({ ...peer, from: "Idle", to: "Connect" }), "debug");
  const verdict = { kind: "verdict", service: "web", check: "c", cause: "" } as const;
  assert.equal(level({ ...verdict, from: "healthy", to: "unhealthy" }), "warning");
  assert.equal(level({ ...verdict, from: "unhealthy", to: "healthy" }), "info");
});

Deno.test("logLines() has words for routes and for sessions that ended or never were", () => {
  const route = { kind: "route", service: "web", address: "10.99.0.1", cause: "" } as const;
  assert.deepEqual(lines({ ...route, to: "announced" }), ["service: announce"]);
  assert.deepEqual(lines({ ...route, to: "withdrawn" }), ["service: withdraw"]);
  const ended = { kind: "session-ended", peer: "r1", cause: "reset" } as const;
  const [lost] = logLines({ ...ended, from: "Established", id: 1, at: 0 });
  assert.deepEqual([lost?.message, lost?.repeats], ["session ended", undefined]);
  const [attempt] = logLines({ ...ended, from: "Connect", id: 1, at: 0 });
  assert.deepEqual([attempt?.message, attempt?.repeats], ["attempt at a session ended", "r1 reset"]);
  const held = { kind: "routes-held", peer: "r1", held: [], cause: "" } as const;
  assert.deepEqual(lines({ ...held, count: 0 }), ["bgp: no route is held back any more"]);
  assert.deepEqual(lines({ ...held, count: 2 }), ["bgp: routes cannot go to this peer: 2"]);
});
