/** One TCP connection of a session, or the attempt at one: writes that are counted, and an end within a bound. */
import type { Clock } from "../../time/clock.ts";
import { Inbox } from "./inbox.ts";
import type { Connection } from "./transport.ts";
import { type CodecContext, INITIAL_CONTEXT } from "../wire/codec_context.ts";

/** How long the last bytes may take to be handed over. */
const FLUSH_MS = 1000;

/** A connection with what the driver keeps beside it. */
export class Link {
  readonly inbox: Inbox = new Inbox();
  /** Ends the attempt to connect. */
  readonly abort: AbortController = new AbortController();
  connection: Connection | undefined;
  /** As it was when something was last read: what was agreed on, once it was. */
  context: CodecContext = INITIAL_CONTEXT;
  /** UPDATEs were handed to the socket and not yet taken by it. */
  updating = false;
  /** A KEEPALIVE was handed to the socket and not yet taken by it. */
  keepingAlive = false;
  readonly #writes = new Set<Promise<void>>();

  /** @param id its name in the machine */
  constructor(readonly id: number) {}

  /** Hands bytes to the socket in this turn. Resolves with false where it never took them. */
  async write(bytes: Uint8Array): Promise<boolean> {
    if (this.connection === undefined) return false;
    const write = this.connection.write(bytes);
    this.#writes.add(write);
    try {
      await write;
      return true;
    } catch {
      // Reading tells how the connection ended, after what the peer said last.
      return false;
    } finally {
      this.#writes.delete(write);
    }
  }

  /** Resolves when the socket has taken everything, or after a bound. */
  async flushed(clock: Clock): Promise<void> {
    if (this.#writes.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    using _limit = clock.at(clock.now() + FLUSH_MS, resolve);
    await Promise.race([Promise.allSettled(this.#writes), promise]);
  }

  /** Closes; what was written is still handed over, within the transport's bound. */
  close(): void {
    this.abort.abort(new Error("not wanted any more"));
    this.connection?.[Symbol.dispose]();
  }
}
