/**
 * Non-blocking sockets prepared through FFI: made, bound, connected, accepted, with the options that Deno's own
 * sockets lack (TTL, minimum TTL, TCP-MD5, traffic class, device). Readiness comes from the reactor. A `Socket` owns
 * its descriptor until `release()` gives it away.
 */
import { ERRNO, ErrnoError } from "./errno.ts";
import { cString, type Libc } from "./libc.ts";
import type { MessageBuffer } from "./message.ts";
import { EPOLLIN, EPOLLONESHOT, EPOLLOUT, type Reactor } from "./reactor.ts";
import {
  decodeSocketAddress,
  domainOf,
  encodeSocketAddress,
  type IpAddress,
  SOCKADDR_SIZE,
  type SocketAddress,
} from "./sockaddr.ts";

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;

const MSG_DONTWAIT = 0x40;
const MSG_ERRQUEUE = 0x2000;
const MSG_NOSIGNAL = 0x4000;
const IFNAMSIZ = 16;

/** Levels and names of setsockopt(2), from linux/in.h, in6.h, tcp.h and asm-generic/socket.h. */
const OPTION = {
  SO_REUSEADDR: [1, 2],
  SO_ERROR: [1, 4],
  SO_BINDTODEVICE: [1, 25],
  IP_TOS: [0, 1],
  IP_TTL: [0, 2],
  IP_RECVERR: [0, 11],
  IP_MINTTL: [0, 21],
  IP_MULTICAST_TTL: [0, 33],
  IPV6_UNICAST_HOPS: [41, 16],
  IPV6_MULTICAST_HOPS: [41, 18],
  IPV6_RECVERR: [41, 25],
  IPV6_V6ONLY: [41, 26],
  IPV6_TCLASS: [41, 67],
  IPV6_MINHOPCOUNT: [41, 73],
  ICMPV6_FILTER: [58, 1],
  ICMP_FILTER: [255, 1],
  TCP_NODELAY: [6, 1],
  TCP_MD5SIG: [6, 14],
  TCP_USER_TIMEOUT: [6, 18],
  TCP_MD5SIG_EXT: [6, 32],
} as const satisfies Record<string, readonly [level: number, name: number]>;

type OptionName = keyof typeof OPTION;

const TCP_MD5SIG_FLAG_PREFIX = 1;
const TCP_MD5SIG_MAXKEYLEN = 80;
/** sizeof(struct tcp_md5sig) and its members behind the sockaddr_storage. */
const MD5SIG = { size: 216, flags: 128, prefixlen: 129, keylen: 130, key: 136 } as const;

/** A connection that a listening socket gave. */
export interface Accepted {
  readonly socket: Socket;
  readonly remote: SocketAddress;
}

/** Makes sockets and knows the interfaces by name and index. */
export class Sockets {
  readonly #libc: Libc;
  readonly #reactor: Reactor;

  constructor(libc: Libc, reactor: Reactor) {
    this.#libc = libc;
    this.#reactor = reactor;
  }

  /** A TCP socket. @throws {ErrnoError} */
  tcp(family: 4 | 6): Socket {
    return this.open(family, SOCK_STREAM, 0);
  }

  /** A socket of any type and protocol. @throws {ErrnoError} */
  open(family: 4 | 6, type: number, protocol: number): Socket {
    const flags = type | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const fd = this.#libc.check("socket", this.#libc.symbols.socket(domainOf(family), flags, protocol));
    return new Socket(this.#libc, this.#reactor, fd, family);
  }

  /** The index of the interface `name`, undefined where there is none. */
  interfaceIndex(name: string): number | undefined {
    const index = this.#libc.symbols.if_nametoindex(cString(name));
    return index === 0 ? undefined : index;
  }

  /** The name of the interface `index`, undefined where there is none. */
  interfaceName(index: number): string | undefined {
    const name = new Uint8Array(IFNAMSIZ);
    if (this.#libc.symbols.if_indextoname(index, name) === null) return undefined;
    return new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
  }
}

/** A non-blocking socket. Disposing closes the descriptor unless it was released; watches are dropped before. */
export class Socket implements Disposable {
  readonly #libc: Libc;
  readonly #reactor: Reactor;
  readonly #watches = new Set<Disposable>();
  #owned = true;

  constructor(libc: Libc, reactor: Reactor, readonly fd: number, readonly family: 4 | 6) {
    this.#libc = libc;
    this.#reactor = reactor;
  }

  /** @throws {ErrnoError} in use, not on this host, not permitted */
  bind(address: SocketAddress): void {
    const bytes = encodeSocketAddress(address);
    this.#libc.check("bind", this.#libc.symbols.bind(this.fd, bytes, bytes.byteLength));
  }

  /** Begins to connect: true when that is done already, false when `writable` will tell. @throws {ErrnoError} */
  connect(address: SocketAddress): boolean {
    const bytes = encodeSocketAddress(address);
    if (this.#libc.symbols.connect(this.fd, bytes, bytes.byteLength) === 0) return true;
    const errno = this.#libc.errno();
    if (errno === ERRNO.EINPROGRESS) return false;
    throw new ErrnoError("connect", errno);
  }

  /** @throws {ErrnoError} */
  listen(backlog: number): void {
    this.#libc.check("listen", this.#libc.symbols.listen(this.fd, backlog));
  }

  /** The next connection, non-blocking too, or undefined where none waits. @throws {ErrnoError} */
  accept(): Accepted | undefined {
    const address = new Uint8Array(SOCKADDR_SIZE);
    const fd = this.#libc.symbols.accept4(
      this.fd,
      address,
      lengthOf(address),
      SOCK_NONBLOCK | SOCK_CLOEXEC,
    );
    if (fd < 0) {
      const errno = this.#libc.errno();
      if (errno === ERRNO.EAGAIN) return undefined;
      throw new ErrnoError("accept4", errno);
    }
    const socket = new Socket(this.#libc, this.#reactor, fd, this.family);
    const remote = decodeSocketAddress(address);
    if (remote !== undefined) return { socket, remote };
    socket[Symbol.dispose]();
    throw new ErrnoError("accept4", ERRNO.EAFNOSUPPORT);
  }

  /** This end. @throws {ErrnoError} */
  localAddress(): SocketAddress {
    return this.#address("getsockname", this.#libc.symbols.getsockname);
  }

  /** The other end. @throws {ErrnoError} ENOTCONN when it is gone already */
  remoteAddress(): SocketAddress {
    return this.#address("getpeername", this.#libc.symbols.getpeername);
  }

  /** What failed since the last call (SO_ERROR), such as the connection attempt. @throws {ErrnoError} */
  takeError(operation: string): ErrnoError | undefined {
    const errno = this.#get("SO_ERROR");
    return errno === 0 ? undefined : new ErrnoError(operation, errno);
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

  /** SO_REUSEADDR: bind beside connections of before that linger. @throws {ErrnoError} */
  setReuseAddress(): void {
    this.#set("SO_REUSEADDR", 1);
  }

  /** IPV6_V6ONLY: leave IPv4 to a socket of its own. @throws {ErrnoError} */
  setV6Only(): void {
    this.#set("IPV6_V6ONLY", 1);
  }

  /** TCP_NODELAY. @throws {ErrnoError} */
  setNoDelay(): void {
    this.#set("TCP_NODELAY", 1);
  }

  /** TCP_USER_TIMEOUT (RFC 5482): how long sent bytes may stay unacknowledged. @throws {ErrnoError} */
  setUserTimeout(milliseconds: number): void {
    this.#set("TCP_USER_TIMEOUT", milliseconds);
  }

  /** The TTL or hop limit of what is sent. @throws {ErrnoError} */
  setTtl(ttl: number): void {
    this.#set(this.family === 4 ? "IP_TTL" : "IPV6_UNICAST_HOPS", ttl);
  }

  /** The TTL or hop limit below which what arrives is dropped; 0: none. TCP only. @throws {ErrnoError} */
  setMinTtl(ttl: number): void {
    this.#set(this.family === 4 ? "IP_MINTTL" : "IPV6_MINHOPCOUNT", ttl);
  }

  /** The TOS or traffic class octet of what is sent. @throws {ErrnoError} */
  setTrafficClass(octet: number): void {
    this.#set(this.family === 4 ? "IP_TOS" : "IPV6_TCLASS", octet);
  }

  /** IP_RECVERR: keep what ICMP returned as undeliverable, for `receive`. @throws {ErrnoError} */
  setReceiveErrors(): void {
    this.#set(this.family === 4 ? "IP_RECVERR" : "IPV6_RECVERR", 1);
  }

  /** Lets only these ICMP types through a raw ICMP socket (raw(7), RFC 3542 section 3.2). @throws {ErrnoError} */
  setIcmpFilter(types: readonly number[]): void {
    // A set bit blocks its type; struct icmp_filter has the 32 lowest types, struct icmp6_filter all 256.
    const blocked = new Uint32Array(this.family === 4 ? 1 : 8).fill(0xffff_ffff);
    for (const type of types) {
      const word = type >>> 5;
      blocked[word] = (blocked[word] ?? 0) & ~(1 << (type & 31));
    }
    this.#setBytes(this.family === 4 ? "ICMP_FILTER" : "ICMPV6_FILTER", new Uint8Array(blocked.buffer));
  }

  /** SO_BINDTODEVICE: only this interface. @throws {ErrnoError} ENODEV, or EPERM without CAP_NET_RAW */
  bindToDevice(name: string): void {
    this.#setBytes("SO_BINDTODEVICE", cString(name));
  }

  /**
   * The TCP-MD5 key (RFC 2385) for everything to and from `address`, or for a whole prefix; an empty key deletes it.
   * @throws {RangeError} the key is longer than 80 octets
   * @throws {ErrnoError} ENOPROTOOPT when the kernel is built without TCP-MD5, ENOENT when there is no key to delete
   */
  setMd5Key(address: IpAddress, key: Uint8Array, prefixLength?: number): void {
    if (key.byteLength > TCP_MD5SIG_MAXKEYLEN) {
      throw new RangeError(`a TCP-MD5 key has at most ${TCP_MD5SIG_MAXKEYLEN} octets, not ${key.byteLength}`);
    }
    const bytes = new Uint8Array(MD5SIG.size);
    bytes.set(encodeSocketAddress({ address, port: 0, scopeId: 0 }));
    new DataView(bytes.buffer).setUint16(MD5SIG.keylen, key.byteLength, true);
    bytes.set(key, MD5SIG.key);
    if (prefixLength === undefined) return this.#setBytes("TCP_MD5SIG", bytes);
    bytes[MD5SIG.flags] = TCP_MD5SIG_FLAG_PREFIX;
    bytes[MD5SIG.prefixlen] = prefixLength;
    this.#setBytes("TCP_MD5SIG_EXT", bytes);
  }

  /** The TTL that is set for what is sent. @throws {ErrnoError} */
  ttl(): number {
    return this.#get(this.family === 4 ? "IP_TTL" : "IPV6_UNICAST_HOPS");
  }

  /** The minimum TTL that is set. @throws {ErrnoError} */
  minTtl(): number {
    return this.#get(this.family === 4 ? "IP_MINTTL" : "IPV6_MINHOPCOUNT");
  }

  /** The TOS or traffic class that is set. @throws {ErrnoError} */
  trafficClass(): number {
    return this.#get(this.family === 4 ? "IP_TOS" : "IPV6_TCLASS");
  }

  /** TCP_USER_TIMEOUT in milliseconds, 0 where it is not set. @throws {ErrnoError} */
  userTimeout(): number {
    return this.#get("TCP_USER_TIMEOUT");
  }

  /**
   * The TTL or hop limit of the segment that completed the handshake of an accepted connection: the kernel keeps it
   * where a datagram socket has its multicast TTL (tcp_v4_syn_recv_sock, tcp_v6_syn_recv_sock). @throws {ErrnoError}
   */
  handshakeTtl(): number {
    return this.#get(this.family === 4 ? "IP_MULTICAST_TTL" : "IPV6_MULTICAST_HOPS");
  }

  /** Gives the descriptor to somebody else, who closes it; watches are dropped. */
  release(): number {
    this.#dropWatches();
    this.#owned = false;
    return this.fd;
  }

  /** Closes the descriptor unless it was released. Idempotent. */
  [Symbol.dispose](): void {
    this.#dropWatches();
    if (!this.#owned) return;
    this.#owned = false;
    // close(2) releases the descriptor on Linux whatever it returns.
    this.#libc.symbols.close(this.fd);
  }

  #watch(events: number, callback: () => void): Disposable {
    const registration = this.#reactor.add(this.fd, events, callback);
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

  #set(option: OptionName, value: number): void {
    this.#setBytes(option, new Uint8Array(new Int32Array([value]).buffer));
  }

  #setBytes(option: OptionName, value: Uint8Array<ArrayBuffer>): void {
    const [level, name] = OPTION[option];
    const result = this.#libc.symbols.setsockopt(this.fd, level, name, value, value.byteLength);
    this.#libc.check(`setsockopt ${option}`, result);
  }

  #get(option: OptionName): number {
    const [level, name] = OPTION[option];
    const value = new Int32Array(1);
    const bytes = new Uint8Array(value.buffer);
    const result = this.#libc.symbols.getsockopt(this.fd, level, name, bytes, lengthOf(bytes));
    this.#libc.check(`getsockopt ${option}`, result);
    return value[0] ?? 0;
  }
}

/** A socklen_t that says how long `buffer` is. */
function lengthOf(buffer: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new Uint32Array([buffer.byteLength]).buffer);
}
