/** Tells of connections that come to nothing: outsiders cause them in any number, so what repeats itself is an event with a count. */
import type { Address } from "../net/address.ts";
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";
import { Repeats } from "../time/repeats.ts";
import type { SpeakerEvent } from "./speaker_event.ts";
import type { Endpoint, RefusalReason } from "./transport/transport.ts";

/** Those of one speaker. */
export class RefusedConnections implements Disposable {
  readonly #refused: Repeats<{ readonly remote: Endpoint; readonly reason: RefusalReason }>;
  readonly #faults: Repeats<Omit<Extract<SpeakerEvent, { type: "accept-failed" }>, "type" | "count">>;

  constructor(clock: Clock, tell: (event: SpeakerEvent) => void) {
    function counting<T>(eventOf: (first: T, count: number) => SpeakerEvent): Repeats<T> {
      const more = (first: T, count: number) => tell(eventOf(first, count));
      return new Repeats(clock, { once: (item) => more(item, 1), more });
    }
    this.#refused = counting(({ remote: { address, port }, reason }, count) => {
      return { type: "connection-refused", address: address.text, port, reason, count };
    });
    this.#faults = counting((fault, count) => ({ type: "accept-failed", ...fault, count }));
  }

  [Symbol.dispose](): void {
    this.#refused[Symbol.dispose]();
    this.#faults[Symbol.dispose]();
  }

  /** One was closed, or rejected. What calls for another cure is told apart. */
  refused(remote: Endpoint, reason: RefusalReason): void {
    const { type: _, ttl: _ttl, ...words } = { ttl: undefined, ...reason };
    this.#refused.note([reason.type, ...Object.values(words)].join(" "), { remote, reason });
  }

  /** What came to a listener could not be taken, for a reason of ours. */
  failed({ text }: Address, port: number, error: unknown): void {
    this.#faults.note(`${text} ${port}`, { address: text, port, cause: messageOf(error) });
  }
}
