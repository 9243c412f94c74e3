/**
 * What to change so that the kernel has what it should: the smallest change of each object, make before break.
 *
 * Make: interface, address, virtual service, destination. Break: destination, virtual service, address, interface.
 *
 * Ours are dummy interfaces with our mark, the addresses on them, and virtual services on those addresses and on the
 * addresses that we are configured for. An interface without our mark that has a wanted name is adopted only where it
 * is a dummy without alias that carries nothing but our service addresses, and at least one of them: so the reference
 * program leaves its own, and such an interface serves nobody else. Any other one, an empty one too, is a conflict.
 */
import type { Address } from "../net/address.ts";
import { IP_VS_SVC_F } from "../netlink/constants.ts";
import type { Change } from "./change.ts";
import {
  type ActualAddress,
  type ActualInterface,
  type ActualKernel,
  type DesiredInterface,
  type DesiredKernel,
  type Destination,
  destinationKey,
  interfaceMark,
  isOurs,
  type VirtualService,
  virtualServiceKey,
} from "./state.ts";

/** A wanted interface's name is taken by an interface that is not ours. */
export interface Conflict {
  readonly interface: string;
  readonly service: string;
  /** What is in the way, and the cure. */
  readonly message: string;
}

/** What differs. `changes` are in the order in which they are to be made. */
export interface Difference {
  readonly changes: readonly Change[];
  readonly conflicts: readonly Conflict[];
}

/** The changes that lead from `actual` to `desired`. Nothing that is not ours is in them. */
export function diff(desired: DesiredKernel, actual: ActualKernel): Difference {
  const interfaces = diffInterfaces(desired.interfaces, actual.interfaces);
  const services = diffServices(desired, actual);
  return {
    changes: [...interfaces.make, ...services.make, ...services.break, ...interfaces.break],
    conflicts: interfaces.conflicts,
  };
}

/** What is made before anything is broken, and what is broken after. */
interface Steps {
  readonly make: Change[];
  readonly break: Change[];
}

function diffInterfaces(
  desired: readonly DesiredInterface[],
  actual: readonly ActualInterface[],
): Steps & { readonly conflicts: readonly Conflict[] } {
  const links: Change[] = [];
  const addresses: Steps = { make: [], break: [] };
  const conflicts: Conflict[] = [];
  for (const want of desired) {
    const have = actual.find(({ name }) => name === want.name);
    const conflict = have && conflictOf(want, have);
    if (have === undefined) {
      links.push({ type: "create-interface", name: want.name, service: want.service });
      for (const address of want.addresses) {
        addresses.make.push({ type: "add-address", interface: want.name, index: undefined, address });
      }
    } else if (conflict !== undefined) {
      conflicts.push(conflict);
    } else {
      const reason = repairReason(want, have);
      const { name, service } = want;
      if (reason !== undefined) {
        links.push({ type: "set-interface", name, index: have.index, service, reason });
      }
      diffAddresses(want, have, addresses);
    }
  }
  const wanted = new Set(desired.map(({ name }) => name));
  const unwanted = actual.filter((have) => isOurs(have) && !wanted.has(have.name));
  const deletions = unwanted.map(({ name, index }): Change => ({ type: "delete-interface", name, index }));
  return {
    make: [...links, ...addresses.make],
    break: [...addresses.break, ...deletions],
    conflicts,
  };
}

function diffAddresses(want: DesiredInterface, have: ActualInterface, steps: Steps): void {
  const { name, index } = have;
  const target = { interface: name, index };
  const remove = ({ address, prefixLength }: ActualAddress): Change => {
    return { type: "delete-address", ...target, address, prefixLength };
  };
  const wanted = new Map(want.addresses.map((address) => [address.text, address]));
  const others = have.addresses.filter((other) => !(isHost(other) && wanted.has(other.address.text)));
  // The kernel has an IPv6 address once on an interface, whatever its length: there the wrong one goes first.
  const inTheWay = others.filter(({ address }) => address.family === 6 && wanted.has(address.text));
  steps.make.push(...inTheWay.map(remove));
  for (const address of wanted.values()) {
    const there = have.addresses.find((other) => isHost(other) && other.address.text === address.text);
    if (there === undefined) steps.make.push({ type: "add-address", ...target, address });
    else if (!there.deprecated) steps.make.push({ type: "set-address", ...target, address });
  }
  steps.break.push(...others.filter((other) => !inTheWay.includes(other)).map(remove));
}

function isHost({ address, prefixLength }: ActualAddress): boolean {
  return prefixLength === address.bytes.byteLength * 8;
}

function repairReason(want: DesiredInterface, have: ActualInterface): string | undefined {
  const mark = interfaceMark(want.service);
  const reasons = have.alias === undefined
    ? [`adopt: set alias ${mark}`]
    : have.alias === mark
    ? []
    : [`alias was ${have.alias}`];
  if (!have.up) reasons.push("was down");
  return reasons.length === 0 ? undefined : reasons.join(", ");
}

function conflictOf(want: DesiredInterface, have: ActualInterface): Conflict | undefined {
  if (isOurs(have) || isAdoptable(want, have)) return undefined;
  const { name, service } = want;
  const what = have.kind === undefined ? "a network device" : `a ${have.kind} interface`;
  const alias = have.alias === undefined ? "no alias" : `alias ${JSON.stringify(have.alias)}`;
  const takeOver = have.kind === "dummy"
    ? `, hand it over (ip link set dev ${name} alias ${interfaceMark(service)})`
    : "";
  return {
    interface: name,
    service,
    message: `interface ${name} of service ${service} exists and is not ours: it is ${what} with ${alias}. ` +
      `Delete it (ip link delete dev ${name})${takeOver}, or give the service another "interface"`,
  };
}

function isAdoptable(want: DesiredInterface, have: ActualInterface): boolean {
  const wanted = new Set(want.addresses.map(({ text }) => text));
  return have.kind === "dummy" && have.alias === undefined && have.addresses.length > 0 &&
    have.addresses.every(({ address }) => wanted.has(address.text));
}

function diffServices(desired: DesiredKernel, actual: ActualKernel): Steps {
  const steps: Steps = { make: [], break: [] };
  const destinations: Steps = { make: [], break: [] };
  const wanted = byKey(desired.virtualServices, virtualServiceKey);
  const present = byKey(actual.virtualServices, virtualServiceKey);
  for (const [key, want] of wanted) {
    const have = present.get(key);
    if (have === undefined) steps.make.push({ type: "create-service", service: want });
    else if (!sameService(want, have)) steps.make.push({ type: "set-service", service: want });
    diffDestinations(want, have?.destinations ?? [], destinations);
  }
  const owned = ownedAddresses(desired, actual);
  for (const [key, have] of present) {
    if (wanted.has(key) || !owned.has(have.address.text)) continue;
    steps.break.push({ type: "delete-service", service: have });
  }
  return {
    make: [...steps.make, ...destinations.make],
    break: [...destinations.break, ...steps.break],
  };
}

function diffDestinations(service: VirtualService, actual: readonly Destination[], steps: Steps): void {
  const wanted = byKey(service.destinations, destinationKey);
  const present = byKey(actual, destinationKey);
  for (const [key, destination] of wanted) {
    const have = present.get(key);
    if (have === undefined) steps.make.push({ type: "create-destination", service, destination });
    else if (!sameDestination(destination, have)) {
      steps.make.push({ type: "set-destination", service, destination });
    }
  }
  for (const [key, destination] of present) {
    if (!wanted.has(key)) steps.break.push({ type: "delete-destination", service, destination });
  }
}

/** Addresses on which every virtual service is ours, by `text`. */
function ownedAddresses(desired: DesiredKernel, actual: ActualKernel): ReadonlySet<string> {
  const onOurs: readonly Address[] = actual.interfaces.filter(isOurs)
    .flatMap(({ addresses }) => addresses.map(({ address }) => address));
  return new Set([...desired.ownedAddresses, ...onOurs].map(({ text }) => text));
}

function sameService(one: VirtualService, other: VirtualService): boolean {
  const a = normalized(one);
  const b = normalized(other);
  return a.scheduler === b.scheduler && a.flags === b.flags && a.timeoutSeconds === b.timeoutSeconds &&
    a.netmask === b.netmask;
}

/** Without persistence neither its timeout nor its netmask means anything, and programs leave different ones. */
function normalized({ scheduler, flags, timeoutSeconds, netmask }: VirtualService) {
  const meant = flags & ~IP_VS_SVC_F.HASHED;
  return (flags & IP_VS_SVC_F.PERSISTENT) === 0
    ? { scheduler, flags: meant, timeoutSeconds: 0, netmask: 0 }
    : { scheduler, flags: meant, timeoutSeconds, netmask };
}

function sameDestination(one: Destination, other: Destination): boolean {
  return one.weight === other.weight && one.forwarding === other.forwarding;
}

function byKey<T>(values: readonly T[], key: (value: T) => string): ReadonlyMap<string, T> {
  return new Map(values.map((value) => [key(value), value]));
}
