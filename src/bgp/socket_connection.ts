/**
 * A connection over a `node:net` socket: reading with backpressure, writing until taken, closing with FIN. What was
 * received before a reset is handed out before the reset is, so that a peer's last NOTIFICATION is not lost.
 */
import type { Socket } from "node:net";
import type { Connection, Endpoint } from "./transport.ts";

/** Received bytes that wait for `read()` above which the socket is paused, and the peer's TCP window closes. */
const READ_HIGH_WATER_MARK = 256 * 1024;
/** How long a disposed connection may take to hand its bytes over and see the peer's FIN. */
const LINGER_MS = 5000;

/** The ends and the socket of a connection. The socket has to be made with `allowHalfOpen`. */
export interface SocketConnectionOptions {
  readonly socket: Socket;
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/** A connection over `node:net`. */
export class SocketConnection implements Connection {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #socket: Socket;
  readonly #received: Uint8Array[] = [];
  #receivedBytes = 0;
  #ended = false;
  #error: Error | undefined;
  #disposed = false;
  #reader: PromiseWithResolvers<Uint8Array | undefined> | undefined;

  constructor({ socket, local, remote }: SocketConnectionOptions) {
    this.local = local;
    this.remote = remote;
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => this.#onData(chunk));
    socket.on("end", () => this.#onEnd());
    socket.on("error", (error) => this.#onError(error));
    socket.on("close", () => this.#onClose());
  }

  read(): Promise<Uint8Array | undefined> {
    if (this.#reader !== undefined) {
      return Promise.reject(new Error("a read of this connection is pending already"));
    }
    if (this.#disposed) return Promise.resolve(undefined);
    const chunk = this.#received.shift();
    if (chunk !== undefined) {
      this.#receivedBytes -= chunk.byteLength;
      if (this.#receivedBytes < READ_HIGH_WATER_MARK && this.#socket.isPaused()) this.#socket.resume();
      return Promise.resolve(chunk);
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve(undefined);
    this.#reader = Promise.withResolvers();
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
    this.#received.length = 0;
    this.#wakeReader();
    if (this.#socket.destroyed) return;
    // Unread bytes at close(2) would turn the FIN into a reset and may cost the peer our last message, so what still
    // arrives is read and dropped until the peer has closed too.
    const timer = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    this.#socket.once("close", () => clearTimeout(timer));
    this.#socket.end();
    this.#socket.resume();
  }

  #onData(chunk: Uint8Array): void {
    if (this.#disposed) return;
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#reader !== undefined) {
      const reader = this.#reader;
      this.#reader = undefined;
      return reader.resolve(bytes);
    }
    this.#received.push(bytes);
    this.#receivedBytes += bytes.byteLength;
    if (this.#receivedBytes >= READ_HIGH_WATER_MARK) this.#socket.pause();
  }

  #onEnd(): void {
    this.#ended = true;
    this.#wakeReader();
  }

  #onError(error: Error): void {
    this.#error = error;
    this.#wakeReader();
  }

  #onClose(): void {
    this.#ended = true;
    this.#wakeReader();
  }

  #wakeReader(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    if (this.#error === undefined || this.#disposed) reader?.resolve(undefined);
    else reader?.reject(this.#error);
  }
}
