/** The port to TCP: what a BGP session needs of a connection, whatever makes it. */
import type { Address } from "../../net/address.ts";
import type { PeerConfig } from "../../config/config.ts";

/** An end of a connection. `zone` is the interface of a link-local address. */
export interface Endpoint {
  readonly address: Address;
  readonly zone: string | undefined;
  readonly port: number;
}

/** An established TCP connection. */
export interface Connection extends Disposable {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** The next bytes, good until the next read, or undefined at the end of the stream. @throws on reset */
  read(): Promise<Uint8Array | undefined>;
  /** Resolves when the socket has taken all of the bytes. @throws when the connection is gone */
  write(bytes: Uint8Array): Promise<void>;
  /** Closes after what was written has been handed over (FIN). Idempotent; wakes a pending read. */
  [Symbol.dispose](): void;
}

/** Where to listen. */
export interface ListenOptions {
  readonly address: Address;
  readonly port: number;
  /** Peers whose password, TTL and zone the listener must honour. */
  readonly peers: readonly PeerConfig[];
}

/** A listening socket. Disposing stops it; connections that were handed over stay. */
export interface Listener extends Disposable {
  readonly local: Endpoint;
}

/** Makes connections. One port, two adapters: Deno's own sockets, and sockets prepared through FFI. */
export interface Transport {
  /** @throws {Error} refused, unreachable, aborted, or an option that this adapter cannot honour */
  connect(peer: PeerConfig, signal: AbortSignal): Promise<Connection>;
  /** @throws {Error} address in use, or not permitted */
  listen(options: ListenOptions, onConnection: (connection: Connection) => void): Listener;
}
