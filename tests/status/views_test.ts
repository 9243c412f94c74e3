// What people read of a running agent, line by line.
import assert from "node:assert/strict";
import type { PeerStatus } from "../../src/bgp/speaker.ts";
import type { RouteStatus, Status } from "../../src/status/status.ts";
import { isViewName, UnknownNameError, VIEWS } from "../../src/status/views.ts";
import { negotiated, peerStatus, status } from "../support/status.ts";

const NOW = new Date("2026-01-01T01:02:03Z");
const at = new Date("2026-01-01T01:01:58Z");

/** An Established peer with everything negotiated, and one that is down after a shutdown. */
const up: PeerStatus = {
  ...peerStatus,
  since: new Date("2026-01-01T00:00:00Z"),
  negotiated: {
    ...negotiated,
    enhancedRouteRefresh: false,
    extendedNextHop: ["ipv4-unicast"],
    gracefulRestart: { active: true, notification: true, restartTimeSeconds: 120 },
  },
  held: [{ prefix: "2001:db8::1/128", reason: "no IPv6 next hop" }],
};
const down: PeerStatus = {
  ...peerStatus,
  name: "r2",
  address: "fe80::2%eth0",
  state: "Idle",
  since: at,
  cause: "stopped",
  lastError: { at, text: "peer sent Cease/Administrative Shutdown: maintenance until 6", noted: "received" },
  lastNotificationReceived: {
    at,
    code: 6,
    subcode: 2,
    reason: undefined,
    text: "Cease/Administrative Shutdown: maintenance until 6",
    communication: "maintenance until 6",
  },
  localAddress: undefined,
  messages: { received: { ...peerStatus.messages.received }, sent: noMessages() },
  advertised: [],
  flaps: 3,
  nextRetry: new Date(NOW.getTime() + 4000),
};

function noMessages(): PeerStatus["messages"]["sent"] {
  return { "OPEN": 0, "UPDATE": 0, "NOTIFICATION": 0, "KEEPALIVE": 0, "ROUTE-REFRESH": 0 };
}

/** The small agent's status with these peers and changes to its one route. */
function scene(peers: readonly PeerStatus[], route: Partial<RouteStatus> = {}): Status {
  const whole = status(["r1"]);
  const services = whole.services.map((service) => ({
    ...service,
    routes: service.routes.map((each) => ({ ...each, ...route })),
  }));
  return { ...whole, peers, services };
}

Deno.test("the view peers shows session, negotiation, counters and held routes of a peer that is up", () => {
  assert.equal(
    VIEWS.peers.text(scene([up]), NOW),
    `r1: Established for 1h 2m (since 2026-01-01T00:00:00.000Z)
  peer           10.0.0.254, AS 65512
  session        iBGP, peer's AS 65512, BGP Identifier 10.0.0.254, our end 10.0.0.9
  timers         hold time 90 s, keepalive time 30 s
  families       ipv4-unicast
  capabilities   four-octet AS, route refresh, extended messages, extended next hop for ipv4-unicast, graceful restart (120 s of the peer's, N bit)
  messages       sent 1 OPEN, 2 UPDATE, 4 KEEPALIVE
                 received 1 OPEN, 7 UPDATE, 3 KEEPALIVE
  prefixes       1 advertised, 1 held; received and dropped: 11, withdrawn: 0
  held           2001:db8::1/128: no IPv6 next hop
  flaps          2
`,
  );
});

Deno.test("the view peers says why a session is down, with code, subcode and the router's own words (RFC 9003)", () => {
  assert.equal(
    VIEWS.peers.text(scene([down]), NOW),
    `r2: Idle for 5s (since 2026-01-01T01:01:58.000Z)
  peer           fe80::2%eth0, AS 65512
  why            peer sent Cease/Administrative Shutdown: maintenance until 6; next attempt in 4s
  cure           r2 was shut down by its operator: only there it is turned on again (no shutdown)
  messages       sent nothing
                 received 1 OPEN, 7 UPDATE, 3 KEEPALIVE
  prefixes       0 advertised, 0 held; received and dropped: 11, withdrawn: 0
  flaps          3
  last received  NOTIFICATION 6/2 Cease/Administrative Shutdown: maintenance until 6 (5s ago, 2026-01-01T01:01:58.000Z)
`,
  );
  const waiting: PeerStatus = { ...peerStatus, state: "Active", passive: true, cause: "started" };
  assert.match(VIEWS.peers.text(scene([waiting]), NOW), /^ {2}why {12}waits for the peer to connect$/m);
  const stopped: PeerStatus = { ...waiting, state: "Idle", cause: "stopped" };
  assert.match(VIEWS.peers.text(scene([stopped]), NOW), /^ {2}why {12}stopped$/m);
});

Deno.test("the view peers names what is unusual: faults survived, hold time 0, End-of-RIB held, the last error of a peer that is up", () => {
  const { negotiated, lastError } = { negotiated: up.negotiated, lastError: down.lastError };
  assert.ok(negotiated);
  const odd: PeerStatus = {
    ...up,
    lastError,
    prefixes: { ...up.prefixes, malformedUpdates: 2 },
    endOfRibHeld: ["ipv4-unicast"],
    negotiated: { ...negotiated, holdTimeSeconds: 0, families: [], gracefulRestart: undefined },
  };
  const text = VIEWS.peers.text(scene([odd]), NOW);
  for (
    const line of [
      "  timers         hold time 0: no keepalives",
      "  families       none in common",
      "  malformed      2 UPDATEs, survived as RFC 7606 says",
      "  End-of-RIB     held back until every service has a verdict: ipv4-unicast",
      "  last error     peer sent Cease/Administrative Shutdown: maintenance until 6 (5s ago, 2026-01-01T01:01:58.000Z)",
    ]
  ) assert.ok(text.split("\n").includes(line), `${line}\nis not in\n${text}`);
});

Deno.test("the view status has a line for the kernel, each address and each peer, and says what is wrong", () => {
  const shown = scene([up, down], { since: "2026-01-01T01:00:00Z" });
  assert.equal(
    VIEWS.status.text({ ...shown, kernel: { ...shown.kernel, at: "2026-01-01T01:02:01Z" } }, NOW),
    `bgp-lb 1.2.3: running, started 1h 2m ago, BGP Identifier 10.0.0.1, AS 65512
kernel: as it should be, read 2s ago

SERVICE  VERDICT  PREFIX        ANNOUNCED        FOR    WHY
web      healthy  10.99.0.1/32  to 1 of 2 peers  2m 3s  not Established: r2

PEER  ADDRESS       AS     STATE        FOR    ROUTES  FLAPS  WHY
r1    10.0.0.254    65512  Established  1h 2m  1       2      2001:db8::1/128 is held: no IPv6 next hop
r2    fe80::2%eth0  65512  Idle         5s     0       3      peer sent Cease/Administrative Shutdown: maintenance until 6; next attempt in 4s
`,
  );
});

Deno.test("the view status tells the kernel's state in words", () => {
  const { kernel } = status([]);
  const rows: readonly (readonly [Partial<Status["kernel"]>, string])[] = [
    [{ managed: false }, "kernel: left alone (network.setup: false)"],
    [{}, "kernel: not read yet"],
    [{ at: "2026-01-01T01:02:02Z", converged: false }, "kernel: being changed, read 1s ago"],
    [
      { at: "2026-01-01T01:02:02Z", errors: ["no ip_vs"] },
      "kernel: not as it should be, read 1s ago\n  no ip_vs",
    ],
    [
      {
        at: "2026-01-01T01:02:02Z",
        contested: [{
          kind: "address",
          object: "address 10.99.0.1 on web",
          repairs: 6,
          since: "2026-01-01T01:01:03Z",
          suspect: "ip (process 7)",
        }],
      },
      "kernel: as it should be, read 1s ago\n" +
      "kernel: address 10.99.0.1 on web is changed again and again, most likely by ip (process 7): " +
      "repaired 6 times, contested for 1m",
    ],
  ];
  for (const [change, line] of rows) {
    const text = VIEWS.status.text({ ...scene([]), kernel: { ...kernel, ...change } }, NOW);
    assert.ok(text.includes(`\n${line}\n`), text);
  }
});

Deno.test("the view routes shows gates, attributes, next hops, and every peer that does not get the route", () => {
  const route: Partial<RouteStatus> = {
    since: "2026-01-01T01:00:00Z",
    attributes: {
      med: 5,
      localPreference: 200,
      communities: ["no-export", "65512:1"],
      extendedCommunities: [],
      largeCommunities: ["65512:1:2"],
      asPathPrepend: 2,
    },
    held: [{ name: "r3", reason: "ipv4-unicast is not negotiated" }],
    targets: ["r1", "r2", "r3"],
  };
  assert.equal(
    VIEWS.routes.text(scene([up], route), NOW),
    `10.99.0.1/32 of web: announced for 2m 3s
  yes healthy: http-1: status 200
  check http-1: healthy for 1h 2m, status 200
  attributes: LOCAL_PREF 200 (iBGP), MED 5, AS_PATH prepended 2 times (eBGP), communities no-export 65512:1 65512:1:2
  to r1: next hop 10.0.0.9
  not to r3: ipv4-unicast is not negotiated
  not to r2: not Established
`,
  );
  const nobody = {
    ...route,
    peers: [],
    held: [{ name: "r3", reason: "next hop 10.0.0.9 is no address of this host" }],
  };
  assert.match(
    VIEWS.routes.text(scene([up], nobody), NOW),
    /^10\.99\.0\.1\/32 of web: ready, but with no peer, for 2m 3s\n/,
  );
  const gate = {
    name: "healthy",
    open: false,
    degraded: false,
    reason: "refused",
    since: "2026-01-01T01:01:00Z",
  };
  const shut = { announce: false, peers: [], gates: [gate] };
  assert.match(
    VIEWS.routes.text(scene([up], shut), NOW),
    /^10\.99\.0\.1\/32 of web: not announced for .*\n {2}NO {2}healthy: refused \(for 1m 3s\)\n {2}check .*\n {2}attributes: LOCAL_PREF 100 \(iBGP\)\n$/,
  );
  assert.match(VIEWS.status.text(scene([up], shut), NOW), / no {9}.* healthy: no; refused\n/);
  assert.match(VIEWS.status.text(scene([up]), NOW), /to 1 of 1 peers .* http-1: status 200\n/);
  assert.match(
    VIEWS.status.text(scene([up], { peers: [], held: route.held ?? [] }), NOW),
    / held from r3; not Established: r1\n/,
  );
});

Deno.test("views narrow to one peer, by name or address, or to one service, and name what there is otherwise", () => {
  const both = scene([up, down]);
  assert.deepEqual(VIEWS.peers.json(VIEWS.peers.only(both, "r2")), [down]);
  assert.deepEqual(VIEWS.peers.json(VIEWS.peers.only(both, "fe80::2%eth0")), [down]);
  assert.throws(
    () => VIEWS.peers.only(both, "r9"),
    (error) =>
      error instanceof UnknownNameError && error.message === "no peer r9, did you mean r1? there is r1, r2",
  );
  assert.deepEqual(VIEWS.status.json(VIEWS.status.only(both, "web")), both);
  assert.throws(() => VIEWS.routes.only(both, "x"), { message: "no service x; there is web" });
  const services = Array.from({ length: 20 }, (_, index) => `service-${index}`);
  assert.match(
    new UnknownNameError("service", "sevrice-17", services).message,
    /^no service sevrice-17, did you mean service-17\? there is service-0, .* and 10 more$/,
  );
  assert.throws(() => VIEWS.peers.only(scene([]), "x\u009b"), { message: "no peer x\\u009b; there is none" });
  const many = scene(Array.from({ length: 12 }, (_, index) => ({ ...up, name: `r${index}` })));
  assert.throws(() => VIEWS.peers.only(many, "x"), { message: /r8, r9 and 2 more$/ });
  assert.deepEqual(VIEWS.routes.json(both), [{ service: "web", ...both.services[0]?.routes[0] }]);
  assert.deepEqual(["status", "peers", "routes", "toString"].map(isViewName), [true, true, true, false]);
});

Deno.test("the view peers says what a router has refused, and how it is left out for good (faults B5)", () => {
  const peer: PeerStatus = {
    ...peerStatus,
    localAs: 65_010,
    refusedCapabilities: ["extended-message", "graceful-restart"],
  };
  const text = VIEWS.peers.text(scene([peer]), NOW);
  assert.match(text, /AS 65512; it sees us as AS 65010\n/);
  assert.match(
    text,
    / {2}not offered {4}extended-message, graceful-restart, as r1 refused an OPEN with them; capabilities: \{extendedMessages: false\} leaves/,
  );
  const family = VIEWS.peers.text(scene([{ ...peer, refusedCapabilities: ["multiprotocol 2/1"] }]), NOW);
  assert.match(family, / {2}not offered {4}ipv6-unicast, as r1 refused an OPEN with them\n/);
  const bare = VIEWS.peers.text(scene([{ ...peer, refusedCapabilities: "all" }]), NOW);
  assert.match(bare, / {2}not offered {4}any capability, as r1 refused an OPEN with them\n/);
});

Deno.test("the view peers says what our OPEN said of a restart, and why (RFC 4724)", () => {
  const text = (saidRestart: PeerStatus["saidRestart"]) =>
    VIEWS.peers.text(scene([{ ...up, saidRestart }]), NOW);
  const because = "the run before this one had a session with it";
  assert.match(
    text({ restarting: true, forwarding: ["ipv4-unicast", "ipv6-unicast"], because }),
    / {2}restart {8}our OPEN says restarted \(R\), forwarding preserved for ipv4-unicast and ipv6-unicast: the run before/,
  );
  assert.match(
    text({ restarting: false, forwarding: [], because: "state.directory is turned off" }),
    / {2}restart {8}our OPEN says not restarted \(no R\), nothing preserved: state.directory is turned off\n/,
  );
  assert.doesNotMatch(text(undefined), /^ {2}restart/m);
});

Deno.test("the view peers says the roles, and what to do where they do not fit (RFC 9234)", () => {
  const roles = (peer: "provider" | undefined): PeerStatus => ({
    ...up,
    localRole: "customer",
    negotiated: up.negotiated && { ...up.negotiated, role: { local: "customer", peer } },
  });
  const text = (peer: PeerStatus) => VIEWS.peers.text(scene([peer]), NOW);
  assert.match(text(roles("provider")), / {2}roles {10}this host is customer, the peer provider\n/);
  assert.match(
    text(roles(undefined)),
    / {2}roles {10}this host is customer, the peer does not say what it is\n/,
  );
  assert.doesNotMatch(text(up), / {2}roles/);
});
