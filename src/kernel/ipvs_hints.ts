/**
 * The cure of what a kernel refuses of IPVS, and what one is too old to do. An old one does not refuse a tunnel's type or
 * flags: it pays no heed to attributes that it does not know, and sends by ipip. That it does not know them is told by
 * their absence from what it says of its destinations.
 */
import { ERRNO } from "../netlink/errno.ts";
import type { IpvsActualDestination } from "../netlink/ipvs_decode.ts";
import type { Failure } from "../netlink/message.ts";
import { KernelError } from "../netlink/transport.ts";
import { type Change, describeChange } from "./change.ts";
import type { VirtualService } from "./state.ts";

/** A change of virtual services or destinations. */
export type IpvsChange = Extract<Change, { readonly type: `${string}-service` | `${string}-destination` }>;

/** Whether a change is one of virtual services or destinations. */
export function isIpvsChange(change: Change): change is IpvsChange {
  return change.type.endsWith("-service") || change.type.endsWith("-destination");
}

/** What a kernel is too old to know. */
export type Lacking = NonNullable<IpvsActualDestination["lacks"]>;

/** What to do about a refusal; undefined leaves it to the error number. */
export function hintOf(change: IpvsChange, { errno }: Failure): string | undefined {
  switch (change.type) {
    case "create-service":
    case "set-service":
      return serviceHint(change.service, errno);
    case "create-destination":
    case "set-destination": {
      const { service, destination: { address } } = change;
      if (errno === ERRNO.EAFNOSUPPORT) return NO_IPV6;
      if (errno !== ERRNO.EINVAL) return undefined;
      return address.family === service.address.family
        ? `is ${address.text} the address of one host, and not of a network of this one?`
        : "the IPVS sync daemon knows no tunnels to the other family: ipvsadm --stop-daemon master, or backup";
    }
    case "delete-service":
    case "delete-destination":
      return undefined;
    default:
      return change satisfies never;
  }
}

/** What of `change` this kernel cannot do; undefined: nothing. */
export function tooOldFor(change: IpvsChange, lacking: Lacking | undefined): KernelError | undefined {
  if (lacking === undefined || !needs(change).includes(lacking)) return undefined;
  const [words, version] = lacking === "TUN_TYPE"
    ? ["of a tunnel it knows ipip alone", "5.2"]
    : ["of tunnels it knows neither gre nor checksums", "5.3"];
  return new KernelError(
    describeChange(change),
    { errno: ERRNO.EOPNOTSUPP, extendedAck: `this kernel is too old: ${words}` },
    `needs Linux ${version}`,
  );
}

/** Whether an old kernel would do something else than `change` says. */
export function needsNewKernel(change: IpvsChange): boolean {
  return needs(change).length > 0;
}

function needs(change: IpvsChange): readonly Lacking[] {
  if (change.type !== "create-destination" && change.type !== "set-destination") return [];
  const { tunnel } = change.destination;
  if (tunnel === undefined) return [];
  // Linux 5.2 takes the number of gre, and sends by ipip.
  if (tunnel.type === "gre" || tunnel.checksum) return ["TUN_TYPE", "TUN_FLAGS"];
  return tunnel.type === "gue" ? ["TUN_TYPE"] : [];
}

const NO_IPV6 = "this kernel has no IPv6: is ipv6.disable=1 on its command line?";

function serviceHint({ scheduler, persistenceEngine }: VirtualService, errno: number): string | undefined {
  if (errno === ERRNO.EAFNOSUPPORT) return NO_IPV6;
  if (errno !== ERRNO.ENOENT) return undefined;
  const isScheduler = `is the scheduler there? modprobe ip_vs_${scheduler}`;
  return persistenceEngine === ""
    ? isScheduler
    : `${isScheduler}; is the persistence engine? modprobe ip_vs_pe_${persistenceEngine}`;
}
