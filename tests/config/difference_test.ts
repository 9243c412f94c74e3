// differ(): what a reload and `plan` read. Every key is seen, and the order of lists is not.
import assert from "node:assert/strict";
import { canonical } from "../../src/config/canonical.ts";
import type { Config, PeerConfig, ServiceConfig } from "../../src/config/config.ts";
import { type ConfigChange, differ } from "../../src/config/difference.ts";
import { type PeerPlace, sessionConsequence } from "../../src/config/session_difference.ts";
import { address, localBgp, peerConfig } from "../support/bgp.ts";
import { config, httpCheckConfig, PLAIN_PORT, serviceConfig } from "../support/config.ts";
import { VALID_FILES } from "./arbitrary.ts";
import { configOf, parse } from "./text.ts";
import { PLAIN } from "../support/kernel_objects.ts";
import { CONTENTION } from "../support/config.ts";

const tor1 = peerConfig({ name: "tor-1", address: address("10.0.0.1") });
const tor2 = peerConfig({
  name: "tor-2",
  address: address("2001:db8::1"),
  families: ["ipv4-unicast", "ipv6-unicast"],
});
const destinations = [
  { address: address("10.1.0.1"), port: 8080, weight: 1, forwarding: "masq", ...PLAIN, checks: [] },
  { address: address("10.1.0.2"), port: 8080, weight: 1, forwarding: "masq", ...PLAIN, checks: [] },
] as const;
const web = serviceConfig({
  name: "web",
  interface: "web",
  addresses: [address("10.99.0.1"), address("2001:db8:99::1")],
  prefixLengths: new Map([["10.99.0.1", 32], ["2001:db8:99::1", 128]]),
  ports: [
    { ...PLAIN_PORT, port: 80, protocol: "tcp", destinations },
    { ...PLAIN_PORT, port: 80, protocol: "udp", destinations },
  ],
  checks: [httpCheckConfig({ name: "one" }), httpCheckConfig({ name: "two", path: "/two" })],
});
const mail = serviceConfig({ name: "mail", interface: "mail", addresses: [address("10.99.0.2")] });
const BASE = config({ bgp: { local: localBgp(), peers: [tor1, tor2] }, services: [web, mail] });

function withPeer(change: Partial<PeerConfig>): Config {
  return { ...BASE, bgp: { ...BASE.bgp, peers: [{ ...tor1, ...change }, tor2] } };
}

function withService(change: Partial<ServiceConfig>): Config {
  return { ...BASE, services: [{ ...web, ...change }, mail] };
}

/** The one change of a service from `web` to it with `change`. */
function partsOf(change: Partial<ServiceConfig>): unknown {
  const [only, ...more] = differ(BASE, withService(change));
  assert.deepEqual(more, []);
  assert.ok(only?.of === "service" && only.change === "changed" && only.service === "web");
  return only.parts;
}

Deno.test("differ() of a configuration and itself is empty", () => {
  assert.deepEqual(differ(BASE, BASE), []);
  assert.deepEqual(differ(BASE, structuredClone(BASE)), []);
});

Deno.test("differ() tells the keys of the parts that are read one by one", () => {
  const rows: readonly (readonly [Partial<Config>, ConfigChange])[] = [
    [{ log: { level: "debug", format: "json" } }, {
      of: "log",
      change: "changed",
      keys: ["format", "level"],
    }],
    [{ http: { listen: undefined, allowedHosts: ["a"] } }, {
      of: "http",
      change: "changed",
      keys: ["allowedHosts"],
    }],
    [{ control: { socket: "/s", group: undefined } }, { of: "control", change: "changed", keys: ["socket"] }],
    [{ network: { setup: true, ipvs: false, contention: CONTENTION } }, {
      of: "network",
      change: "changed",
      keys: ["ipvs"],
    }],
    [{ limits: { httpConnections: 1 } }, { of: "limits", change: "changed", keys: ["httpConnections"] }],
  ];
  for (const [change, expected] of rows) assert.deepEqual(differ(BASE, { ...BASE, ...change }), [expected]);
});

Deno.test("differ() tells what a change of this speaker does to all sessions and to the listeners", () => {
  const rows = [
    [{ routerID: address("10.0.0.9") }, ["routerID"], "reset", false],
    [{ as: 65009 }, ["as"], "reset", false],
    [{ listenPort: 1179 }, ["listenPort"], "none", true],
    [{ listenAddresses: [address("::")] }, ["listenAddresses"], "none", false],
    [{ address: address("10.0.0.9") }, ["address"], "advertise", false],
    [{ address6: address("2001:db8::9"), listenPort: 1 }, ["address6", "listenPort"], "advertise", true],
    [{ as: 1, address6: address("2001:db8::9") }, ["address6", "as"], "reset", false],
  ] as const;
  for (const [change, keys, sessions, listen] of rows) {
    const next = { ...BASE, bgp: { ...BASE.bgp, local: { ...BASE.bgp.local, ...change } } };
    assert.deepEqual(differ(BASE, next), [{ of: "local", change: "changed", keys, sessions, listen }]);
  }
});

Deno.test("differ() resets a session where the AS that its peer sees is another one, whichever key says so (issue: localAS)", () => {
  // bgp.local.as and localAS of tor-1, before and after; what happens to the sessions of tor-1 and of tor-2, which has none.
  const rows = [
    [[65001, 65010], [65002, 65010], "none", "reset"],
    [[65001, undefined], [65002, 65001], "none", "reset"],
    [[65001, 65002], [65002, undefined], "none", "reset"],
    [[65001, 65002], [65001, undefined], "reset", "none"],
    [[65001, 65010], [65002, 65011], "reset", "reset"],
    [[65001, 65010], [65002, undefined], "reset", "reset"],
    [[65001, undefined], [65001, 65001], "none", "none"],
    [[65001, undefined], [65002, undefined], "reset", "reset"],
  ] as const;
  for (const [before, after, first, second] of rows) {
    const at = ([as, localAs]: readonly [number, number | undefined]) => ({
      local: localBgp({ as }),
      peers: [{ ...tor1, localAs }, tor2],
    });
    const [old, next] = [at(before), at(after)];
    const of = (index: number) =>
      [old, next].map(({ local, peers }) => ({ local, peer: peers[index] ?? assert.fail() }));
    const consequences = [0, 1].map((index) => {
      const [from, to] = of(index);
      return sessionConsequence(from ?? assert.fail(), to ?? assert.fail());
    });
    assert.deepEqual(consequences, [first, second], JSON.stringify([before, after]));
    const [change] = differ({ ...BASE, bgp: { ...BASE.bgp, ...old } }, {
      ...BASE,
      bgp: { ...BASE.bgp, ...next },
    });
    if (before[0] === after[0]) continue;
    assert.ok(change?.of === "local");
    assert.deepEqual([change.sessions, change.except], ["reset", first === "none" ? ["tor-1"] : undefined]);
  }
  const only = (as: number) => ({
    ...BASE,
    bgp: { ...BASE.bgp, local: localBgp({ as }), peers: [{ ...tor1, localAs: 7 }] },
  });
  assert.deepEqual(differ(only(1), only(2)), [{
    of: "local",
    change: "changed",
    keys: ["as"],
    sessions: "none",
    listen: false,
  }]);
});

Deno.test("differ() touches no listener where nothing listens before or after", () => {
  const listening = (listenPort: number, listenAddress: string) => {
    const local = localBgp({ listenPort, listenAddresses: [address(listenAddress)] });
    return { ...BASE, bgp: { ...BASE.bgp, local } };
  };
  const rows = [[-1, -1, false], [-1, 179, true], [179, -1, true], [179, 179, true]] as const;
  for (const [before, after, expected] of rows) {
    const changes = differ(listening(before, "0.0.0.0"), listening(after, "127.0.0.1"));
    const listen = changes.map((change) => change.of === "local" && change.listen);
    assert.deepEqual(listen, [expected], `${before} → ${after}`);
  }
});

const NO_CAPABILITIES = {
  routeRefresh: false,
  enhancedRouteRefresh: false,
  extendedMessages: false,
  extendedNextHop: false,
};

Deno.test("differ() tells for each key of a peer what happens to its session, and never a password", () => {
  const rows: {
    readonly [Key in Exclude<keyof PeerConfig, keyof PeerPlace>]: readonly [PeerConfig[Key], string];
  } = {
    name: ["other", "advertise"],
    as: [65009, "reset"],
    port: [1179, "reset"],
    passive: [true, "reset"],
    localAddress: [address("10.0.0.3"), "reset"],
    password: ["hunter2", "reset"],
    ttlSecurity: [1, "reset"],
    multihop: [2, "reset"],
    holdTimeSeconds: [30, "reset"],
    keepaliveTimeSeconds: [3, "reset"],
    connectRetryTimeMs: [1, "next session"],
    sendHoldTimeSeconds: [600, "reset"],
    families: [["ipv6-unicast"], "reset"],
    nextHop: [address("10.0.0.3"), "advertise"],
    nextHop6: [address("2001:db8::3"), "advertise"],
    gracefulRestart: [{ restartTimeSeconds: 9 }, "reset"],
    localAs: [65009, "reset"],
    tcpAo: [
      [{ sendId: 1, receiveId: 1, algorithm: "hmac-sha-1-96", password: "hunter2" }],
      "reset",
    ],
    tcpMss: [1400, "reset"],
    linkLocalNextHop: ["never", "advertise"],
    capabilities: [{ ...NO_CAPABILITIES, routeRefresh: true }, "reset"],
    localRole: ["customer", "reset"],
    strictRole: [true, "next session"],
    bfd: [
      { transmitMs: 50, receiveMs: 50, multiplier: 3, passive: false, strict: false, multihop: false },
      "none",
    ],
  };
  for (const [key, [value, session]] of Object.entries(rows)) {
    const changes = differ(BASE, withPeer({ [key]: value }));
    assert.deepEqual(changes, [
      { of: "peer", change: "changed", address: "10.0.0.1", name: "tor-1", keys: [key], session },
    ]);
    assert.ok(!JSON.stringify(changes).includes("hunter2"));
  }
  const strongest = differ(BASE, withPeer({ nextHop: address("10.0.0.3"), as: 1, name: "x" }));
  assert.deepEqual(strongest, [
    {
      of: "peer",
      change: "changed",
      address: "10.0.0.1",
      name: "tor-1",
      keys: ["as", "name", "nextHop"],
      session: "reset",
    },
  ]);
});

Deno.test("differ() keeps a session whose TCP-AO keys roll over, and resets one whose number becomes another key's (RFC 5925 6.1)", () => {
  const key = (sendId: number, password = "hunter2", receiveId = sendId): PeerConfig["tcpAo"][number] => ({
    sendId,
    receiveId,
    algorithm: "hmac-sha-1-96",
    password,
  });
  const rows: readonly (readonly [PeerConfig["tcpAo"], PeerConfig["tcpAo"], string])[] = [
    [[key(1)], [key(2), key(1)], "next session"],
    [[key(1), key(2)], [key(2), key(1)], "next session"],
    [[key(1), key(2)], [key(2)], "next session"],
    [[key(1)], [key(2)], "next session"],
    [[], [key(1)], "reset"],
    [[key(1)], [], "reset"],
    [[key(1)], [key(1, "other")], "reset"],
    [[key(1)], [key(1, "hunter2", 2)], "reset"],
    [[key(1)], [key(2, "hunter2", 1), key(3)], "reset"],
  ];
  for (const [before, after, session] of rows) {
    const changes = differ(withPeer({ tcpAo: before }), withPeer({ tcpAo: after }));
    assert.deepEqual(
      changes.map((change) => change.of === "peer" && change.change === "changed" && change.session),
      [session],
      JSON.stringify([before, after]),
    );
    assert.doesNotMatch(JSON.stringify(changes), /hunter2|other/);
  }
});

Deno.test("differ() resets a session where another next hop changes what the OPEN offers (RFC 8950)", () => {
  const peers = (families: PeerConfig["families"], nextHop: string, over = "10.0.0.1") =>
    withPeer({ families, nextHop: address(nextHop), address: address(over) });
  const session = (old: Config, next: Config) =>
    differ(old, next).flatMap((change) =>
      change.of === "peer" && change.change === "changed" ? [change.session] : []
    );
  const rows = [
    [["ipv4-unicast"], "10.0.0.1", "reset"],
    [["ipv6-unicast"], "10.0.0.1", "advertise"],
    [["ipv4-unicast"], "2001:db8::2", "advertise"],
  ] as const;
  for (const [families, over, expected] of rows) {
    const [to4, to6] = [peers(families, "10.0.0.3", over), peers(families, "2001:db8::3", over)];
    assert.deepEqual([session(to4, to6), session(to6, to4)], [[expected], [expected]], over);
  }
});

Deno.test("differ() knows peers by address and zone, and tells removals before additions", () => {
  const linkLocal = (zone: string) => peerConfig({ name: zone, address: address("fe80::1"), zone });
  const old = { ...BASE, bgp: { ...BASE.bgp, peers: [tor1, linkLocal("eth0")] } };
  const next = {
    ...BASE,
    bgp: { ...BASE.bgp, peers: [linkLocal("eth1"), { ...tor1, address: address("10.0.0.7") }] },
  };
  assert.deepEqual(differ(old, next), [
    { of: "peer", change: "removed", address: "10.0.0.1", name: "tor-1" },
    { of: "peer", change: "removed", address: "fe80::1%eth0", name: "eth0" },
    { of: "peer", change: "added", address: "fe80::1%eth1", name: "eth1" },
    { of: "peer", change: "added", address: "10.0.0.7", name: "tor-1" },
  ]);
});

Deno.test("differ() tells services that came and went, and each part of one that changed", () => {
  const other = { ...mail, name: "dns" };
  assert.deepEqual(differ(BASE, { ...BASE, services: [other, web] }), [
    { of: "service", change: "removed", service: "mail" },
    { of: "service", change: "added", service: "dns" },
  ]);
  assert.deepEqual(partsOf({ enabled: false }), [{ of: "enabled", enabled: false }]);
  assert.deepEqual(partsOf({ interface: "lb" }), [{ of: "interface", from: "web", to: "lb" }]);
  const moved = { addresses: [address("10.99.0.9"), address("2001:db8:99::1")] };
  const lengths = new Map([["10.99.0.9", 32], ["2001:db8:99::1", 64]]);
  assert.deepEqual(partsOf({ ...moved, prefixLengths: lengths }), [
    { of: "address", change: "removed", address: "10.99.0.1" },
    { of: "address", change: "added", address: "10.99.0.9" },
    { of: "prefix length", address: "2001:db8:99::1", from: 128, to: 64 },
  ]);
  const announce = { ...web.announce, med: 7, communities: [1], peers: ["tor-1"] };
  assert.deepEqual(partsOf({ announce }), [{ of: "announce", keys: ["communities", "med", "peers"] }]);
  const [first, ...others] = web.ports;
  assert.ok(first !== undefined);
  const ipvs = { ...first.ipvs, scheduler: "mh", flags: ["mh-port"] };
  assert.deepEqual(partsOf({ ports: [{ ...first, ipvs }, ...others] }), [
    { of: "port", change: "changed", port: "tcp 80", keys: ["ipvs.flags", "ipvs.scheduler"] },
  ]);
  assert.deepEqual(partsOf({ stop: { ...web.stop, quiesceMs: 7 } }), [{ of: "stop", keys: ["quiesceMs"] }]);
});

Deno.test("differ() knows ports by protocol and number, destinations by address and port, checks by name", () => {
  const [first, second] = destinations;
  const ports = [
    { ...PLAIN_PORT, port: 443, protocol: "tcp", destinations },
    {
      port: 80,
      ...PLAIN_PORT,
      protocol: "tcp",
      destinations: [{ ...second, weight: 0, forwarding: "masq" }, { ...first, port: 81 }],
    },
  ] as const;
  const one = { of: "destination", port: "tcp 80" };
  assert.deepEqual(partsOf({ ports }), [
    { of: "port", change: "removed", port: "udp 80", keys: [] },
    { ...one, change: "removed", destination: "10.1.0.1:8080", keys: [] },
    { ...one, change: "changed", destination: "10.1.0.2:8080", keys: ["weight"] },
    { ...one, change: "added", destination: "10.1.0.1:81", keys: [] },
    { of: "port", change: "added", port: "tcp 443", keys: [] },
  ]);
  const checks = [httpCheckConfig({ name: "three" }), httpCheckConfig({ name: "two", path: "/2", fall: 9 })];
  assert.deepEqual(partsOf({ checks }), [
    { of: "check", change: "removed", check: "one", keys: [] },
    { of: "check", change: "changed", check: "two", keys: ["fall", "path"] },
    { of: "check", change: "added", check: "three", keys: [] },
  ]);
});

Deno.test("differ() knows marks by their number, and by their family where each has its own", () => {
  const mark = { ...PLAIN_PORT, port: 0, protocol: "tcp", fwmark: 7, destinations: [] } as const;
  const [v4, v6] = [{ ...mark, families: [4] }, { ...mark, families: [6] }] as const;
  const from = (ports: ServiceConfig["ports"], next: ServiceConfig["ports"]) =>
    differ(withService({ ports }), withService({ ports: next })).flatMap((change) =>
      change.of === "service" && change.change === "changed" ? change.parts : assert.fail()
    );
  const port = { of: "port", port: "fwmark 7" };
  assert.deepEqual(from([mark], [{ ...mark, fwmark: 8 }]), [
    { ...port, change: "removed", keys: [] },
    { ...port, change: "added", port: "fwmark 8", keys: [] },
  ]);
  assert.deepEqual(from([mark], [v4]), [{ ...port, change: "changed", keys: ["family"] }]);
  assert.deepEqual(from([v4, v6], [v6, { ...v4, quorum: 2 }]), [
    { ...port, change: "changed", port: "fwmark 7 IPv4", keys: ["quorum"] },
  ]);
  // The families of a port follow from the addresses of the service.
  const [plain] = web.ports;
  assert.ok(plain !== undefined);
  assert.deepEqual(from([plain], [{ ...plain, families: [4] }]), []);
});

Deno.test("differ() tells every key of ports and destinations, and which ones of ipvs and of checks", () => {
  const [first] = destinations;
  const check = httpCheckConfig({ name: "one" });
  const sorry = [{
    ...PLAIN,
    address: address("10.1.0.9"),
    port: 80,
    weight: 1,
    forwarding: "masq",
  }] as const;
  const port = {
    ...PLAIN_PORT,
    port: 80,
    protocol: "tcp",
    destinations: [{ ...first, checks: [check] }],
  } as const;
  const next = {
    ...port,
    whenFailed: "remove",
    quorum: 2,
    hysteresis: 1,
    slowStartMs: 1000,
    sorry,
    ipvs: { ...port.ipvs, persistence: { timeoutSeconds: 1, netmask: 32, netmask6: 128 } },
    destinations: [{
      ...first,
      tunnel: { type: "gre", port: 0, checksum: true },
      upperThreshold: 2,
      lowerThreshold: 1,
      checks: [{ ...check, weightHeader: "X-Weight" }, httpCheckConfig({ name: "two" })],
    }],
  } as const;
  const changes = differ(withService({ ports: [port] }), withService({ ports: [next] }));
  assert.deepEqual(changes, [{
    of: "service",
    change: "changed",
    service: "web",
    parts: [
      {
        of: "port",
        change: "changed",
        port: "tcp 80",
        keys: ["hysteresis", "ipvs.persistence", "quorum", "slowStartMs", "sorry", "whenFailed"],
      },
      {
        of: "destination",
        change: "changed",
        port: "tcp 80",
        destination: "10.1.0.1:8080",
        keys: ["checks", "checks.weightHeader", "lowerThreshold", "tunnel", "upperThreshold"],
      },
    ],
  }]);
});

const ORDERED = ["onChange", "command", "tcpAO"];

/** The same configuration with every list the other way round, but for commands, whose order means something. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.toReversed().map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, below]) => [key, ORDERED.includes(key) ? below : reversed(below)]),
  );
}

Deno.test("differ() does not see the order of lists", () => {
  for (const file of VALID_FILES) {
    const changes = differ(configOf(JSON.stringify(file)), configOf(JSON.stringify(reversed(file))));
    // Checks without a name are called by kind and place, and numbered where two have the same.
    const numbered = changes.filter((change) =>
      !(change.of === "service" && change.change === "changed" &&
        change.parts.every((part) =>
          part.of === "check" ||
          (part.of === "destination" && part.keys.every((key) => key.startsWith("checks")))
        ))
    );
    assert.deepEqual(numbered, [], JSON.stringify(file));
  }
});

type Step = string | number;

function* leaves(value: unknown, path: readonly Step[] = []): Generator<readonly Step[]> {
  if (typeof value !== "object" || value === null) yield path;
  else {for (const [key, below] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
      yield* leaves(below, [...path, key]);
    }}
}

function at(value: unknown, path: readonly Step[]): unknown {
  return path.reduce<unknown>(
    (here, step) => Object.entries(here ?? {}).find(([key]) => key === String(step))?.[1],
    value,
  );
}

/** A copy of `file` with another value at `path`; undefined removes it. */
function changed(file: unknown, [step, ...rest]: readonly Step[], value: unknown): unknown {
  if (step === undefined) return value;
  if (Array.isArray(file)) {
    return file.map((item, index) => index === step ? changed(item, rest, value) : item).filter((item) =>
      item !== undefined
    );
  }
  const entries = Object.entries(file ?? {}).map((
    [key, item],
  ) => [key, key === step ? changed(item, rest, value) : item]);
  return Object.fromEntries(entries.filter(([, item]) => item !== undefined));
}

/** Another value of the same kind, or nothing. */
function others(value: unknown): readonly unknown[] {
  if (typeof value === "boolean") return [!value, undefined];
  if (typeof value === "number") return [value + 1, value - 1, undefined];
  const text = String(value);
  return [text.replace(/\d/, (digit) => String((Number(digit) + 1) % 10)), `${text}x`, undefined];
}

Deno.test("differ() sees every leaf of a file that is changed or removed, exactly where it means something else", () => {
  let [seen, same] = [0, 0];
  // Each key twice wherever it can stand, and of whatever kind its value is.
  const done = new Map<string, number>();
  for (const file of VALID_FILES) {
    const old = configOf(JSON.stringify(file));
    for (const path of leaves(file)) {
      const place = path.map((step) => typeof step === "number" ? "*" : step).join(".");
      const kind = `${place} ${typeof at(file, path)}`;
      const times = done.get(kind) ?? 0;
      if (times === 2) continue;
      done.set(kind, times + 1);
      for (const value of others(at(file, path))) {
        const next = parse(JSON.stringify(changed(file, path, value)));
        if (!next.ok) continue;
        const changes = differ(old, next.config);
        const differs = canonical(old) !== canonical(next.config);
        assert.equal(changes.length > 0, differs, `${path.join(".")} → ${value}`);
        if (differs) seen++;
        else same++;
      }
    }
  }
  assert.ok(seen > 200, `${seen} changes were seen, ${same} meant nothing`);
});
