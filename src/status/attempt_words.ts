/** Why an attempt to connect came to nothing, and what helps, in words. Pure. */
import type { PeerStatus } from "../bgp/peer_status.ts";
import { type Attempt, type Situation, SITUATIONS } from "./attempt_situations.ts";

/** What happened, and what helps. */
export interface AttemptWords {
  readonly situation: string;
  readonly sentence: string;
  readonly cure: string;
}

/** The attempt in words; undefined where the table does not have it. */
export function attemptWords(attempt: Attempt): AttemptWords | undefined {
  return wordsOf(attempt, SITUATIONS);
}

function wordsOf(attempt: Attempt, rows: readonly Situation[]): AttemptWords | undefined {
  const row = rows.find((each) => each.fits(attempt));
  return row && { situation: row.situation, sentence: row.sentence(attempt), cure: row.cure(attempt) };
}

/** Why the last attempt to connect to `peer` came to nothing; undefined where something else is the matter, or unknown. */
export function failedAttemptWords(peer: PeerStatus): AttemptWords | undefined {
  const { name, address, settings, failedAttempt } = peer;
  if (failedAttempt === undefined || peer.state === "Established") return undefined;
  return attemptWords({ name, address, settings, failed: failedAttempt });
}

/**
 * Why a passive peer that is waited for may not get through; undefined: the kernel drops nothing that would say so. It counts
 * for all connections of the host.
 */
export function waitingWords({ name, address, settings, dropped }: PeerStatus): AttemptWords | undefined {
  if (dropped === undefined) return undefined;
  const { since, drops } = dropped;
  const failed = { operation: undefined, code: undefined, unanswered: true, icmp: undefined, drops };
  const meanwhile =
    `since ${since.toISOString()}, while ${name} is waited for; they may be of somebody else's connections`;
  return wordsOf(
    { name, address, settings, failed, meanwhile },
    SITUATIONS.filter(({ isOfDrops }) => isOfDrops),
  );
}

/** The situations that the table has, for tests that see each. */
export function situations(): readonly string[] {
  return SITUATIONS.map(({ situation }) => situation);
}
