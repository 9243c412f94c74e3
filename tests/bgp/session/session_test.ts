/** The session machine: every state with every event, and the timers. */
import assert from "node:assert/strict";
import fc from "fast-check";
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

Deno.test("step() opens without capabilities once the peer refused them, and with them the next time (RFC 5492 3)", () => {
  const refused: SessionEvent = { type: "NotifMsg", message: notificationOf(2, 4) };
  const again: readonly SessionEvent[] = [{ type: "IdleHoldTimer_Expires" }];
  const plain = step(after(sessionIn("OpenSent"), [refused, ...again]), { type: "Tcp_CR_Acked" }, at(0));
  const [sent] = plain.actions;
  assert.ok(sent?.type === "send" && sent.message.type === "OPEN");
  assert.deepEqual(sent.message.capabilities, []);
  const refusedAgain = after(plain.state, [refused]);
  assert.equal(refusedAgain.capabilities, true);
  const bare = openOf({ capabilities: [] });
  const session = after(plain.state, [{ type: "BGPOpen", message: bare }, { type: "KeepAliveMsg" }]);
  assert.deepEqual(session.negotiated?.families, [{ afi: 1, safi: 1 }]);
  assert.equal(session.negotiated?.fourOctetAs, false);
  assert.equal(after(session, [{ type: "TcpConnectionFails", cause: "reset" }]).capabilities, true);
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
