/** The port to sockets that are prepared option by option; `ffi/sockets.ts` satisfies it by shape. */
import type { Endpoint, StreamSocket } from "../../net/sockets.ts";

/** An address as the kernel has it; `scopeId` is the interface index of a link-local address, else 0. */
export interface RawSocketAddress {
  readonly address: { readonly family: 4 | 6; readonly bytes: Uint8Array };
  readonly port: number;
  readonly scopeId: number;
}

/** A non-blocking TCP socket. Disposing closes its descriptor unless it became a stream. */
export interface RawSocket extends Disposable {
  bind(address: RawSocketAddress): void;
  /** True when connected at once, false when `onWritable` will tell. */
  connect(address: RawSocketAddress): boolean;
  listen(backlog: number): void;
  /** The next connection, or undefined where none waits. */
  accept(): { readonly socket: RawSocket; readonly remote: RawSocketAddress } | undefined;
  localAddress(): RawSocketAddress;
  remoteAddress(): RawSocketAddress;
  /** What became of the connection attempt: the error, or undefined when it is up. */
  takeError(operation: string): Error | undefined;
  /** Calls back while connections or bytes wait. */
  onReadable(callback: () => void): Disposable;
  /** Calls back once, when the connection attempt ended. */
  onWritable(callback: () => void): Disposable;
  setReuseAddress(): void;
  setV6Only(): void;
  setNoDelay(): void;
  setUserTimeout(milliseconds: number): void;
  setTtl(ttl: number): void;
  /** Drops what arrives with a lower TTL; 0: nothing. */
  setMinTtl(ttl: number): void;
  setTrafficClass(octet: number): void;
  setMd5Key(address: RawSocketAddress["address"], key: Uint8Array): void;
  /** The TTL of the segment that completed the handshake of an accepted connection. */
  handshakeTtl(): number;
  /** The stream that this connected socket is, between these ends; it owns the descriptor from then on. */
  stream(ends: { readonly local: Endpoint; readonly remote: Endpoint }): StreamSocket;
}

/** Makes sockets. Every call throws what the kernel said. */
export interface RawSockets {
  tcp(family: 4 | 6): RawSocket;
  interfaceIndex(name: string): number | undefined;
  interfaceName(index: number): string | undefined;
}
