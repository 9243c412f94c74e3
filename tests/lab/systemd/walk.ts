/**
 * The walk through the life of the installed service, inside of a booted system: BIRD in a namespace is the router, and keeps
 * a record of every route that it loses. Each step is reported; one that fails ends none of the others.
 */
import assert from "node:assert/strict";
import { run, runOrThrow } from "../../support/process.ts";
import { config, journal, losses, says, show, startRouter, survives, systemctl, walk } from "./booted.ts";

const CONFIG = "/etc/bgp-lb/config.yaml";
const DROP_INS = "/etc/systemd/system/bgp-lb.service.d";

async function dropIn(name: string, text: string): Promise<void> {
  await Deno.mkdir(DROP_INS, { recursive: true });
  await Deno.writeTextFile(`${DROP_INS}/${name}.conf`, text);
  await runOrThrow("systemctl", ["daemon-reload"]);
}

await walk({
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
    await startRouter();
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
});
