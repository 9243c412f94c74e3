/**
 * A connection over a `node:net` socket: one buffer, filled when somebody reads, so that a flood costs no memory and
 * closes the peer's TCP window; writing until taken; closing with FIN. What was received before a reset is handed out
 * before the reset is, so that a peer's last NOTIFICATION is not lost.
 */
import { Socket } from "node:net";
import type { Connection, Endpoint } from "./transport.ts";

const READ_LENGTH = 65536;
/** How long a disposed connection may take to hand its bytes over and see the peer's FIN. */
const LINGER_MS = 5000;

/** A connected descriptor, which the connection closes from then on, and its ends. */
export interface SocketConnectionOptions {
  readonly fd: number;
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/** A connection over `node:net`. */
export class SocketConnection implements Connection {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #socket: Socket;
  /** Used for every read: what was read is void when the next read begins. */
  readonly #buffer = new Uint8Array(READ_LENGTH);
  /** Octets at the front of the buffer that came before anybody read. */
  #received = 0;
  #ended = false;
  #error: Error | undefined;
  #disposed = false;
  #reader: PromiseWithResolvers<Uint8Array | undefined> | undefined;

  /** @throws {Error} the descriptor is none of a stream; it is still the caller's then */
  constructor({ fd, local, remote }: SocketConnectionOptions) {
    this.local = local;
    this.remote = remote;
    const onread = { buffer: this.#buffer, callback: (count: number) => this.#onRead(count) };
    this.#socket = new Socket({ fd, allowHalfOpen: true, onread });
    this.#socket.on("end", () => this.#onEnd());
    this.#socket.on("error", (error) => this.#onError(error));
    this.#socket.on("close", () => this.#onEnd());
  }

  read(): Promise<Uint8Array | undefined> {
    if (this.#reader !== undefined) {
      return Promise.reject(new Error("a read of this connection is pending already"));
    }
    if (this.#disposed) return Promise.resolve(undefined);
    if (this.#received > 0) {
      const chunk = this.#buffer.subarray(0, this.#received);
      this.#received = 0;
      return Promise.resolve(chunk);
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve(undefined);
    this.#reader = Promise.withResolvers();
    this.#socket.resume();
    return this.#reader.promise;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#disposed || this.#error !== undefined || this.#socket.destroyed) {
      return Promise.reject(this.#error ?? new Error("the connection is closed"));
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#socket.write(bytes, (error) => {
      if (error) reject(this.#error ?? error);
      else resolve();
    });
    return promise;
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#wakeReader();
    if (this.#socket.destroyed) return;
    // Unread bytes at close(2) would turn the FIN into a reset and may cost the peer our last message, so what still
    // arrives is read and dropped until the peer has closed too.
    const timer = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    this.#socket.once("close", () => clearTimeout(timer));
    this.#socket.end();
    this.#socket.resume();
  }

  /** False pauses the socket until the next read: the buffer is the reader's now. */
  #onRead(count: number): boolean {
    if (this.#disposed) return true;
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader === undefined) this.#received = count;
    else reader.resolve(this.#buffer.subarray(0, count));
    return false;
  }

  #onEnd(): void {
    this.#ended = true;
    this.#wakeReader();
  }

  #onError(error: Error): void {
    this.#error = error;
    this.#wakeReader();
  }

  #wakeReader(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    if (this.#error === undefined || this.#disposed) reader?.resolve(undefined);
    else reader?.reject(this.#error);
  }
}
