/**
 * Collisions of two connections with a peer (RFC 4271 section 6.8, RFC 6286), pure. By the letter a speaker may confirm
 * the connection that it closes when the other one's OPEN comes; where the peer has taken the confirmed one for the
 * session by then, both end. So an OPEN is deferred while the other side's connection is open: until that has said OPEN,
 * too, or for a bound.
 */
import { advance, promote } from "./advance.ts";
import {
  type Deferred,
  none,
  type Origin,
  type PeerSession,
  type PeerState,
  type PeerStep,
  type Place,
  PLACES,
  rivalOf,
  then,
} from "./peer_state.ts";
import type { SessionConfig } from "./negotiate.ts";
import type { Env, SessionEvent } from "./session_state.ts";

/** How long the connection that would lose waits for the OPEN of its rival. */
export const RIVAL_MS = 1000;
/**
 * A peer that connects anew sooner after a session came up, and does not say that it has restarted, has not: both sides
 * connected, and the OPEN of the other connection was on its way.
 */
export const RESTART_MS = 3000;
/** How long the one that wins waits, so that the peer has put the other away before it hears our KEEPALIVE. */
export const WINNER_MS = 50;

type BgpOpen = Extract<SessionEvent, { type: "BGPOpen" }>;

const DUMP: SessionEvent = { type: "OpenCollisionDump" };

/** An OPEN that would be accepted is deferred where there is a rival that may be the one to keep. */
export function receiveOpen(state: PeerState, place: Place, event: BgpOpen, env: Env): PeerStep {
  const rival = rivalOf(place);
  const other = state[rival];
  const here = advance(state, place, event, env).state[place];
  if (!isOpening(other) || other.origin === here?.origin || here?.fsm.name !== "OpenConfirm") {
    return detectCollision(state, place, event, env);
  }
  const won = wins(here, other);
  if (other.deferred !== undefined) {
    // Both OPENs are here, and neither is confirmed: this decides it.
    const left = won
      ? promote(defer(state, place, { events: [event], untilMs: 0 }), place, DUMP, env)
      : promote(none(state), rival, DUMP, env);
    const events = left.state.primary.deferred?.events ?? [];
    return then(left, (next) => defer(next, "primary", { events, untilMs: env.now + WINNER_MS }));
  }
  if (!won && other.fsm.name === "OpenConfirm") return detectCollision(state, place, event, env);
  return defer(state, place, { events: [event], untilMs: env.now + (won ? WINNER_MS : RIVAL_MS) });
}

/** Keeps what came over the link of `place` for later. */
export function defer(state: PeerState, place: Place, deferred: Deferred): PeerStep {
  const session = state[place];
  return none(session === undefined ? state : { ...state, [place]: { ...session, deferred } });
}

/** The wait is over: what was deferred is handled as if it came now. */
export function handleDeferred(state: PeerState, place: Place, env: Env): PeerStep {
  const { deferred, link } = state[place] ?? {};
  const [open, ...rest] = deferred?.events ?? [];
  if (open?.type !== "BGPOpen") return none(state);
  return rest.reduce(
    (before, event) =>
      then(before, (next) => {
        const now = PLACES.find((candidate) => next[candidate]?.link === link);
        return now === undefined ? none(next) : advance(next, now, event, env);
      }),
    detectCollision(state, place, open, env),
  );
}

/** An OPEN that is deferred for its rival's sake is so no more where the rival is gone. */
export function handleUnrivalled(stepped: PeerStep, env: Env): PeerStep {
  const free = PLACES.find((place) => {
    const untilMs = stepped.state[place]?.deferred?.untilMs ?? -Infinity;
    return untilMs - env.now > WINNER_MS && !isOpening(stepped.state[rivalOf(place)]);
  });
  return free === undefined ? stepped : then(stepped, (state) => handleDeferred(state, free, env));
}

/** Does `here` survive beside `other`? One of the two has the peer's OPEN. */
export function wins(here: PeerSession, other: PeerSession): boolean {
  const identity = here.fsm.negotiated ?? other.fsm.negotiated ?? { peerIdentifier: 0, peerAs: 0 };
  return survives(here.origin, other.origin, here.fsm.config, identity);
}

/** Collision detection by the letter (RFC 4271 section 6.8). */
function detectCollision(state: PeerState, place: Place, event: BgpOpen, env: Env): PeerStep {
  const opened = advance(state, place, event, env);
  const here = opened.state[place];
  const other = opened.state[rivalOf(place)];
  if (here?.fsm.name !== "OpenConfirm" || other === undefined) return opened;
  switch (other.fsm.name) {
    case "Established": {
      const { negotiated, establishedAtMs = -Infinity } = other.fsm;
      const hasRestarted = here.fsm.negotiated?.gracefulRestart?.restarting === true ||
        here.origin === other.origin || env.now - establishedAtMs >= RESTART_MS;
      if (!hasRestarted || negotiated?.gracefulRestart?.offered !== true) break;
      const cause = "the peer connected anew: it has restarted";
      return promote(opened, place, { type: "AutomaticStop", notification: undefined, cause }, env);
    }
    case "OpenConfirm":
      if (wins(here, other)) return promote(opened, place, DUMP, env);
      break;
    case "Idle":
    case "Connect":
    case "Active":
    case "OpenSent":
      return opened;
    default:
      return other.fsm.name satisfies never;
  }
  return advance(state, place, DUMP, env);
}

function isOpening(session: PeerSession | undefined): session is PeerSession {
  return session?.fsm.name === "OpenSent" || session?.fsm.name === "OpenConfirm";
}

/** The peer, as its OPEN has it. */
interface Identity {
  /** Unsigned 32-bit. */
  readonly peerIdentifier: number;
  readonly peerAs: number;
}

/**
 * Does a connection survive beside an older one? The one that the speaker with the higher identifier opened does; of
 * two from the same side the older one is what that side has lost.
 */
function survives(origin: Origin, older: Origin, config: SessionConfig, peer: Identity): boolean {
  if (origin === older) return true;
  const { localIdentifier, localAs } = config;
  const { peerIdentifier, peerAs } = peer;
  const weAreHigher = localIdentifier === peerIdentifier
    ? localAs > peerAs
    : localIdentifier > peerIdentifier;
  return weAreHigher === (origin === "outgoing");
}
