/**
 * The timers of a BGP session (RFC 4271 sections 8 and 10, RFC 9687) as data: deadlines in milliseconds on the clock
 * of `env.now`, jitter, and the back-off of ConnectRetryTime and IdleHoldTime.
 */

/** When each running timer expires, in milliseconds; undefined: it is stopped. */
export interface Deadlines {
  readonly connectRetry: number | undefined;
  readonly hold: number | undefined;
  readonly keepalive: number | undefined;
  readonly delayOpen: number | undefined;
  readonly idleHold: number | undefined;
  readonly sendHold: number | undefined;
}

/** The events of RFC 4271 section 8.1.3 and RFC 9687. */
export type TimerEvent =
  | { readonly type: "ConnectRetryTimer_Expires" }
  | { readonly type: "HoldTimer_Expires" }
  | { readonly type: "KeepaliveTimer_Expires" }
  | { readonly type: "DelayOpenTimer_Expires" }
  | { readonly type: "IdleHoldTimer_Expires" }
  | { readonly type: "SendHoldTimer_Expires" };

/** Every timer stopped. */
export const STOPPED: Deadlines = {
  connectRetry: undefined,
  hold: undefined,
  keepalive: undefined,
  delayOpen: undefined,
  idleHold: undefined,
  sendHold: undefined,
};

/** The HoldTimer of a session that waits for an OPEN (RFC 4271 section 8.2.2 suggests four minutes). */
export const LARGE_HOLD_TIME_MS = 240_000;
/** An Established session that lasted this long clears the damping. */
export const STABLE_SESSION_MS = 60_000;

const MAX_CONNECT_RETRY_FACTOR = 10;
/** IdleHoldTime starts at ConnectRetryTime divided by this, so that a single failure costs little. */
const IDLE_HOLD_DIVISOR = 5;
const MAX_IDLE_HOLD_FACTOR = 3;
const SHORTEST_KEEPALIVE_MS = 1_000;
const SHORTEST_SEND_HOLD_MS = 480_000;

/** The earliest deadline, or undefined where no timer runs. */
export function earliest(deadlines: Deadlines): number | undefined {
  const first = Math.min(
    deadlines.hold ?? Infinity,
    deadlines.sendHold ?? Infinity,
    deadlines.keepalive ?? Infinity,
    deadlines.connectRetry ?? Infinity,
    deadlines.delayOpen ?? Infinity,
    deadlines.idleHold ?? Infinity,
  );
  return first === Infinity ? undefined : first;
}

/** The event of the timer that expired first (of equals, the one that ends the session), or undefined. */
export function expired(deadlines: Deadlines, nowMs: number): TimerEvent | undefined {
  const first = earliest(deadlines);
  if (first === undefined || first > nowMs) return undefined;
  if (deadlines.hold === first) return { type: "HoldTimer_Expires" };
  if (deadlines.sendHold === first) return { type: "SendHoldTimer_Expires" };
  if (deadlines.keepalive === first) return { type: "KeepaliveTimer_Expires" };
  if (deadlines.connectRetry === first) return { type: "ConnectRetryTimer_Expires" };
  if (deadlines.delayOpen === first) return { type: "DelayOpenTimer_Expires" };
  return { type: "IdleHoldTimer_Expires" };
}

/** A time with the jitter of RFC 4271 section 10: 0.75 to 1.0 of it. */
export function jittered(ms: number, random: () => number): number {
  return ms * (0.75 + 0.25 * random());
}

/** The time to the next KEEPALIVE: jittered, but not under a second (RFC 4271 section 4.4). */
export function keepaliveDelayMs(keepaliveTimeSeconds: number, random: () => number): number {
  return Math.max(SHORTEST_KEEPALIVE_MS, jittered(keepaliveTimeSeconds * 1000, random));
}

/** ConnectRetryTime after `failures` connections that failed in a row: doubles, to ten times the configured one. */
export function connectRetryDelayMs(timeMs: number, failures: number, random: () => number): number {
  return jittered(timeMs * Math.min(2 ** Math.min(failures, 30), MAX_CONNECT_RETRY_FACTOR), random);
}

/** IdleHoldTime after `oscillations` sessions that ended early in a row: doubles, to three times ConnectRetryTime. */
export function idleHoldDelayMs(
  connectRetryTimeMs: number,
  oscillations: number,
  random: () => number,
): number {
  const time = connectRetryTimeMs / IDLE_HOLD_DIVISOR * 2 ** Math.min(oscillations, 30);
  return jittered(Math.min(time, connectRetryTimeMs * MAX_IDLE_HOLD_FACTOR), random);
}

/** SendHoldTime in milliseconds (RFC 9687 section 4): eight minutes or twice the hold time, the greater. */
export function sendHoldTimeMs(holdTimeSeconds: number): number {
  return Math.max(SHORTEST_SEND_HOLD_MS, 2 * holdTimeSeconds * 1000);
}
