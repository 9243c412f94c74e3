/** From where a check connects to, to the connection: an address and port, a host name and port, or a unix socket. */
import type { StreamSocket } from "../../net/sockets.ts";
import { dial, type DialPorts } from "./dial.ts";
import type { AddressLimits } from "./each_address.ts";
import { ProbeFailure } from "./failure.ts";

/** Where to. */
export interface Place {
  /** An address or a host name; not looked at where there is a socket. */
  readonly address: string;
  readonly port: number;
  /** The path of a unix socket. */
  readonly unixSocket?: string | undefined;
}

/**
 * A connection to `place`; told by `progress` are the steps.
 * @throws {Error} why none could be had
 */
export function reach(
  { address, port, unixSocket }: Place,
  ports: DialPorts,
  signal: AbortSignal,
  progress: (step: string) => void,
  limits: AddressLimits,
): Promise<StreamSocket> {
  if (unixSocket === undefined) return dial(address, port, ports, signal, progress, limits);
  progress("connecting");
  return ports.streams.connect({ path: unixSocket }, signal).catch((error) => {
    throw unixFailure(error) ?? error;
  });
}

/** What has another meaning here than where a port is connected to: connect(2) of unix(7). */
function unixFailure(error: unknown): ProbeFailure | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return new ProbeFailure("the socket does not exist");
  // The listener does not accept: nothing of ours is short.
  if (code === "EAGAIN") return new ProbeFailure("the socket's queue of connections is full");
  return undefined;
}
