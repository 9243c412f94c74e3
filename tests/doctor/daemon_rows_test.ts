// Whether networkd and NetworkManager would take our interfaces, by their own rules.
import assert from "node:assert/strict";
import type { FindingStatus } from "../../src/doctor/finding.ts";
import { FakeDoctorHost } from "../support/doctor_host.ts";
import { lookBy, subject } from "./subjects.ts";

Deno.test("networkd takes what the first matching file gives it, and no more (systemd.network(5))", async () => {
  const rows: readonly (readonly [Readonly<Record<string, string>>, FindingStatus])[] = [
    [{}, "ok"],
    [{ "/etc/systemd/network/10-eth.network": "[Match]\nName=eth* en*\n" }, "ok"],
    [{ "/etc/systemd/network/10-not.network": "[Match]\nName=!eth0\n" }, "warning"],
    [{ "/usr/lib/systemd/network/10-dummy.network": "[Match]\nKind=dummy\n" }, "warning"],
    [{ "/etc/systemd/network/10-mac.network": "[Match]\nMACAddress=02:00:00:00:00:01\n" }, "ok"],
    [{
      "/etc/systemd/network/00-bgp-lb.network": "[Match]\nName=web\n\n[Link]\nUnmanaged=yes\n",
      "/etc/systemd/network/20-all.network": "[Match]\nName=*\n",
    }, "ok"],
    [{
      "/etc/systemd/network/20-all.network": "",
      "/usr/lib/systemd/network/20-all.network": "[Match]\nName=*\n",
    }, "ok"],
    // The package's own, and one for interfaces of somebody else's.
    [{
      "/usr/lib/systemd/network/00-bgp-lb.network": Deno.readTextFileSync(
        "packaging/deb/files/00-bgp-lb.network",
      ),
      "/etc/systemd/network/20-all.network": "[Match]\nName=*\n",
    }, "ok"],
    [{ "/etc/systemd/network/20-wifi.network": "[Match]\nProperty=ID_BUS=usb\n" }, "ok"],
  ];
  for (const [files, status] of rows) {
    const host = new FakeDoctorHost();
    host.process(11, "systemd-networkd");
    for (const [path, text] of Object.entries(files)) host.files.set(path, text);
    assert.equal(
      (await lookBy("systemd-networkd", host, subject()))[0]?.status,
      status,
      JSON.stringify(files),
    );
  }
});

Deno.test("NetworkManager leaves alone what its unmanaged-devices name (NetworkManager.conf(5))", async () => {
  const rows: readonly (readonly [string, FindingStatus])[] = [
    ["", "warning"],
    ["unmanaged-devices=interface-name:eth0", "warning"],
    ["unmanaged-devices=mac:02:00:00:00:00:01;interface-name:w*", "ok"],
    ["unmanaged-devices+=type:dummy", "ok"],
    ["unmanaged-devices=web", "ok"],
  ];
  for (const [line, status] of rows) {
    const host = new FakeDoctorHost();
    host.process(12, "NetworkManager");
    host.files.set("/etc/NetworkManager/conf.d/a.conf", `[keyfile]\n${line}\n`);
    assert.equal((await lookBy("NetworkManager", host, subject()))[0]?.status, status, line);
  }
});

Deno.test("NetworkManager leaves alone what udev says is unmanaged, as the package's rules do (NM_UNMANAGED)", async () => {
  const host = new FakeDoctorHost();
  host.process(12, "NetworkManager");
  const rules = Deno.readTextFileSync("packaging/deb/files/90-bgp-lb.rules");
  host.files.set("/usr/lib/udev/rules.d/90-bgp-lb.rules", rules);
  assert.equal((await lookBy("NetworkManager", host, subject()))[0]?.status, "ok");
});
