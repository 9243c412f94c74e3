/**
 * How octets come in: a connection is read, its messages are framed and decoded, and each is an event of its session.
 * Whatever a peer sends that is wrong is a NotificationError, is caught in one place and becomes an event, too.
 */
import type { Clock } from "../time/clock.ts";
import type { MutableCounters } from "./counters.ts";
import { CLOSED, eventOf, eventOfError, internalFault, lossOf } from "./session/session_events.ts";
import type { SessionEvent } from "./session/session_state.ts";
import type { Link } from "./transport/link.ts";
import type { CodecContext } from "./wire/codec_context.ts";
import { decodeMessage } from "./wire/message.ts";
import type { NotificationMessage } from "./wire/notification.ts";

/** Reading yields to timers and other peers after so much work. */
const TURN_MS = 10;

/** Whom the reader works for. */
export interface Readership {
  readonly clock: Clock;
  readonly counters: MutableCounters;
  /** False ends the reading of `link`. */
  isCurrent(link: Link): boolean;
  contextOf(link: Link): CodecContext;
  event(link: Link, event: SessionEvent): void;
  notification(message: NotificationMessage): void;
  /** Something of ours threw. */
  fault(error: unknown): void;
}

/** Reads the connections of one peer, which share its turns. */
export class MessageReader {
  readonly #for: Readership;
  #busyMs = 0;

  constructor(readership: Readership) {
    this.#for = readership;
  }

  /** Reads until the connection ends or is not current any more. Never rejects. */
  async read(link: Link): Promise<void> {
    while (this.#for.isCurrent(link)) {
      let chunk: Uint8Array | undefined;
      try {
        chunk = await link.socket?.read();
      } catch (error) {
        return this.#for.event(link, { type: "TcpConnectionFails", cause: lossOf(error) });
      }
      if (chunk === undefined) {
        return this.#for.event(link, { type: "TcpConnectionFails", cause: CLOSED });
      }
      const before = this.#for.clock.now();
      try {
        this.#receive(link, chunk);
      } catch (error) {
        this.#for.fault(error);
        return this.#for.event(link, internalFault(error));
      }
      await this.#yieldTurn(before);
    }
  }

  #receive(link: Link, chunk: Uint8Array): void {
    link.inbox.push(chunk);
    let last: SessionEvent["type"] | undefined;
    while (this.#for.isCurrent(link)) {
      const event = this.#nextEvent(link);
      if (event === undefined) return;
      // One UPDATE tells the machine as much as all that came with it: the peer lives.
      if (event.type !== "UpdateMsg" || last !== "UpdateMsg") this.#for.event(link, event);
      last = event.type;
    }
  }

  /** The one place where the peer's faults are caught. */
  #nextEvent(link: Link): SessionEvent | undefined {
    try {
      const context = this.#for.contextOf(link);
      const bytes = link.inbox.next(context.maxReceiveLength);
      if (bytes === undefined) return undefined;
      const message = decodeMessage(bytes, context);
      this.#for.counters.receive(message);
      if (message.type === "NOTIFICATION") this.#for.notification(message);
      return eventOf(message);
    } catch (error) {
      const event = eventOfError(error);
      if (event.type === "InternalFault") this.#for.fault(error);
      return event;
    }
  }

  /** Lets timers and other peers have a turn once this one has used up its own. */
  async #yieldTurn(before: number): Promise<void> {
    const { clock } = this.#for;
    const now = clock.now();
    this.#busyMs += now - before;
    if (this.#busyMs < TURN_MS) return;
    this.#busyMs = 0;
    await new Promise<void>((resolve) => clock.at(now, resolve));
  }
}
