/** What of a configuration a process without permissions cannot do: of every kind of check, by what its descriptor says. */
import assert from "node:assert/strict";
import { parseConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/config.ts";
import { subjectOf } from "../../src/doctor/subject.ts";
import { refusals } from "../../src/main/refusals.ts";

function configOf(check: Readonly<Record<string, unknown>>): Config {
  const file = {
    bgp: { local: { routerID: "10.0.0.1", as: 65512 }, peers: [{ address: "10.0.0.2", as: 65512 }] },
    services: [{ name: "web", addresses: ["10.99.0.1"], checks: [{ ...check, interval: "2s" }] }],
  };
  const result = parseConfig(JSON.stringify(file), { fileName: "x", readSecretFile: () => ({ text: "" }) });
  assert.ok(result.ok, JSON.stringify(result));
  return result.config;
}

const NOTHING = { ffi: false, programs: false };
const TCP = { type: "tcp", port: 80 } as const;
const UNIT = { type: "process", unit: "app.service" } as const;
const RUN = "needs --allow-run, for all programs: what hangs is ended with all that it started";
const SOURCE = "source of a check, and via: service to droute, tunnel or fwmark, need --allow-ffi";

for (
  const [check, words] of [
    [{ type: "http", port: 80 }, []],
    [TCP, []],
    [{ ...TCP, source: "10.0.0.1" }, [`service web: ${SOURCE}`]],
    [{ type: "tls", port: 443 }, []],
    [{ type: "grpc", port: 1 }, []],
    [{ type: "udp", port: 1, send: "x" }, ["service web: udp checks need --allow-ffi"]],
    [{ type: "dns", name: "a.example" }, ["service web: dns checks need --allow-ffi, or protocol: tcp"]],
    [{ type: "dns", name: "a.example", protocol: "tcp" }, []],
    [{ type: "ping", addresses: ["192.0.2.1"] }, ["service web: ping checks need --allow-ffi"]],
    [{ type: "file", path: "/a" }, ["service web: file checks need --allow-ffi"]],
    [{ type: "process", pidFile: "/a" }, ["service web: process checks need --allow-ffi"]],
    [UNIT, [
      "service web: process checks need --allow-ffi",
      `service web: check unit app.service ${RUN}`,
    ]],
    [{ type: "exec", command: ["/a"] }, [`service web: check exec /a ${RUN}`]],
  ] as const
) {
  Deno.test(`refusals() of ${JSON.stringify(check)} without permissions`, () => {
    assert.deepEqual(refusals(configOf(check), NOTHING), words);
    assert.deepEqual(refusals(configOf(check), { ffi: true, programs: true }), []);
  });
}

Deno.test("subjectOf() has every program that a check runs, systemctl of units too", () => {
  const circumstances = { descriptorNeed: undefined, secrets: [], agent: undefined, controlDoubt: undefined };
  const programs = (check: Readonly<Record<string, unknown>>) =>
    subjectOf(configOf(check), circumstances).checkPrograms.map(({ program, user }) => [program, user]);
  assert.deepEqual(programs({ type: "exec", command: ["/a", "b"], user: "nobody" }), [["/a", "nobody"]]);
  assert.deepEqual(programs(UNIT), [["/usr/bin/systemctl", undefined]]);
  assert.deepEqual(programs(TCP), []);
});
