/** The session machine: every state with every event, and the timers. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { capabilityKey } from "../../../src/bgp/session/omission.ts";
import { dueEvent, nextDeadline, step } from "../../../src/bgp/session/session.ts";
import type { SessionEvent, SessionState, SessionStateName } from "../../../src/bgp/session/session_state.ts";
import { TIMER_NAMES, type TimerName } from "../../../src/bgp/session/timers.ts";
import {
  after,
  at,
  configOf,
  EVENTS,
  notificationOf,
  openOf,
  sessionIn,
  WAYS,
  words,
} from "../../support/sessions.ts";

/** Timers that may run in each state. */
const TIMERS: Readonly<Record<SessionStateName, readonly TimerName[]>> = {
  Idle: ["idleHold"],
  Connect: ["connectRetry"],
  Active: ["connectRetry"],
  OpenSent: ["hold"],
  OpenConfirm: ["hold", "keepalive"],
  Established: ["hold", "keepalive", "sendHold"],
};

function assertLegal(state: SessionState, now: number): void {
  for (const name of TIMER_NAMES) {
    const deadline = state.deadlines[name];
    if (deadline === undefined) continue;
    assert.ok(TIMERS[state.name].includes(name), `${name} timer runs in ${state.name}`);
    assert.ok(Number.isFinite(deadline) && deadline >= now, `${name} at ${deadline}, now ${now}`);
  }
  const negotiated = state.name === "OpenConfirm" || state.name === "Established";
  assert.equal(state.negotiated !== undefined, negotiated, `negotiated in ${state.name}`);
  assert.equal(state.establishedAtMs !== undefined, state.name === "Established");
}

Deno.test("step() keeps every state legal under every event (RFC 4271 8.2.2)", () => {
  let count = 0;
  for (const way of WAYS.keys()) {
    for (const config of [configOf(), configOf({ passive: true })]) {
      const state = sessionIn(way, config);
      for (const event of EVENTS) {
        const { state: next, actions } = step(state, event, at(0));
        assertLegal(next, 0);
        const said = words(actions);
        const note = said.findIndex((word) => word.startsWith("NOTIFICATION"));
        if (note >= 0) {
          assert.deepEqual(said.slice(note + 1), ["drop"], `${way} on ${event.type}: ${said}`);
          assert.equal(next.name, "Idle");
        }
        if (event.type === "NotifMsg" || event.type === "NotifMsgVerErr") {
          assert.equal(note, -1, "a NOTIFICATION is never answered with one");
        }
        count++;
      }
    }
  }
  assert.equal(count, WAYS.size * 2 * EVENTS.length);
});

Deno.test("step() stays legal over random walks, and only a stop ends the retries (RFC 4271 8.2.2)", () => {
  const event = fc.constantFrom<SessionEvent>(...EVENTS);
  const moves = fc.array(
    fc.record({ event, wait: fc.nat(300_000), random: fc.double({ min: 0, max: 0.999, noNaN: true }) }),
    { maxLength: 60, size: "max" },
  );
  fc.assert(
    fc.property(moves, fc.boolean(), (walk, passive) => {
      let state = sessionIn("Idle", configOf({ passive }));
      let now = 0;
      for (const { event, wait, random } of walk) {
        now += wait;
        for (let due = dueEvent(state, now); due !== undefined; due = dueEvent(state, now)) {
          state = step(state, due, at(now, random)).state;
        }
        assertLegal(state, now);
        const before = state;
        state = step(state, event, at(now, random)).state;
        assertLegal(state, now);
        const stopped = event.type === "ManualStop" || event.type === "AutomaticStop";
        if (before.name !== "Idle" && state.name === "Idle" && !stopped) {
          assert.ok(nextDeadline(state) !== undefined);
        }
      }
    }),
    { seed: 4271, numRuns: 500 },
  );
});

/** State, event, next state, actions. */
const TABLE: readonly (readonly [string, SessionEvent, SessionStateName, readonly string[]])[] = [
  ["Idle", { type: "ManualStart" }, "Connect", ["connect"]],
  ["Idle", { type: "ManualStop", communication: "" }, "Idle", []],
  ["Idle held", { type: "IdleHoldTimer_Expires" }, "Connect", ["connect"]],
  ["Connect", { type: "ManualStop", communication: "" }, "Idle", ["drop"]],
  ["Connect", { type: "ConnectRetryTimer_Expires" }, "Connect", ["drop", "connect"]],
  ["Connect", { type: "Tcp_CR_Acked" }, "OpenSent", ["OPEN"]],
  ["Connect", { type: "TcpConnectionFails", cause: "refused" }, "Idle", ["drop"]],
  ["Connect", { type: "BGPOpen", message: openOf() }, "Idle", ["drop"]],
  ["Connect", { type: "HoldTimer_Expires" }, "Idle", ["drop"]],
  ["Active", { type: "ConnectRetryTimer_Expires" }, "Connect", ["connect"]],
  ["Active", { type: "TcpConnectionConfirmed" }, "OpenSent", ["OPEN"]],
  ["Active", { type: "TcpConnectionFails", cause: "reset" }, "Idle", ["drop"]],
  ["OpenSent", { type: "InternalFault", cause: "" }, "Idle", ["NOTIFICATION 6/8", "drop"]],
  ["Established", { type: "InternalFault", cause: "" }, "Idle", ["NOTIFICATION 6/8", "drop"]],
  ["OpenSent", { type: "ManualStop", communication: "" }, "Idle", ["NOTIFICATION 6/2", "drop"]],
  ["OpenSent", { type: "HoldTimer_Expires" }, "Idle", ["NOTIFICATION 4/0", "drop"]],
  ["OpenSent", { type: "TcpConnectionFails", cause: "reset" }, "Active", ["drop"]],
  ["OpenSent", { type: "BGPOpen", message: openOf() }, "OpenConfirm", ["KEEPALIVE"]],
  ["OpenSent", { type: "BGPOpen", message: openOf({ myAs: 1, capabilities: [] }) }, "Idle", [
    "NOTIFICATION 2/2",
    "drop",
  ]],
  ["OpenSent", { type: "OpenCollisionDump" }, "Idle", ["NOTIFICATION 6/7", "drop"]],
  ["OpenSent", { type: "NotifMsg", message: notificationOf(2, 2) }, "Idle", ["drop"]],
  ["OpenSent", { type: "NotifMsgVerErr", message: notificationOf(2, 1) }, "Idle", ["drop"]],
  ["OpenSent", { type: "KeepAliveMsg" }, "Idle", ["NOTIFICATION 5/1", "drop"]],
  ["OpenSent", { type: "UpdateMsg" }, "Idle", ["NOTIFICATION 5/1", "drop"]],
  ["OpenConfirm", { type: "KeepAliveMsg" }, "Established", []],
  ["OpenConfirm", { type: "KeepaliveTimer_Expires" }, "OpenConfirm", ["KEEPALIVE"]],
  ["OpenConfirm", { type: "HoldTimer_Expires" }, "Idle", ["NOTIFICATION 4/0", "drop"]],
  ["OpenConfirm", { type: "TcpConnectionFails", cause: "reset" }, "Idle", ["drop"]],
  ["OpenConfirm", { type: "NotifMsg", message: notificationOf(6, 7) }, "Idle", ["drop"]],
  ["OpenConfirm", { type: "UpdateMsg" }, "Idle", ["NOTIFICATION 5/2", "drop"]],
  ["OpenConfirm", { type: "BGPOpen", message: openOf() }, "Idle", ["NOTIFICATION 5/2", "drop"]],
  ["OpenConfirm", { type: "OpenCollisionDump" }, "Idle", ["NOTIFICATION 6/7", "drop"]],
  ["Established", { type: "UpdateMsg" }, "Established", []],
  ["Established", { type: "KeepaliveTimer_Expires" }, "Established", ["KEEPALIVE"]],
  ["Established", { type: "HoldTimer_Expires" }, "Idle", ["NOTIFICATION 4/0", "drop"]],
  ["Established", { type: "SendHoldTimer_Expires" }, "Idle", ["NOTIFICATION 8/0", "drop"]],
  ["Established", { type: "BGPOpen", message: openOf() }, "Idle", ["NOTIFICATION 5/3", "drop"]],
  ["Established", { type: "TcpConnectionFails", cause: "reset" }, "Idle", ["drop"]],
  ["Established", { type: "ManualStop", communication: "" }, "Idle", ["NOTIFICATION 6/2", "drop"]],
  ["Established", { type: "OpenCollisionDump" }, "Idle", ["NOTIFICATION 6/7", "drop"]],
  ["Established", { type: "Tcp_CR_Acked" }, "Established", []],
];

for (const [way, event, name, actions] of TABLE) {
  Deno.test(`step() in ${way} on ${event.type} leads to ${name} by ${actions.join(", ") || "nothing"} (RFC 4271 8.2.2)`, () => {
    const next = step(sessionIn(way), event, at(0));
    assert.equal(next.state.name, name);
    assert.deepEqual(words(next.actions), actions);
  });
}

Deno.test("step() answers a bad message with its own NOTIFICATION from OpenSent on, but any OPEN in Established with 5/3 (RFC 4271 6)", () => {
  const header = EVENTS.find((event) => event.type === "BGPHeaderErr");
  const open = EVENTS.find((event) => event.type === "BGPOpenMsgErr");
  assert.ok(header !== undefined && open !== undefined);
  for (const way of ["OpenSent", "OpenConfirm", "Established"]) {
    assert.deepEqual(words(step(sessionIn(way), header, at(0)).actions), ["NOTIFICATION 1/1", "drop"]);
    const code = way === "Established" ? "5/3" : "2/1";
    assert.deepEqual(words(step(sessionIn(way), open, at(0)).actions), [`NOTIFICATION ${code}`, "drop"]);
  }
});

Deno.test("step() runs the large HoldTimer in OpenSent and the negotiated ones after it (RFC 4271 8.2.2, RFC 9687)", () => {
  assert.equal(sessionIn("OpenSent").deadlines.hold, 240_000);
  const confirmed = sessionIn("OpenConfirm");
  assert.equal(confirmed.deadlines.hold, 90_000);
  assert.equal(confirmed.deadlines.keepalive, 26_250);
  const established = sessionIn("Established");
  assert.equal(established.deadlines.sendHold, 480_000);
  const heard = after(established, [{ type: "KeepAliveMsg" }], at(50_000));
  assert.equal(heard.deadlines.hold, 140_000);
  assert.equal(heard.deadlines.keepalive, 26_250);
  const updated = after(established, [{ type: "MessageSent", update: true }], at(50_000));
  assert.equal(updated.deadlines.sendHold, 530_000);
  assert.equal(updated.deadlines.keepalive, 76_250);
});

Deno.test("step() runs the SendHoldTimer for the configured time, and not at all for 0 (RFC 9687 4.3)", () => {
  for (
    const [sendHoldTimeSeconds, expected] of [[600, [600_000, 650_000]], [0, [undefined, undefined]]] as const
  ) {
    const established = sessionIn("Established", configOf({ sendHoldTimeSeconds }));
    const sent = after(established, [{ type: "MessageSent", update: false }], at(50_000));
    assert.deepEqual([established.deadlines.sendHold, sent.deadlines.sendHold], expected);
  }
});

Deno.test("step() runs no timer at all in Established with hold time 0 (RFC 4271 4.2)", () => {
  const confirmed = after(sessionIn("OpenSent"), [{
    type: "BGPOpen",
    message: openOf({ holdTimeSeconds: 0 }),
  }]);
  assert.equal(confirmed.deadlines.keepalive, undefined);
  assert.equal(confirmed.deadlines.hold, 240_000);
  const established = after(confirmed, [{ type: "KeepAliveMsg" }]);
  assert.equal(nextDeadline(established), undefined);
  const later = after(established, [{ type: "UpdateMsg" }, { type: "MessageSent", update: true }], at(1e9));
  assert.equal(nextDeadline(later), undefined);
});

Deno.test("step() doubles ConnectRetryTime to ten times and starts over after an OPEN (RFC 4271 8)", () => {
  let state = sessionIn("Idle");
  const waits: number[] = [];
  for (let attempt = 0; attempt < 6; attempt++) {
    state = after(
      state,
      [{ type: "IdleHoldTimer_Expires" }, { type: "TcpConnectionFails", cause: "refused" }],
      at(0, 1),
    );
    waits.push(nextDeadline(state) ?? NaN);
  }
  assert.deepEqual(waits, [5000, 10_000, 20_000, 40_000, 50_000, 50_000]);
  const opened = after(state, [{ type: "IdleHoldTimer_Expires" }, { type: "Tcp_CR_Acked" }, {
    type: "BGPOpen",
    message: openOf(),
  }]);
  assert.equal(opened.connectFailures, 0);
});

Deno.test("step() jitters every retry between 0.75 and 1.0 of its time (RFC 4271 10)", () => {
  const failed = (random: number) =>
    nextDeadline(
      after(sessionIn("Connect"), [{ type: "TcpConnectionFails", cause: "refused" }], at(0, random)),
    );
  assert.equal(failed(0), 3750);
  assert.equal(failed(1), 5000);
});

Deno.test("step() doubles IdleHoldTime over sessions that end early and forgets it after a stable one (RFC 4271 8.1.1)", () => {
  const up: readonly SessionEvent[] = [
    { type: "IdleHoldTimer_Expires" },
    { type: "Tcp_CR_Acked" },
    { type: "BGPOpen", message: openOf() },
    { type: "KeepAliveMsg" },
  ];
  const down: SessionEvent = { type: "NotifMsg", message: notificationOf(6, 4) };
  let state = sessionIn("Idle");
  const waits: number[] = [];
  for (let flap = 0; flap < 8; flap++) {
    state = after(state, [...up, down], at(0, 1));
    waits.push(nextDeadline(state) ?? NaN);
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 15_000, 15_000, 15_000, 15_000]);
  const stable = after(after(state, up, at(0, 1)), [down], at(60_000, 1));
  assert.equal(nextDeadline(stable), 61_000);
});

/** A NOTIFICATION that refuses our OPEN. */
function refusal(subcode: number, data: readonly number[] = []): SessionEvent {
  return { type: "NotifMsg", message: { ...notificationOf(2, subcode), data: Uint8Array.from(data) } };
}

/** What the OPEN after these refusals offers, by key; each of them answers the OPEN before. */
function offeredAfter(refusals: readonly SessionEvent[], config = configOf()): readonly string[] {
  const again: SessionEvent = { type: "IdleHoldTimer_Expires" };
  const start = sessionIn("OpenSent", config);
  const state = refusals.reduce((before, refused, index) => {
    const idle = after(before, [refused, again], at(0));
    return index === refusals.length - 1 ? idle : after(idle, [{ type: "Tcp_CR_Acked" }]);
  }, start);
  const [sent] = step(state, { type: "Tcp_CR_Acked" }, at(0)).actions;
  assert.ok(sent?.type === "send" && sent.message.type === "OPEN");
  return sent.message.capabilities.map(capabilityKey);
}

const WHOLE = [
  "multiprotocol 1/1",
  "multiprotocol 2/1",
  "route-refresh",
  "extended-message",
  "graceful-restart",
  "four-octet-as",
  "enhanced-route-refresh",
];
const BOTH = configOf({
  families: [{ afi: 1, safi: 1 }, { afi: 2, safi: 1 }],
  gracefulRestart: { restartTimeSeconds: 120 },
});
const but = (...gone: readonly string[]) => WHOLE.filter((key) => !gone.includes(key));

Deno.test("step() leaves out of the next OPEN what the peer refuses by name, and only that (RFC 5492, faults B5)", () => {
  assert.deepEqual(offeredAfter([refusal(7, [6, 0])], BOTH), but("extended-message"));
  assert.deepEqual(offeredAfter([refusal(7, [1, 4, 0, 2, 0, 1])], BOTH), but("multiprotocol 2/1"));
  assert.deepEqual(
    offeredAfter([refusal(7, [6, 0, 70, 0])], BOTH),
    but("extended-message", "enhanced-route-refresh"),
  );
  // The code is enough, whatever the value.
  assert.deepEqual(offeredAfter([refusal(7, [64, 2, 0, 0])], BOTH), but("graceful-restart"));
  // So are capabilities in their optional parameter.
  assert.deepEqual(offeredAfter([refusal(7, [2, 2, 6, 0])], BOTH), but("extended-message"));
  assert.deepEqual(offeredAfter([refusal(7, [2, 0, 6, 0])], BOTH), but("route-refresh", "extended-message"));
  const two = [refusal(7, [6, 0]), refusal(7, [65, 4, 0, 0, 0, 1])];
  assert.deepEqual(offeredAfter(two, BOTH), but("extended-message", "four-octet-as"));
});

Deno.test("step() leaves out step by step where the peer does not say what it refuses (RFC 5492, faults B5)", () => {
  for (const bare of [refusal(7), refusal(0), refusal(7, [9])]) {
    const steps = [1, 2, 3, 4, 5].map((count) =>
      offeredAfter(new Array<SessionEvent>(count).fill(bare), BOTH)
    );
    const first = but("extended-message", "enhanced-route-refresh");
    const second = first.filter((key) => key !== "route-refresh" && key !== "graceful-restart");
    const families = ["multiprotocol 1/1", "multiprotocol 2/1"];
    // What has not helped is offered again.
    assert.deepEqual(steps, [first, second, families, [], WHOLE]);
  }
});

Deno.test("step() goes on step by step where the peer names what is left out already (RFC 5492, faults B5)", () => {
  const same = refusal(7, [6, 0]);
  const first = but("extended-message", "enhanced-route-refresh");
  const families = ["multiprotocol 1/1", "multiprotocol 2/1"];
  const steps = [1, 2, 3, 4, 5, 6].map((count) =>
    offeredAfter(new Array<SessionEvent>(count).fill(same), BOTH)
  );
  const second = first.filter((key) => key !== "route-refresh" && key !== "graceful-restart");
  assert.deepEqual(steps, [but("extended-message"), first, second, families, [], WHOLE]);
});

Deno.test("step() opens without capabilities for a peer that knows no optional parameters (RFC 5492 3)", () => {
  assert.deepEqual(offeredAfter([refusal(4)]), []);
  assert.deepEqual(offeredAfter([refusal(4), refusal(4)], BOTH), WHOLE);
  const idle = after(sessionIn("OpenSent"), [refusal(4), { type: "IdleHoldTimer_Expires" }]);
  const bare = openOf({ capabilities: [] });
  const session = after(idle, [
    { type: "Tcp_CR_Acked" },
    { type: "BGPOpen", message: bare },
    { type: "KeepAliveMsg" },
  ]);
  assert.deepEqual(session.negotiated?.families, [{ afi: 1, safi: 1 }]);
  assert.equal(session.negotiated?.fourOctetAs, false);
  // What was learned holds for the next session, until an operator starts the peer anew.
  const lost = after(session, [{ type: "TcpConnectionFails", cause: "reset" }]);
  assert.equal(lost.omission, "all");
  const stopped = after(lost, [{ type: "ManualStop", communication: "" }, { type: "ManualStart" }]);
  assert.deepEqual(stopped.omission, []);
});

Deno.test("step() keeps what nothing could be announced without, and says so (faults B5)", () => {
  const only6 = configOf({ families: [{ afi: 2, safi: 1 }] });
  const cause = (event: SessionEvent) => after(sessionIn("OpenSent", only6), [event]).cause;
  assert.match(cause(refusal(4)), /nothing can be announced without capabilities$/);
  assert.match(
    cause(refusal(7, [1, 4, 0, 2, 0, 1])),
    /nothing can be announced without multiprotocol ipv6-unicast \(1\)$/,
  );
  assert.equal(offeredAfter([refusal(4)], only6)[0], "multiprotocol 2/1");
  // Beside others it may not be what it is about.
  const offered = offeredAfter([refusal(7, [1, 4, 0, 2, 0, 1, 6, 0])], only6);
  assert.equal(offered[0], "multiprotocol 2/1");
  assert.ok(!offered.includes("extended-message"));
  // RFC 5492 section 5: what the peer has, and misses here.
  const wanted = after(sessionIn("OpenSent"), [refusal(7, [69, 4, 0, 1, 1, 3])]);
  assert.match(wanted.cause, /it wants of us what is not offered: an unknown one \(69\)$/);
  assert.deepEqual(wanted.omission, []);
});

Deno.test("step() leaves a peer alone ever longer whose sessions end in silence one after the other (faults B6)", () => {
  const up: readonly SessionEvent[] = [
    { type: "IdleHoldTimer_Expires" },
    { type: "Tcp_CR_Acked" },
    { type: "BGPOpen", message: openOf() },
    { type: "KeepAliveMsg" },
  ];
  const ends: readonly SessionEvent[] = [
    { type: "HoldTimer_Expires" },
    { type: "NotifMsg", message: notificationOf(4, 0) },
    { type: "NotifMsg", message: notificationOf(8, 0) },
    { type: "SendHoldTimer_Expires" },
    { type: "TcpConnectionFails", cause: "connection timed out" },
  ];
  for (const end of ends) {
    let state = sessionIn("Idle");
    let now = 0;
    const waits: number[] = [];
    for (let flap = 0; flap < 9; flap++) {
      state = after(state, up, at(now, 1));
      now += 90_000;
      state = after(state, [end], at(now, 1));
      const due = nextDeadline(state) ?? NaN;
      waits.push(due - now);
      assert.equal(state.aloneUntilMs, flap === 0 ? -Infinity : due);
      now = due;
    }
    assert.deepEqual(
      waits,
      [1000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000],
      end.type,
    );
    assert.match(state.cause, /so ended 9 sessions in a row: the next one waits 300 s$/);
    // One that has stood is forgiven.
    state = after(state, up, at(now, 1));
    state = after(state, [end], at(now + 300_000, 1));
    assert.equal(nextDeadline(state), now + 301_000);
    assert.equal(after(state, [{ type: "ManualStart" }]).silences, 0);
  }
  const once = after(
    after(sessionIn("Idle"), up, at(0, 1)),
    [{ type: "TcpConnectionFails", cause: "reset" }],
    at(1),
  );
  assert.equal(once.silences, 0);
});

Deno.test("step() wraps Administrative Shutdown in a Hard Reset where both sides have the N bit (RFC 8538 3)", () => {
  const config = configOf({ gracefulRestart: { restartTimeSeconds: 120 } });
  const open = (notification: boolean) =>
    openOf({
      capabilities: [
        { type: "multiprotocol", family: { afi: 1, safi: 1 } },
        { type: "four-octet-as", as: 65002 },
        { type: "graceful-restart", restarting: false, notification, restartTimeSeconds: 90, families: [] },
      ],
    });
  const stop: SessionEvent = { type: "ManualStop", communication: "bye" };
  const session = (notification: boolean) =>
    after(sessionIn("OpenSent", config), [{ type: "BGPOpen", message: open(notification) }, {
      type: "KeepAliveMsg",
    }]);
  assert.deepEqual(words(step(session(true), stop, at(0)).actions), ["NOTIFICATION 6/9", "drop"]);
  assert.deepEqual(words(step(session(false), stop, at(0)).actions), ["NOTIFICATION 6/2", "drop"]);
});

Deno.test("step() suspects the TCP-MD5 password where a SYN stays unanswered (RFC 2385)", () => {
  const cause = (authenticated: boolean) =>
    after(sessionIn("Connect", configOf({ authenticated })), [{ type: "ConnectRetryTimer_Expires" }]).cause;
  assert.equal(cause(true), "SYN unanswered: TCP-MD5 mismatch suspected");
  assert.equal(cause(false), "SYN unanswered");
});

Deno.test("step() never connects in a passive session, however it loses its connection (RFC 4271 8.1.1)", () => {
  const waiting = sessionIn("Connect", configOf({ passive: true }));
  assert.equal(waiting.name, "Active");
  const lost = after(waiting, [{ type: "TcpConnectionConfirmed" }, {
    type: "TcpConnectionFails",
    cause: "reset",
  }]);
  assert.equal(lost.name, "Active");
  assert.equal(nextDeadline(lost), undefined);
});
