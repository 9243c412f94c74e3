/**
 * A host's interfaces and IPVS in memory, with the rules that matter of the real kernel's: keys are taken or missing, and
 * deleting a virtual service takes its destinations along. Operations answer with an errno, or undefined where they succeed.
 */
import {
  type ActualDestination,
  type Destination,
  destinationKey,
  type VirtualService,
  type VirtualServiceId,
  virtualServiceKey,
} from "../../src/kernel/state.ts";
import { ERRNO } from "../../src/netlink/errno.ts";
import { type Errno, FakeLinks } from "./fake_links.ts";

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

/** Those that Linux has. */
export const ALL_SCHEDULERS: ReadonlySet<string> = new Set(
  ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"],
);

/** A host in memory. */
export class FakeHost extends FakeLinks {
  services: FakeService[] = [];
  schedulers: ReadonlySet<string> = new Set(["rr", "wrr", "lc", "sh", "mh"]);
  persistenceEngines: ReadonlySet<string> = new Set(["sip"]);
  /** The IPVS sync daemon runs, which knows no destinations of another family. */
  syncDaemon = false;
  /** Datagrams by virtual service, and by destination in it. */
  readonly counted = new Map<string, number>();
  #births = 0;

  /** Adds a virtual service, whatever there is. */
  addService(service: VirtualService): void {
    this.services.push({ ...service, birth: this.#births++ });
  }

  /** A datagram to a virtual service goes to its first destination. @throws {Error} there is no such service */
  count(id: FakeServiceId): void {
    const service = this.#find(id);
    if (service === undefined) throw new Error(`no virtual service ${virtualServiceKey(id)}`);
    const [destination] = service.destinations;
    const keys = [virtualServiceKey(id), ...destination === undefined ? [] : [counterKey(id, destination)]];
    for (const key of keys) this.counted.set(key, (this.counted.get(key) ?? 0) + 1);
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
    if (have === undefined) return ERRNO.ESRCH;
    const keys = [virtualServiceKey(id), ...have.destinations.map((each) => counterKey(id, each))];
    for (const key of keys) this.counted.delete(key);
    return this.#replace(have);
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
    this.counted.delete(counterKey(id, destination));
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

function counterKey(id: FakeServiceId, destination: Pick<Destination, "address" | "port">): string {
  return `${virtualServiceKey(id)} ${destinationKey(destination)}`;
}
