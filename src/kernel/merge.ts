/** Several ideas of what the kernel should have as one, and what of one is in no other. Pure. */
import type { Address } from "../net/address.ts";
import type { Managed } from "./kernel.ts";
import {
  type ActualKernel,
  type DesiredInterface,
  type DesiredKernel,
  destinationKey,
  isOurs,
  markedFwmarks,
  serviceOf,
  type VirtualService,
  type VirtualServiceId,
  virtualServiceKey,
} from "./state.ts";

/** Nothing at all. */
export const NOTHING: DesiredKernel = {
  interfaces: [],
  virtualServices: [],
  ownedAddresses: [],
  ownedFwmarks: [],
};

/** Everything that any of `parts` wants; where two want the same object otherwise, the first one has its way. */
export function merge(parts: readonly DesiredKernel[]): DesiredKernel {
  const interfaces = new Map<string, DesiredInterface>();
  const virtualServices = new Map<string, VirtualService>();
  const ownedAddresses = new Map<string, Address>();
  const ownedFwmarks = new Map<string, VirtualServiceId>();
  for (const part of parts) {
    for (const link of part.interfaces) {
      const have = interfaces.get(link.name);
      interfaces.set(link.name, have === undefined || have === link ? link : withMore(have, link));
    }
    for (const service of part.virtualServices) {
      const key = virtualServiceKey(service);
      const have = virtualServices.get(key);
      const isOne = have === undefined || have === service;
      virtualServices.set(key, isOne ? service : withDestinations(have, service.destinations));
    }
    for (const address of part.ownedAddresses) ownedAddresses.set(address.text, address);
    for (const mark of part.ownedFwmarks) ownedFwmarks.set(virtualServiceKey(mark), mark);
  }
  return {
    interfaces: [...interfaces.values()],
    virtualServices: [...virtualServices.values()],
    ownedAddresses: [...ownedAddresses.values()],
    ownedFwmarks: [...ownedFwmarks.values()],
  };
}

/**
 * What is `coming` made beside what is there: nothing that has weight now loses all of it before routes have gone over, as
 * what it serves is announced until then.
 */
export function beside(coming: DesiredKernel, now: DesiredKernel): DesiredKernel {
  if (isEmpty(coming)) return now;
  const same = new Set(now.virtualServices);
  const services = new Map(now.virtualServices.map((service) => [virtualServiceKey(service), service]));
  const virtualServices = coming.virtualServices.map((service) => {
    const have = same.has(service) ? undefined : services.get(virtualServiceKey(service));
    return have === undefined ? service : withWeights(service, have.destinations);
  });
  return merge([{ ...coming, virtualServices }, now]);
}

/** What of `all` is not in `wanted`: addresses on their interfaces, virtual services, destinations in theirs. */
export function without(all: DesiredKernel, wanted: DesiredKernel): DesiredKernel {
  return outside(wanted)(all);
}

/** Gives what of any kernel is not in `wanted`, as `without` does; `wanted` is looked through once. */
export function outside(wanted: DesiredKernel): (all: DesiredKernel) => DesiredKernel {
  // Nearly all of it is most often the same objects, into which nobody has to look.
  const same = new Set<DesiredInterface | VirtualService>([...wanted.interfaces, ...wanted.virtualServices]);
  // Two services may have an interface, while one comes and the other one goes.
  const links = Map.groupBy(wanted.interfaces, ({ name }) => name);
  const services = new Map(wanted.virtualServices.map((service) => [virtualServiceKey(service), service]));
  const owned = new Set(wanted.ownedAddresses.map(({ text }) => text));
  const ownedMarks = new Set(wanted.ownedFwmarks.map(virtualServiceKey));
  return (all) => ({
    interfaces: all.interfaces.flatMap((link) => {
      if (same.has(link)) return [];
      const have = new Set(
        links.get(link.name)?.flatMap(({ addresses }) => addresses.map(({ text }) => text)),
      );
      const addresses = link.addresses.filter(({ text }) => !have.has(text));
      return addresses.length > 0 || !links.has(link.name) ? [{ ...link, addresses }] : [];
    }),
    virtualServices: all.virtualServices.flatMap((service) => {
      if (same.has(service)) return [];
      const have = services.get(virtualServiceKey(service));
      if (have === undefined) return [service];
      const keys = new Set(have.destinations.map(destinationKey));
      const destinations = service.destinations.filter((each) => !keys.has(destinationKey(each)));
      return destinations.length === 0 ? [] : [{ ...service, destinations }];
    }),
    ownedAddresses: all.ownedAddresses.filter(({ text }) => !owned.has(text)),
    ownedFwmarks: all.ownedFwmarks.filter((mark) => !ownedMarks.has(virtualServiceKey(mark))),
  });
}

/** The part of `desired` that is ours to make. */
export function within({ interfaces, ipvs }: Managed, desired: DesiredKernel): DesiredKernel {
  if (interfaces && ipvs) return desired;
  const links = ipvs ? desired.interfaces : desired.interfaces.map(({ fwmarks: _, ...link }) => link);
  return {
    interfaces: interfaces ? links : [],
    virtualServices: ipvs ? desired.virtualServices : [],
    ownedAddresses: ipvs ? desired.ownedAddresses : [],
    ownedFwmarks: ipvs ? desired.ownedFwmarks : [],
  };
}

/** Is there nothing in it that could be in a kernel? */
export function isEmpty({ interfaces, virtualServices }: DesiredKernel): boolean {
  return interfaces.length === 0 && virtualServices.length === 0;
}

/** What is ours in `actual`, as what an earlier configuration wanted; virtual services are those on addresses and marks of
 * ours, which are those on our interfaces, and those that are configured. */
export function ours(
  { interfaces, virtualServices }: ActualKernel,
  configured: Pick<DesiredKernel, "ownedAddresses" | "ownedFwmarks">,
): DesiredKernel {
  // What has no alias yet was made for nobody that is known: nothing was ever announced with it.
  const marked = interfaces.filter((link) => isOurs(link) && link.alias !== undefined);
  const links = marked.map((link) => ({
    name: link.name,
    service: serviceOf(link),
    addresses: link.addresses.map(({ address }) => address),
    fwmarks: markedFwmarks(link),
  }));
  const ownedAddresses = links.flatMap(({ addresses }) => addresses);
  const ownedFwmarks = links.flatMap(({ fwmarks }) => fwmarks);
  const isOwned = owns({
    ownedAddresses: [...ownedAddresses, ...configured.ownedAddresses],
    ownedFwmarks: [...ownedFwmarks, ...configured.ownedFwmarks],
  });
  return {
    interfaces: links,
    virtualServices: virtualServices.filter(isOwned),
    ownedAddresses,
    ownedFwmarks,
  };
}

/** Tells the virtual services that are on owned addresses or marks. */
export function owns(
  { ownedAddresses, ownedFwmarks }: Pick<DesiredKernel, "ownedAddresses" | "ownedFwmarks">,
): (id: VirtualServiceId) => boolean {
  const addresses = new Set(ownedAddresses.map(({ text }) => text));
  const marks = new Set(ownedFwmarks.map(virtualServiceKey));
  return (id) => id.fwmark > 0 ? marks.has(virtualServiceKey(id)) : addresses.has(id.address.text);
}

function withMore(link: DesiredInterface, { addresses, fwmarks }: DesiredInterface): DesiredInterface {
  const moreAddresses = lacking(addresses, link.addresses, ({ text }) => text);
  const moreMarks = lacking(fwmarks ?? [], link.fwmarks ?? [], virtualServiceKey);
  if (moreAddresses.length + moreMarks.length === 0) return link;
  return {
    ...link,
    addresses: [...link.addresses, ...moreAddresses],
    fwmarks: [...link.fwmarks ?? [], ...moreMarks],
  };
}

function lacking<T>(more: readonly T[], have: readonly T[], key: (value: T) => string): readonly T[] {
  const keys = new Set(have.map(key));
  return more.filter((each) => !keys.has(key(each)));
}

function withDestinations(service: VirtualService, more: VirtualService["destinations"]): VirtualService {
  const added = lacking(more, service.destinations, destinationKey);
  return added.length === 0 ? service : { ...service, destinations: [...service.destinations, ...added] };
}

function withWeights(service: VirtualService, have: VirtualService["destinations"]): VirtualService {
  if (service.destinations.every(({ weight }) => weight > 0)) return service;
  const weights = new Map(have.map((each) => [destinationKey(each), each.weight]));
  const destinations = service.destinations.map((each) =>
    each.weight > 0 ? each : { ...each, weight: weights.get(destinationKey(each)) ?? 0 }
  );
  return { ...service, destinations };
}
