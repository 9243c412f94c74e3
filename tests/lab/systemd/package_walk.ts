/**
 * The walk through the life of the Debian package, inside of a booted system: by the real dpkg and systemd, with IPVS, a
 * router and clients, whose connections are used all the time. /var/tmp has the packages.
 */
import assert from "node:assert/strict";
import { run, runOrThrow } from "../../support/process.ts";
import { eventually } from "../../support/until.ts";
import {
  config,
  journal,
  linkIndex,
  losses,
  PATIENCE_MS,
  show,
  startRouter,
  survives,
  systemctl,
  walk,
} from "./booted.ts";

const CONFIG = "/etc/bgp-lb/config.yaml";
const PACKAGES = ["/var/tmp/1.deb", "/var/tmp/2.deb"] as const;
const FAILURES = "/run/failures";
const ROUNDS = "/run/rounds";
/** Of clients, after what was done, so that what it broke is seen. */
const MORE_ROUNDS = 5;

function dpkg(...args: readonly string[]) {
  return run("dpkg", ["--force-unsafe-io", ...args], { timeoutMs: 100_000 });
}

async function dpkgOrThrow(...args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await dpkg(...args);
  assert.equal(code, 0, stdout + stderr);
}

/** Echoes on the port that IPVS leads to. */
async function serve(): Promise<void> {
  for await (const connection of Deno.listen({ port: 8080 })) {
    void connection.readable.pipeTo(connection.writable).catch(() => {});
  }
}

async function rounds(): Promise<number> {
  return (await Deno.readTextFile(ROUNDS).catch(() => "")).length;
}

/** Neither router nor kernel nor any client notices what is done. */
async function unnoticed(action: () => Promise<unknown>): Promise<void> {
  await action();
  const then = await rounds();
  await eventually(rounds, (count) => count >= then + MORE_ROUNDS, "clients go on", PATIENCE_MS, 200);
  assert.equal(await Deno.readTextFile(FAILURES), "");
}

await walk({
  "a first installation starts nothing, and sets what the kernel is to have": async () => {
    await runOrThrow("systemctl", ["start", "systemd-networkd"]);
    const { code, stdout, stderr } = await dpkg("-i", PACKAGES[0]);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stderr, /before the first start run: networkctl reload/);
    await runOrThrow("systemctl", ["stop", "systemd-networkd.socket", "systemd-networkd"]);
    assert.equal(await show("ActiveState"), "inactive");
    assert.equal((await systemctl("is-enabled", "bgp-lb")).stdout, "disabled\n");
    assert.equal((await Deno.readTextFile("/proc/sys/net/ipv4/conf/all/arp_announce")).trim(), "2");
  },
  "with a configuration it is started and announces": async () => {
    await Deno.mkdir("/etc/systemd/system/bgp-lb.service.d");
    const credential = "[Service]\nLoadCredential=router:/etc/bgp-lb/router.password\n";
    await Deno.writeTextFile("/etc/systemd/system/bgp-lb.service.d/credential.conf", credential);
    await Deno.writeTextFile("/etc/bgp-lb/router.password", "s3cret\n", { mode: 0o600 });
    await Deno.writeTextFile(CONFIG, config(), { mode: 0o600 });
    await runOrThrow("systemctl", ["daemon-reload"]);
    const { code, stderr } = await systemctl("enable", "--now", "bgp-lb");
    assert.equal(code, 0, stderr + await journal());
    await startRouter();
  },
  "clients come through IPVS": async () => {
    void serve();
    const client = [
      ...["/usr/local/lib/bgp-lb/deno", "run", "-A", "--no-config", "--no-lock", "--no-check"],
      ...["/repository/tests/lab/systemd/client.ts", FAILURES, ROUNDS],
    ];
    const place = [
      "--collect",
      "--quiet",
      "--setenv=DENO_DIR=/var/tmp/client",
      "ip",
      "netns",
      "exec",
      "router",
    ];
    await runOrThrow("systemd-run", [...place, ...client]);
    await unnoticed(async () => {});
  },
  "systemd-networkd, which is told to take such interfaces, leaves ours alone when it starts": async () => {
    const all = "[Match]\nKind=dummy\n\n[Network]\nLinkLocalAddressing=no\n";
    await Deno.mkdir("/etc/systemd/network", { recursive: true });
    await Deno.writeTextFile("/etc/systemd/network/20-all.network", all);
    await runOrThrow("ip", ["link", "add", "other", "type", "dummy"]);
    const lost = await losses();
    await unnoticed(async () => {
      await runOrThrow("systemctl", ["restart", "systemd-networkd"]);
      const links = () => runOrThrow("networkctl", ["--no-legend", "list"]);
      await eventually(
        links,
        (text) => /\bweb\b.*\bunmanaged\b/.test(text),
        "web is unmanaged",
        PATIENCE_MS,
        200,
      );
      await eventually(links, (text) => /\bother\b.*\bconfigur/.test(text), "other is not", PATIENCE_MS, 200);
    });
    assert.equal(await losses(), lost);
    assert.match(await runOrThrow("udevadm", ["info", "/sys/class/net/web"]), /^E: NM_UNMANAGED=1$/m);
    await runOrThrow("systemctl", ["stop", "systemd-networkd.socket", "systemd-networkd"]);
  },
  "an upgrade is noticed by nobody: the agent of before goes on until the new one is configured, and then hands over":
    async () => {
      const pid = await show("MainPID");
      await unnoticed(() => dpkgOrThrow("--unpack", PACKAGES[1]));
      assert.equal(await show("MainPID"), pid);
      await unnoticed(() => survives(() => dpkgOrThrow("--configure", "-a")));
      assert.match(await runOrThrow("bgp-lb", ["version"]), /f{40}/);
      assert.equal((await systemctl("is-enabled", "bgp-lb")).stdout, "enabled\n");
    },
  "a configuration that the other version refuses: the agent of before goes on, dpkg says why, and a second try is a downgrade":
    async () => {
      const [pid, lost, link] = [await show("MainPID"), await losses(), await linkIndex()];
      await Deno.writeTextFile(CONFIG, config({ services: [{ name: "web", addresses: ["10.99.0.x"] }] }));
      await unnoticed(async () => {
        const { code, stderr } = await dpkg("-i", PACKAGES[0]);
        assert.notEqual(code, 0);
        assert.match(stderr, /10\.99\.0\.x[^]*the agent of before goes on/);
      });
      assert.deepEqual([await show("MainPID"), await losses(), await linkIndex()], [pid, lost, link]);
      await Deno.writeTextFile(CONFIG, config());
      await unnoticed(() => survives(() => dpkgOrThrow("--configure", "bgp-lb")));
      assert.doesNotMatch(await runOrThrow("bgp-lb", ["version"]), /f{40}/);
    },
  "a removal withdraws in order, leaves nothing in the kernel, and keeps the configuration": async () => {
    const lost = await losses();
    await dpkgOrThrow("--remove", "bgp-lb");
    assert.equal(await losses(), lost + 1);
    assert.notEqual((await run("ip", ["link", "show", "web"])).code, 0);
    assert.match(await journal(), /stopping/);
    assert.equal((await Deno.stat(CONFIG)).isFile, true);
  },
  "a purge leaves nothing": async () => {
    await dpkgOrThrow("--purge", "bgp-lb");
    for (const path of ["/etc/bgp-lb", "/var/lib/bgp-lb", "/var/cache/bgp-lb", "/run/bgp-lb"]) {
      await assert.rejects(Deno.stat(path), Deno.errors.NotFound, path);
    }
    assert.equal((await systemctl("is-enabled", "bgp-lb")).stdout.includes("enabled"), false);
  },
});
Deno.exit();
