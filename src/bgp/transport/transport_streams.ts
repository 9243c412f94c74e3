/**
 * The transport over plain streams, for an agent without FFI, whose streams are Deno's own. They set no source address,
 * TCP-MD5, GTSM or TTL, so peers that ask for these are refused. What they cannot do either, and nobody is told of: an
 * eBGP session's segments leave with the system's TTL and not with 1, and traffic class and TCP_USER_TIMEOUT stay the
 * system's.
 */
import type { PeerConfig } from "../../config/config.ts";
import { type Address, isLinkLocal, parseAddress } from "../../net/address.ts";
import type { InterfaceAddress } from "../../net/on_link.ts";
import type { StreamListener, Streams, StreamSocket } from "../../net/sockets.ts";
import { codeOf, messageOf } from "../../text/error_message.ts";
import { onAbort } from "../../time/abort.ts";
import { admit, handOver } from "./admission.ts";
import { failureOf } from "./failed_attempt.ts";
import { NO_DROPS } from "./segment_drops.ts";
import {
  type Endpoint,
  type Listener,
  type ListenerEvents,
  type ListenOptions,
  type TcpSocket,
  tcpSocket,
  type Transport,
} from "./transport.ts";

/** What the transport stands on. */
export interface StreamsTransportPorts {
  readonly streams: Streams;
  /** The addresses of this host's interfaces, as of now; none where the process may not ask. */
  interfaces(): readonly InterfaceAddress[];
}

/** The transport over `streams`. */
export function streamsTransport(ports: StreamsTransportPorts): Transport {
  // A listener on :: takes IPv4, too, where the system has not forbidden it; 0.0.0.0 is in use then.
  const anyPorts = new Set<number>();
  return {
    connect: async (peer, _localAs, signal, _refuseSource, onFailed) => {
      const tell = (unanswered: boolean, error?: unknown) =>
        onFailed?.(failureOf(error, { unanswered, icmp: undefined, drops: NO_DROPS }));
      try {
        // In the turn in which it is given up, so that whoever ends it knows.
        using _givenUp = onAbort(signal, () => tell(true));
        return await connect(ports, peer, signal);
      } catch (error) {
        if (!signal.aborted) tell(false, error);
        throw error;
      }
    },
    listen(options, events) {
      const { address, port } = options;
      try {
        const listener = listen(ports, options, events);
        if (address.text !== "::") return listener;
        anyPorts.add(port);
        return {
          local: listener.local,
          update: (who) => listener.update(who),
          [Symbol.dispose]() {
            anyPorts.delete(port);
            listener[Symbol.dispose]();
          },
        };
      } catch (error) {
        const mayBeOurs = address.text === "0.0.0.0" && anyPorts.has(port) && codeOf(error) === "EADDRINUSE";
        if (!mayBeOurs || !anyIsDualStack(ports)) throw error;
        return { local: { address, zone: undefined, port }, update() {}, [Symbol.dispose]() {} };
      }
    },
  };
}

async function connect(
  { streams }: StreamsTransportPorts,
  peer: PeerConfig,
  signal: AbortSignal,
): Promise<TcpSocket> {
  refuseUnsupported(peer);
  const { address, zone, port } = peer;
  try {
    return socketOf(await streams.connect({ address, zone, port }, signal), zone);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const where = zone === undefined ? address.text : `${address.text}%${zone}`;
    throw new Error(`cannot connect to ${where} port ${port}: ${messageOf(error)}`, { cause: error });
  }
}

function listen(ports: StreamsTransportPorts, options: ListenOptions, events: ListenerEvents): Listener {
  options.peers.forEach(refuseUnsupported);
  const { address, port } = options;
  let { peers } = options;
  const listener = openListener(ports, address, port, {
    fault: (error) => events.fault(error),
    connection(stream) {
      const { local, remote } = stream;
      if (local === undefined || remote === undefined) return stream[Symbol.dispose]();
      const zone = isLinkLocal(remote.address) ? zoneOf(ports, local.address) : undefined;
      const admission = admit(peers, { ...remote, zone });
      if ("peer" in admission) {
        return handOver(socketOf(stream, zone ?? admission.peer.zone), admission.peer, events);
      }
      // At once: strangers could fill the table of descriptors with what lingers.
      stream[Symbol.dispose]();
      events.refused({ ...remote, zone }, admission.refusal);
    },
  });
  return {
    local: listener.local ?? { address, zone: undefined, port },
    update(who) {
      who.peers.forEach(refuseUnsupported);
      peers = who.peers;
    },
    [Symbol.dispose]: () => listener[Symbol.dispose](),
  };
}

function openListener(
  { streams }: StreamsTransportPorts,
  address: Address,
  port: number,
  events: Parameters<Streams["listen"]>[1],
): StreamListener {
  try {
    return streams.listen({ address, port }, events);
  } catch (error) {
    throw new Error(`cannot listen on ${address.text} port ${port}: ${messageOf(error)}`, { cause: error });
  }
}

/** Does a listener on :: take IPv4, too? It does not where net.ipv6.bindv6only is 1, so one on a port of chance is asked. */
function anyIsDualStack(ports: StreamsTransportPorts): boolean {
  const [six, four] = [parseAddress("::"), parseAddress("0.0.0.0")];
  if (six === undefined || four === undefined) return false;
  const events = { connection: (stream: StreamSocket) => stream[Symbol.dispose](), fault() {} };
  const wildcard = openListener(ports, six, 0, events);
  using _wildcard = wildcard;
  try {
    openListener(ports, four, wildcard.local?.port ?? 0, events)[Symbol.dispose]();
    return false;
  } catch (error) {
    return codeOf(error) === "EADDRINUSE";
  }
}

/** Looks whether plain streams can do what the peer asks for. @throws {Error} they cannot */
export function refuseUnsupported(peer: PeerConfig): void {
  const { localAddress, password, ttlSecurity, multihop, device, tcpMss, tcpAo } = peer;
  const wanted = {
    localAddress,
    password,
    ttlSecurity,
    multihop,
    interface: device,
    tcpMSS: tcpMss,
    tcpAO: tcpAo[0],
  };
  const options = Object.entries(wanted).flatMap(([key, value]) => value === undefined ? [] : [key]);
  if (options.length === 0) return;
  throw new Error(
    `peer ${peer.name}: ${options.join(", ")} cannot be set on Deno's own sockets; they need FFI`,
  );
}

/** The interface of our end of a link-local connection, which the stream does not name; undefined where it is not clear. */
function zoneOf({ interfaces }: StreamsTransportPorts, local: Address): string | undefined {
  const names = interfaces().filter(({ address }) => parseAddress(address)?.text === local.text);
  return names.length === 1 ? names[0]?.name : undefined;
}

/** @throws {Error} the ends are not known; `stream` is closed then */
function socketOf(stream: StreamSocket, zone: string | undefined): TcpSocket {
  const { local, remote } = stream;
  if (local === undefined || remote === undefined) {
    stream[Symbol.dispose]();
    throw new Error("the system does not name the ends of the connection");
  }
  const zoned = (end: Endpoint): Endpoint => ({ ...end, zone: isLinkLocal(end.address) ? zone : undefined });
  return tcpSocket(stream, { local: zoned(local), remote: zoned(remote) });
}
