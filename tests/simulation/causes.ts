/**
 * What the events of one process say of their causes: each names one before it where it has one, a route names the verdict
 * that changed it, and what is on its way out names what sent it there, back to an order or a reload.
 */
import type { AgentEvent } from "../../src/events/event.ts";

/** Judges the events of one process. */
export class Causes {
  readonly #events = new Map<number, AgentEvent>();
  /** What was last said of a route, by service and address. */
  readonly #routes = new Map<string, string>();
  /** Of this moment. */
  #verdicts: readonly AgentEvent[] = [];
  /** Services that an earlier process had drained: their way out has no order here. */
  readonly #restored: Set<string>;

  constructor(restored: readonly string[]) {
    this.#restored = new Set(restored);
  }

  /** What is wrong with `event`; undefined: nothing. */
  wrongWith(event: AgentEvent): string | undefined {
    const { id, kind, cause, because } = event;
    this.#events.set(id, event);
    if (kind === "verdict") this.#verdicts = [...this.#verdicts.filter(({ at }) => at === event.at), event];
    if (cause === "") return `event ${id} (${kind}) has none`;
    if (because !== undefined && (because >= id || !this.#events.has(because))) {
      return `event ${id} came of ${because}, which was not there`;
    }
    switch (kind) {
      case "route":
        return this.#wrongRoute(event);
      case "reload":
        return this.#unordered(event);
      case "drained":
        // An order for all leaves those alone that have one of their own.
        for (const name of event.services ?? []) this.#restored.delete(name);
        return this.#unordered(event);
      case "undrained":
        for (const name of event.services ?? [...this.#restored]) this.#restored.delete(name);
        return cause === "the time is over" ? undefined : this.#unordered(event);
      case "phase":
        // Whoever stops it by a signal gives no order.
        return cause === "stopping" || this.#restored.has(event.service) ? undefined : this.#unordered(event);
      case "leaving":
        // An earlier process left it.
        return cause === "the configuration does not have it" ? undefined : this.#unordered(event);
      default:
        return undefined;
    }
  }

  /** Whether `event` came of the one with this ID, by however many steps. */
  comesOf(event: AgentEvent, id: number): boolean {
    for (let each = this.#causeOf(event); each !== undefined; each = this.#causeOf(each)) {
      if (each.id === id) return true;
    }
    return false;
  }

  #causeOf({ because }: AgentEvent): AgentEvent | undefined {
    return because === undefined ? undefined : this.#events.get(because);
  }

  #wrongRoute(route: Extract<AgentEvent, { kind: "route" }>): string | undefined {
    const key = `${route.service} ${route.address}`;
    const last = this.#routes.get(key);
    this.#routes.set(key, route.to);
    // What comes as degraded tells why it is that, and not what let it come.
    if (route.to === "degraded" && last !== "announced") return undefined;
    const verdicts = this.#verdicts.filter((each) => isVerdictFor(each, route));
    const own = verdicts.filter((each) => "service" in each && each.service === route.service);
    // A check that several services have speaks in the name of the first one.
    if (own.length === 0 || verdicts.some(({ id }) => id === route.because)) return undefined;
    return `event ${route.id} does not name the verdict that it came of, ${own.at(-1)?.id}`;
  }

  #unordered(event: AgentEvent): string | undefined {
    let first = event;
    for (let each = this.#causeOf(event); each !== undefined; each = this.#causeOf(each)) first = each;
    if (first.kind === "order" || first.kind === "reload") return undefined;
    if (first !== event && first.kind === "undrained") return undefined;
    return `event ${event.id} (${event.kind}) comes of no order`;
  }
}

/** The verdict was given in the same moment, in the route's own words. */
function isVerdictFor(event: AgentEvent, { at, to, cause }: Extract<AgentEvent, { kind: "route" }>) {
  if (event.kind !== "verdict" || event.at !== at) return false;
  return to === "announced"
    ? event.to === "healthy" && cause === `${event.check}: ${event.cause}`
    : event.to === "unhealthy" && cause.includes(event.cause);
}
