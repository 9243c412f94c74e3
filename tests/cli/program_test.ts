import assert from "node:assert/strict";
import { ExitStatus } from "../../src/cli/exit_status.ts";
import { type Commands, runProgram } from "../../src/cli/program.ts";
import { COMMANDS } from "../../src/cli/command_table.ts";
import type { Question } from "../../src/cli/ask.ts";
import type { PlanArguments } from "../../src/cli/plan.ts";
import type { Overrides } from "../../src/config/overrides.ts";

async function invoke(...args: readonly string[]) {
  const calls: unknown[] = [];
  let stdout = "";
  let stderr = "";
  const record = (name: string, status: number) => (...values: readonly unknown[]) => {
    calls.push([name, ...values]);
    return Promise.resolve(status);
  };
  const commands: Commands = {
    run: record("run", ExitStatus.HOST_NOT_FIT),
    check: record("check", ExitStatus.USAGE),
    plan: record("plan", ExitStatus.OK),
    doctor: record("doctor", ExitStatus.OK),
    cleanup: record("cleanup", ExitStatus.OK),
    migrate: record("migrate", ExitStatus.OK),
    schema: record("schema", ExitStatus.OK),
    version: record("version", ExitStatus.OK),
    ask: record("ask", ExitStatus.FAILED),
    order: record("order", ExitStatus.FAILED),
    watch: record("watch", ExitStatus.OK),
    top: record("top", ExitStatus.OK),
    listNames: record("listNames", ExitStatus.FAILED),
    events: record("events", ExitStatus.FAILED),
  };
  const status = await runProgram(args, commands, {
    version: "1.2.3",
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
  });
  return { calls, stdout, stderr, status };
}

const nothing: Overrides = {
  logLevel: undefined,
  networkSetup: undefined,
  ipvsSetup: undefined,
  metricsAddress: undefined,
  controlSocket: undefined,
};

Deno.test("runProgram() runs the agent by default, with our flags and the reference's spellings (CONTRACT Command line)", async () => {
  const rows: readonly (readonly [readonly string[], string | undefined, Overrides])[] = [
    [[], undefined, {}],
    [["run"], undefined, {}],
    [["--config", "a.yaml"], "a.yaml", {}],
    [["-config", "a.yaml"], "a.yaml", {}],
    [["-config=a.yaml", "-ipvs-setup"], "a.yaml", { ipvsSetup: "true" }],
    [["run", "--network-setup=false", "--ipvs-setup=true"], undefined, {
      networkSetup: "false",
      ipvsSetup: "true",
    }],
    [["-log-level", "debug", "-metrics-address=:9000", "--control-socket", "/tmp/s"], undefined, {
      logLevel: "debug",
      metricsAddress: ":9000",
      controlSocket: "/tmp/s",
    }],
  ];
  for (const [args, file, overrides] of rows) {
    const { calls, status } = await invoke(...args);
    assert.deepEqual(calls, [["run", file, { ...nothing, ...overrides }]], args.join(" "));
    assert.equal(status, ExitStatus.HOST_NOT_FIT);
  }
});

Deno.test("runProgram() hands the command's exit status on", async () => {
  assert.deepEqual((await invoke("check", "f.yaml")).calls, [["check", "f.yaml", false, nothing]]);
  const speaker = { routerID: undefined, localAS: undefined, peers: undefined, peerAS: undefined };
  assert.deepEqual((await invoke("migrate", "f", "-ipvs-setup")).calls, [["migrate", {
    files: ["f"],
    from: undefined,
    overrides: { ...nothing, ipvsSetup: "true" },
    speaker,
  }]]);
  const migrating = ["migrate", "f", "g", "--from", "exabgp", "--router-id=10.0.0.1", "--local-as", "1"];
  assert.deepEqual((await invoke(...migrating, "--peers", "10.0.0.2,10.0.0.3", "--peer-as", "2")).calls, [[
    "migrate",
    {
      files: ["f", "g"],
      from: "exabgp",
      overrides: nothing,
      speaker: { routerID: "10.0.0.1", localAS: "1", peers: "10.0.0.2,10.0.0.3", peerAS: "2" },
    },
  ]]);
  assert.equal((await invoke("check", "f.yaml", "--print")).status, ExitStatus.USAGE);
  assert.equal((await invoke("schema")).status, ExitStatus.OK);
});

Deno.test("runProgram() asks the running agent for its status, peers and routes (CONTRACT Command line)", async () => {
  const rows: readonly (readonly [readonly string[], Question])[] = [
    [["status"], {
      view: "status",
      name: undefined,
      peer: undefined,
      json: false,
      socket: "/run/bgp-lb/control.sock",
    }],
    [["explain", "--peer", "tor-1", "web", "--json"], {
      view: "explain",
      name: "web",
      peer: "tor-1",
      json: true,
      socket: "/run/bgp-lb/control.sock",
    }],
    [["services", "web"], {
      view: "services",
      name: "web",
      peer: undefined,
      json: false,
      socket: "/run/bgp-lb/control.sock",
    }],
    [["peers", "tor-1", "--json"], {
      view: "peers",
      name: "tor-1",
      peer: undefined,
      json: true,
      socket: "/run/bgp-lb/control.sock",
    }],
    [["routes", "--control-socket", "/tmp/s"], {
      view: "routes",
      name: undefined,
      peer: undefined,
      json: false,
      socket: "/tmp/s",
    }],
  ];
  for (const [args, question] of rows) {
    const { calls, status } = await invoke(...args);
    assert.deepEqual(calls, [["ask", question]]);
    assert.equal(status, ExitStatus.FAILED);
  }
});

Deno.test("runProgram() reads orders with any number of services (CONTRACT Command line)", async () => {
  const options = { json: false, socket: "/run/bgp-lb/control.sock" };
  const nothing = { reason: undefined, duration: undefined, wait: false };
  const rows: readonly (readonly [readonly string[], unknown, unknown])[] = [
    [["drain"], { name: "drain", services: [], ...nothing }, options],
    [["drain", "web", "--wait", "dns", "--reason", "new disks", "--for=2h", "--json"], {
      name: "drain",
      services: ["web", "dns"],
      reason: "new disks",
      duration: "2h",
      wait: true,
    }, { ...options, json: true }],
    [["undrain", "a", "b", "c", "--control-socket", "/s"], {
      name: "undrain",
      services: ["a", "b", "c"],
      wait: false,
    }, { json: false, socket: "/s" }],
    [["check-now", "web"], { name: "check-now", services: ["web"] }, options],
    [["reload"], { name: "reload" }, options],
    [["handover"], { name: "handover" }, options],
  ];
  for (const [args, order, rest] of rows) {
    assert.deepEqual((await invoke(...args)).calls, [["order", order, rest]]);
  }
  for (
    const args of [["reload", "web"], ["handover", "x"], ["check-now", "a", "b"], ["drain", "--for"], [
      "drain",
      "--fro",
      "2h",
    ], [
      "undrain",
      "--for",
      "2h",
    ], ["drian"]]
  ) {
    const { status, calls } = await invoke(...args);
    assert.deepEqual([status, calls], [ExitStatus.USAGE, []], args.join(" "));
  }
  assert.match(
    (await invoke("drain", "--help")).stdout,
    /^Usage: bgp-lb drain \[options\] \[service\.\.\.\]\n/,
  );
});

Deno.test("runProgram() watches with --watch, every 2 s or as often as is said, and refuses what is too often or too seldom", async () => {
  const rows: readonly (readonly [readonly string[], string | undefined, number])[] = [
    [["--watch"], undefined, 2000],
    [["--watch", "5"], undefined, 5000],
    [["--watch=0.5"], undefined, 500],
    [["--watch", "1m"], undefined, 60_000],
    [["web", "--watch"], "web", 2000],
    [["--watch", "web"], "web", 2000],
    [["--watch", "--json"], undefined, 2000],
  ];
  for (const [args, name, everyMs] of rows) {
    const json = args.includes("--json");
    const question = { view: "services", name, peer: undefined, json, socket: "/run/bgp-lb/control.sock" };
    const { calls, status } = await invoke("services", ...args);
    assert.deepEqual(calls, [["watch", question, everyMs]], args.join(" "));
    assert.equal(status, ExitStatus.OK);
  }
  for (const value of ["0", "0.05", "2h", "x", ""]) {
    const { calls, stderr, status } = await invoke("services", `--watch=${value}`);
    assert.deepEqual([calls, status], [[], ExitStatus.USAGE], value);
    assert.match(stderr, /^error: --watch must be from 100ms to 1h.*\(got ".*"\)\n$/);
  }
});

Deno.test("runProgram() prints completions for the shells that it knows, and names of the running agent for them", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const { stdout, status } = await invoke("completions", shell);
    assert.equal(status, ExitStatus.OK);
    for (const { name } of COMMANDS) assert.ok(stdout.includes(name), `${name} in\n${stdout}`);
    assert.match(stdout, /--list/);
    assert.doesNotMatch(stdout, /names of the running agent/);
  }
  for (const args of [["completions"], ["completions", "tcsh"]]) {
    const { stdout, stderr, status } = await invoke(...args);
    assert.deepEqual([stdout, status], ["", ExitStatus.USAGE]);
    assert.match(stderr, /^error: completions are there for bash, zsh, fish/);
  }
  assert.deepEqual((await invoke("completions", "--list", "peers", "--control-socket", "/s")).calls, [
    ["listNames", "peers", "/s"],
  ]);
  assert.deepEqual((await invoke("top")).calls, [["top", "/run/bgp-lb/control.sock"]]);
});

Deno.test("runProgram() has help for every command, and names the nearest of every command and option that is misspelt", async () => {
  for (const { name, options } of COMMANDS) {
    const { stdout, status } = await invoke("help", name);
    assert.equal(status, ExitStatus.OK);
    for (const option of options) {
      assert.equal(stdout.includes(`--${option.name}`), option.hidden !== true, name);
    }
    if (name.length > 3) {
      const { stderr } = await invoke(`${name}x`);
      assert.match(stderr, new RegExp(`, did you mean ${name}\\?`), name);
    }
    for (const option of options) {
      const { stderr } = await invoke(name, `--${option.name}x`);
      assert.match(stderr, new RegExp(`, did you mean --${option.name}\\?`), `${name} ${option.name}`);
    }
  }
});

Deno.test("runProgram() answers wrong usage with status 2 and the cure, help and version with 0", async () => {
  for (
    const args of [["--nonsense"], ["nonsense"], ["check"], ["--log-level"], ["check", "a", "b"], [
      "schema",
      "x",
    ]]
  ) {
    const { status, stderr, calls } = await invoke(...args);
    assert.equal(status, ExitStatus.USAGE, args.join(" "));
    assert.match(stderr, /^error: /);
    assert.match(stderr, /--help shows/);
    assert.deepEqual(calls, []);
  }
  const help = await invoke("--help");
  assert.equal(help.status, ExitStatus.OK);
  assert.match(help.stdout, /check .*migrate .*schema/s);
  for (const args of [["-V"], ["--version"]]) assert.equal((await invoke(...args)).stdout, "1.2.3\n");
  assert.deepEqual((await invoke("version", "--json")).calls, [["version", true]]);
});

Deno.test("runProgram() names a command or option that there is not, with the nearest (faults C1)", async () => {
  const rows: readonly (readonly [readonly string[], string])[] = [
    [["frobnicate"], 'unknown command "frobnicate"'],
    [["statsu"], 'unknown command "statsu", did you mean status?'],
    [["Check", "f.yaml"], 'unknown command "Check", did you mean check?'],
    [["peer"], 'unknown command "peer", did you mean peers?'],
    [["statsu", "--json"], 'unknown command "statsu", did you mean status?'],
    [[""], 'unknown command ""'],
    [["a\u001b[31m"], 'unknown command "a\\u001b[31m"'],
    [
      ["/etc/bgp-lb/config.yaml"],
      'unknown command "/etc/bgp-lb/config.yaml"; the agent\'s file is given by --config /etc/bgp-lb/config.yaml',
    ],
    [["\u2013config", "f"], '"\u2013config" begins with a character that only looks like a -'],
    [["--confg", "f"], 'unknown option "--confg", did you mean --config?'],
    [["-confg=f"], 'unknown option "--confg=f", did you mean --config?'],
    [["check", "f", "--pritn"], 'unknown option "--pritn", did you mean --print?'],
    [["--log_level", "debug"], 'unknown option "--log_level", did you mean --log-level?'],
    [["--log-level", "info", "check", "f"], "the command check stands before its options"],
    [["-x"], 'unknown option "-x"'],
    [["run", "--json"], 'unknown option "--json"'],
    [["status", "--print"], 'unknown option "--print"'],
    [["status", "--json=1"], "option '--json' takes no value"],
    [["--config"], "option '--config <file>' argument missing"],
    [["--config", "--log-level", "debug"], "option '--config <file>' argument '--log-level' is invalid."],
    [["check"], "missing required argument 'file'"],
    [["check", "a", "b"], "too many arguments for 'check'"],
    [["--config", "/dev/stdin"], "run cannot have its configuration from standard input"],
    [["--config", "-"], "run cannot have its configuration from standard input"],
  ];
  for (const [args, words] of rows) {
    const { status, stderr, calls } = await invoke(...args);
    assert.equal(status, ExitStatus.USAGE, args.join(" "));
    assert.ok(stderr.startsWith(`error: ${words}`), stderr);
    assert.deepEqual(calls, []);
  }
});

Deno.test("runProgram() reads options anywhere, the last one of a name counts, and -- ends them", async () => {
  const rows: readonly (readonly [readonly string[], readonly unknown[]])[] = [
    [["check", "--log-level", "info", "f", "--log-level=debug"], ["check", "f", false, {
      ...nothing,
      logLevel: "debug",
    }]],
    [["check", "-"], ["check", "-", false, nothing]],
    [["check", "--", "-f"], ["check", "-f", false, nothing]],
    [["--ipvs-setup", "false"], ["run", undefined, { ...nothing, ipvsSetup: "false" }]],
    [["-ipvs-setup", "-network-setup"], ["run", undefined, {
      ...nothing,
      ipvsSetup: "true",
      networkSetup: "true",
    }]],
    [["check", "--ipvs-setup", "f"], ["check", "f", false, { ...nothing, ipvsSetup: "true" }]],
    [["--metrics-address="], ["run", undefined, { ...nothing, metricsAddress: "" }]],
    [["--config", "a", "--config", "b"], ["run", "b", nothing]],
  ];
  for (const [args, call] of rows) assert.deepEqual((await invoke(...args)).calls, [call], args.join(" "));
});

Deno.test("runProgram() plans a reload of the agent's own file, or of another one (CONTRACT Command line)", async () => {
  const socket = "/run/bgp-lb/control.sock";
  const rows: readonly (readonly [readonly string[], PlanArguments])[] = [
    [["plan"], { file: undefined, json: false, socket, overrides: nothing }],
    [["plan", "f", "--json"], { file: "f", json: true, socket, overrides: nothing }],
    [["plan", "--control-socket", "/s", "-", "-ipvs-setup"], {
      file: "-",
      json: false,
      socket: "/s",
      overrides: { ...nothing, controlSocket: "/s", ipvsSetup: "true" },
    }],
  ];
  for (const [args, planned] of rows) assert.deepEqual((await invoke(...args)).calls, [["plan", planned]]);
});

Deno.test("runProgram() shows the options of one command", async () => {
  for (const args of [["check", "--help"], ["help", "check"], ["check", "-h"]]) {
    const { stdout, status } = await invoke(...args);
    assert.equal(status, ExitStatus.OK);
    assert.match(
      stdout,
      /^Usage: bgp-lb check \[options\] <file>\n.*--print .*--ipvs-setup \[true\|false\]/s,
    );
  }
});

Deno.test("runProgram() shows help in lines of at most 80 columns, the meanings under each other", async () => {
  const { stdout } = await invoke("help", "check");
  assert.ok(stdout.split("\n").every((line) => line.length <= 80));
  assert.match(
    stdout,
    /^ {2}--ipvs-setup \[true\|false\] {5}overrides network\.ipvs; the reference's format\n {32}has it off without this\n/m,
  );
});

Deno.test("runProgram() looks at the host for a file, or for the default one (CONTRACT Command line)", async () => {
  const rows: readonly (readonly [readonly string[], object])[] = [
    [["doctor"], { file: undefined, json: false, socket: undefined }],
    [["doctor", "f", "--json", "--control-socket=/s"], { file: "f", json: true, socket: "/s" }],
  ];
  for (const [args, asked] of rows) assert.deepEqual((await invoke(...args)).calls, [["doctor", asked]]);
});

Deno.test("runProgram() cleans up where that is said with --yes, and only shows otherwise (CONTRACT Command line)", async () => {
  const rows: readonly (readonly [readonly string[], object])[] = [
    [["cleanup"], { file: undefined, yes: false, json: false, socket: undefined }],
    [["cleanup", "--yes", "f", "--json"], { file: "f", yes: true, json: true, socket: undefined }],
    [["cleanup", "--control-socket=/s"], { file: undefined, yes: false, json: false, socket: "/s" }],
  ];
  for (const [args, asked] of rows) assert.deepEqual((await invoke(...args)).calls, [["cleanup", asked]]);
});
