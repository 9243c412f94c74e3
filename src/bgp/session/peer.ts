/**
 * A neighbour: up to two sessions, one of them at rest or its winner (RFC 4271 sections 6.8 and 8.2.1), pure. `main`
 * is the configured session, which connects and retries; `second` is a connection from the peer that came while `main`
 * was busy, and takes the place of `main` when it wins. RFC 6286 decides between equal identifiers; a peer with
 * graceful restart replaces its old session by a new connection (RFC 4724 section 4.2).
 */
import { RIVAL_MS, survives, type Undecided, WINNER_MS } from "./collision.ts";
import type { SessionConfig } from "./negotiate.ts";
import type { PeerAction, PeerEvent, PeerState, PeerStep, Track } from "./peer_state.ts";
import { dueEvent, nextDeadline, step } from "./session.ts";
import type { Env, SessionAction, SessionEvent, SessionState } from "./session_state.ts";
import { newSession } from "./session_state.ts";
import { STOPPED } from "./timers.ts";
import { CeaseSubcode } from "../wire/constants.ts";
import { cease } from "../wire/notification.ts";

/** A neighbour before its start. */
export function newPeer(
  config: SessionConfig,
  restart: { readonly restartingUntilMs: number; readonly forwarding: boolean },
): PeerState {
  return {
    main: { session: newSession(config, restart), link: 0, origin: "outgoing", undecided: undefined },
    second: undefined,
    nextLink: 1,
    running: false,
    allowance: { tokens: MAX_TOKENS, atMs: 0 },
  };
}

/** The session that is furthest: what people call the neighbour's state. */
export function leadingTrack(state: PeerState): Track {
  const { main, second } = state;
  return second !== undefined && RANK[second.session.name] > RANK[main.session.name] ? second : main;
}

/** The next moment at which the neighbour wants a `Timers` event, or undefined. */
export function nextPeerDeadline(state: PeerState): number | undefined {
  const { main, second } = state;
  const deadlines = [main, second].flatMap((track) =>
    track === undefined ? [] : [nextDeadline(track.session), track.undecided?.untilMs]
  );
  const first = Math.min(...deadlines.map((deadline) => deadline ?? Infinity));
  return first === Infinity ? undefined : first;
}

/** The reaction of a neighbour to an event. Never throws. */
export function stepPeer(state: PeerState, event: PeerEvent, env: Env): PeerStep {
  const next = unrivalled(react(state, event, env), env);
  const before = leadingTrack(state).session;
  const after = leadingTrack(next.state).session;
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

const RANK = { Idle: 0, Active: 1, Connect: 2, OpenSent: 3, OpenConfirm: 4, Established: 5 } as const;
/** How many connections of the peer's are taken at once, and then ten in each second. */
const MAX_TOKENS = 100;
const MS_PER_TOKEN = 100;
/** Timers of two sessions that can be due at once, with room; what is left comes in the next turn. */
const MAX_DUE = 16;

type Which = "main" | "second";
const BOTH: readonly Which[] = ["main", "second"];

function react(state: PeerState, event: PeerEvent, env: Env): PeerStep {
  switch (event.type) {
    case "Start":
      return advance({ ...state, running: true }, "main", { type: "ManualStart" }, env);
    case "Stop":
      return stop(state, { type: "ManualStop", communication: event.communication }, env);
    case "Close":
      return stop(
        state,
        { type: "AutomaticStop", notification: event.notification, cause: event.cause },
        env,
      );
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
  const second = advance({ ...state, running: false }, "second", event, env);
  return then(second, (next) => advance(next, "main", event, env));
}

/** A connection from the peer: for `main` where it waits for one, else for `second`. */
function accept(state: PeerState, env: Env): PeerStep {
  const { atMs } = state.allowance;
  const tokens = Math.min(MAX_TOKENS, state.allowance.tokens + Math.max(0, env.now - atMs) / MS_PER_TOKEN);
  if (!state.running || tokens < 1) return reject({ ...state, allowance: { tokens, atMs: env.now } });
  const admitted = { ...state, allowance: { tokens: tokens - 1, atMs: env.now } };
  const { main, second } = admitted;
  if (main.session.name === "Active" && main.link === 0) return adopt(admitted, "main", main.session, env);
  if (second === undefined) return adopt(admitted, "second", waiting(main.session), env);
  // One waits already. Where it has said nothing yet the peer may have lost it, so the new one takes its place.
  if (second.session.name !== "OpenSent" || second.undecided !== undefined) return reject(admitted);
  const dumped = advance(admitted, "second", { type: "OpenCollisionDump" }, env);
  return then(dumped, (next) => adopt(next, "second", waiting(next.main.session), env));
}

function reject(state: PeerState): PeerStep {
  return { state, actions: [{ type: "reject", message: cease(CeaseSubcode.CONNECTION_REJECTED) }] };
}

function adopt(state: PeerState, which: Which, session: SessionState, env: Env): PeerStep {
  const link = state.nextLink;
  const adopted: PeerState = {
    ...state,
    nextLink: link + 1,
    [which]: { session, link, origin: "incoming", undecided: undefined },
  };
  const confirmed = advance(adopted, which, { type: "TcpConnectionConfirmed" }, env);
  return { state: confirmed.state, actions: [{ type: "adopt", link }, ...confirmed.actions] };
}

/** A session that waits for the peer, with what `main` has learned of it. */
function waiting(main: SessionState): SessionState {
  return {
    ...main,
    name: "Active",
    deadlines: STOPPED,
    cause: "the peer connected",
    negotiated: undefined,
    establishedAtMs: undefined,
  };
}

function receive(state: PeerState, link: number, event: SessionEvent, env: Env): PeerStep {
  const which = link === state.main.link ? "main" : link === state.second?.link ? "second" : undefined;
  if (which === undefined || link === 0) return none(state);
  const { undecided } = state[which] ?? {};
  if (undecided !== undefined && event.type === "KeepAliveMsg") {
    return hold(state, which, { ...undecided, events: [...undecided.events, event] });
  }
  if (event.type === "BGPOpen") return receiveOpen(state, which, event, env);
  const { second } = state;
  if (event.type === "Tcp_CR_Acked" && second?.session.name === "OpenConfirm" && !wins(state.main, second)) {
    // The peer's own connection is nearly up: another OPEN would only start a collision.
    return advance(state, which, { type: "OpenCollisionDump" }, env);
  }
  return advance(state, which, event, env);
}

/** An OPEN that would be accepted waits where there is a rival that may be the one to keep. */
function receiveOpen(
  state: PeerState,
  which: Which,
  event: Extract<SessionEvent, { type: "BGPOpen" }>,
  env: Env,
): PeerStep {
  const rival = rivalOf(which);
  const other = state[rival];
  const here = advance(state, which, event, env).state[which];
  if (!isUp(other) || other.origin === here?.origin || here?.session.name !== "OpenConfirm") {
    return judge(state, which, event, env);
  }
  const won = wins(here, other);
  if (other.undecided !== undefined) {
    // Both OPENs are here, and neither is confirmed: this decides it.
    const held = won ? hold(state, which, { events: [event], untilMs: 0 }) : none(state);
    const dump: SessionEvent = { type: "OpenCollisionDump" };
    const left = won ? take(held, which, dump, env) : take(held, rival, dump, env);
    const events = left.state.main.undecided?.events ?? [];
    return then(left, (next) => hold(next, "main", { events, untilMs: env.now + WINNER_MS }));
  }
  if (!won && other.session.name === "OpenConfirm") return judge(state, which, event, env);
  return hold(state, which, { events: [event], untilMs: env.now + (won ? WINNER_MS : RIVAL_MS) });
}

function hold(state: PeerState, which: Which, undecided: Undecided): PeerStep {
  const track = state[which];
  return none(track === undefined ? state : { ...state, [which]: { ...track, undecided } });
}

/** An OPEN that waits for its rival's need not any more, where the rival is gone. */
function unrivalled(stepped: PeerStep, env: Env): PeerStep {
  const free = BOTH.find((which) => {
    const untilMs = stepped.state[which]?.undecided?.untilMs ?? -Infinity;
    return untilMs - env.now > WINNER_MS && !isUp(stepped.state[rivalOf(which)]);
  });
  return free === undefined ? stepped : then(stepped, (state) => decide(state, free, env));
}

function isUp(track: Track | undefined): track is Track {
  return track?.session.name === "OpenSent" || track?.session.name === "OpenConfirm";
}

/** The wait is over: what came is handled as if it came now. */
function decide(state: PeerState, which: Which, env: Env): PeerStep {
  const { undecided, link } = state[which] ?? {};
  const events = undecided?.events ?? [];
  const [open] = events;
  if (open?.type !== "BGPOpen" || link === undefined) return none(state);
  const judged = judge(state, which, open, env);
  return events.slice(1).reduce(
    (step, event) => then(step, (next) => receive(next, link, event, env)),
    judged,
  );
}

/** Collision detection by the letter (RFC 4271 section 6.8). */
function judge(
  state: PeerState,
  which: Which,
  event: Extract<SessionEvent, { type: "BGPOpen" }>,
  env: Env,
): PeerStep {
  const opened = advance(state, which, event, env);
  const rival = rivalOf(which);
  const here = opened.state[which];
  const other = opened.state[rival];
  if (here?.session.name !== "OpenConfirm" || other === undefined) return opened;
  switch (other.session.name) {
    case "Established":
      if (other.session.negotiated?.gracefulRestart?.offered === true) {
        const cause = "the peer connected anew: it has restarted";
        return take(opened, which, { type: "AutomaticStop", notification: undefined, cause }, env);
      }
      if (!other.session.config.collisionDetectEstablishedState) break;
      if (wins(here, other)) return take(opened, which, { type: "OpenCollisionDump" }, env);
      break;
    case "OpenConfirm":
      if (wins(here, other)) return take(opened, which, { type: "OpenCollisionDump" }, env);
      break;
    case "Idle":
    case "Connect":
    case "Active":
    case "OpenSent":
      return opened;
    default:
      return other.session.name satisfies never;
  }
  return advance(state, which, { type: "OpenCollisionDump" }, env);
}

/** Does `here` survive beside `other`? One of the two has the peer's OPEN. */
function wins(here: Track, other: Track): boolean {
  const identity = here.session.negotiated ?? other.session.negotiated ?? { peerIdentifier: 0, peerAs: 0 };
  return survives(here.origin, other.origin, here.session.config, identity);
}

function rivalOf(which: Which): Which {
  return which === "main" ? "second" : "main";
}

/** `which` wins: the other ends by `event`, and the winner is `main` from now on. */
function take(won: PeerStep, which: Which, event: SessionEvent, env: Env): PeerStep {
  const lost = then(won, (state) => advance(state, rivalOf(which), event, env));
  return then(lost, (state) => ({ state: promoted(state), actions: [] }));
}

function promoted(state: PeerState): PeerState {
  return state.second === undefined ? state : { ...state, main: state.second, second: undefined };
}

function timers(state: PeerState, env: Env): PeerStep {
  let result = none(state);
  for (let turn = 0; turn < MAX_DUE; turn++) {
    const { main, second } = result.state;
    const waited = BOTH.find((which) => (result.state[which]?.undecided?.untilMs ?? Infinity) <= env.now);
    if (waited !== undefined) {
      result = then(result, (next) => decide(next, waited, env));
      continue;
    }
    const mainDue = dueEvent(main.session, env.now);
    const secondDue = second === undefined ? undefined : dueEvent(second.session, env.now);
    if (mainDue !== undefined) result = then(result, (next) => advance(next, "main", mainDue, env));
    else if (secondDue !== undefined) {
      result = then(result, (next) => advance(next, "second", secondDue, env));
    } else break;
  }
  return result;
}

/** Steps one of the sessions, names its connection in the actions, and settles what its new state means. */
function advance(state: PeerState, which: Which, event: SessionEvent, env: Env): PeerStep {
  const track = state[which];
  if (track === undefined) return none(state);
  const stepped = step(track.session, event, env);
  const session = stepped.state;
  if (stepped.actions.length === 0 && session.name === track.session.name) {
    return session === track.session ? none(state) : none({ ...state, [which]: { ...track, session } });
  }
  const actions: PeerAction[] = [];
  let { link, origin } = track;
  let { nextLink } = state;
  let dropped = false;
  for (const action of stepped.actions) {
    switch (action.type) {
      case "connect":
        [link, origin, nextLink] = [nextLink, "outgoing", nextLink + 1];
        actions.push({ type: "connect", link });
        break;
      case "drop":
        if (link !== 0) actions.push({ type: "drop", link });
        dropped = link !== 0;
        link = 0;
        break;
      case "send":
        actions.push({ type: "send", link, message: action.message });
        break;
      case "refresh":
        actions.push({ type: "refresh", link, message: action.message });
        break;
      default:
        action satisfies never;
    }
  }
  const { name, cause } = session;
  if (dropped || RANK[name] < RANK[track.session.name]) {
    actions.push({ type: "ended", from: track.session.name, cause, noted: isNoted(event, stepped.actions) });
  }
  const next: PeerStep = {
    state: { ...state, nextLink, [which]: { session, link, origin, undecided: undefined } },
    actions,
  };
  if (name === "Established" && track.session.name !== "Established") return settle(next, which, env);
  return which === "second" && link === 0 ? { state: withoutSecond(next.state), actions } : next;
}

/** Did a NOTIFICATION come or go? */
function isNoted(event: SessionEvent, actions: readonly SessionAction[]): boolean {
  return event.type === "NotifMsg" || event.type === "NotifMsgVerErr" ||
    actions.some((action) => action.type === "send" && action.message.type === "NOTIFICATION");
}

/** `which` is Established: the other goes, and the next OPEN is that of a speaker that has not restarted. */
function settle(won: PeerStep, which: Which, env: Env): PeerStep {
  const alone = take(won, which, { type: "OpenCollisionDump" }, env);
  const { main } = alone.state;
  const session = { ...main.session, restartingUntilMs: -Infinity, forwarding: true };
  const actions = [...alone.actions];
  const { negotiated } = session;
  if (negotiated !== undefined) actions.push({ type: "established", link: main.link, negotiated });
  return { state: { ...alone.state, main: { ...main, session } }, actions };
}

/** The second session has failed; `main` keeps what it learned of the peer. */
function withoutSecond(state: PeerState): PeerState {
  const capabilities = state.second?.session.capabilities ?? true;
  const main = { ...state.main, session: { ...state.main.session, capabilities } };
  return { ...state, main, second: undefined };
}

function none(state: PeerState): PeerStep {
  return { state, actions: [] };
}

function then(first: PeerStep, next: (state: PeerState) => PeerStep): PeerStep {
  const second = next(first.state);
  return { state: second.state, actions: [...first.actions, ...second.actions] };
}
