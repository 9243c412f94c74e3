// What the simulation itself takes for a cause: an order for all leaves those alone that have one of their own.
import assert from "node:assert/strict";
import type { AgentEvent } from "../../src/events/event.ts";
import { Causes } from "./causes.ts";

const ORDER: AgentEvent = {
  id: 1,
  at: 0,
  kind: "order",
  order: "drain",
  cause: "uid 0",
  services: undefined,
};
const ALL: AgentEvent = {
  id: 2,
  at: 0,
  kind: "drained",
  services: undefined,
  cause: "maintenance",
  because: 1,
};

function phaseOf(service: string): AgentEvent {
  return { id: 3, at: 1, kind: "phase", service, from: "serving", to: "quiescing", cause: "drained" };
}

Deno.test("a service that an earlier process had drained goes on its way out without an order of this one, one of all's or not", () => {
  const causes = new Causes(["s0"]);
  assert.equal(causes.wrongWith(ORDER), undefined);
  assert.equal(causes.wrongWith(ALL), undefined);
  assert.equal(causes.wrongWith(phaseOf("s0")), undefined);
  assert.equal(causes.wrongWith(phaseOf("s1")), "event 3 (phase) comes of no order");
});
