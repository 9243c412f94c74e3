// The chain of gates: each shut in turn, by itself, then open again; each answer names it and what opens it.
import assert from "node:assert/strict";
import type { PeerStatus } from "../../src/bgp/peer_status.ts";
import { explain } from "../../src/status/explain.ts";
import { explainText } from "../../src/status/explain_text.ts";
import type { CheckStatusEntry, RouteStatus, ServiceStatus, Status } from "../../src/status/status.ts";
import { UnknownNameError } from "../../src/status/views.ts";
import { negotiated, peerStatus, status } from "../support/status.ts";

const NOW = new Date("2026-01-01T01:00:00Z");
const SINCE = "2026-01-01T00:59:00.000Z";

const GATES: readonly (readonly [string, string])[] = [
  ["enabled", "enabled"],
  ["not drained", "in service"],
  ["healthy", "http-1: status 200"],
  ["address present", "link up, address present"],
  ["virtual services present", "virtual services present, with a destination of weight"],
];

/** What is different from an agent where every gate is open. */
interface Change {
  readonly status?: Partial<Status>;
  readonly service?: Partial<ServiceStatus>;
  readonly route?: Partial<RouteStatus>;
  readonly peer?: Partial<PeerStatus>;
  readonly check?: Partial<CheckStatusEntry>;
  /** The gate of the service that is shut, and what it saw. */
  readonly shut?: readonly [string, string];
}

function scene({ status: whole, service, route, peer, check, shut }: Change): Status {
  const base = status(["r1"]);
  const gates = GATES.map(([name, reason]) =>
    shut?.[0] === name
      ? { name, open: false, degraded: false, reason: shut[1], since: SINCE }
      : { name, open: true, degraded: false, reason, since: "2026-01-01T00:00:00.000Z" }
  );
  return {
    ...base,
    kernel: { ...base.kernel, at: SINCE },
    peers: [{ ...peerStatus, negotiated, since: new Date(SINCE), ...peer }],
    services: base.services.map((each) => ({
      ...each,
      checks: each.checks.map((entry) => ({ ...entry, ...check })),
      routes: each.routes.map((entry) => ({
        ...entry,
        gates,
        announce: shut === undefined,
        peers: shut === undefined ? entry.peers : [],
        ...route,
      })),
      ...service,
    })),
    ...whole,
  };
}

function notification(code: number, subcode: number, text: string) {
  return { at: new Date(SINCE), code, subcode, reason: undefined, text, communication: undefined };
}

/** A session that is down after this NOTIFICATION, which the peer sent, or we did. */
function ended(by: "received" | "sent", code: number, subcode: number, words: string): Change {
  const record = notification(code, subcode, words);
  const text = by === "received" ? `peer sent ${words}` : "in words of ours";
  return down({
    lastError: { at: new Date(SINCE), text, noted: by },
    ...by === "received" ? { lastNotificationReceived: record } : { lastNotificationSent: record },
  });
}

function down(peer: Partial<PeerStatus>): Change {
  return {
    peer: { state: "Idle", cause: "stopped", negotiated: undefined, ...peer },
    route: { peers: [] },
  };
}

function failed(text: string): Change {
  return down({ lastError: { at: new Date(SINCE), text } });
}

const phase = { since: SINCE, until: "2026-01-01T01:00:30Z", reason: "maintenance", connections: 3 } as const;
const drain = { reason: "maintenance", since: SINCE, until: undefined, lost: undefined };

/** A change, the gate that it shuts, and what is said of what opens it. */
const ROWS: readonly (readonly [Change, string, RegExp])[] = [
  [
    { shut: ["enabled", "disabled in configuration"] },
    "enabled",
    /^set enabled: true for web .* bgp-lb reload$/,
  ],
  [
    { shut: ["not drained", "maintenance"], service: { drain, phase: { ...phase, name: "quiescing" } } },
    "not drained",
    /^bgp-lb undrain web$/,
  ],
  [
    {
      shut: ["not drained", "maintenance"],
      service: { drain: { ...drain, until: "2026-01-01T03:00:00Z" }, phase: { ...phase, name: "down" } },
    },
    "not drained",
    /^bgp-lb undrain web, or by itself in 2h$/,
  ],
  [
    { shut: ["not drained", "removed"], service: { phase: { ...phase, name: "down", reason: "removed" } } },
    "not drained",
    /^what took it out of service has to end: removed$/,
  ],
  [
    { shut: ["not drained", "stopping"], status: { state: "stopping" } },
    "not drained",
    /^nothing while the agent stops/,
  ],
  [
    { shut: ["healthy", "refused"], check: { verdict: "unhealthy", rise: 2, consecutivePasses: 0 } },
    "healthy",
    /^check http-1 must pass 2 times in a row \(it passes where http:\/\/127\.0\.0\.1:8080\/ answers with a 2xx status within 1s\)$/,
  ],
  [
    {
      shut: ["healthy", "backend well, path broken: through: refused"],
      check: { verdict: "unhealthy", rise: 2, consecutivePasses: 0 },
    },
    "healthy",
    /^what serves is well, so look at the way to it \(ipvsadm .*\): check http-1 must pass 2 times in a row /,
  ],
  [
    { shut: ["healthy", "refused"], check: { verdict: "unhealthy", rise: 3, consecutivePasses: 1 } },
    "healthy",
    /^check http-1 must pass 3 times in a row, 1 so far /,
  ],
  [
    {
      shut: ["healthy", "not probed"],
      check: {
        verdict: "unknown",
        rise: 1,
        expects: "",
        consecutivePasses: 0,
        lastUnknown: "no descriptors",
        lastResult: { result: "unknown", detail: "no descriptors", at: SINCE, durationMs: 1 },
      },
    },
    "healthy",
    /^check http-1 must pass once; what is short on this host has to end first: no descriptors$/,
  ],
  [
    { shut: ["address present", "interface web does not exist"] },
    "address present",
    /^the agent puts it back by itself; .*ip monitor/,
  ],
  [
    { shut: ["address present", "interface web is not ours"] },
    "address present",
    /^another interface has that name: remove it, or choose another with interface of web$/,
  ],
  [
    { shut: ["address present", "interface web is part of master br0"] },
    "address present",
    /^the agent takes it out by itself; .*networkd/,
  ],
  [
    { shut: ["address present", "address 2001:db8::1 is taken for a duplicate by the kernel"] },
    "address present",
    /^the agent adds it again .*ip monitor address/,
  ],
  [
    { shut: ["address present", "address 10.99.0.1 has no local route: the kernel takes no packets to it"] },
    "address present",
    /^the agent puts it back by itself; .*ip monitor route.*ip rule/,
  ],
  [
    { shut: ["address present", "the kernel has not been read yet"] },
    "address present",
    /^comes with the first reading of the kernel$/,
  ],
  [
    {
      shut: ["address present", "interface web does not exist"],
      status: {
        kernel: {
          managed: true,
          converged: false,
          at: SINCE,
          errors: ["no dummy: modprobe dummy"],
          contested: [],
        },
      },
    },
    "address present",
    /^the agent puts it back by itself; .*ip monitor\)$/,
  ],
  [
    { shut: ["virtual services present", "virtual service tcp 10.99.0.1:80 does not exist"] },
    "virtual services present",
    /^the agent puts it back within 5 s/,
  ],
  [
    { shut: ["virtual services present", "virtual service tcp 10.99.0.1:80 has no destination of weight"] },
    "virtual services present",
    /^a destination of web with a weight above 0/,
  ],
  [
    { route: { targets: ["r2"], peers: [] } },
    "target",
    /^add r1 to announce\.peers of web, or leave announce\.peers out; then bgp-lb reload$/,
  ],
  [
    failed("cannot connect to r1: connect: connection refused"),
    "session Established",
    /^start BGP at 10\.0\.0\.254/,
  ],
  [
    failed("connecting timed out"),
    "session Established",
    /^let the TCP port of BGP .* password.* multihop$/,
  ],
  [
    failed("connect: no route to host"),
    "session Established",
    /^bring up the link or the route to 10\.0\.0\.254/,
  ],
  [
    failed(
      "cannot connect: the kernel's choice of a source is the service address 2001:db8::1: no other address",
    ),
    "session Established",
    /give this host an address of its own that leads to .*, or set localAddress of/,
  ],
  [failed("connection reset by peer"), "session Established", /takes the connection and closes it/],
  [
    down({
      lastError: { at: new Date(SINCE), text: "connection reset by peer" },
      neighbour: "found on eth0",
    }),
    "session Established",
    /v6only; an old one/,
  ],
  [failed("cannot assign requested address"), "session Established", /localAddress of r1/],
  [failed("something else"), "session Established", /^nothing has to be done/],
  [
    down({ passive: true, state: "Active", cause: "started" }),
    "session Established",
    /^r1 is passive, and nothing listens here/,
  ],
  [
    {
      ...down({ passive: true, state: "Active", cause: "started" }),
      status: { listeners: [{ address: "::", port: 179, fault: undefined }] },
    },
    "session Established",
    /^r1 must connect to us: .*\(we listen on \[::\]:179\)$/,
  ],
  [ended("received", 1, 2, "Message Header Error"), "session Established", /password on one side only$/],
  [
    ended("received", 2, 2, "OPEN Message Error/Bad Peer AS"),
    "session Established",
    /remote-as for us to 65512/,
  ],
  [
    ended("received", 2, 3, "Bad BGP Identifier"),
    "session Established",
    /10\.0\.0\.1 must differ.*routerID$/,
  ],
  [ended("received", 2, 6, "Unacceptable Hold Time"), "session Established", /^set holdTime of r1/],
  [
    ended("received", 2, 7, "Unsupported Capability"),
    "session Established",
    /families and capabilities of peers\[\]$/,
  ],
  [
    ended("received", 2, 4, "Unsupported Optional Parameter"),
    "session Established",
    /^offer r1 only what it knows/,
  ],
  [ended("received", 4, 0, "Hold Timer Expired"), "session Established", /^r1 heard no KEEPALIVE in time/],
  [
    ended("received", 6, 1, "Cease/Maximum"),
    "session Established",
    /^raise the prefix limit that r1 has for us/,
  ],
  [
    ended("received", 6, 2, "Cease/Administrative Shutdown"),
    "session Established",
    /only there it is turned on/,
  ],
  [ended("received", 6, 3, "Cease/Peer De-configured"), "session Established", /configure it there again$/],
  [ended("received", 6, 4, "Cease/Administrative Reset"), "session Established", /^nothing has to be done/],
  [ended("received", 6, 5, "Cease/Connection Rejected"), "session Established", /^r1 refuses us/],
  [ended("received", 6, 8, "Cease/Out of Resources"), "session Established", /nothing on this host helps$/],
  [ended("received", 6, 10, "Cease/BFD Down"), "session Established", /look at the link$/],
  [
    down({
      lastError: {
        at: new Date(SINCE),
        text: "peer sent Cease/Hard Reset (Cease/Administrative Shutdown)",
        noted: "received",
      },
      lastNotificationReceived: {
        ...notification(6, 9, "Cease/Hard Reset (Cease/Administrative Shutdown)"),
        reason: { code: 6, subcode: 2 },
      },
    }),
    "session Established",
    /only there it is turned on/,
  ],
  [ended("sent", 2, 2, "OPEN Message Error/Bad Peer AS"), "session Established", /set peers\[\]\.as to it$/],
  [
    ended("sent", 2, 3, "OPEN Message Error/Bad BGP Identifier"),
    "session Established",
    /set another one on one side$/,
  ],
  [ended("sent", 2, 6, "Unacceptable Hold Time"), "session Established", /3 s or more, or 0, there$/],
  [ended("sent", 2, 7, "Unsupported Capability"), "session Established", /^no family is common/],
  [
    ended("sent", 4, 0, "Hold Timer Expired"),
    "session Established",
    /^nothing came from r1 within the hold time/,
  ],
  [
    ended("sent", 8, 0, "Send Hold Timer Expired"),
    "session Established",
    /^r1 took nothing of what was sent/,
  ],
  [
    { peer: { negotiated: { ...negotiated, families: ["ipv6-unicast"] } }, route: { peers: [] } },
    "family negotiated",
    /^add ipv4-unicast to the families of r1 on both sides/,
  ],
  ...([["multiprotocol 1/1"], "all"] as const).map((refusedCapabilities) =>
    [
      {
        peer: { refusedCapabilities, negotiated: { ...negotiated, families: ["ipv6-unicast"] } },
        route: { peers: [] },
      },
      "family negotiated",
      /^turn ipv4-unicast on for us at r1, and begin the session anew/,
    ] as const
  ),
  [
    {
      peer: { negotiated: { ...negotiated, families: ["ipv6-unicast"] } },
      route: {
        prefix: "2001:db8::1/128",
        peers: [],
        held: [{
          name: "r1",
          reason: "no IPv6 next hop over 2001:db8:: : set bgp.local.address6, or nextHop6 of the peer",
        }],
      },
    },
    "can be carried",
    /^set bgp\.local\.address6, or nextHop6 of the peer$/,
  ],
  [
    { route: { peers: [] } },
    "sent",
    /^comes by itself; where it does not, r1 does not read, and sendHoldTime/,
  ],
  [{ route: { peers: [] }, status: { state: "starting" } }, "sent", /^comes by itself/],
];

Deno.test("explain() names the first shut gate, whichever it is, since when, what it saw and what opens it (CONTRACT Command line)", () => {
  for (const [change, gate, opens] of ROWS) {
    const { shut, routes, notKnown } = explain(scene(change), "web", "r1", NOW);
    const words = JSON.stringify([gate, shut]);
    assert.equal(shut?.name, gate, words);
    assert.match(shut?.opens ?? "", opens, words);
    assert.notEqual(shut?.saw, "", words);
    assert.deepEqual([notKnown, routes[0]?.peers[0]?.notes], [[], []], words);
    const serviceGate = GATES.some(([name]) => name === gate);
    assert.equal(shut?.peer, serviceGate ? undefined : "r1", words);
    if (serviceGate || gate === "session Established") assert.equal(shut?.since, SINCE, words);
    // All before it are open, and every shut one says what opens it.
    for (const { steps, peers } of routes) {
      const chain = serviceGate ? steps : [...steps, ...peers[0]?.steps ?? []];
      assert.ok(
        chain.slice(0, chain.findIndex(({ name }) => name === gate)).every(({ open }) => open),
        words,
      );
      for (const step of chain) assert.equal(step.opens === undefined, step.open, words);
    }
    const text = explainText(explain(scene(change), "web", "r1", NOW), NOW);
    assert.match(text, new RegExp(`^web: .* is not announced.*\\n {2}shut {5}${gate}\\n {2}saw {6}`), text);
    // Down and up again: with the change taken back every gate is open.
    assert.equal(explain(scene({}), "web", "r1", NOW).shut, undefined);
  }
});

Deno.test("explain() has words for the gate of a service whose decision failed, and for a gate that it does not know", () => {
  for (
    const [name, opens] of [["agent works", /every second/], [
      "moon is full",
      /what it saw must end/,
    ]] as const
  ) {
    const gate = { name, open: false, degraded: false, reason: "x", since: SINCE };
    const { shut } = explain(
      scene({ route: { gates: [gate], announce: false, peers: [] } }),
      "web",
      undefined,
      NOW,
    );
    assert.equal(shut?.name, name);
    assert.match(shut?.opens ?? "", opens);
  }
});

Deno.test("explain() of what is announced says what can be known of why a router may not use it, and what cannot", () => {
  const attributes = {
    med: 4_294_967_295,
    localPreference: 0,
    communities: ["graceful-shutdown", "no-export", "no-advertise", "65512:1"],
    extendedCommunities: [],
    largeCommunities: [],
    asPathPrepend: 2,
  };
  const change: Change = {
    service: { phase: { ...phase, name: "shifting" } },
    route: { attributes },
    peer: {
      lastNotificationReceived: notification(6, 1, "Cease/Maximum Number of Prefixes Reached"),
      endOfRibHeld: ["ipv4-unicast"],
    },
  };
  assert.equal(
    explainText(explain(scene(change), "web", "r1", NOW), NOW),
    `web is announced to r1: every gate is open

10.99.0.1/32
  yes enabled: enabled
  yes not drained: in service
  yes healthy: http-1: status 200
  yes address present: link up, address present
  yes virtual services present: virtual services present, with a destination of weight
  to r1
    yes target: announced to all peers
    yes session Established: Established
    yes family negotiated: ipv4-unicast
    yes can be carried: next hop and attributes fit
    yes sent: with next hop 10.0.0.9
    note: maintenance: it shifts away, announced as the worst choice, withdrawn in 30s
    note: LOCAL_PREF 0, MED 4294967295, next hop 10.0.0.9: equal-cost paths must have the same of the first two
    note: GRACEFUL_SHUTDOWN (RFC 8326): the router should prefer every other route
    note: NO_EXPORT (RFC 1997): it does not leave the router's AS
    note: NO_ADVERTISE (RFC 1997): the router uses it and tells no other router
    note: 1m ago, before this session, it sent NOTIFICATION 6/1 Cease/Maximum Number of Prefixes Reached: it has a prefix limit for us, which may be reached again
    note: End-of-RIB is held back until every service has a verdict (ipv4-unicast): until then the router keeps what an earlier run announced

cannot be known here, ask the router:
  whether the router's import policy takes it
  whether the router finds another route better
  whether the router's multipath is on, and has room for one more next hop
  whether the router can reach the next hop
`,
  );
  const stuck = explain(scene({ peer: { stuck: "nothing was acknowledged" } }), "web", "r1", NOW);
  assert.match(
    stuck.routes[0]?.peers[0]?.notes[0] ?? "",
    /^the router may not have heard of it: nothing was acknowledged$/,
  );
  const external = { peer: { negotiated: { ...negotiated, internal: false } }, route: { attributes } };
  const { routes } = explain(scene(external), "web", "r1", NOW);
  assert.match(routes[0]?.peers[0]?.notes[0] ?? "", /^AS_PATH of 3, MED 4294967295, /);
});

Deno.test("explain() shows the peers that the service is for, or the one that is asked for, by name or address; a name that there is not is told", () => {
  const both = {
    ...scene({}),
    peers: ["r1", "r2"].map((name) => ({
      ...peerStatus,
      negotiated,
      name,
      address: `10.0.0.${name.slice(1)}`,
    })),
  };
  const peers = (status: Status, peer?: string) =>
    explain(status, "web", peer, NOW).routes.flatMap(({ peers }) => peers.map(({ peer }) => peer));
  assert.deepEqual([peers(both), peers(both, "r2"), peers(both, "10.0.0.2")], [["r1", "r2"], ["r2"], ["r2"]]);
  const one = scene({ route: { targets: ["r2"] } });
  assert.deepEqual([
    peers({ ...both, services: one.services }),
    peers({ ...both, services: one.services }, "r1"),
  ], [["r2"], ["r1"]]);
  assert.throws(() => peers(both, "r9"), UnknownNameError);
  assert.throws(() => explain(both, "wbe", undefined, NOW), {
    message: "no service wbe, did you mean web? there is web",
  });
  const idle = { ...both, peers: both.peers.map((peer) => ({ ...peer, state: "Idle" as const })) };
  assert.match(
    explainText(explain(idle, "web", undefined, NOW), NOW),
    /^web: .* to r1\n[^]*\n {2}also {5}not to r2, below\n/,
  );
  const lonely = { ...scene({}), peers: [] };
  assert.match(explainText(explain(lonely, "web", undefined, NOW), NOW), /^web is announced to nobody/);
});
