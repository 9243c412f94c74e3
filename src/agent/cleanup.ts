/** What an agent that is gone has left in the kernel: found by the rules of ownership, and removed by the reconciler. */
import type { Kernel, Managed } from "../kernel/kernel.ts";
import { merge, NOTHING, ours, owns } from "../kernel/merge.ts";
import { Reconciler } from "../kernel/reconciler.ts";
import {
  type ActualKernel,
  type DesiredKernel,
  isOurs,
  serviceOf,
  virtualServiceKey,
  virtualServiceText,
} from "../kernel/state.ts";
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";
import { removeOurs } from "./removal.ts";

/** An object of ours in the kernel. */
export type OwnObject =
  | {
    readonly kind: "interface";
    readonly name: string;
    readonly service: string;
    readonly addresses: readonly string[];
  }
  | {
    readonly kind: "virtual service";
    readonly name: string;
    readonly destinations: number;
    readonly activeConnections: number;
  };

/** Where virtual services are ours besides on the addresses of our interfaces. */
export type Owned = Pick<DesiredKernel, "ownedAddresses" | "ownedFwmarks">;

/** What was left behind, and what became of it. */
export interface Removal {
  readonly removed: readonly OwnObject[];
  readonly stays: readonly OwnObject[];
  /** Why something stays, or may. */
  readonly errors: readonly string[];
}

/** What is ours, and whose it is: the addresses of our interfaces are part of `owned` now. */
export interface Remains {
  readonly objects: readonly OwnObject[];
  readonly owned: Owned;
}

/** Looks for what is ours; changes nothing. @throws {KernelError} the kernel cannot be read */
export async function findOurs(kernel: Kernel, configured: Owned, managed: Managed): Promise<Remains> {
  const actual = await kernel.read({
    interfaceNames: new Set(),
    addresses: new Set(configured.ownedAddresses.map(({ text }) => text)),
    fwmarks: new Set(configured.ownedFwmarks.map(virtualServiceKey)),
    managed,
  });
  const { ownedAddresses } = merge([{ ...NOTHING, ...configured }, ours(actual, configured)]);
  const owned = { ownedAddresses, ownedFwmarks: configured.ownedFwmarks };
  return { objects: objectsIn(actual, owned), owned };
}

/** Removes what was found; whatever that meets is part of the answer. */
export async function removeFound(
  { objects, owned }: Remains,
  { kernel, clock, managed }: { readonly kernel: Kernel; readonly clock: Clock; readonly managed: Managed },
): Promise<Removal> {
  const faults: string[] = [];
  const reconciler = new Reconciler({
    kernel,
    clock,
    managed,
    onReport: () => {},
    onFault: (cause) => faults.push(cause),
  });
  await using _reconciler = reconciler;
  await reconciler.want({ ...NOTHING, ...owned });
  const errors = [...await removeOurs(reconciler, clock), ...faults];
  try {
    const { objects: stays } = await findOurs(kernel, owned, managed);
    const left = new Set(stays.map(keyOf));
    return { removed: objects.filter((object) => !left.has(keyOf(object))), stays, errors };
  } catch (error) {
    return { removed: [], stays: objects, errors: [...errors, messageOf(error)] };
  }
}

function objectsIn({ interfaces, virtualServices }: ActualKernel, owned: Owned): readonly OwnObject[] {
  return [
    ...interfaces.filter(isOurs).map((link): OwnObject => ({
      kind: "interface",
      name: link.name,
      service: serviceOf(link),
      addresses: link.addresses.map(({ address, prefixLength }) => `${address.text}/${prefixLength}`),
    })),
    ...virtualServices.filter(owns(owned)).map((service): OwnObject => ({
      kind: "virtual service",
      name: virtualServiceText(service),
      destinations: service.destinations.length,
      activeConnections: service.destinations.reduce((sum, each) => sum + each.activeConnections, 0),
    })),
  ];
}

function keyOf({ kind, name }: OwnObject): string {
  return `${kind} ${name}`;
}
