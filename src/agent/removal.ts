/** The end of everything that is ours in the kernel. */
import { describeOurs } from "../kernel/change.ts";
import type { KernelReport, Reconciler } from "../kernel/reconciler.ts";
import { type Clock, sleep } from "../time/clock.ts";

/** What the kernel does not give up is tried again, so often and after so long. */
const ATTEMPTS = 3;
const RETRY_MS = 500;

/**
 * Removes it; resolves to what stays all the same, in words.
 * @param unread why it is not known what an earlier process left
 */
export async function removeOurs(
  reconciler: Reconciler | undefined,
  clock: Clock,
  unread?: string,
): Promise<readonly string[]> {
  for (let attempt = 1; reconciler !== undefined; attempt++) {
    const report = await reconciler.removeAll();
    if (report.converged) break;
    if (attempt === ATTEMPTS) return [remainsOf(report)];
    await sleep(clock, RETRY_MS);
  }
  return unread === undefined ? [] : [`what an earlier process left, which is not known: ${unread}`];
}

/** What stays, as the kernel was read last, and why. */
function remainsOf({ actual, errors }: KernelReport): string {
  const objects = actual === undefined ? [] : describeOurs(actual);
  const what = objects.length > 0 ? objects.join(", ") : "something that is ours";
  return [what, errors.map(({ message }) => message).join("; ")].filter((text) => text !== "").join(": ");
}
