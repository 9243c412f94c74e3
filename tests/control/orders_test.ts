// Orders as the control app reads, refuses and answers them.
import assert from "node:assert/strict";
import { createControlApp } from "../../src/control/app.ts";
import { MAX_PROGRESS_STREAMS } from "../../src/control/order_routes.ts";
import { requesterText } from "../../src/control/requester.ts";
import { MemoryOrders, NO_PLANS, step } from "../support/orders.ts";
import { status } from "../support/status.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

const ROOT = { pid: 1234, uid: 0, gid: 0 };

class Scene {
  readonly orders = new MemoryOrders();
  readonly clock = new VirtualClock();
  readonly app = createControlApp({
    status: () => status(["r1"]),
    now: () => new Date(0),
    pid: 7,
    orders: this.orders,
    planner: NO_PLANS,
    events: () => new Response(),
    clock: this.clock,
  });
  readonly gone = new AbortController();

  async ask(path: string, init: RequestInit = {}): Promise<Response> {
    const request = new Request(`http://bgp-lb${path}`, { signal: this.gone.signal, ...init });
    return await this.app(request, { credentials: ROOT });
  }

  async post(order: string, body: BodyInit, headers: HeadersInit = {}): Promise<Response> {
    return await this.ask(`/v1/${order}`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json", ...headers },
    });
  }

  /** Lines of a stream as they come. */
  async watch(order: string, body: unknown): Promise<LineReader> {
    const response = await this.post(order, JSON.stringify(body), { accept: "application/x-ndjson" });
    assert.equal(response.headers.get("content-type"), "application/x-ndjson");
    return new LineReader(response, this.clock);
  }
}

class LineReader {
  readonly lines: unknown[] = [];
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  ended = false;

  constructor(response: Response, readonly clock: VirtualClock) {
    assert.ok(response.body !== null);
    this.#reader = response.body.getReader();
    void this.#read();
  }

  /** What came until `ms` have passed. */
  async after(ms: number): Promise<unknown[]> {
    await settle();
    await this.clock.advance(ms);
    await settle();
    return this.lines.splice(0);
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }

  async #read(): Promise<void> {
    for (let part = await this.#reader.read(); !part.done; part = await this.#reader.read()) {
      const text = new TextDecoder().decode(part.value);
      assert.match(text, /^[^\n]+\n$/);
      this.lines.push(JSON.parse(text));
    }
    this.ended = true;
  }
}

Deno.test("the control app hands each order on with who gives it, and answers what was done", async () => {
  const scene = new Scene();
  const rows: readonly (readonly [string, unknown, unknown, unknown])[] = [
    [
      "drain",
      { services: ["dns", "web", "dns"], reason: "new disks", for: "1h30m" },
      { services: ["dns", "web"], reason: "new disks", forMs: 5_400_000 },
      { services: ["web", "dns"] },
    ],
    ["drain", {}, { services: [], reason: undefined, forMs: undefined }, { services: ["web", "dns"] }],
    ["drain", { for: 90 }, { services: [], reason: undefined, forMs: 90_000 }, { services: ["web", "dns"] }],
    ["undrain", { services: ["web"] }, { services: ["web"] }, { services: ["web"] }],
    ["check-now", {}, { services: [] }, { services: ["web", "dns"], kernel: true }],
    ["reload", {}, undefined, {
      result: "unchanged",
      hash: "abc",
      changes: [],
      restart: [],
      errors: [],
      warnings: [],
    }],
    ["handover", {}, undefined, { result: "handing over" }],
  ];
  for (const [order, body, given, answer] of rows) {
    const response = await scene.post(order, JSON.stringify(body));
    assert.equal(response.status, 200, order);
    assert.deepEqual(await response.json(), answer);
    assert.deepEqual(scene.orders.given.pop(), [order, given, ROOT]);
  }
  scene.orders.lost = "the state directory cannot be written";
  assert.deepEqual(await (await scene.post("drain", "{}")).json(), {
    services: ["web", "dns"],
    lost: "the state directory cannot be written",
  });
  assert.equal(requesterText(ROOT), "uid 0 (pid 1234)");
  assert.equal(requesterText({ ...ROOT, pid: 0 }), "uid 0 (pid unknown)");
  assert.equal(requesterText(undefined), "unknown user");
});

Deno.test("the control app refuses an order that is not clear, in a sentence, and follows nothing of it", async () => {
  const scene = new Scene();
  const json = JSON.stringify;
  const rows: readonly (readonly [string, BodyInit, number, RegExp])[] = [
    ["drain", "", 400, /no JSON/],
    ["drain", "{", 400, /no JSON/],
    ["drain", "[".repeat(60_000), 400, /no JSON/],
    ["drain", Uint8Array.of(0x22, 0xff, 0x22), 400, /no JSON/],
    ["drain", "null", 400, /must be a JSON object \(got null\)/],
    ["drain", "[]", 400, /must be a JSON object \(got a list\)/],
    ["drain", '"x"', 400, /must be a JSON object \(got the text "x"\)/],
    ["drain", json({ service: ["web"] }), 400, /^unknown key "service", did you mean services\?$/],
    ["drain", '{"__proto__":{}}', 400, /^unknown key "__proto__", there is services, reason, for$/],
    ["drain", json({ ["\u001b".repeat(500)]: 1 }), 400, /^unknown key ".{1,90}", there is/],
    ["drain", json({ services: "web" }), 400, /^services must be a list of names \(got the text "web"\)$/],
    ["drain", json({ services: [] }), 400, /^services is an empty list: leave it out to mean all$/],
    ["drain", json({ services: ["web", 7] }), 400, /^services must be a list of names \(it has 7\)$/],
    ["drain", json({ services: [""] }), 400, /empty name/],
    ["drain", json({ services: ["x".repeat(254)] }), 400, /longer than 253 characters: "x+…"$/],
    ["drain", json({ reason: 7 }), 400, /^reason must be a text \(got 7\)$/],
    ["drain", json({ reason: "  " }), 400, /^reason must not be empty/],
    [
      "drain",
      json({ reason: "x".repeat(161) }),
      400,
      /^reason must be at most 160 characters long \(got 161\)$/,
    ],
    ["drain", json({ reason: "a\nb" }), 400, /^reason has U\+000A/],
    ["drain", json({ reason: "a\u202eb" }), 400, /^reason has U\+202E/],
    ["drain", '{"reason":"\\ud800"}', 400, /^reason has half a character$/],
    ["drain", json({ for: "0" }), 400, /^for must be a duration from 1s to 8760h, such as 2h \(got "0"\)$/],
    ["drain", json({ for: -5 }), 400, /it cannot be negative \(got "-5"\)$/],
    ["drain", json({ for: "-2h" }), 400, /it cannot be negative/],
    ["drain", json({ for: "2d" }), 400, /write it in hours, a day is 24h/],
    ["drain", json({ for: "8761h" }), 400, /from 1s to 8760h/],
    ["drain", json({ for: 1e300 }), 400, /from 1s to 8760h/],
    ["drain", json({ for: "999ms" }), 400, /from 1s to 8760h/],
    ["drain", json({ for: true }), 400, /such as 2h \(got true\)$/],
    ["drain", json({ for: null }), 400, /\(got null\)$/],
    ["undrain", json({ reason: "x" }), 400, /^unknown key "reason", there is services$/],
    ["check-now", json({ for: "1h" }), 400, /^unknown key "for"/],
    ["reload", json({ services: ["web"] }), 400, /^unknown key "services", there is none$/],
    ["handover", "7", 400, /must be a JSON object \(got 7\)/],
  ];
  for (const [order, body, code, words] of rows) {
    const response = await scene.post(order, body);
    assert.equal(response.status, code, `${order} ${body}`);
    assert.match((await response.json()).error, words);
  }
  for (const type of ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"]) {
    const response = await scene.post("drain", "{}", { "content-type": type });
    assert.equal(response.status, 415);
    assert.match((await response.json()).error, /content-type must be application\/json/);
  }
  assert.equal(
    (await scene.post("drain", "{}", { "content-type": "Application/JSON; charset=utf-8" })).status,
    200,
  );
  scene.orders.given.pop();
  for (const method of ["GET", "PUT", "DELETE"]) {
    const response = await scene.ask("/v1/drain", { method });
    assert.deepEqual([response.status, response.headers.get("allow")], [405, "POST"]);
    await response.body?.cancel();
  }
  assert.deepEqual(scene.orders.given, []);
});

Deno.test("the control app names a service that there is not, and says why an agent cannot follow", async () => {
  const scene = new Scene();
  for (const order of ["drain", "undrain", "check-now"]) {
    const response = await scene.post(order, JSON.stringify({ services: ["web", "wbe"] }));
    assert.equal(response.status, 404);
    assert.deepEqual(await response.json(), { error: "no service wbe, did you mean web? there is web, dns" });
  }
  assert.equal((await scene.ask("/v1/progress?service=wbe")).status, 404);
  scene.orders.busy = "the agent is stopping";
  for (const order of ["drain", "undrain", "check-now", "reload", "handover"]) {
    const response = await scene.post(order, "{}");
    assert.equal(response.status, 409);
    assert.deepEqual(await response.json(), { error: "the agent is stopping" });
  }
  assert.deepEqual(scene.orders.given, []);
});

Deno.test("progress comes as it changes, each second while something counts down, and ends when all is done", async () => {
  const scene = new Scene();
  scene.orders.steps = [
    step("web", { phase: "quiescing", leftMs: 30_000, connections: 3 }),
    step("dns", { done: true }),
  ];
  const reader = await scene.watch("drain", { services: ["web"] });
  const quiescing = { service: "web", phase: "quiescing", done: false };
  assert.deepEqual(
    await reader.after(0),
    [{ services: ["web"] }, { ...quiescing, leftMs: 30_000, connections: 3 }]
      .map((line, index) => index === 0 ? line : [line]),
  );
  assert.deepEqual(await reader.after(999), []);
  assert.equal((await reader.after(1)).length, 1, "a second has passed");
  scene.orders.move(step("web", { phase: "quiescing", leftMs: 29_000, connections: 1 }));
  assert.deepEqual(await reader.after(99), [], "changes are told ten times a second at most");
  scene.orders.move(step("web", { phase: "quiescing", leftMs: 29_000, connections: 0 }));
  assert.deepEqual(await reader.after(1), [[{ ...quiescing, leftMs: 29_000, connections: 0 }]]);
  scene.orders.move(step("web", { phase: "down", connections: 0, done: true }));
  assert.deepEqual(await reader.after(100), [[{
    service: "web",
    phase: "down",
    connections: 0,
    done: true,
  }]]);
  assert.equal(reader.ended, true);
  assert.deepEqual([scene.orders.watchers.size, scene.clock.pending], [0, 0]);
});

Deno.test("progress that waits for an event alone says every ten seconds that the agent lives", async () => {
  const scene = new Scene();
  scene.orders.steps = [step("web", { phase: "serving" })];
  const reader = await scene.watch("undrain", { services: ["web"] });
  assert.equal((await reader.after(0)).length, 2);
  assert.deepEqual(await reader.after(9999), []);
  assert.equal((await reader.after(1)).length, 1);
  await reader.cancel();
  assert.deepEqual([scene.orders.watchers.size, scene.clock.pending], [0, 0]);
});

Deno.test("progress ends when the client goes, when a reload removes the service, and where the order was done already", async () => {
  const scene = new Scene();
  scene.orders.steps = [step("web", { leftMs: 5000 })];
  const left = await scene.watch("drain", { services: ["web"] });
  await left.after(0);
  scene.gone.abort();
  await left.after(0);
  assert.deepEqual([left.ended, scene.orders.watchers.size, scene.clock.pending], [true, 0, 0]);

  const removed = new Scene();
  removed.orders.steps = [step("web", { leftMs: 5000 })];
  const reader = await removed.watch("drain", { services: ["web"] });
  await reader.after(0);
  removed.orders.progress = () => new MemoryOrders([]).progress({ services: ["web"] });
  removed.orders.move();
  assert.deepEqual(await reader.after(1000), []);
  assert.deepEqual([reader.ended, removed.orders.watchers.size, removed.clock.pending], [true, 0, 0]);

  const done = await new Scene().watch("drain", {});
  assert.equal((await done.after(0)).length, 2);
  assert.equal(done.ended, true);
});

Deno.test("progress can be asked for again, as it is or as a stream", async () => {
  const scene = new Scene();
  const response = await scene.ask("/v1/progress?service=web");
  assert.deepEqual(await response.json(), [{ service: "web", phase: "down", done: true }]);
  const all = await scene.ask("/v1/progress", { headers: { accept: "application/x-ndjson" } });
  assert.equal((await all.text()).split("\n").length, 2);
  assert.equal(scene.orders.watchers.size, 0);
});

Deno.test("streams of progress are bounded in number; an order beyond is followed and answered without", async () => {
  const scene = new Scene();
  scene.orders.steps = [step("web", { leftMs: 5000 })];
  const readers = [];
  for (let count = 0; count < MAX_PROGRESS_STREAMS; count++) readers.push(await scene.watch("drain", {}));
  const beyond = await scene.post("drain", "{}", { accept: "application/x-ndjson" });
  assert.match(beyond.headers.get("content-type") ?? "", /^application\/json/);
  assert.deepEqual(await beyond.json(), { services: ["web", "dns"] });
  assert.equal(scene.orders.given.length, MAX_PROGRESS_STREAMS + 1);
  const accept = { headers: { accept: "application/x-ndjson" } };
  const refused = await scene.ask("/v1/progress", accept);
  assert.equal(refused.status, 503);
  assert.match((await refused.json()).error, /8 clients are being told of progress/);
  await readers[0]?.cancel();
  const again = await scene.ask("/v1/progress", accept);
  assert.equal(again.status, 200);
  await again.body?.cancel();
  for (const reader of readers) await reader.cancel();
  assert.deepEqual([scene.orders.watchers.size, scene.clock.pending], [0, 0]);
});

Deno.test("a reload that was refused is its whole answer; one that was applied may be watched", async () => {
  const scene = new Scene();
  scene.orders.reloaded = { result: "invalid", problems: ["/etc/x.yaml:3:5: bgp.local.as: is missing"] };
  const accept = { accept: "application/x-ndjson" };
  const refused = await scene.post("reload", "{}", accept);
  assert.deepEqual(await refused.json(), scene.orders.reloaded);
  scene.orders.reloaded = {
    result: "applied",
    hash: "d",
    changes: [],
    restart: [],
    errors: [],
    warnings: [],
  };
  scene.orders.steps = [step("web", { done: true })];
  const applied = await scene.post("reload", "{}", accept);
  assert.deepEqual((await applied.text()).split("\n").length, 3);
});
