/**
 * An answer of the agent that goes on: read line by line as it comes, over a unix socket. What it may not do is stop
 * without a word: an agent that lives sends something, an empty line at least, every 15 seconds.
 */
import { OctetQueue } from "../bytes/octet_queue.ts";
import { bodyDecoder, responseFraming } from "../net/http1_body.ts";
import type { StreamSocket } from "../net/sockets.ts";
import { onAbort, untilAborted } from "../time/abort.ts";
import {
  type ClientPorts,
  type ControlRequest,
  LateError,
  NoAnswerError,
  readHead,
  reasonOf,
} from "./client.ts";

/** What is asked. With a `body` (JSON) it is an order. */
export interface StreamRequest extends ControlRequest {
  readonly body?: string | undefined;
}

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

/** An agent that takes longer to begin its answer is as good as none. */
const HEAD_LIMIT_MS = 5000;
/** Three empty lines that did not come. */
const SILENCE_LIMIT_MS = 45_000;
const MAX_LINE_OCTETS = 1024 * 1024;

/**
 * Asks the agent that listens at `path`, and calls back for every line of its answer until that ends.
 * @throws {Error} in words for people, where no agent answers; {BrokenStreamError} where the answer is cut off; the
 * reason of `signal` when that is aborted; and what `onLine` throws
 */
export async function streamControl(
  request: StreamRequest,
  ports: ClientPorts,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<StreamEnd> {
  const conversation = new Conversation(request, ports, signal);
  using _conversation = conversation;
  return await conversation.run(onLine);
}

/** What `onLine` threw. */
class ListenerError extends Error {}

/** One request and the lines of its answer. Disposing closes the connection. */
class Conversation implements Disposable {
  readonly #request: StreamRequest;
  readonly #ports: ClientPorts;
  readonly #signal: AbortSignal;
  readonly #queue = new OctetQueue();
  /** Aborts when nothing has come for too long, or the caller has had enough. */
  readonly #ending = new AbortController();
  readonly #abort: Disposable;
  #silence: Disposable | undefined;
  #socket: StreamSocket | undefined;

  constructor(request: StreamRequest, ports: ClientPorts, signal: AbortSignal) {
    this.#request = request;
    this.#ports = ports;
    this.#signal = signal;
    this.#abort = onAbort(signal, () => this.#end(signal.reason));
  }

  async run(onLine: (line: string) => void): Promise<StreamEnd> {
    let begun = false;
    try {
      await this.#ask();
      const head = await readHead(this.#queue, () => this.#more());
      begun = head.status === 200;
      const framing = responseFraming("GET", head);
      if (framing.type === "error") throw new NoAnswerError(framing.reason);
      let body = "";
      const take = begun
        ? (line: string) => heard(onLine, line)
        : (line: string) => void (body += `${line}\n`);
      await this.#readLines(bodyDecoder(framing, true), framing.type === "close", take);
      return { status: head.status, body };
    } catch (error) {
      if (error instanceof ListenerError) throw error.cause;
      this.#signal.throwIfAborted();
      const reason = this.#ending.signal.aborted ? this.#ending.signal.reason : error;
      if (begun) throw new BrokenStreamError(`the answer was cut off: ${reasonOf(reason)}`);
      throw new Error(`no agent answers at ${this.#request.path}: ${reasonOf(reason)}`);
    }
  }

  [Symbol.dispose](): void {
    this.#abort[Symbol.dispose]();
    this.#silence?.[Symbol.dispose]();
    this.#socket?.[Symbol.dispose]();
  }

  async #ask(): Promise<void> {
    const { path, target, accept, body } = this.#request;
    this.#expect(HEAD_LIMIT_MS);
    const { signal } = this.#ending;
    const connecting = this.#ports.streams.connect({ path }, signal);
    // One that comes too late is nobody's.
    connecting.then((found) => signal.aborted && found[Symbol.dispose](), () => {});
    const socket = this.#socket = await untilAborted(connecting, signal);
    const octets = new TextEncoder().encode(body ?? "");
    const lines = [
      `${body === undefined ? "GET" : "POST"} ${target} HTTP/1.1`,
      "host: bgp-lb",
      `accept: ${accept}`,
      "connection: close",
      ...body === undefined ? [] : ["content-type: application/json", `content-length: ${octets.length}`],
      "",
      "",
    ];
    await socket.write(new TextEncoder().encode(lines.join("\r\n")));
    if (octets.length > 0) await socket.write(octets);
  }

  async #readLines(
    decoder: ReturnType<typeof bodyDecoder>,
    endsWithConnection: boolean,
    take: (line: string) => void,
  ): Promise<void> {
    const line = new OctetQueue();
    for (;;) {
      this.#expect(SILENCE_LIMIT_MS);
      const part = decoder.decode(this.#queue.view);
      if (part.type === "error") throw new NoAnswerError(part.reason);
      for (const data of part.data) takeLines(line, data, take);
      this.#queue.consume(part.used);
      if (line.length > MAX_LINE_OCTETS) throw new NoAnswerError("a line of it has no end");
      if (part.done) break;
      if (await this.#more()) continue;
      if (!endsWithConnection) throw new NoAnswerError("the connection ended in the middle of it");
      break;
    }
    if (line.length > 0) take(textOf(line));
  }

  async #more(): Promise<boolean> {
    const octets = await this.#socket?.read();
    this.#ending.signal.throwIfAborted();
    if (octets === undefined) return false;
    this.#queue.append(octets);
    return true;
  }

  /** Something has to come within so long. */
  #expect(limitMs: number): void {
    const { clock } = this.#ports;
    this.#silence?.[Symbol.dispose]();
    this.#silence = clock.at(
      clock.now() + limitMs,
      () => this.#end(new LateError(`nothing came within ${limitMs / 1000} s`)),
    );
  }

  #end(reason: unknown): void {
    this.#ending.abort(reason);
    this.#socket?.[Symbol.dispose]();
  }
}

const LINE_FEED = 0x0a;

function takeLines(line: OctetQueue, data: Uint8Array, take: (line: string) => void): void {
  let from = 0;
  for (let at = data.indexOf(LINE_FEED); at >= 0; at = data.indexOf(LINE_FEED, from)) {
    line.append(data.subarray(from, at));
    take(textOf(line));
    from = at + 1;
  }
  line.append(data.subarray(from));
}

/** The line, which is used up. */
function textOf(line: OctetQueue): string {
  const text = new TextDecoder().decode(line.view);
  line.consume(line.length);
  return text;
}

function heard(onLine: (line: string) => void, line: string): void {
  try {
    onLine(line);
  } catch (error) {
    throw new ListenerError("a line was not taken", { cause: error });
  }
}
