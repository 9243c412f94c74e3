/** Streams in memory, without a kernel: a bounded buffer for each direction, and listeners that can be kept from listening. */
import type {
  Endpoint,
  ListenerEvents,
  StreamAddress,
  StreamListener,
  Streams,
  StreamSocket,
} from "../../src/net/sockets.ts";

/** An error as the kernel's are. */
export function kernelError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Streams in memory. */
export class MemoryStreams implements Streams {
  readonly listeners = new Map<string, ListenerEvents>();
  /** What `listen` throws, by place; asked for each time. */
  readonly faults = new Map<string, Error>();
  /** Octets that a socket takes before the other end reads. */
  bufferOctets = 65_536;
  /** Makes the file of a unix socket. */
  bind: (path: string) => void = () => {};

  connect(to: StreamAddress, signal: AbortSignal): Promise<MemorySocket> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const events = this.listeners.get(placeOf(to));
    if (events === undefined) return Promise.reject(kernelError("ECONNREFUSED"));
    const [client, server] = this.pair();
    events.connection(server);
    return Promise.resolve(client);
  }

  listen(at: StreamAddress, events: ListenerEvents): StreamListener {
    const place = placeOf(at);
    const fault = this.faults.get(place) ??
      (this.listeners.has(place) ? kernelError("EADDRINUSE") : undefined);
    if (fault !== undefined) throw fault;
    if ("path" in at) this.bind(at.path);
    this.listeners.set(place, events);
    const local: Endpoint | undefined = "path" in at ? undefined : { zone: undefined, ...at };
    return { local, [Symbol.dispose]: () => void this.listeners.delete(place) };
  }

  /** Two ends of a connection. */
  pair(): [MemorySocket, MemorySocket] {
    const there = new Pipe(this.bufferOctets);
    const back = new Pipe(this.bufferOctets);
    return [new MemorySocket(back, there), new MemorySocket(there, back)];
  }
}

function placeOf(at: StreamAddress): string {
  return "path" in at ? at.path : `${at.address.text} ${at.port}`;
}

/** One direction. */
class Pipe {
  readonly #pieces: Uint8Array[] = [];
  readonly #limit: number;
  #held = 0;
  #changed = Promise.withResolvers<void>();
  ended = false;
  /** Nobody reads any more. */
  broken = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  async write(octets: Uint8Array): Promise<void> {
    if (this.broken || this.ended) throw kernelError("EPIPE");
    this.#pieces.push(octets.slice());
    this.#held += octets.length;
    this.wake();
    while (this.#held > this.#limit) {
      if (this.broken || this.ended) throw kernelError("EPIPE");
      await this.#changed.promise;
    }
  }

  async read(isOpen: () => boolean): Promise<Uint8Array | undefined> {
    while (isOpen()) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#held -= piece.length;
        this.wake();
        return piece;
      }
      if (this.broken) throw kernelError("ECONNRESET");
      if (this.ended) return undefined;
      await this.#changed.promise;
    }
    return undefined;
  }
}

/** One end of a connection. */
export class MemorySocket implements StreamSocket {
  readonly local = undefined;
  readonly remote = undefined;
  readonly #from: Pipe;
  readonly #to: Pipe;
  #open = true;

  constructor(from: Pipe, to: Pipe) {
    this.#from = from;
    this.#to = to;
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#from.read(() => this.#open);
  }

  write(octets: Uint8Array): Promise<void> {
    return this.#open ? this.#to.write(octets) : Promise.reject(kernelError("EPIPE"));
  }

  /** Does not wait for the other side: that is for the tests of sockets. */
  end(): Promise<void> {
    this[Symbol.dispose]();
    return Promise.resolve();
  }

  /** Sends FIN and goes on reading. */
  closeWrite(): void {
    this.#to.ended = true;
    this.#to.wake();
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.#to.ended = true;
    this.#from.broken = true;
    this.#to.wake();
    this.#from.wake();
  }

  /** All that comes until the other side has closed, as text. */
  async text(): Promise<string> {
    let text = "";
    for (let octets = await this.read(); octets !== undefined; octets = await this.read()) {
      text += new TextDecoder("latin1").decode(octets);
    }
    return text;
  }

  /** Writes text, one octet for each character. */
  send(text: string): void {
    this.write(Uint8Array.from(text, (character) => character.charCodeAt(0))).catch(() => {});
  }
}
