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

Deno.test("migrate() of what ExaBGP may be told in two places gives each key once, the last one", async () => {
  const neighbor = "neighbor 192.0.2.1 { capability { graceful-restart 60; } graceful-restart 90; }";
  const ports = filePorts({ a: neighbor });
  assert.equal(await migrate({ files: ["a"] }, ports), 0);
  const [peer] = [...ports.out.join("").matchAll(/gracefulRestart:\n *restartTime: (\w+)/g)].map(([, time]) =>
    time
  );
  assert.equal(peer, "90s");
  assert.equal(ports.out.join("").split("gracefulRestart").length, 2);
});

Deno.test("migrate() shows what a file has in words that move no cursor, and cuts them", async () => {
  for (const name of ["\u0011", "\u001b[2J", "\u202e", "x".repeat(100_000)]) {
    const ports = filePorts({ a: `neighbor 192.0.2.1 { ${name}}` });
    assert.equal(await migrate({ files: ["a"], from: "exabgp" }, ports), 2);
    assert.match(ports.err.join(""), /^a:1:22: [!-~]{1,300}…?( is not ended by a ;)?\n$/);
  }
});
