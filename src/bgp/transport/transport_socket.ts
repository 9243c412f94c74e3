/**
 * The transport for peers that need more than Deno's own sockets can do: source address, TCP-MD5 (RFC 2385), GTSM
 * (RFC 5082), TTL, traffic class, link-local zones. Sockets are prepared through the `RawSockets` port and become
 * streams once connected. An option that the kernel refuses refuses the connection: nothing runs unprotected.
 */
import { messageOf } from "../../text/error_message.ts";
import type { PeerConfig } from "../../config/config.ts";
import { addressOf, isLinkLocal } from "../../net/address.ts";
import type { RawSocket, RawSocketAddress, RawSockets } from "./raw_sockets.ts";
import { SocketConnection } from "./socket_connection.ts";
import type { Connection, Endpoint, Listener, ListenOptions, Transport } from "./transport.ts";
import { listenerTtlPolicy, type TtlPolicy, ttlPolicy } from "./ttl.ts";

/** Internetwork control (CS6), the precedence of routing protocols (RFC 791, RFC 4594). */
const CS6 = 0xc0;
const BACKLOG = 128;
/** How long a listener rests when descriptors or memory have run out. */
const ACCEPT_PAUSE_MS = 1000;
const EIGHT_MINUTES_MS = 480_000;

/** What the adapter needs to know. */
export interface SocketTransportOptions {
  readonly sockets: RawSockets;
  /** Our AS: a peer of the same AS is internal and gets the usual TTL. */
  readonly localAs: number;
  /** Told of every connection that was closed at accept, and of every failure to accept. */
  readonly onRefused?: (refusal: Refusal) => void;
}

/** A connection that was not handed over; `remote` is undefined where accept itself failed. */
export interface Refusal {
  readonly remote: Endpoint | undefined;
  readonly reason: string;
}

/** The transport over prepared sockets. */
export function socketTransport(options: SocketTransportOptions): Transport {
  return {
    connect: (peer, signal) => connect(options, peer, signal),
    listen: (where, onConnection) => listen(options, where, onConnection),
  };
}

async function connect(
  { sockets, localAs }: SocketTransportOptions,
  peer: PeerConfig,
  signal: AbortSignal,
): Promise<Connection> {
  signal.throwIfAborted();
  try {
    using socket = sockets.tcp(peer.address.family);
    const remote = { address: peer.address, port: peer.port, scopeId: scopeOf(sockets, peer) };
    setSessionOptions(socket, peer, ttlPolicy(peer, localAs));
    setMd5Key(socket, peer);
    bindSource(socket, peer, remote.scopeId);
    if (!socket.connect(remote)) await connectionAttempt(socket, signal);
    const error = socket.takeError("connect");
    if (error !== undefined) throw error;
    return adopt(sockets, socket, socket.remoteAddress());
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw explain(`cannot connect to ${describe(peer)}`, error);
  }
}

/** Resolves when the attempt has ended, well or badly. @throws the reason of `signal` */
async function connectionAttempt(socket: RawSocket, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  using _watch = socket.onWritable(resolve);
  try {
    await promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function listen(
  options: SocketTransportOptions,
  where: ListenOptions,
  onConnection: (connection: Connection) => void,
): Listener {
  const { sockets, localAs } = options;
  const { address, port } = where;
  const peers = where.peers.filter((peer) => peer.address.family === address.family);
  const refuse = (remote: Endpoint | undefined, reason: string) => options.onRefused?.({ remote, reason });
  const socket = sockets.tcp(address.family);
  try {
    prepareListener(socket, { address, port, peers }, listenerTtlPolicy(peers, localAs));
    const local = endpointOf(sockets, socket.localAddress());
    const accepting = acceptWhileReadable(socket, refuse, (accepted, from) => {
      using connected = accepted;
      const remote = endpointOf(sockets, from);
      const peer = peers.find((candidate) => isFrom(candidate, remote));
      if (peer === undefined) return refuse(remote, "no peer is configured with this address");
      const connection = admit(sockets, connected, { from, peer, ttl: ttlPolicy(peer, localAs) });
      if (typeof connection === "string") return refuse(remote, connection);
      onConnection(connection);
    });
    return {
      local,
      [Symbol.dispose]() {
        accepting[Symbol.dispose]();
        socket[Symbol.dispose]();
      },
    };
  } catch (error) {
    socket[Symbol.dispose]();
    throw explain(`cannot listen on ${address.text} port ${port}`, error);
  }
}

function prepareListener(socket: RawSocket, { address, port, peers }: ListenOptions, ttl: TtlPolicy): void {
  socket.setReuseAddress();
  if (address.family === 6) socket.setV6Only();
  socket.setTtl(ttl.ttl);
  socket.setMinTtl(ttl.minimum);
  socket.setTrafficClass(CS6);
  refuseContradictingKeys(peers);
  for (const peer of peers) setMd5Key(socket, peer);
  socket.bind({ address, port, scopeId: 0 });
  socket.listen(BACKLOG);
}

/** Accepts until disposed. Where accepting fails it rests, or the level-triggered reactor would spin. */
function acceptWhileReadable(
  socket: RawSocket,
  refuse: (remote: Endpoint | undefined, reason: string) => void,
  onAccepted: (socket: RawSocket, remote: RawSocketAddress) => void,
): Disposable {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const accept = () => {
    try {
      return socket.accept();
    } catch (error) {
      watch[Symbol.dispose]();
      timer = setTimeout(() => watch = socket.onReadable(onReadable), ACCEPT_PAUSE_MS);
      refuse(undefined, messageOf(error));
      return undefined;
    }
  };
  const onReadable = () => {
    const accepted = accept();
    if (accepted !== undefined) onAccepted(accepted.socket, accepted.remote);
  };
  let watch = socket.onReadable(onReadable);
  return {
    [Symbol.dispose]() {
      clearTimeout(timer);
      watch[Symbol.dispose]();
    },
  };
}

/** The connection of an accepted socket with its peer's options, or why it is not admitted. */
function admit(
  sockets: RawSockets,
  socket: RawSocket,
  { from, peer, ttl }: {
    readonly from: RawSocketAddress;
    readonly peer: PeerConfig;
    readonly ttl: TtlPolicy;
  },
): Connection | string {
  try {
    setSessionOptions(socket, peer, ttl);
    // The listener may have had to let lower TTLs in for other peers, and the kernel checks the handshake against it.
    const seen = socket.handshakeTtl();
    if (seen < ttl.minimum) return `TTL ${seen} is below ${ttl.minimum} (GTSM, RFC 5082)`;
    setMd5Key(socket, peer);
    return adopt(sockets, socket, from);
  } catch (error) {
    return messageOf(error);
  }
}

/** Makes a connection of a connected socket, which owns the descriptor from then on. */
function adopt(sockets: RawSockets, socket: RawSocket, from: RawSocketAddress): Connection {
  const ends = { local: endpointOf(sockets, socket.localAddress()), remote: endpointOf(sockets, from) };
  return new SocketConnection({ stream: socket.stream(ends), ...ends });
}

function setSessionOptions(socket: RawSocket, peer: PeerConfig, { ttl, minimum }: TtlPolicy): void {
  socket.setTtl(ttl);
  socket.setMinTtl(minimum);
  socket.setTrafficClass(CS6);
  socket.setNoDelay();
  socket.setUserTimeout(sendHoldTimeMs(peer));
}

/** RFC 9687: what is not acknowledged for this long never will be. The hold timer finds a silent peer much earlier. */
function sendHoldTimeMs(peer: PeerConfig): number {
  return Math.max(EIGHT_MINUTES_MS, 2000 * peer.holdTimeSeconds);
}

function setMd5Key(socket: RawSocket, peer: PeerConfig): void {
  if (peer.password === undefined) return;
  try {
    socket.setMd5Key(peer.address, new TextEncoder().encode(peer.password));
  } catch (error) {
    throw explain(
      `the TCP-MD5 key of peer ${peer.name} cannot be set, and without it no session may run`,
      error,
    );
  }
}

/** The kernel looks keys up by address alone: the same link-local address in two zones has one key. */
function refuseContradictingKeys(peers: readonly PeerConfig[]): void {
  const first = new Map<string, PeerConfig>();
  for (const peer of peers) {
    const other = first.get(peer.address.text) ?? peer;
    first.set(peer.address.text, other);
    if (other.password !== peer.password) {
      throw new Error(
        `peers ${other.name} and ${peer.name} have the address ${peer.address.text} but not the same password, and the kernel keeps TCP-MD5 keys by address`,
      );
    }
  }
}

function bindSource(socket: RawSocket, peer: PeerConfig, scopeId: number): void {
  const { localAddress } = peer;
  if (localAddress === undefined) return;
  if (localAddress.family !== peer.address.family) {
    throw new Error(`the local address ${localAddress.text} is not of the family of the peer's`);
  }
  try {
    socket.bind({ address: localAddress, port: 0, scopeId: isLinkLocal(localAddress) ? scopeId : 0 });
  } catch (error) {
    throw explain(`cannot use the local address ${localAddress.text}`, error);
  }
}

/** The interface index of a link-local peer, 0 for any other. */
function scopeOf(sockets: RawSockets, peer: PeerConfig): number {
  if (!isLinkLocal(peer.address)) return 0;
  if (peer.zone === undefined) {
    throw new Error(`a link-local address needs its interface: ${peer.address.text}%eth0`);
  }
  const index = sockets.interfaceIndex(peer.zone);
  if (index === undefined) throw new Error(`there is no interface ${peer.zone}`);
  return index;
}

function isFrom(peer: PeerConfig, remote: Endpoint): boolean {
  if (peer.address.text !== remote.address.text) return false;
  return !isLinkLocal(peer.address) || peer.zone === remote.zone;
}

function endpointOf(sockets: RawSockets, { address, port, scopeId }: RawSocketAddress): Endpoint {
  const zone = scopeId === 0 ? undefined : sockets.interfaceName(scopeId) ?? String(scopeId);
  return { address: addressOf(address.bytes), zone, port };
}

function describe({ name, address, zone, port }: PeerConfig): string {
  const where = `${address.text}${zone === undefined ? "" : `%${zone}`} port ${port}`;
  return name === address.text ? where : `${name} (${where})`;
}

function explain(what: string, cause: unknown): Error {
  return new Error(`${what}: ${messageOf(cause)}`, { cause });
}
