/**
 * An answer of the agent that goes on: read line by line as it comes, over a unix socket. What it may not do is stop
 * without a word: an agent that lives sends something, an empty line at least, every 15 seconds.
 */
import { type ClientPorts, noAgentText, reasonOf } from "./client.ts";
import type { ControlRequest } from "./exchange.ts";
import { LineStream } from "./line_stream.ts";

/** How a stream ended. */
export interface StreamEnd {
  readonly status: number;
  /** Where the status is not 200: what the agent says instead of lines. */
  readonly body: string;
}

/** The stream ended where it should not have: the agent has gone in the middle, or is silent. */
export class BrokenStreamError extends Error {
  override readonly name = "BrokenStreamError";
}

/**
 * An agent that takes longer to begin its answer is as good as none; so is one of which three empty lines have not come. A
 * record is bounded by whoever writes it.
 */
const LIMITS = { answerMs: 5000, silenceMs: 45_000, lineOctets: 1024 * 1024 } as const;

/**
 * Asks the agent that listens at `path`, and calls back for every line of its answer until that ends.
 * @throws {Error} in words for people, where no agent answers; {BrokenStreamError} where the answer is cut off; the
 * reason of `signal` when that is aborted; and what `onLine` throws
 */
export async function streamControl(
  request: ControlRequest,
  ports: ClientPorts,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<StreamEnd> {
  const stream = new LineStream(LIMITS, ports, signal);
  using _stream = stream;
  let begun = false;
  const next = async () => {
    try {
      if (begun) return await stream.line();
      const { status } = await stream.open(request);
      begun = status === 200;
      return begun ? await stream.line() : { status, body: await stream.text() };
    } catch (error) {
      signal.throwIfAborted();
      if (begun) throw new BrokenStreamError(`the answer was cut off: ${reasonOf(error, ports.user)}`);
      throw new Error(noAgentText(request.path, error, ports.user));
    }
  };
  for (let line = await next(); line !== undefined; line = await next()) {
    if (typeof line !== "string") return line;
    onLine(line);
  }
  return { status: 200, body: "" };
}
