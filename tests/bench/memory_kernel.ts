/** A kernel in memory that answers at once: it holds what it is told to, and gives it back. */
import type { Change } from "../../src/kernel/change.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import {
  type ActualInterface,
  type ActualKernel,
  type ActualVirtualService,
  ADDRESS_AS_SET,
  destinationKey,
  INTERFACE_AS_MADE,
  interfaceMark,
  virtualServiceKey,
} from "../../src/kernel/state.ts";
import { sleep, systemClock } from "../../src/time/clock.ts";
import { Slices } from "../../src/time/slices.ts";

/** Its objects are the same ones as long as nothing of them changes, or (`isAnew`) other ones at each read. */
export class MemoryKernel implements Kernel {
  readonly #links = new Map<string, ActualInterface>();
  readonly #services = new Map<string, ActualVirtualService>();

  constructor(readonly isAnew: boolean) {}

  async read(): Promise<ActualKernel> {
    await sleep(systemClock);
    const { isAnew } = this;
    const interfaces = [...this.#links.values()];
    const virtualServices = [...this.#services.values()];
    return {
      interfaces: isAnew ? interfaces.map((link) => ({ ...link })) : interfaces,
      virtualServices: isAnew ? virtualServices.map((service) => ({ ...service })) : virtualServices,
    };
  }

  async apply(changes: readonly Change[]): Promise<readonly undefined[]> {
    const slices = new Slices(systemClock);
    for (const change of changes) {
      this.#make(change);
      const pause = slices.pause();
      if (pause !== undefined) await pause;
    }
    return changes.map(() => undefined);
  }

  watch = () => ({ [Symbol.dispose]() {} });
  traffic = () => Promise.resolve([]);
  probe = () => Promise.resolve([]);
  [Symbol.dispose](): void {}

  /** `ipvsadm -C`. */
  clear(): void {
    this.#services.clear();
  }

  #make(change: Change): void {
    switch (change.type) {
      case "create-interface": {
        const { name, service } = change;
        const index = this.#links.size + 2;
        const link = { ...INTERFACE_AS_MADE, index, name, alias: interfaceMark(service), addresses: [] };
        return void this.#links.set(name, link);
      }
      case "add-address": {
        const link = this.#links.get(change.interface);
        if (link === undefined) return;
        const { address } = change;
        const added = { address, prefixLength: address.bytes.byteLength * 8, ...ADDRESS_AS_SET };
        return void this.#links.set(link.name, { ...link, addresses: [...link.addresses, added] });
      }
      case "create-service": {
        const { service } = change;
        return void this.#services.set(virtualServiceKey(service), { ...service, destinations: [] });
      }
      case "create-destination":
      case "set-destination": {
        const key = virtualServiceKey(change.service);
        const service = this.#services.get(key);
        if (service === undefined) return;
        const own = destinationKey(change.destination);
        const others = service.destinations.filter((each) => destinationKey(each) !== own);
        const added = { ...change.destination, activeConnections: 0, inactiveConnections: 0 };
        return void this.#services.set(key, { ...service, destinations: [...others, added] });
      }
      default:
        throw new Error(`${change.type} is not what this is about`);
    }
  }
}
