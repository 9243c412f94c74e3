/** What of a changed configuration a session survives. */
import type { LocalBgp, PeerConfig } from "../config/config.ts";
import { type SessionConfig, sessionConfig } from "./session/negotiate.ts";

/** One side of a comparison. */
export interface PeerAndLocal {
  readonly local: LocalBgp;
  readonly peer: PeerConfig;
}

/** Keys that neither an OPEN nor a socket shows. Every other one costs the session, those that are yet to come as well. */
const SURVIVED: readonly string[] = [
  "nextHop",
  "nextHop6",
  "connectRetryTimeMs",
] satisfies (keyof PeerConfig)[];

/** Must the session start anew for the new configuration to hold? */
export function costsSession(before: PeerAndLocal, after: PeerAndLocal): boolean {
  return !sameValue(survivable(before), survivable(after));
}

function survivable({ local, peer }: PeerAndLocal): unknown {
  const session: SessionConfig = { ...sessionConfig(local, peer), connectRetryTimeMs: 0 };
  return [session, Object.fromEntries(Object.entries(peer).filter(([key]) => !SURVIVED.includes(key)))];
}

/** Are two values of plain data, whatever they are made of, the same? A key that is left out is one without a value. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Array.isArray(a) === Array.isArray(b) &&
    [...keys].every((key) => sameValue(Reflect.get(a, key), Reflect.get(b, key)));
}
