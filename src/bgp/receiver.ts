/**
 * The reading side of a peer: chunks of its links are cut into messages, decoded, and become events of the session
 * machine. Whatever the peer sends that is wrong is thrown as a NotificationError and caught here, in one place.
 */
import { type Clock, sleep } from "../time/clock.ts";
import type { MutableCounters } from "./counters.ts";
import { CLOSED, eventOf, eventOfError, internalFault, lossOf } from "./session/session_events.ts";
import type { SessionEvent } from "./session/session_state.ts";
import type { Link } from "./transport/link.ts";
import type { CodecContext } from "./wire/codec_context.ts";
import { decodeFramed } from "./wire/message.ts";
import type { NotificationMessage } from "./wire/notification.ts";

/** What reading needs and tells. */
export interface ReceiverPorts {
  readonly clock: Clock;
  readonly counters: MutableCounters;
  /** Whether the link is still one of the peer's. */
  isCurrent(link: Link): boolean;
  /** What was agreed on in its session; undefined: nothing yet. */
  negotiated(link: Link): CodecContext | undefined;
  event(link: Link, event: SessionEvent): void;
  notification(message: NotificationMessage): void;
  /** Something of ours threw. */
  fault(error: unknown): void;
}

/** Reading yields to timers and other peers after so much work. */
const TURN_MS = 10;

/** Reads the links of one peer. */
export class Receiver {
  readonly #ports: ReceiverPorts;
  #busyMs = 0;

  constructor(ports: ReceiverPorts) {
    this.#ports = ports;
  }

  /** Reads until the connection ends or the link is dropped. Never rejects. */
  async read(link: Link): Promise<void> {
    const { clock, isCurrent, event, fault } = this.#ports;
    while (isCurrent(link)) {
      let chunk: Uint8Array | undefined;
      try {
        chunk = await link.socket?.read();
      } catch (error) {
        return event(link, { type: "TcpConnectionFails", cause: lossOf(error) });
      }
      if (chunk === undefined) return event(link, { type: "TcpConnectionFails", cause: CLOSED });
      const beforeMs = clock.now();
      try {
        this.#receive(link, chunk);
      } catch (error) {
        fault(error);
        return event(link, internalFault(error));
      }
      await this.#yieldTurn(beforeMs);
    }
  }

  #receive(link: Link, chunk: Uint8Array): void {
    link.inbox.push(chunk);
    let last: SessionEvent["type"] | undefined;
    while (this.#ports.isCurrent(link)) {
      // What the machine was told alone can change what was agreed on.
      if (last !== "UpdateMsg") link.context = this.#ports.negotiated(link) ?? link.context;
      const event = this.#nextEvent(link);
      if (event === undefined) return;
      // One UPDATE tells the machine as much as all that came with it: the peer lives.
      if (event.type !== "UpdateMsg" || last !== "UpdateMsg") this.#ports.event(link, event);
      last = event.type;
    }
  }

  /** The one place where the peer's faults are caught. */
  #nextEvent(link: Link): SessionEvent | undefined {
    const { counters, notification, fault } = this.#ports;
    try {
      const { inbox, context } = link;
      if (!inbox.next(context.maxReceiveLength)) return undefined;
      const message = decodeFramed(inbox.bytes, inbox.from, inbox.to, context);
      counters.receive(message);
      if (message.type === "NOTIFICATION") notification(message);
      return eventOf(message);
    } catch (error) {
      const event = eventOfError(error);
      if (event.type === "InternalFault") fault(error);
      return event;
    }
  }

  /** Lets timers and other peers have a turn once this one has used up its own. */
  async #yieldTurn(beforeMs: number): Promise<void> {
    const { clock } = this.#ports;
    this.#busyMs += clock.now() - beforeMs;
    if (this.#busyMs < TURN_MS) return;
    this.#busyMs = 0;
    await sleep(clock);
  }
}
