/** What arrived and was not taken, counted by reason (RFC 5880 section 6.8.6, RFC 5881 section 5, RFC 5883). */
import type { Malformation } from "./packet.ts";

/** Why a datagram was dropped. */
export type DropReason =
  | Malformation
  | "no-session"
  | "state"
  | "source"
  | "interface"
  | "ttl"
  | "authentication";

/** Each reason in words, as in "3 packets dropped: …". */
export const DROP_WORDS: Readonly<Record<DropReason, string>> = {
  "too-short": "shorter than 24 octets",
  "version": "of another version than 1",
  "length": "with a length that is not theirs",
  "zero-multiplier": "with a detect multiplier of 0",
  "multipoint": "with the multipoint bit",
  "zero-discriminator": "with a discriminator of 0",
  "no-session": "for no session that is configured here",
  "state": "that know no discriminator of ours but claim a session",
  "source": "with our discriminator, but from another address",
  "interface": "through another interface, or to the port of the other kind (single hop or multihop)",
  "ttl": "with a TTL that is too low: they came over more hops than allowed",
  "authentication": "with authentication, which is not offered: turn it off at the peer",
};

/** Counts by reason; a reason that never occurred is left out. */
export class Drops {
  readonly #counts = new Map<DropReason, number>();

  /** One more. */
  add(reason: DropReason): void {
    this.#counts.set(reason, this.count(reason) + 1);
  }

  /** How many for this reason. */
  count(reason: DropReason): number {
    return this.#counts.get(reason) ?? 0;
  }

  /** Those that occurred. */
  entries(): Readonly<Partial<Record<DropReason, number>>> {
    return Object.fromEntries(this.#counts);
  }
}
