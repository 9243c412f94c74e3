/**
 * The transport over Deno's own sockets, for an agent without FFI. It cannot set a source address, TCP-MD5, GTSM or a
 * TTL and refuses peers that ask for them. What it cannot do either, and nobody is told of: an eBGP session's segments
 * leave with the system's TTL and not with 1, and traffic class and TCP_USER_TIMEOUT stay the system's.
 */
import type { PeerConfig } from "../../config/config.ts";
import { type Address, addressOf, parseAddress } from "../../net/address.ts";
import type { Connection, Endpoint, Listener, ListenOptions, Transport } from "./transport.ts";
import type { Refusal } from "./transport_socket.ts";

/** How long a disposed connection may take to hand its bytes over and see the peer's FIN. */
const LINGER_MS = 2000;
const READ_LENGTH = 65536;
/** How long a listener rests when descriptors or memory have run out. */
const ACCEPT_PAUSE_MS = 1000;

/** What the adapter may be told. */
export interface DenoTransportOptions {
  /** Told of every connection that was closed at accept. */
  readonly onRefused?: (refusal: Refusal) => void;
}

/** The transport over `Deno.connect` and `Deno.listen`. */
export function denoTransport({ onRefused }: DenoTransportOptions = {}): Transport {
  // A listener on :: takes IPv4, too, where the system has not forbidden it; 0.0.0.0 is in use then.
  const dualStackPorts = new Set<number>();
  return {
    connect,
    listen(options, onConnection) {
      options.peers.forEach(refuseUnsupported);
      const { address, port } = options;
      if (address.text === "0.0.0.0" && dualStackPorts.has(port)) {
        return { local: { address, zone: undefined, port }, [Symbol.dispose]() {} };
      }
      const listener = listen(options, onConnection, (refusal) => onRefused?.(refusal));
      if (address.text !== "::") return listener;
      dualStackPorts.add(port);
      return {
        local: listener.local,
        [Symbol.dispose]() {
          dualStackPorts.delete(port);
          listener[Symbol.dispose]();
        },
      };
    },
  };
}

async function connect(peer: PeerConfig, signal: AbortSignal): Promise<Connection> {
  refuseUnsupported(peer);
  signal.throwIfAborted();
  const hostname = hostnameOf(peer.address, peer.zone);
  try {
    const socket = await Deno.connect({ hostname, port: peer.port, signal });
    if (signal.aborted) {
      socket.close();
      throw signal.reason;
    }
    return connectionOf(socket, peer.zone);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new Error(`cannot connect to ${hostname} port ${peer.port}: ${wordsOf(error)}`, { cause: error });
  }
}

function listen(
  { address, port, peers }: ListenOptions,
  onConnection: (connection: Connection) => void,
  onRefused: (refusal: Refusal) => void,
): Listener {
  const listener = openListener(address, port);
  let pause: ReturnType<typeof setTimeout> | undefined;
  let open = true;
  const accept = async () => {
    while (open) {
      try {
        take(await listener.accept());
      } catch (error) {
        if (!open) return;
        // Reset while it waited: the next connection is not to wait for that, else anybody could hold them all up.
        if (error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.ConnectionReset) {
          continue;
        }
        await new Promise<void>((resolve) => pause = setTimeout(resolve, ACCEPT_PAUSE_MS));
      }
    }
  };
  const take = (socket: Deno.TcpConn) => {
    const remote = endpointOf(socket.remoteAddr, undefined);
    const peer = peers.find((candidate) => candidate.address.text === remote.address.text);
    if (peer !== undefined) return onConnection(connectionOf(socket, peer.zone));
    // Without a linger: strangers could fill the table of descriptors with it.
    socket.close();
    onRefused({ remote, reason: "no peer is configured with this address" });
  };
  accept();
  return {
    local: endpointOf(listener.addr, undefined),
    [Symbol.dispose]() {
      if (!open) return;
      open = false;
      clearTimeout(pause);
      listener.close();
    },
  };
}

function openListener(address: Address, port: number): Deno.TcpListener {
  try {
    return Deno.listen({ hostname: address.text, port });
  } catch (error) {
    throw new Error(`cannot listen on ${address.text} port ${port}: ${wordsOf(error)}`, { cause: error });
  }
}

function connectionOf(socket: Deno.TcpConn, zone: string | undefined): Connection {
  try {
    socket.setNoDelay(true);
  } catch {
    // It is gone already; reading tells.
  }
  return new DenoConnection(socket, endpointOf(socket.localAddr, zone), endpointOf(socket.remoteAddr, zone));
}

/** A connection over `Deno.TcpConn`. */
class DenoConnection implements Connection {
  readonly #socket: Deno.TcpConn;
  /** The last write that was begun. */
  #writing: Promise<void> | undefined;
  #reading: Promise<number | null> | undefined;
  #reader: PromiseWithResolvers<undefined> | undefined;
  /** Used for every read: what was read is void when the next read begins. */
  readonly #buffer = new Uint8Array(READ_LENGTH);
  #failure: unknown;
  #disposed = false;

  constructor(socket: Deno.TcpConn, readonly local: Endpoint, readonly remote: Endpoint) {
    this.#socket = socket;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#disposed) return undefined;
    this.#reading = this.#socket.read(this.#buffer);
    this.#reader = Promise.withResolvers<undefined>();
    const count = await Promise.race([this.#reading, this.#reader.promise]);
    if (count === undefined || this.#disposed) return undefined;
    this.#reading = undefined;
    return count === null ? undefined : this.#buffer.subarray(0, count);
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#disposed) return Promise.reject(new Error("the connection is closed"));
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const write = this.#writing === undefined
      ? this.#writeAll(bytes)
      : this.#writeAfter(this.#writing, bytes);
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

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#reader?.resolve(undefined);
    this.#linger();
  }

  async #writeAfter(previous: Promise<void>, bytes: Uint8Array): Promise<void> {
    await previous;
    await this.#writeAll(bytes);
  }

  /** Hands the first bytes to the socket before it returns. */
  async #writeAll(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.byteLength > 0) rest = rest.subarray(await this.#socket.write(rest));
  }

  /**
   * Unread bytes at close(2) would turn the FIN into a reset and may cost the peer our last message, so what still
   * arrives is read and dropped until the peer has closed too.
   */
  async #linger(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LINGER_MS);
    const drained = this.#drain().catch(() => {});
    await Promise.race([drained, promise]);
    clearTimeout(timer);
    this.#socket.close();
  }

  async #drain(): Promise<void> {
    await this.#writing;
    await this.#socket.closeWrite();
    let count = await (this.#reading ?? 0);
    while (count !== null) count = await this.#socket.read(this.#buffer);
  }
}

/** Looks whether Deno's own sockets can do what the peer asks for. @throws {Error} they cannot */
export function refuseUnsupported(peer: PeerConfig): void {
  const options = [
    peer.localAddress === undefined ? [] : ["localAddress"],
    peer.password === undefined ? [] : ["password"],
    peer.ttlSecurity === undefined ? [] : ["ttlSecurity"],
    peer.multihop === undefined ? [] : ["multihop"],
  ].flat();
  if (options.length === 0) return;
  throw new Error(
    `peer ${peer.name}: ${options.join(", ")} cannot be set on Deno's own sockets; they need FFI`,
  );
}

function hostnameOf(address: Address, zone: string | undefined): string {
  return zone === undefined ? address.text : `${address.text}%${zone}`;
}

function endpointOf(at: Deno.NetAddr, zone: string | undefined): Endpoint {
  const [text = "", ownZone] = at.hostname.split("%");
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`the system names an end of a connection ${at.hostname}`);
  return { address: unmapped(parsed), zone: ownZone ?? zone, port: at.port };
}

/** An IPv4 peer of a dual-stack listener shows as ::ffff:192.0.2.1. */
function unmapped(address: Address): Address {
  return address.text.startsWith("::ffff:") && address.text.includes(".")
    ? addressOf(address.bytes.subarray(12))
    : address;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
