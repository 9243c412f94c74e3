// Ports of services as they will be run: scheduling merged, marks and families, destinations, sorry servers.
import assert from "node:assert/strict";
import type { Config, PortConfig } from "../../src/config/config.ts";
import { reachableFrom } from "../../src/config/families.ts";
import { configOf, issuesOf } from "./text.ts";

interface Service {
  readonly ports: readonly unknown[];
  readonly ipvs?: unknown;
  readonly addresses?: readonly string[];
}

function textOf({ ports, ipvs = {}, addresses = ["10.99.0.1"] }: Service): string {
  return JSON.stringify({
    bgp: { local: { routerID: "10.0.0.1", as: 65512 }, peers: [{ address: "10.0.0.254", as: 65512 }] },
    services: [{ name: "web", addresses, ports, ipvs }],
  });
}

function portsOf(service: Service): Config["services"][number]["ports"] {
  return configOf(textOf(service)).services[0]?.ports ?? [];
}

function portOf(port: unknown, service: Omit<Service, "ports"> = {}): PortConfig {
  const [one] = portsOf({ ports: [port], ...service });
  return one ?? assert.fail();
}

const BOTH = ["10.99.0.1", "2001:db8:99::1"];

Deno.test("parseConfig() puts a port's ipvs over the service's, key by key (CONTRACT services.ports.ipvs)", () => {
  const ipvs = { scheduler: "sh", flags: ["sh-port"], persistence: { timeout: 60, netmask: 24 } };
  const persistence = { timeoutSeconds: 60, netmask: 24, netmask6: 128 };
  const port = (own?: unknown) => ({ port: 80, targetPort: 80, ipvs: own });
  const rows: readonly (readonly [unknown, PortConfig["ipvs"]])[] = [
    [{}, { scheduler: "sh", flags: ["sh-port"], persistence }],
    [{ flags: ["sh-fallback"] }, { scheduler: "sh", flags: ["sh-fallback"], persistence }],
    [{ scheduler: "mh", flags: [] }, { scheduler: "mh", flags: [], persistence }],
    [{ persistence: "off" }, { scheduler: "sh", flags: ["sh-port"], persistence: undefined }],
    [{ persistence: false }, { scheduler: "sh", flags: ["sh-port"], persistence: undefined }],
    // Of what has keys of its own the others are the defaults, as in the service.
    [{ persistence: { netmask6: 64 } }, {
      scheduler: "sh",
      flags: ["sh-port"],
      persistence: { timeoutSeconds: 300, netmask: 32, netmask6: 64 },
    }],
  ];
  for (const [own, expected] of rows) {
    assert.deepEqual(portOf(port(own), { ipvs }).ipvs, expected, JSON.stringify(own));
  }
});

Deno.test("parseConfig() judges flags after the merge, port by port", () => {
  const udp = { port: 53, protocol: "udp", targetPort: 53 };
  const tcp = { port: 53, targetPort: 53 };
  const mark = { fwmark: 53, destinations: [{ address: "10.0.0.9" }] };
  const ops = { flags: ["ops"] };
  for (
    const service of [
      { ipvs: ops, ports: [udp, mark] },
      { ipvs: ops, ports: [udp, { ...tcp, ipvs: { flags: [] } }] },
      { ports: [{ ...udp, ipvs: ops }, tcp] },
      { ipvs: { flags: ["sh-port"] }, ports: [{ ...tcp, ipvs: { scheduler: "sh" } }] },
      { ipvs: { scheduler: "mh" }, ports: [{ ...tcp, ipvs: { flags: ["mh-port"] } }] },
    ]
  ) assert.deepEqual(issuesOf(textOf(service)), [], JSON.stringify(service));
});

Deno.test("parseConfig() reads a mark in place of a port, for the families that it is of (CONTRACT services.ports.fwmark)", () => {
  const [v4, v6] = [{ address: "10.0.0.2" }, { address: "2001:db8::2", port: 81 }];
  const both = portOf({ fwmark: 4294967295, destinations: [v4, v6] }, { addresses: BOTH });
  assert.deepEqual([both.fwmark, both.port, both.protocol, both.families], [4294967295, 0, "tcp", [4, 6]]);
  assert.deepEqual(both.destinations.map(({ port }) => port), [0, 81]);
  const one = portOf({ fwmark: 7, family: 6, destinations: [v6] }, { addresses: BOTH });
  assert.deepEqual(one.families, [6]);
  assert.deepEqual(portOf({ fwmark: 7, destinations: [v4] }).families, [4]);
  // A mark for each family, each with its own.
  const ports = [{ fwmark: 7, family: 4, destinations: [v4] }, { fwmark: 7, family: 6, destinations: [v6] }];
  assert.deepEqual(portsOf({ ports, addresses: BOTH }).map(({ families }) => families), [[4], [6]]);
});

Deno.test("parseConfig() takes sixteen marks in a service", () => {
  const ports = Array.from(
    { length: 16 },
    (_, at) => ({ fwmark: at + 1, destinations: [{ address: "10.0.0.2" }] }),
  );
  assert.equal(portsOf({ ports }).length, 16);
});

Deno.test("parseConfig() has no thresholds, quorum 1 and ipip by default, and keeps what is given", () => {
  const plain = portOf({ port: 80, destinations: [{ address: "10.0.0.2", port: 80, forwarding: "tunnel" }] });
  assert.deepEqual(plain, {
    port: 80,
    protocol: "tcp",
    fwmark: 0,
    families: [4],
    ipvs: { scheduler: "rr", flags: [], persistence: undefined },
    destinations: [{
      address: plain.destinations[0]?.address,
      port: 80,
      weight: 1,
      forwarding: "tunnel",
      tunnel: { type: "ipip", port: 0, checksum: false },
      upperThreshold: 0,
      lowerThreshold: 0,
      checks: [],
    }],
    whenFailed: "quiesce",
    quorum: 1,
    hysteresis: 0,
    slowStartMs: 0,
    sorry: [],
  });
  const destination = { address: "10.0.0.2", port: 80, weight: 4, upperThreshold: 9, lowerThreshold: 9 };
  const gue = { type: "gue", port: 6080, checksum: true };
  const given = portOf({
    port: 80,
    destinations: [{ ...destination, forwarding: "tunnel", tunnel: gue }],
    whenFailed: "remove",
    quorum: 3,
    hysteresis: 1,
    slowStart: "30s",
    ipvs: { scheduler: "wrr" },
  });
  const { whenFailed, quorum, hysteresis, slowStartMs, destinations: [one] } = given;
  assert.deepEqual([whenFailed, quorum, hysteresis, slowStartMs], ["remove", 3, 1, 30_000]);
  assert.deepEqual([one?.tunnel, one?.upperThreshold, one?.lowerThreshold], [gue, 9, 9]);
});

Deno.test("parseConfig() reads one sorry server or one for each family; its port is the port's (CONTRACT services.ports.sorry)", () => {
  const [v4, v6] = [{ address: "10.0.0.8" }, { address: "2001:db8::8", port: 81 }];
  const textsOf = (sorry: unknown, port: unknown = { port: 80, destinations: DESTINATIONS }) =>
    portOf(Object.assign({ sorry }, port), { addresses: BOTH }).sorry.map((
      { address, port, weight, forwarding },
    ) => `${address.text} ${port} ${weight} ${forwarding}`);
  assert.deepEqual(textsOf([v4, v6]), ["10.0.0.8 80 1 masq", "2001:db8::8 81 1 masq"]);
  assert.deepEqual(textsOf({ ...v4, forwarding: "tunnel" }), ["10.0.0.8 80 1 tunnel"]);
  assert.deepEqual(textsOf([v4, v6], { fwmark: 7, destinations: DESTINATIONS }), [
    "10.0.0.8 0 1 masq",
    "2001:db8::8 81 1 masq",
  ]);
});

const DESTINATIONS = [{ address: "10.0.0.2", port: 80 }, { address: "2001:db8::2", port: 80 }];

Deno.test("reachableFrom() is a family's own servers, and only without any of them the other family's tunnels", () => {
  const { destinations } = portOf({
    port: 80,
    destinations: [...DESTINATIONS, { address: "10.0.0.3", port: 80, forwarding: "tunnel" }],
  }, { addresses: BOTH });
  const textsOf = (family: 4 | 6, servers = destinations) =>
    reachableFrom(family, servers).map(({ address }) => address.text);
  assert.deepEqual(textsOf(4), ["10.0.0.2", "10.0.0.3"]);
  assert.deepEqual(textsOf(6), ["2001:db8::2"]);
  assert.deepEqual(textsOf(6, destinations.filter(({ address }) => address.family === 4)), ["10.0.0.3"]);
  assert.deepEqual(textsOf(4, []), []);
});

Deno.test("parseConfig() lets a weight that a check gives reach any quorum", () => {
  const port = (check: unknown) => ({
    port: 80,
    quorum: 5,
    ipvs: { scheduler: "wrr" },
    destinations: [{ address: "10.0.0.2", port: 80 }],
    checks: [check],
  });
  assert.deepEqual(issuesOf(textOf({ ports: [port({ type: "http", weightHeader: "X-Weight" })] })), []);
  assert.equal(issuesOf(textOf({ ports: [port({ type: "http" })] })).length, 1);
});
