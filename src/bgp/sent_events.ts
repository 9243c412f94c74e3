/** What there is to tell of a batch of routes that was handed over to a peer. Pure. */
import type { HeldRoute } from "./routes/adj_rib_out.ts";
import type { Batch } from "./routes/advertiser.ts";
import type { SpeakerEvent } from "./speaker_event.ts";

/** So many routes that cannot go to a peer are named in an event; the status has all. */
const HELD_NAMED = 10;

/** In order; `held`: the routes that cannot go to the peer. */
export function* sentEvents(
  peer: string,
  { announced, withdrawn, endOfRib, heldChanged }: Batch,
  held: ReadonlyMap<string, HeldRoute>,
  at: number,
): Generator<SpeakerEvent> {
  if (announced + withdrawn > 0) yield { type: "updates-sent", peer, announced, withdrawn, at };
  if (endOfRib) yield { type: "end-of-rib-sent", peer };
  if (!heldChanged) return;
  const named = [...held.values().take(HELD_NAMED)].map(({ prefix, reason }) => ({
    prefix: prefix.text,
    reason,
  }));
  yield { type: "routes-held", peer, count: held.size, held: named };
}
