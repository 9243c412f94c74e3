/**
 * The timers of a BGP session (RFC 4271 sections 8 and 10, RFC 9687) as data: deadlines in milliseconds on the clock
 * of `env.now`, jitter, and the back-off of ConnectRetryTime and IdleHoldTime.
 */

/**
 * The timers of a BGP session. Of timers that expire at the same moment the earlier row goes first: a session ends before
 * it does anything else.
 */
const TIMERS = [
  /** RFC 4271 section 10: nothing was heard from the peer. */
  { name: "hold", event: "HoldTimer_Expires" },
  /** RFC 9687: the peer has taken nothing. */
  { name: "sendHold", event: "SendHoldTimer_Expires" },
  /** RFC 4271 section 4.4. */
  { name: "keepalive", event: "KeepaliveTimer_Expires" },
  /** RFC 4271 section 8: to connect, and to connect again. */
  { name: "connectRetry", event: "ConnectRetryTimer_Expires" },
  /** RFC 4271 section 8.1.1, DampPeerOscillations. */
  { name: "idleHold", event: "IdleHoldTimer_Expires" },
] as const;

type TimerRow = typeof TIMERS[number];
type EventOf<Row extends TimerRow> = Row extends TimerRow ? { readonly type: Row["event"] } : never;

/** What a timer is called. */
export type TimerName = TimerRow["name"];
/** The events of RFC 4271 section 8.1.3 and RFC 9687. */
export type TimerEvent = EventOf<TimerRow>;

/** When each running timer expires, in milliseconds; undefined or left out: it is stopped. */
export type Deadlines = { readonly [Name in TimerName]?: number | undefined };

/** Every timer stopped. */
export const STOPPED: Deadlines = {};

/** The names of all timers. */
export const TIMER_NAMES: readonly TimerName[] = TIMERS.map(({ name }) => name);

/** The HoldTimer of a session that waits for an OPEN (RFC 4271 section 8.2.2 suggests four minutes). */
export const LARGE_HOLD_TIME_MS = 240_000;
/** An Established session that lasted this long clears the damping. */
export const STABLE_SESSION_MS = 60_000;

const MAX_CONNECT_RETRY_FACTOR = 10;
/** IdleHoldTime starts at ConnectRetryTime divided by this, so that a single failure costs little. */
const IDLE_HOLD_DIVISOR = 5;
const MAX_IDLE_HOLD_FACTOR = 3;
const SHORTEST_KEEPALIVE_MS = 1_000;

/** The earliest deadline, or undefined where no timer runs. */
export function earliest(deadlines: Deadlines): number | undefined {
  const first = firstOf(deadlines);
  return first === undefined ? undefined : deadlines[first.name];
}

/** The event of the timer that expired first, or undefined. */
export function expired(deadlines: Deadlines, nowMs: number): TimerEvent | undefined {
  const first = firstOf(deadlines);
  return first === undefined || (deadlines[first.name] ?? Infinity) > nowMs
    ? undefined
    : { type: first.event };
}

function firstOf(deadlines: Deadlines): TimerRow | undefined {
  let first: TimerRow | undefined;
  let firstMs = Infinity;
  for (const row of TIMERS) {
    const atMs = deadlines[row.name] ?? Infinity;
    if (atMs >= firstMs) continue;
    first = row;
    firstMs = atMs;
  }
  return first;
}

/** A time with the jitter of RFC 4271 section 10: 0.75 to 1.0 of it. */
function jittered(ms: number, random: () => number): number {
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

/** So many times ConnectRetryTime a peer is left alone at most whose sessions end in silence. */
const MAX_SILENCE_FACTOR = 60;

/** How long a peer is left alone after `silences` sessions in a row that ended in silence: nothing more after one, then doubling. */
export function silenceDelayMs(connectRetryTimeMs: number, silences: number, random: () => number): number {
  if (silences < 2) return 0;
  const factor = Math.min(2 ** Math.min(silences - 1, 30), MAX_SILENCE_FACTOR);
  return jittered(connectRetryTimeMs * factor, random);
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
