/**
 * The one stream of events: whoever has a fact publishes it, readers are told in the same turn, in order. No reader
 * can hold up or break another one, or the part that publishes.
 */
import type { Clock } from "../time/clock.ts";
import { type AgentEvent, type AgentFact, isBulk } from "./event.ts";
import { messageOf } from "../text/error_message.ts";

/** Is told of every event. What it throws becomes an event, told to the others. */
export type EventReader = (event: AgentEvent) => void;

/** The stream of one agent. */
export class EventStream {
  readonly #clock: Pick<Clock, "now">;
  readonly #readers = new Map<EventReader, string>();
  /** Those of them who are told now: thousands of events a second make no list each. */
  #told: readonly (readonly [EventReader, string])[] = [];
  readonly #waiting: { readonly event: AgentEvent; readonly except: EventReader | undefined }[] = [];
  #last = 0;
  #held = 0;
  /** What is published now is caused by the event of this ID. */
  #because: number | undefined;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** ID of the newest event; 0 before the first. */
  get newest(): number {
    return this.#last;
  }

  /** Tells `reader` of every event from now on; `name` is what a fault of it is called. Disposing ends that. */
  subscribe(name: string, reader: EventReader): Disposable {
    this.#readers.set(reader, name);
    this.#told = [...this.#readers];
    return {
      [Symbol.dispose]: () => {
        if (this.#readers.delete(reader)) this.#told = [...this.#readers];
      },
    };
  }

  /**
   * Tells every reader. What is published by a reader meanwhile comes after.
   * @param because ID of the event that caused this one; default: the one that is `causing` it
   */
  publish(fact: AgentFact, because: number | undefined = this.#because): AgentEvent {
    const event = this.#identified(fact, because);
    this.#waiting.push({ event, except: undefined });
    this.#tell();
    return event;
  }

  /**
   * Publishes `fact` and does the `work` that it leads to: what is published in that names it as its cause, and readers are
   * told of it all when the work is done.
   */
  causing<T>(fact: AgentFact, work: (event: AgentEvent) => T): T {
    return this.ahead(() => {
      const event = this.publish(fact);
      return this.because(event.id, () => work(event));
    });
  }

  /** Does the `work` that the event of this ID led to: what is published in it names that as its cause. */
  because<T>(id: number, work: () => T): T {
    const outer = this.#because;
    this.#because = id;
    try {
      return work();
    } finally {
      this.#because = outer;
    }
  }

  /** Does `work` before any reader is told of what is published in it: a route does not wait for the words about it. */
  ahead<T>(work: () => T): T {
    this.#held++;
    try {
      return work();
    } finally {
      this.#held--;
      this.#tell();
    }
  }

  #identified(fact: AgentFact, because: number | undefined): AgentEvent {
    const id = isBulk(fact.kind) ? 0 : ++this.#last;
    const at = this.#clock.now();
    return because === undefined ? { ...fact, id, at } : { ...fact, id, at, because };
  }

  #tell(): void {
    if (this.#held > 0) return;
    this.#held++;
    const outer = this.#because;
    // What readers publish has causes of its own.
    this.#because = undefined;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        for (const [reader, name] of this.#told) {
          if (reader !== next.except) this.#tellOne(reader, name, next.event);
        }
      }
    } finally {
      this.#held--;
      this.#because = outer;
    }
  }

  /** A fault of a reader is never told to itself: it might break over that, too. */
  #tellOne(reader: EventReader, name: string, event: AgentEvent): void {
    try {
      reader(event);
    } catch (error) {
      if (event.kind === "fault" && event.part === "reader") return;
      const fault: AgentFact = { kind: "fault", part: "reader", name, cause: messageOf(error) };
      this.#waiting.push({ event: this.#identified(fault, event.id), except: reader });
    }
  }
}
