// Orders as operators give them: the commands as processes, the real socket, the real server; a test follows the orders.
import assert from "node:assert/strict";
import { createControlApp } from "../../src/control/app.ts";
import { openControlSocket } from "../../src/control/socket_file.ts";
import { HttpServer } from "../../src/http/server.ts";
import type { Streams } from "../../src/net/sockets.ts";
import { denoSocketFiles } from "../../src/os/deno_socket_files.ts";
import { denoStreams } from "../../src/os/deno_streams.ts";
import { systemClock } from "../../src/time/clock.ts";
import { agentArguments } from "../support/agent.ts";
import { withFloor } from "../support/ffi.ts";
import { MemoryOrders, NO_PLANS, step } from "../support/orders.ts";
import { Process } from "../support/process.ts";
import { status } from "../support/status.ts";
import { until, within } from "../support/until.ts";

const COMMANDS = ["drain", "undrain", "reload", "check-now", "handover"] as const;
const NOBODY = 65534;
const GROUP = 4242;

/** An agent as far as the control socket shows one. */
class Scene implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  readonly path = `${this.folder}/run/control.sock`;
  readonly orders = new MemoryOrders();
  readonly ports = {
    status: () => status(["r1"]),
    now: () => new Date(),
    pid: Deno.pid,
    orders: this.orders,
    clock: systemClock,
    events: () => new Response(),
  };
  readonly server = new HttpServer({
    clock: systemClock,
    app: createControlApp({
      status: () => status(["r1"]),
      now: () => new Date(),
      pid: Deno.pid,
      orders: this.orders,
      planner: NO_PLANS,
      clock: systemClock,
      events: () => new Response(),
    }),
    onFault: (error) => assert.fail(String(error)),
  });
  readonly #stack = new DisposableStack();

  /** Listens; what the group lacks, in words. */
  async listen(streams: Streams = denoStreams(), group?: string): Promise<string> {
    const ports = { streams, files: denoSocketFiles(), clock: systemClock };
    const socket = this.#stack.use(await openControlSocket({ path: this.path, group }, this.server, ports));
    return socket.shortfall ?? "";
  }

  /** Somebody else listens there, and answers every connection with this. */
  foreigner(answer: string): void {
    Deno.mkdirSync(`${this.folder}/run`, { recursive: true });
    this.#stack.use(
      denoStreams().listen({ path: this.path }, {
        fault() {},
        async connection(socket) {
          await socket.read();
          await socket.write(new TextEncoder().encode(answer));
          await socket.end(1000);
        },
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stack.dispose();
    await this.server.close(1000);
    await Deno.remove(this.folder, { recursive: true });
  }

  /** One command to its end. */
  async run(args: readonly string[], within: readonly string[] = []) {
    const [command = "", ...rest] = [
      ...within,
      Deno.execPath(),
      ...agentArguments(),
      ...args,
      "--control-socket",
      this.path,
    ];
    const { code, stdout, stderr } = await new Deno.Command(command, { args: rest, stdin: "null" }).output();
    const text = (octets: Uint8Array) => new TextDecoder().decode(octets);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }
}

Deno.test("each order reaches the agent, with the credentials of the process that gave it, and ends with 0", () =>
  withFloor(async ({ streams }) => {
    await using scene = new Scene();
    await scene.listen(streams);
    const outcomes = await Promise.all(COMMANDS.map((command) => scene.run([command])));
    assert.deepEqual(outcomes.map(({ code, stderr }) => [code, stderr]), COMMANDS.map(() => [0, ""]));
    assert.deepEqual(new Set(scene.orders.given.map(([order]) => order)), new Set(COMMANDS));
    for (const [order, , by] of scene.orders.given) {
      assert.deepEqual([by?.uid, by?.gid], [Deno.uid(), Deno.gid()], order);
      assert.ok((by?.pid ?? 0) > 1 && by?.pid !== Deno.pid);
    }
  }));

Deno.test("without FFI nobody knows who gives an order, and it is followed all the same", async () => {
  await using scene = new Scene();
  await scene.listen();
  assert.equal((await scene.run(["drain", "web", "--for", "2h", "--reason", "new disks"])).code, 0);
  assert.deepEqual(scene.orders.given, [[
    "drain",
    { services: ["web"], reason: "new disks", forMs: 7_200_000 },
    undefined,
  ]]);
});

Deno.test("each order says in a sentence why there is no agent, or none that may be asked, with status 1", async () => {
  await using scene = new Scene();
  for (const { code, stdout, stderr } of await Promise.all(COMMANDS.map((each) => scene.run([each])))) {
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^no agent answers at .*: there is no socket\nIs the agent running.*\n$/);
  }
  // Root without its privileges is a user like any other.
  const unprivileged = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"];
  await scene.listen();
  Deno.chownSync(scene.path, NOBODY, NOBODY);
  for (const { code, stderr } of await Promise.all(COMMANDS.map((each) => scene.run([each], unprivileged)))) {
    assert.equal(code, 1);
    assert.match(
      stderr,
      /this user \(uid 0\) may not: the agent's own user may, most often root, .*control\.group/,
    );
  }
  assert.deepEqual(scene.orders.given, []);
});

Deno.test("each order says what the agent refuses: an unknown service with 2, a busy agent with 1", async () => {
  await using scene = new Scene();
  await scene.listen();
  const named = ["drain", "undrain", "check-now"].map((each) => scene.run([each, "wbe"]));
  const several = scene.run(["drain", "web", "wbe", "--wait"]);
  for (const { code, stdout, stderr } of await Promise.all([...named, several])) {
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^no service wbe\b.*there is web, dns\n$/);
  }
  // More than an agent reads, so that it refuses while the rest is still on its way.
  const many = await scene.run([
    "drain",
    ...Array.from({ length: 20_000 }, (_, index) => `service-${index}`),
  ]);
  assert.deepEqual([many.code, many.stderr], [2, "the body of a request has at most 65536 octets\n"]);
  const usage = await Promise.all(
    [["drain", "--for", "-2h"], ["drain", "--for", "2d"], ["reload", "web"]].map((args) => scene.run(args)),
  );
  for (const { code } of usage) assert.equal(code, 2);
  scene.orders.busy = "the agent is stopping: a drain is under way";
  for (const { code, stderr } of await Promise.all(COMMANDS.map((each) => scene.run([each])))) {
    assert.deepEqual([code, stderr], [1, "the agent is stopping: a drain is under way\n"]);
  }
  scene.orders.busy = undefined;
  scene.orders.reloaded = { result: "invalid", problems: ["/etc/x.yaml:3:5: bgp.local.as: is missing"] };
  const invalid = await scene.run(["reload"]);
  assert.deepEqual(invalid, {
    code: 2,
    stdout: "",
    stderr: "/etc/x.yaml:3:5: bgp.local.as: is missing\nthe running configuration stays\n",
  });
});

Deno.test("each order says that it may have been followed where the answer is cut off, and who answers instead of an agent", async () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    [
      "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{",
      /ended before it answered: the order may have been followed; ask with bgp-lb status\n$/,
    ],
    ["\u0000\u001b[2Jnonsense\r\n\r\n", /^no agent answers at .*: what answers there is no agent: /],
  ];
  for (const [answer, words] of rows) {
    await using scene = new Scene();
    scene.foreigner(answer);
    for (const { code, stdout, stderr } of await Promise.all(COMMANDS.map((each) => scene.run([each])))) {
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, words);
    }
  }
});

Deno.test("drain --wait follows progress over a restart of the agent; Ctrl-C ends the waiting alone", async () => {
  await using scene = new Scene();
  scene.orders.steps = [step("web", { phase: "quiescing", leftMs: 60_000, connections: 2 })];
  await scene.listen();
  const waiting = (lines: string[]) =>
    new Process({
      command: Deno.execPath(),
      args: [...agentArguments(), "drain", "web", "--wait", "--control-socket", scene.path],
      onLine: ({ text }) => void lines.push(text),
    });
  const told: string[] = [];
  const interrupted: string[] = [];
  await using follower = waiting(told);
  await using impatient = waiting(interrupted);
  for (const lines of [told, interrupted]) {
    await until(() => lines.includes("web quiescing, 2 connections, 60 s left"), () => lines.join("\n"));
  }
  Deno.kill(impatient.pid, "SIGINT");
  assert.equal((await within(impatient.exited, "the end of the waiting")).code, 1);
  assert.equal(interrupted.at(-1), "no longer waiting; the drain goes on (bgp-lb status shows it)");

  await scene.server.close(0);
  await until(
    () => told.some((line) => line.startsWith("no progress comes any more")),
    () => told.join("\n"),
  );
  Deno.removeSync(scene.path);
  await using next = new Scene();
  next.orders.steps = [step("web", { done: true })];
  // The same place, another agent.
  const ports = { streams: denoStreams(), files: denoSocketFiles(), clock: systemClock };
  using _socket = await openControlSocket({ path: scene.path, group: undefined }, next.server, ports);
  assert.equal((await within(follower.exited, "the end of the drain")).code, 0, told.join("\n"));
  assert.deepEqual(new Set(told.slice(-2)), new Set(["web down", "out of service: web"]));
});

Deno.test("drain --wait redraws one line of a real terminal, as wide as that, and leaves it clean at Ctrl-C", async () => {
  await using scene = new Scene();
  scene.orders.steps = [step("web", { phase: "quiescing", leftMs: 60_000, connections: 2 }), step("dns")];
  await scene.listen();
  const command = [Deno.execPath(), ...agentArguments(), "drain", "--wait", "--control-socket", scene.path];
  const child = new Deno.Command("script", {
    args: ["-qec", `stty cols 40; exec ${command.join(" ")}`, "/dev/null"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  let shown = "";
  const reading = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) shown += text;
  })();
  // The first line, and a second later the same again.
  await until(() => shown.split("\u001b[K").length > 2, () => shown);
  await input.write(Uint8Array.of(3));
  const { code } = await within(child.status, "the end of the waiting");
  await reading;
  await input.close().catch(() => {});
  assert.equal(code, 1);
  const [first = "", ...drawn] = shown.split("\r\u001b[K");
  assert.match(first, /^draining all: web, dns, and what comes later\r\n$/);
  assert.match(drawn.at(-1) ?? "", /^no longer waiting; the drain goes on .*\r\n$/);
  assert.equal(drawn[0], "0 of 2 done: web quiescing, 2 connecti…");
  for (const line of drawn.slice(0, -1)) assert.match(line, /^[^\n]{39}(\^C)?$/);
});

/** What a process of another user gets, by perl alone, which reads nothing of ours. */
async function asUser(path: string, groups: string): Promise<string> {
  const script =
    'use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or do { print "$!"; exit }; ' +
    '$s->print("GET /v1/agent HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n"); print scalar <$s>;';
  const user = [
    `--reuid=${NOBODY}`,
    `--regid=${NOBODY}`,
    ...groups === "" ? ["--clear-groups"] : [`--groups=${groups}`],
  ];
  const { stdout, stderr } = await new Deno.Command("setpriv", {
    args: [...user, "perl", "-e", script, path],
    stdin: "null",
    env: { LC_ALL: "C" },
  }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

for (const floor of ["ffi", "deno"]) {
  Deno.test(`a member of control.group may use the socket, others may not (${floor})`, () =>
    withFloor(async ({ streams }) => {
      const ours = floor === "ffi" ? streams : denoStreams();
      await using scene = new Scene();
      Deno.chmodSync(scene.folder, 0o711);
      await scene.listen(ours, String(GROUP));
      const { mode, gid } = Deno.lstatSync(scene.path);
      assert.deepEqual([(mode ?? 0) & 0o7777, gid], [0o660, GROUP]);
      const folder = Deno.lstatSync(`${scene.folder}/run`);
      assert.deepEqual([(folder.mode ?? 0) & 0o7777, folder.gid], [0o750, GROUP]);
      assert.deepEqual([...Deno.readDirSync(`${scene.folder}/run`)].map(({ name }) => name), [
        "control.sock",
      ]);
      assert.match(await asUser(scene.path, String(GROUP)), /^HTTP\/1\.1 200 OK/);
      assert.equal(await asUser(scene.path, ""), "Permission denied");
      assert.equal(await asUser(scene.path, "4243"), "Permission denied");
      // Who may pass the folder may still not use the socket.
      Deno.chmodSync(`${scene.folder}/run`, 0o755);
      assert.equal(await asUser(scene.path, ""), "Permission denied");

      await using alone = new Scene();
      Deno.chmodSync(alone.folder, 0o711);
      await alone.listen(ours);
      Deno.chmodSync(`${alone.folder}/run`, 0o755);
      assert.equal((Deno.lstatSync(alone.path).mode ?? 0) & 0o7777, 0o600);
      assert.equal(await asUser(alone.path, String(GROUP)), "Permission denied");
    }));
}

Deno.test("a folder above the socket that lets the group not pass, and a group that there is not, leave it to its owner, and are said", async () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    [String(GROUP), /members of group 4242 cannot reach .*: chmod o\+x/],
    ["no-such-group", /there is no group no-such-group in \/etc\/group/],
  ];
  for (const [group, words] of rows) {
    await using scene = new Scene();
    assert.match(await scene.listen(denoStreams(), group), words);
    assert.equal((Deno.lstatSync(scene.path).mode ?? 0) & 0o7777, 0o600);
  }
  await using scene = new Scene();
  Deno.chmodSync(scene.folder, 0o711);
  assert.equal(await scene.listen(denoStreams(), "root"), "");
  assert.equal((Deno.lstatSync(scene.path).mode ?? 0) & 0o7777, 0o660);
});
