/**
 * The port `Streams` (src/net/sockets.ts) over `Deno.connect` and `Deno.listen`: what there is without FFI. A unix
 * socket is bound in a folder that is ours alone, gets its mode there and moves to its place only then, as the runtime
 * gives the umask to nobody who has not every permission.
 */
import { addressOf, parseAddress } from "../net/address.ts";
import type {
  Endpoint,
  ListenerEvents,
  StreamAddress,
  StreamListener,
  Streams,
  StreamSocket,
} from "../net/sockets.ts";

const READ_OCTETS = 16_384;
/** How long a listener rests when descriptors or memory have run out. */
const ACCEPT_PAUSE_MS = 200;
const SOCKET_MODE = 0o600;

/** Streams of the runtime's own. */
export function denoStreams(): Streams {
  return { connect, listen };
}

async function connect(to: StreamAddress, signal: AbortSignal): Promise<StreamSocket> {
  signal.throwIfAborted();
  if ("address" in to) {
    const hostname = hostnameOf(to);
    const socket = await Deno.connect({ hostname, port: to.port, signal });
    setNoDelay(socket);
    return unlessAborted(
      new DenoStream(socket, endpointOf(socket.localAddr), endpointOf(socket.remoteAddr)),
      signal,
    );
  }
  const socket = await Deno.connect({ transport: "unix", path: to.path });
  return unlessAborted(new DenoStream(socket, undefined, undefined), signal);
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
      return new DenoStream(socket, endpointOf(socket.localAddr), endpointOf(socket.remoteAddr));
    });
  }
  return new DenoListener(
    listenUnix(at.path),
    undefined,
    events,
    (socket) => new DenoStream(socket, undefined, undefined),
  );
}

/** As long as the file of the socket had another mode, it was where nobody else can go. */
function listenUnix(path: string): Deno.UnixListener {
  const folder = Deno.makeTempDirSync({ dir: path.slice(0, path.lastIndexOf("/")) || "/", prefix: "." });
  try {
    const bound = `${folder}/s`;
    const listener = Deno.listen({ transport: "unix", path: bound });
    try {
      Deno.chmodSync(bound, SOCKET_MODE);
      // Unlike a rename this replaces nothing.
      Deno.linkSync(bound, path);
    } catch (error) {
      listener.close();
      throw error;
    } finally {
      Deno.removeSync(bound);
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
    while (this.#open) {
      try {
        const socket = await this.#acceptor.accept();
        if (this.#open) this.#events.connection(this.#streamOf(socket));
        else socket.close();
      } catch (error) {
        if (!this.#open) return;
        if (isOfOneConnection(error)) continue;
        this.#events.fault(error instanceof Error ? error : new Error(String(error)));
        await new Promise<void>((resolve) => this.#pause = setTimeout(resolve, ACCEPT_PAUSE_MS));
      }
    }
  }
}

/** It was reset while it waited: the next one is not to wait for that, else anybody could hold them all up. */
function isOfOneConnection(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted;
}

class DenoStream implements StreamSocket {
  readonly #socket: Deno.Conn;
  /** Used for every read: what was read is void when the next read begins. */
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #reading: Promise<number | null> | undefined;
  #writing: Promise<void> = Promise.resolve();
  readonly #closed = Promise.withResolvers<undefined>();
  #state: "open" | "ending" | "closed" = "open";

  constructor(
    socket: Deno.Conn,
    readonly local: Endpoint | undefined,
    readonly remote: Endpoint | undefined,
  ) {
    this.#socket = socket;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#state !== "open") return undefined;
    this.#buffer ??= new Uint8Array(READ_OCTETS);
    this.#reading = this.#socket.read(this.#buffer);
    const count = await Promise.race([this.#reading, this.#closed.promise]);
    if (count === undefined || this.#state !== "open") return undefined;
    this.#reading = undefined;
    return count === null ? undefined : this.#buffer.subarray(0, count);
  }

  write(octets: Uint8Array): Promise<void> {
    if (this.#state !== "open") return Promise.reject(new Error("the connection is closed"));
    this.#writing = this.#writing.then(() => this.#writeAll(octets));
    // Whoever waits hears of it; nobody has to.
    this.#writing.catch(() => {});
    return this.#writing;
  }

  async end(limitMs: number): Promise<void> {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#closed.resolve(undefined);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, limitMs);
    await Promise.race([this.#drain().catch(() => {}), late]);
    clearTimeout(timer);
    this.#close();
  }

  [Symbol.dispose](): void {
    this.#closed.resolve(undefined);
    this.#close();
  }

  async #writeAll(octets: Uint8Array): Promise<void> {
    let rest = octets;
    while (rest.byteLength > 0) rest = rest.subarray(await this.#socket.write(rest));
  }

  /**
   * Unread octets at close(2) would turn the FIN into a reset and may cost the other side our last ones, so what still
   * arrives is read and dropped until it has closed too.
   */
  async #drain(): Promise<void> {
    await this.#writing;
    await this.#socket.closeWrite();
    const buffer = this.#buffer ??= new Uint8Array(READ_OCTETS);
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
function endpointOf(at: Deno.NetAddr): Endpoint | undefined {
  const [text = "", zone] = at.hostname.split("%");
  const parsed = parseAddress(text);
  if (parsed === undefined) return undefined;
  const mapped = parsed.text.startsWith("::ffff:") && parsed.text.includes(".");
  return { address: mapped ? addressOf(parsed.bytes.subarray(12)) : parsed, zone, port: at.port };
}
