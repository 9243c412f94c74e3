/**
 * Which peers keep our routes where this process ends without a word, and until when, and the file in which the next one
 * finds it. Times are of the kernel's boot clock, with the boot that they are of: the time of day may be set. Pure.
 */
import { isRecord } from "../bytes/json.ts";
import { seal, unseal } from "../bytes/sealed.ts";
import type { FamilyName } from "../config/config.ts";

/** A moment of this kernel: CLOCK_BOOTTIME, and the ID of the boot that it counts from. */
export interface BootMoment {
  readonly id: string;
  readonly ms: number;
}

/** What a peer keeps of a session with us, over a restart of ours. */
export interface KeptSession {
  readonly families: readonly FamilyName[];
  /** It keeps them up to then, of the boot clock; nobody is known to keep any later than that. */
  readonly untilMs: number;
}

/** By the peer's key. */
export type KeptSessions = ReadonlyMap<string, KeptSession>;

/** Where the file is, in `state.directory`. */
export function sessionsPath(directory: string): string {
  return `${directory}/sessions`;
}

const FORM = { what: "sessions", version: 1 } as const;
/** What has room in the 12 bits of RFC 4724 section 3. */
const LONGEST_RESTART_MS = 4095 * 1000;
const FAMILIES: readonly FamilyName[] = ["ipv4-unicast", "ipv6-unicast"];

/** The file. */
export function encodeSessions(kept: KeptSessions, { id, ms }: BootMoment): Uint8Array {
  const peers = [...kept].map(([peer, { families, untilMs }]) => ({ peer, families, untilMs }));
  return seal(FORM, { boot: id, atMs: ms, peers });
}

/** What `encodeSessions` wrote; undefined: that was in another boot of the machine. @throws {Error} what is wrong with it */
export function decodeSessions(file: Uint8Array, { id, ms }: BootMoment): KeptSessions | undefined {
  const { boot, atMs, peers } = unseal(FORM, file);
  if (typeof boot !== "string" || typeof atMs !== "number" || !Array.isArray(peers)) {
    throw new Error("boot, time or peers in it are none");
  }
  const rows = peers.map((row) => sessionOf(row, atMs));
  if (boot !== id) return undefined;
  if (!(atMs <= ms)) throw new Error("it is of a time that has not come");
  return new Map(rows);
}

function sessionOf(row: unknown, atMs: number): readonly [string, KeptSession] {
  const { peer, families, untilMs } = isRecord(row) ? row : {};
  const isTime = typeof untilMs === "number" && untilMs <= atMs + LONGEST_RESTART_MS;
  if (typeof peer !== "string" || !Array.isArray(families) || !isTime) {
    throw new Error("a peer in it is none");
  }
  return [peer, { families: FAMILIES.filter((family) => families.includes(family)), untilMs }];
}
