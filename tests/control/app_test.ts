import assert from "node:assert/strict";
import { createControlApp } from "../../src/control/app.ts";
import { MemoryOrders, NO_PLANS } from "../support/orders.ts";
import { status } from "../support/status.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { visible } from "../support/visible.ts";

const app = createControlApp({
  status: () => status(["r1"]),
  now: () => new Date("2026-01-01T00:00:07Z"),
  pid: 7,
  orders: new MemoryOrders(),
  planner: NO_PLANS,
  clock: new VirtualClock(),
  events: (request) => new Response(`events ${new URL(request.url).search}`),
});

async function get(path: string, init?: RequestInit): Promise<{ code: number; type: string; text: string }> {
  const response = await app(new Request(`http://bgp-lb${path}`, init), { credentials: undefined });
  const type = response.headers.get("content-type") ?? "";
  return { code: response.status, type, text: await response.text() };
}

const asText = { headers: { accept: "text/plain" } };

Deno.test("the control app answers every view as JSON, and as text where that is asked for", async () => {
  for (const view of ["status", "peers", "services", "routes"]) {
    const json = await get(`/v1/${view}`);
    assert.equal(json.code, 200);
    assert.match(json.type, /^application\/json/);
    assert.match(JSON.stringify(JSON.parse(json.text)), /10\.99\.0\.1\/32/);
    const text = await get(`/v1/${view}`, asText);
    assert.equal(text.code, 200);
    assert.match(text.type, /^text\/plain/);
    assert.match(text.text, /r1|web/);
  }
  assert.match((await get("/v1/status", asText)).text, /started 7s ago/);
});

Deno.test("the control app narrows to one name, and answers 404 with what there is to what there is not", async () => {
  assert.equal(JSON.parse((await get("/v1/peers?name=r1")).text).length, 1);
  assert.deepEqual(await get("/v1/peers?name=r9"), {
    code: 404,
    type: "text/plain; charset=UTF-8",
    text: "no peer r9, did you mean r1? there is r1\n",
  });
  assert.deepEqual(JSON.parse((await get("/v1/agent")).text), {
    agent: "bgp-lb",
    version: status(["r1"]).version,
    pid: 7,
    state: "running",
  });
  assert.match((await get("/v1/future")).text, /^this agent has no view future/);
  assert.equal((await get("/v1/future")).code, 404);
  assert.deepEqual([(await get("/")).code, (await get("/v1/status", { method: "POST" })).code], [404, 405]);
});

Deno.test("the control app gives the stream of events, and no view of that name", async () => {
  assert.equal((await get("/v1/events?since=3")).text, "events ?since=3");
});

Deno.test("the control app explains a service, all of it or to one peer, and answers 404 with the nearest name", async () => {
  const json = JSON.parse((await get("/v1/explain/web")).text);
  assert.deepEqual([json.service, json.routes[0].peers[0].peer], ["web", "r1"]);
  assert.match((await get("/v1/explain/web?peer=r1", asText)).text, /10\.99\.0\.1\/32/);
  assert.deepEqual([(await get("/v1/explain/wbe")).code, (await get("/v1/explain/wbe")).text], [
    404,
    "no service wbe, did you mean web? there is web\n",
  ]);
  assert.deepEqual(
    [(await get("/v1/explain/web?peer=r2")).code, (await get("/v1/explain/web?peer=r2")).text],
    [
      404,
      "no peer r2, did you mean r1? there is r1\n",
    ],
  );
  assert.equal((await get("/v1/explain")).text, "this agent has no view explain: it may be an older one\n");
});

Deno.test("the control app sets texts as wide as is asked for, within reason, and in colours where they are wanted", async () => {
  const widest = async (query: string) =>
    Math.max(...(await get(`/v1/status${query}`, asText)).text.split("\n").map(({ length }) => length));
  const natural = await widest("");
  assert.ok(natural > 60);
  assert.ok(await widest("?width=60") <= 60);
  assert.ok(await widest("?width=1") <= 30);
  for (const query of ["?width=9999999", "?width=x", "?width=", "?colour=0"]) {
    assert.equal(await widest(query), natural, query);
  }
  assert.match(visible((await get("/v1/status?colour=1", asText)).text), /ESC\[32mhealthyESC\[0m/);
  assert.doesNotMatch(visible((await get("/v1/status?colour=1")).text), /ESC/);
});
