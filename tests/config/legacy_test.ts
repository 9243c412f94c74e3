// The reference's format: its own example works unchanged, problems are told in its own keys, and it migrates exactly.
import assert from "node:assert/strict";
import fc from "fast-check";
import { isReference } from "../../src/config/legacy.ts";
import { migrateReference } from "../../src/migrate/reference.ts";
import { parseOverrides } from "../../src/config/overrides.ts";
import { renderConfig } from "../../src/config/render.ts";
import { configOf, issuesOf, parse } from "./text.ts";
import { CONTENTION } from "../support/config.ts";

const EXAMPLE = Deno.readTextFileSync("tests/golden/config/reference.json.golden");

/** A file of the reference's with parts of it replaced. */
function reference({ local = {}, peers = [{ address: "10.88.0.253", as: 65512 }], service = {}, ...top }: {
  local?: Readonly<Record<string, unknown>>;
  peers?: unknown;
  service?: Readonly<Record<string, unknown>>;
  [key: string]: unknown;
} = {}): string {
  return JSON.stringify({
    bgp: { local: { routerID: "10.88.0.200", as: 65512, ...local }, peers },
    service: { name: "matchbox", ip: "10.88.2.1", ...service },
    ...top,
  });
}

Deno.test("parseConfig() runs the reference's own example as the reference does (CONTRACT The reference's format)", () => {
  const result = parse(EXAMPLE);
  assert.ok(result.ok);
  assert.equal(result.format, "reference");
  assert.deepEqual(result.warnings, []);
  const peer = (address: string) => ({
    address,
    name: address,
    as: 65512,
    port: 179,
    passive: false,
    holdTime: "90s",
    connectRetryTime: "5s",
    sendHoldTime: "8m",
    linkLocalNextHop: "auto",
    capabilities: {
      routeRefresh: true,
      enhancedRouteRefresh: true,
      extendedMessages: true,
      extendedNextHop: true,
    },
    families: ["ipv4-unicast"],
    nextHop: "10.88.0.200",
  });
  const port = (number: number, target: number) => ({
    port: number,
    protocol: "tcp",
    destinations: [{
      address: "10.88.0.200",
      port: target,
      weight: 1,
      forwarding: "masq",
      upperThreshold: 0,
      lowerThreshold: 0,
      checks: [],
    }],
    whenFailed: "quiesce",
    quorum: 1,
    hysteresis: 0,
    slowStart: "0s",
    ipvs: { scheduler: "rr", flags: [] },
  });
  assert.deepEqual(renderConfig(result.config), {
    log: { level: "info", format: "auto" },
    http: { listen: ":8081", allowedHosts: [] },
    control: { socket: "/run/bgp-lb/control.sock" },
    limits: { httpConnections: 256 },
    state: { directory: "/var/lib/bgp-lb" },
    hooks: { timeout: "10s" },
    network: { setup: true, ipvs: false, contention: { limit: 5, window: "60s", hold: "60s" } },
    bgp: {
      local: {
        routerID: "10.88.0.200",
        as: 65512,
        listenPort: -1,
        listenAddresses: ["0.0.0.0", "::"],
        address: "10.88.0.200",
      },
      peers: [peer("10.88.0.253"), peer("10.88.0.254")],
    },
    services: [{
      name: "matchbox",
      interface: "matchbox",
      enabled: true,
      addresses: ["10.88.2.1"],
      announce: {
        localPreference: 100,
        communities: [],
        extendedCommunities: [],
        largeCommunities: [],
        asPathPrepend: 0,
        whenUnhealthy: "withdraw",
      },
      ports: [port(80, 8080), port(443, 8081)],
      checks: [{
        type: "http",
        name: "http 127.0.0.1:8080/",
        address: "127.0.0.1",
        port: 8080,
        path: "/",
        scheme: "http",
        insecureSkipVerify: false,
        minDaysLeft: 0,
        method: "GET",
        status: ["200-299"],
        tripwire: false,
        interval: "1s",
        fastInterval: "1s",
        timeout: "3s",
        rise: 1,
        fall: 1,
        invert: false,
        flap: "off",
      }],
      stop: { shift: "0s", converge: "1s", quiesce: "30s" },
    }],
  });
});

Deno.test("parseConfig() programs IPVS for the reference's format only where its flag says so", () => {
  assert.deepEqual(configOf(EXAMPLE, { ipvsSetup: true }).network, {
    setup: true,
    ipvs: true,
    contention: CONTENTION,
  });
  assert.deepEqual(configOf(EXAMPLE, { networkSetup: true }).network, {
    setup: true,
    ipvs: false,
    contention: CONTENTION,
  });
});

Deno.test("parseConfig() programs IPVS alone where the reference's flags ask for that", () => {
  const { network } = configOf(EXAMPLE, { ipvsSetup: "true", networkSetup: "false" });
  assert.deepEqual(network, { setup: false, ipvs: true, contention: CONTENTION });
});

Deno.test("parseConfig() reads the reference's keys as Go's encoding/json does", () => {
  const upper = reference().replace('"service"', '"Service"').replace('"routerID"', '"RouterId"').replace(
    '"ip"',
    '"IP"',
  );
  assert.deepEqual(configOf(upper), configOf(reference()));
  const nulls = reference({
    service: { ports: null, httphealthcheck: null, prefixLength: null },
    local: { listenPort: null },
  });
  assert.deepEqual(configOf(nulls), configOf(reference()));
});

Deno.test("parseConfig() gives the reference's checks its timing and its defaults", () => {
  const checks = (service: Readonly<Record<string, unknown>>) => {
    const config = configOf(reference({ service }));
    return config.services[0]?.checks.map((check) => {
      assert.deepEqual(
        [check.intervalMs, check.fastIntervalMs, check.timeoutMs, check.rise, check.fall],
        [1000, 1000, 3000, 1, 1],
      );
      if (check.type === "ping") return `ping ${check.addresses.join(" ")}`;
      return check.type !== "http"
        ? check.type
        : `${check.scheme}://${check.address}:${check.port}${check.path}${
          check.insecureSkipVerify ? " insecure" : ""
        }`;
    });
  };
  assert.deepEqual(checks({}), ["ping 1.1.1.1 8.8.8.8"]);
  assert.deepEqual(checks({ pinghealthcheck: { addresses: ["9.9.9.9"] } }), ["ping 9.9.9.9"]);
  assert.deepEqual(checks({ httphealthcheck: { port: 80 } }), ["http://127.0.0.1:80/"]);
  assert.deepEqual(checks({ httphealthcheck: { port: 80, path: "a/b?c", scheme: "" } }), [
    "http://127.0.0.1:80/a/b?c",
  ]);
  assert.deepEqual(
    checks({ httphealthcheck: { port: 443, path: "/a", scheme: "HTTPS", insecureSkipVerify: true } }),
    [
      "https://127.0.0.1:443/a insecure",
    ],
  );
  assert.deepEqual(checks({ httphealthcheck: { port: 80, insecureSkipVerify: true } }), [
    "http://127.0.0.1:80/",
  ]);
});

Deno.test("parseConfig() gives the reference's listenPort, prefixLength and protocol their meaning there", () => {
  const listenPort = (value: number) =>
    configOf(reference({ local: { listenPort: value } })).bgp.local.listenPort;
  assert.deepEqual([-1, -7, 0, 1179].map(listenPort), [-1, -1, 179, 1179]);
  const length = (
    value: number,
  ) => [...configOf(reference({ service: { prefixLength: value } })).services[0]?.prefixLengths ?? []];
  assert.deepEqual(length(24), [["10.88.2.1", 24]]);
  assert.deepEqual(length(32), [["10.88.2.1", 32]]);
  const ports = [{ servicePort: 53, targetLocalPort: 5353 }, {
    servicePort: 54,
    targetLocalPort: 5354,
    protocol: "SCTP",
  }];
  const config = configOf(reference({ service: { protocol: "UDP", ports } }));
  assert.deepEqual(config.services[0]?.ports.map(({ protocol }) => protocol), ["udp", "sctp"]);
});

Deno.test("parseConfig() tells problems of the reference's format in its own keys", () => {
  const text = `{
  "bgp": {
    "local": {"RouterID": "10.88.0", "as": 0, "listenPort": 70000},
    "peers": [{"address": "10.88.0.253"}, {"address": "10.88.0.253", "as": "65512"}, 3]
  },
  "service": {
    "name": "a name that is far too long",
    "ip": "10.88.2",
    "prefixLength": 33,
    "ports": [{"servicePort": 0, "targetLocalPort": 80}, {"servicePort": 443}, 7],
    "protocol": "icmp",
    "httphealthchek": {"port": 80},
    "httphealthcheck": {"path": "a b"}
  }
}
`;
  assert.deepEqual(issuesOf(text), [
    '3:27: bgp.local.RouterID: must be an IPv4 address (got "10.88.0")',
    "3:44: bgp.local.as: must be an AS number, a whole number from 1 to 4294967295 (got 0)",
    "3:61: bgp.local.listenPort: must be a port from 1 to 65535, or -1 to only connect out (got 70000)",
    "4:15: bgp.peers[0].as: is required",
    '4:55: bgp.peers[1].address: is the same address as that of bgp.peers[0].address (got "10.88.0.253")',
    '4:76: bgp.peers[1].as: must be an AS number, a whole number from 1 to 4294967295, without quotes (got "65512")',
    "4:86: bgp.peers[2]: must be a mapping (got 3)",
    '7:13: service.name: is 27 bytes long, an interface name has at most 15 (got "a name that is far too long")',
    '8:11: service.ip: must be an IPv4 address (got "10.88.2")',
    "9:21: service.prefixLength: must be a whole number from 1 to 32 (got 33)",
    "10:31: service.ports[0].servicePort: must be a whole number from 1 to 65535 (got 0)",
    "10:58: service.ports[1].targetLocalPort: is required",
    "10:80: service.ports[2]: must be a mapping (got 7)",
    '11:17: service.protocol: must be one of tcp, udp, sctp (got "icmp")',
    "12:5: service.httphealthchek: is not a known key, did you mean httphealthcheck?",
    "13:5: service.httphealthcheck.port: is required",
    '13:33: service.httphealthcheck.path: must not have spaces, control characters or # (got "a b")',
  ]);
});

Deno.test("parseConfig() finds in the reference's format what is wrong between its keys", () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['{"service": {}}', [
      "bgp: is required",
      "service.name: is required",
      "service.ip: is required",
    ]],
    ['{"service": 3, "bgp": 4}', [
      "service: must be a mapping (got 3)",
      "bgp: must be a mapping (got 4)",
    ]],
    [
      reference({ service: { ip: "10.88.0.200" } }),
      ['service.ip: is this host\'s own address (bgp.local.routerID) (got "10.88.0.200")'],
    ],
    [
      reference({ service: { ip: "2001:db8::1" } }),
      ['service.ip: must be an IPv4 address; our own format takes IPv6 (bgp-lb migrate) (got "2001:db8::1")'],
    ],
    [
      reference({
        service: {
          ports: [{ servicePort: 80, targetLocalPort: 1 }, { servicePort: 80, targetLocalPort: 2 }],
        },
      }),
      ["service.ports[1].servicePort: is the same port as that of service.ports[0].servicePort (got 80)"],
    ],
    [
      reference({ service: { ports: [{ servicePort: 80 }] } }),
      ["service.ports[0].targetLocalPort: is required"],
    ],
    [reference({ service: { ip: "10.88.2.1", prefixLength: 0 } }), [
      "service.prefixLength: must be a whole number from 1 to 32 (got 0)",
    ]],
    [reference({ service: { pinghealthcheck: { address: "1.1.1.1" } } }), [
      "service.pinghealthcheck.addresses: is required",
      "service.pinghealthcheck.address: is not a known key, did you mean addresses?",
    ]],
    [reference({ log: { level: "debug" } }), [
      "log: belongs to our own format, which has services and not service (bgp-lb migrate)",
    ]],
  ];
  for (const [text, expected] of rows) {
    assert.deepEqual(issuesOf(text).map((line) => line.replace(/^1:[0-9]+: /, "")), expected, text);
  }
});

Deno.test("parseConfig() ignores what the reference ignores, with a warning", () => {
  const text = reference({
    comment: "ours",
    service: {
      httphealthcheck: { name: "matchbox", url: "http://localhost:80", port: 80 },
      pinghealthcheck: {},
    },
  });
  assert.deepEqual(configOf(text), configOf(reference({ service: { httphealthcheck: { port: 80 } } })));
  assert.deepEqual(issuesOf(text), [
    "1:168: warning: service.httphealthcheck.name: is not a known key and ignored",
    "1:186: warning: service.httphealthcheck.url: is not a known key and ignored",
    "1:225: warning: service.pinghealthcheck: is ignored beside httphealthcheck",
    "1:247: warning: comment: is not a known key and ignored",
  ]);
});

Deno.test("isReference() tells the formats apart", () => {
  assert.deepEqual(
    [
      { service: {} },
      { Service: null, bgp: {} },
      { service: {}, services: [] },
      { service: [] },
      { bgp: {} },
      [],
      3,
      null,
    ]
      .map(isReference),
    [true, true, false, false, false, false, false, false],
  );
});

const text = (pattern: RegExp) => fc.stringMatching(pattern);
const validReference = fc.record({
  local: fc.record({ listenPort: fc.constantFrom(-1, 0, 179, 1179) }, { requiredKeys: [] }),
  peers: fc.uniqueArray(fc.nat(200), { minLength: 1, maxLength: 3 }).map((hosts) =>
    hosts.map((host) => ({ address: `10.1.0.${host}`, as: 65000 + host }))
  ),
  service: fc.record({
    name: text(/^[a-z][a-z0-9]{3,9}$/),
    prefixLength: fc.integer({ min: 1, max: 32 }),
    protocol: fc.constantFrom("tcp", "UDP", "sctp", ""),
    ports: fc.uniqueArray(fc.integer({ min: 1, max: 65535 }), { maxLength: 3 }).map((ports) =>
      ports.map((servicePort) => ({ servicePort, targetLocalPort: 65536 - servicePort }))
    ),
    httphealthcheck: fc.record({
      port: fc.integer({ min: 1, max: 65535 }),
      path: fc.constantFrom("", "/", "healthz", "//a?b=c"),
      scheme: fc.constantFrom("", "http", "https"),
      insecureSkipVerify: fc.boolean(),
    }, { requiredKeys: ["port"] }),
    pinghealthcheck: fc.constantFrom({ addresses: ["1.1.1.1"] }, { addresses: ["9.9.9.9", "2001:db8::9"] }),
  }, { requiredKeys: ["name"] }),
});

Deno.test("migrateReference() means exactly what the reference's file means, with its flags (CONTRACT bgp-lb migrate)", () => {
  const flags = fc.record({
    logLevel: fc.constantFrom("debug", "error"),
    networkSetup: fc.boolean(),
    ipvsSetup: fc.boolean(),
    metricsAddress: fc.constantFrom("", ":9100", "[::1]:9100"),
    controlSocket: fc.constantFrom("", "/tmp/s"),
  }, { requiredKeys: [] });
  fc.assert(
    fc.property(validReference, flags, (parts, overrides) => {
      const original = reference(parts);
      const migrated = migrateReference(original, parseOverrides(overrides).values);
      const result = parse(migrated);
      assert.ok(result.ok && result.format === "bgp-lb", migrated);
      assert.deepEqual(result.config, configOf(original, overrides));
    }),
    { seed: 5, numRuns: 200 },
  );
});

Deno.test("migrateReference() prints the reference's own example for people", () => {
  const migrated = migrateReference(EXAMPLE, parseOverrides({}).values);
  assert.equal(migrated, Deno.readTextFileSync("tests/golden/config/reference.migrated.yaml.golden"));
});
