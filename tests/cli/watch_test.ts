// Questions that are asked again and again, on the virtual clock and a terminal of the test's own.
import assert from "node:assert/strict";
import { listNames } from "../../src/cli/list_names.ts";
import { top } from "../../src/cli/top.ts";
import { watch } from "../../src/cli/watch.ts";
import type { Question } from "../../src/cli/ask.ts";
import type { Answer, ControlRequest } from "../../src/control/client.ts";
import { FakeTerminal } from "../support/fake_terminal.ts";
import { status } from "../support/status.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";
import { visible } from "../support/visible.ts";

const BEGIN = "\u001b[?1049h\u001b[?25l\u001b[?7l";
const END = "\u001b[0m\u001b[?7h\u001b[?25h\u001b[?1049l";

const question: Question = { view: "services", name: "web", json: false, socket: "/s" };
const ok = (body: string): Answer => ({ status: 200, body });

/** An agent whose answers are the test's, and where what is said goes. */
class Scene {
  readonly clock = new VirtualClock();
  readonly requests: ControlRequest[] = [];
  out = "";
  err = "";
  answer: Answer | Error | "silence" = ok("first\n");

  constructor(readonly terminal = new FakeTerminal()) {}

  readonly askControl = (request: ControlRequest): Promise<Answer> => {
    this.requests.push(request);
    if (this.answer === "silence") return new Promise(() => {});
    return this.answer instanceof Error ? Promise.reject(this.answer) : Promise.resolve(this.answer);
  };
  readonly stdout = (text: string) => void (this.out += text);
  readonly stderr = (text: string) => void (this.err += text);

  /** Everything that was heard is heard no more, and no timer is left. */
  assertOver(): void {
    assert.deepEqual([this.terminal.listeners, this.clock.pending], [0, 0]);
  }
}

for (const end of ["a signal", "q", "Ctrl-C as a key", "the terminal goes away"]) {
  Deno.test(`watch() redraws in place, every so often and when the terminal gets another size, until ${end}`, async () => {
    const scene = new Scene();
    const { terminal, clock } = scene;
    const watching = watch(question, 2000, scene);
    await settle();
    assert.ok(terminal.written.startsWith(BEGIN));
    assert.match(terminal.written, /bgp-lb services web, every 2 s; q ends it.*first/s);
    terminal.written = "";
    scene.answer = ok("second\n");
    await clock.advance(1999);
    assert.equal(terminal.written, "");
    await clock.advance(1);
    // Home, each line, the rest of the screen: never all of it at first.
    assert.match(
      visible(terminal.written),
      /^ESC\[HESC\[0mESC\[K.*\r\nESC\[0mESC\[Ksecond\r\nESC\[0mESC\[J$/s,
    );
    assert.doesNotMatch(visible(terminal.written), /ESC\[2J/);
    terminal.columns = 100;
    terminal.emit("resize");
    await settle();
    assert.match(scene.requests.at(-1)?.target ?? "", /width=100/);
    terminal.written = "";
    if (end === "a signal") terminal.emit("end");
    else if (end === "q") terminal.emit("key", "q");
    else if (end === "Ctrl-C as a key") terminal.emit("key", "\u0003");
    else {
      terminal.gone = true;
      await clock.advance(2000);
    }
    assert.equal(await watching, 0);
    assert.equal(terminal.written, terminal.gone ? "" : END);
    scene.assertOver();
  });
}

Deno.test("watch() ends at once while the agent is silent, and leaves the terminal as it was", async () => {
  const scene = new Scene();
  const watching = watch(question, 2000, scene);
  await settle();
  scene.answer = "silence";
  await scene.clock.advance(2000);
  scene.terminal.written = "";
  scene.terminal.emit("end");
  assert.equal(await watching, 0);
  assert.equal(scene.terminal.written, END);
  scene.assertOver();
});

Deno.test("watch() says that the agent went away, shows its last answer, and goes on trying", async () => {
  const scene = new Scene();
  const { terminal, clock } = scene;
  const watching = watch(question, 2000, scene);
  await settle();
  scene.answer = new Error("no agent answers at /s: there is no socket");
  terminal.written = "";
  await clock.advance(2000);
  assert.match(terminal.written, /no agent answers at \/s: there is no socket.*answered 2s ago.*first/s);
  scene.answer = ok("back\n");
  terminal.written = "";
  await clock.advance(2000);
  assert.match(terminal.written, /back/);
  assert.doesNotMatch(terminal.written, /no agent/);
  terminal.emit("end");
  assert.equal(await watching, 0);
});

Deno.test("watch() shows as many lines as there are rows, and says how many more there are", async () => {
  const scene = new Scene();
  scene.terminal.rows = 5;
  scene.answer = ok(Array.from({ length: 10 }, (_, line) => `line ${line}\n`).join(""));
  const watching = watch(question, 2000, scene);
  await settle();
  const lines = scene.terminal.written.split("\r\n");
  assert.equal(lines.length, 5);
  assert.match(lines.at(-1) ?? "", /… 8 more lines$/);
  scene.terminal.emit("end");
  await watching;
});

Deno.test("watch() ends with the first answer where that is a refusal, or none, and draws nothing", async () => {
  const rows: readonly (readonly [Answer | Error, number, RegExp])[] = [
    [{ status: 404, body: "no service web; there is dns\n" }, 2, /^no service web/],
    [new Error("no agent answers at /s"), 1, /^no agent answers/],
  ];
  for (const [answer, code, words] of rows) {
    const scene = new Scene();
    scene.answer = answer;
    assert.equal(await watch(question, 2000, scene), code);
    assert.match(scene.err, words);
    assert.equal(scene.terminal.written, "");
    scene.assertOver();
  }
});

Deno.test("watch() prints one below the other where nothing can be redrawn: an empty line between texts, a line for each JSON", async () => {
  const rows: readonly (readonly [FakeTerminal, boolean, string])[] = [
    [FakeTerminal.none(), false, '{"a": 1}\n{"a": 1}\n'.replace("\n{", "\n\n{")],
    [new FakeTerminal({ term: "dumb" }), false, '{"a": 1}\n\n{"a": 1}\n'],
    [FakeTerminal.none(), true, '{"a":1}\n{"a":1}\n'],
    [new FakeTerminal(), true, '{"a":1}\n{"a":1}\n'],
  ];
  for (const [terminal, json, out] of rows) {
    const scene = new Scene(terminal);
    scene.answer = ok('{"a": 1}\n');
    const watching = watch({ ...question, json }, 1000, scene);
    await scene.clock.advance(0);
    scene.answer = new Error("no agent answers");
    await scene.clock.advance(2000);
    scene.answer = ok('{"a": 1}\n');
    await scene.clock.advance(1000);
    terminal.emit("end");
    assert.equal(await watching, 0);
    assert.equal(scene.out, out);
    // Told once, however long it lasts.
    assert.equal(scene.err.split("no agent answers").length, 2);
    assert.equal(terminal.written, "");
    scene.assertOver();
  }
});

Deno.test("top() draws the status, compares it with the one before, asks for events that are new, and ends by q", async () => {
  const scene = new Scene();
  const { terminal, clock, requests } = scene;
  const whole = status(["r1"]);
  let passes = 2;
  let newest = 0;
  const event = (id: number) =>
    JSON.stringify({
      id,
      at: "2026-01-01T00:00:00.000Z",
      kind: id === 9 ? "session-ended" : "route",
      service: "web",
      cause: `cause ${id}`,
    });
  const askControl = (request: ControlRequest): Promise<Answer> => {
    requests.push(request);
    if (request.target.startsWith("/v1/events")) return Promise.resolve(ok(`${event(newest)}\n\n`));
    const services = whole.services.map((service) => ({
      ...service,
      checks: service.checks.map((check) => ({ ...check, passes })),
    }));
    const journal = { ...whole.journal, run: "a", newest };
    return Promise.resolve(ok(JSON.stringify({ ...whole, services, journal })));
  };
  const running = top("/s", { ...scene, askControl });
  await settle();
  assert.match(terminal.written, /probes -, .*web +.*r1 +.*EVENTS.*r1 is Established/s);
  [passes, newest] = [22, 7];
  terminal.written = "";
  await clock.advance(2000);
  assert.match(terminal.written, /probes 10\.0\/s, .*EVENTS.*route web: cause 7/s);
  assert.deepEqual(requests.map(({ target }) => target), [
    "/v1/status",
    "/v1/status",
    "/v1/events?follow=false&since=0",
  ]);
  newest = 8;
  await clock.advance(2000);
  assert.equal(requests.at(-1)?.target, "/v1/events?follow=false&since=7");
  // An attempt at a session is not shown, nor asked for again.
  newest = 9;
  await clock.advance(2000);
  newest = 10;
  terminal.written = "";
  await clock.advance(2000);
  assert.equal(requests.at(-1)?.target, "/v1/events?follow=false&since=9");
  assert.match(terminal.written, /cause 8.*cause 10/s);
  assert.doesNotMatch(terminal.written, /cause 9/);
  // Another size is drawn at once, from what is known.
  const asked = requests.length;
  [terminal.columns, terminal.rows, terminal.written] = [40, 10, ""];
  terminal.emit("resize");
  await settle();
  assert.ok(terminal.written.split("\r\n").length <= 10);
  assert.match(terminal.written, /probes 0\.0\/s.*EVENTS.*cause 10/s);
  assert.equal(requests.length, asked);
  terminal.emit("key", "q");
  assert.equal(await running, 0);
  assert.ok(terminal.written.endsWith(END));
  scene.assertOver();
});

Deno.test("top() shows what it saw last while the agent is away, and bears an answer of another shape", async () => {
  const scene = new Scene();
  scene.answer = ok(JSON.stringify(status(["r1"])));
  const running = top("/s", scene);
  await settle();
  scene.answer = new Error("no agent answers at /s");
  await scene.clock.advance(2000);
  assert.match(scene.terminal.written, /no agent answers at \/s; this was seen 2s ago/);
  scene.terminal.emit("end");
  assert.equal(await running, 0);
  for (const body of ["{}", "[]", "null", "not JSON"]) {
    const odd = new Scene();
    odd.answer = ok(body);
    const running = top("/s", odd);
    await settle();
    assert.equal(await running, 1);
    assert.match(odd.err, /cannot be shown: .*; bgp-lb status --watch shows it\n$/, body);
    assert.equal(odd.terminal.written, "");
    odd.assertOver();
  }
});

Deno.test("top() is for terminals, and says so; where no agent answers at first, it ends", async () => {
  for (const terminal of [FakeTerminal.none(), new FakeTerminal({ term: "dumb" })]) {
    const scene = new Scene(terminal);
    assert.equal(await top("/s", scene), 2);
    assert.match(scene.err, /^top needs a terminal/);
  }
  const scene = new Scene();
  scene.answer = new Error("no agent answers");
  assert.equal(await top("/s", scene), 1);
  assert.equal(scene.terminal.written, "");
  scene.assertOver();
});

Deno.test("listNames() prints names of services or peers, and is silent within a second where there are none", async () => {
  const scene = new Scene();
  const list = (kind: string, answer: Answer | Error | "silence") => {
    scene.out = "";
    scene.answer = answer;
    return listNames(kind, "/s", scene);
  };
  assert.equal(
    await list("services", ok('{"services":[{"name":"web"},{"name":"a\\u001bb"},{}],"leaving":[]}')),
    0,
  );
  assert.equal(scene.out, "web\n");
  assert.equal(await list("peers", ok('[{"name":"fe80::1%eth0"},7,null]')), 0);
  assert.equal(scene.out, "fe80::1%eth0\n");
  assert.equal(await list("peers", ok("nonsense")), 0);
  assert.equal(await list("peers", new Error("no agent")), 1);
  assert.equal(await list("routes", ok("[]")), 2);
  const waiting = list("peers", "silence");
  await scene.clock.advance(1000);
  assert.equal(await waiting, 1);
  assert.deepEqual([scene.out, scene.err], ["", ""]);
});
