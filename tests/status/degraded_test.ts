// What is unhealthy and announced all the same is told from what is well, in every view.
import assert from "node:assert/strict";
import type { FamilyName } from "../../src/config/config.ts";
import { createHttpApp } from "../../src/http/app.ts";
import { SERVICE_FAMILIES } from "../../src/http/service_families.ts";
import { explain } from "../../src/status/explain.ts";
import { explainText } from "../../src/status/explain_text.ts";
import { newestChanges } from "../../src/status/newest_changes.ts";
import type { Status } from "../../src/status/status.ts";
import { topText } from "../../src/status/top_text.ts";
import { VIEWS } from "../../src/status/views.ts";
import { PLAIN } from "../../src/text/style.ts";
import { degradedStatus, negotiated, quietPage, status } from "../support/status.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const NOW = new Date("2026-01-01T01:02:03Z");
const LINES: Readonly<Record<"status" | "services" | "routes", readonly RegExp[]>> = {
  status: [/^web {6}degraded +10\.99\.0\.1\/32 +to 1 of 1 peers +2m 3s +http-1: status 500$/m],
  services: [
    /^web: degraded$/m,
    /^ {2}address {8}10\.99\.0\.1\/32: announced to 1 of 1 peer for 1h 2m, degraded$/m,
    /^ {4}yes healthy: degraded: http-1: status 500 \(for 2m 3s\)$/m,
  ],
  routes: [
    /^10\.99\.0\.1\/32 of web: announced for 1h 2m, degraded$/m,
    /^ {2}yes healthy: degraded: http-1: status 500 \(for 2m 3s\)$/m,
  ],
};

Deno.test("status, services and routes say of a degraded service that it is, why, and since when", () => {
  for (const view of ["status", "services", "routes"] as const) {
    const text = VIEWS[view].text(degradedStatus(), NOW);
    for (const line of LINES[view]) assert.match(text, line);
    assert.doesNotMatch(VIEWS[view].text(status(["r1"]), NOW), /degraded/);
  }
  const two = { ...degradedStatus(), services: [...degradedStatus().services, ...status(["r1"]).services] };
  assert.match(VIEWS.services.text(two, NOW), /^web {6}degraded +2m 3s +0 of 1 +to 1 of 1 peers/m);
});

Deno.test("top shows a degraded service first, and what changed last names it", () => {
  const [well] = status(["r1"]).services;
  const [ill] = degradedStatus().services;
  if (well === undefined || ill === undefined) return assert.fail();
  const document = { ...degradedStatus(), peers: [], services: [{ ...well, name: "well" }, ill] };
  const picture = { status: document, rates: undefined, events: [], trouble: undefined };
  const rows = topText(picture, NOW, { ...PLAIN, width: 100, rows: 20 }).split("\n");
  const [first, second] = ["web ", "well "].map((name) => rows.findIndex((row) => row.startsWith(name)));
  assert.ok(first !== undefined && second !== undefined && first > 0 && first < second, rows.join("\n"));
  assert.deepEqual(newestChanges(document).at(-1), {
    at: "2026-01-01T01:00:00.000Z",
    text: "web 10.99.0.1/32 is degraded: http-1: status 500",
  });
});

const FAMILIES: readonly FamilyName[] = ["ipv4-unicast"];

/** The same where every gate of its peer is open. */
function announced(): Status {
  const document = degradedStatus();
  const peers = document.peers.map((peer) => ({
    ...peer,
    negotiated: { ...negotiated, families: FAMILIES },
  }));
  return { ...document, peers };
}

Deno.test("explain says of a degraded service what makes it so, since when, and what ends that", () => {
  const explanation = explain(announced(), "web", undefined, NOW);
  assert.equal(explanation.shut, undefined);
  assert.equal(explanation.degraded?.name, "healthy");
  const text = explainText(explanation, NOW).split("\n");
  assert.deepEqual(text.slice(0, 6), [
    "web is announced to r1, degraded: with announce.whenUnhealthy",
    "  degraded healthy",
    "  saw      http-1: status 500",
    "  since    2m 3s ago, 2026-01-01T01:00:00.000Z",
    "  ends     check http-1 must pass 2 times in a row (it passes where http://127.0.0.1:8080/ answers with a 2xx status within 1s)",
    "",
  ]);
  assert.ok(text.includes("10.99.0.1/32"), text.join("\n"));
  assert.ok(text.some((line) => line.includes("note: the service is unhealthy")));
});

Deno.test("/readyz is ready where a degraded service is announced to a peer, and names it where it is to none", async () => {
  const ask = async (document: Status) => {
    const fail = () => assert.fail();
    const app = createHttpApp({
      clock: new VirtualClock(),
      status: () => document,
      metrics: fail,
      events: fail,
      ...quietPage,
    });
    return await app(new Request("http://agent/readyz"));
  };
  assert.equal((await ask(degradedStatus())).status, 200);
  const missing = await ask(degradedStatus([]));
  assert.equal(missing.status, 503);
  assert.equal(await missing.text(), "service web: 10.99.0.1/32 is not announced to any peer\n");
});

Deno.test("bgp_lb_service_degraded is 1 where a service is announced as unhealthy", () => {
  const family = SERVICE_FAMILIES.find(({ name }) => name === "bgp_lb_service_degraded");
  const valueOf = (document: Status) => [...family?.samples(document) ?? []].map(({ value }) => value);
  assert.deepEqual([valueOf(degradedStatus()), valueOf(status(["r1"]))], [[1], [0]]);
});
