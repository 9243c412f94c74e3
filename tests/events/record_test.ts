import assert from "node:assert/strict";
import { MAX_RECORD_OCTETS, recordOf } from "../../src/events/record.ts";

const AT = new Date("2026-01-01T00:00:01.500Z");
const identity = { id: 7, at: 3 };

Deno.test("recordOf() gives what happened, dated, with its details, its cause and the event that caused it (CONTRACT HTTP)", () => {
  const event = { kind: "verdict", service: "web", check: "http-1", from: "unknown", to: "healthy" } as const;
  const { record, text } = recordOf({ ...event, cause: "status 200", ...identity, because: 5 }, AT);
  assert.deepEqual(record, {
    id: 7,
    at: "2026-01-01T00:00:01.500Z",
    ...event,
    cause: "status 200",
    because: 5,
  });
  assert.deepEqual(JSON.parse(text), record);
  const all = recordOf(
    { kind: "order", order: "drain", services: undefined, cause: "root", ...identity },
    AT,
  );
  assert.equal(Object.hasOwn(all.record, "services"), false);
  assert.equal(Object.hasOwn(all.record, "because"), false);
});

Deno.test("recordOf() is short and in one line of ASCII, whatever the details are, and says what it leaves out", () => {
  const many = Array.from({ length: 5000 }, (_, at) => `add address 10.0.0.${at}`);
  const rows = [
    recordOf({ kind: "kernel-changed", changes: many, cause: "c", ...identity }, AT),
    recordOf({
      kind: "kernel-changed",
      changes: many.map(() => "\u{1f600}".repeat(9000)),
      cause: "c",
      ...identity,
    }, AT),
    recordOf({ kind: "warning", cause: "\u2028\u202e\x9b\x7f\n".repeat(10_000), ...identity }, AT),
    recordOf({
      kind: "routes-held",
      peer: "p".repeat(9000),
      count: 900,
      held: many.map((prefix) => ({ prefix, reason: "r".repeat(900) })),
      cause: "\u00e4".repeat(9000),
      ...identity,
    }, AT),
    recordOf({
      kind: "agent-state",
      from: "starting",
      to: "running",
      version: "\u00e4".repeat(9000),
      services: many,
      peers: many,
      cause: "\u00e4".repeat(9000),
      ...identity,
    }, AT),
  ];
  for (const { record, text } of rows) {
    assert.ok(text.length <= MAX_RECORD_OCTETS, `${record.kind}: ${text.length}`);
    assert.match(text, /^[\x20-\x7e]+$/);
    assert.deepEqual(JSON.parse(text), record);
    assert.equal(record.id, 7);
    assert.ok(text.isWellFormed() && !/\\ud83d(?!\\ude00)/.test(text), "no half of a character");
    assert.ok(record.cause !== "its details are too long");
  }
  assert.deepEqual(rows.map(({ record }) => record.leftOut), [
    { changes: 4900 },
    { changes: 5000 - 5 },
    undefined,
    { held: 5000 - 5 },
    { services: 5000 - 20, peers: 5000 - 20 },
  ]);
  assert.match(rows[2]?.record.cause ?? "", /\u2026$/);
});
