/** Ending the routers that tests start, each by the process that was started. */
import { within } from "./until.ts";

/** Sends `signal` and waits until `what` has ended; one that has ended already is fine. @throws after a while */
export async function endDaemon(
  process: Deno.ChildProcess,
  signal: Deno.Signal,
  what: string,
): Promise<void> {
  try {
    process.kill(signal);
  } catch (error) {
    // It has ended already.
    if (!(error instanceof TypeError)) throw error;
  }
  await within(process.status, `${what} ends by ${signal}`);
}
