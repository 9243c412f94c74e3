/** From a host name or an address to a connection: the first address of the host that takes one. */
import type { Address } from "../../net/address.ts";
import type { Streams, StreamSocket } from "../../net/sockets.ts";
import { type AddressLimits, type AddressPorts, eachAddress } from "./each_address.ts";

/** What dialling needs of the outside. */
export interface DialPorts extends AddressPorts {
  readonly streams: Pick<Streams, "connect">;
}

/**
 * A connection to `host`, from `limits.source` where one is given; told by `progress` are the steps.
 * @throws {Error} why none could be had, of each address
 */
export async function dial(
  host: string,
  port: number,
  ports: DialPorts,
  signal: AbortSignal,
  progress: (step: string) => void,
  limits: AddressLimits = {},
): Promise<StreamSocket> {
  const { source } = limits;
  const from = source && { address: source };
  const connect = {
    run(address: Address, signal: AbortSignal, progress: (step: string) => void) {
      progress("connecting");
      return ports.streams.connect({ address, port }, signal, from);
    },
    discard: (late: StreamSocket) => late[Symbol.dispose](),
  };
  return (await eachAddress(host, connect, ports, signal, progress, limits)).value;
}
