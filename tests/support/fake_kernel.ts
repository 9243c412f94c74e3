/**
 * A kernel in memory with the rules that matter of the real one: names and keys are taken or missing, going up gives a
 * link-local address that nobody sees, an IPv6 address is once on an interface, deleting a service takes its
 * destinations along. `tests/contract` holds it to the real one. Whatever it is given by name is somebody else's doing.
 */
import { type Change, describeChange } from "../../src/kernel/change.ts";
import type { Interest, Kernel } from "../../src/kernel/kernel.ts";
import {
  type ActualAddress,
  type ActualKernel,
  destinationKey,
  interfaceMark,
  isOurs,
  type VirtualService,
  virtualServiceKey,
} from "../../src/kernel/state.ts";
import { KernelError } from "../../src/netlink/transport.ts";
import { ERRNO } from "../../src/netlink/errno.ts";

/** An interface of the fake kernel. */
export interface FakeInterface {
  readonly index: number;
  name: string;
  kind: string | undefined;
  alias: string | undefined;
  up: boolean;
  addresses: ActualAddress[];
}

/** A virtual service of the fake kernel. */
export interface FakeService extends VirtualService {
  /** Set at creation and kept by every change: a counter that must not be reset. */
  readonly birth: number;
}

/** A kernel in memory. */
export class FakeKernel implements Kernel {
  interfaces: FakeInterface[] = [];
  services: FakeService[] = [];
  /** What this kernel has loaded. */
  modules = { dummy: true, ipvs: true };
  schedulers: ReadonlySet<string> = new Set(["rr", "wrr", "lc", "sh", "mh"]);
  /** CAP_NET_ADMIN. */
  privileged = true;
  /** Every change that was made, in words. */
  readonly made: string[] = [];
  reads = 0;
  /** Runs before a change is made: what somebody else does meanwhile. */
  beforeChange: (change: Change) => void = () => {};
  /** A refusal for no reason. */
  refuse: (change: Change) => number | undefined = () => undefined;
  /** A read that fails. */
  readError: KernelError | undefined;
  #nextIndex = 2;
  #births = 0;
  readonly #watchers = new Set<() => void>();

  // deno-lint-ignore require-await -- refusals are rejections
  async read({ interfaceNames, addresses, ipvs }: Interest): Promise<ActualKernel> {
    this.reads++;
    if (this.readError !== undefined) throw this.readError;
    const interfaces = this.interfaces.filter((link) => isOurs(link) || interfaceNames.has(link.name));
    const onOurs = interfaces.filter(isOurs).flatMap((link) => link.addresses).map(({ address }) =>
      address.text
    );
    const services = ipvs && this.modules.ipvs ? this.services : [];
    return {
      interfaces: interfaces.map((link) => ({ ...link, addresses: [...link.addresses] })),
      virtualServices: services
        .filter(({ address }) => addresses.has(address.text) || onOurs.includes(address.text))
        .map(({ birth: _, ...service }) => ({
          ...service,
          destinations: service.destinations.map((each) => ({ ...each, activeConnections: 0 })),
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

  watch(onChange: () => void): Disposable {
    this.#watchers.add(onChange);
    return { [Symbol.dispose]: () => void this.#watchers.delete(onChange) };
  }

  // deno-lint-ignore require-await -- as the port has it
  async probe({ ipvs }: { readonly ipvs: boolean }): Promise<readonly KernelError[]> {
    if (!this.privileged) return [refusal("change interfaces", ERRNO.EPERM)];
    return [
      ...this.modules.dummy ? [] : [refusal("create dummy interfaces", ERRNO.EOPNOTSUPP, "modprobe dummy")],
      ...this.modules.ipvs || !ipvs ? [] : [refusal("program IPVS", ERRNO.ENOENT, "modprobe ip_vs")],
    ];
  }

  [Symbol.dispose](): void {
    this.#watchers.clear();
  }

  /** How many watch. */
  get watchers(): number {
    return this.#watchers.size;
  }

  /** Tells everybody who watches, as the real one does after a change of links or addresses by somebody else. */
  notify(): void {
    for (const watcher of this.#watchers) watcher();
  }

  /** The interface of this name. @throws {Error} there is none */
  link(name: string): FakeInterface {
    const link = this.interfaces.find((each) => each.name === name);
    if (link === undefined) throw new Error(`no interface ${name}`);
    return link;
  }

  /** Somebody creates an interface. */
  addLink(name: string, kind: string | undefined, alias?: string): FakeInterface {
    const link = { index: this.#nextIndex++, name, kind, alias, up: false, addresses: [] };
    this.interfaces.push(link);
    return link;
  }

  /** Somebody creates a virtual service. */
  addService(service: VirtualService): void {
    this.services.push({ ...service, birth: this.#births++ });
  }

  #attempt(change: Change): KernelError | undefined {
    const errno = this.refuse(change) ?? (this.privileged ? this.#make(change) : ERRNO.EPERM);
    if (errno === undefined) {
      this.made.push(describeChange(change));
      return undefined;
    }
    const scheduler = change.type === "create-service" && errno === ERRNO.ENOENT && this.modules.ipvs
      ? `modprobe ip_vs_${change.service.scheduler}`
      : undefined;
    const module = errno === ERRNO.EOPNOTSUPP
      ? "modprobe dummy"
      : this.modules.ipvs
      ? undefined
      : "modprobe ip_vs";
    return refusal(describeChange(change), errno, scheduler ?? module);
  }

  /** Makes a change, or says with what number the kernel refuses it. */
  #make(change: Change): number | undefined {
    switch (change.type) {
      case "create-interface": {
        if (!this.modules.dummy) return ERRNO.EOPNOTSUPP;
        if (this.interfaces.some(({ name }) => name === change.name)) return ERRNO.EEXIST;
        this.addLink(change.name, "dummy", interfaceMark(change.service)).up = true;
        return undefined;
      }
      case "set-interface": {
        const link = this.interfaces.find(({ index }) => index === change.index);
        if (link === undefined) return ERRNO.ENODEV;
        link.alias = interfaceMark(change.service);
        link.up = true;
        return undefined;
      }
      case "delete-interface": {
        const link = this.interfaces.find(({ index }) => index === change.index);
        if (link === undefined) return ERRNO.ENODEV;
        if (!isOurs(link)) return 0;
        this.interfaces = this.interfaces.filter((each) => each !== link);
        return undefined;
      }
      case "add-address":
      case "set-address":
      case "delete-address":
        return this.#makeAddress(change);
      default:
        return this.modules.ipvs ? this.#makeIpvs(change) : ERRNO.ENOENT;
    }
  }

  #makeAddress(change: Extract<Change, { readonly type: `${string}-address` }>): number | undefined {
    const { address, index } = change;
    const link = this.interfaces.find((each) =>
      index === undefined ? each.name === change.interface : each.index === index
    );
    if (link === undefined) return ERRNO.ENODEV;
    if (!isOurs(link)) return 0;
    const hostLength = address.bytes.byteLength * 8;
    const prefixLength = change.type === "delete-address" ? change.prefixLength : hostLength;
    const others = link.addresses.filter((each) =>
      each.address.text !== address.text || each.prefixLength !== prefixLength
    );
    if (change.type === "delete-address") {
      if (others.length === link.addresses.length) return ERRNO.EADDRNOTAVAIL;
      link.addresses = others;
      return undefined;
    }
    if (address.family === 6 && others.some((each) => each.address.text === address.text)) {
      return ERRNO.EEXIST;
    }
    link.addresses = [...others, { address, prefixLength, deprecated: true }];
    return undefined;
  }

  #makeIpvs(
    change: Extract<Change, { readonly type: `${string}-service` | `${string}-destination` }>,
  ): number | undefined {
    const key = virtualServiceKey(change.service);
    const at = this.services.findIndex((each) => virtualServiceKey(each) === key);
    const have = this.services[at];
    if (change.type === "create-service") {
      if (have !== undefined) return ERRNO.EEXIST;
      if (!this.schedulers.has(change.service.scheduler)) return ERRNO.ENOENT;
      this.addService({ ...change.service, destinations: [] });
      return undefined;
    }
    if (have === undefined) return ERRNO.ESRCH;
    if (change.type === "delete-service") {
      this.services.splice(at, 1);
      return undefined;
    }
    if (!("destination" in change)) {
      if (!this.schedulers.has(change.service.scheduler)) return ERRNO.ENOENT;
      this.services[at] = { ...have, ...change.service, destinations: have.destinations };
      return undefined;
    }
    const others = have.destinations.filter((each) =>
      destinationKey(each) !== destinationKey(change.destination)
    );
    const there = others.length < have.destinations.length;
    if (change.type === "create-destination" && there) return ERRNO.EEXIST;
    if (change.type !== "create-destination" && !there) return ERRNO.ENOENT;
    const destinations = change.type === "delete-destination" ? others : [...others, change.destination];
    this.services[at] = { ...have, destinations };
    return undefined;
  }
}

function foundationOf(change: Change): string {
  switch (change.type) {
    case "create-interface":
    case "set-interface":
      return `interface ${change.name}`;
    case "add-address":
    case "set-address":
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
  return new KernelError(operation, { errno, extendedAck }, hint);
}
