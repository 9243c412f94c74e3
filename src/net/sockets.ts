/**
 * The port to sockets that BGP, HTTP, the control socket, ICMP and probes share. Two adapters satisfy it by shape:
 * `ffi/` (sockets prepared through the C library) and `src/os/` (what Deno gives without FFI).
 */
import type { Address } from "./address.ts";

/** An end of a connection. `zone` is the interface of a link-local address. */
export interface Endpoint {
  readonly address: Address;
  readonly zone: string | undefined;
  readonly port: number;
}

/** Where a stream leads to, or is listened for: an address and port, or the path of a unix socket. */
export type StreamAddress =
  | { readonly address: Address; readonly zone?: string | undefined; readonly port: number }
  | { readonly path: string };

/** A connected stream of octets. */
export interface StreamSocket extends Disposable {
  /** The ends of a TCP connection; undefined for a unix socket. */
  readonly local: Endpoint | undefined;
  readonly remote: Endpoint | undefined;
  /**
   * The next octets, a view that is good until the next read; undefined at the end of the stream. One read at a time.
   * @throws {Error} on reset, in the kernel's words
   */
  read(): Promise<Uint8Array | undefined>;
  /** Resolves when the socket has taken all octets. @throws {Error} when the connection is gone */
  write(octets: Uint8Array): Promise<void>;
  /**
   * Hands over what was written, sends FIN, reads and drops what still comes until the other side has closed or
   * `limitMs` has passed, and closes. Wakes a pending read. Never throws.
   */
  end(limitMs: number): Promise<void>;
  /** Closes at once; wakes a pending read with undefined. Idempotent. */
  [Symbol.dispose](): void;
}

/** A listening socket. Disposing stops it; connections that were handed over stay. */
export interface StreamListener extends Disposable {
  /** Where it listens; undefined for a unix socket. */
  readonly local: Endpoint | undefined;
}

/** What a listener tells. */
export interface ListenerEvents {
  connection(socket: StreamSocket): void;
  /** Accepting failed (descriptors have run out); the listener rests for a moment and goes on by itself. */
  fault(error: Error): void;
}

/** Makes streams. */
export interface Streams {
  /** @throws {Error} refused, unreachable, aborted, out of descriptors: in the kernel's words, `code` such as ECONNREFUSED */
  connect(to: StreamAddress, signal: AbortSignal): Promise<StreamSocket>;
  /** A unix socket is bound with mode 0600 from the first moment on. @throws {Error} in use, not permitted, not on this host */
  listen(at: StreamAddress, events: ListenerEvents): StreamListener;
}
