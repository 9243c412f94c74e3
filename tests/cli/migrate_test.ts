// `bgp-lb migrate`: the reference's file in ours, and what it refuses.
import assert from "node:assert/strict";
import { migrate } from "../../src/cli/migrate.ts";
import { configOf, MINIMAL } from "../config/text.ts";
import { filePorts } from "./files.ts";

const REFERENCE = Deno.readTextFileSync("tests/golden/config/reference.json.golden");

Deno.test("migrate() prints the file in our format, to the same configuration (CONTRACT bgp-lb migrate)", async () => {
  const ports = filePorts({ "a.json": REFERENCE });
  assert.equal(await migrate({ files: ["a.json"] }, ports), 0);
  assert.deepEqual(ports.err, []);
  assert.equal(
    ports.out.join(""),
    Deno.readTextFileSync("tests/golden/config/reference.migrated.yaml.golden"),
  );
  assert.deepEqual(configOf(ports.out.join("")), configOf(REFERENCE));
});

Deno.test("migrate() makes the reference's flags part of the file", async () => {
  const ports = filePorts({ "a.json": REFERENCE });
  const overrides = { ipvsSetup: "true", logLevel: "debug", metricsAddress: "" };
  assert.equal(await migrate({ files: ["a.json"], overrides }, ports), 0);
  assert.deepEqual(configOf(ports.out.join("")), configOf(REFERENCE, overrides));
});

Deno.test("migrate() refuses files of our format, faulty ones and missing ones with status 2", async () => {
  const rows: readonly (readonly [string, string])[] = [
    ["ours.yaml", "ours.yaml: is in the format of bgp-lb already: it has no service\n"],
    ["none.json", "none.json: does not exist\n"],
    [
      "bad.json",
      'bad.json:21:11: service.ip: must be an IPv4 address (got "10.88.2.")\n',
    ],
  ];
  const ports = filePorts({ "ours.yaml": MINIMAL, "bad.json": REFERENCE.replace("10.88.2.1", "10.88.2.") });
  for (const [file, message] of rows) {
    ports.err.length = 0;
    assert.equal(await migrate({ files: [file] }, ports), 2);
    assert.deepEqual(ports.err, [message]);
    assert.deepEqual(ports.out, []);
  }
});

Deno.test("migrate() of - reads standard input (faults C10)", async () => {
  const ports = filePorts({ "-": REFERENCE });
  assert.equal(await migrate({ files: ["-"] }, ports), 0);
  assert.deepEqual(configOf(ports.out.join("")), configOf(REFERENCE));
});

const OPTIONS = "command = true\nip = 198.51.100.1\nincrease = 0\n";
const INI = "[a]\nip_prefix = 198.51.100.1/32\n";
const KEEPALIVED = "virtual_server 198.51.100.1 80 {\n  real_server 192.0.2.2 80 {\n  }\n}\n";
const SPEAKER = { routerID: "192.0.2.10", localAS: "64512", peers: "192.0.2.1", peerAS: "64500" };

Deno.test("migrate() tells a file's format by its content, and takes the flags for what no file says", async () => {
  const ports = filePorts({
    options: OPTIONS,
    conf: "process a {\n  run exabgp healthcheck --ip 198.51.100.1;\n}\n",
    ini: INI,
    keepalived: KEEPALIVED,
  });
  for (const file of ["options", "conf", "ini", "keepalived"]) {
    ports.out.length = 0;
    assert.equal(
      await migrate({ files: [file], speaker: SPEAKER, overrides: { ipvsSetup: "false" } }, ports),
      0,
      file,
    );
    const config = configOf(ports.out.join(""));
    assert.deepEqual(config.services.map(({ addresses }) => addresses.map(({ text }) => text)), [[
      "198.51.100.1",
    ]]);
    assert.equal(config.network.ipvs, false);
    assert.deepEqual(config.bgp.peers.map(({ address, as }) => [address.text, as]), [["192.0.2.1", 64500]]);
  }
});

Deno.test("migrate() prints what it lacks on stderr with the source's places, and what check will say", async () => {
  const ports = filePorts({ a: `${INI}interface = lo\ncheck_disabled = no\n` });
  assert.equal(await migrate({ files: ["a"], speaker: { ...SPEAKER, peerAS: undefined } }, ports), 0);
  const [told, ...refused] = ports.err;
  assert.equal(
    told,
    "a:3:1: warning: interface: has no equivalent: the address is bound to an interface of its own, named like the service\n",
  );
  assert.deepEqual(refused.map((line) => line.replace(/:\d+:\d+:/, ":")), [
    "bgp-lb check will refuse it until this is put right:\n",
    '<output>: bgp.peers[0].as: must be an AS number, a whole number from 1 to 4294967295 (got "FILL-IN")\n',
  ]);
});

Deno.test("migrate() tells names of the source that cannot be printed as escapes (found by fuzz)", async () => {
  const ports = filePorts({ a: `${INI}sur\tprise = lo\ncheck_disabled = no\n` });
  assert.equal(await migrate({ files: ["a"], speaker: SPEAKER }, ports), 0);
  assert.equal(ports.err[0], "a:3:1: warning: sur\\u0009prise: is not known to migrate: left out\n");
});

Deno.test("migrate() says what a file could be that is unclear, what is wrong in it, and what --from can be", async () => {
  const both = `${KEEPALIVED}neighbor 192.0.2.1 {\n}\n`;
  const ports = filePorts({ both, none: "hello\n", INI, KEEPALIVED, broken: "[a]\nx\n", REFERENCE, OPTIONS });
  const formats = "exabgp|anycast-healthchecker|keepalived|reference";
  const list = formats.replaceAll("|", ", ");
  const rows: readonly (readonly [readonly string[], string | undefined, string])[] = [
    [["both"], undefined, "both: could be of exabgp or keepalived: say which by --from\n"],
    [["none"], undefined, `none: is of no format that is known by its content: say --from ${formats}\n`],
    [
      ["INI"],
      "keepalive",
      `error: --from must be one of ${list}, did you mean keepalived? (got "keepalive")\n`,
    ],
    [
      ["INI", "KEEPALIVED"],
      undefined,
      "error: the files are of anycast-healthchecker and keepalived: name files of one configuration, or say --from\n",
    ],
    [["broken"], undefined, "broken:2:1: must be NAME = VALUE\n"],
    [["INI"], "keepalived", "INI:1:1: has no service of keepalived in it\n"],
    [["INI"], "reference", "INI:2:1: not valid YAML: a key is followed by a colon and a space, not by =\n"],
    [["REFERENCE", "REFERENCE"], undefined, "REFERENCE: the reference has one file\n"],
    [["OPTIONS"], "anycast-healthchecker", "OPTIONS:1:1: command stands before the first section\n"],
  ];
  for (const [files, from, message] of rows) {
    ports.err.length = 0;
    assert.equal(await migrate({ files, from }, ports), 2, message);
    assert.deepEqual(ports.err, [message]);
    assert.deepEqual(ports.out, []);
  }
});

Deno.test("migrate() of what ExaBGP may be told in two places gives each key once, that of its capability", async () => {
  const neighbor = "neighbor 192.0.2.1 { capability { graceful-restart 60; } graceful-restart 90; }";
  const ports = filePorts({ a: neighbor });
  assert.equal(await migrate({ files: ["a"] }, ports), 0);
  const [peer] = [...ports.out.join("").matchAll(/gracefulRestart:\n *restartTime: (\w+)/g)].map(([, time]) =>
    time
  );
  assert.equal(peer, "60s");
  assert.equal(ports.out.join("").split("gracefulRestart").length, 2);
});

Deno.test("migrate() shows what a file has in words that move no cursor, and cuts them", async () => {
  for (const name of ["\u0011", "\u001b[2J", "\u202e", "x".repeat(100_000)]) {
    const ports = filePorts({ a: `neighbor 192.0.2.1 { ${name}}` });
    assert.equal(await migrate({ files: ["a"], from: "exabgp" }, ports), 2);
    assert.match(ports.err.join(""), /^a:1:22: [!-~]{1,300}…?( is not ended by a ;)?\n$/);
  }
});
