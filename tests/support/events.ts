/** A stream of events that keeps what it was told. */
import type { AgentEvent, EventKind } from "../../src/events/event.ts";
import { EventStream } from "../../src/events/stream.ts";
import { logLines } from "../../src/events/log_line.ts";
import type { Clock } from "../../src/time/clock.ts";

/** Everything that happened, and the lines that the log would have. */
export class RecordedEvents {
  readonly stream: EventStream;
  readonly events: AgentEvent[] = [];

  constructor(clock: Pick<Clock, "now">) {
    this.stream = new EventStream(clock);
    this.stream.subscribe("test", (event) => void this.events.push(event));
  }

  /** The events of one kind. */
  of<K extends EventKind>(kind: K): (AgentEvent & { readonly kind: K })[] {
    return this.events.filter((event): event is AgentEvent & { readonly kind: K } => event.kind === kind);
  }

  /** `logger: message` of every line, details filled in. */
  get lines(): readonly string[] {
    return this.events.flatMap(linesOf);
  }
}

/** `logger: message` of each of an event's lines. */
export function linesOf(event: AgentEvent): readonly string[] {
  return logLines(event).map(({ logger, message, fields }) => {
    return `${logger}: ${message.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(fields[name]))}`;
  });
}

/** What a part tells of a fault of its own, where none may happen. */
export function noFault(cause: string): never {
  throw new Error(`a part threw: ${cause}`);
}
