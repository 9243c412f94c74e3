/** The port to sockets that are prepared option by option; `ffi/sockets.ts` satisfies it by shape. */
import type { Endpoint, ReturnedDatagram, SocketAddress, StreamSocket } from "../../net/sockets.ts";

/** A connection that a listening socket gave. */
export interface Accepted {
  readonly socket: RawSocket;
  /** The other end; undefined where it has no IP address. */
  readonly remote: SocketAddress | undefined;
}

/** A master key of TCP-AO (RFC 5925 section 3.1). */
export interface AoKey {
  readonly sendId: number;
  readonly receiveId: number;
  /** As the kernel's crypto API spells it. */
  readonly algorithm: string;
  readonly macOctets: number;
  readonly key: Uint8Array;
}

/** A non-blocking TCP socket. Disposing closes its descriptor unless it became a stream. */
export interface RawSocket extends Disposable {
  bind(address: SocketAddress): void;
  /** True when connected at once, false when `onWritable` will tell. */
  connect(address: SocketAddress): boolean;
  listen(backlog: number): void;
  /**
   * Hands over connections until it is disposed. Where accepting fails, that is told, and it pauses and goes on by itself;
   * where `onAccepted` throws, the connection is closed, and that is told.
   */
  acceptAll(onAccepted: (accepted: Accepted) => void, onFault: (error: unknown) => void): Disposable;
  localAddress(): SocketAddress;
  remoteAddress(): SocketAddress;
  /** What became of the connection attempt: the error, or undefined when it is up. */
  takeError(operation: string): Error | undefined;
  /** Whether what ICMP returns ends the attempt at once, and is kept for `takeReturned`. */
  setReceiveErrors(wanted: boolean): void;
  /** The ICMP error that ended the attempt, and the error that it is; undefined: none. */
  takeReturned(
    operation: string,
  ): { readonly error: Error; readonly icmp: ReturnedDatagram["icmp"] } | undefined;
  /** Calls back once, when the connection attempt ended. */
  onWritable(callback: () => void): Disposable;
  setReuseAddress(): void;
  /** Whether sockets of ours that say so, too, may have the same local end. */
  setReusePort(wanted: boolean): void;
  /** Bound to this interface, or VRF. */
  bindToDevice(name: string): void;
  setV6Only(): void;
  setNoDelay(): void;
  setUserTimeout(milliseconds: number): void;
  setTtl(ttl: number): void;
  /** Drops what arrives with a lower TTL; 0: nothing. */
  setMinTtl(ttl: number): void;
  setTrafficClass(octet: number): void;
  /** The longest segment either way; 0: the kernel's choice. Where it is to count, before the handshake. */
  setMaximumSegment(octets: number): void;
  setMd5Key(address: SocketAddress["address"], key: Uint8Array): void;
  /** `first`: it is signed with, and asked of the peer, from the first segment on. */
  addAoKey(address: SocketAddress["address"], key: AoKey, first: boolean): void;
  deleteAoKey(address: SocketAddress["address"], key: Pick<AoKey, "sendId" | "receiveId">): void;
  /** Refuses what is unsigned; `use`: the key that is signed with, and asked of the peer, from now on. */
  requireAo(use: Pick<AoKey, "sendId" | "receiveId"> | undefined): void;
  /** Whether an accepted connection is signed. */
  hasAo(): boolean;
  /** The TTL of the segment that completed the handshake of an accepted connection. */
  handshakeTtl(): number;
  /** The stream that this connected socket is, between these ends; it owns the descriptor from then on. */
  stream(ends: { readonly local: Endpoint; readonly remote: Endpoint }): StreamSocket;
}

/** Makes sockets. Every call throws what the kernel said. */
export interface RawSockets {
  tcp(family: 4 | 6): RawSocket;
  /** Whether this interface is a VRF, with a routing table of its own. */
  isVrf(name: string): boolean;
  interfaceIndex(name: string): number | undefined;
  interfaceName(index: number): string | undefined;
  /** The text of /proc/net/netstat of this thread's network namespace; undefined where it cannot be read. */
  netstat(): string | undefined;
}
