/**
 * What our speaker and every router do together, over prepared sockets in two namespaces that they share: one router
 * with a neighbour for each row, so that one start serves them all. Needs root and the router's package.
 */
import assert from "node:assert/strict";
import { interopNamespaces } from "../support/interop.ts";
import { Plan, type RouterUnderTest, type Theme } from "../support/interop_scene.ts";
import { ensurePackages } from "../support/setup.ts";
import { within } from "../support/until.ts";
import { ROUTE_THEMES } from "./router_routes.ts";
import { SESSION_THEMES } from "./router_sessions.ts";

/** Far beyond what a slow and busy machine takes, and beyond what a theme waits for inside. */
const LIMIT_MS = 180_000;

/** Runs the themes of every router, and `more` of its own, as steps of one test. */
export function routerContract(kind: RouterUnderTest, more: readonly Theme[] = []): void {
  Deno.test(`Speaker and ${kind.name} understand each other`, async (t) => {
    const { advice } = await ensurePackages(["iproute2", ...kind.packages], console.log);
    assert.equal(advice, undefined);
    const plan = new Plan(kind);
    const steps = [...ROUTE_THEMES, ...more, ...SESSION_THEMES].map((theme) => theme(plan));
    await using namespaces = await interopNamespaces(plan.size);
    await using router = await kind.start(plan.sessions, ["ip", "netns", "exec", namespaces.b.name]);
    for (const { sentence, run } of steps) {
      await t.step(sentence, () => within(run({ namespaces, router, kind }), sentence, LIMIT_MS));
    }
  });
}
