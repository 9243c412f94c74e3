/** A `TcpSocket` over `Deno.TcpConn`. */
import type { Endpoint, TcpSocket } from "./transport.ts";

const READ_LENGTH = 65536;

/** A connected socket of Deno's. */
export class DenoSocket implements TcpSocket {
  readonly #socket: Deno.TcpConn;
  /** The last write that was begun. */
  #writing: Promise<void> | undefined;
  #reading: Promise<number | null> | undefined;
  #reader: PromiseWithResolvers<undefined> | undefined;
  /** Used for every read: what was read is void when the next read begins. */
  readonly #buffer = new Uint8Array(READ_LENGTH);
  #failure: unknown;
  /** Nothing is read or written for the owner any more. */
  #ended = false;
  #closed = false;

  constructor(socket: Deno.TcpConn, readonly local: Endpoint, readonly remote: Endpoint) {
    this.#socket = socket;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#ended) return undefined;
    this.#reading = this.#socket.read(this.#buffer);
    this.#reader = Promise.withResolvers<undefined>();
    const count = await Promise.race([this.#reading, this.#reader.promise]);
    if (count === undefined || this.#ended) return undefined;
    this.#reading = undefined;
    return count === null ? undefined : this.#buffer.subarray(0, count);
  }

  write(octets: Uint8Array): Promise<void> {
    if (this.#ended) return Promise.reject(new Error("the connection is closed"));
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const write = this.#writing === undefined
      ? this.#writeAll(octets)
      : this.#writeAfter(this.#writing, octets);
    this.#writing = write;
    const done = () => {
      if (this.#writing === write) this.#writing = undefined;
    };
    write.then(done, (error) => {
      this.#failure ??= error;
      done();
    });
    return write;
  }

  /**
   * Unread octets at close(2) would turn the FIN into a reset and may cost the peer our last message, so what still
   * arrives is read and dropped until the peer has closed too.
   */
  async end(limitMs: number): Promise<void> {
    if (this.#ended) return;
    this.#end();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, limitMs);
    await Promise.race([this.#drain().catch(() => {}), promise]);
    clearTimeout(timer);
    this.#close();
  }

  [Symbol.dispose](): void {
    this.#end();
    this.#close();
  }

  #end(): void {
    this.#ended = true;
    this.#reader?.resolve(undefined);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // What was pending ends with the socket.
    this.#reading?.catch(() => {});
    this.#socket.close();
  }

  async #writeAfter(previous: Promise<void>, octets: Uint8Array): Promise<void> {
    await previous;
    await this.#writeAll(octets);
  }

  /** Hands the first octets to the socket before it returns. */
  async #writeAll(octets: Uint8Array): Promise<void> {
    let rest = octets;
    while (rest.byteLength > 0) rest = rest.subarray(await this.#socket.write(rest));
  }

  async #drain(): Promise<void> {
    await this.#writing;
    await this.#socket.closeWrite();
    let count = await (this.#reading ?? 0);
    while (count !== null) count = await this.#socket.read(this.#buffer);
  }
}
