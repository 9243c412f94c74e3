/** What there is to tell of a batch of routes that was handed over to a peer. Pure. */
import type { HeldRoutes } from "./routes/adj_rib_out.ts";
import type { Batch } from "./routes/advertiser.ts";
import type { SpeakerEvent } from "./speaker_event.ts";

/** So many routes that cannot go to a peer are named in an event; the status has all. */
const HELD_NAMED = 10;

/** In order; `held`: the routes that cannot go to the peer. */
export function* sentEvents(
  peer: string,
  { announced, withdrawn, endOfRib, heldChanged }: Batch,
  held: HeldRoutes,
  at: number,
): Generator<SpeakerEvent> {
  if (announced + withdrawn > 0) yield { type: "updates-sent", peer, announced, withdrawn, at };
  if (endOfRib) yield { type: "end-of-rib-sent", peer };
  if (!heldChanged) return;
  const named = [...held.entries().take(HELD_NAMED)].map(([prefix, reason]) => ({ prefix, reason }));
  yield { type: "routes-held", peer, count: held.size, held: named };
}
