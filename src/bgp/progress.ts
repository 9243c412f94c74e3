/**
 * Whether the peer's kernel acknowledges what is sent to it (TCP_INFO): to hand octets to a socket is not to have told the
 * peer. Where nothing is acknowledged for a while, and the peer is heard all the same, the path loses what is long: small
 * packets pass, so the session comes up again and again, and never tells its routes. A peer that does not read has no room for more. Pure.
 */
import type { Transmission } from "../net/sockets.ts";

/** How far a session has got. */
export interface Progress {
  readonly acknowledgedOctets: number;
  /** When more was acknowledged, or nothing was left to be, milliseconds on the clock. */
  readonly movedMs: number;
}

/** Nothing acknowledged for so long, and sent again meanwhile, is a fault; or for a third of the hold time, which would end first. */
const STUCK_MS = 10_000;
const OF_HOLD_TIME = 3;
/** Lost so often in a row: no accident. */
const STUCK_BACKOFF = 2;
/** What every path carries (RFC 879): segments of that length are not too long. */
const SMALLEST_SEGMENT = 536;
/** Fits every tunnel in use, and IPv6's least MTU. */
const SAFE_SEGMENT = 1220;

/** How a session gets on, look by look. */
export class ProgressWatch {
  #progress: Progress | undefined;

  /** Why the peer does not get on, as of now; undefined: it does, or that is not known. */
  look(
    seen: Transmission | undefined,
    at: { readonly nowMs: number; readonly holdTimeMs: number },
  ): string | undefined {
    if (seen === undefined) return undefined;
    this.#progress = follow(this.#progress, seen, at.nowMs);
    return stuckWords(this.#progress, seen, at);
  }
}

/** What is known after another look. */
export function follow(before: Progress | undefined, seen: Transmission, nowMs: number): Progress {
  const { acknowledgedOctets } = seen;
  const moved = before === undefined || acknowledgedOctets !== before.acknowledgedOctets || owed(seen) === 0;
  return { acknowledgedOctets, movedMs: moved ? nowMs : before.movedMs };
}

/** Why the peer does not get on, and what may help; undefined: it does, or that is not known yet. */
export function stuckWords(
  progress: Progress,
  seen: Transmission,
  { nowMs, holdTimeMs }: { readonly nowMs: number; readonly holdTimeMs: number },
): string | undefined {
  const stuckMs = Math.max(nowMs - progress.movedMs, seen.stalledMs);
  const patienceMs = holdTimeMs === 0 ? STUCK_MS : Math.min(STUCK_MS, holdTimeMs / OF_HOLD_TIME);
  if (stuckMs < patienceMs || seen.backoff < STUCK_BACKOFF || owed(seen) === 0) return undefined;
  const { acknowledgedOctets, inFlightOctets, segmentOctets, silentMs } = seen;
  const nothing = `nothing beyond the first ${acknowledgedOctets} octets was`;
  const seconds = `${Math.round(stuckMs / 1000)} s`;
  // What is asked again and again is whether there is room.
  if (inFlightOctets === 0) {
    return `${nothing} taken for ${seconds}; ${
      owed(seen)
    } octets wait: the peer's window is closed, as its BGP does not ` +
      "read what its kernel has (RFC 9687); look at the load and the BGP process of the router";
  }
  const words = `${nothing} acknowledged for ${seconds}, though sent ${seen.backoff + 1} times; ` +
    `${owed(seen)} octets wait`;
  if (silentMs >= stuckMs || segmentOctets <= SMALLEST_SEGMENT) {
    return `${words}: look at the path to the peer`;
  }
  if (owed(seen) <= SMALLEST_SEGMENT) {
    return `${words}. The peer is heard meanwhile, and short segments are lost, too: turn GTSM (ttlSecurity) on at both ` +
      "sides or at neither, and look for a filter on the way to the peer";
  }
  const mss = Math.min(SAFE_SEGMENT, segmentOctets - 40);
  return `${words}. The peer is heard meanwhile: segments of ${segmentOctets} octets seem to be lost on the way ` +
    `(MTU); set tcpMSS: ${mss}, or let ICMP "too big" through`;
}

/** Octets that the peer has not acknowledged. */
export function owed({ inFlightOctets, waitingOctets }: Transmission): number {
  return inFlightOctets + waitingOctets;
}
