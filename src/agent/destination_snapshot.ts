/** The virtual services of a service as the status tells them: what is configured and known beside what the kernel has. */
import type { DestinationConfig, PortConfig, TunnelConfig } from "../config/config.ts";
import {
  type ActualDestination,
  type ActualVirtualService,
  destinationKey,
  type VirtualServiceId,
  virtualServiceKey,
} from "../kernel/state.ts";
import { idsOf } from "../service/desired.ts";
import { portName, type PortState } from "../service/port_state.ts";
import { mayLackQuorum } from "../service/quorum.ts";
import type { ServiceState } from "../service/state.ts";
import {
  destinationsOf,
  fullWeight,
  quorumNeeds,
  standingCause,
  standingOf,
  weightSums,
} from "../service/weights.ts";
import type { DestinationStatus, VirtualServiceStatus } from "../status/status.ts";

/** The ISO 8601 wall time of a moment on the monotonic scale. */
type When = (ms: number) => string;

/** Those that are configured, as far as they are of any consequence here, then what else there is on the service's addresses. */
export function virtualServiceStatuses(
  { config, managed, ports, actual }: ServiceState,
  when: When,
): readonly VirtualServiceStatus[] {
  const present = new Map((actual?.virtualServices ?? []).map((each) => [virtualServiceKey(each), each]));
  const configured = config.ports.filter((port) => managed.ipvs || mayLackQuorum(port)).flatMap((port) => {
    const state = ports.get(portName(port));
    return state === undefined ? [] : idsOf(port, config).map((id) => {
      const key = virtualServiceKey(id);
      const found = present.get(key);
      present.delete(key);
      return configuredService({ port, state, id, found }, when);
    });
  });
  return [...configured, ...[...present.values()].map(otherService)];
}

interface View {
  readonly port: PortConfig;
  readonly state: PortState;
  readonly id: VirtualServiceId;
  readonly found: ActualVirtualService | undefined;
}

function configuredService({ port, state, id, found }: View, when: When): VirtualServiceStatus {
  const { family } = id.address;
  const left = new Map((found?.destinations ?? []).map((each) => [destinationKey(each), each]));
  const destinations = destinationsOf(port, family).map((config) => {
    const key = destinationKey(config);
    const there = left.get(key);
    left.delete(key);
    return configuredDestination({ port, config, state, there }, when);
  });
  const { live, total } = weightSums(port, state, family);
  const held = state.families.get(family)?.quorum ?? false;
  const needs = quorumNeeds(port, held);
  return {
    ...idStatus(id),
    scheduler: port.ipvs.scheduler,
    quorum: mayLackQuorum(port) ? { held, live, total, needs } : undefined,
    destinations: [...destinations, ...[...left.values()].map((each) => otherDestination(each, port))],
  };
}

function otherService(service: ActualVirtualService): VirtualServiceStatus {
  const { scheduler, destinations } = service;
  return {
    ...idStatus(service),
    scheduler,
    quorum: undefined,
    destinations: destinations.map((each) => otherDestination(each, undefined)),
  };
}

function idStatus({ protocol, address, port, fwmark }: VirtualServiceId) {
  return { protocol, address: address.text, port, fwmark, family: address.family };
}

interface DestinationView {
  readonly port: PortConfig;
  readonly config: DestinationConfig;
  readonly state: PortState;
  readonly there: ActualDestination | undefined;
}

function configuredDestination(
  { port, config, state, there }: DestinationView,
  when: When,
): DestinationStatus {
  const known = state.destinations.get(destinationKey(config));
  const { verdict, weight } = standingOf(config, known);
  return {
    ...fieldsOf(config),
    role: "configured",
    configuredWeight: config.weight,
    fullWeight: fullWeight(port, weight),
    ...countsOf(there),
    live: known?.live ?? false,
    verdict,
    cause: standingCause(config, known),
    since: known === undefined ? undefined : when(known.sinceMs),
  };
}

/** The sorry destination, or one that is on its way out. */
function otherDestination(there: ActualDestination, port: PortConfig | undefined): DestinationStatus {
  const isSorry = port?.sorry.some((each) => destinationKey(each) === destinationKey(there)) === true;
  return {
    ...fieldsOf(there),
    role: isSorry ? "sorry" : "leaving",
    configuredWeight: undefined,
    fullWeight: undefined,
    ...countsOf(there),
    live: false,
    verdict: undefined,
    cause: isSorry ? "takes what comes while no other one is live" : "is not configured any more",
    since: undefined,
  };
}

function countsOf(there: ActualDestination | undefined) {
  return {
    weight: there?.weight,
    activeConnections: there?.activeConnections ?? 0,
    inactiveConnections: there?.inactiveConnections ?? 0,
  };
}

function fieldsOf(
  { address, port, forwarding, tunnel, upperThreshold, lowerThreshold }: Omit<DestinationConfig, "checks">,
) {
  const known: TunnelConfig | undefined = tunnel;
  return { address: address.text, port, forwarding, tunnel: known, upperThreshold, lowerThreshold };
}
