/**
 * The one stream of events: whoever has a fact publishes it, readers are told in the same turn, in order. No reader
 * can hold up or break another one, or the part that publishes.
 */
import type { Clock } from "../time/clock.ts";
import type { AgentEvent, AgentFact } from "./event.ts";
import { messageOf } from "../text/error_message.ts";

/** Is told of every event. What it throws becomes an event, told to the others. */
export type EventReader = (event: AgentEvent) => void;

/** The stream of one agent. */
export class EventStream {
  readonly #clock: Pick<Clock, "now">;
  readonly #readers = new Map<EventReader, string>();
  readonly #waiting: { readonly event: AgentEvent; readonly except: EventReader | undefined }[] = [];
  #telling = false;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Tells `reader` of every event from now on; `name` is what a fault of it is called. Disposing ends that. */
  subscribe(name: string, reader: EventReader): Disposable {
    this.#readers.set(reader, name);
    return { [Symbol.dispose]: () => void this.#readers.delete(reader) };
  }

  /** Tells every reader. What is published by a reader meanwhile comes after. */
  publish(fact: AgentFact): void {
    this.#tell({ ...fact, at: this.#clock.now() }, undefined);
  }

  #tell(first: AgentEvent, except: EventReader | undefined): void {
    this.#waiting.push({ event: first, except });
    if (this.#telling) return;
    this.#telling = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        for (const [reader, name] of [...this.#readers]) {
          if (reader !== next.except) this.#tellOne(reader, name, next.event);
        }
      }
    } finally {
      this.#telling = false;
    }
  }

  /** A fault of a reader is never told to itself: it might break over that, too. */
  #tellOne(reader: EventReader, name: string, event: AgentEvent): void {
    try {
      reader(event);
    } catch (error) {
      if (event.kind === "fault" && event.part === "reader") return;
      const fault: AgentFact = { kind: "fault", part: "reader", name, cause: messageOf(error) };
      this.#tell({ ...fault, at: this.#clock.now() }, reader);
    }
  }
}
