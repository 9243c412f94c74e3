import assert from "node:assert/strict";
import type { StatusDocument } from "../../src/status/document.ts";
import { eventLine } from "../../src/status/event_line.ts";
import { newestChanges } from "../../src/status/newest_changes.ts";
import { ratesBetween } from "../../src/status/rates.ts";
import { type TopPicture, topText } from "../../src/status/top_text.ts";
import { columnsOf } from "../../src/text/columns.ts";
import { status } from "../support/status.ts";
import { visible } from "../support/visible.ts";

const NOW = new Date("2026-01-01T01:02:03Z");

/** As it comes over the socket. */
function document(names: readonly string[] = ["web"]): StatusDocument {
  const whole = status(["r1"]);
  const [service] = whole.services;
  const services = names.map((name) => ({ ...service, name }));
  return JSON.parse(JSON.stringify({ ...whole, services }));
}

const picture: TopPicture = {
  status: document(),
  rates: { probes: 12, failures: 0.5, updates: 0, messages: 0.25 },
  events: [1, 2, 3].map((number) => ({ at: "2026-01-01T01:02:00.000Z", text: `event ${number}` })),
  trouble: undefined,
};

Deno.test("topText() shows services, peers, rates and the newest events at the bottom", () => {
  assert.equal(
    topText(picture, NOW, { width: 90, rows: 24, colour: false }),
    `bgp-lb 1.2.3  running 1h 2m  10.0.0.1 AS 65512  01:02:03
probes 12.0/s, failed 0.5/s  UPDATEs 0.0/s  messages 0.3/s  connections 0

SERVICE  STATE    ADDR  PEERS  LIVE  SHUT  WHY
web      healthy  1/1   1/1                http-1: status 200

PEER  STATE        FOR        ROUTES  FLAPS  WHY
r1    Established  20454d 1h  1       2

EVENTS
01:02:00  event 1
01:02:00  event 2
01:02:00  event 3
`,
  );
});

Deno.test("topText() fits every screen, wide characters and all, and shows first what is not as it should be", () => {
  const names = Array.from({ length: 40 }, (_, index) => `サービス-${index}`);
  const many = document(names);
  const services = many.services.map((service, index) =>
    index !== 33 ? service : {
      ...service,
      verdict: "unhealthy" as const,
      routes: service.routes.map((route) => ({
        ...route,
        announce: false,
        gates: route.gates.map((gate) => ({ ...gate, open: false, reason: "日本語 is not answered" })),
      })),
    }
  );
  const events = Array.from(
    { length: 100 },
    (_, index) => ({ at: "2026-01-01T01:02:00Z", text: `event ${index}` }),
  );
  const full = { ...picture, status: { ...many, services }, events, trouble: "no agent answers" };
  for (const [width, rows] of [[80, 24], [40, 10], [30, 6], [200, 60], [80, 3], [20, 1]] as const) {
    const lines = topText(full, NOW, { width, rows, colour: false }).trimEnd().split("\n");
    const text = lines.join("\n");
    assert.ok(lines.length <= rows, `${width}x${rows}\n${text}`);
    if (width >= 30) assert.ok(lines.every((line) => columnsOf(line) <= width), `${width}x${rows}\n${text}`);
    if (rows >= 10) {
      assert.match(text, /^サー.* unhe/m, text);
      assert.match(text, /… \d+ more/, text);
      assert.match(lines.at(-1) ?? "", /event 99/, text);
      assert.match(text, /^r1 /m, text);
    }
  }
  const coloured = visible(topText(full, NOW, { width: 80, rows: 24, colour: true }));
  assert.match(coloured, /ESC\[31mno agent answersESC\[0m/);
  assert.match(coloured, /ESC\[31munhealthyESC\[0m/);
});

Deno.test("ratesBetween() counts what is in both, never backwards, and nothing between two runs of the agent", () => {
  const before = document(["web", "gone"]);
  const after: StatusDocument = {
    ...document(["web", "new"]),
    peers: before.peers.map((peer) => ({
      ...peer,
      messages: {
        sent: { ...peer.messages.sent, UPDATE: peer.messages.sent.UPDATE + 4 },
        received: { ...peer.messages.received, KEEPALIVE: 0 },
      },
    })),
  };
  const services = after.services.map((service) => ({
    ...service,
    checks: service.checks.map((check) => ({
      ...check,
      passes: check.passes + 10,
      failures: check.failures + 2,
    })),
  }));
  assert.deepEqual(ratesBetween(before, { ...after, services }, 2000), {
    probes: 6,
    failures: 1,
    updates: 2,
    messages: 0.5,
  });
  assert.equal(ratesBetween(before, after, 0), undefined);
  assert.equal(ratesBetween({ ...before, journal: { ...before.journal, run: "x" } }, after, 2000), undefined);
});

Deno.test("newestChanges() tells what a status knows of the last changes, the newest last", () => {
  const { peers, services, ...rest } = document();
  const later = peers.map((peer) => ({ ...peer, since: "2026-01-01T00:30:00.000Z" }));
  assert.deepEqual(newestChanges({ ...rest, services, peers: later }).map(({ text }) => text), [
    "web check http-1 is healthy: status 200",
    "web 10.99.0.1/32 is announced",
    "r1 is Established: KEEPALIVE received",
  ]);
});

Deno.test("eventLine() reads records of the journal, and nothing else", () => {
  const record = {
    id: 7,
    at: "2026-01-01T00:00:00.000Z",
    kind: "route",
    service: "web",
    to: "withdrawn",
    cause: "x",
  };
  assert.deepEqual(eventLine(JSON.stringify(record)), {
    id: 7,
    at: record.at,
    text: "route web → withdrawn: x",
    attempt: false,
  });
  const rows: readonly (readonly [Readonly<Record<string, unknown>>, string, boolean])[] = [
    [{ kind: "peer-state", peer: "r1", from: "Idle", to: "Connect" }, "peer-state r1 → Connect: x", true],
    [{ kind: "session-ended", peer: "r1", from: "OpenSent" }, "session-ended r1: x", true],
    [{ kind: "peer-state", peer: "r1", from: "Established", to: "Idle" }, "peer-state r1 → Idle: x", false],
    [{ kind: "drained", services: ["web", "dns"] }, "drained web, dns: x", false],
  ];
  for (const [details, text, attempt] of rows) {
    const line = eventLine(JSON.stringify({ id: 8, at: record.at, cause: "x", ...details }));
    assert.deepEqual([line?.text, line?.attempt], [text, attempt]);
  }
  for (
    const text of [
      "",
      "7",
      "null",
      "{",
      '{"id":"7"}',
      JSON.stringify({ ...record, at: "x" }),
      JSON.stringify({ kind: "gap", cause: "y" }),
    ]
  ) {
    assert.equal(eventLine(text), undefined, text);
  }
});
