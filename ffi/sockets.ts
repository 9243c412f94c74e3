/**
 * Non-blocking sockets prepared through FFI: made, bound, connected, accepted, with the options that Deno's own
 * sockets lack (TTL, minimum TTL, TCP-MD5, traffic class, device). Readiness comes from the reactor. A `Socket` owns
 * its descriptor until it becomes a `Stream`.
 */
import { deviceDriver } from "./device_driver.ts";
import { ERRNO, ErrnoError } from "./errno.ts";
import { cString, type Libc } from "./libc.ts";
import { MessageBuffer } from "./message.ts";
import { EPOLLIN, EPOLLONESHOT, EPOLLOUT, type Reactor } from "./reactor.ts";
import {
  decodeSocketAddress,
  domainOf,
  encodeSocketAddress,
  encodeUnixAddress,
  type Family,
  SOCKADDR_SIZE,
  type SocketAddress,
  type UnixAddress,
} from "./sockaddr.ts";
import { lengthOf, SocketOptions } from "./socket_options.ts";
import { readSmallFile } from "./files.ts";
import { returnedError, type ReturnedIcmp } from "./returned.ts";
import { ReadBuffers, Stream, type StreamOptions } from "./stream.ts";

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;

const MSG_DONTWAIT = 0x40;
const MSG_ERRQUEUE = 0x2000;
const MSG_NOSIGNAL = 0x4000;
const IFNAMSIZ = 16;
const DISCARD_PORT = 9;
const MAX_NETSTAT_OCTETS = 32_768;
/** The beginning of the segment that an ICMP error came back for. */
const RETURNED_OCTETS = 128;
/** Of connect(2) where there is no route, or one that refuses. */
const NO_WAY: readonly number[] = [
  ERRNO.ENETUNREACH,
  ERRNO.EHOSTUNREACH,
  ERRNO.EADDRNOTAVAIL,
  ERRNO.EACCES,
  ERRNO.EINVAL,
];
/** How long a listener pauses when descriptors or memory have run out; being ready, it would be asked again at once. */
const ACCEPT_PAUSE_MS = 1000;
/**
 * So long a listener accepts before it pauses for others, or until so many connections became streams: those are the work
 * that comes after. Who is refused costs little, and a peer that waits behind a thousand strangers must get in.
 */
const ACCEPTING_MS = 3;
const STREAMS_AT_ONCE = 4;

/** A connection that a listening socket gave; `remote` is undefined for a unix socket. */
export interface Accepted {
  readonly socket: Socket;
  readonly remote: SocketAddress | undefined;
}

/** The ends of a stream, and who is at the other one. */
type StreamEnds<E> = Pick<StreamOptions<E>, "local" | "remote" | "credentials">;

/** What all sockets share. */
interface Floor {
  readonly libc: Libc;
  readonly reactor: Reactor;
  readonly buffers: ReadBuffers;
}

/** Makes sockets and knows the interfaces by name and index. */
export class Sockets {
  readonly #floor: Floor;

  constructor(libc: Libc, reactor: Reactor) {
    this.#floor = { libc, reactor, buffers: new ReadBuffers() };
  }

  /** A TCP socket. @throws {ErrnoError} */
  tcp(family: 4 | 6): Socket {
    return this.open(family, SOCK_STREAM, 0);
  }

  /** A socket of any type and protocol. @throws {ErrnoError} */
  open(family: Family, type: number, protocol: number): Socket {
    const { libc } = this.#floor;
    const flags = type | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const fd = libc.check("socket", libc.symbols.socket(domainOf(family), flags, protocol));
    return new Socket(this.#floor, fd, family);
  }

  /**
   * Whether an address that is not a loopback one is this host's: what goes to it comes from it (RFC 6724 rule 1, and local
   * routes of IPv4). Unlike bind(2) this depends on no sysctl. Nothing is sent. @throws {ErrnoError} such as out of descriptors
   */
  isLocal(address: SocketAddress["address"]): boolean {
    using socket = this.open(address.family, SOCK_DGRAM, 0);
    try {
      socket.connect({ address, port: DISCARD_PORT, scopeId: 0 });
    } catch (error) {
      if (error instanceof ErrnoError && NO_WAY.includes(error.errno)) return false;
      throw error;
    }
    const wanted = address.bytes;
    return socket.localAddress().address.bytes.every((octet, index) => octet === wanted[index]);
  }

  /** The text of /proc/net/netstat of this thread's network namespace; undefined where it cannot be read. */
  netstat(): string | undefined {
    try {
      return readSmallFile(this.#floor.libc, "/proc/thread-self/net/netstat", MAX_NETSTAT_OCTETS);
    } catch (error) {
      if (error instanceof ErrnoError) return undefined;
      throw error;
    }
  }

  /** Room for one datagram of `size` octets at a time. */
  messageBuffer(size: number): MessageBuffer {
    return new MessageBuffer(this.#floor.libc, size);
  }

  /** Calls `callback`, now; what it throws is told to whom the reactor tells, and false returned. */
  guard(callback: () => void): boolean {
    return this.#floor.reactor.guard(callback);
  }

  /** Whether the interface `name` is a VRF, with a routing table of its own. @throws {ErrnoError} such as out of descriptors */
  isVrf(name: string): boolean {
    const socket = this.open(4, SOCK_DGRAM, 0);
    using _socket = socket;
    return deviceDriver(this.#floor.libc, socket.fd, name) === "vrf";
  }

  /** The index of the interface `name`, undefined where there is none. */
  interfaceIndex(name: string): number | undefined {
    const index = this.#floor.libc.symbols.if_nametoindex(cString(name));
    return index === 0 ? undefined : index;
  }

  /** The name of the interface `index`, undefined where there is none. */
  interfaceName(index: number): string | undefined {
    const name = new Uint8Array(IFNAMSIZ);
    if (this.#floor.libc.symbols.if_indextoname(index, name) === 0n) return undefined;
    return new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
  }
}

/** A non-blocking socket. Disposing closes the descriptor unless it became a stream; watches are dropped before. */
export class Socket extends SocketOptions implements Disposable {
  readonly #floor: Floor;
  readonly #libc: Libc;
  readonly #watches = new Set<Disposable>();
  #owned = true;
  #isStream = false;

  constructor(floor: Floor, fd: number, family: Family) {
    super(floor.libc, fd, family);
    this.#floor = floor;
    this.#libc = floor.libc;
  }

  /** @throws {ErrnoError} in use, not on this host, not permitted */
  bind(address: SocketAddress | UnixAddress): void {
    const bytes = encodeAddress(address);
    this.#libc.check("bind", this.#libc.symbols.bind(this.fd, bytes, bytes.byteLength));
  }

  /**
   * Begins to connect: true when that is done already, false when `onWritable` will tell.
   * @throws {ErrnoError} EAGAIN where the queue of a unix socket is full
   */
  connect(address: SocketAddress | UnixAddress): boolean {
    const bytes = encodeAddress(address);
    if (this.#libc.symbols.connect(this.fd, bytes, bytes.byteLength) === 0) return true;
    const errno = this.#libc.errno();
    if (errno === ERRNO.EINPROGRESS) return false;
    throw new ErrnoError("connect", errno);
  }

  /** The mode that a unix socket's file has from the first moment on, once it is bound. @throws {ErrnoError} */
  setMode(mode: number): void {
    this.#libc.check("fchmod", this.#libc.symbols.fchmod(this.fd, mode));
  }

  /** @throws {ErrnoError} */
  listen(backlog: number): void {
    this.#libc.check("listen", this.#libc.symbols.listen(this.fd, backlog));
  }

  /** The next connection, non-blocking too, or undefined where none waits. @throws {ErrnoError} */
  accept(): Accepted | undefined {
    const address = new Uint8Array(SOCKADDR_SIZE);
    const flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    const fd = this.#libc.symbols.accept4(this.fd, address, lengthOf(address), flags);
    if (fd >= 0) {
      return { socket: new Socket(this.#floor, fd, this.family), remote: decodeSocketAddress(address) };
    }
    const errno = this.#libc.errno();
    if (errno === ERRNO.EAGAIN) return undefined;
    throw new ErrnoError("accept4", errno);
  }

  /**
   * Hands over connections until it is disposed. Where accepting fails, that is told, and it pauses and goes on by itself;
   * where `onAccepted` throws, the connection is closed, and that is told.
   */
  acceptAll(onAccepted: (accepted: Accepted) => void, onFault: (error: unknown) => void): Disposable {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let closed = false;
    const pause = (ms: number) => {
      watch[Symbol.dispose]();
      timer = setTimeout(() => watch = this.onReadable(onReadable), ms);
    };
    const onReadable = () => {
      const sinceMs = performance.now();
      for (let streams = 0; !closed && streams < STREAMS_AT_ONCE;) {
        if (performance.now() - sinceMs >= ACCEPTING_MS) break;
        let accepted: Accepted | undefined;
        try {
          accepted = this.accept();
        } catch (error) {
          if (isGone(error)) continue;
          pause(ACCEPT_PAUSE_MS);
          return onFault(error);
        }
        if (accepted === undefined) return;
        try {
          onAccepted(accepted);
          if (accepted.socket.#isStream) streams++;
        } catch (error) {
          accepted.socket[Symbol.dispose]();
          if (!isGone(error)) onFault(error);
        }
      }
      if (!closed) pause(0);
    };
    let watch = this.onReadable(onReadable);
    return {
      [Symbol.dispose]() {
        closed = true;
        clearTimeout(timer);
        watch[Symbol.dispose]();
      },
    };
  }

  /** This end. @throws {ErrnoError} */
  localAddress(): SocketAddress {
    return this.#address("getsockname", this.#libc.symbols.getsockname);
  }

  /** The other end. @throws {ErrnoError} ENOTCONN when it is gone already */
  remoteAddress(): SocketAddress {
    return this.#address("getpeername", this.#libc.symbols.getpeername);
  }

  /** Calls back while bytes or connections wait; consume them in the callback. */
  onReadable(callback: () => void): Disposable {
    return this.#watch(EPOLLIN, callback);
  }

  /** Calls back once, when a connection attempt ended one way or the other. */
  onWritable(callback: () => void): Disposable {
    return this.#watch(EPOLLOUT | EPOLLONESHOT, callback);
  }

  /** Sends one datagram: false when the send buffer is full. @throws {ErrnoError} */
  sendTo(bytes: Uint8Array<ArrayBuffer>, address: SocketAddress): boolean {
    const to = encodeSocketAddress(address);
    const size = BigInt(bytes.byteLength);
    const sent = this.#libc.symbols.sendto(this.fd, bytes, size, MSG_NOSIGNAL, to, to.byteLength);
    if (sent >= 0) return true;
    const errno = this.#libc.errno();
    if (errno === ERRNO.EAGAIN) return false;
    throw new ErrnoError("sendto", errno);
  }

  /**
   * Receives one datagram into `message`, or from the queue of what was returned to us as undeliverable
   * (`setReceiveErrors`); false where none waits. @throws {ErrnoError} such as an error that is pending on the socket
   */
  receive(message: MessageBuffer, from: "data" | "errors" = "data"): boolean {
    const flags = from === "errors" ? MSG_ERRQUEUE | MSG_DONTWAIT : MSG_DONTWAIT;
    const length = this.#libc.symbols.recvmsg(this.fd, message.prepare(), flags);
    if (length >= 0) {
      message.accept(Number(length));
      return true;
    }
    const errno = this.#libc.errno();
    if (errno === ERRNO.EAGAIN || errno === ERRNO.EINTR) return false;
    throw new ErrnoError("recvmsg", errno);
  }

  /** The oldest ICMP error that came back for a TCP socket, and the error that it is; undefined: none. @throws {ErrnoError} */
  takeReturned(
    operation: string,
  ): { readonly error: ErrnoError; readonly icmp: ReturnedIcmp | undefined } | undefined {
    if (this.family === "unix") return undefined;
    const message = new MessageBuffer(this.#libc, RETURNED_OCTETS);
    if (!this.receive(message, "errors")) return undefined;
    const { errno, icmp } = returnedError(message, this.family);
    return { error: new ErrnoError(operation, errno), icmp };
  }

  /** The stream that this connected socket is; it owns the descriptor from then on. @throws {ErrnoError} */
  stream<E>(ends: StreamEnds<E>): Stream<E> {
    if (!this.#owned) throw new Error("the socket is closed");
    this.#dropWatches();
    const handshakeOctets = ends.local === undefined ? 0 : this.transmission().acknowledgedOctets;
    const transmission = () => this.transmission(handshakeOctets);
    const stream = new Stream({ ...this.#floor, ...ends, fd: this.fd, transmission });
    this.#owned = false;
    this.#isStream = true;
    return stream;
  }

  /** Closes the descriptor unless it became a stream. Idempotent. */
  [Symbol.dispose](): void {
    this.#dropWatches();
    if (!this.#owned) return;
    this.#owned = false;
    this.#libc.close(this.fd);
  }

  #watch(events: number, callback: () => void): Disposable {
    const registration = this.#floor.reactor.add(this.fd, events, callback);
    const watch = {
      [Symbol.dispose]: () => {
        this.#watches.delete(watch);
        registration[Symbol.dispose]();
      },
    };
    this.#watches.add(watch);
    return watch;
  }

  #dropWatches(): void {
    for (const watch of [...this.#watches]) watch[Symbol.dispose]();
  }

  #address(operation: string, call: Libc["symbols"]["getsockname"]): SocketAddress {
    const bytes = new Uint8Array(SOCKADDR_SIZE);
    this.#libc.check(operation, call(this.fd, bytes, lengthOf(bytes)));
    const address = decodeSocketAddress(bytes);
    if (address === undefined) throw new ErrnoError(operation, ERRNO.EAFNOSUPPORT);
    return address;
  }
}

/** The connection ended, or was refused by a firewall, before it could be accepted (accept(2)); the listener is well. */
function isGone(error: unknown): boolean {
  const gone: readonly number[] = [
    ERRNO.ECONNABORTED,
    ERRNO.EPROTO,
    ERRNO.EPERM,
    ERRNO.EINTR,
    ERRNO.ENOTCONN,
  ];
  return error instanceof ErrnoError && gone.includes(error.errno);
}

function encodeAddress(address: SocketAddress | UnixAddress): Uint8Array<ArrayBuffer> {
  return "path" in address ? encodeUnixAddress(address) : encodeSocketAddress(address);
}
