/**
 * Which firewall marks an interface's alias has to carry, so that a later process finds what this one leaves: those of its
 * service, and others that it carries for as long as there is a virtual service of theirs, wanted or not.
 */
import {
  type ActualInterface,
  type ActualKernel,
  type DesiredInterface,
  type DesiredKernel,
  markedFwmarks,
  type VirtualServiceId,
  virtualServiceKey,
} from "./state.ts";

/** What an interface carries. */
export interface CarriedMarks {
  /** Before anything is broken. */
  readonly make: readonly VirtualServiceId[];
  /** Once what is not wanted is gone. */
  readonly break: readonly VirtualServiceId[];
}

/** Tells the marks of an interface that is wanted and there. */
export function carriedMarks(
  desired: DesiredKernel,
  actual: ActualKernel,
): (want: DesiredInterface, have: ActualInterface) => CarriedMarks {
  const wanted = keysOf(desired.virtualServices);
  const present = keysOf(actual.virtualServices);
  const claimed = keysOf(desired.interfaces.flatMap(({ fwmarks = [] }) => fwmarks));
  return ({ fwmarks }, have) => {
    const carried = markedFwmarks(have);
    if (fwmarks === undefined) return { make: carried, break: carried };
    const others = carried.map((mark) => ({ mark, key: virtualServiceKey(mark) })).filter(({ key }) =>
      !claimed.has(key)
    );
    const lasting = others.filter(({ key }) => wanted.has(key)).map(({ mark }) => mark);
    const going = others.filter(({ key }) => !wanted.has(key) && present.has(key)).map(({ mark }) => mark);
    return { make: [...fwmarks, ...lasting, ...going], break: [...fwmarks, ...lasting] };
  };
}

function keysOf(services: readonly VirtualServiceId[]): ReadonlySet<string> {
  return new Set(services.filter(({ fwmark }) => fwmark > 0).map(virtualServiceKey));
}
