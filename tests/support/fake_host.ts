/**
 * A host's interfaces and IPVS in memory, with the rules that matter of the real kernel's: names and keys are taken or
 * missing, an IPv6 address is once on an interface, deleting a virtual service takes its destinations along. Operations
 * answer with an errno, or undefined where they succeed.
 */
import {
  type ActualAddress,
  type ActualDestination,
  type Destination,
  destinationKey,
  type VirtualService,
  type VirtualServiceId,
  virtualServiceKey,
} from "../../src/kernel/state.ts";
import type { Notice } from "../../src/kernel/kernel.ts";
import type { Address } from "../../src/net/address.ts";
import { ERRNO } from "../../src/netlink/errno.ts";

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
  up: boolean;
  addresses: FakeAddress[];
}

/** A destination. */
export type FakeDestination = Destination & Pick<ActualDestination, "foreign">;

/** A virtual service. */
export interface FakeService extends VirtualService {
  readonly destinations: readonly FakeDestination[];
  /** Set at creation and kept by every change, like a counter that must not be reset. */
  readonly birth: number;
}

/** What identifies a virtual service. */
export type FakeServiceId = VirtualServiceId;

/** What an operation answers: undefined is success. */
export type Errno = number | undefined;

/** A host in memory. */
export class FakeHost {
  interfaces: FakeInterface[] = [];
  services: FakeService[] = [];
  /** What its kernel has loaded. */
  modules = { dummy: true, ipvs: true };
  schedulers: ReadonlySet<string> = new Set(["rr", "wrr", "lc", "sh", "mh"]);
  persistenceEngines: ReadonlySet<string> = new Set(["sip"]);
  /** The IPVS sync daemon runs, which knows no destinations of another family. */
  syncDaemon = false;
  /** CAP_NET_ADMIN. */
  privileged = true;
  /** It is out of memory: nothing of a link can be set. */
  failing = false;
  #nextIndex = 2;
  #births = 0;
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
    const link = { index: this.#nextIndex++, name, kind, alias, up: false, addresses: [] };
    this.interfaces.push(link);
    return link;
  }

  /** Adds a virtual service, whatever there is. */
  addService(service: VirtualService): void {
    this.services.push({ ...service, birth: this.#births++ });
  }

  createDummy(name: string): Errno {
    if (!this.privileged) return ERRNO.EPERM;
    if (!this.modules.dummy) return ERRNO.EOPNOTSUPP;
    if (this.interfaces.some((each) => each.name === name)) return ERRNO.EEXIST;
    this.addLink(name, "dummy");
    return undefined;
  }

  setLink(index: number, settings: { readonly alias?: string; readonly up?: boolean }): Errno {
    if (!this.privileged) return ERRNO.EPERM;
    if (this.failing) return ERRNO.ENOBUFS;
    const link = this.interfaces.find((each) => each.index === index);
    if (link === undefined) return ERRNO.ENODEV;
    link.alias = settings.alias ?? link.alias;
    link.up = settings.up ?? link.up;
    return undefined;
  }

  deleteLink(index: number): Errno {
    if (!this.privileged) return ERRNO.EPERM;
    const others = this.interfaces.filter((each) => each.index !== index);
    if (others.length === this.interfaces.length) return ERRNO.ENODEV;
    this.interfaces = others;
    return undefined;
  }

  replaceAddress(index: number, added: ActualAddress): Errno {
    if (!this.privileged) return ERRNO.EPERM;
    const link = this.interfaces.find((each) => each.index === index);
    if (link === undefined) return ERRNO.ENODEV;
    const others = link.addresses.filter((each) => !sameAddress(each, added));
    const { family, text } = added.address;
    if (family === 6 && others.some(({ address }) => address.text === text)) return ERRNO.EEXIST;
    link.addresses = [...others, added];
    return undefined;
  }

  deleteAddress(index: number, address: Address, prefixLength: number): Errno {
    if (!this.privileged) return ERRNO.EPERM;
    const link = this.interfaces.find((each) => each.index === index);
    if (link === undefined) return ERRNO.ENODEV;
    const others = link.addresses.filter((each) => !sameAddress(each, { address, prefixLength }));
    if (others.length === link.addresses.length) return ERRNO.EADDRNOTAVAIL;
    link.addresses = others;
    return undefined;
  }

  newService(service: VirtualService): Errno {
    if (!this.privileged) return ERRNO.EPERM;
    if (this.#find(service) !== undefined) return ERRNO.EEXIST;
    if (!this.#hasModulesOf(service)) return ERRNO.ENOENT;
    this.addService({ ...service, destinations: [] });
    return undefined;
  }

  setService(service: VirtualService): Errno {
    if (!this.privileged) return ERRNO.EPERM;
    const have = this.#find(service);
    if (have === undefined) return ERRNO.ESRCH;
    if (!this.#hasModulesOf(service)) return ERRNO.ENOENT;
    return this.#replace(have, { ...have, ...service, destinations: have.destinations });
  }

  delService(id: FakeServiceId): Errno {
    if (!this.privileged) return ERRNO.EPERM;
    const have = this.#find(id);
    return have === undefined ? ERRNO.ESRCH : this.#replace(have);
  }

  newDest(id: FakeServiceId, destination: Destination): Errno {
    const refusal = this.#refusalOf(id, destination);
    return this.#changeDest(
      id,
      destination,
      ({ there }) => refusal ?? (there ? ERRNO.EEXIST : [destination]),
    );
  }

  setDest(id: FakeServiceId, destination: Destination): Errno {
    const refusal = this.#refusalOf(id, destination);
    return this.#changeDest(
      id,
      destination,
      ({ there }) => refusal ?? (there ? [destination] : ERRNO.ENOENT),
    );
  }

  delDest(id: FakeServiceId, destination: Destination): Errno {
    return this.#changeDest(id, destination, ({ there }) => there ? [] : ERRNO.ENOENT);
  }

  #changeDest(
    id: FakeServiceId,
    destination: Destination,
    change: (had: { readonly there: boolean }) => readonly Destination[] | number,
  ): Errno {
    if (!this.privileged) return ERRNO.EPERM;
    const have = this.#find(id);
    if (have === undefined) return ERRNO.ESRCH;
    const others = have.destinations.filter((each) => destinationKey(each) !== destinationKey(destination));
    const instead = change({ there: others.length < have.destinations.length });
    if (typeof instead === "number") return instead;
    return this.#replace(have, { ...have, destinations: [...others, ...instead] });
  }

  #hasModulesOf({ scheduler, persistenceEngine }: VirtualService): boolean {
    return this.schedulers.has(scheduler) &&
      (persistenceEngine === "" || this.persistenceEngines.has(persistenceEngine));
  }

  #refusalOf({ address }: FakeServiceId, destination: Destination): Errno {
    const { forwarding, upperThreshold, lowerThreshold, tunnel } = destination;
    const mixed = address.family !== destination.address.family;
    if (mixed && (this.syncDaemon || forwarding !== "tunnel")) return ERRNO.EINVAL;
    if (lowerThreshold > upperThreshold) return ERRNO.ERANGE;
    return tunnel?.type === "gue" && tunnel.port === 0 ? ERRNO.EINVAL : undefined;
  }

  #find(id: FakeServiceId): FakeService | undefined {
    return this.services.find((each) => virtualServiceKey(each) === virtualServiceKey(id));
  }

  #replace(service: FakeService, ...instead: readonly FakeService[]): undefined {
    this.services = this.services.flatMap((each) => each === service ? instead : [each]);
  }
}

function sameAddress(
  one: Pick<ActualAddress, "address" | "prefixLength">,
  other: Pick<ActualAddress, "address" | "prefixLength">,
): boolean {
  return one.address.text === other.address.text && one.prefixLength === other.prefixLength;
}
