/**
 * Which firewall marks an interface's alias carries, so that a later process finds what this one leaves: those of its
 * service, and others for as long as a virtual service of theirs is wanted, as one is that is on its way out, or is there.
 */
import type { Change } from "./change.ts";
import {
  type ActualInterface,
  type ActualKernel,
  type DesiredInterface,
  type DesiredKernel,
  interfaceMark,
  isOurs,
  markedFwmarks,
  type VirtualServiceId,
  virtualServiceKey,
  wantsIpv6,
} from "./state.ts";

/** Those of the service, and those that it carries already. */
export function keptMarks(
  { fwmarks = [] }: DesiredInterface,
  have: ActualInterface,
): readonly VirtualServiceId[] {
  const wanted = keysOf(fwmarks);
  return [...fwmarks, ...markedFwmarks(have).filter((mark) => !wanted.has(virtualServiceKey(mark)))];
}

/** How a change says which marks an interface carries; nothing where there are none. */
export function carrying(
  fwmarks: readonly VirtualServiceId[],
): { readonly fwmarks?: readonly VirtualServiceId[] } {
  return fwmarks.length > 0 ? { fwmarks } : {};
}

/** Takes marks away that are neither their interface's nor of a virtual service that is wanted or there still. */
export function dropMarks(desired: DesiredKernel, actual: ActualKernel): readonly Change[] {
  const marked = actual.interfaces.filter((link) => markedFwmarks(link).length > 0);
  if (marked.length === 0) return [];
  const wanted = new Map(desired.interfaces.map((link) => [link.name, link]));
  const claimed = keysOf(desired.interfaces.flatMap(({ fwmarks = [] }) => fwmarks));
  const busy = keysOf(
    [...desired.virtualServices, ...actual.virtualServices].filter(({ fwmark }) => fwmark > 0),
  );
  return marked.filter(isOurs).flatMap((have): readonly Change[] => {
    const want = wanted.get(have.name);
    if (want?.fwmarks === undefined) return [];
    const kept = keptMarks(want, have);
    const left = kept.filter((mark) => {
      const key = virtualServiceKey(mark);
      return claimed.has(key) ? want.fwmarks?.includes(mark) : busy.has(key);
    });
    const { name, service } = want;
    const reason = `alias was ${interfaceMark(service, kept)}`;
    return left.length === kept.length ? [] : [{
      type: "set-interface",
      name,
      index: have.index,
      service,
      ...carrying(left),
      ipv6: wantsIpv6(want),
      reason,
    }];
  });
}

function keysOf(ids: readonly VirtualServiceId[]): ReadonlySet<string> {
  return new Set(ids.map(virtualServiceKey));
}
