/** The port to the kernel: read what is, apply changes, hear of changes. One writer uses it: the reconciler. */
import type { KernelError } from "../netlink/transport.ts";
import type { Change } from "./change.ts";
import { type ActualKernel, type DesiredKernel, type VirtualServiceId, virtualServiceKey } from "./state.ts";

/** What of the kernel is ours to manage; the rest is neither read nor written. */
export interface Managed {
  readonly interfaces: boolean;
  readonly ipvs: boolean;
}

/** All of it. */
export const EVERYTHING: Managed = { interfaces: true, ipvs: true };

/** What a read is about. Interfaces with our mark, and what they carry, are always part of it. */
export interface Interest {
  /** Interfaces of these names, whosever they are. */
  readonly interfaceNames: ReadonlySet<string>;
  /** Virtual services on these addresses (by `text`), whosever they are. */
  readonly addresses: ReadonlySet<string>;
  /** Virtual services of these marks (by `virtualServiceKey`), whosever they are. */
  readonly fwmarks: ReadonlySet<string>;
  /** What is not managed is not even asked for, and is empty. */
  readonly managed: Managed;
}

/** What the kernel tells of a change of links or addresses. */
export interface Notice {
  /** IFLA_IFINDEX or ifa_index of what was changed. */
  readonly index: number;
  /** The address or local route that was changed, by `text`; undefined: the interface itself. */
  readonly address: string | undefined;
  /** nlmsg_pid: the netlink port of who asked for it, most often the number of its process; 0: it is not told. */
  readonly port: number;
}

/** How much goes through a virtual service. */
export interface TrafficFigures {
  readonly connections: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly octetsIn: number;
  readonly octetsOut: number;
}

/** The same, in a second. */
export type TrafficRates = TrafficFigures;

/** The traffic of one virtual service. */
export interface Traffic {
  readonly service: VirtualServiceId;
  /** In a second, as the kernel estimates it. */
  readonly rates: TrafficRates;
  /** Since it was made. */
  readonly totals: TrafficFigures;
}

/** The kernel's side of the host. */
export interface Kernel extends Disposable {
  /**
   * What the host has of `interest`. Where the kernel has no IPVS there are no virtual services, and no error.
   * @param made changes that were made since the same `interest` was read last: what none of them is about may be as it was
   * read then. Default: everything is read
   * @throws {KernelError}
   */
  read(interest: Interest, made?: readonly Change[]): Promise<ActualKernel>;
  /**
   * Makes `changes`, in order. One outcome for each: undefined, or why it could not be. A change that rests on a failed
   * one (an address on its interface, a destination in its virtual service) is left out and has that one's error.
   */
  apply(changes: readonly Change[]): Promise<readonly (KernelError | undefined)[]>;
  /**
   * Calls back after links or addresses that concern the last read were changed by others than us, or may have been, which
   * is where there are no notices. IPVS tells nobody.
   * @throws {KernelError}
   */
  watch(onChange: (notices: readonly Notice[]) => void): Disposable;
  /** What goes through each virtual service, whosever it is; nothing where the kernel does not tell. @throws {KernelError} */
  traffic(): Promise<readonly Traffic[]>;
  /** What of the needed this host or this process cannot do. Changes nothing. */
  probe(needs: Managed): Promise<readonly KernelError[]>;
}

/** What has to be read to compare `desired` with. */
export function interestIn(desired: DesiredKernel, managed: Managed = EVERYTHING): Interest {
  const { marked = [], others = [] } = Object.groupBy(
    desired.virtualServices,
    ({ fwmark }) => fwmark > 0 ? "marked" : "others",
  );
  return {
    interfaceNames: new Set(desired.interfaces.map(({ name }) => name)),
    addresses: new Set(
      [...desired.ownedAddresses, ...others.map(({ address }) => address)].map(({ text }) => text),
    ),
    fwmarks: new Set([...desired.ownedFwmarks, ...marked].map(virtualServiceKey)),
    managed,
  };
}
