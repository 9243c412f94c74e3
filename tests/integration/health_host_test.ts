/** The checks of files and processes on the real host: real files of every type, real processes, real pidfds. */
import assert from "node:assert/strict";
import { HostFiles } from "../../ffi/host_files.ts";
import { HostProcesses } from "../../ffi/pidfd.ts";
import type { FileCheckConfig } from "../../src/config/checks/file.ts";
import type { ProcessCheckConfig } from "../../src/config/checks/process.ts";
import { fileProbe } from "../../src/health/kinds/file.ts";
import type { Probe, ProbeOutcome } from "../../src/health/kinds/probe.ts";
import { processProbe } from "../../src/health/kinds/process.ts";
import { SYSTEMCTL } from "../../src/config/checks/process.ts";
import { checkPrograms } from "../../src/os/check_programs.ts";
import { systemClock } from "../../src/time/clock.ts";
import { PLAIN_CHECK } from "../support/config.ts";
import { type Floor, withFloor } from "../support/ffi.ts";
import { run } from "../support/process.ts";
import { Scripts } from "../support/scripts.ts";
import { until, within } from "../support/until.ts";

const TIMING = {
  intervalMs: 1000,
  fastIntervalMs: 1000,
  timeoutMs: 20_000,
  rise: 1,
  fall: 1,
  ...PLAIN_CHECK,
} as const;

/** A folder, and probes of what is in it. */
class Scene extends Scripts {
  readonly host;

  constructor({ libc, reactor }: Floor) {
    super();
    this.host = { files: new HostFiles(libc), processes: new HostProcesses(libc, reactor) };
  }

  path(name: string): string {
    return `${this.folder}/${name}`;
  }

  file(config: Partial<FileCheckConfig> & { readonly path: string }): Promise<ProbeOutcome> {
    const whole = {
      type: "file",
      name: "f",
      absent: false,
      contains: undefined,
      ...TIMING,
      ...config,
    } as const;
    return once(fileProbe(whole, this.host, systemClock));
  }

  process(config: Partial<ProcessCheckConfig>, systemctl = SYSTEMCTL): Probe {
    const whole = {
      type: "process",
      name: "p",
      pidFile: undefined,
      unit: undefined,
      ...TIMING,
      ...config,
    } as const;
    const start = checkPrograms();
    return processProbe(whole, {
      clock: systemClock,
      host: this.host,
      startProgram: ({ argv: [program, ...args], ...order }) => {
        assert.equal(program, SYSTEMCTL);
        return start({ argv: [systemctl, ...args], ...order });
      },
    });
  }

  /** A probe of the pid file with that text. */
  pidFile(text: string): Probe {
    Deno.writeTextFileSync(this.path("pid"), text);
    return this.process({ pidFile: this.path("pid") });
  }
}

function once(probe: Probe): Promise<ProbeOutcome> {
  return within(probe.run(new AbortController().signal, () => {}), "the outcome of a probe");
}

function test(name: string, body: (scene: Scene) => Promise<void>): void {
  Deno.test(name, () =>
    withFloor(async (floor) => {
      await using scene = new Scene(floor);
      await body(scene);
    }));
}

test("file: what is there passes, whatever it is, and what is not fails; absent is the other way round", async (scene) => {
  const there = scene.path("there");
  Deno.writeTextFileSync(there, "ready: yes\n");
  Deno.symlinkSync("there", scene.path("link"));
  Deno.symlinkSync("nowhere", scene.path("dangling"));
  await run("mkfifo", [scene.path("fifo")]);
  const isThere = [
    there,
    scene.path("link"),
    scene.path("fifo"),
    scene.folder,
    "/dev/null",
    "/proc/self/stat",
  ];
  const isNot = [scene.path("none"), scene.path("dangling"), `${there}/below`, "/proc/0/stat"];
  for (const path of isThere) {
    assert.deepEqual(await scene.file({ path }), { kind: "pass", detail: `${path} is there` });
    assert.deepEqual(await scene.file({ path, absent: true }), {
      kind: "fail",
      detail: `${path} is there, and must not be`,
    });
  }
  for (const path of isNot) {
    assert.deepEqual(await scene.file({ path }), { kind: "fail", detail: `${path} does not exist` });
    assert.deepEqual(await scene.file({ path, absent: true }), {
      kind: "pass",
      detail: `${path} is not there`,
    });
  }
});

test("file: checks that begin in one moment have their turn, however many, and a thousand more at once are refused", async (scene) => {
  const path = scene.path("many");
  await Deno.writeTextFile(path, "ready");
  const outcomes = await Promise.all(
    Array.from({ length: 500 }, () => scene.file({ path, contains: "ready" })),
  );
  assert.deepEqual([...new Set(outcomes.map(({ kind }) => kind))], ["pass"]);
  const looks = Array.from({ length: 1100 }, () => scene.host.files.look(path, 1));
  assert.equal(looks.filter((look) => look === undefined).length, 1100 - 1024 - 8);
  await Promise.all(looks);
  assert.equal((await scene.file({ path })).kind, "pass");
});

test("file: contains looks at the first 64 KiB of a regular file, and opens nothing else", async (scene) => {
  const path = scene.path("state");
  const write = (text: string) => Deno.writeTextFileSync(path, text);
  const contains = "state=réady";
  write(`  \nmode=master\n${contains}\n`);
  assert.deepEqual(await scene.file({ path, contains }), {
    kind: "pass",
    detail: `${path} contains "${contains}"`,
  });
  write("\nmode=backup\n\x1b[2J");
  assert.deepEqual(await scene.file({ path, contains }), {
    kind: "fail",
    detail: `${path} does not contain "${contains}": it begins with "mode=backup"`,
  });
  write("");
  assert.equal(
    (await scene.file({ path, contains })).detail,
    `${path} does not contain "${contains}": it is empty`,
  );
  const filler = "x".repeat(65_536 - new TextEncoder().encode(contains).byteLength);
  write(`${filler}${contains}`);
  assert.equal((await scene.file({ path, contains })).kind, "pass");
  write(`x${filler}${contains}`);
  assert.match((await scene.file({ path, contains })).detail, /in its first 64 KiB: it begins with "x{70}/);
  await run("mkfifo", [scene.path("fifo")]);
  for (
    const [other, is] of [
      [scene.path("fifo"), "no regular file"],
      [scene.folder, "a folder"],
      ["/dev/zero", "no regular file"],
    ] as const
  ) {
    assert.deepEqual(await scene.file({ path: other, contains }), {
      kind: "fail",
      detail: `${other} is ${is}`,
    });
  }
  // Of no size, as the kernel says, and with a text in them all the same.
  assert.equal((await scene.file({ path: "/proc/self/status", contains: "VmRSS" })).kind, "pass");
  assert.equal(
    (await scene.file({ path: "/sys/kernel/mm/transparent_hugepage/enabled", contains: "never" })).kind,
    "pass",
  );
});

test("file: what may not be seen says nothing of the service", async (scene) => {
  const loop = scene.path("loop");
  Deno.symlinkSync("loop", loop);
  for (const absent of [false, true]) {
    const { kind, detail } = await scene.file({ path: loop, absent });
    assert.equal(kind, "unknown");
    assert.match(detail, /^\S+\/loop cannot be seen: open \S+\/loop: /);
  }
});

/** A process that does nothing until it is killed. */
function idle(): Deno.ChildProcess & AsyncDisposable {
  return disposed(new Deno.Command("sleep", { args: ["1000"] }).spawn());
}

/** The same, killed when it is disposed. */
function disposed(child: Deno.ChildProcess): Deno.ChildProcess & AsyncDisposable {
  return Object.assign(child, {
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await child.status;
    },
  });
}

test("process: the one that the pid file names must run", async (scene) => {
  await using child = idle();
  assert.deepEqual(await once(scene.pidFile(`${child.pid}\n`)), {
    kind: "pass",
    detail: `process ${child.pid} (sleep) runs`,
  });
  // As PostgreSQL has it.
  assert.equal((await once(scene.pidFile(` ${child.pid} \n/var/lib/data\n5432\n`))).kind, "pass");
  child.kill("SIGKILL");
  await child.status;
  assert.deepEqual(await once(scene.pidFile(`${child.pid}\n`)), {
    kind: "fail",
    detail: `no process ${child.pid} runs, which ${scene.path("pid")} names`,
  });
});

test("process: a pid file that is no pid file fails, and says what is in it", async (scene) => {
  for (
    const text of [
      "",
      "\n",
      "0",
      "-1",
      "+1",
      "0x10",
      "1 2",
      "12a",
      "1e3",
      "99999999999",
      "nginx\n1",
      "\0",
      "²",
    ]
  ) {
    const { kind, detail } = await once(scene.pidFile(text));
    assert.equal(kind, "fail", text);
    assert.ok(
      detail.startsWith(`${scene.path("pid")} does not begin with a process's number (got "`),
      detail,
    );
  }
  // More than the kernel gives.
  assert.match((await once(scene.pidFile("2147483647"))).detail, /^no process 2147483647 runs/);
  assert.match((await once(scene.pidFile("4294967296"))).detail, /^no process 4294967296 runs/);
  Deno.removeSync(scene.path("pid"));
  const probe = scene.process({ pidFile: scene.path("pid") });
  assert.deepEqual(await once(probe), { kind: "fail", detail: `${scene.path("pid")} does not exist` });
  Deno.mkdirSync(scene.path("pid"));
  assert.deepEqual(await once(probe), { kind: "fail", detail: `${scene.path("pid")} is no regular file` });
});

test("process: one that has ended and was not waited for is dead, whatever /proc shows", async (scene) => {
  // Its parent never asks how it ended.
  const script = scene.script(
    "parent",
    "#!/bin/sh\nsh -c 'echo $$ > $DIR/pid.new; mv $DIR/pid.new $DIR/pid' &\nexec sleep 1000\n",
  );
  await using _parent = disposed(new Deno.Command(script).spawn());
  await until(() => scene.lines("pid").length === 1);
  const probe = scene.process({ pidFile: scene.path("pid") });
  await until(() => scene.host.processes.find(Number(scene.lines("pid")[0])) === undefined);
  assert.match((await once(probe)).detail, /^no process \d+ runs/);
  assert.equal(
    (await scene.file({ path: `/proc/${scene.lines("pid")[0]}/stat`, contains: ") Z " })).kind,
    "pass",
  );
});

test("process: one that began after the pid file was written is another one with its number", async (scene) => {
  await using child = idle();
  const probe = scene.pidFile(String(child.pid));
  const written = (secondsAgo: number) => {
    const at = new Date(Date.now() - secondsAgo * 1000);
    Deno.utimeSync(scene.path("pid"), at, at);
  };
  written(3600);
  assert.match(
    (await once(probe)).detail,
    new RegExp(
      `^process ${child.pid} \\(sleep\\) began 3(599|600|601) s after \\S+ was written: another one has its number now$`,
    ),
  );
  written(-3600);
  assert.equal((await once(probe)).kind, "pass");
});

test("process: the watch is told once when the process ends, and follows the pid file to the next one", async (scene) => {
  await using first = idle();
  await using second = idle();
  const probe = scene.pidFile(String(first.pid));
  const told: string[] = [];
  // Before anything was found there is nothing to watch.
  let watch = probe.watch?.((reason) => told.push(reason));
  assert.equal((await once(probe)).kind, "pass");
  Deno.writeTextFileSync(scene.path("pid"), String(second.pid));
  assert.equal((await once(probe)).kind, "pass");
  first.kill("SIGKILL");
  await first.status;
  second.kill("SIGKILL");
  await until(() => told.length > 0);
  await second.status;
  assert.deepEqual(told, [`process ${second.pid} has ended`]);
  watch?.[Symbol.dispose]();
  // It has ended: there is nothing to watch, and the next probe says so.
  watch = probe.watch?.((reason) => told.push(reason));
  assert.equal((await once(probe)).kind, "fail");
  assert.equal(told.length, 1);
  watch?.[Symbol.dispose]();
});

test("process: a watch that was disposed says nothing, and leaves nothing open", async (scene) => {
  await using child = idle();
  const probe = scene.pidFile(String(child.pid));
  await once(probe);
  const told: string[] = [];
  const first = probe.watch?.((reason) => told.push(`first ${reason}`));
  first?.[Symbol.dispose]();
  const second = probe.watch?.((reason) => told.push(`second ${reason}`));
  // One that is over takes nothing from its successor.
  first?.[Symbol.dispose]();
  child.kill("SIGKILL");
  await until(() => told.length > 0);
  assert.deepEqual(told, [`second process ${child.pid} has ended`]);
  second?.[Symbol.dispose]();
});

test("process: a unit must be active, as systemctl says; its main process is watched", async (scene) => {
  await using child = idle();
  // Of the same interface; systemd itself does not run here.
  const answer = (text: string, end = "exit 0") => {
    scene.script(
      "systemctl",
      `#!/bin/sh\nprintf '%s\\n' "$@" > $DIR/asked\ncat <<END\n${text}\nEND\n${end}\n`,
    );
    return once(probe);
  };
  const probe = scene.process({ unit: "app.service" }, scene.path("systemctl"));
  const active = `LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=${child.pid}`;
  assert.deepEqual(await answer(active), {
    kind: "pass",
    detail: `app.service is active (running), process ${child.pid}`,
  });
  assert.deepEqual(scene.lines("asked"), [
    "show",
    "--property=LoadState,ActiveState,SubState,MainPID",
    "--",
    "app.service",
  ]);
  const told: string[] = [];
  using _watch = probe.watch?.((reason) => told.push(reason));
  child.kill("SIGKILL");
  await until(() => told.length > 0);
  assert.deepEqual(told, [`process ${child.pid} has ended`]);
  const cases = [
    ["ActiveState=active\nSubState=exited\nMainPID=0", "pass", "app.service is active (exited)"],
    ["ActiveState=active\nSubState=exited\nMainPID=1e+21", "pass", "app.service is active (exited)"],
    ["ActiveState=reloading\nSubState=reload\nMainPID=0", "pass", "app.service is reloading (reload)"],
    [
      "ActiveState=failed\nSubState=failed\nMainPID=0",
      "fail",
      "app.service is failed (failed), must be active",
    ],
    [
      "ActiveState=activating\nSubState=auto-restart",
      "fail",
      "app.service is activating (auto-restart), must be active",
    ],
    [
      "LoadState=not-found\nActiveState=inactive",
      "fail",
      "app.service is not known to systemd, must be active",
    ],
    ["LoadState=masked\nActiveState=inactive", "fail", "app.service is masked, must be active"],
    ["nonsense", "unknown", "systemctl does not tell: no ActiveState"],
  ] as const;
  for (const [text, kind, detail] of cases) assert.deepEqual(await answer(text), { kind, detail });
  assert.deepEqual(
    await answer(
      "",
      "printf 'Cannot operate.\\nFailed to connect to bus: No such file or directory\\n' >&2; exit 1",
    ),
    {
      kind: "unknown",
      detail:
        "systemctl does not tell: status 1, Cannot operate.; Failed to connect to bus: No such file or directory",
    },
  );
  Deno.removeSync(scene.path("systemctl"));
  const { kind, detail } = await once(probe);
  assert.equal(kind, "unknown");
  assert.match(detail, /systemctl does not exist/);
});
