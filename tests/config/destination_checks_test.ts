// Checks of destinations: made of the port's or of their own, aimed at their destination, and called by it.
import assert from "node:assert/strict";
import { checkIdentity } from "../../src/agent/check_identity.ts";
import type { CheckConfig } from "../../src/config/checks/kinds.ts";
import { jsonSchema } from "../../src/config/schema/json_schema.ts";
import { configOf, issuesOf } from "./text.ts";

const LOCAL = { routerID: "10.0.0.1", as: 65512, address6: "2001:db8::1" };

function fileWith(port: unknown, addresses = ["10.99.0.1", "2001:db8:99::1"]) {
  return {
    bgp: { local: LOCAL, peers: [{ address: "10.0.0.254", as: 65512 }] },
    services: [{ name: "web", addresses, ports: [port] }],
  };
}

/** The checks of each destination of `port`. */
function checksOf(port: unknown): readonly (readonly CheckConfig[])[] {
  const config = configOf(JSON.stringify(fileWith(port)));
  return config.services[0]?.ports[0]?.destinations.map(({ checks }) => checks) ?? [];
}

/** What each check is called and where it looks. */
function placesOf(port: unknown): readonly (readonly string[])[] {
  return checksOf(port).map((checks) =>
    checks.map((check) => {
      const place = "addresses" in check
        ? check.addresses.join(" ")
        : "port" in check
        ? `${check.address} ${check.port}`
        : check.type;
      return `${check.name}: ${place}`;
    })
  );
}

const DESTINATIONS = [{ address: "10.0.0.2", port: 80 }, { address: "2001:db8::2", port: 81 }];
const HTTP = { type: "http" } as const;
const PING = { type: "ping" } as const;

Deno.test("ports[].checks are made for each destination, whose address and port they have (CONTRACT services.ports.checks)", () => {
  assert.deepEqual(placesOf({ port: 443, destinations: DESTINATIONS, checks: [HTTP, PING] }), [
    ["http 10.0.0.2:80/: 10.0.0.2 80", "ping 10.0.0.2: 10.0.0.2"],
    ["http [2001:db8::2]:81/: 2001:db8::2 81", "ping 2001:db8::2: 2001:db8::2"],
  ]);
});

Deno.test("ports[].checks go where they say, where they say it", () => {
  const checks = [
    { ...HTTP, port: 8080, path: "/healthz" },
    { ...HTTP, address: "a.example.org", scheme: "https" },
    { ...PING, addresses: ["10.0.0.7", "10.0.0.8"] },
  ];
  assert.deepEqual(placesOf({ port: 443, destinations: DESTINATIONS, checks })[1], [
    "http [2001:db8::2]:8080/healthz: 2001:db8::2 8080",
    "https a.example.org:81/: a.example.org 81",
    "ping 10.0.0.7 10.0.0.8: 10.0.0.7 10.0.0.8",
  ]);
});

Deno.test("dns checks in ports[].checks ask each destination, by whatever name", () => {
  const checks = [{ type: "dns", name: "example.org" }, {
    type: "dns",
    name: "192.0.2.1",
    recordType: "PTR",
    port: 53,
  }];
  assert.deepEqual(placesOf({ port: 443, destinations: DESTINATIONS, checks })[1], [
    "dns [2001:db8::2]:81 example.org A: 2001:db8::2 81",
    "dns [2001:db8::2]:53 1.2.0.192.in-addr.arpa PTR: 2001:db8::2 53",
  ]);
});

Deno.test("ports[].checks are also those of the destinations that targetPort stands for", () => {
  assert.deepEqual(placesOf({ port: 443, targetPort: 8443, checks: [HTTP] }), [
    ["http 10.0.0.1:8443/: 10.0.0.1 8443"],
    ["http [2001:db8::1]:8443/: 2001:db8::1 8443"],
  ]);
});

Deno.test("a name in ports[].checks has the destination behind it, one in destinations[].checks has not", () => {
  const [first, second] = DESTINATIONS;
  const own = [{ ...HTTP, name: "mine" }, PING];
  const port = {
    port: 443,
    destinations: [first, { ...second, checks: own }],
    checks: [{ ...HTTP, name: "alive" }],
  };
  assert.deepEqual(placesOf(port), [
    ["alive 10.0.0.2:80: 10.0.0.2 80"],
    ["mine: 2001:db8::2 81", "ping 2001:db8::2: 2001:db8::2"],
  ]);
});

Deno.test("destinations[].checks stand in place of the port's, also where they are none", () => {
  const [first, second] = DESTINATIONS;
  const port = { port: 443, destinations: [first, { ...second, checks: [] }], checks: [PING] };
  assert.deepEqual(placesOf(port), [["ping 10.0.0.2: 10.0.0.2"], []]);
});

Deno.test("checks of a destination that has no port go to the port that they say", () => {
  const port = {
    fwmark: 7,
    family: 4,
    destinations: [{ address: "10.0.0.2" }],
    checks: [{ ...HTTP, port: 80, name: "alive" }, PING],
  };
  assert.deepEqual(placesOf(port), [["alive 10.0.0.2: 10.0.0.2 80", "ping 10.0.0.2: 10.0.0.2"]]);
});

Deno.test("an exec check is made for each destination, and one of a file or process is the same for all", () => {
  const checks = [
    { type: "exec", command: ["/bin/check", "-v"] },
    { type: "file", path: "/run/a", absent: true },
    { type: "file", path: "/run/a" },
    { type: "process", unit: "a.service" },
    { type: "process", pidFile: "/run/a.pid" },
  ];
  const [first = [], second = []] = checksOf({ port: 443, destinations: DESTINATIONS, checks });
  const host = ["no file /run/a", "file /run/a", "unit a.service", "process of /run/a.pid"];
  assert.deepEqual(first.map(({ name }) => name), ["exec /bin/check -v 10.0.0.2:80", ...host]);
  assert.deepEqual(second.map(({ name }) => name), ["exec /bin/check -v [2001:db8::2]:81", ...host]);
  const identities = [...first, ...second].map(checkIdentity);
  assert.equal(new Set(identities).size, 6, "the program is run for each, the host is looked at once");
  const [[noPort] = []] = checksOf({ fwmark: 7, family: 4, destinations: [{ address: "10.0.0.2" }], checks });
  assert.equal(noPort?.name, "exec /bin/check -v 10.0.0.2");
});

Deno.test("two checks of the same place are told apart by their order, in each destination for itself", () => {
  const names = checksOf({ port: 443, destinations: DESTINATIONS, checks: [PING, PING] }).map((checks) =>
    checks.map(({ name }) => name)
  );
  assert.deepEqual(names, [["ping 10.0.0.2", "ping 10.0.0.2 #2"], [
    "ping 2001:db8::2",
    "ping 2001:db8::2 #2",
  ]]);
});

Deno.test("an http check of destinations may give their weight, and its timing is as everywhere", () => {
  const checks = [{ ...HTTP, weightHeader: "X-Weight", interval: "5s", fastInterval: "200ms", rise: 1 }];
  const [[check] = []] = checksOf({ port: 443, destinations: DESTINATIONS, checks });
  assert.ok(check?.type === "http");
  assert.equal(check.weightHeader, "X-Weight");
  assert.deepEqual([check.intervalMs, check.fastIntervalMs, check.rise, check.fall], [5000, 200, 1, 3]);
  const [[plain] = []] = checksOf({ port: 443, destinations: DESTINATIONS, checks: [HTTP] });
  assert.ok(plain?.type === "http" && plain.weightHeader === undefined);
});

Deno.test("a weight that a check gives to a scheduler that knows none is warned of, where it is asked for", () => {
  const weighing = [PING, { ...HTTP, weightHeader: "X-Weight" }];
  const [first] = DESTINATIONS;
  const rows: readonly (readonly [unknown, readonly string[]])[] = [
    [{ port: 443, destinations: [first], checks: weighing }, ["checks[1].weightHeader"]],
    [{ port: 443, destinations: [{ ...first, checks: weighing }] }, ["destinations[0].checks"]],
    [{ port: 443, destinations: [first], checks: [HTTP] }, []],
    [{ port: 443, destinations: [first], checks: weighing, ipvs: { scheduler: "wrr" } }, []],
  ];
  for (const [port, places] of rows) {
    const issues = issuesOf(JSON.stringify(fileWith(port, ["10.99.0.1"])));
    const found = issues.flatMap((text) =>
      /ports\[0\]\.(\S+): shares out nothing with scheduler rr/.exec(text)?.[1] ?? []
    );
    assert.deepEqual(found, places);
  }
});

/** The names of the kinds at a place of the schema. */
function kindsAt(path: readonly string[]): readonly string[] {
  const checks = path.reduce<unknown>(
    (schema, step) => below(below(schema, "properties"), step),
    jsonSchema(),
  );
  const kinds = below(below(checks, "items"), "oneOf");
  assert.ok(Array.isArray(kinds) && kinds.length > 0, path.join("."));
  return kinds.map((kind) => String(below(below(below(kind, "properties"), "type"), "const")));
}

/** A key, of the items where it is a list. */
function below(schema: unknown, key: string): unknown {
  if (typeof schema !== "object" || schema === null) return undefined;
  const values = new Map<string, unknown>(Object.entries(schema));
  const items = values.get("items");
  return values.has(key) ? values.get(key) : key === "items" ? items : below(items, key);
}

Deno.test("every kind of check that a service can have a destination can have, too", () => {
  const kinds = kindsAt(["services", "checks"]);
  assert.deepEqual(kindsAt(["services", "ports", "checks"]), kinds);
  assert.deepEqual(kindsAt(["services", "ports", "destinations", "checks"]), kinds);
});
