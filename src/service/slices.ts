/** The kernel's state cut up by service, once for all of them, so that thousands of services stay linear. Pure. */
import type { ServiceConfig } from "../config/config.ts";
import type { ActualKernel } from "../kernel/state.ts";

/** What of `actual` concerns a service: its interface, and the virtual services on its addresses. */
export function slicesOf(actual: ActualKernel): (config: ServiceConfig) => ActualKernel {
  const interfaces = Map.groupBy(actual.interfaces, ({ name }) => name);
  const virtualServices = Map.groupBy(actual.virtualServices, ({ address }) => address.text);
  return (config) => ({
    interfaces: interfaces.get(config.interface) ?? [],
    virtualServices: config.addresses.flatMap(({ text }) => virtualServices.get(text) ?? []),
  });
}
