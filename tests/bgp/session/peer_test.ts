/** The peer machine: collisions, second connections, and the bound on both. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { RESTART_MS, RIVAL_MS, WINNER_MS } from "../../../src/bgp/session/collision.ts";
import type { SessionConfig } from "../../../src/bgp/session/negotiate.ts";
import { leadingSession, newPeer, nextPeerDeadline, stepPeer } from "../../../src/bgp/session/peer.ts";
import type { PeerAction, PeerEvent, PeerState } from "../../../src/bgp/session/peer_state.ts";
import { NOTHING_KNOWN, type SessionEvent } from "../../../src/bgp/session/session_state.ts";
import type { Capability } from "../../../src/bgp/wire/capability.ts";
import { at, CAPABILITIES, configOf, EVENTS, notificationOf, openOf } from "../../support/sessions.ts";

/** A peer that is stepped; `said` is what it did, in a word or two each. */
class Stepped {
  state: PeerState;
  readonly said: string[] = [];
  now = 0;

  constructor(config: Partial<SessionConfig> = {}) {
    this.state = newPeer(configOf(config), NOTHING_KNOWN);
  }

  take(...events: readonly PeerEvent[]): this {
    for (const event of events) {
      const { state, actions } = stepPeer(this.state, event, at(this.now));
      this.state = state;
      this.said.push(...actions.flatMap(say));
    }
    return this;
  }

  on(link: number, ...events: readonly SessionEvent[]): this {
    return this.take(...events.map((event) => ({ type: "Session", link, event }) as const));
  }

  /** Lets time pass. */
  wait(ms: number): this {
    this.now += ms;
    return this.take({ type: "Timers" });
  }

  /** What it did since the last time. */
  heard(): string[] {
    return this.said.splice(0);
  }

  get names(): readonly (string | undefined)[] {
    return [this.state.primary.fsm.name, this.state.secondary?.fsm.name];
  }
}

function say(action: PeerAction): string[] {
  switch (action.type) {
    case "send": {
      const { message } = action;
      return [
        message.type === "NOTIFICATION"
          ? `${action.link}: NOTIFICATION ${message.code}/${message.subcode}`
          : `${action.link}: ${message.type}`,
      ];
    }
    case "reject":
      return [`reject ${action.message.code}/${action.message.subcode}`];
    case "connect":
    case "adopt":
    case "drop":
      return [`${action.type} ${action.link}`];
    case "established":
      return [`established ${action.link}`];
    case "refresh":
    case "ended":
    case "transition":
      return [];
    default:
      return action satisfies never;
  }
}

const START: PeerEvent = { type: "Start" };
const ACCEPTED: PeerEvent = { type: "Accepted" };
const ACKED: SessionEvent = { type: "Tcp_CR_Acked" };
const OPEN: SessionEvent = { type: "BGPOpen", message: openOf() };
const KEEPALIVE: SessionEvent = { type: "KeepAliveMsg" };
const GONE: SessionEvent = { type: "TcpConnectionFails", cause: "reset" };

/** Ours is 10.0.0.1, so the peer's 10.0.0.2 is the higher; with this one ours is. */
const HIGHER = 0x0a000003;

Deno.test("stepPeer() connects at its start and takes the peer's connection beside it (RFC 4271 8.2.1)", () => {
  const peer = new Stepped().take(START);
  assert.deepEqual(peer.heard(), ["connect 1"]);
  peer.take(ACCEPTED);
  assert.deepEqual(peer.heard(), ["adopt 2", "2: OPEN"]);
  assert.deepEqual(peer.names, ["Connect", "OpenSent"]);
});

Deno.test("stepPeer() takes the peer's connection as its own where it is waiting for one (RFC 4271 8.2.2)", () => {
  const peer = new Stepped({ passive: true }).take(START, ACCEPTED).on(1, OPEN, KEEPALIVE);
  assert.deepEqual(peer.heard(), ["adopt 1", "1: OPEN", "1: KEEPALIVE", "established 1"]);
  assert.deepEqual(peer.names, ["Established", undefined]);
});

for (
  const [identifier, survivor, dumped] of [[undefined, "incoming", 1], [HIGHER, "outgoing", 2]] as const
) {
  for (const order of [[1, 2], [2, 1]] as const) {
    Deno.test(`stepPeer() keeps the ${survivor} connection where OPENs come on ${order.join(" then ")} (RFC 4271 6.8)`, () => {
      const config = identifier === undefined ? {} : { localIdentifier: identifier };
      const peer = new Stepped(config).take(START).on(1, ACKED).take(ACCEPTED);
      assert.deepEqual(peer.heard(), ["connect 1", "1: OPEN", "adopt 2", "2: OPEN"]);
      // The peer confirms what it has, but neither connection is confirmed to it before both have said OPEN.
      peer.on(order[0], OPEN, KEEPALIVE);
      assert.deepEqual(peer.heard(), []);
      peer.on(order[1], OPEN);
      const kept = dumped === 1 ? 2 : 1;
      assert.deepEqual(peer.heard(), [`${dumped}: NOTIFICATION 6/7`, `drop ${dumped}`]);
      if (kept === order[1]) peer.on(kept, KEEPALIVE);
      assert.deepEqual(peer.heard(), []);
      peer.wait(WINNER_MS);
      assert.deepEqual(peer.heard(), [`${kept}: KEEPALIVE`, `established ${kept}`]);
      assert.deepEqual(peer.names, ["Established", undefined]);
      assert.equal(peer.state.primary.origin, survivor);
    });
  }
}

Deno.test("stepPeer() decides between equal identifiers by the AS (RFC 6286 2.3)", () => {
  const rows = [[65_001, 1], [65_003, 2]] as const;
  for (const [localAs, dumped] of rows) {
    const peer = new Stepped({ localAs, localIdentifier: 0x0a000002 });
    peer.take(START).on(1, ACKED).take(ACCEPTED).on(1, OPEN).on(2, OPEN);
    assert.ok(peer.heard().includes(`${dumped}: NOTIFICATION 6/7`), `AS ${localAs}`);
  }
});

Deno.test("stepPeer() ends the other connection when one is Established first (RFC 4271 6.8)", () => {
  const peer = new Stepped().take(START).on(1, ACKED).take(ACCEPTED).on(2, OPEN, KEEPALIVE);
  assert.deepEqual(peer.heard(), ["connect 1", "1: OPEN", "adopt 2", "2: OPEN"]);
  peer.wait(WINNER_MS);
  assert.deepEqual(peer.heard(), ["2: KEEPALIVE", "1: NOTIFICATION 6/7", "drop 1", "established 2"]);
  assert.deepEqual(peer.names, ["Established", undefined]);
  peer.on(1, OPEN, GONE);
  assert.deepEqual(peer.heard(), [], "what still comes over a dropped connection is ignored");
});

Deno.test("stepPeer() uses the connection that would lose where its rival says nothing or goes (RFC 4271 6.8)", () => {
  for (const gone of [false, true]) {
    const peer: Stepped = new Stepped().take(START).on(1, ACKED).take(ACCEPTED).on(1, OPEN, KEEPALIVE);
    assert.deepEqual(peer.heard(), ["connect 1", "1: OPEN", "adopt 2", "2: OPEN"]);
    peer.wait(RIVAL_MS - WINNER_MS - 1);
    assert.deepEqual(peer.heard(), []);
    if (gone) peer.on(2, GONE);
    else peer.wait(WINNER_MS + 1);
    assert.deepEqual(
      peer.heard(),
      gone
        ? ["drop 2", "1: KEEPALIVE", "established 1"]
        : ["1: KEEPALIVE", "2: NOTIFICATION 6/7", "drop 2", "established 1"],
    );
    assert.deepEqual(peer.names, ["Established", undefined]);
  }
});

Deno.test("stepPeer() forgets an OPEN that waits when its connection ends (RFC 4271 6.8)", () => {
  const peer = new Stepped().take(START).on(1, ACKED).take(ACCEPTED).on(1, OPEN);
  peer.on(1, { type: "NotifMsg", message: notificationOf(6, 7) });
  peer.heard();
  peer.on(2, OPEN, KEEPALIVE);
  assert.deepEqual(peer.heard(), ["2: KEEPALIVE", "established 2"]);
});

Deno.test("stepPeer() lets a confirmed connection be the session where the peer takes it, whoever is the higher (RFC 4271 6.8)", () => {
  // Ours is to survive, but the peer had confirmed its own before ours came up.
  const peer = new Stepped({ localIdentifier: HIGHER }).take(START, ACCEPTED).on(2, OPEN).on(1, ACKED, OPEN);
  assert.deepEqual(peer.heard(), ["connect 1", "adopt 2", "2: OPEN", "2: KEEPALIVE", "1: OPEN"]);
  peer.on(2, KEEPALIVE);
  assert.deepEqual(peer.heard(), ["1: NOTIFICATION 6/7", "drop 1", "established 2"]);
});

Deno.test("stepPeer() keeps its own connection where the peer ends the other, which was confirmed (RFC 4271 6.8)", () => {
  const peer = new Stepped({ localIdentifier: HIGHER }).take(START, ACCEPTED).on(2, OPEN).on(1, ACKED, OPEN);
  peer.heard();
  peer.on(2, { type: "NotifMsg", message: notificationOf(6, 7) }).on(1, KEEPALIVE).wait(WINNER_MS);
  assert.deepEqual(peer.heard(), ["drop 2", "1: KEEPALIVE", "established 1"]);
});

Deno.test("stepPeer() sends no OPEN over its own connection once the peer's is in OpenConfirm (RFC 4271 6.8)", () => {
  const peer = new Stepped().take(START, ACCEPTED).on(2, OPEN);
  peer.heard();
  peer.on(1, ACKED);
  assert.deepEqual(peer.heard(), ["drop 1"]);
  peer.on(2, GONE);
  assert.ok(
    nextPeerDeadline(peer.state) !== undefined,
    "it connects again where the peer's connection fails",
  );
});

function established(
  config: Partial<SessionConfig> = {},
  capabilities: readonly Capability[] = CAPABILITIES,
): Stepped {
  const open: SessionEvent = { type: "BGPOpen", message: openOf({ capabilities }) };
  const peer = new Stepped(config).take(START).on(1, ACKED, open, KEEPALIVE);
  peer.heard();
  return peer;
}

Deno.test("stepPeer() closes a second connection while Established, once it says OPEN (RFC 4271 6.8)", () => {
  const peer = established().take(ACCEPTED);
  assert.deepEqual(peer.heard(), ["adopt 2", "2: OPEN"]);
  peer.on(2, OPEN);
  assert.deepEqual(peer.heard(), ["2: NOTIFICATION 6/7", "drop 2"]);
  assert.deepEqual(peer.names, ["Established", undefined]);
});

const GRACEFUL = graceful(false);

function graceful(restarting: boolean): readonly Capability[] {
  const families = [{ family: { afi: 1, safi: 1 }, forwarding: true }];
  const times = { notification: true, restartTimeSeconds: 120 };
  return [...CAPABILITIES, { type: "graceful-restart", restarting, ...times, families }];
}

Deno.test("stepPeer() replaces the session without a word when a peer with graceful restart connects anew (RFC 4724 4.2)", () => {
  for (const [restarting, waitMs] of [[true, 0], [false, RESTART_MS]] as const) {
    const peer = established({ gracefulRestart: { restartTimeSeconds: 120 } }, GRACEFUL).wait(waitMs).take(
      ACCEPTED,
    );
    peer.on(2, { type: "BGPOpen", message: openOf({ capabilities: graceful(restarting) }) });
    assert.deepEqual(peer.heard(), ["adopt 2", "2: OPEN", "2: KEEPALIVE", "drop 1"]);
    peer.on(2, KEEPALIVE);
    assert.deepEqual(peer.heard(), ["established 2"]);
  }
});

Deno.test("stepPeer() takes a second connection of a session that has just come up for a collision, not a restart (seen with BIRD)", () => {
  const peer = established({ gracefulRestart: { restartTimeSeconds: 120 } }, GRACEFUL).wait(RESTART_MS - 1);
  peer.take(ACCEPTED).on(2, { type: "BGPOpen", message: openOf({ capabilities: GRACEFUL }) });
  assert.deepEqual(peer.heard(), ["adopt 2", "2: OPEN", "2: NOTIFICATION 6/7", "drop 2"]);
  assert.deepEqual(peer.names, ["Established", undefined]);
});

Deno.test("stepPeer() closes the second connection of a graceful peer where we do not restart gracefully (RFC 4271 6.8)", () => {
  const peer = established({}, GRACEFUL).take(ACCEPTED);
  peer.on(2, { type: "BGPOpen", message: openOf({ capabilities: GRACEFUL }) });
  assert.deepEqual(peer.heard(), ["adopt 2", "2: OPEN", "2: NOTIFICATION 6/7", "drop 2"]);
});

Deno.test("stepPeer() takes the newer of two connections that the peer made, once both said OPEN (RFC 4271 6.8)", () => {
  const peer = new Stepped({ passive: true }).take(START, ACCEPTED).on(1, OPEN).take(ACCEPTED);
  peer.heard();
  peer.on(2, OPEN);
  assert.deepEqual(peer.heard(), ["2: KEEPALIVE", "1: NOTIFICATION 6/7", "drop 1"]);
});

Deno.test("stepPeer() takes the newer of two connections that have said nothing, and rejects a third beside an OPEN (RFC 4486)", () => {
  const peer = new Stepped().take(START).on(1, ACKED).take(ACCEPTED);
  peer.heard();
  peer.take(ACCEPTED);
  assert.deepEqual(peer.heard(), ["2: NOTIFICATION 6/7", "drop 2", "adopt 3", "3: OPEN"]);
  peer.on(3, OPEN);
  peer.heard();
  peer.take(ACCEPTED);
  assert.deepEqual(peer.heard(), ["reject 6/5"]);
});

Deno.test("stepPeer() rejects connections before its start and after a stop (RFC 4486)", () => {
  const peer = new Stepped().take(ACCEPTED);
  assert.deepEqual(peer.heard(), ["reject 6/5"]);
  peer.take(START, { type: "Stop", communication: "" }, ACCEPTED);
  assert.deepEqual(peer.heard(), ["connect 1", "drop 1", "reject 6/5"]);
  assert.equal(nextPeerDeadline(peer.state), undefined);
});

Deno.test("stepPeer() rejects a peer that connects in a storm, and lets it in again soon after (RFC 4271 8.1.1)", () => {
  const peer = new Stepped({ passive: true }).take(START);
  let rejected = 0;
  for (let attempt = 0; attempt < 200; attempt++) {
    peer.take(ACCEPTED);
    const link = peer.state.primary.link;
    if (peer.heard().includes("reject 6/5")) rejected++;
    else {peer.on(link, {
        type: "NotifMsg",
        message: { type: "NOTIFICATION", code: 6, subcode: 4, data: new Uint8Array() },
      });}
  }
  assert.equal(rejected, 100);
  peer.now += 100;
  peer.take(ACCEPTED);
  assert.equal(peer.heard().includes("reject 6/5"), false);
});

Deno.test("stepPeer() accepts the peer while its own IdleHoldTimer runs: damping locks no peer out (RFC 4271 8.1.1)", () => {
  const peer = established().on(1, GONE);
  assert.deepEqual(peer.names, ["Idle", undefined]);
  peer.take(ACCEPTED).on(2, OPEN, KEEPALIVE);
  assert.equal(leadingSession(peer.state).fsm.name, "Established");
});

Deno.test("stepPeer() keeps what one connection has learned of the peer's refusals, whatever becomes of the other (RFC 5492, faults B5)", () => {
  const refused: SessionEvent = {
    type: "NotifMsg",
    message: { ...notificationOf(2, 7), data: Uint8Array.of(6, 0) },
  };
  const closed: SessionEvent = { type: "TcpConnectionFails", cause: "the peer closed the connection" };
  for (const [first, second] of [[1, 2], [2, 1]] as const) {
    const peer: Stepped = new Stepped().take(START).on(1, ACKED).take(ACCEPTED);
    const { state }: Stepped = peer.on(first, refused).on(second, closed);
    assert.equal(state.secondary, undefined);
    assert.deepEqual(state.primary.fsm.omission, ["extended-message"]);
  }
});

Deno.test("stepPeer() says that a session ended, and why, while another goes on (STYLE)", () => {
  const peer = new Stepped().take(START, ACCEPTED);
  const { actions, state } = stepPeer(peer.state, {
    type: "Session",
    link: 2,
    event: { type: "BGPOpen", message: openOf({ myAs: 65_099, capabilities: [] }) },
  }, at(0));
  const ended = actions.find((action) => action.type === "ended");
  assert.ok(ended?.type === "ended");
  assert.equal(ended.cause, "AS 65002 expected, 65099 received");
  assert.equal(ended.noted, "sent");
  assert.equal(leadingSession(state).fsm.name, "Connect");
});

Deno.test("stepPeer() takes an attempt that we give up ourselves for no failure, and the end of a connection for one (issue: why a session is down)", () => {
  const close: PeerEvent = { type: "Close", notification: undefined, cause: "BFD is up" };
  const ends = (peer: Stepped) =>
    stepPeer(peer.state, close, at(0)).actions.filter(({ type }) => type === "ended").length;
  assert.equal(ends(new Stepped().take(START)), 0);
  assert.equal(ends(new Stepped().take(START).on(1, ACKED)), 1);
});

Deno.test("stepPeer() says which NOTIFICATION said why a session ended (issue: why a session is down)", () => {
  for (
    const [event, noted] of [
      [{ type: "NotifMsg", message: notificationOf(6, 2) }, "received"],
      [{ type: "NotifMsgVerErr", message: notificationOf(2, 1) }, "received"],
      [{ type: "HoldTimer_Expires" }, "sent"],
      [{ type: "TcpConnectionFails", cause: "the peer closed the connection" }, undefined],
    ] as const
  ) {
    const { actions } = stepPeer(new Stepped().take(START).on(1, ACKED).state, {
      type: "Session",
      link: 1,
      event,
    }, at(0));
    const ended = actions.find((action) => action.type === "ended");
    assert.ok(ended?.type === "ended");
    assert.equal(ended.noted, noted, event.type);
  }
});

Deno.test("stepPeer() over random walks never has two Established sessions, nor a connection too many (RFC 4271 6.8)", () => {
  const event = fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom<PeerEvent>(START, ACCEPTED, { type: "Timers" }) },
    { weight: 1, arbitrary: fc.constantFrom<PeerEvent>({ type: "Stop", communication: "x" }) },
    {
      weight: 8,
      arbitrary: fc.record({
        type: fc.constant("Session" as const),
        link: fc.nat(6),
        event: fc.constantFrom<SessionEvent>(...EVENTS, OPEN, OPEN, KEEPALIVE, KEEPALIVE, ACKED, ACKED),
      }),
    },
  );
  const walk = fc.array(fc.tuple(event, fc.nat(20_000)), { maxLength: 60, size: "max" });
  fc.assert(
    fc.property(walk, fc.boolean(), fc.boolean(), (moves, passive, higher) => {
      const peer = new Stepped({ passive, ...(higher && { localIdentifier: HIGHER }) });
      peer.take(START);
      const open = new Set<number>();
      for (const [move, wait] of moves) {
        peer.now += wait;
        peer.take(move);
        for (const word of peer.heard()) {
          const [verb = "", link = ""] = word.split(" ");
          if (verb === "connect" || verb === "adopt") open.add(Number(link));
          if (verb === "drop") assert.ok(open.delete(Number(link)), `${word}, but it is not open`);
          if (verb.endsWith(":")) {
            assert.ok(open.has(Number(verb.slice(0, -1))), `${word}, but it is not open`);
          }
        }
        const { primary, secondary } = peer.state;
        const used = [primary.link, secondary?.link ?? 0].filter((link) => link !== 0);
        assert.deepEqual([...open].sort(), used.sort(), "every open connection belongs to a session");
        assert.notEqual(secondary?.fsm.name, "Established");
        if (primary.fsm.name === "Established") assert.notEqual(secondary?.fsm.name, "OpenConfirm");
      }
    }),
    { seed: 6286, numRuns: 1000 },
  );
});
