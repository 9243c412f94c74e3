/** What the speaker tells, as events of the agent. */
import type { SpeakerEvent } from "../bgp/speaker.ts";
import type { AgentFact } from "../events/event.ts";
import { refusalText } from "../status/refusal_text.ts";

/** The event that the speaker's one is. */
export function factOf(event: SpeakerEvent): AgentFact {
  switch (event.type) {
    case "peer-state": {
      const { type: kind, peer, from, to, cause } = event;
      return { kind, peer, from, to, cause };
    }
    case "session-ended": {
      const { type: kind, peer, from, cause } = event;
      return { kind, peer, from, cause };
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
      return { kind, address, port, count, cause: refusalText(reason) };
    }
    case "peer-fault":
      return { kind: "fault", part: "bgp", name: event.peer, cause: event.cause };
    default:
      return event satisfies never;
  }
}
