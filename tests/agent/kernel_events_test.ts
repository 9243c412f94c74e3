import assert from "node:assert/strict";
import { KernelEvents } from "../../src/agent/kernel_events.ts";
import type { KernelReport } from "../../src/kernel/reconciler.ts";
import { KernelError } from "../../src/netlink/transport.ts";
import { RecordedEvents } from "../support/events.ts";

const report = (overrides: Partial<KernelReport> = {}): KernelReport => {
  return {
    at: 0,
    actual: undefined,
    isRead: false,
    changes: [],
    repairs: [],
    errors: [],
    conflicts: [],
    refusals: [],
    contested: [],
    converged: true,
    ...overrides,
  };
};
const refused = (operation: string) => new KernelError(operation, { errno: 1, extendedAck: undefined });

Deno.test("KernelEvents tells a lasting error once, another one when it comes, and the end of all (faults S7)", () => {
  const { stream, events } = new RecordedEvents({ now: () => 0 });
  const kernel = new KernelEvents(stream);
  const told = (next: KernelReport) => {
    const before = events.length;
    kernel.publish(next);
    return events.slice(before).map(({ kind, cause }) => `${kind} ${cause.split(":")[0]}`);
  };
  assert.deepEqual(told(report({ errors: [refused("a")] })), ["kernel-error a"]);
  assert.deepEqual(told(report({ errors: [refused("a")] })), []);
  assert.deepEqual(told(report({ errors: [refused("a"), refused("b")] })), ["kernel-error b"]);
  assert.deepEqual(told(report({ errors: [refused("b")] })), []);
  assert.deepEqual(
    told(report({ errors: [refused("a"), refused("b")] })),
    ["kernel-error a"],
    "it came back",
  );
  assert.deepEqual(told(report()), ["kernel-recovered everything is as it should be"]);
  assert.deepEqual(told(report()), []);
});

Deno.test("KernelEvents tells the changes of one pass in one event, and a conflict like an error", () => {
  const { stream, events } = new RecordedEvents({ now: () => 0 });
  const conflict = { interface: "web", service: "web", message: "interface web is not ours" };
  new KernelEvents(stream).publish(report({ changes: ["x", "y"], conflicts: [conflict] }));
  assert.deepEqual(events.map(({ kind }) => kind), ["kernel-changed", "kernel-error"]);
});

Deno.test("KernelEvents lets what a report leads to name the report's event, and does it where there is none, too", () => {
  const { stream, events } = new RecordedEvents({ now: () => 0 });
  const kernel = new KernelEvents(stream);
  const work = () => stream.publish({ kind: "warning", cause: "led to" });
  kernel.publish(report({ changes: ["x"], errors: [refused("a")] }), work);
  kernel.publish(report({ errors: [refused("a")] }), work);
  assert.deepEqual(events.map(({ kind, because }) => `${kind} ${because}`), [
    "kernel-changed undefined",
    "kernel-error undefined",
    "warning 2",
    "warning undefined",
  ]);
});
