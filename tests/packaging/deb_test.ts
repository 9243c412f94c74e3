// What the Debian package says of itself and of the host: control, version, settings, rules for our interfaces.
import assert from "node:assert/strict";
import { controlFile, copyright, debianVersion } from "../../packaging/deb/control.ts";
import { INTERFACE_GROUP } from "../../src/kernel/state.ts";

const FILES = "packaging/deb/files";
const BUILD = { commit: "0123456789abcdef0123456789abcdef01234567", committed: "2026-11-27T19:32:09Z" };

Deno.test("debianVersion() of a later commit is greater, and of an archive is the version (deb-version(7))", () => {
  assert.equal(debianVersion(BUILD, "0.1.0"), "0.1.0+git20261127193209.0123456789ab");
  const changed = { ...BUILD, commit: `${BUILD.commit}+changes` };
  assert.equal(debianVersion(changed, "0.1.0"), "0.1.0+git20261127193209.0123456789ab.changes");
  assert.equal(debianVersion(undefined, "0.1.0"), "0.1.0");
});

Deno.test("the control file has the fields that dpkg needs, a line each, and no empty line (deb-control(5))", () => {
  const text = controlFile("1", "arm64", 5);
  for (const field of ["Package", "Version", "Architecture", "Maintainer", "Depends", "Description"]) {
    assert.equal(text.match(new RegExp(`^${field}: .+$`, "gm"))?.length, 1, field);
  }
  assert.doesNotMatch(text, /\n\n/);
  for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
});

Deno.test("copyright() has the text of each licence, in the form of DEP-5", () => {
  const item = { name: "hono", version: "1.2.3", dependencies: [], integrity: "", licence: "MIT" };
  const text = copyright("MIT License\n\nCopyright (c) us\n\nPermission", [{
    ...item,
    licenceText: "Of Hono\n\nAll",
  }]);
  assert.match(text, /\nFiles: \*\nCopyright: .*\nLicense: MIT\n MIT License\n \.\n Copyright \(c\) us\n/);
  assert.match(
    text,
    /\nFiles: usr\/lib\/bgp-lb\/bgp-lb\.js\n.*hono\nLicense: MIT\n hono 1\.2\.3\n \.\n Of Hono\n \.\n All\n/,
  );
});

Deno.test("udev knows our interfaces by the group that they are created in, and postinst by the same one", () => {
  for (const path of [`${FILES}/90-bgp-lb.rules`, "packaging/deb/postinst"]) {
    const groups = [...Deno.readTextFileSync(path).matchAll(/netdev_group\}?={1,2}"?(\d+)/g)];
    assert.deepEqual(groups.map(([, group]) => Number(group)), [INTERFACE_GROUP], path);
  }
});

Deno.test("each setting of the kernel has a reason above it and is one that doctor knows", () => {
  const lines = Deno.readTextFileSync(`${FILES}/50-bgp-lb.conf`).split("\n");
  const doctor = [...Deno.readDirSync("src/doctor")]
    .map(({ name }) => Deno.readTextFileSync(`src/doctor/${name}`)).join("\n");
  const settings = lines.flatMap((line, index) => {
    const [, comment, name] = /^(#?)-?(net\.[\w.]+) = \d+$/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, active: comment === "", before: lines[index - 1] ?? "" }];
  });
  assert.ok(settings.length > 8);
  for (const { name, before } of settings) {
    assert.match(before, /^# .*\.$|^#-?net\./, `${name}: no reason`);
    const key = name.replace(/^net\.ipv4\.vs\./, "");
    assert.ok(doctor.includes(name) || doctor.includes(`"${key}"`), `${name}: doctor does not know it`);
  }
  // On any host: what lets packets through is for its operator.
  assert.deepEqual(settings.filter(({ active }) => active).map(({ name }) => name), [
    "net.ipv4.conf.all.arp_announce",
    "net.ipv4.vs.expire_nodest_conn",
    "net.ipv4.vs.expire_quiescent_template",
  ]);
});

Deno.test("maintainer scripts end at the first error, ask before they use systemd, and never start what did not run", () => {
  for (const name of ["postinst", "prerm", "postrm"]) {
    const text = Deno.readTextFileSync(`packaging/deb/${name}`);
    assert.match(text, /^#!\/bin\/sh\n(#.*\n)+set -e\n/, name);
    assert.ok(text.includes("[ -d /run/systemd/system ]"), name);
    assert.doesNotMatch(text, /\b(re)?start\b.*\$unit|systemctl (re)?start/, name);
  }
});
