// The commands that order, against the real server and app; in memory are the socket, the clock and who follows orders.
import assert from "node:assert/strict";
import { progressLine, stepText } from "../../src/cli/order_text.ts";
import { giveOrder, type Order, type OrderPorts } from "../../src/cli/orders.ts";
import { createControlApp } from "../../src/control/app.ts";
import { HttpServer } from "../../src/http/server.ts";
import type { ReloadAnswer } from "../../src/control/orders.ts";
import type { ListenerEvents } from "../../src/net/sockets.ts";
import { kernelError, MemoryStreams } from "../support/memory_streams.ts";
import { MemoryOrders, NO_PLANS, step } from "../support/orders.ts";
import { status } from "../support/status.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

const SOCKET = "/run/control.sock";
const drain = (rest: Partial<Extract<Order, { name: "drain" }>> = {}): Order => {
  return { name: "drain", services: [], reason: undefined, duration: undefined, wait: false, ...rest };
};

/** An agent in memory, and one command that is given to it. */
class Scene {
  readonly clock = new VirtualClock();
  readonly streams = new MemoryStreams();
  readonly orders = new MemoryOrders();
  stdout = "";
  stderr = "";
  columns: number | undefined;
  interrupt: (() => void) | undefined;
  status: number | undefined;
  #server: HttpServer | undefined;

  constructor() {
    this.listen();
  }

  /** An agent answers from now on. */
  listen(): void {
    const { orders, clock } = this;
    this.#server = new HttpServer({
      clock,
      app: createControlApp({
        status: () => status(["r1"]),
        now: () => new Date(0),
        pid: 7,
        orders,
        planner: NO_PLANS,
        clock,
        events: () => new Response(),
      }),
      onFault: (error) => assert.fail(String(error)),
    });
    this.streams.listeners.set(SOCKET, this.#server);
  }

  /** The agent ends. */
  async end(): Promise<void> {
    this.streams.listeners.delete(SOCKET);
    await this.#server?.close(0);
  }

  /** Somebody else answers every connection with this, and ends it. */
  foreigner(answer: string): void {
    const events: ListenerEvents = {
      fault() {},
      async connection(socket) {
        await socket.read();
        await socket.write(new TextEncoder().encode(answer));
        await socket.end(0);
      },
    };
    this.streams.listeners.set(SOCKET, events);
  }

  give(order: Order, { json = false, socket = SOCKET } = {}): void {
    const ports: OrderPorts = {
      streams: this.streams,
      clock: this.clock,
      user: 1000,
      stdout: (text) => void (this.stdout += text),
      stderr: (text) => void (this.stderr += text),
      columns: () => this.columns,
      onInterrupt: (callback) => {
        this.interrupt = callback;
        return { [Symbol.dispose]: () => void (this.interrupt = undefined) };
      },
    };
    void giveOrder(order, { json, socket }, ports).then((status) => this.status = status);
  }

  /** Gives the order, and what it came to at once. */
  async outcome(order: Order, options: { json?: boolean; socket?: string } = {}) {
    this.give(order, options);
    await this.after(0);
    return this.taken();
  }

  /** Lets time pass, and everything that it brings. */
  async after(ms: number): Promise<void> {
    for (let turn = 0; turn < 30; turn++) await settle();
    await this.clock.advance(ms);
    for (let turn = 0; turn < 30; turn++) await settle();
  }

  taken() {
    const { status, stdout, stderr } = this;
    this.stdout = this.stderr = "";
    return { status, stdout, stderr };
  }
}

Deno.test("orders print what was done, and resolve to 0", async () => {
  const rows: readonly (readonly [Order, string])[] = [
    [drain(), "draining all: web, dns, and what comes later\n"],
    [
      drain({ services: ["web"], reason: "disks", duration: "2h" }),
      "draining: web; undone by itself after 2h\n",
    ],
    [{ name: "undrain", services: [], wait: false }, "undrained all: web, dns\n"],
    [
      { name: "check-now", services: ["dns"] },
      "probed at once: dns\nthe kernel is read at once, and repaired where it differs\n",
    ],
    [{ name: "reload" }, "nothing has changed: configuration abc\n"],
    [
      { name: "handover" },
      "handing over: the agent ends, and the next one goes on with its sessions' routes and the kernel's objects\n",
    ],
  ];
  for (const [order, stdout] of rows) {
    const scene = new Scene();
    assert.deepEqual(await scene.outcome(order), { status: 0, stdout, stderr: "" });
    assert.equal(scene.orders.given.length, 1);
    assert.equal(scene.clock.pending, 0);
  }
  const scene = new Scene();
  await scene.outcome(drain({ services: ["web"], reason: "disks", duration: "2h" }));
  assert.deepEqual(scene.orders.given[0]?.[1], { services: ["web"], reason: "disks", forMs: 7_200_000 });
  scene.orders.lost = "/var/lib/bgp-lb cannot be written: read only";
  assert.deepEqual(await scene.outcome(drain()), {
    status: 0,
    stdout: "draining all: web, dns, and what comes later\n",
    stderr: "this will not outlive the agent: /var/lib/bgp-lb cannot be written: read only\n",
  });
  const json = await scene.outcome(drain(), { json: true });
  assert.deepEqual(JSON.parse(json.stdout), { services: ["web", "dns"], lost: scene.orders.lost });
});

Deno.test("a reload prints what changed and what is left to do; problems of an invalid file on stderr, with status 2", async () => {
  const applied = new Scene();
  applied.orders.reloaded = {
    result: "applied",
    hash: "d41d",
    changes: ["service web: added", "peer r1: session resets"],
    restart: ["http.listen"],
    warnings: ["/etc/x.yaml:1:1: warning: is readable by everybody"],
    errors: [],
  };
  assert.deepEqual(await applied.outcome({ name: "reload" }), {
    status: 0,
    stdout: "configuration d41d is in force\n  service web: added\n  peer r1: session resets\n" +
      "http.listen needs a restart to take effect\n",
    stderr: "/etc/x.yaml:1:1: warning: is readable by everybody\n",
  });
  applied.orders.reloaded = { ...applied.orders.reloaded, warnings: [], errors: ["192.0.2.1:179: in use"] };
  const failed = await applied.outcome({ name: "reload" });
  assert.deepEqual([failed.status, failed.stderr], [
    1,
    "could not be done, and is tried again: 192.0.2.1:179: in use\n",
  ]);
  applied.orders.reloaded = {
    result: "invalid",
    problems: ["/etc/x.yaml:3:5: bgp.local.as: is missing\u001b"],
  };
  assert.deepEqual(await applied.outcome({ name: "reload" }), {
    status: 2,
    stdout: "",
    stderr: "/etc/x.yaml:3:5: bgp.local.as: is missing\\u001b\nthe running configuration stays\n",
  });
  const slow = new Scene();
  const { promise, resolve } = Promise.withResolvers<ReloadAnswer>();
  slow.orders.reloaded = promise;
  slow.give({ name: "reload" });
  await slow.after(60_000);
  assert.equal(slow.status, undefined, "a reload may take a minute");
  resolve({ result: "unchanged", hash: "e", changes: [], restart: [], errors: [], warnings: [] });
  await slow.after(0);
  assert.equal(slow.status, 0);
});

Deno.test("an order that is not clear is refused before anybody is asked, with status 2", async () => {
  const rows: readonly (readonly [Parameters<typeof drain>[0], string])[] = [
    [
      { duration: "2d" },
      '--for must be a duration from 1s to 8760h, such as 2h; write it in hours, a day is 24h (got "2d")\n',
    ],
    [{ duration: "0" }, '--for must be a duration from 1s to 8760h, such as 2h (got "0")\n'],
    [{ reason: "" }, "--reason must not be empty: leave it out\n"],
    [{ reason: "a\u001b[2J" }, "--reason has U+001B, escape\n"],
    [{ reason: "x".repeat(161) }, "--reason must be at most 160 characters long (got 161)\n"],
  ];
  for (const wait of [false, true]) {
    for (const [order, stderr] of rows) {
      const scene = new Scene();
      assert.deepEqual(await scene.outcome(drain({ ...order, wait })), { status: 2, stdout: "", stderr });
      assert.deepEqual(scene.orders.given, []);
    }
  }
  const relative = await new Scene().outcome(drain(), { socket: "run/s" });
  assert.deepEqual([relative.status, relative.stderr], [
    2,
    '--control-socket: must be an absolute path of a file (got "run/s")\n',
  ]);
});

Deno.test("orders say what the agent refuses: 2 for what there is not, 1 for what it cannot now", async () => {
  for (const wait of [false, true]) {
    const scene = new Scene();
    assert.deepEqual(await scene.outcome(drain({ services: ["web", "wbe"], wait })), {
      status: 2,
      stdout: "",
      stderr: "no service wbe, did you mean web? there is web, dns\n",
    });
    scene.orders.busy = "the agent is stopping";
    assert.deepEqual(await scene.outcome(drain({ wait })), {
      status: 1,
      stdout: "",
      stderr: "the agent is stopping\n",
    });
    assert.deepEqual([scene.orders.given, scene.interrupt, scene.clock.pending], [[], undefined, 0]);
  }
});

Deno.test("an order with more names than an agent reads is refused whole, with status 2", async () => {
  for (const wait of [false, true]) {
    const scene = new Scene();
    const services = Array.from({ length: 5000 }, (_, index) => `service-number-${index}`);
    const { status, stdout, stderr } = await scene.outcome(drain({ services, wait }));
    assert.deepEqual([status, stdout, stderr], [2, "", "the body of a request has at most 65536 octets\n"]);
    assert.deepEqual(scene.orders.given, []);
  }
});

Deno.test("orders say who answers instead of an agent, or of one that knows them; nobody's text reaches the terminal as it is", async () => {
  const body = (text: string) => `content-length: ${text.length}\r\n\r\n${text}`;
  const rows: readonly (readonly [string, RegExp])[] = [
    [
      "SSH-2.0-OpenSSH_9\r\n",
      /^no agent answers at .*: what answers there is no agent: this is not a status line/,
    ],
    [
      "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n{",
      /ended before it answered: the order may have been followed; ask with bgp-lb status\n$/,
    ],
    ["", /ended before it answered: the order may have been followed/],
    [
      `HTTP/1.1 200 OK\r\n${body("<html>\u001b[2J")}`,
      /^what answers at .* is no agent, or not of this version: <html>\\u001b\[2J\n$/,
    ],
    [
      `HTTP/1.1 405 X\r\n${body("only GET and HEAD here\n")}`,
      /does not know the order drain: it is an older agent, or none \(only GET and HEAD here\)\n$/,
    ],
    [`HTTP/1.1 404 X\r\n${body("<html>")}`, /does not know the order drain/],
    [
      `HTTP/1.1 500 X\r\n${body("something unexpected happened\u001b")}`,
      /^something unexpected happened\\u001b\n$/,
    ],
  ];
  for (const wait of [false, true]) {
    for (const [answer, words] of rows) {
      const scene = new Scene();
      scene.foreigner(answer);
      const { status, stdout, stderr } = await scene.outcome(drain({ wait }));
      assert.deepEqual([status, stdout], [1, ""], answer);
      assert.match(stderr, words);
      assert.equal(scene.clock.pending, 0);
    }
  }
});

Deno.test("orders say why nobody can be asked, and that an agent does not answer in time", async () => {
  const rows = [
    ["ENOENT", /^no agent answers at .*: there is no socket\n/],
    ["ECONNREFUSED", /nobody listens there/],
    ["EACCES", /this user \(uid 1000\) may not: .*root, and the members of its control\.group/],
  ] as const;
  for (const wait of [false, true]) {
    for (const [code, words] of rows) {
      const scene = new Scene();
      scene.streams.connect = () => Promise.reject(kernelError(code));
      const { status, stderr } = await scene.outcome(drain({ wait }));
      assert.equal(status, 1);
      assert.match(stderr, words);
    }
    const silent = new Scene();
    silent.streams.listeners.set(SOCKET, { connection() {}, fault() {} });
    silent.give(drain({ wait }));
    await silent.after(10_000);
    assert.match(
      silent.stderr,
      /has not answered, nothing came within 10 s: the order may have been followed/,
    );
    assert.deepEqual([silent.status, silent.clock.pending], [1, 0]);
  }
});

Deno.test("--wait prints a line for each change where there is no terminal, and ends when all is done", async () => {
  const scene = new Scene();
  const web = { phase: "quiescing", leftMs: 29_500, connections: 2 } as const;
  scene.orders.steps = [step("web", web), step("dns", { done: true })];
  scene.give(drain({ wait: true }));
  await scene.after(0);
  assert.deepEqual(scene.taken(), {
    status: undefined,
    stdout: "draining all: web, dns, and what comes later\n",
    stderr: "web quiescing, 2 connections, 30 s left\ndns down\n",
  });
  await scene.after(5000);
  assert.equal(scene.taken().stderr, "", "that time passes is no news");
  scene.orders.move(step("web", { ...web, connections: 1 }), step("dns", { done: true }));
  await scene.after(100);
  assert.equal(scene.taken().stderr, "web quiescing, 1 connection, 30 s left\n");
  scene.orders.move(step("web", { done: true }), step("dns", { done: true }));
  await scene.after(100);
  assert.deepEqual(scene.taken(), {
    status: 0,
    stdout: "out of service: web, dns\n",
    stderr: "web down\n",
  });
  assert.deepEqual([scene.interrupt, scene.clock.pending], [undefined, 0]);
});

Deno.test("--wait redraws one line on a terminal, never wider than that, and leaves it clean", async () => {
  const scene = new Scene();
  scene.columns = 40;
  scene.orders.steps = [
    step("web", { phase: "quiescing", leftMs: 9000, connections: 2 }),
    step("dns", { done: true }),
  ];
  scene.give(drain({ wait: true }));
  await scene.after(0);
  assert.equal(scene.taken().stderr, "\r\u001b[K1 of 2 done: web quiescing, 2 connecti…");
  scene.columns = 20;
  await scene.after(1000);
  assert.equal(scene.taken().stderr, "\r\u001b[K1 of 2 done: web q…");
  scene.orders.move(step("web", { done: true }), step("dns", { done: true }));
  await scene.after(100);
  const { status, stderr } = scene.taken();
  assert.deepEqual([status, stderr], [0, "\r\u001b[K2 of 2 done\r\u001b[K"]);
  assert.equal(progressLine([step("日本語日本語", { phase: "shifting" })], 10), "日本語日…");
  assert.equal(stepText(step("web", { phase: "serving", leftMs: 1 })), "web serving, 1 s left");
});

Deno.test("--wait: Ctrl-C ends the waiting, and says that the drain goes on", async () => {
  for (const columns of [undefined, 80]) {
    const scene = new Scene();
    scene.columns = columns;
    scene.orders.steps = [step("web", { leftMs: 9000 })];
    scene.give(drain({ wait: true }));
    await scene.after(0);
    scene.taken();
    scene.interrupt?.();
    await scene.after(0);
    const clear = columns === undefined ? "" : "\r\u001b[K";
    assert.deepEqual(scene.taken(), {
      status: 1,
      stdout: "",
      stderr: `${clear}no longer waiting; the drain goes on (bgp-lb status shows it)\n`,
    });
    await scene.after(1000);
    assert.deepEqual([scene.orders.watchers.size, scene.interrupt], [0, undefined]);
    await scene.end();
    assert.equal(scene.clock.pending, 0);
  }
});

Deno.test("--wait asks again where the agent ends, as it may be starting anew, for a minute at most", async () => {
  const scene = new Scene();
  scene.orders.steps = [step("web", { phase: "shifting" })];
  scene.give({ name: "undrain", services: ["web"], wait: true });
  await scene.after(0);
  scene.taken();
  await scene.end();
  await scene.after(10_000);
  assert.equal(
    scene.taken().stderr,
    "no progress comes any more: asking again, as the agent may be starting anew\n",
  );
  scene.listen();
  await scene.after(1000);
  assert.equal(scene.taken().stderr, "");
  scene.orders.move(step("web", { phase: "serving", done: true }));
  await scene.after(1000);
  assert.deepEqual(scene.taken(), {
    status: 0,
    stdout: "back, as far as their gates allow: web\n",
    stderr: "web serving\n",
  });

  const gone = new Scene();
  gone.orders.steps = [step("web", { phase: "shifting" })];
  gone.give(drain({ services: ["web"], wait: true }));
  await gone.after(0);
  await gone.end();
  gone.taken();
  await gone.after(61_000);
  const { status, stderr } = gone.taken();
  assert.equal(status, 1);
  assert.match(stderr, /^no agent answers at .*: nobody listens there.*; the drain goes on/);
  assert.deepEqual([gone.interrupt, gone.clock.pending], [undefined, 0]);
});

Deno.test("--wait: an agent that is silent for half a minute is asked again; a service that a reload removed ends it", async () => {
  const scene = new Scene();
  scene.orders.steps = [step("web", { phase: "serving" })];
  scene.give({ name: "undrain", services: ["web"], wait: true });
  await scene.after(25_000);
  assert.equal(scene.status, undefined);
  assert.doesNotMatch(scene.taken().stderr, /anew/, "heartbeats come");
  scene.orders.progress = (selection) => new MemoryOrders(["dns"]).progress(selection);
  scene.orders.move();
  await scene.after(2000);
  const { status, stderr } = scene.taken();
  assert.equal(status, 1);
  assert.match(stderr, /anew\nno service web; there is dns\n$/);
  assert.equal(scene.orders.watchers.size, 0);
});

Deno.test("--wait ends with 1 where it came out otherwise, as somebody else ordered the opposite meanwhile", async () => {
  const scene = new Scene();
  scene.orders.steps = [step("web", { phase: "shifting" })];
  scene.give(drain({ services: ["web"], wait: true }));
  await scene.after(0);
  scene.orders.move(step("web", { phase: "serving", done: true }));
  await scene.after(100);
  const { status, stderr } = scene.taken();
  assert.equal(status, 1);
  assert.match(stderr, /undrained meanwhile, or the drain did not outlive the agent: web serving\n$/);
});

Deno.test("--wait --json prints the answer and each progress as a line of JSON", async () => {
  const scene = new Scene();
  scene.orders.steps = [step("web", { done: true })];
  scene.columns = 80;
  const { status, stdout, stderr } = await scene.outcome(drain({ services: ["web"], wait: true }), {
    json: true,
  });
  assert.deepEqual([status, stderr], [0, ""]);
  assert.equal(stdout, '{"services":["web"]}\n[{"service":"web","phase":"down","done":true}]\n');
});
