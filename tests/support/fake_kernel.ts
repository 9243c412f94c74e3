/** The kernel port on a host in memory. `tests/contract` holds it to the real one. */
import { type Change, describeChange } from "../../src/kernel/change.ts";
import { hintOf, type IpvsChange, isIpvsChange } from "../../src/kernel/ipvs_hints.ts";
import type { Interest, Kernel, Managed, Traffic, TrafficFigures } from "../../src/kernel/kernel.ts";
import {
  type ActualKernel,
  ADDRESS_AS_SET,
  INTERFACE_GROUP,
  interfaceMark,
  isOurs,
  markedFwmarks,
  virtualServiceKey,
} from "../../src/kernel/state.ts";
import { errnoText } from "../../ffi/errno.ts";
import type { Address } from "../../src/net/address.ts";
import { IPV6_MIN_MTU } from "../../src/netlink/constants.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { KernelError } from "../../src/netlink/transport.ts";
import { FakeHost } from "./fake_host.ts";
import type { Errno, FakeAddress } from "./fake_links.ts";

const NO_TRAFFIC: TrafficFigures = {
  connections: 0,
  packetsIn: 0,
  packetsOut: 0,
  octetsIn: 0,
  octetsOut: 0,
};

/** A kernel in memory, with the host's state open to tests. */
export class FakeKernel extends FakeHost implements Kernel {
  /** Every change that was made, in words. */
  readonly made: string[] = [];
  /** What goes through each virtual service, by its key; nothing through the others. */
  readonly rates = new Map<string, TrafficFigures>();
  readonly totals = new Map<string, TrafficFigures>();
  reads = 0;
  /** What every destination carries. */
  activeConnections = 0;
  /** Runs before a change is made: what somebody else does meanwhile. */
  beforeChange: (change: Change) => void = () => {};
  /** A refusal for no reason. */
  refuse: (change: Change) => Errno = () => undefined;
  /** A read that fails. */
  readError: KernelError | undefined;

  // deno-lint-ignore require-await -- refusals are rejections
  async read({ interfaceNames, addresses, fwmarks, managed }: Interest): Promise<ActualKernel> {
    this.reads++;
    if (this.readError !== undefined) throw this.readError;
    const interfaces = this.interfaces.filter((link) =>
      managed.interfaces && (isOurs(link) || interfaceNames.has(link.name))
    );
    const onOurs = interfaces.filter(isOurs).flatMap((link) => link.addresses).map(({ address }) =>
      address.text
    );
    const marks = new Set([...fwmarks, ...interfaces.flatMap(markedFwmarks).map(virtualServiceKey)]);
    const services = managed.ipvs && this.modules.ipvs ? this.services : [];
    return {
      interfaces: interfaces.map((link) => this.told(link)),
      virtualServices: services
        .filter((service) =>
          service.fwmark > 0
            ? marks.has(virtualServiceKey(service))
            : addresses.has(service.address.text) || onOurs.includes(service.address.text)
        )
        .map(({ birth: _, ...service }) => ({
          ...service,
          destinations: service.destinations.map((each) => ({
            ...each,
            activeConnections: this.activeConnections,
            inactiveConnections: 0,
          })),
        })),
    };
  }

  // deno-lint-ignore require-await -- as the port has it
  async apply(changes: readonly Change[]): Promise<readonly (KernelError | undefined)[]> {
    const failed = new Map<string, KernelError>();
    return changes.map((change) => {
      this.beforeChange(change);
      const foundation = foundationOf(change);
      const error = failed.get(foundation) ?? this.#attempt(change);
      const carries = change.type === "create-interface" || change.type === "set-interface" ||
        change.type === "create-service";
      if (error !== undefined && carries) failed.set(foundation, error);
      return error;
    });
  }

  // deno-lint-ignore require-await -- errors are rejections
  async traffic(): Promise<readonly Traffic[]> {
    if (this.readError !== undefined) throw this.readError;
    return this.services.map((service) => ({
      service,
      rates: this.rates.get(virtualServiceKey(service)) ?? NO_TRAFFIC,
      totals: this.totals.get(virtualServiceKey(service)) ?? NO_TRAFFIC,
    }));
  }

  // deno-lint-ignore require-await -- as the port has it
  async probe({ interfaces, ipvs }: Managed): Promise<readonly KernelError[]> {
    if (!this.privileged) return [refusal("change interfaces", ERRNO.EPERM)];
    return [
      ...this.modules.dummy || !interfaces
        ? []
        : [refusal("create dummy interfaces", ERRNO.EOPNOTSUPP, "modprobe dummy")],
      ...this.modules.ipvs || !ipvs ? [] : [refusal("program IPVS", ERRNO.ENOENT, "modprobe ip_vs")],
    ];
  }

  [Symbol.dispose](): void {}

  #attempt(change: Change): KernelError | undefined {
    const errno = this.refuse(change) ?? this.#make(change);
    if (errno === undefined) {
      this.made.push(describeChange(change));
      return undefined;
    }
    return refusal(describeChange(change), errno, this.#hint(change, errno));
  }

  #hint(change: Change, errno: number): string | undefined {
    if (errno === ERRNO.EOPNOTSUPP) return "modprobe dummy";
    if (!this.modules.ipvs) return "modprobe ip_vs";
    return isIpvsChange(change) ? hintOf(change, { errno, extendedAck: undefined }) : undefined;
  }

  #make(change: Change): Errno {
    switch (change.type) {
      case "create-interface":
        return this.createDummy(change.name, INTERFACE_GROUP) ??
          this.#configure(change, this.link(change.name).index);
      case "set-interface":
        return this.#configure(change, change.index);
      case "delete-interface":
        return this.#onOurs(change.index, (index) => this.deleteLink(index));
      case "add-address":
      case "set-address": {
        const index = change.index ?? this.interfaces.find(({ name }) => name === change.interface)?.index;
        return this.#onOurs(index, (known) => this.replaceAddress(known, placed(change.address)));
      }
      case "exchange-address":
        return this.#onOurs(change.index, (index) => {
          const { address, prefixLength, peer } = change.old;
          this.deleteAddress(index, address, prefixLength, peer);
          return this.replaceAddress(index, placed(address));
        });
      case "restore-route":
        return this.#onOurs(change.index, (index) => this.setLocalRoute(index, change.address, true));
      case "delete-address":
        return this.#onOurs(
          change.index,
          (index) => {
            const errno = this.deleteAddress(index, change.address, change.prefixLength, change.peer);
            return errno === ERRNO.EADDRNOTAVAIL ? undefined : errno;
          },
        );
      default:
        return this.modules.ipvs ? this.#makeIpvs(change) : ERRNO.ENOENT;
    }
  }

  #makeIpvs(change: IpvsChange): Errno {
    switch (change.type) {
      case "create-service":
        return this.newService(change.service);
      case "set-service":
        return this.setService(change.service);
      case "delete-service":
        return this.delService(change.service);
      case "create-destination":
        return this.newDest(change.service, change.destination);
      case "set-destination":
        return this.setDest(change.service, change.destination);
      case "delete-destination":
        return this.delDest(change.service, change.destination);
      default:
        return change satisfies never;
    }
  }

  #configure(
    { service, fwmarks, ipv6 }: Extract<Change, { readonly type: "create-interface" | "set-interface" }>,
    index: number,
  ): Errno {
    const link = this.interfaces.find((each) => each.index === index);
    const narrow = link !== undefined && link.mtu < IPV6_MIN_MTU;
    const errno = this.setLink(index, {
      alias: interfaceMark(service, fwmarks),
      up: true,
      carrier: true,
      ...link?.master === undefined ? {} : { master: 0 },
      ...ipv6 && narrow ? { mtu: 1500 } : {},
    });
    if (errno !== undefined || link === undefined || !ipv6 || link.ipv6) return errno;
    if (!this.sysctlsWritable) return ERRNO.EROFS;
    this.setIpv6(link, true);
    return undefined;
  }

  #onOurs(index: number | undefined, make: (index: number) => Errno): Errno {
    const link = this.interfaces.find((each) => each.index === index);
    if (link === undefined) return ERRNO.ENODEV;
    return isOurs(link) ? make(link.index) : 0;
  }
}

function placed(address: Address): FakeAddress {
  return { address, prefixLength: address.bytes.byteLength * 8, ...ADDRESS_AS_SET };
}

function foundationOf(change: Change): string {
  switch (change.type) {
    case "create-interface":
    case "set-interface":
      return `interface ${change.name}`;
    case "add-address":
    case "set-address":
    case "exchange-address":
    case "restore-route":
      return `interface ${change.interface}`;
    case "create-service":
    case "create-destination":
      return virtualServiceKey(change.service);
    default:
      return "";
  }
}

function refusal(operation: string, errno: number, hint?: string): KernelError {
  const extendedAck = errno === 0 ? "the interface is not ours any more" : undefined;
  const words = errno === 0 ? {} : { words: errnoText(errno) };
  return new KernelError(operation, { errno, ...words, extendedAck }, hint);
}
