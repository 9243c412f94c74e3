// The ring of events: whatever is published and wherever readers stand, each event comes once, in order, or is told as missing.
import assert from "node:assert/strict";
import fc from "fast-check";
import type { AgentFact } from "../../src/events/event.ts";
import { Journal, type JournalLimits } from "../../src/events/journal.ts";
import { EventStream } from "../../src/events/stream.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const warning = (cause: string): AgentFact => ({ kind: "warning", cause });
const attempt: AgentFact = { kind: "peer-state", peer: "r1", from: "Idle", to: "Connect", cause: "" };
const probe: AgentFact = {
  kind: "probe",
  service: "a",
  check: "b",
  result: "pass",
  durationMs: 1,
  cause: "",
};

function scene(limits: Partial<JournalLimits> = {}) {
  const clock = new VirtualClock();
  const stream = new EventStream(clock);
  const journal = new Journal({ clock, random: () => 0.5 }, limits);
  stream.subscribe("journal", (event) => journal.append(event));
  return { clock, journal, publish: (fact: AgentFact) => void stream.publish(fact) };
}

const ids = (journal: Journal, since: number) => journal.since(since).entries.map(({ id }) => id);

Deno.test("Journal keeps everything but what comes in bulk, which takes no number either", () => {
  const { journal, publish } = scene();
  for (const fact of [probe, warning("a"), probe, attempt, probe]) publish(fact);
  assert.deepEqual(journal.since(0).entries.map(({ id, kind }) => `${id} ${kind}`), [
    "1 warning",
    "2 peer-state",
  ]);
  assert.deepEqual([journal.oldest, journal.newest, journal.dropped], [1, 2, 0]);
});

Deno.test("Journal dates an event by when it happened, and a run by chance", async () => {
  const { clock, journal, publish } = scene();
  await clock.advance(1500);
  publish(warning("a"));
  assert.equal(journal.since(0).entries[0]?.record.at, "2026-01-01T00:00:01.500Z");
  assert.equal(journal.run, "iiiiiiii");
});

Deno.test("Journal is bounded in number and in octets, and counts what it drops", () => {
  const few = scene({ entries: 3 });
  for (let at = 0; at < 10; at++) few.publish(warning(""));
  assert.deepEqual(ids(few.journal, 0), [8, 9, 10]);
  assert.deepEqual([few.journal.oldest, few.journal.newest, few.journal.dropped], [8, 10, 7]);
  assert.equal(few.journal.since(5).missing, 2);
  assert.equal(few.journal.since(7).missing, 0);
  const small = scene({ octets: 5000 });
  for (let at = 0; at < 10; at++) small.publish(warning("x".repeat(1000)));
  assert.deepEqual(ids(small.journal, 0), [7, 8, 9, 10]);
});

Deno.test("Journal drops attempts at sessions before anything else: peers that are down for days push nothing out", () => {
  const { journal, publish } = scene({ entries: 20, attempts: 5 });
  publish(warning("the switch was turned off"));
  for (let at = 0; at < 1000; at++) publish(attempt);
  publish({ kind: "peer-state", peer: "r2", from: "OpenConfirm", to: "Established", cause: "" });
  const kept = journal.since(0);
  assert.equal(kept.entries[0]?.record.cause, "the switch was turned off");
  assert.equal(kept.entries.length, 20);
  assert.equal(kept.missing, 1002 - 20);
  for (let at = 0; at < 100; at++) publish(warning(""));
  assert.equal(journal.oldest, 1102 - 19, "and they have no more right than others where they are few");
});

Deno.test("Journal tells followers in a turn of its own, once for all that came, until they have had enough", async () => {
  const { clock, journal, publish } = scene();
  const told: number[] = [];
  using _first = journal.subscribe(() => void told.push(journal.newest));
  const second = journal.subscribe(() => void told.push(-1));
  publish(warning("a"));
  publish(warning("b"));
  assert.deepEqual(told, []);
  await clock.advance(0);
  assert.deepEqual(told, [2, -1]);
  second[Symbol.dispose]();
  publish(warning("c"));
  await clock.advance(0);
  assert.deepEqual(told, [2, -1, 3]);
  assert.equal(clock.pending, 0);
  publish(warning("d"));
  journal[Symbol.dispose]();
  assert.deepEqual([told.at(-1), clock.pending, journal.ended], [4, 0, true]);
});

Deno.test("Journal gives every reader each event exactly once, in order, or a number for those that are missing", () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constant("warn"),
        octets: fc.nat(300),
        times: fc.integer({ min: 1, max: 12 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        type: fc.constant("attempt"),
        octets: fc.nat(5),
        times: fc.integer({ min: 1, max: 12 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant("probe"), octets: fc.nat(5), times: fc.constant(1) }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constant("read"),
        octets: fc.integer({ min: 1, max: 2000 }),
        times: fc.nat(3),
      }),
    },
  );
  const limits = fc.record({
    entries: fc.integer({ min: 1, max: 30 }),
    octets: fc.integer({ min: 300, max: 4000 }),
    attempts: fc.nat(8),
  });
  fc.assert(
    fc.property(limits, fc.array(step, { maxLength: 80 }), (limits, steps) => {
      const { journal, publish } = scene(limits);
      const readers = Array.from({ length: 4 }, () => ({ place: 0, had: 0, missing: 0 }));
      const published: string[] = [];
      const read = (reader: { place: number; had: number; missing: number }, octets: number) => {
        const { entries, missing } = journal.since(reader.place, { entries: 7, octets });
        for (const { id, record } of entries) {
          assert.ok(id > reader.place, "in order, and never again");
          assert.equal(record.cause, published[id - 1], "the very event");
          reader.place = id;
        }
        if (entries.length === 0) reader.place += missing;
        reader.had += entries.length;
        reader.missing += missing;
        assert.equal(reader.had + reader.missing, reader.place, "nothing is lost without a word");
      };
      for (const { type, octets, times } of steps) {
        if (type === "read") {
          const reader = readers[times];
          if (reader !== undefined) read(reader, octets);
          continue;
        }
        for (let time = 0; time < times; time++) {
          const cause = `${published.length} ${"x".repeat(octets)}`;
          publish({ ...type === "warn" ? warning("") : type === "attempt" ? attempt : probe, cause });
          if (type !== "probe") published.push(cause);
        }
        assert.ok(journal.since(0).entries.length <= limits.entries);
      }
      for (const reader of readers) {
        for (let turn = 0; turn < 100 && reader.place < journal.newest; turn++) read(reader, 500);
        assert.equal(reader.place, published.length);
      }
      assert.equal(journal.dropped + journal.since(0).entries.length, published.length);
    }),
    { seed: 20261126, numRuns: 500 },
  );
});
