/**
 * Virtual services and destinations: what differs. Ours are virtual services on the addresses and marks that we are
 * configured for, and on the addresses of our interfaces; every field of theirs is as we say.
 */
import { type KnownDestination, sameDestination, sameService } from "./ipvs_fields.ts";
import { owns } from "./merge.ts";
import {
  type ActualKernel,
  type DesiredKernel,
  type Destination,
  destinationKey,
  isOurs,
  markedFwmarks,
  type VirtualService,
  type VirtualServiceId,
  virtualServiceKey,
} from "./state.ts";
import type { Change } from "./change.ts";
import type { Steps } from "./steps.ts";

/** What differs of virtual services and their destinations. */
export function diffServices(desired: DesiredKernel, actual: ActualKernel): Steps {
  const steps: Steps = { make: [], break: [] };
  const destinations: Steps = { make: [], break: [] };
  const wanted = byKey(desired.virtualServices, virtualServiceKey);
  const present = byKey(actual.virtualServices, virtualServiceKey);
  for (const [key, want] of wanted) {
    const have = present.get(key);
    if (have === undefined) steps.make.push({ type: "create-service", service: want });
    else if (!sameService(want, have)) steps.make.push({ type: "set-service", service: want, was: have });
    diffDestinations(want, have?.destinations ?? [], destinations);
  }
  const isOwned = ownedBy(desired, actual);
  for (const [key, have] of present) {
    if (wanted.has(key) || !isOwned(have)) continue;
    steps.break.push({ type: "delete-service", service: have });
  }
  return {
    make: [...steps.make, ...destinations.make],
    break: [...destinations.break, ...steps.break],
  };
}

function diffDestinations(service: VirtualService, actual: readonly KnownDestination[], steps: Steps): void {
  if (isSameRow(service.destinations, actual)) return;
  const wanted = byKey(service.destinations, destinationKey);
  const present = byKey(actual, destinationKey);
  // What takes packets from now on does so before another one takes none any more.
  const emptied: Change[] = [];
  for (const [key, destination] of wanted) {
    const have = present.get(key);
    if (have === undefined) steps.make.push({ type: "create-destination", service, destination });
    else if (!sameDestination(destination, have)) {
      const to = destination.weight > 0 ? steps.make : emptied;
      to.push({ type: "set-destination", service, destination, was: have });
    }
  }
  steps.make.push(...emptied);
  for (const [key, destination] of present) {
    if (!wanted.has(key)) steps.break.push({ type: "delete-destination", service, destination });
  }
}

/** Whether nothing differs, told without keys: the kernel lists what was added last first. */
function isSameRow(wanted: readonly Destination[], actual: readonly Destination[]): boolean {
  const last = actual.length - 1;
  const isSame = (want: Destination, have: Destination | undefined) =>
    have !== undefined && want.port === have.port && want.address.text === have.address.text &&
    sameDestination(want, have);
  return wanted.length === actual.length &&
    (wanted.every((want, index) => isSame(want, actual[last - index])) ||
      wanted.every((want, index) => isSame(want, actual[index])));
}

/** Tells the virtual services that are ours: those on marks and addresses that we are configured for, and on our interfaces. */
function ownedBy(desired: DesiredKernel, actual: ActualKernel): (id: VirtualServiceId) => boolean {
  const onOurs = actual.interfaces.filter(isOurs)
    .flatMap(({ addresses }) => addresses.map(({ address }) => address));
  return owns({
    ownedAddresses: [...desired.ownedAddresses, ...onOurs],
    ownedFwmarks: [...desired.ownedFwmarks, ...actual.interfaces.flatMap(markedFwmarks)],
  });
}

function byKey<T>(values: readonly T[], key: (value: T) => string): ReadonlyMap<string, T> {
  return new Map(values.map((value) => [key(value), value]));
}
