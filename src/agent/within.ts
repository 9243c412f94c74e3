/** Waiting for something, but not for ever. */
import type { Clock } from "../time/clock.ts";

/** What `work` comes to; undefined where that takes longer. */
export async function within<T>(work: Promise<T>, clock: Clock, limitMs: number): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const limit = clock.at(clock.now() + limitMs, () => resolve(undefined));
  using _limit = limit;
  return await Promise.race([work, late]);
}
