/** A connection over a stream of the shared port, which ends in BGP's way: what was written goes out, then FIN, within a bound. */
import type { StreamSocket } from "../../net/sockets.ts";
import type { Connection, Endpoint } from "./transport.ts";

/** How long a disposed connection may take to hand its octets over and see the peer's FIN. */
const LINGER_MS = 5000;

/** What a connection is made of. */
export interface SocketConnectionOptions {
  readonly stream: StreamSocket;
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/** A connection over a prepared socket. */
export class SocketConnection implements Connection {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #stream: StreamSocket;

  constructor({ stream, local, remote }: SocketConnectionOptions) {
    this.local = local;
    this.remote = remote;
    this.#stream = stream;
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#stream.read();
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#stream.write(bytes);
  }

  [Symbol.dispose](): void {
    // Unread octets at close(2) would turn the FIN into a reset and may cost the peer our last message, so the stream reads
    // and drops what still arrives until the peer has closed too.
    this.#stream.end(LINGER_MS);
  }
}
