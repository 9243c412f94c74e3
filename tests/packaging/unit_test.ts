// The service, the task and the command: one set of flags, each in its own reach; the unit as systemd would read it.
import assert from "node:assert/strict";
import denoJson from "../../deno.json" with { type: "json" };
import { commandFor, DEFAULT_PREFIX, layout, unitFor } from "../../packaging/layout.ts";
import { ExitStatus } from "../../src/cli/exit_status.ts";
import {
  bundleFlags,
  RUNTIME_VARIABLES,
  SERVICE_REACH,
  sourceFlags,
  USER_REACH,
} from "../../packaging/runtime_flags.ts";
import { stagedCommand } from "../../packaging/staged.ts";
import { execStart, unitEnvironment, unitValues } from "../../packaging/unit_file.ts";

const UNIT = Deno.readTextFileSync("packaging/bgp-lb.service");
const { command: AGENT } = denoJson.tasks.agent;

function one(section: string, key: string): string {
  const values = unitValues(UNIT, section, key);
  assert.equal(values.length, 1, `${key}: ${values}`);
  return values[0] ?? "";
}

/** `--allow-read=/a,/b` → `["/a", "/b"]`; undefined where the permission is for everything or not given. */
function paths(flags: readonly string[], permission: string): readonly string[] | undefined {
  return flags.find((flag) => flag.startsWith(`--allow-${permission}=`))?.split("=")[1]?.split(",");
}

Deno.test("the task agent runs the sources with the flags that packaging has", () => {
  assert.equal(AGENT, ["deno", "run", ...sourceFlags(USER_REACH), "main.ts"].join(" "));
});

Deno.test("the unit starts the installed runtime on the installed bundle, with the flags that packaging has", () => {
  const { runtime, bundle } = layout(DEFAULT_PREFIX);
  assert.deepEqual(execStart(UNIT), [runtime, "run", ...bundleFlags(SERVICE_REACH), bundle, "run"]);
});

Deno.test("the service and the command take out what would change the runtime behind our back (faults S1)", () => {
  assert.deepEqual(one("Service", "UnsetEnvironment").split(" "), [...RUNTIME_VARIABLES]);
  assert.ok(commandFor(layout(DEFAULT_PREFIX)).includes(`unset ${RUNTIME_VARIABLES.join(" ")}\n`));
  assert.ok(RUNTIME_VARIABLES.includes("NODE_OPTIONS"));
});

Deno.test("the unit's flags are the task's, but for paths and for what only a bundle can do without", () => {
  const names = (flags: readonly string[]) => flags.map((flag) => flag.split("=")[0] ?? "");
  const more = names(execStart(UNIT)).filter((name) =>
    name.startsWith("--") && !names(AGENT.split(" ")).includes(name)
  );
  assert.deepEqual(more, ["--no-config", "--no-lock", "--no-remote", "--no-npm"]);
  assert.deepEqual(
    names(AGENT.split(" ")).filter((name) => name.startsWith("--") && !names(execStart(UNIT)).includes(name)),
    [],
  );
});

Deno.test("the service reads and writes in named folders only, none of them another's, and writes less than it reads", () => {
  const read = paths(execStart(UNIT), "read") ?? [];
  const write = paths(execStart(UNIT), "write") ?? [];
  assert.ok(read.length > 0 && write.length > 0);
  for (const path of [...read, ...write]) assert.match(path, /^\/(etc|run|var\/lib)\/[^/]+/);
  for (const path of write) assert.match(path, /^\/(run|var\/lib)\/bgp-lb$/);
  assert.ok(!read.some((path) => path.includes("private")), String(read));
  for (
    const permission of ["--allow-all", "-A", "--allow-import", "--allow-env", "--allow-sys"]
  ) {
    assert.ok(!execStart(UNIT).includes(permission), permission);
  }
});

Deno.test("each folder that the service's flags and environment name is made by the unit (systemd.exec(5))", () => {
  const write = paths(execStart(UNIT), "write");
  const made = [`/run/${one("Service", "RuntimeDirectory")}`, `/var/lib/${one("Service", "StateDirectory")}`];
  assert.deepEqual(write, made);
  assert.equal(unitEnvironment(UNIT).DENO_DIR, `/var/cache/${one("Service", "CacheDirectory")}`);
  assert.ok(paths(execStart(UNIT), "read")?.includes(`/etc/${one("Service", "ConfigurationDirectory")}`));
  assert.equal(one("Service", "RuntimeDirectoryMode"), "0700");
});

Deno.test("the unit tells systemd how the service starts, ends and starts again (systemd.service(5))", () => {
  assert.equal(one("Service", "Type"), "notify");
  assert.equal(one("Service", "NotifyAccess"), "main");
  assert.equal(one("Service", "Restart"), "on-failure");
  // CONTRACT, exit status: an invalid configuration stays so; a host that is not fit may become fit.
  assert.equal(one("Service", "RestartPreventExitStatus"), "2");
  assert.deepEqual(
    unitValues(UNIT, "Service", "ExecStartPre"),
    [],
    "one that fails would be started for ever",
  );
  assert.equal(one("Service", "RestartForceExitStatus"), String(ExitStatus.HANDED_OVER));
  assert.equal(one("Service", "SuccessExitStatus"), String(ExitStatus.HANDED_OVER));
  assert.equal(one("Service", "ExecReload"), `${layout(DEFAULT_PREFIX).command} reload`);
  // Two looks that a loop stands still, 10 s apart, and a machine that pauses for a moment.
  assert.ok(parseInt(one("Service", "WatchdogSec")) >= 30);
  assert.equal(one("Unit", "StartLimitIntervalSec"), "0");
  assert.equal(one("Install", "WantedBy"), "multi-user.target");
  // config.example.yaml, `stop`: converge 1 s and quiesce 30 s by default.
  assert.ok(parseInt(one("Service", "TimeoutStopSec")) >= 60);
  assert.ok(Number(one("Service", "LimitNOFILE")) >= 65_536);
});

Deno.test("the unit keeps what the agent needs: executable memory, netlink, three capabilities", () => {
  assert.deepEqual(unitValues(UNIT, "Service", "MemoryDenyWriteExecute"), []);
  assert.deepEqual(one("Service", "RestrictAddressFamilies").split(" "), [
    "AF_UNIX",
    "AF_INET",
    "AF_INET6",
    "AF_NETLINK",
  ]);
  assert.deepEqual(one("Service", "CapabilityBoundingSet").split(" "), [
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_NET_BIND_SERVICE",
  ]);
});

Deno.test("nothing that starts the agent keeps V8's code cache or asks a network for anything", () => {
  for (const command of [AGENT, execStart(UNIT).join(" "), commandFor(layout(DEFAULT_PREFIX))]) {
    assert.match(command, / --no-code-cache /);
    assert.match(command, / --no-prompt /);
    assert.match(command, / --quiet /, "else the runtime writes lines of its own to standard error");
    assert.doesNotMatch(command, /npx|https?:\/\//);
  }
});

Deno.test("unitFor() names no path of another prefix", () => {
  for (const prefix of ["/usr", "/opt/bgp-lb", "/tmp/a.b/c_d"]) {
    const unit = unitFor(layout(prefix), UNIT);
    assert.ok(!unit.includes(DEFAULT_PREFIX), prefix);
    assert.equal(execStart(unit)[0], `${prefix}/lib/bgp-lb/deno`);
    assert.ok(execStart(unit).includes(`${prefix}/lib/bgp-lb/bgp-lb.js`));
  }
});

Deno.test("layout() refuses what a unit, a shell or a list of paths could not name", () => {
  const wrong = [
    "",
    "/",
    "relative",
    "/with space",
    "/a,b",
    "/a%h",
    "/a$b",
    "/a'b",
    '/a"b',
    "/a/../b",
    "/a//b",
    "/a\nb",
    "/a/",
  ];
  for (const prefix of wrong) {
    assert.throws(() => layout(prefix), /--prefix must be an absolute path/, prefix);
  }
});

Deno.test("stagedCommand() moves whole folders, and no name that only begins alike", () => {
  const unit = "[Service]\nExecStart=/usr/bin/x --read=/usr/a,/usrb /usr\nEnvironment=D=/usr/c E=1\n";
  assert.deepEqual(stagedCommand(unit, [["/usr", "/s/usr"]]), {
    command: "/s/usr/bin/x",
    args: ["--read=/s/usr/a,/usrb", "/s/usr"],
    env: { D: "/s/usr/c", E: "1" },
  });
});

Deno.test("unitValues() reads assignments as systemd does: continued lines, comments, sections, clearing (systemd.syntax(7))", () => {
  const text = "[A]\nK=1\n# K=2\n; K=3\nK = 4 \\\n  5 \\\n# within\n 6\n[B]\nK=7\nL=8\nL=\nL=9\nE=X=Y\n";
  assert.deepEqual(unitValues(text, "A", "K"), ["1", "4 5 6"]);
  assert.deepEqual(unitValues(text, "B", "K"), ["7"]);
  assert.deepEqual(unitValues(text, "B", "L"), ["9"]);
  assert.deepEqual(unitValues(text, "B", "E"), ["X=Y"]);
  assert.deepEqual(unitValues(text, "C", "K"), []);
});

Deno.test("execStart() refuses what it would read otherwise than systemd", () => {
  const unit = (lines: string) => `[Service]\n${lines}\n`;
  assert.deepEqual(execStart(unit("ExecStart=/a b \\\n  c")), ["/a", "b", "c"]);
  for (
    const lines of [
      "",
      "ExecStart=/a\nExecStart=/b",
      "ExecStart=/a 'b c'",
      "ExecStart=/a $B",
      "ExecStart=/a %t",
    ]
  ) {
    assert.throws(() => execStart(unit(lines)), Error, lines);
  }
});
