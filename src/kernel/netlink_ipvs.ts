/** Virtual services and destinations by generic netlink: reads those that concern us, and makes changes in batches. */
import { NetlinkChannel } from "../netlink/channel.ts";
import { IP_VS_CONN_F, IP_VS_SVC_F, IPPROTO, IPVS_GENL, NETLINK } from "../netlink/constants.ts";
import { ERRNO } from "../netlink/errno.ts";
import {
  addressFamily,
  decodeDest,
  decodeService,
  delDest,
  delService,
  dumpDests,
  dumpServices,
  type IpvsActualDestination,
  type IpvsDestination,
  type IpvsService,
  type IpvsServiceId,
  newDest,
  newService,
  setDest,
  setService,
} from "../netlink/ipvs.ts";
import type { Failure, Request } from "../netlink/message.ts";
import { KernelError, type NetlinkTransport, openSocket, resolveFamily } from "../netlink/transport.ts";
import type { Interest } from "./kernel.ts";
import { shared } from "./sharing.ts";
import type { Slices } from "../time/slices.ts";
import { type Change, describeChange } from "./change.ts";
import {
  type ActualDestination,
  type ActualVirtualService,
  type Destination,
  type VirtualService,
  type VirtualServiceId,
  virtualServiceKey,
  virtualServiceText,
} from "./state.ts";

/** A change of virtual services or destinations. */
export type IpvsChange = Extract<Change, { readonly type: `${string}-service` | `${string}-destination` }>;

/** Which virtual services are of interest. */
type IpvsInterest = Pick<Interest, "addresses" | "fwmarks">;

/** For so long a kernel that has no IPVS is not asked again: every question makes it look for the module. */
const MISSING_MS = 4_000;

/** The host's IPVS. The socket is opened when it is needed first. */
export class NetlinkIpvs implements Disposable {
  readonly #transport: NetlinkTransport;
  readonly #slices: Slices;
  #channel: NetlinkChannel | undefined;
  #family: number | undefined;
  #missingUntilMs = -Infinity;
  /** As last read, by key. */
  #last: ReadonlyMap<string, ActualVirtualService> = new Map();

  constructor(transport: NetlinkTransport, slices: Slices) {
    this.#transport = transport;
    this.#slices = slices;
  }

  /** Virtual services on addresses and marks that are of interest; none where the kernel has no IPVS. @throws {KernelError} */
  async read(interest: IpvsInterest): Promise<readonly ActualVirtualService[]> {
    const family = this.#resolve();
    if (family === undefined || interest.addresses.size + interest.fwmarks.size === 0) return [];
    try {
      return await this.#dump(family, interest);
    } catch (error) {
      // The module was unloaded, and perhaps loaded again since, under another number.
      if (!(error instanceof KernelError) || error.errno !== ERRNO.ENOENT) throw error;
      this.#family = undefined;
      const another = this.#resolve();
      return another === undefined ? [] : await this.#dump(another, interest);
    }
  }

  /** One outcome for each change. @throws {KernelError} where nothing is known of any */
  apply(changes: readonly IpvsChange[]): readonly (KernelError | undefined)[] {
    const family = this.#resolve();
    if (family === undefined) return changes.map((change) => missing(describeChange(change)));
    const requests = changes.map((change) => requestOf(family, change));
    const failures = this.#open().transact("change IPVS", requests);
    if (failures.some((failure) => failure?.errno === ERRNO.ENOENT)) this.#family = undefined;
    return changes.map((change, index) => {
      const failure = failures[index];
      return failure && new KernelError(describeChange(change), failure, hintOf(change, failure));
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

  async #dump(family: number, interest: IpvsInterest): Promise<readonly ActualVirtualService[]> {
    const channel = this.#open();
    const services: ActualVirtualService[] = [];
    let isDoubtful = false;
    for (const service of await this.#list(channel, family, interest)) {
      const actual = actualService(service);
      if (actual === undefined) continue;
      const operation = `list destinations of ${virtualServiceText(actual)}`;
      const destinations = await channel.dump(operation, dumpDests(family, service), (message) => {
        const destination = decodeDest(message, addressFamily(service.address));
        return destination && actualDestination(destination);
      });
      const last = this.#last.get(virtualServiceKey(actual));
      isDoubtful ||= destinations.length === 0 && last?.destinations.length !== 0;
      services.push(shared(last, { ...actual, destinations }));
    }
    // The kernel has no destinations, and no error, for a virtual service that somebody has deleted meanwhile.
    const present = isDoubtful ? await this.#list(channel, family, interest) : undefined;
    const keys = new Set(present?.flatMap((service) => actualService(service) ?? []).map(virtualServiceKey));
    const still = present === undefined
      ? services
      : services.filter((service) => keys.has(virtualServiceKey(service)));
    this.#last = new Map(still.map((service) => [virtualServiceKey(service), service]));
    return still;
  }

  #list(channel: NetlinkChannel, family: number, { addresses }: IpvsInterest): Promise<IpvsService[]> {
    return channel.dump("list virtual services", dumpServices(family), (message) => {
      const service = decodeService(message);
      return service !== undefined && addresses.has(service.address.text) ? service : undefined;
    });
  }
}

const PROTOCOLS = { tcp: IPPROTO.TCP, udp: IPPROTO.UDP, sctp: IPPROTO.SCTP } as const;

const FORWARDING = {
  masq: IP_VS_CONN_F.MASQ,
  droute: IP_VS_CONN_F.DROUTE,
  tunnel: IP_VS_CONN_F.TUNNEL,
} as const;

function requestOf(family: number, change: IpvsChange): Request {
  const id = serviceId(change.service);
  switch (change.type) {
    case "create-service":
      return newService(family, ipvsService(change.service));
    case "set-service":
      return setService(family, ipvsService(change.service));
    case "delete-service":
      return delService(family, id);
    case "create-destination":
      return newDest(family, id, ipvsDestination(change.destination));
    case "set-destination":
      return setDest(family, id, ipvsDestination(change.destination));
    case "delete-destination":
      return delDest(family, id, ipvsDestination(change.destination));
    default:
      return change satisfies never;
  }
}

function serviceId({ protocol, address, port }: VirtualServiceId): IpvsServiceId {
  return { protocol: PROTOCOLS[protocol], address, port };
}

function ipvsService(service: VirtualService): IpvsService {
  const { scheduler, flags, timeoutSeconds, netmask } = service;
  return { ...serviceId(service), scheduler, flags, timeoutSeconds, netmask };
}

function ipvsDestination({ address, port, weight, forwarding }: Destination): IpvsDestination {
  return { address, port, weight, forwarding: FORWARDING[forwarding] };
}

function actualService(service: IpvsService): ActualVirtualService | undefined {
  const protocol = (["tcp", "udp", "sctp"] as const).find((name) => PROTOCOLS[name] === service.protocol);
  if (protocol === undefined) return undefined;
  return {
    ...service,
    protocol,
    flags: service.flags & ~IP_VS_SVC_F.HASHED,
    persistenceEngine: "",
    fwmark: 0,
    destinations: [],
  };
}

function actualDestination(destination: IpvsActualDestination): ActualDestination {
  const { address, port, weight, activeConnections } = destination;
  return {
    address,
    port,
    weight,
    activeConnections,
    inactiveConnections: 0,
    forwarding: forwardingOf(destination.forwarding),
    tunnel: undefined,
    upperThreshold: 0,
    lowerThreshold: 0,
  };
}

/** Old kernels turn masq into localnode by themselves where the destination is this host. */
function forwardingOf(method: number): Destination["forwarding"] {
  return method === IP_VS_CONN_F.DROUTE ? "droute" : method === IP_VS_CONN_F.TUNNEL ? "tunnel" : "masq";
}

function missing(operation: string): KernelError {
  const failure = { errno: ERRNO.ENOENT, extendedAck: "this kernel has no IPVS" };
  return new KernelError(operation, failure, "load the module: modprobe ip_vs");
}

/** Undefined leaves it to the error number. */
function hintOf(change: IpvsChange, { errno }: Failure): string | undefined {
  if (errno !== ERRNO.ENOENT) return undefined;
  if (change.type !== "create-service" && change.type !== "set-service") return undefined;
  return `is the scheduler there? modprobe ip_vs_${change.service.scheduler}`;
}
