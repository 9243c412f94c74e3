// `bgp-lb check`: exit status, problems to stderr, the answer to stdout.
import assert from "node:assert/strict";
import { check } from "../../src/cli/check.ts";
import { configOf, MINIMAL } from "../config/text.ts";
import { filePorts } from "./files.ts";

Deno.test("check() of a valid file says so and resolves to 0 (CONTRACT Command line)", async () => {
  const ports = filePorts({ "a.yaml": MINIMAL });
  assert.equal(await check({ file: "a.yaml", print: false }, ports), 0);
  assert.deepEqual(ports.err, ["a.yaml: valid: 1 service, 1 peer\n"]);
  assert.deepEqual(ports.out, []);
});

Deno.test("check() of a faulty file prints every problem and resolves to 2 (CONTRACT Command line)", async () => {
  const ports = filePorts({ "a.yaml": `${MINIMAL.replace("65512}\n", "0}\n")}bogus: 1\n` });
  assert.equal(await check({ file: "a.yaml", print: true }, ports), 2);
  assert.deepEqual(ports.err, [
    "a.yaml:2:35: bgp.local.as: must be an AS number, a whole number from 1 to 4294967295 (got 0)\n",
    "a.yaml:6:1: bogus: is not a known key\n",
    "a.yaml: 2 problems, cannot be used\n",
  ]);
  assert.deepEqual(ports.out, []);
});

Deno.test("check() of a missing file says so and resolves to 2", async () => {
  const ports = filePorts({});
  assert.equal(await check({ file: "a.yaml", print: false }, ports), 2);
  assert.deepEqual(ports.err, ["a.yaml: does not exist\n", "a.yaml: 1 problem, cannot be used\n"]);
});

Deno.test("check() prints what would be run, flags and defaults included, without passwords", async () => {
  const withPassword = MINIMAL.replace("as: 65512}]", "as: 65512, passwordFile: /key}]");
  const ports = filePorts({ "a.yaml": withPassword, "/key": "hunter2" });
  const overrides = { metricsAddress: ":9100", ipvsSetup: "false" };
  assert.equal(await check({ file: "a.yaml", print: true, overrides }, ports), 0);
  const printed = ports.out.join("");
  assert.ok(!printed.includes("hunter2"));
  const expected = configOf(MINIMAL.replace("as: 65512}]", "as: 65512, password: (not shown)}]"), overrides);
  assert.deepEqual(configOf(printed), expected);
});

Deno.test("check() shows warnings of a usable file, and the reference's format", async () => {
  const reference = JSON.stringify({
    bgp: { local: { routerID: "10.0.0.1", as: 1 }, peers: [{ address: "10.0.0.2", as: 1 }] },
    service: { name: "web", ip: "10.99.0.1", comment: "x" },
  });
  const ports = filePorts({ "a.json": reference });
  assert.equal(await check({ file: "a.json", print: false }, ports), 0);
  assert.deepEqual(ports.err, [
    "a.json:1:130: warning: service.comment: is not a known key and ignored\n",
    "a.json: valid: 1 service, 1 peer, in the reference's format\n",
  ]);
});

Deno.test("check() of /dev/stdin and the like reads standard input as - does, also where it is a pipe", async () => {
  for (const file of ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"]) {
    const ports = filePorts({ "-": MINIMAL });
    assert.equal(await check({ file, print: false }, ports), 0);
    assert.deepEqual(ports.err, ["<stdin>: valid: 1 service, 1 peer\n"]);
  }
});

Deno.test("check() of - reads standard input, and calls it that (faults C10)", async () => {
  const valid = filePorts({
    "-": MINIMAL.replace("as: 65512}]", "as: 65512, passwordFile: /key}]"),
    "/key": "hunter2",
  });
  assert.equal(await check({ file: "-", print: false }, valid), 0);
  assert.deepEqual(valid.err, ["<stdin>: valid: 1 service, 1 peer\n"]);
  const faulty = filePorts({ "-": `${MINIMAL}bogus: 1\n` });
  assert.equal(await check({ file: "-", print: false }, faulty), 2);
  assert.deepEqual(faulty.err, [
    "<stdin>:6:1: bogus: is not a known key\n",
    "<stdin>: 1 problem, cannot be used\n",
  ]);
  const closed = {
    ...filePorts({}),
    readStdin: () => Promise.reject(new Error("cannot be read: Bad file descriptor")),
  };
  assert.equal(await check({ file: "-", print: false }, closed), 2);
  assert.deepEqual(closed.err, [
    "<stdin>: cannot be read: Bad file descriptor\n",
    "<stdin>: 1 problem, cannot be used\n",
  ]);
});
