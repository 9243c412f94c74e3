/** The kernel's state cut up by service, once for all of them, so that thousands of services stay linear. Pure. */
import { isRecord } from "../bytes/json.ts";
import type { ServiceConfig } from "../config/config.ts";
import { fwmarksOf } from "./desired.ts";
import type { Refusal } from "../kernel/refusal.ts";
import { type ActualKernel, type VirtualServiceId, virtualServiceKey } from "../kernel/state.ts";

/** What of `actual` concerns a service: its interface, and the virtual services on its addresses. */
export function slicesOf(actual: ActualKernel): (config: ServiceConfig) => ActualKernel {
  return slicesBy(actual.interfaces, actual.virtualServices);
}

/** The same for some services, of which little is made where they are few. */
export function slicesOfSome(
  { interfaces, virtualServices }: ActualKernel,
  configs: readonly ServiceConfig[],
): (config: ServiceConfig) => ActualKernel {
  const links = new Set(configs.map((config) => config.interface));
  const places = new Set(configs.flatMap(placesOf));
  return slicesBy(
    interfaces.filter(({ name }) => links.has(name)),
    virtualServices.filter((each) => places.has(placeOf(each))),
  );
}

function slicesBy(
  links: ActualKernel["interfaces"],
  services: ActualKernel["virtualServices"],
): (config: ServiceConfig) => ActualKernel {
  const interfaces = Map.groupBy(links, ({ name }) => name);
  const virtualServices = Map.groupBy(services, placeOf);
  return (config) => ({
    interfaces: interfaces.get(config.interface) ?? [],
    virtualServices: placesOf(config).flatMap((place) => virtualServices.get(place) ?? []),
  });
}

/** Everything of the kernel that may concern a service, by where it is. */
export function spotsOf(config: ServiceConfig): readonly string[] {
  return [`interface ${config.interface}`, ...placesOf(config)];
}

/** Where something is another one: what is the same object is not looked into. */
export function changedSpots(before: ActualKernel, after: ActualKernel): ReadonlySet<string> {
  const spots = new Set<string>();
  if (before.interfaces !== after.interfaces) {
    for (const { name } of unshared(before.interfaces, after.interfaces)) spots.add(`interface ${name}`);
  }
  if (before.virtualServices !== after.virtualServices) {
    for (const each of unshared(before.virtualServices, after.virtualServices)) spots.add(placeOf(each));
  }
  return spots;
}

/** The objects that are in one of two lists alone. */
function unshared<T>(before: readonly T[], after: readonly T[]): readonly T[] {
  const gone = new Set(before);
  const come = after.filter((each) => !gone.delete(each));
  return [...gone, ...come];
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

/** What of a service's slice is not what it was: nothing, the number of connections alone, or something else. */
export type SliceChange = "none" | "counts" | "other";

/** Compares two slices. What is the same object is not looked into. */
export function sliceChange(before: ActualKernel, after: ActualKernel): SliceChange {
  const links = listChange(before.interfaces, after.interfaces);
  return links === "other" ? links : listChange(before.virtualServices, after.virtualServices);
}

const COUNTS: ReadonlySet<string> = new Set(["activeConnections", "inactiveConnections"]);

function valueChange(before: unknown, after: unknown): SliceChange {
  if (Object.is(before, after)) return "none";
  if (Array.isArray(before) && Array.isArray(after)) return listChange(before, after);
  if (!isRecord(before) || !isRecord(after)) return "other";
  // An address is its text.
  if (typeof before.text === "string") return before.text === after.text ? "none" : "other";
  let change: SliceChange = "none";
  let keys = 0;
  for (const key in before) {
    keys++;
    const own = valueChange(before[key], after[key]);
    if (own === "none") continue;
    if (own === "other" && !COUNTS.has(key)) return "other";
    change = "counts";
  }
  return Object.keys(after).length === keys ? change : "other";
}

function listChange(before: readonly unknown[], after: readonly unknown[]): SliceChange {
  if (before === after) return "none";
  if (before.length !== after.length) return "other";
  let change: SliceChange = "none";
  for (let index = 0; index < before.length; index++) {
    const own = valueChange(before[index], after[index]);
    if (own === "other") return own;
    if (own === "counts") change = own;
  }
  return change;
}
