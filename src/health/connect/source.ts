/** The local address that a check's probes come from: which addresses it can reach, and whose fault it is that it cannot be used. */
import type { Address } from "../../net/address.ts";
import type { SocketAddress } from "../../net/sockets.ts";
import { failureOf, NO_LOCAL_ADDRESS, OwnShortage, ProbeFailure } from "./failure.ts";

/**
 * Those of `addresses` that a probe from `source` can be sent to; all where the kernel chooses the source.
 * @throws {ProbeFailure} `host` has none of that family
 */
export function reachableFrom(
  source: Address | undefined,
  addresses: readonly Address[],
  host: string,
): readonly Address[] {
  if (source === undefined) return addresses;
  const reachable = addresses.filter(({ family }) => family === source.family);
  if (reachable.length > 0) return reachable;
  throw new ProbeFailure(`${host} has no IPv${source.family} address, and source ${source.text} is one`);
}

/** The local end of a datagram socket whose probes come from `source`. */
export function localEnd(source: Address | undefined): { readonly local?: SocketAddress } {
  return source === undefined ? {} : { local: { address: source, port: 0, scopeId: 0 } };
}

/** What a failure to send from `source` comes to: that this host does not have it says nothing of the service. */
export function sourceError(error: unknown, source: Address | undefined): unknown {
  if (source === undefined || failureOf(error).detail !== NO_LOCAL_ADDRESS) return error;
  const bound = error instanceof Error && "operation" in error && error.operation === "connect";
  return new OwnShortage(
    `source ${source.text} ${bound ? "has no port left" : "is no address of this host"}`,
  );
}
