/** The agent as it is shipped, with checks of programs, files and processes. */
import assert from "node:assert/strict";
import { LabRouter } from "../lab/lab_router.ts";
import { agentArguments, AgentProcess } from "../support/agent.ts";
import { run } from "../support/process.ts";
import { Scripts } from "../support/scripts.ts";
import { until } from "../support/until.ts";

/** A configuration with one service, whose checks are these. */
function configOf(checks: readonly unknown[], bgpPort: number): string {
  return JSON.stringify({
    network: { setup: false },
    http: { listen: "" },
    control: { socket: "" },
    bgp: {
      local: { routerID: "127.0.0.1", as: 65512, listenPort: -1 },
      peers: [{ address: "127.0.0.2", as: 65512, port: bgpPort }],
    },
    services: [{
      name: "web",
      addresses: ["10.99.0.1"],
      checks: checks.map((check) =>
        Object.assign({ interval: "100ms", timeout: "10s", rise: 1, fall: 1 }, check)
      ),
      stop: { converge: "100ms", quiesce: "100ms" },
    }],
  });
}

Deno.test("an agent announces while program, files and process are well, and says which is not", async () => {
  await using scripts = new Scripts();
  const router = {
    address: "127.0.0.2",
    as: 65512,
    routerID: "127.0.0.2",
    prefix: "10.99.0.1/32",
    nextHopPort: 1,
  };
  using lab = new LabRouter(router);
  const application = new Deno.Command("sleep", { args: ["1000"] }).spawn();
  const [file, maintenance, pidFile] = ["config.json", "maintenance", "pid"].map((name) =>
    `${scripts.folder}/${name}`
  );
  assert.ok(file !== undefined && maintenance !== undefined && pidFile !== undefined);
  Deno.writeTextFileSync(pidFile, `${application.pid}\n`);
  const program = scripts.script(
    "check",
    "#!/bin/sh\nset | grep ^BGP_LB > $DIR/told\ncat $DIR/why 2>&1 && exit 2\necho well\n",
  );
  const checks = [
    { type: "exec", command: [program], name: "program" },
    { type: "file", path: maintenance, absent: true },
    { type: "process", pidFile, tripwire: true },
  ];
  Deno.writeTextFileSync(file, configOf(checks, lab.bgpPort));
  await using agent = new AgentProcess(["--config", file]);
  const announced = () => lab.until("10.99.0.1/32", ["127.0.0.1"], 30_000);
  const withdrawn = () => lab.until("10.99.0.1/32", [], 30_000);
  await announced();
  assert.deepEqual(scripts.lines("told"), ["BGP_LB_CHECK='program'", "BGP_LB_SERVICE='web'"]);
  Deno.writeTextFileSync(`${scripts.folder}/why`, "no database\n");
  await withdrawn();
  await agent.said("status 2: no database");
  Deno.removeSync(`${scripts.folder}/why`);
  await announced();
  Deno.writeTextFileSync(maintenance, "");
  await withdrawn();
  await agent.said(`${maintenance} is there, and must not be`);
  Deno.removeSync(maintenance);
  await announced();
  application.kill("SIGKILL");
  await application.status;
  await withdrawn();
  await agent.said(`no process ${application.pid} runs, which ${pidFile} names`);
});

Deno.test("an agent that ends leaves no program of a check behind", async () => {
  await using scripts = new Scripts();
  const file = `${scripts.folder}/config.json`;
  const hang = scripts.script(
    "hang",
    "#!/bin/sh\ntrap '' TERM\nsleep 1000 &\necho $$ $! >> $DIR/pids\nwait\nwait\n",
  );
  Deno.writeTextFileSync(file, configOf([{ type: "exec", command: [hang] }], 1));
  await using agent = new AgentProcess(["--config", file]);
  await until(() => scripts.lines("pids").length === 1, () => agent.lines.join("\n"));
  agent.signal("SIGTERM");
  assert.deepEqual(await agent.exited, { code: 0, signal: null });
  for (const pid of scripts.lines("pids")[0]?.split(" ") ?? []) {
    await until(() => !isThere(Number(pid)), () => `${pid} is there`);
  }
});

function isThere(pid: number): boolean {
  try {
    // The one signal that an idle process does not notice.
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}

for (
  const [flag, check, words] of [
    [
      "--allow-run",
      { type: "exec", command: ["/bin/true"] },
      "check exec /bin/true needs --allow-run, for all",
    ],
    [
      "--allow-run",
      { type: "process", unit: "a.service" },
      "check unit a.service needs --allow-run, for all",
    ],
    ["--allow-ffi", { type: "process", pidFile: "/a.pid" }, "process checks need --allow-ffi"],
    ["--allow-ffi", { type: "file", path: "/a" }, "file checks need --allow-ffi"],
  ] as const
) {
  Deno.test(`without ${flag} an agent does not start with a check like ${JSON.stringify(check)}`, async () => {
    await using scripts = new Scripts();
    const file = `${scripts.folder}/config.json`;
    Deno.writeTextFileSync(file, configOf([check], 1));
    const flags = agentArguments().filter((each) => !each.startsWith(flag));
    const { code, stderr } = await run(Deno.execPath(), [...flags, "--config", file]);
    assert.equal(code, 3);
    assert.ok(stderr.includes(`service web: ${words}`), stderr);
  });
}
