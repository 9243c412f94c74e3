// changeLines(): every kind of change in words, and no secret among them.
import assert from "node:assert/strict";
import { type ConfigChange, differ, type ServiceChange } from "../../src/config/difference.ts";
import { changeLines } from "../../src/status/change_text.ts";
import { VALID_FILES } from "../config/arbitrary.ts";
import { configOf, MINIMAL } from "../config/text.ts";

Deno.test("changeLines() has words for every change of the agent and of its sessions", () => {
  const local = { of: "local", change: "changed", listen: false } as const;
  const peer = { of: "peer", address: "10.0.0.1", name: "tor-1" } as const;
  const rows: readonly (readonly [ConfigChange, string])[] = [
    [{ of: "log", change: "changed", keys: ["format", "level"] }, "log: format, level changed"],
    [{ of: "hooks", change: "changed", keys: ["timeoutMs"] }, "hooks: timeout changed"],
    [{ of: "state", change: "changed", keys: ["directory"] }, "state: directory changed"],
    [{ ...local, keys: ["as"], sessions: "reset" }, "bgp.local: as changed, every session is reset (6/6)"],
    [
      { ...local, keys: ["as"], sessions: "reset", except: ["tor-2", "tor-3"] },
      "bgp.local: as changed, every session is reset (6/6), not those of tor-2, tor-3",
    ],
    [
      { ...local, keys: ["as"], sessions: "reset", except: ["a", "b", "c", "d", "e", "f", "g"] },
      "bgp.local: as changed, every session is reset (6/6), not those of a, b, c, d, e, 2 more",
    ],
    [
      { ...local, keys: ["address6", "listenPort"], sessions: "advertise", listen: true },
      "bgp.local: address6, listenPort changed, all routes are looked at again, listening sockets are opened anew",
    ],
    [
      { ...local, keys: ["listenPort"], sessions: "none", listen: true },
      "bgp.local: listenPort changed, listening sockets are opened anew",
    ],
    [{ ...local, keys: ["listenAddresses"], sessions: "none" }, "bgp.local: listenAddresses changed"],
    [{ ...local, keys: ["as"], sessions: "next session" }, "bgp.local: as changed, for sessions to come"],
    [{ ...peer, change: "added" }, "peer tor-1 (10.0.0.1) added"],
    [{ ...peer, change: "removed" }, "peer tor-1 (10.0.0.1) removed, its session ends (6/3)"],
    [{ ...peer, name: "10.0.0.1", change: "added" }, "peer 10.0.0.1 added"],
    [
      { ...peer, change: "changed", keys: ["holdTimeSeconds", "password"], session: "reset" },
      "peer tor-1: holdTime, password changed, its session is reset (6/6)",
    ],
    [
      { ...peer, change: "changed", keys: ["nextHop"], session: "advertise" },
      "peer tor-1: nextHop changed, its routes are looked at again",
    ],
    [
      { ...peer, change: "changed", keys: ["connectRetryTimeMs"], session: "next session" },
      "peer tor-1: connectRetryTime changed, for its next session",
    ],
    [{ ...peer, change: "changed", keys: ["name"], session: "none" }, "peer tor-1: name changed"],
    [{ of: "service", change: "added", service: "web" }, "service web added"],
    [{ of: "service", change: "removed", service: "web" }, "service web removed"],
  ];
  assert.deepEqual(changeLines(rows.map(([change]) => change)), rows.map(([, line]) => line));
  assert.deepEqual(changeLines([]), []);
});

Deno.test("changeLines() has words for every part of a service", () => {
  const rows: readonly (readonly [ServiceChange, string])[] = [
    [{ of: "enabled", enabled: true }, "service web: enabled"],
    [{ of: "enabled", enabled: false }, "service web: disabled"],
    [{ of: "interface", from: "web", to: "lb-web" }, "service web: interface lb-web in place of web"],
    [{ of: "address", change: "added", address: "2001:db8::1" }, "service web: address 2001:db8::1 added"],
    [{ of: "address", change: "removed", address: "10.0.0.1" }, "service web: address 10.0.0.1 removed"],
    [
      { of: "prefix length", address: "10.0.0.1", from: 32, to: 24 },
      "service web: address 10.0.0.1 is announced as /24 in place of /32",
    ],
    [{ of: "announce", keys: ["communities", "med"] }, "service web: announce: communities, med changed"],
    [{ of: "stop", keys: ["quiesceMs", "shiftMs"] }, "service web: stop: quiesce, shift changed"],
    [{ of: "onChange", keys: ["onChange"] }, "service web: onChange changed"],
    [{ of: "port", change: "added", port: "tcp 80", keys: [] }, "port tcp 80 of web added"],
    [
      { of: "port", change: "changed", port: "tcp 80", keys: ["quorum", "slowStartMs"] },
      "port tcp 80 of web changed: quorum, slowStart",
    ],
    [
      {
        of: "destination",
        change: "changed",
        port: "tcp 80",
        destination: "10.1.0.1:8080",
        keys: ["weight"],
      },
      "destination 10.1.0.1:8080 of port tcp 80 of web changed: weight",
    ],
    [
      { of: "destination", change: "removed", port: "udp 53", destination: "[2001:db8::1]:53", keys: [] },
      "destination [2001:db8::1]:53 of port udp 53 of web removed",
    ],
    [{ of: "port", change: "removed", port: "fwmark 7", keys: [] }, "fwmark 7 of web removed"],
    [
      { of: "port", change: "changed", port: "fwmark 7 IPv6", keys: ["family", "ipvs.scheduler", "sorry"] },
      "fwmark 7 IPv6 of web changed: family, ipvs.scheduler, sorry",
    ],
    [
      { of: "destination", change: "added", port: "fwmark 7", destination: "10.0.0.1", keys: [] },
      "destination 10.0.0.1 of fwmark 7 of web added",
    ],
    [
      {
        of: "destination",
        change: "changed",
        port: "tcp 80",
        destination: "10.0.0.1:80",
        keys: ["checks.intervalMs", "tunnel", "upperThreshold"],
      },
      "destination 10.0.0.1:80 of port tcp 80 of web changed: checks.interval, tunnel, upperThreshold",
    ],
    [{ of: "check", change: "added", check: "http-8080", keys: [] }, "check http-8080 of web added"],
    [{ of: "check", change: "removed", check: "http-8080", keys: [] }, "check http-8080 of web removed"],
    [
      { of: "check", change: "changed", check: "http-8080", keys: ["fall", "intervalMs"] },
      "check http-8080 of web changed: fall, interval",
    ],
  ];
  const change = {
    of: "service",
    change: "changed",
    service: "web",
    parts: rows.map(([part]) => part),
  } as const;
  assert.deepEqual(changeLines([change]), rows.map(([, line]) => line));
});

Deno.test("changeLines() tells in one line what happens to more than three destinations of a port", () => {
  const linesOf = (count: number) => {
    const parts = Array.from({ length: count }, (_, at): ServiceChange => {
      return {
        of: "destination",
        change: "changed",
        port: "tcp 80",
        destination: `10.0.0.${at}:80`,
        keys: ["weight"],
      };
    });
    const removed = {
      of: "destination",
      change: "removed",
      port: "tcp 80",
      destination: "10.0.1.1:80",
      keys: [],
    } as const;
    return changeLines([{ of: "service", change: "changed", service: "web", parts: [removed, ...parts] }]);
  };
  const removed = "destination 10.0.1.1:80 of port tcp 80 of web removed";
  assert.deepEqual(linesOf(3), [
    removed,
    ...[0, 1, 2].map((at) => `destination 10.0.0.${at}:80 of port tcp 80 of web changed: weight`),
  ]);
  assert.deepEqual(linesOf(500), [
    removed,
    "destinations 10.0.0.0:80, 10.0.0.1:80, 10.0.0.2:80 and 497 more of port tcp 80 of web changed: weight",
  ]);
});

Deno.test("changeLines() has a line of one row for every change between any two configurations, and never a password", () => {
  const password = "hunter-2-hunter-2";
  const minimal = configOf(MINIMAL);
  const peers = minimal.bgp.peers.map((peer) => ({ ...peer, password }));
  const configs = [
    ...VALID_FILES.map((file) => configOf(JSON.stringify(file))),
    minimal,
    { ...minimal, bgp: { ...minimal.bgp, peers } },
  ];
  let seen = 0;
  configs.forEach((old, index) => {
    const next = configs[(index + 1) % configs.length] ?? old;
    for (const line of changeLines(differ(old, next))) {
      seen++;
      assert.match(line, /^\S.*\S$/);
      assert.doesNotMatch(line, /undefined|\[object|hunter/);
    }
  });
  assert.ok(seen > 200, `${seen} lines`);
});
