/** One look at a file that ends in time, also where the file system does not answer: then this host is short of it. */
import { untilAborted } from "../../time/abort.ts";
import type { Clock } from "../../time/clock.ts";
import { OwnShortage } from "../connect/failure.ts";
import { messageOf } from "../../text/error_message.ts";
import type { FileSight, HostFiles } from "./host.ts";

/** Of a probe's timeout: before that it says what it waits for, and nothing of the service. */
const WAITING_PART = 0.9;

/** What a look is made with. */
export interface LookOptions {
  readonly files: HostFiles;
  readonly clock: Clock;
  /** The probe's. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * What is at `path`, with the first `headOctets` of it; undefined: nothing.
 * @throws {OwnShortage} it may not be seen, or not in time
 * @throws the reason of the signal
 */
export async function lookAt(
  path: string,
  headOctets: number,
  { files, clock, timeoutMs, signal }: LookOptions,
): Promise<FileSight | undefined> {
  const look = files.look(path, headOctets);
  if (look === undefined) throw new OwnShortage("too many file systems of this host do not answer");
  const { promise: late, reject } = Promise.withResolvers<never>();
  using _limit = clock.at(clock.now() + timeoutMs * WAITING_PART, () => {
    reject(new OwnShortage(`the file system of ${path} does not answer`));
  });
  const seen = look.catch((error) => {
    throw new OwnShortage(`${path} cannot be seen: ${messageOf(error)}`);
  });
  return await untilAborted(Promise.race([seen, late]), signal);
}
