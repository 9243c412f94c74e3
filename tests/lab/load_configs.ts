/** The configurations that scenarios under load go over to, from the one that a host was started with. */
import { type AgentLaunch, type Host, launchWith } from "./host.ts";
import { addressesOf, agentConfig, hostServiceConfig, type LabService, type Topology } from "./topology.ts";

/** A destination of a virtual service, as it is configured. */
export interface LabDestination {
  readonly address: string;
  readonly port: number;
  readonly weight?: number;
}

/** What is another way than in the topology. */
export interface Variant {
  readonly gracefulRestart?: "off";
  /** The services, if not all of the topology. */
  readonly services?: readonly Record<string, unknown>[];
}

/** The host's configuration with `variant` in it. */
export function launchVariant(topology: Topology, host: Host, variant: Variant): AgentLaunch {
  const config = agentConfig(topology, host.node, host.placement.folder);
  const { gracefulRestart } = variant;
  const bgp = gracefulRestart === undefined
    ? config.bgp
    : { ...config.bgp, defaults: { ...config.bgp.defaults, gracefulRestart } };
  return launchWith({ ...config, bgp, services: variant.services ?? config.services });
}

/** A service of the host that leads to these destinations; with `udp` another port of that protocol does, too. */
export function serviceTo(
  host: Host,
  service: LabService,
  destinations: readonly LabDestination[],
  udp?: number,
): Record<string, unknown> {
  const tcp = { port: service.port, destinations };
  const ports = udp === undefined ? [tcp] : [tcp, { port: udp, protocol: "udp", destinations }];
  return { ...hostServiceConfig(service, host.node), ports };
}

/** The host's own application as a destination, over each of its families. */
export function ownDestinations({ node }: Host, weight = 1): LabDestination[] {
  return addressesOf(node).map((address) => ({ address, port: node.applicationPort, weight }));
}
