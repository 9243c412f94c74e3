/** The kernel's state cut up by service, once for all of them, so that thousands of services stay linear. Pure. */
import type { ServiceConfig } from "../config/config.ts";
import { fwmarksOf } from "./desired.ts";
import type { Refusal } from "../kernel/refusal.ts";
import { type ActualKernel, type VirtualServiceId, virtualServiceKey } from "../kernel/state.ts";

/** What of `actual` concerns a service: its interface, and the virtual services on its addresses. */
export function slicesOf(actual: ActualKernel): (config: ServiceConfig) => ActualKernel {
  const interfaces = Map.groupBy(actual.interfaces, ({ name }) => name);
  const virtualServices = Map.groupBy(actual.virtualServices, placeOf);
  return (config) => ({
    interfaces: interfaces.get(config.interface) ?? [],
    virtualServices: placesOf(config).flatMap((place) => virtualServices.get(place) ?? []),
  });
}

/** What of `refusals` concerns a service: those of its objects, and those of no object. */
export function refusalsBySlice(refusals: readonly Refusal[]): (config: ServiceConfig) => readonly Refusal[] {
  if (refusals.length === 0) return () => refusals;
  const byObject = Map.groupBy(refusals, ({ interface: name, virtualService }) => {
    return virtualService === undefined ? `interface ${name ?? ""}` : placeOf(virtualService);
  });
  return (config) =>
    [`interface ${config.interface}`, "interface ", ...placesOf(config)]
      .flatMap((place) => byObject.get(place) ?? []);
}

/** The address or the mark of a virtual service: what has one owner. */
export function placeOf(service: VirtualServiceId): string {
  return service.fwmark > 0 ? virtualServiceKey(service) : service.address.text;
}

function placesOf({ addresses, ports }: ServiceConfig): readonly string[] {
  const marks = ports.flatMap(fwmarksOf);
  return [...addresses.map(({ text }) => text), ...marks.map(virtualServiceKey)];
}
