/**
 * A BGP peer of bare octets that only counts what it is sent (IPv4 unicast), so cheaply that the sender and not the
 * receiver is what a benchmark measures.
 */
import { connect, type Socket } from "node:net";
import { KEEPALIVE, keepalive, NOTIFICATION, type Octets, open, UPDATE } from "../support/raw_peer.ts";
import { until } from "../support/until.ts";

const HEADER = 19;
/** How long a subject may take until it listens and takes the peer. */
const SESSION_MS = 60_000;
const ATTEMPT_MS = 5000;
const RETRY_MS = 200;

/** A receiver. */
export class CountingPeer implements Disposable {
  /** UPDATEs with at least one prefix. */
  updates = 0;
  announced = 0;
  withdrawn = 0;
  /** When the last UPDATE with a prefix came. */
  at = 0;
  /** When each KEEPALIVE came. */
  readonly keepalives: number[] = [];
  readonly #socket: Socket;
  #rest = new Uint8Array();
  #ended = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    socket.on("error", () => this.#ended = true);
    socket.on("close", () => this.#ended = true);
  }

  /** Goes to the point where only this side's KEEPALIVE is missing; tries until the subject takes it. */
  static async confirmed(
    local: string,
    remote: string,
    port: number,
    holdTime: number,
  ): Promise<CountingPeer> {
    const limit = performance.now() + SESSION_MS;
    for (;;) {
      const peer = await CountingPeer.#connect(local, remote, port);
      peer?.send(open({ holdTime, identifier: local.split(".").map(Number) }));
      const patience = performance.now() + ATTEMPT_MS;
      const answered = () => peer !== undefined && !peer.#ended && peer.keepalives.length > 0;
      const over = () => peer === undefined || peer.#ended || performance.now() > patience;
      await until(() => answered() || over(), () => local, 2 * ATTEMPT_MS);
      if (peer !== undefined && answered()) return peer;
      peer?.[Symbol.dispose]();
      if (performance.now() > limit) throw new Error(`no session from ${local}`);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  static #connect(local: string, remote: string, port: number): Promise<CountingPeer | undefined> {
    return new Promise((resolve) => {
      const socket = connect({ host: remote, port, localAddress: local, noDelay: true });
      socket.once("error", () => resolve(undefined));
      socket.once("connect", () => resolve(new CountingPeer(socket)));
    });
  }

  /** Makes the session Established. */
  establish(): void {
    this.send(keepalive());
  }

  /** Hands octets to the socket. */
  send(octets: Octets | Uint8Array): void {
    this.#socket.write(Uint8Array.from(octets));
  }

  /** Resolves when so many prefixes were announced or withdrawn in all. @throws where they do not come */
  async received(prefixes: number, limitMs = 120_000): Promise<void> {
    await until(
      () => this.announced + this.withdrawn >= prefixes || this.#ended,
      () => `${this.announced} announced and ${this.withdrawn} withdrawn of ${prefixes}`,
      limitMs,
    );
    if (this.#ended) throw new Error("the subject ended the session");
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #receive(chunk: Uint8Array): void {
    let bytes = chunk;
    if (this.#rest.byteLength > 0) {
      bytes = new Uint8Array(this.#rest.byteLength + chunk.byteLength);
      bytes.set(this.#rest);
      bytes.set(chunk, this.#rest.byteLength);
    }
    let start = 0;
    while (bytes.byteLength - start >= HEADER) {
      const length = u16(bytes, start + 16);
      if (bytes.byteLength - start < length) break;
      this.#take(bytes, start, length);
      start += length;
    }
    this.#rest = bytes.slice(start);
  }

  #take(bytes: Uint8Array, start: number, length: number): void {
    const type = bytes[start + 18];
    if (type === KEEPALIVE) this.keepalives.push(performance.now());
    if (type === NOTIFICATION) this.#ended = true;
    if (type !== UPDATE) return;
    const withdrawnAt = start + HEADER + 2;
    const attributesAt = withdrawnAt + u16(bytes, start + HEADER) + 2;
    const nlriAt = attributesAt + u16(bytes, attributesAt - 2);
    const withdrawn = count(bytes, withdrawnAt, attributesAt - 2);
    const announced = count(bytes, nlriAt, start + length);
    if (withdrawn + announced === 0) return;
    this.withdrawn += withdrawn;
    this.announced += announced;
    this.updates++;
    this.at = performance.now();
  }
}

function count(bytes: Uint8Array, start: number, end: number): number {
  let prefixes = 0;
  for (let at = start; at < end; prefixes++) at += 1 + (((bytes[at] ?? 0) + 7) >>> 3);
  return prefixes;
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
