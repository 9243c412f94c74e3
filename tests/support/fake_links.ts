/**
 * A host's interfaces in memory, with the rules that matter of the real kernel's: names are taken or missing; an IPv6
 * address is once on an interface, and goes when IPv6 does; of an IPv4 address that is there only lifetimes can be set; an
 * address has its local route unless its interface is down or part of a VRF. Operations answer with an errno, or undefined.
 */
import { type ActualAddress, type ActualInterface, ADDRESS_AS_SET } from "../../src/kernel/state.ts";
import type { Notice } from "../../src/kernel/kernel.ts";
import type { Address } from "../../src/net/address.ts";
import { IPV6_MIN_MTU } from "../../src/netlink/constants.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import type { LinkSettings, PlacedAddress } from "../../src/netlink/rtnetlink.ts";

/** An address. */
export interface FakeAddress extends ActualAddress {
  /** It is never preferred, as `deprecated` says of ours, but it will also end: what `deprecated` does not say. */
  readonly ends?: boolean;
}

/** An interface. */
export interface FakeInterface {
  readonly index: number;
  name: string;
  kind: string | undefined;
  alias: string | undefined;
  group: number;
  up: boolean;
  carrier: boolean;
  master: string | undefined;
  mtu: number;
  ipv6: boolean;
  addresses: FakeAddress[];
}

/** What an operation answers: undefined is success. */
export type Errno = number | undefined;

/** An address that somebody has added by hand, preferred and valid for ever. */
export const ADDRESS_BY_HAND = {
  ...ADDRESS_AS_SET,
  deprecated: false,
  hostScope: false,
  nodad: false,
} as const;

/** An error of the sysctl port. */
class SysctlError extends Error {
  constructor(readonly errno: number) {
    super(`write: errno ${errno}`);
  }
}

/** The interfaces of a host in memory. */
export class FakeLinks {
  interfaces: FakeInterface[] = [];
  /** What its kernel has loaded. */
  modules = { dummy: true, ipvs: true };
  /** CAP_NET_ADMIN. */
  privileged = true;
  /** It is out of memory: nothing of a link can be set. */
  failing = false;
  /** What `net.ipv6.conf.default.disable_ipv6` gives a new interface. */
  ipv6ByDefault = true;
  /** /proc/sys can be written. */
  sysctlsWritable = true;
  #nextIndex = 2;
  readonly #watchers = new Set<(notices: readonly Notice[]) => void>();

  /** Calls back whenever somebody tells of a change. */
  watch(onChange: (notices: readonly Notice[]) => void): Disposable {
    this.#watchers.add(onChange);
    return { [Symbol.dispose]: () => void this.#watchers.delete(onChange) };
  }

  /** How many watch. */
  get watchers(): number {
    return this.#watchers.size;
  }

  /** Tells everybody who watches, as the real one does after a change of links or addresses by somebody else. */
  notify(...notices: readonly Notice[]): void {
    for (const watcher of this.#watchers) watcher(notices);
  }

  /** The interface of this name. @throws {Error} there is none */
  link(name: string): FakeInterface {
    const link = this.interfaces.find((each) => each.name === name);
    if (link === undefined) throw new Error(`no interface ${name}`);
    return link;
  }

  /** Adds an interface, whatever there is. */
  addLink(name: string, kind: string | undefined, alias?: string): FakeInterface {
    const link = {
      index: this.#nextIndex++,
      name,
      kind,
      alias,
      group: 0,
      up: false,
      carrier: true,
      master: undefined,
      mtu: 1500,
      ipv6: this.ipv6ByDefault,
      addresses: [],
    };
    this.interfaces.push(link);
    return link;
  }

  createDummy(name: string, group: number): Errno {
    if (!this.privileged) return ERRNO.EPERM;
    if (!this.modules.dummy) return ERRNO.EOPNOTSUPP;
    if (this.interfaces.some((each) => each.name === name)) return ERRNO.EEXIST;
    this.addLink(name, "dummy").group = group;
    return undefined;
  }

  setLink(index: number, { alias, up, master, mtu, carrier }: LinkSettings): Errno {
    if (!this.privileged) return ERRNO.EPERM;
    if (this.failing) return ERRNO.ENOBUFS;
    const link = this.interfaces.find((each) => each.index === index);
    if (link === undefined) return ERRNO.ENODEV;
    link.alias = alias === "" ? undefined : alias ?? link.alias;
    if (up === false || (master !== undefined && link.up && !delivering(link))) this.loseIpv6(link);
    // The kernel makes the routes of IPv4 addresses anew.
    if (up === true && !link.up || master !== undefined) this.#routeAll(link);
    link.up = up ?? link.up;
    if (master === 0) link.master = undefined;
    if (mtu !== undefined) this.#setMtu(link, mtu);
    link.carrier = carrier ?? link.carrier;
    return undefined;
  }

  deleteLink(index: number): Errno {
    if (!this.privileged) return ERRNO.EPERM;
    const others = this.interfaces.filter((each) => each.index !== index);
    if (others.length === this.interfaces.length) return ERRNO.ENODEV;
    this.interfaces = others;
    return undefined;
  }

  replaceAddress(index: number, added: FakeAddress): Errno {
    if (!this.privileged) return ERRNO.EPERM;
    const link = this.interfaces.find((each) => each.index === index);
    if (link === undefined) return ERRNO.ENODEV;
    const { family, text } = added.address;
    if (family === 6 && !link.ipv6) return ERRNO.EACCES;
    const have = link.addresses.find((each) => samePlace(each, added));
    const others = link.addresses.filter((each) => each !== have);
    if (family === 6 && others.some(({ address }) => address.text === text)) return ERRNO.EEXIST;
    const { deprecated, nodad } = added;
    link.addresses = [...others, have === undefined ? added : { ...have, deprecated, nodad, ends: false }];
    return undefined;
  }

  deleteAddress(index: number, address: Address, prefixLength: number, peer?: Address): Errno {
    if (!this.privileged) return ERRNO.EPERM;
    const link = this.interfaces.find((each) => each.index === index);
    if (link === undefined) return ERRNO.ENODEV;
    const others = link.addresses.filter((each) => !samePlace(each, { address, prefixLength, peer }));
    if (others.length === link.addresses.length) return ERRNO.EADDRNOTAVAIL;
    link.addresses = others;
    return undefined;
  }

  /** Sets whether the address, on this interface, has its local route. */
  setLocalRoute(index: number, address: Address, localRoute: boolean): Errno {
    if (!this.privileged) return ERRNO.EPERM;
    const link = this.interfaces.find((each) => each.index === index);
    if (link === undefined) return ERRNO.ENODEV;
    const have = link.addresses.find((each) => each.address.text === address.text);
    if (have?.localRoute === localRoute) return localRoute ? ERRNO.EEXIST : ERRNO.ESRCH;
    link.addresses = link.addresses.map((each) => each === have ? { ...each, localRoute } : each);
    return undefined;
  }

  /** Whether a packet to this address is for this host. */
  delivers(address: Address): boolean {
    return this.interfaces.some((link) =>
      delivering(link) && link.addresses.some((each) => each.address.text === address.text && each.localRoute)
    );
  }

  /** The port of sysctls: `disable_ipv6` of interfaces. */
  readonly sysctls = {
    set: (path: readonly string[], value: string): void => {
      if (!this.sysctlsWritable) throw new SysctlError(ERRNO.EROFS);
      const link = this.interfaces.find(({ name }) => name === path[3]);
      if (path.join("/") !== `net/ipv6/conf/${link?.name}/disable_ipv6`) throw new SysctlError(ERRNO.ENOENT);
      if (link !== undefined) this.setIpv6(link, value === "0");
    },
  };

  /** Switches IPv6 of an interface on or off. */
  setIpv6(link: FakeInterface, on: boolean): void {
    link.ipv6 = on;
    if (!on) this.loseIpv6(link);
  }

  /** The interface as a port tells it. */
  protected told(link: FakeInterface): ActualInterface {
    return {
      ...link,
      addresses: link.addresses.map(({ ends: _, ...each }) => ({
        ...each,
        localRoute: link.kind === "dummy" && this.delivers(each.address),
      })),
    };
  }

  #setMtu(link: FakeInterface, mtu: number): void {
    const had = link.mtu >= IPV6_MIN_MTU;
    link.mtu = mtu;
    if (mtu < IPV6_MIN_MTU) this.setIpv6(link, false);
    else if (!had) link.ipv6 = this.ipv6ByDefault;
  }

  #routeAll(link: FakeInterface): void {
    link.addresses = link.addresses.map((each) => ({ ...each, localRoute: true }));
  }

  /** What goes with IPv6, or with the interface being up. */
  loseIpv6(link: FakeInterface): void {
    link.addresses = link.addresses.filter(({ address }) => address.family === 4);
  }
}

/** Of masters a VRF alone takes the routes out of table `local`. */
function delivering({ up, master }: FakeInterface): boolean {
  return up && !(master?.startsWith("vrf") ?? false);
}

function samePlace(one: PlacedAddress, other: PlacedAddress): boolean {
  return one.address.text === other.address.text && one.prefixLength === other.prefixLength &&
    one.peer?.text === other.peer?.text;
}
