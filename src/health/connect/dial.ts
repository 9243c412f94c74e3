/** From a host name or an address to a connection: the first address of the host that takes one. */
import { type Address, parseAddress } from "../../net/address.ts";
import type { Streams, StreamSocket } from "../../net/sockets.ts";
import { type AddressLimits, type AddressPorts, type Attempt, eachAddress, runFrom } from "./each_address.ts";

/** What dialling needs of the outside. */
export interface DialPorts extends AddressPorts {
  readonly streams: Pick<Streams, "connect">;
}

/**
 * A connection to `host`, from `limits.source` where one is given; told by `progress` are the steps.
 * @throws {Error} why none could be had, of each address
 */
export function dial(
  host: string,
  port: number,
  ports: DialPorts,
  signal: AbortSignal,
  progress: (step: string) => void,
  limits: AddressLimits = {},
): Promise<StreamSocket> {
  const connect = new ConnectAttempt(port, ports.streams, limits.source);
  const itself = parseAddress(host);
  // Without the race of several: a thousand probes a second go this way.
  if (itself !== undefined) return runFrom(limits.source, connect, itself, signal, progress);
  return eachAddress(host, connect, ports, signal, progress, limits).then(({ value }) => value);
}

class ConnectAttempt implements Attempt<StreamSocket> {
  readonly #port: number;
  readonly #streams: DialPorts["streams"];
  readonly #source: Address | undefined;

  constructor(port: number, streams: DialPorts["streams"], source: Address | undefined) {
    this.#port = port;
    this.#streams = streams;
    this.#source = source;
  }

  run(address: Address, signal: AbortSignal, progress: (step: string) => void): Promise<StreamSocket> {
    progress("connecting");
    const from = this.#source && { address: this.#source };
    return this.#streams.connect({ address, port: this.#port }, signal, from);
  }

  discard(late: StreamSocket): void {
    late[Symbol.dispose]();
  }
}
