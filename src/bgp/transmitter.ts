/** The writing side of a peer: messages are encoded, counted and handed to sockets, and the machine hears what became of them. */
import type { Clock } from "../time/clock.ts";
import type { MutableCounters } from "./counters.ts";
import { internalFault } from "./session/session_events.ts";
import type { SessionEvent } from "./session/session_state.ts";
import { grouped } from "./transport/grouped.ts";
import type { Link } from "./transport/link.ts";
import { encodeMessage, type Message } from "./wire/message.ts";
import type { NotificationMessage } from "./wire/notification.ts";

/** What writing needs and tells. */
export interface TransmitterPorts {
  readonly clock: Clock;
  readonly counters: MutableCounters;
  /** Whether the link is still one of the peer's. */
  isCurrent(link: Link): boolean;
  event(link: Link, event: SessionEvent): void;
  notification(message: NotificationMessage): void;
  /** The socket of a link has taken all UPDATEs. */
  updatesTaken(link: Link): void;
  /** Something of ours threw. */
  fault(error: unknown): void;
}

/** Where a write failed and reading does not tell why, the session ends after so long. */
const SILENT_FAILURE_MS = 1000;

/** Writes to the links of one peer. */
export class Transmitter {
  readonly #ports: TransmitterPorts;

  constructor(ports: TransmitterPorts) {
    this.#ports = ports;
  }

  /** Hands a message to the socket in this turn. Never rejects. */
  async send(link: Link, message: Message): Promise<void> {
    const { counters, notification, fault, event } = this.#ports;
    // Where the socket takes nothing, one KEEPALIVE in waiting is enough.
    if (message.type === "KEEPALIVE" && link.keepingAlive) return;
    try {
      const bytes = encodeMessage(message, link.context);
      counters.sent[message.type]++;
      if (message.type === "KEEPALIVE") link.keepingAlive = true;
      const write = link.write(bytes);
      // It is on its way: only now there is time for words about it.
      if (message.type === "NOTIFICATION") notification(message);
      const taken = await write;
      if (message.type === "KEEPALIVE") link.keepingAlive = false;
      this.#afterWrite(link, taken, false);
    } catch (error) {
      fault(error);
      event(link, internalFault(error));
    }
  }

  /** Hands UPDATEs, and ROUTE-REFRESH markers among them, to the socket in this turn. Never rejects. */
  async sendUpdates(link: Link, messages: readonly Uint8Array[], refreshMarkers: number): Promise<void> {
    const { counters, updatesTaken, fault, event } = this.#ports;
    counters.sent.UPDATE += messages.length - refreshMarkers;
    counters.sent["ROUTE-REFRESH"] += refreshMarkers;
    try {
      link.updating = true;
      for (const bytes of grouped(messages)) {
        const taken = await link.write(bytes);
        if (!this.#afterWrite(link, taken, true)) return;
      }
      link.updating = false;
      updatesTaken(link);
    } catch (error) {
      fault(error);
      event(link, internalFault(error));
    }
  }

  /** Tells the machine of a write that the socket took; false where the link is of no use any more. */
  #afterWrite(link: Link, taken: boolean, update: boolean): boolean {
    const { isCurrent, event } = this.#ports;
    if (!isCurrent(link)) return false;
    if (taken) event(link, { type: "MessageSent", update });
    else this.#endAfterFailedWrite(link);
    return taken && isCurrent(link);
  }

  /** Reading mostly tells why, after what the peer said last; what was not sent is missing in the stream in any case. */
  #endAfterFailedWrite(link: Link): void {
    const { clock, isCurrent, event } = this.#ports;
    link.failing ??= clock.at(clock.now() + SILENT_FAILURE_MS, () => {
      if (isCurrent(link)) event(link, { type: "TcpConnectionFails", cause: "a write failed" });
    });
  }
}
