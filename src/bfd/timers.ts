/** The intervals of a BFD session (RFC 5880 sections 6.8.2 to 6.8.4 and 6.8.7): what is told, what is sent by, when to give up. Pure. */
import type { SessionConfig, SessionState } from "./session_state.ts";

/** The least DesiredMinTxInterval of a session that is not Up (RFC 5880 section 6.8.3). */
export const SLOW_TX_US = 1_000_000;

/** The share of an interval after which the next packet goes out; a multiplier of 1 leaves no room for the last tenth. */
const JITTER = { least: 0.75, most: 1, mostOfMultiplier1: 0.9 } as const;

/** The two intervals that a peer is told. */
export interface Intervals {
  readonly desiredMinTxUs: number;
  readonly requiredMinRxUs: number;
}

/** What a session in this state is to tell. */
export function wantedIntervals({ desiredMinTxUs, requiredMinRxUs }: SessionConfig, up: boolean): Intervals {
  return { desiredMinTxUs: up ? desiredMinTxUs : Math.max(SLOW_TX_US, desiredMinTxUs), requiredMinRxUs };
}

/** The interval that packets are sent by, before jitter; Infinity: none are sent periodically. */
export function transmitIntervalUs(state: SessionState): number {
  const { remote, transmitUs, config, name, poll } = state;
  if (remote.discr === 0 && config.passive) return Infinity;
  if (remote.minRxUs === 0) return Infinity;
  // RFC 5880 section 6.8.7: who is in Demand mode is sent nothing but polls.
  if (remote.demand && name === "Up" && remote.name === "Up" && poll === undefined) return Infinity;
  return Math.max(transmitUs, remote.minRxUs);
}

/** An interval with jitter, in milliseconds. */
export function jitteredMs(intervalUs: number, detectMult: number, random: () => number): number {
  const most = detectMult === 1 ? JITTER.mostOfMultiplier1 : JITTER.most;
  return intervalUs / 1000 * (JITTER.least + (most - JITTER.least) * random());
}

/** The interval that the peer has agreed to send by; what is asked for before it has said anything. */
export function receiveIntervalUs({ receiveUs, remote }: SessionState): number {
  return Math.max(receiveUs, remote.minTxUs);
}

/** How long the peer may be silent; 0 where it has said nothing. */
export function detectionTimeMs(state: SessionState): number {
  return state.remote.detectMult * receiveIntervalUs(state) / 1000;
}
