/**
 * The port `Streams` (src/net/sockets.ts) over `Deno.connect` and `Deno.listen`: what there is without FFI. A unix
 * socket is bound in a folder that is ours alone, gets its mode there and moves to its place only then, as the runtime
 * gives the umask to nobody who has not every permission.
 */
import { parseAddress } from "../net/address.ts";
import { unmapped } from "../net/address_kind.ts";
import type {
  Endpoint,
  ListenerEvents,
  StreamAddress,
  StreamListener,
  Streams,
  StreamSocket,
  StreamSource,
} from "../net/sockets.ts";
import { makePrivateFolder } from "./private_folder.ts";

/** Buffers of connections grow with what comes, as most of them wait with nothing to read. */
const FIRST_READ_OCTETS = 512;
const MAX_READ_OCTETS = 65_536;
const DRAIN_OCTETS = 4096;
/** How long a listener pauses when descriptors or memory have run out. */
const ACCEPT_PAUSE_MS = 1000;
/** So long a listener accepts before others have their turn: strangers are refused quickly, and peers wait behind them. */
const ACCEPTING_MS = 3;
const SOCKET_MODE = 0o600;

/** Where a connection comes from, Deno leaves to the kernel. */
const NO_SOURCE =
  "to connect from an address of one's choice needs sockets that only FFI opens: run with --allow-ffi";

/** Streams of the runtime's own. */
export function denoStreams(): Streams {
  return { connect, listen };
}

async function connect(
  to: StreamAddress,
  signal: AbortSignal,
  { address, device, mark }: StreamSource = {},
): Promise<StreamSocket> {
  signal.throwIfAborted();
  // The runtime takes a local address and does nothing with it.
  if (address !== undefined || device !== undefined || mark !== undefined) throw new Error(NO_SOURCE);
  if ("address" in to) {
    const hostname = hostnameOf(to);
    const socket = await Deno.connect({ hostname, port: to.port, signal });
    setNoDelay(socket);
    return unlessAborted(new DenoStream(socket), signal);
  }
  return unlessAborted(new DenoStream(await Deno.connect({ transport: "unix", path: to.path })), signal);
}

function unlessAborted(socket: StreamSocket, signal: AbortSignal): StreamSocket {
  if (!signal.aborted) return socket;
  socket[Symbol.dispose]();
  throw signal.reason;
}

function listen(at: StreamAddress, events: ListenerEvents): StreamListener {
  if ("address" in at) {
    const listener = Deno.listen({ hostname: hostnameOf(at), port: at.port });
    return new DenoListener(listener, endpointOf(listener.addr), events, (socket) => {
      setNoDelay(socket);
      return new DenoStream(socket);
    });
  }
  return new DenoListener(
    listenUnix(at.path),
    undefined,
    events,
    (socket) => new DenoStream(socket),
  );
}

/** As long as the file of the socket has another mode, it is where nobody else can go. */
function listenUnix(path: string): Deno.UnixListener {
  const folder = makePrivateFolder(path.slice(0, path.lastIndexOf("/")));
  try {
    const bound = `${folder}/s`;
    const listener = Deno.listen({ transport: "unix", path: bound });
    let inPlace = false;
    try {
      Deno.chmodSync(bound, SOCKET_MODE);
      // Unlike a rename this replaces nothing.
      Deno.linkSync(bound, path);
      inPlace = true;
    } finally {
      // Closing removes the file that was bound, too, and finds none then.
      Deno.removeSync(bound);
      if (!inPlace) listener.close();
    }
    return listener;
  } finally {
    Deno.removeSync(folder);
  }
}

/** What a listener of the runtime has, whatever its kind. */
interface Acceptor<C> {
  accept(): Promise<C>;
  close(): void;
}

class DenoListener<C extends Deno.Conn> implements StreamListener {
  readonly #acceptor: Acceptor<C>;
  readonly #events: ListenerEvents;
  readonly #streamOf: (socket: C) => StreamSocket;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #open = true;

  constructor(
    acceptor: Acceptor<C>,
    readonly local: Endpoint | undefined,
    events: ListenerEvents,
    streamOf: (socket: C) => StreamSocket,
  ) {
    this.#acceptor = acceptor;
    this.#events = events;
    this.#streamOf = streamOf;
    this.#acceptAll();
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#pause);
    try {
      this.#acceptor.close();
    } catch {
      // It had ended before.
    }
  }

  async #acceptAll(): Promise<void> {
    let sinceMs = performance.now();
    while (this.#open) {
      try {
        this.#handOver(await this.#acceptor.accept());
      } catch (error) {
        if (!this.#open) return;
        if (!isOfOneConnection(error)) {
          this.#tell(error);
          await this.#wait(ACCEPT_PAUSE_MS);
        }
      }
      if (performance.now() - sinceMs < ACCEPTING_MS) continue;
      // Where connections wait one after the other, the runtime would ask for its other sockets in every 61st turn only.
      await this.#wait(0);
      sinceMs = performance.now();
    }
  }

  /** Does not resolve where it is closed meanwhile. */
  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.#pause = setTimeout(resolve, ms));
  }

  /** Whoever cannot take one connection may take the next. */
  #handOver(socket: C): void {
    let stream: StreamSocket | undefined;
    try {
      stream = this.#streamOf(socket);
      if (this.#open) return this.#events.connection(stream);
    } catch (error) {
      if (!isOfOneConnection(error)) this.#tell(error);
    }
    if (stream === undefined) close(socket);
    else stream[Symbol.dispose]();
  }

  #tell(error: unknown): void {
    this.#events.fault(error instanceof Error ? error : new Error(String(error)));
  }
}

/** It was reset while it waited: the next one is not to wait for that, else anybody could hold them all up. */
function isOfOneConnection(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted;
}

const NOTHING = new Uint8Array();

class DenoStream implements StreamSocket {
  readonly #socket: Deno.Conn;
  /** Used for every read: what was read is void when the next read begins. */
  #buffer = new Uint8Array(FIRST_READ_OCTETS);
  #reading: Promise<number | null> | undefined;
  /** The last write that was begun. */
  #writing: Promise<void> | undefined;
  /** Wakes the read that waits. */
  #wake: (() => void) | undefined;
  #state: "open" | "ending" | "closed" = "open";
  #failure: unknown;

  constructor(socket: Deno.Conn) {
    this.#socket = socket;
  }

  /** Looked at by few: a probe asks for neither. */
  get local(): Endpoint | undefined {
    return endpointOf(this.#socket.localAddr);
  }

  get remote(): Endpoint | undefined {
    return endpointOf(this.#socket.remoteAddr);
  }

  read(): Promise<Uint8Array | undefined> {
    if (this.#state !== "open") return Promise.resolve(undefined);
    const buffer = this.#buffer;
    const reading = this.#socket.read(buffer);
    this.#reading = reading;
    return new Promise((resolve, reject) => {
      this.#wake = () => resolve(undefined);
      reading.then((count) => resolve(this.#readInto(buffer, count)), reject);
    });
  }

  /** What a read of so many octets comes to; null is the end of the stream. */
  #readInto(buffer: Uint8Array<ArrayBuffer>, count: number | null): Uint8Array | undefined {
    if (this.#state !== "open") return undefined;
    this.#reading = undefined;
    if (count === null) return undefined;
    if (count === buffer.length && count < MAX_READ_OCTETS) this.#buffer = new Uint8Array(count * 2);
    return buffer.subarray(0, count);
  }

  write(octets: Uint8Array): Promise<void> {
    if (this.#state !== "open") return Promise.reject(new Error("the connection is closed"));
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const write = this.#writing === undefined
      ? this.#writeAll(octets)
      : this.#writing.then(() => this.#writeAll(octets));
    this.#writing = write;
    const done = () => {
      if (this.#writing === write) this.#writing = undefined;
    };
    // Whoever waits hears of it; nobody has to.
    write.then(done, (error) => {
      this.#failure ??= error;
      done();
    });
    return write;
  }

  async end(limitMs: number): Promise<void> {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#wake?.();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, limitMs);
    await Promise.race([this.#drain().catch(() => {}), late]);
    clearTimeout(timer);
    this.#close();
  }

  [Symbol.dispose](): void {
    this.#wake?.();
    this.#close();
  }

  /** Hands the first octets to the socket before it returns. */
  async #writeAll(octets: Uint8Array): Promise<void> {
    let rest = octets;
    while (rest.byteLength > 0) {
      const count = await this.#socket.write(rest);
      rest = count < rest.byteLength ? rest.subarray(count) : NOTHING;
    }
  }

  /**
   * Unread octets at close(2) would turn the FIN into a reset and may cost the other side our last ones, so what still
   * arrives is read and dropped until it has closed too.
   */
  async #drain(): Promise<void> {
    await this.#writing;
    await this.#socket.closeWrite();
    const buffer = new Uint8Array(DRAIN_OCTETS);
    let count = await (this.#reading ?? 0);
    while (count !== null && this.#state === "ending") count = await this.#socket.read(buffer);
  }

  #close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#reading?.catch(() => {});
    this.#socket.close();
  }
}

function close(socket: Deno.Conn): void {
  try {
    socket.close();
  } catch {
    // It is closed already.
  }
}

function setNoDelay(socket: Deno.TcpConn): void {
  try {
    socket.setNoDelay(true);
  } catch {
    // It is gone already; reading tells.
  }
}

function hostnameOf({ address, zone }: Extract<StreamAddress, { port: number }>): string {
  return zone === undefined ? address.text : `${address.text}%${zone}`;
}

/** An IPv4 client of a listener on :: shows as ::ffff:192.0.2.1. */
function endpointOf(at: Deno.Addr): Endpoint | undefined {
  if (!("hostname" in at)) return undefined;
  const [text = "", zone] = at.hostname.split("%");
  const parsed = parseAddress(text);
  if (parsed === undefined) return undefined;
  return { address: unmapped(parsed), zone, port: at.port };
}
