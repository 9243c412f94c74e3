/**
 * Interfaces and addresses by rtnetlink. Before something that exists is changed, it is looked at again: that an
 * interface is ours is checked in the same breath as the change is made, and never taken from an earlier read.
 */
import { type Address, hostBits } from "../net/address.ts";
import { NetlinkChannel } from "../netlink/channel.ts";
import { ETH_DATA_LEN, IFA_F, IPV6_MIN_MTU, NETLINK, RT_SCOPE, RTM, RTN } from "../netlink/constants.ts";
import { ERRNO } from "../netlink/errno.ts";
import type { Request } from "../netlink/message.ts";
import { decodeRouteType, getRoute, restoreLocalRoute } from "../netlink/route.ts";
import {
  createDummy,
  decodeAddress,
  decodeLink,
  deleteAddress,
  deleteLink,
  dumpAddresses,
  dumpLinks,
  exchangeAddress,
  getLink,
  type Link,
  type LinkAddress,
  type LinkReference,
  probeDummy,
  replaceAddress,
  setLink,
} from "../netlink/rtnetlink.ts";
import { KernelError, type NetlinkTransport, openSocket } from "../netlink/transport.ts";
import { type Change, describeChange } from "./change.ts";
import type { Interest } from "./kernel.ts";
import { type ActualAddress, type ActualInterface, INTERFACE_GROUP, interfaceMark, isOurs } from "./state.ts";
import type { Slices } from "../time/slices.ts";
import { shared } from "./sharing.ts";
import { enableIpv6, type Sysctls } from "./sysctl.ts";

/** A change of interfaces, addresses or their routes. */
export type LinkChange = Extract<
  Change,
  { readonly type: `${string}-interface` | `${string}-address` | `${string}-route` }
>;

/** What a change does to an interface that is there. */
type ConfiguredChange = Extract<LinkChange, { readonly type: "create-interface" | "set-interface" }>;

/** An address and the interface that it is on. */
type OnLink = Pick<LinkAddress, "index" | "address">;

/** Questions in one datagram: few enough for every answer to fit the receive buffer. */
const QUESTIONS = 32;

/** The host's interfaces. The socket is opened when it is needed first. */
export class NetlinkLinks implements Disposable {
  readonly #transport: NetlinkTransport;
  readonly #sysctls: Sysctls;
  readonly #slices: Slices;
  /** As last read, by index. */
  #last: ReadonlyMap<number, ActualInterface> = new Map();
  /** Added and not yet seen with its route. */
  #unrouted: OnLink[] = [];
  #channel: NetlinkChannel | undefined;

  constructor(transport: NetlinkTransport, sysctls: Sysctls, slices: Slices) {
    this.#transport = transport;
    this.#sysctls = sysctls;
    this.#slices = slices;
  }

  /** Interfaces of `interest` and those with our mark. @throws {KernelError} */
  async read(interest: Interest): Promise<readonly ActualInterface[]> {
    const all = await this.#open().dump("list interfaces", dumpLinks(), decodeLink);
    const links = all.filter((link) => isOurs(link) || interest.interfaceNames.has(link.name));
    if (links.length === 0) return [];
    const indexes = new Set(links.map(({ index }) => index));
    const addresses = await this.#open().dump("list addresses", dumpAddresses(), (message) => {
      const address = decodeAddress(message);
      return address !== undefined && indexes.has(address.index) && !isLinkLocal(address)
        ? address
        : undefined;
    });
    const names = new Map(all.map(({ index, name }) => [index, name]));
    const dummies = new Set(links.filter(({ kind }) => kind === "dummy").map(({ index }) => index));
    const delivered = await this.#delivered(
      addresses.filter(({ index }) => dummies.has(index)),
    );
    const placed = Map.groupBy(addresses, ({ index }) => index);
    const interfaces = links.map(({ master, ...link }) =>
      shared(this.#last.get(link.index), {
        ...link,
        master: master === 0 ? undefined : names.get(master) ?? `number ${master}`,
        addresses: (placed.get(link.index) ?? []).map((address) =>
          actualAddress(address, delivered.has(address.address.text))
        ),
      })
    );
    this.#last = new Map(interfaces.map((each) => [each.index, each]));
    return interfaces;
  }

  /**
   * Which addresses the kernel takes packets to: it is asked where each would go. (A dump of table `local` would walk the
   * main table along with it where there are no policy rules, 35 ms for a million routes.)
   */
  async #delivered(addresses: readonly OnLink[]): Promise<ReadonlySet<string>> {
    const asked = new Map(addresses.map((each) => [each.address.text, each]));
    const delivered = new Set<string>();
    const all = [...asked.values()];
    for (let start = 0; start < all.length; start += QUESTIONS) {
      await this.#slices.pause();
      const some = all.slice(start, start + QUESTIONS);
      const requests = some.map(({ index, address }) => getRoute(index, address));
      const types = this.#open().getEach("ask for routes", requests, decodeRouteType);
      for (const [at, { address }] of some.entries()) {
        if (types[at] === RTN.LOCAL) delivered.add(address.text);
      }
    }
    return delivered;
  }

  /** @throws {KernelError} */
  apply(change: LinkChange): void {
    switch (change.type) {
      case "create-interface":
        this.#make(change, createDummy(change.name, INTERFACE_GROUP));
        return this.#configure(change, this.#ours(change, { name: change.name }));
      case "set-interface":
        return this.#configure(change, this.#adoptable(change, { index: change.index }));
      case "delete-interface": {
        const { index } = this.#ours(change, { index: change.index });
        return this.#make(change, deleteLink({ index }));
      }
      case "add-address":
      case "set-address": {
        const { index, interface: name, address } = change;
        const link = this.#ours(change, index === undefined ? { name } : { index });
        this.#make(change, replaceAddress(link.index, address));
        return this.#awaitRoute(link.index, address);
      }
      case "exchange-address": {
        const { index } = this.#ours(change, { index: change.index });
        this.#make(change, ...exchangeAddress(index, change.old));
        return this.#awaitRoute(index, change.address);
      }
      case "restore-route": {
        const { address } = change;
        const { index } = this.#ours(change, { index: change.index });
        // The kernel's own IPv6 route comes back with its address alone; one of ours would have another metric, and stay.
        const placed = { address, prefixLength: hostBits(address) };
        const requests = address.family === 4
          ? restoreLocalRoute(index, address)
          : exchangeAddress(index, placed);
        this.#make(change, ...requests);
        return this.#awaitRoute(index, address);
      }
      case "delete-address": {
        const { index } = this.#ours(change, { index: change.index });
        return this.#make(change, deleteAddress(index, change));
      }
      default:
        return change satisfies never;
    }
  }

  /**
   * Whether IPv6 addresses that were added are still without their routes: the kernel makes these from a work queue, within
   * a millisecond or so, and a read until then would find them missing. @throws {KernelError}
   */
  async awaitsRoutes(): Promise<boolean> {
    if (this.#unrouted.length === 0) return false;
    const delivered = await this.#delivered(this.#unrouted);
    this.#unrouted = this.#unrouted.filter(({ address }) => !delivered.has(address.text));
    return this.#unrouted.length > 0;
  }

  /** Waits for no routes any more: they will be heard of, or put back. */
  forgetRoutes(): void {
    this.#unrouted = [];
  }

  #awaitRoute(index: number, address: Address): void {
    if (address.family === 6) this.#unrouted.push({ index, address });
  }

  /** What this process or this kernel cannot do. @throws {KernelError} */
  probe(): readonly KernelError[] {
    // No interface has the last index; without the capability the kernel does not get so far as to notice.
    const [permission] = this.#open().transact("probe", [setLink({ index: 0x7fff_ffff }, {})]);
    if (permission?.errno === ERRNO.EPERM) return [new KernelError("change interfaces", permission)];
    const [dummy] = this.#open().transact("probe", [probeDummy()]);
    if (dummy?.errno !== ERRNO.EOPNOTSUPP) return [];
    return [new KernelError("create dummy interfaces", dummy, NO_DUMMY)];
  }

  [Symbol.dispose](): void {
    this.#channel?.[Symbol.dispose]();
    this.#channel = undefined;
  }

  #open(): NetlinkChannel {
    return this.#channel ??= new NetlinkChannel(openSocket(this.#transport, NETLINK.ROUTE), this.#slices);
  }

  /** Marks it and makes it work. What stays undone when this fails is ours all the same, and is done by the next run. */
  #configure(change: ConfiguredChange, link: Link): void {
    const { service, fwmarks, ipv6 } = change;
    const widen = ipv6 && link.mtu < IPV6_MIN_MTU;
    const settings = {
      alias: interfaceMark(service, fwmarks),
      up: true,
      ...link.master === 0 ? {} : { master: 0 },
      ...link.carrier ? {} : { carrier: true },
      ...widen ? { mtu: ETH_DATA_LEN } : {},
    };
    this.#make(change, setLink({ index: link.index }, settings));
    // With a larger MTU it gets IPv6 anew, by the host's default.
    const { name, ipv6: on } = widen ? this.#look(change, { index: link.index }) : link;
    if (ipv6 && !on) enableIpv6(this.#sysctls, describeChange(change), name);
  }

  /** As one datagram: the kernel acts on all of it before this process can be ended. */
  #make(change: LinkChange, ...requests: readonly Request[]): void {
    const operation = describeChange(change);
    const failures = this.#open().transact(operation, requests);
    const failure = failures.find((each, at) => each !== undefined && !isGone(requests[at], each.errno));
    if (failure !== undefined) throw new KernelError(operation, failure, hintOf(change, failure.errno));
  }

  /** The interface as it is now. @throws {KernelError} it is gone */
  #look(change: LinkChange, reference: LinkReference): Link {
    return this.#open().get(describeChange(change), getLink(reference), decodeLink);
  }

  /** The interface as it is now. @throws {KernelError} it is gone, or somebody else's */
  #adoptable(change: LinkChange, reference: LinkReference): Link {
    const link = this.#look(change, reference);
    return link.alias === undefined ? link : this.#ours(change, reference);
  }

  /** The interface as it is now. @throws {KernelError} it is gone, or not ours any more */
  #ours(change: LinkChange, reference: LinkReference): Link {
    const link = this.#look(change, reference);
    if (isOurs(link)) return link;
    throw new KernelError(describeChange(change), {
      errno: 0,
      extendedAck: `interface ${link.name} is not ours any more`,
    });
  }
}

const NO_DUMMY = "this kernel has no dummy interfaces: modprobe dummy";

/** What should go may have gone with something else, such as an IPv6 address with the master of its interface. */
function isGone(request: Request | undefined, errno: number): boolean {
  return request?.type === RTM.DELADDR && errno === ERRNO.EADDRNOTAVAIL ||
    request?.type === RTM.DELROUTE && errno === ERRNO.ESRCH;
}

/** Undefined leaves it to the error number. */
function hintOf(change: LinkChange, errno: number): string | undefined {
  if (change.type === "create-interface" && errno === ERRNO.EOPNOTSUPP) return NO_DUMMY;
  if (
    change.type === "add-address" && change.address.family === 6 &&
    (errno === ERRNO.EACCES || errno === ERRNO.EOPNOTSUPP)
  ) {
    return "is IPv6 turned off? sysctl net.ipv6.conf.all.disable_ipv6";
  }
  return undefined;
}

/** The kernel gives every interface that goes up a link-local IPv6 address; it is not ours to remove. */
function isLinkLocal({ address, scope }: LinkAddress): boolean {
  return address.family === 6 && scope === RT_SCOPE.LINK;
}

function actualAddress(
  { address, prefixLength, peer, broadcast, scope, flags }: LinkAddress,
  localRoute: boolean,
): ActualAddress {
  const has = (flag: number) => (flags & flag) !== 0;
  return {
    address,
    prefixLength,
    deprecated: has(IFA_F.DEPRECATED) && has(IFA_F.PERMANENT),
    hostScope: address.family === 6 || scope === RT_SCOPE.HOST,
    broadcast,
    peer,
    nodad: address.family === 4 || has(IFA_F.NODAD),
    duplicateDetection: has(IFA_F.DADFAILED) ? "failed" : has(IFA_F.TENTATIVE) ? "running" : "over",
    localRoute,
  };
}
