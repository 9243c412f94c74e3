/** The exec check with real programs, the well-behaved and the hostile. */
import assert from "node:assert/strict";
import { confineChild } from "../../ffi/confine_child.ts";
import { readSmallFile } from "../../ffi/files.ts";
import type { Libc } from "../../ffi/libc.ts";
import { HostProcesses } from "../../ffi/pidfd.ts";
import { Processes } from "../../ffi/processes.ts";
import type { ExecCheckConfig } from "../../src/config/checks/exec.ts";
import { createProbe } from "../../src/health/create_probe.ts";
import { countedAllowance } from "../../src/health/kinds/allowance.ts";
import { execProbe } from "../../src/health/kinds/exec.ts";
import type { Probe, ProbeOutcome } from "../../src/health/kinds/probe.ts";
import { checkPrograms, type CheckProgramsOptions } from "../../src/os/check_programs.ts";
import { PLAIN_CHECK } from "../support/config.ts";
import { withFloor } from "../support/ffi.ts";
import { probePorts } from "./health_servers.ts";
import { Scripts } from "../support/scripts.ts";
import { until, within } from "../support/until.ts";

const CONFIG: Omit<ExecCheckConfig, "command"> = {
  type: "exec",
  name: "check-1",
  environment: {},
  user: undefined,
  destination: undefined,
  alone: true,
  intervalMs: 1000,
  fastIntervalMs: 1000,
  timeoutMs: 1000,
  rise: 1,
  fall: 1,
  ...PLAIN_CHECK,
};

const RLIMIT_NOFILE = 7;

/** Scripts, probes of them, and what the kernel knows of their processes. */
class Scene extends Scripts {
  readonly #options: CheckProgramsOptions;
  readonly #processes: HostProcesses;

  constructor(readonly libc: Libc, processes: HostProcesses) {
    super();
    this.#options = { confine: (pid) => confineChild(libc, pid) };
    this.#processes = processes;
  }

  probe(
    command: readonly [string, ...string[]],
    config: Partial<ExecCheckConfig> = {},
    options: CheckProgramsOptions = {},
  ): Probe {
    const start = checkPrograms({ ...this.#options, ...options });
    return execProbe({ ...CONFIG, ...config, command }, { service: "web" }, start);
  }

  /** One probe of a shell script. */
  run(text: string, config: Partial<ExecCheckConfig> = {}): Promise<ProbeOutcome> {
    return once(this.probe([this.script("check", `#!/bin/sh\n${text}\n`, 0o755)], config));
  }

  /** Whether the process whose number is the line of that file runs. */
  isRunning(name: string): boolean {
    const pid = this.#pid(name);
    return pid !== undefined && this.#processes.find(pid) !== undefined;
  }

  /** What /proc says of it, by path; undefined: it does not run. */
  ofProcess(name: string, path: string): string | undefined {
    return readSmallFile(this.libc, `/proc/${this.#pid(name)}/${path}`, 4096);
  }

  #pid(name: string): number | undefined {
    const [line] = this.lines(name);
    return line === undefined ? undefined : Number(line);
  }
}

function once(probe: Probe, signal = new AbortController().signal): Promise<ProbeOutcome> {
  return within(probe.run(signal, () => {}), "the outcome of a probe");
}

function test(name: string, body: (scene: Scene) => Promise<void>): void {
  Deno.test(name, () =>
    withFloor(async ({ libc, reactor }) => {
      await using scene = new Scene(libc, new HostProcesses(libc, reactor));
      await body(scene);
    }));
}

test("exec: status 0 passes, and the first line of standard output is the reason", async (scene) => {
  assert.deepEqual(await scene.run("echo; echo ' all well '; echo more; echo odd >&2"), {
    kind: "pass",
    detail: "status 0: all well",
  });
  assert.deepEqual(await scene.run(":"), { kind: "pass", detail: "status 0" });
});

test("exec: any other status and any signal fail; without standard output the reason is of standard error", async (scene) => {
  assert.deepEqual(await scene.run("echo CRITICAL; exit 2"), { kind: "fail", detail: "status 2: CRITICAL" });
  assert.deepEqual(await scene.run("echo no database >&2; exit 255"), {
    kind: "fail",
    detail: "status 255: no database",
  });
  assert.deepEqual(await scene.run("echo well; kill -SEGV $$"), {
    kind: "fail",
    detail: "ended by SIGSEGV: well",
  });
  // 126 and 127 are statuses like any other where no launcher says them.
  assert.deepEqual(await scene.run("no-such-command-here; exit 127"), {
    kind: "fail",
    detail: `status 127: ${scene.folder}/check: 2: no-such-command-here: not found`,
  });
});

test("exec: garbage in the reason is made harmless, and it has a length", async (scene) => {
  const { detail } = await scene.run(String.raw`printf '\033[31m\000\377\302\205x\rmore\n'; exit 1`);
  assert.match(detail, /^status 1: [\x20-\x7e\ufffd]+$/);
  const long = await scene.run("head -c 3000 /dev/zero | tr '\\0' a");
  assert.ok(long.detail.length <= 220, `${long.detail.length}`);
});

test("exec: nothing of the agent's environment gets to the program; what the check is of does", async (scene) => {
  const environment = async (config: Partial<ExecCheckConfig>) => {
    assert.equal((await scene.run("env > $DIR/env; pwd >> $DIR/env", config)).kind, "pass");
    return scene.lines("env").filter((line) => !/^(_|PWD|OLDPWD|SHLVL)=/.test(line)).sort();
  };
  const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  assert.deepEqual(await environment({ environment: { LANG: "C.UTF-8", A: "b c" } }), [
    "/",
    "A=b c",
    "BGP_LB_CHECK=check-1",
    "BGP_LB_SERVICE=web",
    "LANG=C.UTF-8",
    PATH,
  ]);
  const destination = { address: "2001:db8::2", port: 8080 };
  const told = ["BGP_LB_ADDRESS=2001:db8::2", "BGP_LB_PORT=8080"];
  assert.deepEqual(await environment({ destination }), ["/", ...told, PATH]);
  assert.deepEqual(await environment({ destination: { ...destination, port: 0 } }), [
    "/",
    "BGP_LB_ADDRESS=2001:db8::2",
    PATH,
  ]);
});

test("exec: arguments are given as they are, and no shell reads them", async (scene) => {
  const path = scene.script("check", '#!/bin/sh\nprintf "%s|" "$@"\n', 0o755);
  const { detail } = await once(scene.probe([path, "", "a b", "$HOME;*", "--", "-x"]));
  assert.equal(detail, "status 0: |a b|$HOME;*|--|-x|");
});

test("exec: what does not exist or is not executable fails with the cure, for nothing is checked", async (scene) => {
  const missing = "does not exist, or the interpreter that its first line names does not";
  const shut = "may not be run by this user: it is not executable, or a folder above is shut";
  const cases = [
    [`${scene.folder}/none`, missing],
    [scene.script("shut", "#!/bin/sh\n", 0o600), shut],
    [scene.folder, shut],
    [scene.script("lost", "#!/nonexistent/sh\n", 0o755), missing],
  ] as const;
  for (const user of [undefined, "nobody"]) {
    for (const [path, words] of cases) {
      // Nobody may look into the folder of root.
      if (user !== undefined) Deno.chmodSync(scene.folder, 0o755);
      assert.deepEqual(await once(scene.probe([path], { user })), {
        kind: "fail",
        detail: `${path} ${words}`,
      });
    }
  }
});

test("exec: what this host is short of says nothing of the service", async (scene) => {
  const launcher = (text: string) => scene.script("setsid", `#!/bin/sh\n${text}\n`, 0o755);
  const outcome = (options: CheckProgramsOptions, config: Partial<ExecCheckConfig> = {}) =>
    once(scene.probe(["/bin/true"], config, options));
  const busy = "echo 'setsid: failed to execute /bin/true: Resource temporarily unavailable' >&2; exit 126";
  assert.deepEqual(await outcome({ setsid: launcher(busy) }), {
    kind: "unknown",
    detail: "/bin/true cannot be started: Resource temporarily unavailable",
  });
  assert.deepEqual(await outcome({ setsid: "/nonexistent/setsid" }), {
    kind: "unknown",
    detail: "/nonexistent/setsid does not exist: it comes with util-linux, or with the C library",
  });
  assert.deepEqual(await outcome({}, { user: "no-such-user" }), {
    kind: "unknown",
    detail: "the user no-such-user is not known to this host",
  });
  const setpriv = scene.script(
    "setpriv",
    "#!/bin/sh\necho 'setpriv: setresuid failed: Operation not permitted' >&2\nexit 127\n",
    0o755,
  );
  assert.deepEqual(await outcome({ setpriv }, { user: "nobody" }), {
    kind: "unknown",
    detail:
      "setpriv: setresuid failed: Operation not permitted: to run a check as another user needs CAP_SETUID " +
      "and CAP_SETGID, and CAP_KILL to end it",
  });
});

test("exec: without a descriptor left for it a program is not blamed, and the next one runs", async (scene) => {
  const start = checkPrograms();
  const order = { argv: ["/bin/true"], environment: {}, user: undefined } as const;
  const limits = new BigUint64Array(2);
  const limit = new Uint8Array(limits.buffer);
  scene.libc.check("getrlimit", scene.libc.symbols.getrlimit(RLIMIT_NOFILE, limit));
  const [soft = 0n] = limits;
  limits[0] = 3n;
  scene.libc.check("setrlimit", scene.libc.symbols.setrlimit(RLIMIT_NOFILE, limit));
  const short = start(order);
  limits[0] = soft;
  scene.libc.check("setrlimit", scene.libc.symbols.setrlimit(RLIMIT_NOFILE, limit));
  short.kill();
  const refused = await short.ended;
  assert.ok(refused.type === "refused" && refused.ours, JSON.stringify(refused));
  assert.match(refused.cause, /^\/usr\/bin\/setsid cannot be started: Too many open files/);
  assert.deepEqual((await start(order).ended).type, "ended");
});

Deno.test("exec: so many programs run at once, over all checks, and what is beyond says nothing", async () => {
  await using scripts = new Scripts();
  const command = [
    scripts.script("check", "#!/bin/sh\necho x >> $DIR/runs\nexec sleep 1000\n", 0o755),
  ] as const;
  const ports = probePorts({ programSlots: countedAllowance(() => 1) });
  const [first, second] = ["one", "two"].map((name) => createProbe({ ...CONFIG, name, command }, ports));
  assert.ok(first !== undefined && second !== undefined);
  const cut = new AbortController();
  const running = first.run(cut.signal, () => {});
  await until(() => scripts.lines("runs").length === 1);
  assert.deepEqual(await once(second), {
    kind: "unknown",
    detail: "not probed: as many programs as checks may run at once are running",
  });
  cut.abort();
  await running;
  // It is given back when the program has ended.
  const again = new AbortController();
  const next = second.run(again.signal, () => {});
  await until(() => scripts.lines("runs").length === 2);
  again.abort();
  await next;
});

test("exec: as another user it has that user's groups, and no capability", async (scene) => {
  Deno.chmodSync(scene.folder, 0o755);
  const { detail } = await scene.run(
    "echo $(id -un) $(id -gn) $(id -Gn) $(grep -E 'Cap(Prm|Eff|Inh|Amb)' /proc/self/status)",
    {
      user: "nobody",
    },
  );
  const none = "0000000000000000";
  assert.equal(
    detail,
    `status 0: nobody nogroup nogroup CapInh: ${none} CapPrm: ${none} CapEff: ${none} CapAmb: ${none}`,
  );
});

test("exec: a program leaves no core file, and has none of the agent's protection against OOM", async (scene) => {
  // It is held to that a moment after it was started.
  const text = "while [ $(ulimit -Hc) = unlimited ]; do :; done; cat /proc/self/oom_score_adj";
  assert.deepEqual(await scene.run(text), { kind: "pass", detail: "status 0: 0" });
});

const HANG = "echo $$ > $DIR/pid.new; mv $DIR/pid.new $DIR/pid; while :; do sleep 1000; done";

for (
  const [what, text] of [
    ["ignores SIGTERM, SIGHUP and SIGINT", `trap '' TERM HUP INT\n${HANG}`],
    ["closes its output and sleeps", `exec >&- 2>&-\n${HANG}`],
    [
      "has children of children in its group",
      `(trap '' TERM; sh -c 'echo $$ > $DIR/child; sleep 1000' & sleep 1000) &\nwhile [ ! -s $DIR/child ]; do :; done\n${HANG}`,
    ],
    ["stops itself", "echo $$ > $DIR/pid.new; mv $DIR/pid.new $DIR/pid; kill -STOP $$"],
  ] as const
) {
  test(`exec: one that ${what} is killed with all of its group when the probe is cut off`, async (scene) => {
    const cut = new AbortController();
    const running = once(scene.probe([scene.script("check", `#!/bin/sh\n${text}\n`, 0o755)]), cut.signal);
    await until(() => scene.isRunning("pid"));
    cut.abort();
    await running;
    assert.equal(scene.isRunning("pid"), false);
    await until(() => !scene.isRunning("child"));
  });
}

test("exec: what ends and leaves children in its group leaves none", async (scene) => {
  const { kind } = await scene.run("sleep 1000 & echo $! > $DIR/child; echo left one");
  assert.equal(kind, "pass");
  assert.equal(scene.lines("child").length, 1);
  await until(() => !scene.isRunning("child"));
});

test("exec: one that leaves its group and holds its output does not hold the outcome", async (scene) => {
  const text = "setsid sh -c 'echo $$ > $DIR/child.new; mv $DIR/child.new $DIR/child; exec sleep 1000' &\n" +
    "while [ ! -s $DIR/child ]; do :; done; echo gone";
  assert.deepEqual(await scene.run(text), { kind: "pass", detail: "status 0: gone" });
  assert.equal(scene.isRunning("child"), true);
  Deno.kill(Number(scene.lines("child")[0]), "SIGKILL");
});

test("exec: one that floods its output waits, and costs this process neither memory nor an outcome", async (scene) => {
  const cut = new AbortController();
  const text = "echo $$ > $DIR/pid; echo first; exec yes 'a line that comes again and again'";
  const path = scene.script("check", `#!/bin/sh\n${text}\n`, 0o755);
  const before = Deno.memoryUsage().rss;
  const running = once(scene.probe([path]), cut.signal);
  const written = () => Number(/^wchar: (\d+)$/m.exec(scene.ofProcess("pid", "io") ?? "")?.[1] ?? 0);
  await until(() => written() > 4 * 2 ** 20);
  cut.abort();
  assert.deepEqual(await running, { kind: "fail", detail: "ended by SIGKILL: first" });
  const grown = (Deno.memoryUsage().rss - before) / 2 ** 20;
  assert.ok(grown < 64, `${grown} MiB`);
});

test("exec: a check never runs its program twice at once", async (scene) => {
  const path = scene.script(
    "check",
    "#!/bin/sh\nmkdir $DIR/lock || exit 3\necho x >> $DIR/runs\n[ -e $DIR/go ] || sleep 1000\nrmdir $DIR/lock\n",
    0o755,
  );
  const probe = scene.probe([path]);
  const cut = new AbortController();
  const first = probe.run(cut.signal, () => {});
  const second = once(probe);
  await until(() => scene.lines("runs").length === 1);
  Deno.writeTextFileSync(`${scene.folder}/go`, "");
  cut.abort();
  Deno.removeSync(`${scene.folder}/lock`);
  await first;
  assert.deepEqual(await second, { kind: "pass", detail: "status 0" });
  assert.equal(scene.lines("runs").length, 2);
});

test("exec: no zombie stays", async (scene) => {
  const runs = Array.from({ length: 20 }, (_, index) => scene.probe(["/bin/sh", "-c", `exit ${index}`]));
  await Promise.all(runs.map((probe) => once(probe)));
  const own = new Processes(scene.libc).pids().filter((pid) => {
    const stat = readSmallFile(scene.libc, `/proc/${pid}/stat`, 4096) ?? "";
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" && Number(parent) === Deno.pid;
  });
  assert.deepEqual(own, []);
});
