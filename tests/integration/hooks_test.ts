// onChange with real programs: first the hooks on their own, then the agent as it is shipped.
import assert from "node:assert/strict";
import { Hooks } from "../../src/agent/hooks.ts";
import { programRunner } from "../../src/os/programs.ts";
import { systemClock } from "../../src/time/clock.ts";
import { LabRouter } from "../lab/lab_router.ts";
import { agentArguments, AgentProcess } from "../support/agent.ts";
import { RecordedEvents } from "../support/events.ts";
import { run } from "../support/process.ts";
import { Scripts } from "../support/scripts.ts";
import { eventually, until } from "../support/until.ts";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What makes the session of a program; without it the runtime does. */
const LAUNCHERS = ["/usr/bin/setsid", "/nonexistent/setsid"];

/** Hooks of services that each have a program. */
class Scene extends Scripts {
  readonly events = new RecordedEvents(systemClock);
  readonly #hooks: Hooks;

  constructor(
    programs: (scripts: Scripts) => Readonly<Record<string, readonly string[]>>,
    timeoutMs = 20_000,
    launcher?: string,
  ) {
    super();
    const services = Object.entries(programs(this)).map(([name, onChange]) => ({ name, onChange }));
    const { stream: events } = this.events;
    this.#hooks = new Hooks({
      services,
      timeoutMs,
      run: programRunner(launcher),
      clock: systemClock,
      events,
    });
  }

  /** The ID of a transition of `service`. */
  change(service: string, cause = "status 200"): number {
    const address = "10.99.0.1";
    return this.events.stream.publish({ kind: "route", service, address, to: "announced", cause }).id;
  }

  /** Causes of failures, oldest first. */
  get causes(): readonly string[] {
    return this.events.of("hook-failed").map(({ cause }) => cause);
  }

  async failed(count = 1): Promise<readonly string[]> {
    await until(() => this.causes.length >= count, () => `${count} failures; there are ${this.causes}`);
    return this.causes;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#hooks.finish();
    await super[Symbol.asyncDispose]();
  }
}

/** Those of `pids` that are there and no zombies. The runtime may not read /proc. */
async function living(pids: readonly string[]): Promise<readonly string[]> {
  const stats = await Promise.all(pids.map((pid) => run("cat", [`/proc/${pid}/stat`])));
  return pids.filter((_, at) => /\) [^ZX] /.test(stats[at]?.stdout ?? ""));
}

async function untilGone(pids: readonly string[]): Promise<void> {
  await eventually(() => living(pids), (left) => left.length === 0, `${pids} are gone`);
}

Deno.test("a program gets its arguments as they are, its environment and nothing else of ours, and the record", async () => {
  await using scene = new Scene((scripts) => ({
    web: [
      scripts.script(
        "told",
        `#!/bin/sh\nenv > $DIR/env\ncat > $DIR/in\nprintf '%s\\n' "$@" "$(pwd)" > $DIR/args\n`,
      ),
      "a b; $(c)",
      "",
    ],
  }));
  const id = scene.change("web", 'it\'s \u001b[1m"well"');
  await until(() => scene.lines("args").length === 3);
  assert.deepEqual(scene.lines("args"), ["a b; $(c)", "", "/"]);
  const record = JSON.parse(scene.lines("in")[0] ?? "");
  assert.deepEqual(
    scene.lines("env").filter((line) => !/^(PWD|OLDPWD|SHLVL|_)=/.test(line)).sort(),
    [
      "BGP_LB_ADDRESS=10.99.0.1",
      `BGP_LB_AT=${record.at}`,
      'BGP_LB_CAUSE=it\'s \\u001b[1m"well"',
      "BGP_LB_EVENT=route",
      `BGP_LB_ID=${id}`,
      "BGP_LB_SERVICE=web",
      "BGP_LB_TO=announced",
      `PATH=${PATH}`,
    ],
  );
  assert.deepEqual([record.id, record.cause, record.service], [id, 'it\'s \u001b[1m"well"', "web"]);
  assert.deepEqual(scene.causes, []);
});

Deno.test("100 transitions of a service are told in their order, one program at a time", async () => {
  await using scene = new Scene((scripts) => {
    const text =
      "#!/bin/sh\nmkdir $DIR/lock || exit 9\necho $BGP_LB_ID >> $DIR/ids\nsleep 0.001\nrmdir $DIR/lock\n";
    return { web: [scripts.script("note", text)] };
  });
  const ids: string[] = [];
  while (ids.length < 100) {
    for (let count = 0; count < 50; count++) ids.push(String(scene.change("web")));
    await until(() => scene.lines("ids").length === ids.length);
  }
  assert.deepEqual([scene.lines("ids"), scene.causes], [ids, []]);
});

for (const launcher of LAUNCHERS) {
  Deno.test(`a program that hangs is ended with all that it started, whether it hears SIGTERM or not, ${launcher}`, async () => {
    const hang = (rest: string) =>
      `#!/bin/sh\n${rest}sleep 1000 &\necho $$ $! > $DIR/$(basename $0).pids\nwait\nwait\n`;
    await using scene = new Scene(
      (scripts) => ({
        mild: [scripts.script("mild", hang(""))],
        deaf: [scripts.script("deaf", hang("trap '' TERM\n"))],
      }),
      1000,
      launcher,
    );
    scene.change("mild");
    scene.change("deaf");
    assert.deepEqual([...await scene.failed(2)].sort(), [
      "took longer than 1s (hooks.timeout) and was ended by SIGKILL",
      "took longer than 1s (hooks.timeout) and was ended by SIGTERM",
    ]);
    for (const name of ["mild", "deaf"]) {
      const pids = scene.lines(`${name}.pids`)[0]?.split(" ") ?? [];
      assert.equal(pids.length, 2);
      await untilGone(pids);
    }
  });
}

Deno.test("what a program writes never makes it wait, and without an end it is bounded by the timeout", async () => {
  const loud = "#!/bin/sh\nhead -c 1000000 /dev/zero\nhead -c 300000 /dev/zero | tr '\\0' x >&2\nexit 4\n";
  await using scene = new Scene((scripts) => ({
    loud: [scripts.script("loud", loud)],
    flood: [scripts.script("flood", "#!/bin/sh\nyes 'out' &\nyes 'no more' >&2\n")],
  }), 3000);
  scene.change("loud");
  const [first] = await scene.failed();
  assert.equal(first, `exit status 4: ${"x".repeat(4096)}`);
  const before = Deno.memoryUsage().rss;
  scene.change("flood");
  const [, second = ""] = await scene.failed(2);
  assert.match(
    second,
    /^took longer than 3s \(hooks\.timeout\) and was ended by SIGTERM: no more; no more; /,
  );
  assert.ok(second.length < 5000, `${second.length}`);
  assert.ok(Deno.memoryUsage().rss - before < 50e6, "nothing of the flood is kept");
});

Deno.test("what leaves a program's group and holds its pipes does not hold up the next one", async () => {
  await using scene = new Scene((scripts) => {
    const text =
      "#!/bin/sh\nexec 3<&0\nsetsid sh -c 'echo $$ >> $DIR/pids; echo > $DIR/$BGP_LB_ID; exec sleep 1000' <&3 &\n" +
      "sleep 1000 &\necho $! >> $DIR/inner\nuntil [ -e $DIR/$BGP_LB_ID ]; do sleep 0.01; done\necho $BGP_LB_ID >> $DIR/ids\n";
    return { web: [scripts.script("fork", text)] };
  });
  const ids = [scene.change("web"), scene.change("web")].map(String);
  await until(() => scene.lines("ids").length === 2 && scene.lines("pids").length === 2);
  assert.deepEqual(scene.lines("ids"), ids);
  await untilGone(scene.lines("inner"));
  assert.equal((await living(scene.lines("pids"))).length, 2);
  for (const pid of scene.lines("pids")) Deno.kill(Number(pid), "SIGKILL");
  assert.deepEqual(scene.causes, []);
});

for (const launcher of LAUNCHERS) {
  Deno.test(`what cannot be started, fails or is killed is told in words, ${launcher}`, async () => {
    const rows: readonly (readonly [string, (scripts: Scripts) => string, RegExp])[] = [
      ["missing", () => "/nonexistent/program", /\/nonexistent\/program(: No such file| does not exist)/],
      [
        "interpreter",
        (scripts) => scripts.script("i", "#!/nonexistent/sh\n"),
        /\/i(: No such file| does not exist, or the interpreter)/,
      ],
      [
        "mode",
        (scripts) => scripts.script("m", "#!/bin/sh\n", 0o600),
        /m(: Permission denied| may not be run by this user: it is not exec)/,
      ],
      ["folder", ({ folder }) => folder, /(: Permission denied| may not be run by this user)/],
      ["garbage", (scripts) => scripts.script("g", "\x7fELF\x01\x02"), /cannot be started|exit status/],
      [
        "status",
        (scripts) => scripts.script("s", "#!/bin/sh\necho why >&2\nexit 7\n"),
        /^exit status 7: why$/,
      ],
      ["signal", (scripts) => scripts.script("k", "#!/bin/sh\nkill -SEGV $$\n"), /^was ended by SIGSEGV/],
    ];
    await using scene = new Scene(
      (scripts) => Object.fromEntries(rows.map(([name, program]) => [name, [program(scripts)]])),
      20_000,
      launcher,
    );
    const ids = rows.map(([name]) => scene.change(name));
    await scene.failed(rows.length);
    for (const [at, [name, , words]] of rows.entries()) {
      const failure = scene.events.of("hook-failed").find(({ service }) => service === name);
      assert.match(failure?.cause ?? "", words, name);
      assert.deepEqual([failure?.event, failure?.because], [ids[at], ids[at]]);
    }
  });
}

Deno.test("an agent whose hooks hang withdraws, ends in order, and leaves none of them behind", async () => {
  await using scripts = new Scripts();
  const router = {
    address: "127.0.0.2",
    as: 65512,
    routerID: "127.0.0.2",
    prefix: "10.99.0.1/32",
    nextHopPort: 1,
  };
  await using backend = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("ok"),
  );
  using lab = new LabRouter(router);
  const file = `${scripts.folder}/config.json`;
  const hang =
    "#!/bin/sh\ntrap '' TERM\nsleep 1000 &\necho $$ $! $BGP_LB_EVENT $BGP_LB_TO >> $DIR/pids\nwait\nwait\n";
  const note = "#!/bin/sh\necho $BGP_LB_EVENT $BGP_LB_TO >> $DIR/notes\n";
  const checks = [{ type: "http", port: backend.addr.port, interval: "100ms", timeout: "10s", rise: 1 }];
  const service = { checks, addresses: ["10.99.0.1"], stop: { converge: "100ms", quiesce: "100ms" } };
  const config = {
    network: { setup: false },
    http: { listen: "" },
    control: { socket: "" },
    hooks: { timeout: "1h" },
    bgp: {
      local: { routerID: "127.0.0.1", as: 65512, listenPort: -1 },
      peers: [{ address: "127.0.0.2", as: 65512, port: lab.bgpPort }],
    },
    services: [
      { name: "web", ...service, onChange: [scripts.script("hang", hang)] },
      { name: "dns", ...service, addresses: ["10.99.0.2"], onChange: [scripts.script("note", note)] },
    ],
  };
  Deno.writeTextFileSync(file, JSON.stringify(config));
  {
    await using agent = new AgentProcess(["--config", file]);
    await lab.until("10.99.0.1/32", ["127.0.0.1"], 30_000);
    await until(
      () => scripts.lines("pids").length === 1 && scripts.lines("notes").length >= 1,
      () => `${scripts.lines("pids")} ${scripts.lines("notes")} ${agent.lines.join("\n")}`,
    );
    const pids = scripts.lines("pids")[0]?.split(" ").slice(0, 2) ?? [];
    assert.equal((await living(pids)).length, 2);
    agent.signal("SIGTERM");
    await lab.until("10.99.0.1/32", [], 30_000);
    assert.deepEqual(await agent.exited, { code: 0, signal: null });
    await untilGone(pids);
    await agent.said("onChange failed: was killed: the agent ends");
    await agent.said("onChange failed: not run for the last transitions");
    const notes = scripts.lines("notes");
    assert.ok(notes.indexOf("route announced") >= 0, String(notes));
    assert.ok(notes.indexOf("route announced") < notes.indexOf("route withdrawn"), String(notes));
  }
  const flags = agentArguments().filter((flag) => !flag.startsWith("--allow-run"));
  const { code, stderr } = await run(Deno.execPath(), [...flags, "--config", file]);
  assert.equal(code, 3);
  assert.match(stderr, /service web: onChange needs --allow-run/);
});
