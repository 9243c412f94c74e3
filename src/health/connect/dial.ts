/**
 * From a host name or an address to a connection: names are looked up first, then their addresses are tried in order,
 * each a little after the one before or as soon as that has failed (RFC 8305 section 5); the first that works is used.
 */
import type { Address } from "../../net/address.ts";
import type { Streams, StreamSocket } from "../../net/sockets.ts";
import { onAbort, untilAborted } from "../../time/abort.ts";
import type { Clock } from "../../time/clock.ts";
import { reachableFrom, sourceError } from "./source.ts";

/** What dialling needs of the outside. */
export interface DialPorts {
  readonly streams: Pick<Streams, "connect">;
  readonly names: { addressesOf(host: string): Promise<readonly Address[]> };
  readonly clock: Clock;
}

/** An address has so much of a start over the next one (RFC 8305 section 8). */
const HEAD_START_MS = 250;

/**
 * A connection to `host`, from `source` where one is given; told by `progress` are the steps.
 * @throws {Error} why none could be had, of the first address
 */
export async function dial(
  host: string,
  port: number,
  ports: DialPorts,
  signal: AbortSignal,
  progress: (step: string) => void,
  source?: Address,
): Promise<StreamSocket> {
  progress("looking up the host name");
  const known = await untilAborted(ports.names.addressesOf(host), signal);
  const addresses = reachableFrom(source, known, host);
  progress("connecting");
  const from = source && { address: source };
  const connect: Connect = (address, signal) => ports.streams.connect({ address, port }, signal, from);
  const [only] = addresses;
  try {
    if (addresses.length === 1 && only !== undefined) return await connect(only, signal);
    return await firstThatConnects(addresses, connect, ports.clock, signal);
  } catch (error) {
    throw sourceError(error, source);
  }
}

type Connect = (address: Address, signal: AbortSignal) => Promise<StreamSocket>;

function firstThatConnects(
  addresses: readonly Address[],
  connect: Connect,
  clock: Clock,
  signal: AbortSignal,
): Promise<StreamSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<StreamSocket>();
  const rest = [...addresses];
  const attempts = new Set<AbortController>();
  const errors: unknown[] = [];
  let timer: Disposable | undefined;
  let open = true;
  const abortAll = () => {
    for (const attempt of attempts) attempt.abort(signal.reason);
  };
  const close = () => {
    open = false;
    timer?.[Symbol.dispose]();
    aborting[Symbol.dispose]();
    abortAll();
  };
  const connected = (socket: StreamSocket) => {
    if (!open) return socket[Symbol.dispose]();
    close();
    resolve(socket);
  };
  const failed = (error: unknown) => {
    errors.push(error);
    if (!open) return;
    if (rest.length > 0 && !signal.aborted) return tryNext();
    if (attempts.size > 0) return;
    close();
    reject(errors[0]);
  };
  const tryNext = () => {
    timer?.[Symbol.dispose]();
    const address = rest.shift();
    if (address === undefined) return;
    const attempt = new AbortController();
    attempts.add(attempt);
    // What has ended is not aborted: a connection that was made stays.
    connect(address, attempt.signal).finally(() => attempts.delete(attempt)).then(connected, failed);
    if (rest.length > 0) timer = clock.at(clock.now() + HEAD_START_MS, tryNext);
  };
  const aborting = onAbort(signal, abortAll);
  tryNext();
  return promise;
}
