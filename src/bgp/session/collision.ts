/**
 * Collisions of two connections with a neighbour (RFC 4271 section 6.8, RFC 6286), pure. By the letter a speaker may
 * confirm the connection that it closes when the other one's OPEN comes; where the peer has taken the confirmed one for
 * the session by then, both end. So an OPEN waits while the other side's connection is open: until that has said OPEN,
 * too, or for a bound.
 */
import type { SessionConfig } from "./negotiate.ts";
import type { SessionEvent } from "./session_state.ts";

/** How long the connection that would lose waits for the OPEN of its rival. */
export const RIVAL_MS = 1000;
/** How long the one that wins waits, so that the peer has put the other away before it hears our KEEPALIVE. */
export const WINNER_MS = 50;

/** What came over a connection while it is open which of the two survives; handled at `untilMs` at the latest. */
export interface Undecided {
  readonly events: readonly SessionEvent[];
  readonly untilMs: number;
}

/** Who opened a connection. */
export type Origin = "outgoing" | "incoming";

/** The peer, as its OPEN has it. */
export interface Identity {
  /** Unsigned 32-bit. */
  readonly peerIdentifier: number;
  readonly peerAs: number;
}

/**
 * Does a connection survive beside an older one? The one that the speaker with the higher identifier opened does; of
 * two from the same side the older one is what that side has lost.
 */
export function survives(origin: Origin, older: Origin, config: SessionConfig, peer: Identity): boolean {
  if (origin === older) return true;
  const { localIdentifier, localAs } = config;
  const { peerIdentifier, peerAs } = peer;
  const weAreHigher = localIdentifier === peerIdentifier
    ? localAs > peerAs
    : localIdentifier > peerIdentifier;
  return weAreHigher === (origin === "outgoing");
}
