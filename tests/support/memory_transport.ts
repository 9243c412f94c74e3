/**
 * A network in memory on which real drivers meet on a virtual clock: connections with latency, a bounded socket
 * buffer, and every way in which TCP ends. Bytes may be cut up, delayed and lost with their connection, never
 * reordered, as over TCP.
 */
import { admit, handOver } from "../../src/bgp/transport/admission.ts";
import type {
  Endpoint,
  ListenerEvents,
  ListenOptions,
  TcpSocket,
  Transport,
} from "../../src/bgp/transport/transport.ts";
import type { Address } from "../../src/net/address.ts";
import type { Clock } from "../../src/time/clock.ts";

/** How the network behaves. */
export interface NetworkOptions {
  readonly clock: Clock;
  /** Milliseconds that bytes, connections and ends take; asked for each. */
  readonly latencyMs?: () => number;
  /** Octets that a socket takes before the other end reads. */
  readonly bufferLength?: number;
  /** Cuts what is delivered into pieces of this many octets. */
  readonly pieceLength?: () => number;
}

/** A host on the network. */
export interface MemoryHost extends Transport {
  /** Listens for whoever connects. */
  listenToAll(at: Endpoint, onSocket: (socket: TcpSocket) => void): Disposable;
}

/** A network in memory. */
export class MemoryNetwork {
  readonly #options: Required<NetworkOptions>;
  readonly #listeners = new Map<string, (socket: MemorySocket) => void>();
  readonly #pipes = new Set<Pipe>();
  #nextPort = 40_000;
  /** Hosts whose SYNs nobody answers. */
  readonly unreachable: Set<string> = new Set();

  constructor(options: NetworkOptions) {
    this.#options = { latencyMs: () => 1, bufferLength: 65_536, pieceLength: () => Infinity, ...options };
  }

  /** Directions of connections that have not ended. */
  get openPipes(): number {
    return this.#pipes.size;
  }

  /** Listeners that are open. */
  get openListeners(): number {
    return this.#listeners.size;
  }

  /** The transport of the host at `own`. */
  transport(own: Address): MemoryHost {
    return {
      connect: async (peer, _localAs, signal) => {
        const remote: Endpoint = { address: peer.address, zone: peer.zone, port: peer.port };
        await this.#delay(signal);
        if (this.unreachable.has(peer.address.text)) await forever(signal);
        const accept = this.#listeners.get(keyOf(remote));
        if (accept === undefined) throw new Error(`cannot connect to ${keyOf(remote)}: Connection refused`);
        const [client, server] = this.pair({ address: own, zone: undefined, port: this.#nextPort++ }, remote);
        accept(server);
        return client;
      },
      listen: (options, events) => this.#listen(options, events),
      listenToAll: (at, onSocket) => this.#open(at, onSocket),
    };
  }

  #listen({ address, port, peers }: ListenOptions, events: ListenerEvents): ReturnType<Transport["listen"]> {
    const local = { address, zone: undefined, port };
    let wanted = peers;
    const open = this.#open(local, (socket) => {
      const admission = admit(wanted, socket.remote);
      if ("peer" in admission) return handOver(socket, admission.peer, events);
      socket[Symbol.dispose]();
      events.refused(socket.remote, admission.refusal);
    });
    return {
      local,
      update: (who) => void (wanted = who.peers),
      [Symbol.dispose]: () => open[Symbol.dispose](),
    };
  }

  #open(at: Endpoint, onSocket: (socket: MemorySocket) => void): Disposable {
    const key = keyOf(at);
    if (this.#listeners.has(key)) {
      const cause = Object.assign(new Error("Address already in use"), { code: "EADDRINUSE" });
      throw new Error(`cannot listen on ${key}: Address already in use`, { cause });
    }
    this.#listeners.set(key, onSocket);
    return { [Symbol.dispose]: () => void this.#listeners.delete(key) };
  }

  /** Two ends of a connection that nobody asked for. */
  pair(client: Endpoint, server: Endpoint): [MemorySocket, MemorySocket] {
    const hosts = [client.address.text, server.address.text].sort().join();
    const there = new Pipe(this.#options, this.#pipes, hosts);
    const back = new Pipe(this.#options, this.#pipes, hosts);
    return [
      new MemorySocket(client, server, back, there),
      new MemorySocket(server, client, there, back),
    ];
  }

  /** Resets every connection, as when a host loses power. */
  resetAll(): void {
    for (const pipe of [...this.#pipes]) pipe.reset();
  }

  /** Resets every connection of two hosts. */
  resetBetween(one: Address, other: Address): void {
    const both = [one.text, other.text].sort().join();
    for (const pipe of [...this.#pipes]) if (pipe.hosts === both) pipe.resetBoth();
  }

  /** Resets one connection of `count`, the `index`th. */
  reset(index: number): void {
    const pipe = [...this.#pipes][index % Math.max(1, this.#pipes.size)];
    pipe?.resetBoth();
  }

  #delay(signal: AbortSignal): Promise<void> {
    const { clock, latencyMs } = this.#options;
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const onAbort = () => {
        timer[Symbol.dispose]();
        reject(signal.reason);
      };
      const timer = clock.at(clock.now() + latencyMs(), () => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      });
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}

/** An end of a connection in memory. */
export class MemorySocket implements TcpSocket {
  readonly #in: Pipe;
  readonly #out: Pipe;
  #disposed = false;

  constructor(readonly local: Endpoint, readonly remote: Endpoint, incoming: Pipe, outgoing: Pipe) {
    this.#in = incoming;
    this.#out = outgoing;
    incoming.opposite = outgoing;
    outgoing.opposite = incoming;
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#disposed ? Promise.resolve(undefined) : this.#in.read();
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#disposed ? Promise.reject(new Error("the connection is closed")) : this.#out.write(bytes);
  }

  /** Ends the connection with a reset. */
  reset(): void {
    this.#disposed = true;
    this.#out.resetBoth();
  }

  /** As a system does that lingers: until the other end has closed, too, or for the limit. */
  async end(limitMs: number): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#out.finish();
    this.#in.drain();
    await this.#in.ended(limitMs);
    this.#in.abandon();
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#out.finish();
    this.#in.abandon();
  }
}

/** One direction. */
class Pipe {
  readonly #options: Required<NetworkOptions>;
  readonly #open: Set<Pipe>;
  /** Arrived and not read. */
  readonly #arrived: Uint8Array[] = [];
  /** Writes that the socket has not taken; `end` counts octets since the start. */
  readonly #writers: { readonly end: number; readonly done: PromiseWithResolvers<void> }[] = [];
  #written = 0;
  #consumed = 0;
  #reader: PromiseWithResolvers<Uint8Array | undefined> | undefined;
  #lastArrivalMs = 0;
  #finished = false;
  #ended = false;
  #abandoned = false;
  readonly #onEnded = new Set<() => void>();
  #error: Error | undefined;
  opposite: Pipe | undefined;

  constructor(options: Required<NetworkOptions>, open: Set<Pipe>, readonly hosts: string) {
    this.#options = options;
    this.#open = open;
    open.add(this);
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#error !== undefined || this.#finished) {
      return Promise.reject(this.#error ?? new Error("the connection is closed"));
    }
    const done = Promise.withResolvers<void>();
    this.#written += bytes.byteLength;
    this.#writers.push({ end: this.#written, done });
    for (let at = 0; at < bytes.byteLength;) {
      const end = Math.min(bytes.byteLength, at + Math.max(1, this.#options.pieceLength()));
      const piece = bytes.slice(at, end);
      this.#later(() => this.#arrive(piece));
      at = end;
    }
    this.#settleWriters();
    return done.promise;
  }

  read(): Promise<Uint8Array | undefined> {
    const piece = this.#arrived.shift();
    if (piece !== undefined) {
      this.#consume(piece.byteLength);
      return Promise.resolve(piece);
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve(undefined);
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  /** FIN, after what was written. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#later(() => {
      this.#ended = true;
      this.#end();
      this.#reader?.resolve(undefined);
      this.#reader = undefined;
    });
  }

  /** Nobody reads any more: what comes is dropped, and a pending read ends. */
  drain(): void {
    this.#abandoned = true;
    for (const piece of this.#arrived.splice(0)) this.#consume(piece.byteLength);
    this.#reader?.resolve(undefined);
    this.#reader = undefined;
  }

  /** The same, and the other end's FIN is waited for no more. */
  abandon(): void {
    this.drain();
    this.#open.delete(this);
  }

  /** Resolves when the other end has closed, or after the limit. */
  async ended(limitMs: number): Promise<void> {
    if (!this.#open.has(this)) return;
    const { clock } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEnded.add(resolve);
    using _limit = clock.at(clock.now() + limitMs, resolve);
    await promise;
  }

  #end(): void {
    this.#open.delete(this);
    for (const resolve of this.#onEnded) resolve();
  }

  reset(): void {
    this.#error ??= new Error("Connection reset by peer");
    this.#end();
    this.#reader?.reject(this.#error);
    this.#reader = undefined;
    for (const { done } of this.#writers.splice(0)) done.reject(this.#error);
  }

  resetBoth(): void {
    this.reset();
    this.opposite?.reset();
  }

  #arrive(piece: Uint8Array): void {
    if (this.#error !== undefined) return;
    if (this.#abandoned) return this.#consume(piece.byteLength);
    if (this.#reader === undefined) return void this.#arrived.push(piece);
    this.#reader.resolve(piece);
    this.#reader = undefined;
    this.#consume(piece.byteLength);
  }

  #consume(length: number): void {
    this.#consumed += length;
    this.#settleWriters();
  }

  /** A write is taken when all that is not read yet fits into the socket buffer. */
  #settleWriters(): void {
    while (
      this.#writers[0] !== undefined && this.#writers[0].end - this.#consumed <= this.#options.bufferLength
    ) {
      this.#writers.shift()?.done.resolve();
    }
  }

  /** In order: nothing overtakes what was sent before. */
  #later(callback: () => void): void {
    const { clock, latencyMs } = this.#options;
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, clock.now() + latencyMs());
    clock.at(this.#lastArrivalMs, callback);
  }
}

function keyOf({ address, port }: Endpoint): string {
  return `${address.text} port ${port}`;
}

/** Never resolves. @throws the reason of `signal` */
function forever(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason), { once: true })
  );
}
