/**
 * The walk through the life of the installed service, inside of a booted system: BIRD in a namespace is the router, and keeps
 * a record of every route that it loses. Each step is reported; one that fails ends none of the others.
 */
import assert from "node:assert/strict";
import { run, runOrThrow } from "../../support/process.ts";
import { eventually } from "../../support/until.ts";
import { encodeStep } from "./walk_step.ts";

const CONFIG = "/etc/bgp-lb/config.yaml";
const DROP_INS = "/etc/systemd/system/bgp-lb.service.d";
const PREFIX = "10.99.0.1";
const PATIENCE_MS = 40_000;

const BIRD = `
log stderr all;
router id 10.0.0.2;
protocol device {}
protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }
protocol bgp host {
  local 10.0.0.2 as 65513; neighbor 10.0.0.1 as 65512; password "s3cret";
  passive; graceful restart on; error wait time 1, 2;
  ipv4 { import all; export none; };
}
`;

function config(more: Readonly<Record<string, unknown>> = {}): string {
  const services = [{
    name: "web",
    addresses: [PREFIX],
    ports: [{ port: 80, targetPort: 8080 }],
    stop: { converge: "300ms", quiesce: "1s" },
  }];
  const passwordFile = "/run/credentials/bgp-lb.service/router";
  const bgp = {
    local: { routerID: "10.0.0.1", as: 65512 },
    peers: [{ address: "10.0.0.2", as: 65513, passwordFile, gracefulRestart: { restartTime: "60s" } }],
  };
  return JSON.stringify({ bgp, services, ...more });
}

function systemctl(...args: readonly string[]) {
  return run("systemctl", args);
}

async function show(property: string): Promise<string> {
  return (await runOrThrow("systemctl", ["show", "-P", property, "bgp-lb"])).trim();
}

async function journal(...args: readonly string[]): Promise<string> {
  return await runOrThrow("journalctl", ["-u", "bgp-lb", "-o", "cat", "--no-pager", ...args]);
}

/** Waits until the service says so of itself. */
async function says(words: RegExp): Promise<void> {
  await eventually(() => show("StatusText"), (text) => words.test(text), String(words), PATIENCE_MS, 200);
}

/** Routes to the service that the router has lost so far. */
async function losses(): Promise<number> {
  const text = await Deno.readTextFile("/run/routes");
  return text.split("\n").filter((line) => line.includes(PREFIX) && line.startsWith("Deleted")).length;
}

async function linkIndex(): Promise<string> {
  return (await runOrThrow("ip", ["-o", "link", "show", "web"])).split(":")[0] ?? "";
}

async function dropIn(name: string, text: string): Promise<void> {
  await Deno.mkdir(DROP_INS, { recursive: true });
  await Deno.writeTextFile(`${DROP_INS}/${name}.conf`, text);
  await runOrThrow("systemctl", ["daemon-reload"]);
}

/** Does what ends the process without a stop: the next one goes on, and neither router nor kernel loses anything. */
async function survives(end: () => Promise<unknown>): Promise<void> {
  const [pid, lost, link] = [await show("MainPID"), await losses(), await linkIndex()];
  await end();
  await eventually(
    () => show("MainPID"),
    (next) => !["0", pid].includes(next),
    "the next process",
    PATIENCE_MS,
    200,
  );
  await says(/announcing 1 of 1 service to 1 of 1 router/);
  assert.deepEqual([await losses(), await linkIndex()], [lost, link], "routes lost, interface");
}

const steps: Readonly<Record<string, () => Promise<void>>> = {
  "starts without any network, is ready after the first full apply, and says how it goes": async () => {
    await dropIn("credentials", "[Service]\nLoadCredential=router:/etc/bgp-lb/router.password\n");
    await Deno.mkdir("/etc/bgp-lb");
    await Deno.writeTextFile("/etc/bgp-lb/router.password", "s3cret\n", { mode: 0o600 });
    await Deno.writeTextFile(CONFIG, config(), { mode: 0o600 });
    const { code, stderr } = await systemctl("start", "bgp-lb");
    assert.equal(code, 0, stderr);
    assert.equal(await show("ActiveState"), "active");
    assert.match(await runOrThrow("ip", ["-o", "addr", "show", "web"]), /10\.99\.0\.1\/32/);
    assert.match(await show("StatusText"), /announcing \d of 1 service to 0 of 1 router/);
  },
  "announces to a router whose password is a credential": async () => {
    await runOrThrow("ip", ["netns", "add", "router"]);
    await runOrThrow("ip", [
      "link",
      "add",
      "uplink",
      "type",
      "veth",
      "peer",
      "name",
      "host",
      "netns",
      "router",
    ]);
    await runOrThrow("ip", ["addr", "add", "10.0.0.1/24", "dev", "uplink"]);
    await runOrThrow("ip", ["link", "set", "uplink", "up"]);
    for (const args of [["addr", "add", "10.0.0.2/24", "dev", "host"], ["link", "set", "host", "up"]]) {
      await runOrThrow("ip", ["-n", "router", ...args]);
    }
    await Deno.writeTextFile("/run/bird.conf", BIRD);
    const inside = ["--collect", "--quiet", "ip", "netns", "exec", "router"];
    await runOrThrow("systemd-run", [...inside, "sh", "-c", "exec ip monitor route >/run/routes"]);
    await runOrThrow("systemd-run", [...inside, "bird", "-f", "-c", "/run/bird.conf", "-s", "/run/bird.ctl"]);
    await says(/announcing 1 of 1 service to 1 of 1 router/);
    const routes = () => Deno.readTextFile("/run/routes");
    await eventually(routes, (text) => text.includes(PREFIX), "the route", PATIENCE_MS);
  },
  "reloads: systemctl waits, and fails with the agent's words where the file is refused": async () => {
    await Deno.writeTextFile(CONFIG, config({ log: { level: "debug" } }));
    assert.equal((await systemctl("reload", "bgp-lb")).code, 0);
    await Deno.writeTextFile(CONFIG, config({ services: [{ name: "web", addresses: ["10.99.0.x"] }] }));
    assert.notEqual((await systemctl("reload", "bgp-lb")).code, 0);
    assert.equal(await show("ActiveState"), "active");
    await says(/the last reload was refused: .*10\.99\.0\.x/);
    assert.match(await journal(), /10\.99\.0\.x/);
    await Deno.writeTextFile(CONFIG, config());
    assert.equal((await systemctl("reload", "bgp-lb")).code, 0);
    await says(/^announcing 1 of 1 service to 1 of 1 router/);
  },
  "SIGHUP is a reload, too, which the service manager sees from its begin to its end": async () => {
    await Deno.writeTextFile(CONFIG, "{");
    await runOrThrow("systemctl", ["kill", "--signal=HUP", "--kill-whom=main", "bgp-lb"]);
    await says(/the last reload was refused/);
    assert.equal(await show("ActiveState"), "active");
    await Deno.writeTextFile(CONFIG, config());
    assert.equal((await systemctl("reload", "bgp-lb")).code, 0);
  },
  "a handover is an upgrade without loss: systemd starts the next process": async () => {
    await survives(() => runOrThrow("/usr/local/bin/bgp-lb", ["handover"]));
    assert.equal(await show("NRestarts"), "1");
    assert.match(await journal(), /handing over/);
  },
  "one that gives no sign of life is ended, and the next one adopts what there is": async () => {
    await dropIn("watchdog", "[Service]\nWatchdogSec=6s\n");
    await survives(() => runOrThrow("/usr/local/bin/bgp-lb", ["handover"]));
    await survives(async () => {
      await runOrThrow("systemctl", ["kill", "--signal=STOP", "--kill-whom=main", "bgp-lb"]);
    });
    assert.match(await journal("-p", "err"), /watchdog timeout/i);
  },
  "stops in order, with success, and leaves nothing behind": async () => {
    const lost = await losses();
    assert.equal((await systemctl("stop", "bgp-lb")).code, 0);
    assert.equal(await show("Result"), "success");
    assert.equal(await losses(), lost + 1);
    assert.notEqual((await run("ip", ["link", "show", "web"])).code, 0);
    assert.match(await journal(), /stopping/);
  },
  "a broken file is told in words and as an error, and is not started again": async () => {
    await runOrThrow("systemctl", ["daemon-reload"]);
    await Deno.writeTextFile(CONFIG, config({ services: [{ name: "web", addresses: ["10.99.0.y"] }] }));
    assert.notEqual((await systemctl("start", "bgp-lb")).code, 0);
    assert.deepEqual([await show("Result"), await show("ExecMainStatus")], ["exit-code", "2"]);
    assert.match((await systemctl("status", "--no-pager", "bgp-lb")).stdout, /10\.99\.0\.y/);
    assert.match(await journal("-p", "err"), /10\.99\.0\.y/);
    assert.equal(await show("ActiveState"), "failed", "and not about to be started again");
    await runOrThrow("systemctl", ["reset-failed", "bgp-lb"]);
  },
  "lines have the priority of their level": async () => {
    assert.match(await journal("-p", "info"), /session is Established/);
    assert.doesNotMatch(await journal("-p", "warning"), /session is Established/);
  },
  "works as a user of its own, with a file that is root's alone (packaging/own-user.conf)": async () => {
    await Deno.writeTextFile(CONFIG, config());
    const ownUser = await Deno.readTextFile("packaging/own-user.conf");
    const start = (await show("ExecStart")).replace(/^.*argv\[\]=(.*?) ; ignore_errors=.*$/s, "$1");
    await dropIn(
      "own-user",
      `${ownUser}ExecStart=\nExecStart=${start} --config /run/credentials/bgp-lb.service/config.yaml\n`,
    );
    assert.equal((await systemctl("start", "bgp-lb")).code, 0, await journal("-n", "20"));
    await says(/announcing 1 of 1 service to 1 of 1 router/);
    const pid = await show("MainPID");
    assert.notEqual((await runOrThrow("stat", ["-c", "%u", `/proc/${pid}`])).trim(), "0");
    assert.match(await runOrThrow("/usr/local/bin/bgp-lb", ["status"]), /web/);
    assert.equal((await systemctl("stop", "bgp-lb")).code, 0);
    assert.doesNotMatch(await journal("-p", "err", "-n", "20"), /denied|permitted/i);
  },
};

for (const [name, step] of Object.entries(steps)) {
  const sinceMs = performance.now();
  const problem = await step().then(() => undefined, (error) => String(error?.stack ?? error));
  const tail = problem === undefined ? "" : `\n${await journal("-n", "12").catch(String)}`;
  const ms = Math.round(performance.now() - sinceMs);
  console.log(encodeStep({ name, problem: problem === undefined ? undefined : problem + tail, ms }));
}
console.log("walk: over");
