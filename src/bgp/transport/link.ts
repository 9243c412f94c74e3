/** A session's TCP connection, or the attempt at one: writes that are counted, and what was read and not yet decoded. */
import type { Clock } from "../../time/clock.ts";
import { type CodecContext, INITIAL_CONTEXT } from "../wire/codec_context.ts";
import { Inbox } from "./inbox.ts";
import type { Lingering } from "./lingering.ts";
import type { TcpSocket } from "./transport.ts";

/** How long the last bytes may take to be handed over. */
const FLUSH_MS = 1000;

/** A socket with what the driver keeps beside it. */
export class Link {
  readonly inbox: Inbox = new Inbox();
  /** Ends the attempt to connect. */
  readonly abort: AbortController = new AbortController();
  /** Undefined while the attempt lasts. */
  socket: TcpSocket | undefined;
  /** As it was when something was last read: what was agreed on, once it was. */
  context: CodecContext = INITIAL_CONTEXT;
  /** UPDATEs were handed to the socket and not yet taken by it. */
  updating = false;
  /** A KEEPALIVE was handed to the socket and not yet taken by it. */
  keepingAlive = false;
  /** A write failed; what ends the session where reading does not tell why before. */
  failing: Disposable | undefined;
  readonly #writes = new Set<Promise<void>>();

  /** @param id its name in the machine */
  constructor(readonly id: number, socket?: TcpSocket) {
    this.socket = socket;
  }

  /** Hands bytes to the socket in this turn. Resolves with false where it never took them. Never throws. */
  async write(bytes: Uint8Array): Promise<boolean> {
    let write: Promise<void> | undefined;
    try {
      write = this.socket?.write(bytes);
      if (write === undefined) return false;
      this.#writes.add(write);
      await write;
      return true;
    } catch {
      // Reading tells how the connection ended, after what the peer said last.
      return false;
    } finally {
      if (write !== undefined) this.#writes.delete(write);
    }
  }

  /** Resolves when the socket has taken everything, or after a bound. */
  async flushed(clock: Clock): Promise<void> {
    if (this.#writes.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    using _limit = clock.at(clock.now() + FLUSH_MS, resolve);
    await Promise.race([Promise.allSettled(this.#writes), promise]);
  }

  /** Ends the attempt, or the connection once what was written is handed over. */
  end(lingering: Lingering): void {
    this.#leave();
    if (this.socket !== undefined) lingering.end(this.socket);
  }

  /** Closes at once. */
  drop(): void {
    this.#leave();
    this.socket?.[Symbol.dispose]();
  }

  #leave(): void {
    this.failing?.[Symbol.dispose]();
    this.abort.abort(new Error("not wanted any more"));
  }
}
