/** From the states of services to what should be: routes for the speaker, objects for the kernel. Pure. */
import type { Route } from "../bgp/routes/route.ts";
import type { DesiredKernel, VirtualService } from "../kernel/state.ts";
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
    interfaces: states.map(({ config: { interface: name, name: service, addresses } }) => {
      return { name, service, addresses };
    }),
    virtualServices: states.flatMap(virtualServices),
    ownedAddresses: states.flatMap(({ config }) => config.addresses),
  };
}

function virtualServices({ config, phase }: ServiceState): readonly VirtualService[] {
  const quiesced = isQuiesced(phase);
  const { ipvs, ports, addresses } = config;
  return addresses.flatMap((address) =>
    ports.map(({ port, protocol, destinations }) => ({
      protocol,
      address,
      port,
      scheduler: ipvs.scheduler,
      flags: serviceFlags(ipvs.flags, ipvs.persistence !== undefined),
      timeoutSeconds: ipvs.persistence?.timeoutSeconds ?? 0,
      netmask: (address.family === 4 ? ipvs.persistence?.netmask : ipvs.persistence?.netmask6) ??
        address.bytes.byteLength * 8,
      destinations: destinations
        .filter((destination) => destination.address.family === address.family)
        .map((destination) => quiesced ? { ...destination, weight: 0 } : destination),
    }))
  );
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
