/** What went over a peer's sessions, counted. */
import type { Message } from "./wire/message.ts";

/** Messages by type. */
export type MessageCounts = Readonly<Record<Message["type"], number>>;

/** The counters of a peer since the start; they survive its sessions. */
export interface Counters {
  readonly received: MessageCounts;
  readonly sent: MessageCounts;
  /** Prefixes that the peer announced; all of them were dropped. */
  readonly prefixesReceived: number;
  /** Prefixes that the peer withdrew. */
  readonly prefixesWithdrawn: number;
  /** UPDATEs with a fault that RFC 7606 survives. */
  readonly malformedUpdates: number;
}

/** Counters that count. */
export class MutableCounters implements Counters {
  readonly received: Record<Message["type"], number> = noMessages();
  readonly sent: Record<Message["type"], number> = noMessages();
  prefixesReceived = 0;
  prefixesWithdrawn = 0;
  malformedUpdates = 0;

  /** Counts a message of the peer's. */
  receive(message: Message): void {
    this.received[message.type]++;
    if (message.type !== "UPDATE") return;
    for (const { nlri } of message.reach) this.prefixesReceived += nlri.count;
    for (const { nlri } of message.unreach) this.prefixesWithdrawn += nlri.count;
    if (message.faults.length > 0) this.malformedUpdates++;
  }

  /** A copy that stands still. */
  snapshot(): Counters {
    const { prefixesReceived, prefixesWithdrawn, malformedUpdates } = this;
    return {
      received: { ...this.received },
      sent: { ...this.sent },
      prefixesReceived,
      prefixesWithdrawn,
      malformedUpdates,
    };
  }
}

function noMessages(): Record<Message["type"], number> {
  return { OPEN: 0, UPDATE: 0, NOTIFICATION: 0, KEEPALIVE: 0, "ROUTE-REFRESH": 0 };
}
