/** A kernel that has made exactly what is wanted, as it is read back. */
import {
  type ActualKernel,
  ADDRESS_AS_SET,
  type DesiredKernel,
  INTERFACE_AS_MADE,
  interfaceMark,
} from "../../src/kernel/state.ts";

/** What a kernel reads back that was given `desired`, with so many connections at each destination. */
export function madeKernel(
  { interfaces, virtualServices }: DesiredKernel,
  activeConnections = 0,
): ActualKernel {
  return {
    interfaces: interfaces.map(({ name, service, addresses }, index) => ({
      index,
      name,
      ...INTERFACE_AS_MADE,
      alias: interfaceMark(service),
      addresses: addresses.map((each) => {
        return { address: each, prefixLength: each.bytes.byteLength * 8, ...ADDRESS_AS_SET };
      }),
    })),
    virtualServices: virtualServices.map((service) => ({
      ...service,
      destinations: service.destinations.map((each) => ({
        ...each,
        activeConnections,
        inactiveConnections: 0,
      })),
    })),
  };
}
