/** What checks are called and known by, and that the schema takes every kind of the registry. */
import assert from "node:assert/strict";
import { parseConfig } from "../../src/config/load.ts";
import { renderConfig } from "../../src/config/render.ts";

function namesOf(checks: readonly unknown[]): readonly string[] {
  const file = {
    bgp: { local: { routerID: "10.0.0.1", as: 65512 }, peers: [{ address: "10.0.0.2", as: 65512 }] },
    services: [{ name: "web", addresses: ["10.99.0.1"], checks }],
  };
  const result = parseConfig(JSON.stringify(file), { fileName: "x", readSecretFile: () => ({ text: "" }) });
  assert.ok(result.ok, JSON.stringify(result));
  return result.config.services[0]?.checks.map(({ name }) => name) ?? [];
}

const HTTP = { type: "http", port: 80 } as const;
const DNS = { type: "dns", name: "Example.org." } as const;
const PING = { type: "ping", addresses: ["1.1.1.1", "2001:db8::1"] } as const;

for (
  const [checks, names] of [
    [[], []],
    [[HTTP], ["http 127.0.0.1:80/"]],
    [[{ ...HTTP, address: "::1", path: "/a?b" }], ["http [::1]:80/a?b"]],
    [[{ ...HTTP, address: "a.example.org", scheme: "https" }], ["https a.example.org:80/"]],
    // What it is called by kind and place is no matter of its `name`, which is what is asked for.
    [[DNS, DNS, { ...DNS, name: "dns 127.0.0.1:53 example.org A".replaceAll(/[ :]/g, "-") }], [
      "dns 127.0.0.1:53 example.org A",
      "dns 127.0.0.1:53 example.org A #2",
      "dns 127.0.0.1:53 dns-127.0.0.1-53-example.org-a A",
    ]],
    [[PING], ["ping 1.1.1.1 2001:db8::1"]],
    [[{ ...PING, name: "uplink" }], ["uplink"]],
    [[HTTP, HTTP, HTTP], ["http 127.0.0.1:80/", "http 127.0.0.1:80/ #2", "http 127.0.0.1:80/ #3"]],
    // A name that was given is never taken by another, whichever comes first.
    [[HTTP, { ...PING, name: "http 127.0.0.1:80/" }], ["http 127.0.0.1:80/ #2", "http 127.0.0.1:80/"]],
    [[HTTP, HTTP, { ...PING, name: "http 127.0.0.1:80/ #2" }], [
      "http 127.0.0.1:80/",
      "http 127.0.0.1:80/ #3",
      "http 127.0.0.1:80/ #2",
    ]],
  ] as const
) {
  Deno.test(`parseConfig() calls the checks ${JSON.stringify(names)} (CONTRACT services.checks)`, () => {
    assert.deepEqual(namesOf(checks), names);
  });
}

Deno.test("parseConfig() knows a check by what it is, not by its place", () => {
  const [a, b] = [{ ...HTTP, port: 1 }, { ...HTTP, port: 2 }];
  assert.deepEqual([...namesOf([a, PING, b])].sort(), [...namesOf([b, a, PING])].sort());
});

Deno.test("renderConfig() leaves out what a check was not given, and shows what it was", () => {
  const file = {
    bgp: { local: { routerID: "10.0.0.1", as: 65512 }, peers: [{ address: "10.0.0.2", as: 65512 }] },
    services: [{
      name: "web",
      addresses: ["10.99.0.1"],
      // The names that the last two have by kind and place are longer than one that is given may be.
      checks: [
        HTTP,
        { ...HTTP, scheme: "https", caFile: "/etc/ca.pem" },
        ...Array.from({ length: 2 }, () => ({ ...HTTP, path: `/${"long".repeat(25)}` })),
      ],
    }],
  };
  const options = { fileName: "x", readSecretFile: () => ({ text: "" }) };
  const result = parseConfig(JSON.stringify(file), options);
  assert.ok(result.ok);
  const text = JSON.stringify(renderConfig(result.config));
  assert.equal(text.split('"caFile"').length, 2);
  assert.match(text, /"caFile":"\/etc\/ca\.pem"/);
  const again = parseConfig(text, options);
  assert.deepEqual(again, result);
});

Deno.test("renderConfig() and the warning of a readable file know header fields that are secrets", () => {
  const headers = { Authorization: "Bearer abc", "X-Api-Key": "def", "X-Probe": "1" };
  const file = {
    bgp: { local: { routerID: "10.0.0.1", as: 65512 }, peers: [{ address: "10.0.0.2", as: 65512 }] },
    services: [{ name: "web", addresses: ["10.99.0.1"], checks: [{ ...HTTP, headers }] }],
  };
  const options = { fileName: "x", mode: 0o644, readSecretFile: () => ({ text: "" }) };
  const result = parseConfig(JSON.stringify(file), options);
  assert.ok(result.ok);
  const text = JSON.stringify(renderConfig(result.config, { showPasswords: true }));
  assert.doesNotMatch(text, /abc|def/);
  assert.match(text, /"X-Probe":"1"/);
  const [warning] = result.warnings;
  assert.match(
    warning?.message ?? "",
    /^stands in a file that every user of this host can read .*: chmod o= it$/,
  );
  assert.deepEqual(warning?.path, ["services", 0, "checks", 0, "headers", "Authorization"]);
});
