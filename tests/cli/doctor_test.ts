// `bgp-lb doctor`: against which configuration it looks, what it answers, and with which status.
import assert from "node:assert/strict";
import { doctor, type DoctorArguments } from "../../src/cli/doctor.ts";
import type { Found } from "../../src/control/client.ts";
import type { Style } from "../../src/text/style.ts";
import { PLAIN } from "../../src/text/style.ts";
import { MINIMAL } from "../config/text.ts";
import { FakeDoctorHost } from "../support/doctor_host.ts";
import { filePorts } from "./files.ts";

const DEFAULT = "/etc/bgp-lb/config.yaml";
const KEYED = MINIMAL.replace("as: 65512}]", "as: 65512, password: s3cr3t}]");
const KEY_FILE = MINIMAL.replace("as: 65512}]", "as: 65512, passwordFile: /key}]");

interface World {
  readonly files?: Readonly<Record<string, string>>;
  readonly modes?: Readonly<Record<string, number>>;
  readonly found?: Found | Error;
  readonly style?: Style;
  readonly hostFault?: Error;
  readonly spoil?: (host: FakeDoctorHost) => void;
}

/** What the command did in a world. */
async function run(args: Partial<DoctorArguments>, world: World = {}) {
  const host = new FakeDoctorHost();
  world.spoil?.(host);
  const files = filePorts(world.files ?? { "a.yaml": MINIMAL });
  const asked: string[] = [];
  const status = await doctor({ file: undefined, json: false, socket: undefined, ...args }, {
    ...files,
    readFile: (path) => ({ ...files.readFile(path), mode: world.modes?.[path] ?? 0o600 }),
    style: world.style ?? PLAIN,
    findAgent(path) {
      asked.push(path);
      const { found = { type: "nobody" } } = world;
      return found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
    },
    withHost: (use) => world.hostFault === undefined ? use(host) : Promise.reject(world.hostFault),
  });
  return { status, asked, out: files.out.join(""), err: files.err.join("") };
}

Deno.test("doctor() of a fit host ends with 0, and says what it was held against", async () => {
  const { status, out, err } = await run({ file: "a.yaml" });
  assert.equal(status, 0, out);
  assert.match(out, /^This host is fit for a\.yaml: \d+ fit\.\n\nok {7}libnl/);
  assert.equal(err, "");
});

Deno.test("doctor() ends with 3 where something does not work, with 0 where there are only warnings (CONTRACT Meanings)", async () => {
  const unfit = await run({ file: "a.yaml" }, { spoil: (host) => host.dummy = false });
  assert.equal(unfit.status, 3);
  assert.match(
    unfit.out,
    /^This host is not fit for a\.yaml: 1 problem, \d+ fit\.\n\nproblem {2}dummy\n {2}found {2}/,
  );
  const warned = await run({ file: "a.yaml" }, {
    spoil: (host) => host.set("net.ipv4.conf.all.arp_announce", 0),
  });
  assert.equal(warned.status, 0);
  assert.match(
    warned.out,
    /^This host is fit for a\.yaml: 1 warning, \d+ fit\.\n\nwarning {2}arp_announce\n/,
  );
  assert.match(warned.out, /\n {2}run {4}sysctl -w net\.ipv4\.conf\.all\.arp_announce=2\n/);
  assert.match(warned.out, /sysctl -w holds until the next boot/);
});

Deno.test("doctor() puts problems first, then warnings, then what could not be looked at", async () => {
  const { out } = await run({ file: "a.yaml", json: true }, {
    spoil(host) {
      host.hidden.add("hasDummy");
      host.set("net.ipv4.conf.all.arp_announce", 0);
      host.credentials({ uid: 1, capabilities: "0" });
    },
  });
  const { fit, file, findings } = JSON.parse(out);
  assert.deepEqual([fit, file], [false, "a.yaml"]);
  const worst = findings.filter(({ status }: { status: string }) => status !== "ok");
  assert.deepEqual(worst.map(({ name, status }: { name: string; status: string }) => [name, status]), [
    ["capabilities", "problem"],
    ["capabilities", "problem"],
    ["arp_announce", "warning"],
    ["dummy", "unknown"],
  ]);
  assert.equal(worst[3].found, "could not be looked at: it is dark");
});

Deno.test("doctor() takes the default file, and where there is none looks at the host alone, and says so", async () => {
  const usual = await run({}, { files: { [DEFAULT]: MINIMAL } });
  assert.equal(usual.status, 0);
  assert.match(usual.out, /^This host is fit for \/etc\/bgp-lb\/config\.yaml:/);
  const alone = await run({}, { files: {} });
  assert.equal(alone.status, 0);
  assert.match(
    alone.err,
    /^\/etc\/bgp-lb\/config\.yaml cannot be read, and no FILE is named: this is about the host alone\n$/,
  );
  assert.match(alone.out, /^This host is fit for the agent \(no configuration: the host alone\): /);
});

Deno.test("doctor() of an invalid or unreadable file ends with 2 and its problems (CONTRACT Meanings)", async () => {
  const invalid = await run({ file: "a.yaml" }, { files: { "a.yaml": `${MINIMAL}bogus: 1\n` } });
  assert.deepEqual([invalid.status, invalid.out], [2, ""]);
  assert.equal(invalid.err, "a.yaml:6:1: bogus: is not a known key\na.yaml: cannot be used\n");
  assert.equal((await run({ file: "b.yaml" })).status, 2);
  assert.equal((await run({ socket: "" })).status, 2);
});

Deno.test("doctor() asks who runs at the file's control socket, or at the one that is named, and says who", async () => {
  const found: Found = { type: "agent", agent: { version: "1", pid: 7 } };
  const { out, asked } = await run({ file: "a.yaml" }, { found });
  assert.deepEqual(asked, ["/run/bgp-lb/control.sock"]);
  assert.match(out, /\nHere an agent \(pid 7, version 1\) runs at \/run\/bgp-lb\/control\.sock\.\n/);
  assert.deepEqual((await run({ file: "a.yaml", socket: "/s" })).asked, ["/s"]);
  const doubtful = await run({ file: "a.yaml" }, { found: { type: "other" } });
  assert.match(doubtful.out, /warning {2}control socket\n {2}found {2}what answers at \S+ is no agent\n/);
});

Deno.test("doctor() looks at the files that passwords are in, and at no others, and shows none", async () => {
  const everybody = 0o644;
  const rows: readonly (readonly [string, Readonly<Record<string, number>>, readonly string[]])[] = [
    [MINIMAL, { "a.yaml": everybody }, []],
    [KEYED, { "a.yaml": everybody }, ["a.yaml"]],
    [KEYED, {}, []],
    [KEY_FILE, { "a.yaml": everybody }, []],
    [KEY_FILE, { "/key": 0o640 }, ["/key"]],
  ];
  for (const [text, modes, exposed] of rows) {
    const { out, err } = await run({ file: "a.yaml", json: true }, {
      files: { "a.yaml": text, "/key": "s3cr3t\n" },
      modes,
    });
    const findings: readonly { name: string; status: string; command: string }[] = JSON.parse(out).findings;
    const found = findings.filter(({ name, status }) => name === "secrets" && status === "warning");
    assert.deepEqual(found.map(({ command }) => command), exposed.map((path) => `chmod go= ${path}`));
    assert.doesNotMatch(out + err, /s3cr3t/);
  }
});

Deno.test("doctor() that cannot look at the host at all says why, with status 3", async () => {
  const { status, err } = await run({ file: "a.yaml" }, {
    hostFault: new Error("not permitted (run with --allow-ffi)"),
  });
  assert.deepEqual([status, err], [
    3,
    "this host cannot be looked at: not permitted (run with --allow-ffi)\n",
  ]);
});

Deno.test("doctor() breaks lines at the terminal's width, but for commands, which are copied", async () => {
  const style = { width: 60, colour: true };
  const { out } = await run({ file: "a.yaml" }, { style, spoil: (host) => host.libnl = "x".repeat(20) });
  assert.ok(out.includes("\u001b[31mproblem  libnl\u001b[0m\n"), out);
  assert.match(out, /^ {2}why {4}interfaces, addresses and IPVS are reached through\n {9}it: /m);
  assert.match(out, /^ {2}run {4}apt-get install -y libnl-3-200 libnl-genl-3-200$/m);
});
