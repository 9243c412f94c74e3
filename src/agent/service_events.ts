/** What the services tell, as events of the agent. */
import type { AgentFact } from "../events/event.ts";
import type { ServiceTransition } from "../service/controller.ts";
import { type Leaving, leavingName, whatLeaves } from "../service/leaving.ts";

/** Something that leaves the kernel has moved on. */
export function leavingFact(leaving: Leaving): AgentFact {
  const { service, phase } = leaving;
  const cause = phase.drain?.reason ?? "";
  return { kind: "leaving", service, what: whatLeaves(leaving), to: leavingName(leaving), cause };
}

/** A service has changed. */
export function transitionFact(service: string, transition: ServiceTransition): AgentFact {
  const { cause } = transition;
  switch (transition.type) {
    case "route": {
      const { announce, degraded, address } = transition;
      return {
        kind: "route",
        service,
        address: address.text,
        to: degraded ? "degraded" : announce ? "announced" : "withdrawn",
        cause,
      };
    }
    case "phase":
      return { kind: "phase", service, from: transition.from, to: transition.to, cause };
    case "destination": {
      const { port, destination, live, weight } = transition;
      return {
        kind: "destination",
        service,
        port,
        destination,
        to: live ? "live" : "not live",
        weight,
        cause,
      };
    }
    case "fault":
      return { kind: "fault", part: "service", name: service, cause };
    default:
      return transition satisfies never;
  }
}
