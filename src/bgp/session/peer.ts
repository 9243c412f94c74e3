/**
 * A peer: up to two sessions, one of them idle or the winner over the other (RFC 4271 sections 6.8 and 8.2.1), pure. The
 * primary one connects and tries again; the secondary one is a connection of the peer's that came while the primary
 * was busy, and is promoted when it wins. RFC 6286 decides between equal identifiers; a peer with graceful restart
 * replaces its old session by a new connection (RFC 4724 section 4.2).
 */
import { advance } from "./advance.ts";
import { defer, handleDeferred, handleUnrivalled, receiveOpen, wins } from "./collision.ts";
import type { SessionConfig } from "./negotiate.ts";
import {
  none,
  type PeerAction,
  type PeerEvent,
  type PeerSession,
  type PeerState,
  type PeerStep,
  type Place,
  PLACES,
  RANK,
  then,
} from "./peer_state.ts";
import { dueEvent, nextDeadline } from "./session.ts";
import { type Env, newSession, type Restart, type SessionEvent, type SessionState } from "./session_state.ts";
import { STOPPED } from "./timers.ts";
import { CeaseSubcode } from "../wire/constants.ts";
import { cease } from "../wire/notification.ts";

/** How many connections of the peer's are taken at once, and then ten in each second. */
const MAX_TOKENS = 100;
const MS_PER_TOKEN = 100;
/** Timers of two sessions that can be due at once, with room; what is left comes in the next turn. */
const MAX_DUE = 16;

/** A peer before its start. */
export function newPeer(config: SessionConfig, restart: Restart): PeerState {
  return {
    primary: { fsm: newSession(config, restart), link: 0, origin: "outgoing", deferred: undefined },
    secondary: undefined,
    nextLink: 1,
    running: false,
    allowance: { tokens: MAX_TOKENS, atMs: 0 },
  };
}

/** The session that is furthest: what people call the peer's state. */
export function leadingSession({ primary, secondary }: PeerState): PeerSession {
  return secondary !== undefined && RANK[secondary.fsm.name] > RANK[primary.fsm.name] ? secondary : primary;
}

/** The session of a link; undefined: it has none any more. */
export function sessionOf(state: PeerState, link: number): PeerSession | undefined {
  return PLACES.map((place) => state[place]).find((session) => session?.link === link);
}

/** The next moment at which the peer wants a `Timers` event, or undefined. */
export function nextPeerDeadline(state: PeerState): number | undefined {
  const deadlines = PLACES.flatMap((place) => {
    const session = state[place];
    return session === undefined ? [] : [nextDeadline(session.fsm), session.deferred?.untilMs];
  });
  const first = Math.min(...deadlines.map((deadline) => deadline ?? Infinity));
  return first === Infinity ? undefined : first;
}

/** The reaction of a peer to an event. Never throws. */
export function stepPeer(state: PeerState, event: PeerEvent, env: Env): PeerStep {
  const next = handleUnrivalled(react(state, event, env), env);
  const before = leadingSession(state).fsm;
  const after = leadingSession(next.state).fsm;
  if (before.name === after.name) return next;
  const ended = next.actions.findLast((action) => action.type === "ended");
  const back = RANK[after.name] < RANK[before.name];
  const cause = back && ended?.type === "ended" ? ended.cause : after.cause;
  const transition: PeerAction = { type: "transition", from: before.name, to: after.name, cause };
  // Who hears that a session is established should know of the state first.
  const established = (action: PeerAction) => action.type === "established";
  const actions = [
    ...next.actions.filter((action) => !established(action)),
    transition,
    ...next.actions.filter(established),
  ];
  return { state: next.state, actions };
}

function react(state: PeerState, event: PeerEvent, env: Env): PeerStep {
  switch (event.type) {
    case "Start":
      return advance({ ...state, running: true }, "primary", { type: "ManualStart" }, env);
    case "Stop":
      return stop(state, { type: "ManualStop", communication: event.communication }, env);
    case "Close":
      return stop(
        state,
        { type: "AutomaticStop", notification: event.notification, cause: event.cause },
        env,
      );
    case "Configure":
      return none(configured(state, event.config));
    case "Accepted":
      return accept(state, env);
    case "Session":
      return receive(state, event.link, event.event, env);
    case "Timers":
      return timers(state, env);
    default:
      return event satisfies never;
  }
}

function stop(state: PeerState, event: SessionEvent, env: Env): PeerStep {
  const secondary = advance({ ...state, running: false }, "secondary", event, env);
  return then(secondary, (next) => advance(next, "primary", event, env));
}

function configured(state: PeerState, config: SessionConfig): PeerState {
  const { primary, secondary } = state;
  const having = (session: PeerSession) => ({ ...session, fsm: { ...session.fsm, config } });
  return { ...state, primary: having(primary), secondary: secondary && having(secondary) };
}

/** A connection from the peer: for the primary session where that waits for one, else for a secondary one. */
function accept(state: PeerState, env: Env): PeerStep {
  const { atMs } = state.allowance;
  const tokens = Math.min(MAX_TOKENS, state.allowance.tokens + Math.max(0, env.now - atMs) / MS_PER_TOKEN);
  const alone = env.now < state.primary.fsm.aloneUntilMs;
  if (!state.running || alone || tokens < 1) {
    return reject({ ...state, allowance: { tokens, atMs: env.now } });
  }
  const admitted = { ...state, allowance: { tokens: tokens - 1, atMs: env.now } };
  const { primary, secondary } = admitted;
  if (primary.fsm.name === "Active" && primary.link === 0) {
    return adopt(admitted, "primary", primary.fsm, env);
  }
  if (secondary === undefined) return adopt(admitted, "secondary", waiting(primary.fsm), env);
  // One waits already. Where it has said nothing yet the peer may have lost it, so the new one takes its place.
  if (secondary.fsm.name !== "OpenSent" || secondary.deferred !== undefined) return reject(admitted);
  const dumped = advance(admitted, "secondary", { type: "OpenCollisionDump" }, env);
  return then(dumped, (next) => adopt(next, "secondary", waiting(next.primary.fsm), env));
}

function reject(state: PeerState): PeerStep {
  return { state, actions: [{ type: "reject", message: cease(CeaseSubcode.CONNECTION_REJECTED) }] };
}

function adopt(state: PeerState, place: Place, fsm: SessionState, env: Env): PeerStep {
  const link = state.nextLink;
  const adopted: PeerState = {
    ...state,
    nextLink: link + 1,
    [place]: { fsm, link, origin: "incoming", deferred: undefined },
  };
  const confirmed = advance(adopted, place, { type: "TcpConnectionConfirmed" }, env);
  return { state: confirmed.state, actions: [{ type: "adopt", link }, ...confirmed.actions] };
}

/** A session that waits for the peer, with what the primary one has learned of it. */
function waiting(primary: SessionState): SessionState {
  return {
    ...primary,
    name: "Active",
    deadlines: STOPPED,
    cause: "the peer connected",
    negotiated: undefined,
    establishedAtMs: undefined,
  };
}

function receive(state: PeerState, link: number, event: SessionEvent, env: Env): PeerStep {
  const place = PLACES.find((candidate) => state[candidate]?.link === link);
  if (place === undefined || link === 0) return none(state);
  const { deferred } = state[place] ?? {};
  if (deferred !== undefined && event.type === "KeepAliveMsg") {
    // One is as good as many.
    const [open, keepalive = event] = deferred.events;
    return open === undefined ? none(state) : defer(state, place, { ...deferred, events: [open, keepalive] });
  }
  if (event.type === "BGPOpen") return receiveOpen(state, place, event, env);
  const { primary, secondary } = state;
  if (event.type === "Tcp_CR_Acked" && secondary?.fsm.name === "OpenConfirm" && !wins(primary, secondary)) {
    // The peer's own connection is nearly up: another OPEN would only start a collision.
    return advance(state, place, { type: "OpenCollisionDump" }, env);
  }
  return advance(state, place, event, env);
}

function timers(state: PeerState, env: Env): PeerStep {
  let result = none(state);
  for (let turn = 0; turn < MAX_DUE; turn++) {
    const due = dueStep(result.state, env);
    if (due === undefined) break;
    result = then(result, due);
  }
  return result;
}

/** What is due first of all, or undefined. */
function dueStep(state: PeerState, env: Env): ((next: PeerState) => PeerStep) | undefined {
  const waited = PLACES.find((place) => (state[place]?.deferred?.untilMs ?? Infinity) <= env.now);
  if (waited !== undefined) return (next) => handleDeferred(next, waited, env);
  for (const place of PLACES) {
    const session = state[place];
    const event = session && dueEvent(session.fsm, env.now);
    if (event !== undefined) return (next) => advance(next, place, event, env);
  }
  return undefined;
}
