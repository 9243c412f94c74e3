/**
 * Streams over prepared sockets: TCP and unix, connected and accepted. A unix socket's file has mode 0600 from the
 * moment that it is there: the mode is set on the socket, before bind(2) makes the file with it.
 */
import { ERRNO, ErrnoError } from "./errno.ts";
import type { IpAddress, SocketAddress } from "./sockaddr.ts";
import { SOCK_STREAM, type Socket, type Sockets } from "./sockets.ts";
import type { Stream } from "./stream.ts";

/** A burst of clients waits here; a unix socket sends away at once whom it has no room for. */
const BACKLOG = 1024;
const OWNER_ONLY = 0o600;
/** How long to wait for room in the queue of a unix socket, which the kernel does not signal. */
const QUEUE_RETRY_MS = 20;

/** An end of a TCP connection. */
export interface Endpoint<A> {
  readonly address: A;
  readonly zone: string | undefined;
  readonly port: number;
}

/** Where a stream leads to. */
export type StreamAddress<A> =
  | { readonly address: A; readonly zone?: string | undefined; readonly port: number }
  | { readonly path: string };

/** From where it leads. */
export interface StreamSource<A> {
  readonly address?: A | undefined;
  readonly device?: string | undefined;
  readonly mark?: number | undefined;
}

/** What a listener tells. */
export interface ListenerEvents<A> {
  connection(socket: Stream<Endpoint<A>>): void;
  fault(error: Error): void;
}

/** Makes streams; see the port of the same name. */
export class Streams<A extends IpAddress> {
  readonly #sockets: Sockets;
  readonly #addressOf: (octets: Uint8Array) => A;

  /** `addressOf` makes an address of 4 or 16 octets. */
  constructor(sockets: Sockets, addressOf: (octets: Uint8Array) => A) {
    this.#sockets = sockets;
    this.#addressOf = addressOf;
  }

  /** @throws {ErrnoError} refused, unreachable, out of descriptors; or the reason of `signal` */
  async connect(
    to: StreamAddress<A>,
    signal: AbortSignal,
    source: StreamSource<A> = {},
  ): Promise<Stream<Endpoint<A>>> {
    signal.throwIfAborted();
    using socket = this.#open(to);
    if ("path" in to) {
      while (!this.#connectUnix(socket, to)) await pause(QUEUE_RETRY_MS, signal);
      const credentials = socket.peerCredentials();
      return socket.stream<Endpoint<A>>({ local: undefined, remote: undefined, credentials });
    }
    const remote = { address: to.address, port: to.port, scopeId: this.#scopeOf(to.zone) };
    prepare(socket, source, remote.scopeId);
    if (!socket.connect(remote)) await attemptEnded(socket, signal);
    const error = socket.takeError("connect");
    if (error !== undefined) throw error;
    return this.#stream(socket, socket.remoteAddress());
  }

  /** @throws {ErrnoError} in use, not permitted, not on this host */
  listen(at: StreamAddress<A>, events: ListenerEvents<A>): Disposable & { local: Endpoint<A> | undefined } {
    const socket = this.#open(at);
    try {
      if ("path" in at) {
        socket.setMode(OWNER_ONLY);
        socket.bind(at);
      } else {
        socket.setReuseAddress();
        if (at.address.family === 6) socket.setV6Only();
        socket.bind({ address: at.address, port: at.port, scopeId: this.#scopeOf(at.zone) });
      }
      socket.listen(BACKLOG);
      const local = "path" in at ? undefined : this.#endpointOf(socket.localAddress());
      const accepting = this.#accept(socket, events);
      return {
        local,
        [Symbol.dispose]() {
          accepting[Symbol.dispose]();
          socket[Symbol.dispose]();
        },
      };
    } catch (error) {
      socket[Symbol.dispose]();
      throw error;
    }
  }

  #accept(socket: Socket, events: ListenerEvents<A>): Disposable {
    return socket.acceptAll(({ socket: accepted, remote }) => {
      using _accepted = accepted;
      const stream = this.#stream(accepted, remote);
      // Whoever cannot take one connection may take the next.
      if (!this.#sockets.guard(() => events.connection(stream))) stream[Symbol.dispose]();
    }, (error) => events.fault(error instanceof Error ? error : new Error(String(error))));
  }

  #stream(socket: Socket, remote: SocketAddress | undefined): Stream<Endpoint<A>> {
    if (remote === undefined) {
      return socket.stream<Endpoint<A>>({
        local: undefined,
        remote: undefined,
        credentials: socket.peerCredentials(),
      });
    }
    socket.setNoDelay();
    const local = this.#endpointOf(socket.localAddress());
    return socket.stream({ local, remote: this.#endpointOf(remote) });
  }

  #open(address: StreamAddress<A>): Socket {
    return this.#sockets.open("path" in address ? "unix" : address.address.family, SOCK_STREAM, 0);
  }

  /** False where the queue is full for now. */
  #connectUnix(socket: Socket, to: { readonly path: string }): boolean {
    try {
      socket.connect(to);
      return true;
    } catch (error) {
      if (error instanceof ErrnoError && error.errno === ERRNO.EAGAIN) return false;
      throw error;
    }
  }

  /** @throws {Error} there is no such interface */
  #scopeOf(zone: string | undefined): number {
    if (zone === undefined) return 0;
    const index = this.#sockets.interfaceIndex(zone);
    if (index === undefined) throw new ErrnoError(`interface ${zone}`, ERRNO.ENODEV);
    return index;
  }

  #endpointOf({ address, port, scopeId }: SocketAddress): Endpoint<A> {
    const zone = scopeId === 0 ? undefined : this.#sockets.interfaceName(scopeId) ?? String(scopeId);
    return { address: this.#addressOf(address.bytes), zone, port };
  }
}

function prepare<A extends IpAddress>(socket: Socket, source: StreamSource<A>, scopeId: number): void {
  const { address, device, mark } = source;
  if (device !== undefined) socket.bindToDevice(device);
  if (mark !== undefined) socket.setMark(mark);
  if (address === undefined) return;
  socket.setBindAddressNoPort();
  socket.bind({ address, port: 0, scopeId });
}

/** Resolves when the attempt has ended, well or badly. @throws the reason of `signal` */
async function attemptEnded(socket: Socket, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  using _watch = socket.onWritable(resolve);
  await untilAborted(promise, signal);
}

/** @throws the reason of `signal` */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  try {
    await untilAborted(promise, signal);
  } finally {
    clearTimeout(timer);
  }
}

async function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
