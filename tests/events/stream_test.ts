import assert from "node:assert/strict";
import type { AgentEvent, AgentFact } from "../../src/events/event.ts";
import { EventStream } from "../../src/events/stream.ts";

const warning = (cause: string): AgentFact => ({ kind: "warning", cause });

Deno.test("EventStream tells every reader in the same turn, in order, with the moment (DESIGN The turn, 2)", () => {
  let now = 5;
  const stream = new EventStream({ now: () => now });
  const told: string[] = [];
  stream.subscribe("first", ({ cause, at }) => void told.push(`first ${cause} ${at}`));
  const second = stream.subscribe("second", ({ cause }) => void told.push(`second ${cause}`));
  stream.publish(warning("a"));
  second[Symbol.dispose]();
  now = 6;
  stream.publish(warning("b"));
  assert.deepEqual(told, ["first a 5", "second a", "first b 6"]);
});

Deno.test("EventStream tells what a reader publishes after what it was told, to all in the same order", () => {
  const stream = new EventStream({ now: () => 0 });
  const [first, second]: string[][] = [[], []];
  stream.subscribe("first", ({ cause }) => {
    first?.push(cause);
    if (cause === "a") stream.publish(warning("b"));
  });
  stream.subscribe("second", ({ cause }) => void second?.push(cause));
  stream.publish(warning("a"));
  assert.deepEqual([first, second], [["a", "b"], ["a", "b"]]);
});

Deno.test("EventStream goes on where a reader throws, and tells the others that it did, not itself (faults S17)", () => {
  const stream = new EventStream({ now: () => 0 });
  const seen: AgentEvent[] = [];
  let broken = 0;
  stream.subscribe("broken", () => {
    broken++;
    throw new Error("no way");
  });
  stream.subscribe("sound", (event) => void seen.push(event));
  stream.publish(warning("a"));
  stream.publish(warning("b"));
  const kinds = seen.map((event) =>
    event.kind === "fault" ? `${event.part} ${event.name}: ${event.cause}` : event.cause
  );
  assert.deepEqual(kinds, ["a", "reader broken: no way", "b", "reader broken: no way"]);
  assert.equal(broken, 2);
});

Deno.test("EventStream ends where every reader throws at everything", () => {
  const stream = new EventStream({ now: () => 0 });
  let told = 0;
  for (const name of ["one", "two"]) {
    stream.subscribe(name, () => {
      told++;
      throw new Error(name);
    });
  }
  stream.publish(warning("a"));
  assert.equal(told, 4, "the event to both, and each one's fault to the other");
});

Deno.test("EventStream tells a reader's fault over the fault of another part, but none over a reader's", () => {
  const stream = new EventStream({ now: () => 0 });
  const faults: string[] = [];
  stream.subscribe("sound", (event) => {
    if (event.kind === "fault") faults.push(`${event.part} ${event.name}`);
  });
  stream.subscribe("broken", () => {
    throw new Error("no way");
  });
  stream.publish({ kind: "fault", part: "bgp", name: "r1", cause: "broke" });
  assert.deepEqual(faults, ["bgp r1", "reader broken"]);
  stream.publish({ kind: "fault", part: "reader", name: "third", cause: "broke" });
  assert.deepEqual(faults.slice(2), ["reader third"]);
});

Deno.test("EventStream names the event that causes others as their cause, tells all when the work is done, and no more after it", () => {
  const stream = new EventStream({ now: () => 0 });
  const told: string[] = [];
  stream.subscribe("all", ({ id, cause, because }) => {
    told.push(`${id} ${cause} ${because}`);
    if (cause === "c") stream.publish(warning("of a reader"));
  });
  stream.causing(warning("a"), ({ id }) => {
    assert.equal(id, 1);
    stream.publish(warning("b"));
    stream.causing(warning("c"), () => stream.publish(warning("d")));
    stream.publish(warning("e"), 3);
    assert.deepEqual(told, []);
  });
  assert.throws(() =>
    stream.causing(warning("f"), () => {
      throw new Error("no way");
    })
  );
  stream.publish(warning("g"));
  assert.deepEqual(told, [
    "1 a undefined",
    "2 b 1",
    "3 c 1",
    "4 d 3",
    "5 e 3",
    "6 of a reader undefined",
    "7 f undefined",
    "8 g undefined",
  ]);
  assert.equal(stream.newest, 8);
});

Deno.test("EventStream gives no number to what comes in bulk", () => {
  const stream = new EventStream({ now: () => 0 });
  const told: number[] = [];
  stream.subscribe("all", ({ id }) => void told.push(id));
  stream.publish(warning("a"));
  stream.publish({ kind: "probe", service: "a", check: "b", result: "pass", durationMs: 1, cause: "" });
  stream.publish(warning("b"));
  assert.deepEqual(told, [1, 0, 2]);
});
