import assert from "node:assert/strict";
import { eventLine } from "../../src/status/event_text.ts";

const at = "2026-01-01T00:00:00.000Z";

Deno.test("eventLine() says when, which, what about, from what to what, why, and what led to it", () => {
  const rows: [Record<string, unknown>, string][] = [
    [
      {
        id: 7,
        at,
        kind: "verdict",
        service: "web",
        check: "http-1",
        from: "unknown",
        to: "healthy",
        cause: "status 200",
        because: 5,
      },
      `${at} #7     verdict          web http-1  unknown \u2192 healthy: status 200 (because #5)`,
    ],
    [
      { id: 8, at, kind: "updates-sent", peer: "r1", announced: 1, withdrawn: 0, cause: "c" },
      `${at} #8     updates-sent     r1  announced 1, withdrawn 0: c`,
    ],
    [
      {
        id: 9,
        at,
        kind: "kernel-changed",
        changes: ["a", "b", "c", "d", "e", "f"],
        leftOut: { changes: 10 },
        cause: "c",
      },
      `${at} #9     kernel-changed   changes a; b; c; d; e; and 11 more: c`,
    ],
    [
      {
        id: 10,
        at,
        kind: "routes-held",
        peer: "r1",
        count: 1,
        held: [{ prefix: "10.0.0.1/32", reason: "no next hop" }],
        cause: "c",
      },
      `${at} #10    routes-held      r1  count 1, held 10.0.0.1/32 no next hop: c`,
    ],
    [
      {
        id: 10,
        at,
        kind: "kernel-contested",
        to: "contested",
        objects: [{ object: "address 10.99.0.1 on web", repairs: 6, suspect: "ip (process 7)" }],
        cause: "c",
      },
      `${at} #10    kernel-contested contested, objects address 10.99.0.1 on web (repaired 6 times, most likely changed by ip (process 7)): c`,
    ],
    [
      {
        id: 11,
        at,
        kind: "session-ended",
        peer: "r1",
        from: "Connect",
        means: "nobody",
        cure: "do",
        cause: "c",
      },
      `${at} #11    session-ended    r1  was Connect: c; nobody; cure: do`,
    ],
    [{ id: 11, at, kind: "handover", cause: "c" }, `${at} #11    handover         c`],
    [
      { id: 12, at, kind: "drained", services: [], cause: "\x1b[2J\u202e" },
      `${at} #12    drained          \\u001b[2J\\u202e`,
    ],
    [
      {
        id: 13,
        at,
        kind: "reload",
        to: "applied",
        details: ["port tcp 80 of web added"],
        restart: [],
        cause: "1 change",
      },
      `${at} #13    reload           applied, details port tcp 80 of web added: 1 change`,
    ],
  ];
  for (const [record, line] of rows) assert.equal(eventLine(record), line);
});

Deno.test("eventLine() makes a line of whatever a newer agent, or no agent, sends", () => {
  for (
    const record of [{}, { id: null, at: 3, kind: [], cause: {}, leftOut: 7, x: [null, [1]], y: { z: null } }]
  ) {
    assert.match(eventLine(record), /^.*$/);
  }
});
