// parseConfig() and loadConfig(): defaults, all problems at once, files that are no text, and the command line's flags.
import assert from "node:assert/strict";
import { formatIssue } from "../../src/config/issue.ts";
import { readDocument } from "../../src/config/document.ts";
import { loadConfig, loadText, parseConfig } from "../../src/config/load.ts";
import { renderConfig } from "../../src/config/render.ts";
import { decodeText, MAX_FILE_OCTETS } from "../../src/config/source_text.ts";
import { configOf, issuesOf, MINIMAL, parse } from "./text.ts";
import { CONTENTION } from "../support/config.ts";

Deno.test("parseConfig() fills in every default of the shortest file (CONTRACT Configuration file)", () => {
  assert.deepEqual(renderConfig(configOf(MINIMAL)), {
    log: { level: "info", format: "auto" },
    http: { listen: "127.0.0.1:8081", allowedHosts: [] },
    control: { socket: "/run/bgp-lb/control.sock" },
    network: { setup: true, ipvs: true, contention: { limit: 5, window: "60s", hold: "60s" } },
    limits: { httpConnections: 256 },
    state: { directory: "/var/lib/bgp-lb" },
    hooks: { timeout: "10s" },
    bgp: {
      local: {
        routerID: "10.0.0.1",
        as: 65512,
        listenPort: 179,
        listenAddresses: ["0.0.0.0", "::"],
        address: "10.0.0.1",
      },
      peers: [{
        address: "10.0.0.254",
        name: "10.0.0.254",
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
      }],
    },
    services: [{
      name: "web",
      interface: "web",
      enabled: true,
      addresses: ["10.99.0.1"],
      announce: {
        localPreference: 100,
        communities: [],
        extendedCommunities: [],
        largeCommunities: [],
        asPathPrepend: 0,
        whenUnhealthy: "withdraw",
      },
      ports: [],
      checks: [],
      stop: { shift: "0s", converge: "1s", quiesce: "30s" },
    }],
  });
});

Deno.test("parseConfig() takes JSON, indented by tabs and with a byte order mark too, as it takes YAML", () => {
  const json = JSON.stringify({
    bgp: { local: { routerID: "10.0.0.1", as: 65512 }, peers: [{ address: "10.0.0.254", as: 65512 }] },
    services: [{ name: "web", addresses: ["10.99.0.1"] }],
  });
  assert.deepEqual(configOf(json), configOf(MINIMAL));
  assert.deepEqual(configOf(JSON.stringify(JSON.parse(json), null, "\t")), configOf(MINIMAL));
  assert.deepEqual(configOf(`\ufeff${json}`), configOf(MINIMAL));
});

Deno.test("parseConfig() negotiates the families of the services' addresses by default", () => {
  const families = (addresses: string) =>
    configOf(MINIMAL.replace("10.99.0.1", addresses)).bgp.peers[0]?.families;
  assert.deepEqual(families("10.99.0.1"), ["ipv4-unicast"]);
  assert.deepEqual(families("2001:db8::1"), ["ipv6-unicast"]);
  assert.deepEqual(families("2001:db8::1, 10.99.0.1"), ["ipv4-unicast", "ipv6-unicast"]);
});

Deno.test("parseConfig() lets a peer override bgp.defaults, also where keys exclude each other", () => {
  const peers = (defaults: string, peer: string) => {
    const lines = MINIMAL.replace("  peers:", `  defaults: {${defaults}}\n  peers:`);
    return configOf(lines.replace("as: 65512}]", `${peer}}]`)).bgp.peers[0];
  };
  assert.equal(peers("as: 65000, holdTime: 9s", "port: 1179")?.as, 65000);
  assert.equal(peers("as: 65000, holdTime: 9s", "as: 65001")?.as, 65001);
  assert.equal(peers("holdTime: 9s", "as: 65001")?.holdTimeSeconds, 9);
  const hops = peers("ttlSecurity: 1", "as: 65001, multihop: 3");
  assert.deepEqual([hops?.ttlSecurity, hops?.multihop], [undefined, 3]);
  assert.equal(peers("password: one", "as: 65001, passwordFile: /secret")?.password, "s3cr3t");
  assert.equal(peers("passwordFile: /missing", "as: 65001, password: two")?.password, "two");
  assert.equal(peers("gracefulRestart: {}", "as: 65001")?.gracefulRestart?.restartTimeSeconds, 120);
  assert.equal(peers("gracefulRestart: {}", "as: 65001, gracefulRestart: off")?.gracefulRestart, undefined);
  assert.equal(peers("gracefulRestart: {}", "as: 65001, gracefulRestart: false")?.gracefulRestart, undefined);
});

Deno.test("parseConfig() lets a peer take nothing for eight minutes or twice the hold time, the longer (RFC 9687 6)", () => {
  const seconds = (keys: string) =>
    configOf(MINIMAL.replace("as: 65512}]", `as: 65512, ${keys}}]`)).bgp.peers[0]?.sendHoldTimeSeconds;
  const rows = [
    ["port: 179", 480],
    ["holdTime: 0", 480],
    ["holdTime: 240s", 480],
    ["holdTime: 241s", 482],
    ["holdTime: 65535s", 131_070],
    ["sendHoldTime: 91s", 91],
    ["sendHoldTime: 0", 0],
    ["holdTime: 0, sendHoldTime: 4s", 4],
    ["holdTime: 3s, sendHoldTime: 131070s", 131_070],
  ] as const;
  for (const [keys, expected] of rows) assert.equal(seconds(keys), expected, keys);
});

Deno.test("parseConfig() sorts standard and extended communities of one list", () => {
  const { announce } = configOf(
    MINIMAL.replace(
      "[10.99.0.1]",
      '[10.99.0.1], announce: {communities: ["65512:100", "rt:65512:1", no-export], extendedCommunities: ["ro:1:2"]}',
    ),
  ).services[0] ?? assert.fail();
  assert.deepEqual(announce.communities, [65512 * 65536 + 100, 0xffffff01]);
  assert.deepEqual(announce.extendedCommunities.map((octets) => [...octets]), [
    [0, 2, 0xff, 0xe8, 0, 0, 0, 1],
    [0, 3, 0, 1, 0, 0, 0, 2],
  ]);
});

Deno.test("parseConfig() makes targetPort one destination of each family that the service has", () => {
  const text = MINIMAL.replace("as: 65512}\n", "as: 65512, address: 10.0.0.9, address6: 2001:db8::9}\n");
  const destinations = (service: string) =>
    configOf(text.replace("[10.99.0.1]", service)).services[0]?.ports[0]?.destinations.map((
      { address, port },
    ) => `${address.text} ${port}`);
  assert.deepEqual(destinations("[10.99.0.1], ports: [{port: 80, targetPort: 8080}]"), ["10.0.0.9 8080"]);
  assert.deepEqual(destinations("[2001:db8::1], ports: [{port: 80, targetPort: 8080}]"), [
    "2001:db8::9 8080",
  ]);
  assert.deepEqual(destinations("[10.99.0.1, 2001:db8::1], ports: [{port: 80, targetPort: 8080}]"), [
    "10.0.0.9 8080",
    "2001:db8::9 8080",
  ]);
});

Deno.test("parseConfig() warns of an address family without a destination, and goes on", () => {
  const result = parse(
    MINIMAL.replace(
      "[10.99.0.1]",
      "[10.99.0.1, 2001:db8::1], ports: [{port: 80, destinations: [{address: 10.0.0.2, port: 80}]}]",
    ),
  );
  assert.ok(result.ok);
  assert.deepEqual(result.warnings.map(formatIssue), [
    "f:5:73: warning: services[0].ports[0].destinations: has none for the service's IPv6 addresses, which will not be announced",
  ]);
});

Deno.test("parseConfig() tells every problem at once, in the file's order", () => {
  const text = `log: {levle: info}
bgp:
  local: {routerID: 10.0.0.1, as: 0}
  peers:
    - {address: 10.0.0.254, holdTime: 1, prot: 179}
    - {address: 10.0.0.254, as: 65512}
services:
  - {name: web, addresses: [10.99.0.1], bogus: 1}
  - {name: web, addresses: [10.99.0.1, 10.99.0.300], checks: [{type: smtp}]}
  - {name: web, addresses: [10.99.0.1]}
`;
  assert.deepEqual(issuesOf(text), [
    "1:7: log.levle: is not a known key, did you mean level?",
    "3:35: bgp.local.as: must be an AS number, a whole number from 1 to 4294967295 (got 0)",
    "5:7: bgp.peers[0].as: is required",
    "5:39: bgp.peers[0].holdTime: must be 0, or 3s to 65535s in whole seconds (RFC 4271 section 4.2) (got 1)",
    "5:42: bgp.peers[0].prot: is not a known key, did you mean port?",
    '6:17: bgp.peers[1].address: is the same address as that of bgp.peers[0].address (got "10.0.0.254")',
    "8:41: services[0].bogus: is not a known key",
    '9:40: services[1].addresses[1]: must be an IPv4 or IPv6 address (got "10.99.0.300")',
    '9:70: services[1].checks[0].type: must be one of http, ping, tcp, tls, udp, grpc, dns, exec, file, process (got "smtp")',
    '10:12: services[2].name: is the same name as that of services[0].name (got "web")',
    '10:29: services[2].addresses[0]: is the same address as that of services[0].addresses[0] (got "10.99.0.1")',
  ]);
});

Deno.test("no problem ever shows a password", () => {
  const secret = "hunter2hunter2";
  const texts = [
    `password: ${secret}, passwordFile: /secret`,
    `password: "${secret}${"x".repeat(80)}"`,
    `password: [${secret}]`,
    `password: {a: ${secret}}`,
    `pasword: ${secret}`,
    `password: !${secret} x`,
    `password: *${secret}`,
    `password: "${secret}" x`,
    `password: "${secret}`,
    `password: @${secret}`,
    `password: ${secret}: x`,
    `password: "\\q${secret}"`,
  ];
  for (const text of texts) {
    const issues = issuesOf(MINIMAL.replace("as: 65512}]", `as: 65512, ${text}}]`));
    assert.ok(issues.length > 0, text);
    assert.ok(!issues.join("\n").includes(secret), issues.join("\n"));
  }
});

Deno.test("parseConfig() says of a text that is no configuration what it is instead", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["", "1:1: is empty: it needs at least bgp and services"],
    ["# nothing\n", "1:1: is empty: it needs at least bgp and services"],
    ["---\n", "1:1: is empty: it needs at least bgp and services"],
    ["hello", '1:1: must be a mapping with bgp and services at the top (got "hello")'],
    ["- a\n- b\n", "1:1: must be a mapping with bgp and services at the top (got a list)"],
    ["42", "1:1: must be a mapping with bgp and services at the top (got 42)"],
  ];
  for (const [text, expected] of rows) assert.deepEqual(issuesOf(text), [expected], JSON.stringify(text));
});

Deno.test("loadConfig() says why a file cannot be used (CONTRACT Configuration file)", async () => {
  const refuse = (message: string) => () => {
    throw new Error(message);
  };
  const rows: readonly (readonly [string, () => Uint8Array, string])[] = [
    ["missing", refuse("does not exist"), ": does not exist"],
    ["a folder", refuse("is a folder, not a file"), ": is a folder, not a file"],
    ["UTF-16", () => Uint8Array.of(0xff, 0xfe, 0x61, 0), ": is UTF-16 text, save it as UTF-8"],
    [
      "Latin-1",
      () => Uint8Array.of(0x61, 0xe9, 0x62),
      ":1:2: is not UTF-8 text: octet 0xe9 is not allowed here",
    ],
    ["too large", () => new Uint8Array(MAX_FILE_OCTETS + 1), ": is larger than 4 MiB"],
  ];
  for (const [name, readFile, expected] of rows) {
    const result = await loadConfig("/etc/x.yaml", () => ({ octets: readFile() }));
    assert.ok(!result.ok, name);
    assert.deepEqual(result.issues.map(formatIssue), [`/etc/x.yaml${expected}`]);
  }
});

Deno.test("loadConfig() reads password files through the same port", async () => {
  const files: Readonly<Record<string, string>> = {
    "a.yaml": MINIMAL.replace("as: 65512}]", "as: 65512, passwordFile: /run/key}]"),
    "/run/key": "topsecret\n",
  };
  const readFile = (path: string) => ({ octets: new TextEncoder().encode(files[path] ?? assert.fail(path)) });
  const result = await loadConfig("a.yaml", readFile);
  assert.ok(result.ok);
  assert.equal(result.config.bgp.peers[0]?.password, "topsecret");
});

Deno.test("loadText() reads a text as the file of that name would be, with its secrets and the flags", async () => {
  const files = {
    "a.yaml": MINIMAL.replace("as: 65512}]", "as: 65512, passwordFile: /key}]"),
    "/key": "hunter2",
  };
  const readFile = (path: string) => {
    const text = Object.entries(files).find(([name]) => name === path)?.[1];
    if (text === undefined) throw new Error("does not exist");
    return { octets: new TextEncoder().encode(text), mode: 0o600 };
  };
  const overrides = { networkSetup: "false" };
  const text = { name: "a.yaml", text: files["a.yaml"] };
  assert.deepEqual(
    await loadText(text, readFile, overrides),
    await loadConfig("a.yaml", readFile, overrides),
  );
  const wrong = await loadText({ name: "b.yaml", text: `${MINIMAL}bogus: 1\n` }, readFile);
  assert.ok(!wrong.ok);
  assert.deepEqual(wrong.issues.map(formatIssue), ["b.yaml:6:1: bogus: is not a known key"]);
});

Deno.test("parseConfig() puts the command line's flags over the file (CONTRACT Command line)", () => {
  const off = `network: {setup: false}\n${MINIMAL}`;
  assert.equal(configOf(MINIMAL, { logLevel: "debug" }).log.level, "debug");
  assert.deepEqual(configOf(MINIMAL, { metricsAddress: ":9100" }).http.listen, { hostname: "", port: 9100 });
  assert.equal(configOf(MINIMAL, { metricsAddress: "" }).http.listen, undefined);
  assert.equal(configOf(MINIMAL, { controlSocket: "/tmp/s" }).control.socket, "/tmp/s");
  assert.equal(configOf(MINIMAL, { controlSocket: "" }).control.socket, undefined);
  assert.deepEqual(configOf(MINIMAL, { networkSetup: false }).network, {
    setup: false,
    ipvs: false,
    contention: CONTENTION,
  });
  assert.deepEqual(configOf(MINIMAL, { ipvsSetup: "false" }).network, {
    setup: true,
    ipvs: false,
    contention: CONTENTION,
  });
  assert.deepEqual(configOf(off, { networkSetup: "true" }).network, {
    setup: true,
    ipvs: true,
    contention: CONTENTION,
  });
  assert.deepEqual(configOf(off, { ipvsSetup: true }).network, {
    setup: false,
    ipvs: true,
    contention: CONTENTION,
  });
  assert.deepEqual(configOf(`network: {ipvs: true}\n${MINIMAL}`, { networkSetup: false }).network, {
    setup: false,
    ipvs: false,
    contention: CONTENTION,
  });
  assert.deepEqual(configOf(`network: {ipvs: false}\n${MINIMAL}`, { networkSetup: true }).network, {
    setup: true,
    ipvs: false,
    contention: CONTENTION,
  });
});

Deno.test("parseConfig() tells wrong flags beside the file's problems", () => {
  const result = parse(`${MINIMAL}x: 1\n`, {
    logLevel: "warn",
    networkSetup: "maybe",
    ipvsSetup: "2",
    metricsAddress: "8081",
    controlSocket: "s",
  });
  assert.ok(!result.ok);
  assert.deepEqual(result.issues.map(formatIssue), [
    '--log-level: must be one of debug, info, warning, error; did you mean warning? (got "warn")',
    '--network-setup: must be true or false (got "maybe")',
    '--ipvs-setup: must be true or false (got "2")',
    '--metrics-address: must be ADDRESS:PORT, [IPV6]:PORT or :PORT (got "8081")',
    '--control-socket: must be an absolute path of a file (got "s")',
    "f:6:1: x: is not a known key",
  ]);
});

Deno.test("parseConfig() blames no service for naming a peer that could not be read", () => {
  const text = MINIMAL.replace(
    "[{address: 10.0.0.254, as: 65512}]",
    "[{address: 10.0.0, as: 65512, name: tor}]",
  )
    .replace("[10.99.0.1]", "[10.99.0.1], announce: {peers: [tor]}");
  assert.deepEqual(issuesOf(text), [
    '3:21: bgp.peers[0].address: must be an IPv4 or IPv6 address (got "10.0.0")',
  ]);
});

Deno.test("parseConfig() sees past unknown keys to what is wrong between known ones", () => {
  const text = MINIMAL.replace("[10.99.0.1]", "[10.99.0.1], ports: [{port: 80, prt: 1}]");
  assert.deepEqual(issuesOf(text), [
    "5:49: services[0].ports[0].targetPort: is required (or destinations)",
    "5:60: services[0].ports[0].prt: is not a known key, did you mean port?",
  ]);
});

Deno.test("parseConfig() takes Go's spellings of true and false in flags (CONTRACT Command line)", () => {
  for (const value of ["true", "True", "TRUE", "t", "T", "1"]) {
    assert.equal(
      configOf(`network: {ipvs: false}\n${MINIMAL}`, { ipvsSetup: value }).network.ipvs,
      true,
      value,
    );
  }
  for (const value of ["false", "False", "FALSE", "f", "F", "0"]) {
    assert.equal(configOf(MINIMAL, { ipvsSetup: value }).network.ipvs, false, value);
  }
});

Deno.test("parseConfig() warns of a file that others can read where a password stands in it, or that they can change (faults S21)", () => {
  const withPassword = MINIMAL.replace("as: 65512}]", "as: 65512, password: s3cr3t}]");
  const inDefaults = MINIMAL.replace("  peers:", "  defaults: {password: s3cr3t}\n  peers:");
  const warnings = (text: string, mode: number | undefined) => {
    const result = parseConfig(text, { fileName: "f", mode, readSecretFile: () => ({ text: "x" }) });
    return result.ok ? result.warnings.map(formatIssue) : assert.fail();
  };
  const cure = "chmod o= it, or name a file with passwordFile";
  assert.deepEqual(warnings(withPassword, 0o644), [
    `f:3:54: warning: bgp.peers[0].password: stands in a file that every user of this host can read (mode 0644): ${cure}`,
  ]);
  assert.deepEqual(warnings(inDefaults, 0o606), [
    `f:3:24: warning: bgp.defaults.password: stands in a file that every user of this host can read and change (mode 0606): ${cure}`,
  ]);
  assert.deepEqual(warnings(MINIMAL, 0o666), [
    "f:1:1: warning: every user of this host can read and change this file (mode 0666): chmod o= it",
  ]);
  for (const mode of [0o600, 0o640, 0o400, undefined]) assert.deepEqual(warnings(withPassword, mode), []);
  assert.deepEqual(warnings(MINIMAL, 0o644), []);
});

Deno.test("decodeText() gives the place of the first octet that is no UTF-8 (faults C9)", () => {
  const rows: readonly (readonly [readonly number[], string])[] = [
    [[0xe9], "1:1 0xe9"],
    [[0x61, 0x0a, 0x62, 0xff], "2:2 0xff"],
    [[0xc3, 0xa9, 0x80], "1:2 0x80"],
    [[0xe2, 0x82, 0x41], "1:1 0xe2"],
    [[0xf0, 0x9f, 0x98, 0x80, 0xed, 0xa0, 0x80], "1:3 0xed"],
    [[0xef, 0xbf, 0xbd, 0xc0, 0xaf], "1:2 0xc0"],
    [[0xef, 0xbb, 0xbf, 0x61, 0xfe], "1:2 0xfe"],
    [[0x61, 0x0d, 0x0a, 0xc3], "2:1 0xc3"],
  ];
  for (const [octets, expected] of rows) {
    const result = decodeText(Uint8Array.from(octets));
    assert.ok("problem" in result);
    const octet = /0x[0-9a-f]{2}/.exec(result.problem)?.[0];
    assert.equal(`${result.position?.line}:${result.position?.column} ${octet}`, expected);
  }
  assert.deepEqual(decodeText(Uint8Array.from([0xef, 0xbb, 0xbf, 0x61])), { text: "a" });
});

Deno.test("readDocument() refuses characters that cannot be seen, with their place; comments may have most (faults C9)", () => {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["a: b\u200bc", "1:5 U+200B"],
    ["a: 1\nb\u00ad: 2", "2:2 U+00AD"],
    ["a: 'x\u202ey'", "1:6 U+202E"],
    ['a: "x\u0007y"', "1:6 U+0007"],
    ["a: [x, \u2066y]", "1:8 U+2066"],
    ["\u00a0a: 1", "1:1 U+00A0"],
    ["a: \u{e0041}", "1:4 U+E0041"],
    ["a: b\u2028c: d", "1:5 U+2028"],
    ["a: |\n  x\ufeff\n", "2:4 U+FEFF"],
    ["a: \ufffd", "1:4 U+FFFD"],
    ["a: e\u0301", "1:4 NFC"],
    ["a: \u212a", "1:4 NFC"],
    ["a: 1 # \u{1f468}\u200d\u{1f469} e\u0301\n", undefined],
    ["a: 1 # x\u202ey\n", "1:9 U+202E"],
    ['a: "\\u200b"', undefined],
    ["a: \u00e9\u{1f600}", undefined],
  ];
  for (const [text, expected] of rows) {
    const [problem] = readDocument(text).problems;
    const what = /U\+[0-9A-F]+|NFC/.exec(problem?.message ?? "")?.[0];
    const place = problem && `${problem.position.line}:${problem.position.column} ${what}`;
    assert.equal(place, expected, JSON.stringify(text));
  }
});
