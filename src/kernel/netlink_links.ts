/**
 * Interfaces and addresses by rtnetlink. Before something that exists is changed, it is looked at again: that an
 * interface is ours is checked in the same breath as the change is made, and never taken from an earlier read.
 */
import { NetlinkChannel } from "../netlink/channel.ts";
import { NETLINK, RT_SCOPE } from "../netlink/constants.ts";
import { ERRNO } from "../netlink/errno.ts";
import type { Request } from "../netlink/message.ts";
import {
  createDummy,
  decodeAddress,
  decodeLink,
  deleteAddress,
  deleteLink,
  dumpAddresses,
  dumpLinks,
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
import { shared } from "./sharing.ts";
import type { Slices } from "../time/slices.ts";
import { type ActualInterface, interfaceMark, isOurs } from "./state.ts";

/** A change of interfaces or addresses. */
export type LinkChange = Extract<Change, { readonly type: `${string}-interface` | `${string}-address` }>;

/** The host's interfaces. The socket is opened when it is needed first. */
export class NetlinkLinks implements Disposable {
  readonly #transport: NetlinkTransport;
  readonly #slices: Slices;
  #channel: NetlinkChannel | undefined;
  /** As last read, by index. */
  #last: ReadonlyMap<number, ActualInterface> = new Map();

  constructor(transport: NetlinkTransport, slices: Slices) {
    this.#transport = transport;
    this.#slices = slices;
  }

  /** Interfaces of `interest` and those with our mark. @throws {KernelError} */
  async read(interest: Interest): Promise<readonly ActualInterface[]> {
    const channel = this.#open();
    const links = await channel.dump("list interfaces", dumpLinks(), (message) => {
      const link = decodeLink(message);
      return isOurs(link) || interest.interfaceNames.has(link.name) ? link : undefined;
    });
    if (links.length === 0) return [];
    const indexes = new Set(links.map(({ index }) => index));
    const addresses = await channel.dump("list addresses", dumpAddresses(), (message) => {
      const address = decodeAddress(message);
      return address !== undefined && indexes.has(address.index) && !isLinkLocal(address)
        ? address
        : undefined;
    });
    const byIndex = Map.groupBy(addresses, ({ index }) => index);
    const interfaces = links.map((link) =>
      shared(this.#last.get(link.index), actualInterface(link, byIndex.get(link.index) ?? []))
    );
    this.#last = new Map(interfaces.map((each) => [each.index, each]));
    return interfaces;
  }

  /** @throws {KernelError} */
  apply(change: LinkChange): void {
    switch (change.type) {
      case "create-interface":
        return this.#create(change);
      case "set-interface": {
        const { index, service, fwmarks } = change;
        return this.#make(change, setLink({ index }, { alias: interfaceMark(service, fwmarks), up: true }));
      }
      case "delete-interface": {
        const { index } = this.#ours(change, { index: change.index });
        return this.#make(change, deleteLink({ index }));
      }
      case "add-address":
      case "set-address": {
        const { index, interface: name, address } = change;
        const link = this.#ours(change, index === undefined ? { name } : { index });
        return this.#make(change, replaceAddress(link.index, address));
      }
      case "delete-address": {
        const { index } = this.#ours(change, { index: change.index });
        return this.#make(change, deleteAddress(index, change.address, change.prefixLength));
      }
      default:
        return change satisfies never;
    }
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

  /** The kernel takes no alias at creation. An interface that stayed without one would be a stranger to us from now on. */
  #create(change: Extract<LinkChange, { readonly type: "create-interface" }>): void {
    const { name, service, fwmarks } = change;
    this.#make(change, createDummy(name));
    try {
      this.#make(change, setLink({ name }, { alias: interfaceMark(service, fwmarks), up: true }));
    } catch (error) {
      this.#open().transact(`delete interface ${name} again`, [deleteLink({ name })]);
      throw error;
    }
  }

  #make(change: LinkChange, request: Request): void {
    const operation = describeChange(change);
    const [failure] = this.#open().transact(operation, [request]);
    if (failure !== undefined) throw new KernelError(operation, failure, hintOf(change, failure.errno));
  }

  /** The interface as it is now. @throws {KernelError} it is gone, or not ours any more */
  #ours(change: LinkChange, reference: LinkReference): Link {
    const operation = describeChange(change);
    const link = this.#open().get(operation, getLink(reference), decodeLink);
    if (isOurs(link)) return link;
    throw new KernelError(operation, {
      errno: 0,
      extendedAck: `interface ${link.name} is not ours any more`,
    });
  }
}

const NO_DUMMY = "this kernel has no dummy interfaces: modprobe dummy";

/** Undefined leaves it to the error number. */
function hintOf(change: LinkChange, errno: number): string | undefined {
  if (change.type === "create-interface" && errno === ERRNO.EOPNOTSUPP) return NO_DUMMY;
  const isAddress = change.type === "add-address" || change.type === "set-address";
  if (isAddress && change.address.family === 6 && (errno === ERRNO.EACCES || errno === ERRNO.EOPNOTSUPP)) {
    return "is IPv6 turned off? sysctl net.ipv6.conf.all.disable_ipv6";
  }
  return undefined;
}

/** The kernel gives every interface that goes up a link-local IPv6 address; it is not ours to remove. */
function isLinkLocal({ address, scope }: LinkAddress): boolean {
  return address.family === 6 && scope === RT_SCOPE.LINK;
}

function actualInterface(link: Link, addresses: readonly LinkAddress[]): ActualInterface {
  return {
    ...link,
    addresses: addresses.map(
      ({ address, prefixLength, deprecated, permanent }) => ({
        address,
        prefixLength,
        deprecated: deprecated && permanent,
      }),
    ),
  };
}
