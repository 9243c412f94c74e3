/** What the file system does is waited for, but not for ever. */
import type { Clock } from "../time/clock.ts";

/** A disk that takes longer is as good as none. */
export const DISK_LIMIT_MS = 2000;

/** What `work` comes to. @throws {Error} it takes too long */
export async function withinDiskLimit<T>(work: Promise<T>, clock: Clock): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const limit = clock.at(
    clock.now() + DISK_LIMIT_MS,
    () => reject(new Error(`the disk has not answered for ${DISK_LIMIT_MS / 1000} s`)),
  );
  using _limit = limit;
  return await Promise.race([work, late]);
}
