/** What the speaker tells, as events of the agent, each with the one of the same peer that led to it. */
import type { SpeakerEvent } from "../bgp/speaker.ts";
import type { AgentEvent, AgentFact } from "../events/event.ts";
import type { EventStream } from "../events/stream.ts";
import { attemptWords } from "../status/attempt_words.ts";
import { refusalText } from "../status/refusal_text.ts";

/** Publishes what the speaker tells. What a peer's machine does in one step comes in a row, and names what led to it. */
export class SpeakerEvents {
  readonly #events: EventStream;
  /** The newest event of the speaker, and what more of the same step is caused by. */
  #last: { readonly event: AgentEvent; readonly leader: number | undefined } | undefined;

  constructor(events: EventStream) {
    this.#events = events;
  }

  publish(happened: SpeakerEvent): void {
    const told = factOf(happened);
    const leader = this.#leaderOf(told);
    const fact = leader === undefined ? told : this.#withMeaning(told);
    const event = this.#events.publish(fact, leader);
    const established = event.kind === "peer-state" && event.to === "Established";
    this.#last = { event, leader: established ? event.id : leader };
  }

  /** A state that an attempt led to by its end means what that does. */
  #withMeaning(fact: AgentFact): AgentFact {
    const before = this.#last?.event;
    if (fact.kind !== "peer-state" || before?.kind !== "session-ended" || before.means === undefined) {
      return fact;
    }
    const { means, cure = "" } = before;
    return { ...fact, means, cure };
  }

  /** ID of the event that led to `fact`; undefined where it is not the speaker's to know. */
  #leaderOf(fact: AgentFact): number | undefined {
    if (this.#last === undefined || this.#last.event.id !== this.#events.newest) return undefined;
    const { event: before, leader } = this.#last;
    if (!("peer" in before) || !("peer" in fact) || before.peer !== fact.peer) return undefined;
    switch (fact.kind) {
      case "session-ended":
        return before.kind === "notification-received" || before.kind === "notification-sent"
          ? before.id
          : undefined;
      case "peer-state":
        return before.kind === "session-ended" && before.cause === fact.cause ? before.id : undefined;
      // What a session that came up is told first.
      case "updates-sent":
      case "end-of-rib-sent":
      case "routes-held":
        return before.kind === "session-ended" ? undefined : leader;
      default:
        return undefined;
    }
  }
}

/** The event that the speaker's one is. */
export function factOf(event: SpeakerEvent): AgentFact {
  switch (event.type) {
    case "peer-state": {
      const { type: kind, peer, from, to, cause } = event;
      return { kind, peer, from, to, cause };
    }
    case "session-ended": {
      const { type: kind, peer, from, cause, attempt } = event;
      const words = attempt && attemptWords({ name: peer, ...attempt });
      if (words === undefined) return { kind, peer, from, cause };
      return { kind, peer, from, cause, means: words.sentence, cure: words.cure };
    }
    case "updates-sent": {
      const { type: kind, peer, announced, withdrawn } = event;
      return { kind, peer, announced, withdrawn, cause: "the routes of this peer changed" };
    }
    case "end-of-rib-sent":
      return { kind: event.type, peer: event.peer, cause: "every route that there will be is sent" };
    case "routes-held": {
      const { type: kind, peer, count, held } = event;
      return { kind, peer, count, held, cause: held[0]?.reason ?? "none is held any more" };
    }
    case "peer-stuck": {
      const { type: kind, peer, stuck, cause } = event;
      return { kind, peer, stuck, cause };
    }
    case "peer-discovered": {
      const { type: kind, peer, address, cause } = event;
      return { kind, peer, address, cause };
    }
    case "next-hop-shortened": {
      const { type: kind, peer, cause } = event;
      return { kind, peer, cause };
    }
    case "notification-received":
    case "notification-sent": {
      const { type: kind, peer, code, subcode, text: cause } = event;
      return { kind, peer, code, subcode, cause };
    }
    case "listen-failed": {
      const { address, port, cause } = event;
      return { kind: "listener", address, port, to: "failed", cause };
    }
    case "listening": {
      const { address, port } = event;
      return { kind: "listener", address, port, to: "listening", cause: "the address is there" };
    }
    case "accept-failed": {
      const { type: kind, address, port, count, cause } = event;
      return { kind, address, port, count, cause };
    }
    case "connection-refused": {
      const { type: kind, address, port, count, reason } = event;
      return { kind, address, port, reason: reason.type, count, cause: refusalText(reason) };
    }
    case "peer-fault":
      return { kind: "fault", part: "bgp", name: event.peer, cause: event.cause };
    default:
      return event satisfies never;
  }
}
