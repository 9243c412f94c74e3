/** Virtual services and destinations by generic netlink: reads those that concern us, and makes changes in batches. */
import { Writer } from "../bytes/writer.ts";
import { AddressPool } from "../netlink/address_pool.ts";
import { HOST_ORDER } from "../netlink/attribute.ts";
import { NetlinkChannel } from "../netlink/channel.ts";
import { IPVS_GENL, NETLINK } from "../netlink/constants.ts";
import { ERRNO } from "../netlink/errno.ts";
import {
  addressFamily,
  delDest,
  delService,
  dumpDests,
  dumpServices,
  newDest,
  newService,
  setDest,
  setService,
} from "../netlink/ipvs.ts";
import { decodeDest, decodeService } from "../netlink/ipvs_decode.ts";
import { decodeTraffic } from "../netlink/ipvs_traffic.ts";
import type { Request } from "../netlink/message.ts";
import { KernelError, type NetlinkTransport, openSocket, resolveFamily } from "../netlink/transport.ts";
import type { Slices } from "../time/slices.ts";
import { describeChange } from "./change.ts";
import { hintOf, type IpvsChange, type Lacking, needsNewKernel, tooOldFor } from "./ipvs_hints.ts";
import {
  actualDestination,
  actualService,
  ipvsDestination,
  ipvsService,
  ipvsServiceId,
  isAsBefore,
} from "./ipvs_objects.ts";
import type { Interest, Traffic } from "./kernel.ts";
import { sharedService } from "./sharing.ts";
import {
  type ActualDestination,
  type ActualVirtualService,
  type VirtualServiceId,
  virtualServiceKey,
  virtualServiceText,
} from "./state.ts";

/** Which virtual services are of interest. */
type IpvsInterest = Pick<Interest, "addresses" | "fwmarks">;

/** For so long a kernel that has no IPVS is not asked again: every question makes it look for the module. */
const MISSING_MS = 4_000;

/** A virtual service as last read, and what asks for its destinations. */
interface Known {
  readonly service: ActualVirtualService;
  readonly request: Request;
}

/** The host's IPVS. The socket is opened when it is needed first. */
export class NetlinkIpvs implements Disposable {
  readonly #transport: NetlinkTransport;
  readonly #slices: Slices;
  #channel: NetlinkChannel | undefined;
  #family: number | undefined;
  #missingUntilMs = -Infinity;
  readonly #addresses = new AddressPool();
  /** A destination has been read, so that it is known what the kernel says of one. */
  #known = false;
  #lacking: Lacking | undefined;
  /** What is asked for is written to. */
  readonly #into = new Writer(HOST_ORDER);
  /** As last read, by key. */
  #last: ReadonlyMap<string, Known> = new Map();

  constructor(transport: NetlinkTransport, slices: Slices) {
    this.#transport = transport;
    this.#slices = slices;
  }

  /**
   * Virtual services on addresses and marks that are of interest; none where the kernel has no IPVS. Where it is told what
   * was changed since the last read, the destinations of others are as they were then. @throws {KernelError}
   */
  async read(
    interest: IpvsInterest,
    changes?: readonly IpvsChange[],
  ): Promise<readonly ActualVirtualService[]> {
    const family = this.#resolve();
    if (family === undefined || interest.addresses.size + interest.fwmarks.size === 0) return [];
    try {
      const changed = changes && new Set(changes.map(({ service }) => virtualServiceKey(service)));
      return await this.#dump(family, interest, changed);
    } catch (error) {
      // The module was unloaded, and perhaps loaded again since, under another number.
      if (!(error instanceof KernelError) || error.errno !== ERRNO.ENOENT) throw error;
      this.#family = undefined;
      const another = this.#resolve();
      return another === undefined ? [] : await this.#dump(another, interest);
    }
  }

  /** One outcome for each change. @throws {KernelError} where nothing is known of any */
  async apply(changes: readonly IpvsChange[]): Promise<readonly (KernelError | undefined)[]> {
    const family = this.#resolve();
    if (family === undefined) return changes.map((change) => missing(describeChange(change)));
    const possible = changes.filter((change) => tooOldFor(change, this.#lacking) === undefined);
    this.#into.clear();
    const requests = possible.map((change) => requestOf(family, change, this.#into));
    const failures = this.#open().transact("change IPVS", requests);
    if (failures.some((failure) => failure?.errno === ERRNO.ENOENT)) this.#family = undefined;
    const errors = new Map(possible.map((change, index) => {
      const failure = failures[index];
      return [change, failure && new KernelError(describeChange(change), failure, hintOf(change, failure))];
    }));
    if (!this.#known) {
      await this.#learn(
        family,
        possible.filter((change) => errors.get(change) === undefined),
      );
    }
    return changes.map((change) => errors.get(change) ?? tooOldFor(change, this.#lacking));
  }

  /** What goes through each virtual service; nothing where the kernel has no IPVS, or does not tell. @throws {KernelError} */
  async traffic(): Promise<readonly Traffic[]> {
    const family = this.#resolve();
    if (family === undefined) return [];
    return await this.#open().dump("list virtual services", dumpServices(family), (message) => {
      const service = decodeService(message);
      const actual = service && actualService(service);
      const traffic = decodeTraffic(message);
      return actual && traffic && { service: actual, ...traffic };
    });
  }

  /** What this kernel cannot do. @throws {KernelError} */
  probe(): readonly KernelError[] {
    return this.#resolve() === undefined ? [missing("program IPVS")] : [];
  }

  [Symbol.dispose](): void {
    this.#channel?.[Symbol.dispose]();
    this.#channel = undefined;
  }

  #open(): NetlinkChannel {
    return this.#channel ??= new NetlinkChannel(openSocket(this.#transport, NETLINK.GENERIC), this.#slices);
  }

  #resolve(): number | undefined {
    const { clock } = this.#slices;
    if (this.#family !== undefined || clock.now() < this.#missingUntilMs) return this.#family;
    this.#family = resolveFamily(this.#transport, IPVS_GENL.NAME);
    if (this.#family === undefined) this.#missingUntilMs = clock.now() + MISSING_MS;
    return this.#family;
  }

  /** The destinations of virtual services that are known are not read again where these are not `changed`. */
  async #dump(
    family: number,
    interest: IpvsInterest,
    changed?: ReadonlySet<string>,
  ): Promise<readonly ActualVirtualService[]> {
    // Else those whose destinations are not read would be forgotten.
    if (changed === undefined) this.#addresses.beginRead();
    const read = new Map<string, Known>();
    let isDoubtful = false;
    for (const service of await this.#list(family, interest)) {
      const key = virtualServiceKey(service);
      const known = this.#last.get(key);
      const request = known?.request.type === family ? known.request : askDestinations(family, service);
      const isUnchanged = changed !== undefined && !changed.has(key);
      const destinations = (isUnchanged ? known?.service.destinations : undefined) ??
        await this.#destinations(service, request, known?.service.destinations);
      isDoubtful ||= destinations.length === 0 && known?.service.destinations.length !== 0;
      read.set(key, { service: sharedService(known?.service, service, destinations), request });
    }
    // The kernel has no destinations, and no error, for a virtual service that somebody has deleted meanwhile.
    if (isDoubtful) {
      const present = new Set((await this.#list(family, interest)).map(virtualServiceKey));
      for (const key of read.keys()) if (!present.has(key)) read.delete(key);
    }
    this.#last = read;
    return Array.from(read.values(), ({ service }) => service);
  }

  #list(family: number, { addresses, fwmarks }: IpvsInterest): Promise<ActualVirtualService[]> {
    return this.#open().dump("list virtual services", dumpServices(family), (message) => {
      const service = decodeService(message, this.#addresses);
      const actual = service && actualService(service);
      if (actual === undefined) return undefined;
      const concerns = actual.fwmark > 0
        ? fwmarks.has(virtualServiceKey(actual))
        : addresses.has(actual.address.text);
      return concerns ? actual : undefined;
    });
  }

  /** Those that are as `before`, in the same order, are the same objects. */
  #destinations(
    service: VirtualServiceId,
    request: Request,
    before: readonly ActualDestination[] = [],
  ): Promise<ActualDestination[]> {
    const serviceFamily = addressFamily(service.address);
    let at = 0;
    return this.#open().dump(
      `list destinations of ${virtualServiceText(service)}`,
      request,
      (message) => {
        const destination = decodeDest(message, serviceFamily, this.#addresses);
        if (destination === undefined) return undefined;
        this.#known = true;
        this.#lacking = destination.lacks;
        const last = before[at++];
        return last !== undefined && isAsBefore(last, destination) ? last : actualDestination(destination);
      },
    );
  }

  /** Finds out what the kernel knows of tunnels by the first that was made, and takes back what it made otherwise. */
  async #learn(family: number, made: readonly IpvsChange[]): Promise<void> {
    const [first] = made.filter(needsNewKernel);
    if (first === undefined) return;
    await this.#destinations(first.service, askDestinations(family, first.service));
    const wrong = made.filter((change) =>
      change.type === "create-destination" && tooOldFor(change, this.#lacking) !== undefined
    );
    const undo = wrong.flatMap((change) =>
      change.type === "create-destination"
        ? [delDest(family, ipvsServiceId(change.service), change.destination)]
        : []
    );
    this.#open().transact("take back what this kernel is too old for", undo);
  }
}

function askDestinations(family: number, service: VirtualServiceId): Request {
  return dumpDests(family, ipvsServiceId(service));
}

/** Written to `into`. */
function requestOf(family: number, change: IpvsChange, into: Writer): Request {
  const id = ipvsServiceId(change.service);
  switch (change.type) {
    case "create-service":
      return newService(family, ipvsService(change.service), into);
    case "set-service":
      return setService(family, ipvsService(change.service), into);
    case "delete-service":
      return delService(family, id);
    case "create-destination":
      return newDest(family, id, ipvsDestination(change.destination), into);
    case "set-destination":
      return setDest(family, id, ipvsDestination(change.destination), into);
    case "delete-destination":
      return delDest(family, id, change.destination);
    default:
      return change satisfies never;
  }
}

function missing(operation: string): KernelError {
  const failure = { errno: ERRNO.ENOENT, extendedAck: "this kernel has no IPVS" };
  return new KernelError(operation, failure, "load the module: modprobe ip_vs");
}
