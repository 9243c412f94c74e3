/**
 * The transport for peers that need more than Deno's own sockets can do: source address, TCP-MD5 (RFC 2385), GTSM
 * (RFC 5082), TTL, traffic class, link-local zones. Sockets are prepared through the `RawSockets` port and become
 * streams once connected. An option that the kernel refuses refuses the connection: nothing runs unprotected.
 */
import { messageOf } from "../../text/error_message.ts";
import type { PeerConfig } from "../../config/config.ts";
import { type Address, addressOf, isLinkLocal } from "../../net/address.ts";
import type { ReturnedDatagram, SocketAddress } from "../../net/sockets.ts";
import { onAbort, untilAborted } from "../../time/abort.ts";
import { admit, handOver, type ListenPlace, peersAt } from "./admission.ts";
import { changeListenerKeys, rollOverKeys, sameAoKeys, setAoKeys } from "./ao_keys.ts";
import { type FailedAttempt, failureOf } from "./failed_attempt.ts";
import type { RawSocket, RawSockets } from "./raw_sockets.ts";
import { dropsBetween, NO_DROPS, parseSegmentDrops, type SegmentDrops } from "./segment_drops.ts";
import {
  type Endpoint,
  type Listener,
  type ListenerEvents,
  type ListenOptions,
  type RefusalReason,
  type TcpSocket,
  tcpSocket,
  type Transport,
} from "./transport.ts";
import { listenerTtlPolicy, type TtlPolicy, ttlPolicy } from "./ttl.ts";

/** Internetwork control (CS6), the precedence of routing protocols (RFC 791, RFC 4594). */
const CS6 = 0xc0;
/** A burst of strangers must not fill it: a peer that finds no room tries again a second later. */
const BACKLOG = 1024;
/** A longest segment that is none. */
const NO_LIMIT = 65536;
/** Of a socket that is bound to none. */
const NO_DEVICE = "";
/** Deletes the key of an address. */
const NO_KEY = new Uint8Array();

/** The transport over prepared sockets. */
export function socketTransport(sockets: RawSockets): Transport {
  const listening = new Set<RawSocket>();
  return {
    connect: (peer, localAs, signal, refuseSource, onFailed) =>
      connect(sockets, { peer, localAs, signal, refuseSource, onFailed }),
    drops: () => dropsSoFar(sockets),
    listen: (options, events) => listen(sockets, listening, options, events),
  };
}

async function connect(
  sockets: RawSockets,
  { peer, localAs, signal, refuseSource, onFailed }: {
    readonly peer: PeerConfig;
    readonly localAs: number;
    readonly signal: AbortSignal;
    readonly refuseSource: Parameters<Transport["connect"]>[3];
    readonly onFailed: Parameters<Transport["connect"]>[4];
  },
): Promise<TcpSocket> {
  signal.throwIfAborted();
  const before = dropsSoFar(sockets) ?? NO_DROPS;
  let icmp: FailedAttempt["icmp"];
  const drops = () => dropsBetween(before, dropsSoFar(sockets) ?? NO_DROPS);
  try {
    // In the turn in which it is given up, so that whoever ends it knows.
    using _givenUp = onAbort(signal, () => {
      onFailed?.(failureOf(undefined, { unanswered: true, icmp: undefined, drops: drops() }));
    });
    using socket = sockets.tcp(peer.address.family);
    const remote = { address: peer.address, port: peer.port, scopeId: scopeOf(sockets, peer) };
    setSessionOptions(socket, peer, ttlPolicy(peer, localAs));
    setMd5Key(socket, peer);
    if (peer.tcpMss !== undefined) socket.setMaximumSegment(peer.tcpMss);
    bindToDevice(socket, peer.device);
    unlessRefused("TCP-AO keys", peer, () => setAoKeys(socket, peer.address, peer.tcpAo, false));
    bindSource(socket, peer, remote.scopeId);
    socket.setReceiveErrors(true);
    const isConnected = socket.connect(remote);
    // The kernel has chosen already. What the peer would make of the wrong source is not waited for.
    const local = addressOf(socket.localAddress().address.bytes);
    const refusal = refuseSource?.(local);
    if (refusal !== undefined) throw new Error(refusal);
    if (!isConnected) await connectionAttempt(socket, signal);
    const error = socket.takeError("connect");
    const returned = socket.takeReturned("connect");
    icmp = icmpError(peer.address.family, returned?.icmp, local);
    if (error !== undefined || returned !== undefined) throw error ?? returned?.error;
    // What ICMP says of a connection that is up is no reason to end it (RFC 5461 section 4.1).
    socket.setReceiveErrors(false);
    return adopt(sockets, socket, socket.remoteAddress(), peer);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    onFailed?.(failureOf(error, { unanswered: false, icmp, drops: drops() }));
    throw explain(`cannot connect to ${describe(peer)}`, error);
  }
}

/** Resolves when the attempt has ended, well or badly. @throws the reason of `signal` */
async function connectionAttempt(socket: RawSocket, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  using _watch = socket.onWritable(resolve);
  await untilAborted(promise, signal);
}

function dropsSoFar(sockets: RawSockets): SegmentDrops | undefined {
  const text = sockets.netstat();
  return text === undefined ? undefined : parseSegmentDrops(text);
}

function icmpError(
  family: 4 | 6,
  icmp: ReturnedDatagram["icmp"],
  local: Address,
): FailedAttempt["icmp"] {
  if (icmp === undefined) return undefined;
  const from = icmp.from === undefined ? undefined : addressOf(icmp.from.address.bytes).text;
  return { family, type: icmp.type, code: icmp.code, from, isOwn: from === local.text };
}

function listen(
  sockets: RawSockets,
  listening: Set<RawSocket>,
  options: ListenOptions,
  events: ListenerEvents,
): Listener {
  const { address, port, device } = options;
  const socket = sockets.tcp(address.family);
  try {
    socket.setReuseAddress();
    bindToDevice(socket, device);
    const deviceIndex = device === undefined ? undefined : sockets.interfaceIndex(device);
    if (address.family === 6) socket.setV6Only();
    socket.setTrafficClass(CS6);
    const keys: ListenerKeys = { md5: new Map(), ao: new Map() };
    let who = ofFamily(options, address);
    const place = { device, isVrf: device !== undefined && sockets.isVrf(device) };
    prepareFor(socket, servedAt(who, place), keys);
    const bind = () => {
      socket.bind({ address, port, scopeId: 0 });
      socket.listen(BACKLOG);
    };
    if (options.shared === true) sharingPort([...listening, socket], bind);
    else bind();
    listening.add(socket);
    const accepting = socket.acceptAll(({ socket: accepted, remote: from }) => {
      using _accepted = accepted;
      if (from === undefined) return;
      const remote = endpointOf(sockets, from);
      const admission = admit(who.peers, remote, place);
      if ("refusal" in admission) return events.refused(remote, admission.refusal);
      const { peer } = admission;
      const prepared = prepareAccepted(sockets, accepted, {
        from,
        peer,
        ttl: ttlPolicy(peer, who.localAs),
        isBound: device !== undefined,
      });
      if ("type" in prepared) return events.refused(remote, prepared);
      handOver(prepared, peer, events);
    }, (error) => events.fault(error));
    return {
      local: endpointOf(sockets, socket.localAddress()),
      get isStale() {
        return device !== undefined && sockets.interfaceIndex(device) !== deviceIndex;
      },
      update(next) {
        const wanted = ofFamily(next, address);
        prepareFor(socket, servedAt(wanted, place), keys);
        who = wanted;
      },
      [Symbol.dispose]() {
        accepting[Symbol.dispose]();
        listening.delete(socket);
        socket[Symbol.dispose]();
      },
    };
  } catch (error) {
    listening.delete(socket);
    socket[Symbol.dispose]();
    throw explain(`cannot listen on ${address.text} port ${port}`, error);
  }
}

/**
 * Lets sockets have one port together while another one comes to them, and no longer: among those that share it the kernel
 * takes the first that it finds (IPv6: the oldest), where otherwise the one that is bound to the device comes first.
 */
function sharingPort(sockets: readonly RawSocket[], bind: () => void): void {
  try {
    for (const socket of sockets) socket.setReusePort(true);
    bind();
  } finally {
    for (const socket of sockets) socket.setReusePort(false);
  }
}

type Who = Pick<ListenOptions, "localAs" | "peers">;

function ofFamily({ peers, ...who }: Who, { family }: Address): Who {
  return { ...who, peers: peers.filter((peer) => peer.address.family === family) };
}

function servedAt({ peers, ...who }: Who, place: ListenPlace): Who {
  return { ...who, peers: peersAt(peers, place) };
}

/** The keys that a listener has, by address. */
interface ListenerKeys {
  readonly md5: Map<string, Address>;
  readonly ao: Map<string, Pick<PeerConfig, "address" | "tcpAo">>;
}

/** Sets TTLs and keys for the peers; `keys` are those that the socket has, and follow. */
function prepareFor(socket: RawSocket, { localAs, peers }: Who, { md5, ao }: ListenerKeys): void {
  refuseContradictingKeys(peers);
  const ttl = listenerTtlPolicy(peers, localAs);
  socket.setTtl(ttl.ttl);
  socket.setMinTtl(ttl.minimum);
  // The handshake answers before it is known whose it is, and later it is too late: the least counts for all of them.
  socket.setMaximumSegment(Math.min(...peers.map(({ tcpMss }) => tcpMss ?? Infinity), NO_LIMIT) % NO_LIMIT);
  for (const [text, address] of md5) {
    if (peers.some((peer) => peer.address.text === text && peer.password !== undefined)) continue;
    socket.setMd5Key(address, NO_KEY);
    md5.delete(text);
  }
  for (const [text, { address, tcpAo }] of ao) {
    if (peers.some((peer) => peer.address.text === text && peer.tcpAo.length > 0)) continue;
    changeListenerKeys(socket, address, tcpAo, []);
    ao.delete(text);
  }
  for (const peer of peers) {
    const { address, tcpAo } = peer;
    if (peer.password !== undefined) {
      setMd5Key(socket, peer);
      md5.set(address.text, address);
    }
    if (tcpAo.length === 0) continue;
    const old = ao.get(address.text)?.tcpAo ?? [];
    unlessRefused("TCP-AO keys", peer, () => changeListenerKeys(socket, address, old, tcpAo));
    ao.set(address.text, { address, tcpAo });
  }
}

/** An accepted socket with its peer's options, or why it is refused. */
function prepareAccepted(
  sockets: RawSockets,
  socket: RawSocket,
  { from, peer, ttl, isBound }: {
    readonly from: SocketAddress;
    readonly peer: PeerConfig;
    readonly ttl: TtlPolicy;
    /** The listening socket is bound to a device. */
    readonly isBound: boolean;
  },
): TcpSocket | RefusalReason {
  try {
    setSessionOptions(socket, peer, ttl);
    // A route may lead to this peer by another interface one day.
    if (isBound && peer.device === undefined && !isLinkLocal(peer.address)) socket.bindToDevice(NO_DEVICE);
    // The listener may have had to let lower TTLs in for other peers, and the kernel checks the handshake against it.
    const seen = socket.handshakeTtl();
    if (seen < ttl.minimum) return { type: "ttl", ttl: seen, minimum: ttl.minimum };
    setMd5Key(socket, peer);
    // It has the listener's keys; one from before there were any has none.
    if (peer.tcpAo.length > 0 && !socket.hasAo()) {
      return {
        type: "option",
        message: `peer ${peer.name} must sign with TCP-AO, and this connection is not signed`,
      };
    }
    return adopt(sockets, socket, from, peer);
  } catch (error) {
    return { type: "option", message: messageOf(error) };
  }
}

/** Makes a stream of a connected socket, which owns the descriptor from then on. */
function adopt(
  sockets: RawSockets,
  socket: RawSocket,
  from: SocketAddress,
  { address }: PeerConfig,
): TcpSocket {
  const ends = { local: endpointOf(sockets, socket.localAddress()), remote: endpointOf(sockets, from) };
  return tcpSocket(socket.stream(ends), ends, {
    rollOver: (old, next) => rollOverKeys(socket, address, old, next),
    waitForReader: () => socket.setUserTimeout(0),
  });
}

function setSessionOptions(socket: RawSocket, peer: PeerConfig, { ttl, minimum }: TtlPolicy): void {
  socket.setTtl(ttl);
  socket.setMinTtl(minimum);
  socket.setTrafficClass(CS6);
  socket.setNoDelay();
  // What is not acknowledged for this long never will be (RFC 9687). The hold timer finds a silent peer much earlier.
  socket.setUserTimeout(peer.sendHoldTimeSeconds * 1000);
}

function setMd5Key(socket: RawSocket, peer: PeerConfig): void {
  const { password } = peer;
  if (password === undefined) return;
  unlessRefused("TCP-MD5 key", peer, () => {
    socket.setMd5Key(peer.address, new TextEncoder().encode(password));
  });
}

/** @throws {Error} `set` threw: nothing runs unprotected */
function unlessRefused(what: string, { name }: PeerConfig, set: () => void): void {
  try {
    set();
  } catch (error) {
    throw explain(`the ${what} of peer ${name} cannot be set, and without it no session may run`, error);
  }
}

/** The kernel looks keys up by address alone: the same link-local address in two zones has one key. */
function refuseContradictingKeys(peers: readonly PeerConfig[]): void {
  const first = new Map<string, PeerConfig>();
  for (const peer of peers) {
    const other = first.get(peer.address.text) ?? peer;
    first.set(peer.address.text, other);
    if (other.password !== peer.password || !sameAoKeys(other.tcpAo, peer.tcpAo)) {
      throw new Error(
        `peers ${other.name} and ${peer.name} have the address ${peer.address.text} but not the same keys, and the kernel keeps keys by address`,
      );
    }
  }
}

function bindToDevice(socket: RawSocket, device: string | undefined): void {
  if (device === undefined) return;
  try {
    socket.bindToDevice(device);
  } catch (error) {
    throw explain(`cannot use the interface ${device}`, error);
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

function endpointOf(sockets: RawSockets, { address, port, scopeId }: SocketAddress): Endpoint {
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
