/** From the states of services to what should be: routes for the speaker, objects for the kernel. Pure. */
import type { Route } from "../bgp/routes/route.ts";
import type { IpvsConfig, PortConfig, ServiceConfig } from "../config/config.ts";
import {
  type DesiredInterface,
  type DesiredKernel,
  destinationKey,
  type VirtualService,
  type VirtualServiceId,
} from "../kernel/state.ts";
import { type Address, UNSPECIFIED } from "../net/address.ts";
import { IP_VS_SVC_F } from "../netlink/constants.ts";
import { isQuiesced } from "./phase.ts";
import { portName, type PortState, sorryEnd } from "./port_state.ts";
import type { ServiceFacts, ServiceState, ServiceWeights } from "./state.ts";
import { portWeights } from "./weights.ts";

/** The routes of every address of a service whose gates are all open. */
export function announcedRoutes({ routes }: ServiceState): readonly Route[] {
  const announced: Route[] = [];
  for (const { announce, route } of routes.values()) if (announce) announced.push(route);
  return announced;
}

/** The same of several. */
export function desiredRoutes(services: Iterable<ServiceState>): readonly Route[] {
  return [...services].flatMap(announcedRoutes);
}

/** Everything that the services need of the kernel; one that is quiesced keeps no destination of weight. */
export function desiredKernel(services: Iterable<ServiceState>): DesiredKernel {
  const interfaces: DesiredInterface[] = [];
  const virtualServices: VirtualService[] = [];
  const ownedAddresses: Address[] = [];
  const ownedFwmarks: VirtualServiceId[] = [];
  for (const { weights } of services) {
    interfaces.push(weights.link);
    for (const each of weights.virtualServices) virtualServices.push(each);
    for (const each of weights.link.addresses) ownedAddresses.push(each);
    for (const each of weights.link.fwmarks ?? []) ownedFwmarks.push(each);
  }
  return { interfaces, virtualServices, ownedAddresses, ownedFwmarks };
}

/** The virtual services of a port: one on each address of the service, or one for each family of its mark. */
export function idsOf(
  port: PortConfig,
  { addresses }: Pick<ServiceConfig, "addresses">,
): readonly VirtualServiceId[] {
  if (port.fwmark > 0) return fwmarksOf(port);
  return addresses.map((address) => ({ protocol: port.protocol, address, port: port.port, fwmark: 0 }));
}

/** The marks of a port, one for each family. */
export function fwmarksOf({ fwmark, protocol, families }: PortConfig): readonly VirtualServiceId[] {
  if (fwmark === 0) return [];
  return families.map((family) => ({ protocol, address: UNSPECIFIED[family], port: 0, fwmark }));
}

/** What a service needs of the kernel as of `now`; as it was `before`, where nothing of that is another one. */
export function serviceWeights(
  facts: Pick<ServiceFacts, "config" | "phase" | "ports" | "staleUntilMs">,
  before: Pick<ServiceState, "config" | "phase" | "ports" | "staleUntilMs" | "weights"> | undefined,
  now: number,
): ServiceWeights {
  const { config, ports, phase, staleUntilMs } = facts;
  const quiesced = isQuiesced(phase);
  const isSame = before?.config === config && before.ports === ports && now < before.weights.nextMs &&
    isQuiesced(before.phase) === quiesced && before.staleUntilMs === staleUntilMs;
  if (isSame) return before.weights;
  const goneOverMs = (sinceMs: number) => Math.max(sinceMs, staleUntilMs) + config.stop.convergeMs;
  let nextMs = Infinity;
  const virtualServices = config.ports.flatMap((port) => {
    const state = ports.get(portName(port)) ?? UNKNOWN_PORT;
    nextMs = Math.min(nextMs, sorryEnd(state));
    const byFamily = new Map(port.families.map((family) => {
      const weights = portWeights(port, state, { family, quiesced, now, goneOverMs });
      nextMs = Math.min(nextMs, weights.nextMs);
      return [family, weights.destinations];
    }));
    return idsOf(port, config).map((id): VirtualService => ({
      ...id,
      ...schedulingOf(port.ipvs, id.address.family),
      persistenceEngine: "",
      destinations: byFamily.get(id.address.family) ?? [],
    }));
  });
  const isKnown = before?.config === config;
  const known = isKnown ? before.weights.virtualServices : undefined;
  return {
    link: isKnown ? before.weights.link : linkOf(config),
    virtualServices: known !== undefined && isSameList(known, virtualServices) ? known : virtualServices,
    nextMs,
  };
}

/** The service as it is in another phase. */
export function inPhase(state: ServiceState, phase: ServiceState["phase"]): ServiceState {
  const facts = { ...state, phase };
  return { ...facts, weights: serviceWeights(facts, state, phase.sinceMs) };
}

/** The service as it is with its ports otherwise at `nowMs`. */
export function withPorts(
  state: ServiceState,
  other: (port: PortState) => PortState,
  nowMs: number,
): ServiceState {
  const ports = new Map([...state.ports].map(([name, port]) => [name, other(port)]));
  return { ...state, ports, weights: serviceWeights({ ...state, ports }, state, nowMs) };
}

function linkOf({ interface: name, name: service, addresses, ports }: ServiceConfig): DesiredInterface {
  return { name, service, addresses, fwmarks: ports.flatMap(fwmarksOf) };
}

const UNKNOWN_PORT = { destinations: new Map(), families: new Map() } as const;

/** Of one configuration: destinations and their weights alone may be others. */
function isSameList(some: readonly VirtualService[], others: readonly VirtualService[]): boolean {
  return some.every(({ destinations }, index) => {
    const other = others[index]?.destinations ?? [];
    return other.length === destinations.length && destinations.every((each, place) => {
      const it = other[place];
      return it?.weight === each.weight && destinationKey(it) === destinationKey(each);
    });
  });
}

function schedulingOf({ scheduler, flags, persistence }: IpvsConfig, family: 4 | 6) {
  return {
    scheduler,
    flags: serviceFlags(flags, persistence !== undefined),
    timeoutSeconds: persistence?.timeoutSeconds ?? 0,
    netmask: (family === 4 ? persistence?.netmask : persistence?.netmask6) ?? (family === 4 ? 32 : 128),
  };
}

function serviceFlags(names: readonly string[], persistent: boolean): number {
  const bits = names.map((name) => FLAG_BITS[name] ?? 0);
  return bits.reduce((flags, bit) => flags | bit, persistent ? IP_VS_SVC_F.PERSISTENT : 0);
}

/** The words of ipvsadm(8) and the configuration; the schema admits no others. */
const FLAG_BITS: Readonly<Record<string, number>> = {
  "ops": IP_VS_SVC_F.ONEPACKET,
  "sh-fallback": IP_VS_SVC_F.SCHED1,
  "sh-port": IP_VS_SVC_F.SCHED2,
  "mh-fallback": IP_VS_SVC_F.SCHED1,
  "mh-port": IP_VS_SVC_F.SCHED2,
};
