/** The ports of one service together, from event to event (src/service/destinations.ts has each alone). Pure. */
import type { PortConfig } from "../config/config.ts";
import type { ActualKernel } from "../kernel/state.ts";
import {
  continuedPort,
  type DestinationChange,
  destinationChanges,
  inheritedPort,
  kernelWeights,
  settledPort,
  toldPort,
} from "./destinations.ts";
import { type DestinationPlace, type DestinationVerdict, portName, type PortState } from "./port_state.ts";
import type { ServiceEntry, ServiceFacts } from "./state.ts";

type Ports = ServiceFacts["ports"];
type PortFacts = Pick<ServiceFacts, "config" | "ports">;

/** A destination of one of the ports is another one. */
export type DestinationTransition =
  & { readonly type: "destination"; readonly port: string }
  & DestinationChange;

/** The ports of `config`, each as it was known before, by its name. `there`: what the kernel has of them; undefined: nothing. */
export function continuedPorts(
  { config, saidOf }: Pick<ServiceEntry, "config" | "saidOf">,
  before: Ports,
  nowMs: number,
  there: ActualKernel | undefined,
): Ports {
  const ports = new Map(config.ports.map((port) => {
    const name = portName(port);
    const weights = there && kernelWeights(config, port, there);
    return [name, continuedPort(port, before.get(name), nowMs, saidOf, weights)];
  }));
  return settledPorts({ config, ports, actual: undefined }, nowMs);
}

/** As an earlier process left them. */
export function inheritedPorts({ config, ports }: PortFacts, actual: ActualKernel, nowMs: number): Ports {
  return withPorts({ config, ports }, (port, known) => inheritedPort(config, port, known, actual, nowMs));
}

/** A check of destinations has said something. */
export function toldPorts(
  facts: PortFacts,
  { places, verdict, cause, weight }: DestinationVerdict & { readonly places: readonly DestinationPlace[] },
): Ports {
  const byPort = Map.groupBy(places, ({ port }) => port);
  return withPorts(facts, (port, known) => {
    const own = byPort.get(portName(port)) ?? [];
    return own.reduce((before, place) => toldPort(before, place, { verdict, cause, weight }), known);
  });
}

/** What follows from what is known now. */
export function settledPorts(
  { config, ports, actual }: PortFacts & Pick<ServiceFacts, "actual">,
  nowMs: number,
): Ports {
  const facts = { actual, limitMs: config.stop.quiesceMs };
  return withPorts({ config, ports }, (port, state) => settledPort(port, state, facts, nowMs));
}

/** What is another one of the destinations between two states. */
export function destinationTransitions(
  { ports: before }: PortFacts,
  { config, ports }: PortFacts,
): readonly DestinationTransition[] {
  if (before === ports) return [];
  return config.ports.flatMap((port) => {
    const name = portName(port);
    const state = ports.get(name);
    const changes = state === undefined ? [] : destinationChanges(port, before.get(name), state);
    return changes.map((change) => ({ type: "destination", port: name, ...change } as const));
  });
}

/** Every port as `next` has it; the same map where each one is the same. */
function withPorts(
  { config, ports }: PortFacts,
  next: (port: PortConfig, state: PortState) => PortState,
): Ports {
  const moved = config.ports.flatMap((port): readonly (readonly [string, PortState])[] => {
    const name = portName(port);
    const state = ports.get(name);
    const after = state && next(port, state);
    return after === undefined || after === state ? [] : [[name, after]];
  });
  return moved.length === 0 ? ports : new Map([...ports, ...moved]);
}
