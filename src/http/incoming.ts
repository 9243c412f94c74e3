/** What a client has sent and nobody has used up yet; reads on when asked, one read at a time, bounded in octets. */
import { OctetQueue } from "../bytes/octet_queue.ts";
import type { StreamSocket } from "../net/sockets.ts";
import { onAbort } from "../time/abort.ts";

/** Octets of a client who sends on before it is answered; then it has to wait. */
const MAX_AHEAD_OCTETS = 65_536;

/** The octets of one client, in order. */
export class Incoming {
  readonly queue = new OctetQueue();
  readonly #socket: StreamSocket;
  #reading: Promise<boolean> | undefined;
  #ended = false;

  constructor(socket: StreamSocket) {
    this.#socket = socket;
  }

  /** Resolves with true when more octets are in the queue, with false at the end of the connection. Never rejects. */
  more(): Promise<boolean> {
    if (this.#ended) return Promise.resolve(false);
    this.#reading ??= this.#read();
    return this.#reading;
  }

  /** Reads ahead until `signal` aborts or too much waits; true where the client has ended the connection before. */
  async ended(signal: AbortSignal): Promise<boolean> {
    const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
    using _abort = onAbort(signal, () => resolve(undefined));
    while (!signal.aborted && this.queue.length < MAX_AHEAD_OCTETS) {
      if (await Promise.race([this.more(), aborted]) === false) return true;
    }
    return false;
  }

  async #read(): Promise<boolean> {
    try {
      const octets = await this.#socket.read();
      if (octets !== undefined) this.queue.append(octets);
      this.#ended = octets === undefined;
    } catch {
      this.#ended = true;
    }
    this.#reading = undefined;
    return !this.#ended;
  }
}
