/** From the states of services to what should be: routes for the speaker, objects for the kernel. Pure. */
import type { Route } from "../bgp/routes/route.ts";
import type { IpvsConfig, PortConfig, ServiceConfig } from "../config/config.ts";
import { reachableFrom } from "../config/families.ts";
import type { DesiredKernel, VirtualService, VirtualServiceId } from "../kernel/state.ts";
import { UNSPECIFIED } from "../net/address.ts";
import { IP_VS_SVC_F } from "../netlink/constants.ts";
import { isQuiesced } from "./phase.ts";
import type { ServiceState } from "./state.ts";

/** The routes of every address whose gates are all open. */
export function desiredRoutes(services: Iterable<ServiceState>): readonly Route[] {
  return [...services].flatMap(({ routes }) =>
    [...routes.values()].filter(({ announce }) => announce).map(({ route }) => route)
  );
}

/** Everything that the services need of the kernel; one that is quiesced keeps no destination of weight. */
export function desiredKernel(services: Iterable<ServiceState>): DesiredKernel {
  const states = [...services];
  return {
    interfaces: states.map(({ config: { interface: name, name: service, addresses, ports } }) => {
      return { name, service, addresses, fwmarks: ports.flatMap(fwmarksOf) };
    }),
    virtualServices: states.flatMap(virtualServices),
    ownedAddresses: states.flatMap(({ config }) => config.addresses),
    ownedFwmarks: states.flatMap(({ config }) => config.ports.flatMap(fwmarksOf)),
  };
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

/** What a virtual service of `port` sends to: destinations of its own family, or the other family's tunnels where there are none. */
export function destinationsOf(port: PortConfig, family: 4 | 6): PortConfig["destinations"] {
  return reachableFrom(family, port.destinations);
}

function virtualServices({ config, phase }: ServiceState): readonly VirtualService[] {
  const quiesced = isQuiesced(phase);
  return config.ports.flatMap((port) =>
    idsOf(port, config).map((id) => ({
      ...id,
      ...schedulingOf(port.ipvs, id.address.family),
      persistenceEngine: "",
      destinations: destinationsOf(port, id.address.family)
        .map(({ checks: _, ...destination }) => quiesced ? { ...destination, weight: 0 } : destination),
    }))
  );
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
