/**
 * The transport over Deno's own sockets, for an agent without FFI. It cannot set a source address, TCP-MD5, GTSM or a
 * TTL and refuses peers that ask for them. What it cannot do either, and nobody is told of: an eBGP session's segments
 * leave with the system's TTL and not with 1, and traffic class and TCP_USER_TIMEOUT stay the system's.
 */
import type { PeerConfig } from "../../config/config.ts";
import { type Address, addressOf, isLinkLocal, parseAddress } from "../../net/address.ts";
import { messageOf } from "../../text/error_message.ts";
import { admit, handOver } from "./admission.ts";
import { DenoSocket } from "./deno_socket.ts";
import type { Endpoint, Listener, ListenerEvents, ListenOptions, TcpSocket, Transport } from "./transport.ts";

/** How long a listener pauses when descriptors or memory have run out. */
const ACCEPT_PAUSE_MS = 1000;

/** The transport over `Deno.connect` and `Deno.listen`. */
export function denoTransport(): Transport {
  // A listener on :: takes IPv4, too, where the system has not forbidden it; 0.0.0.0 is in use then.
  const anyPorts = new Set<number>();
  return {
    connect,
    listen(options, events) {
      const { address, port } = options;
      try {
        const listener = listen(options, events);
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
        const mayBeOurs = address.text === "0.0.0.0" && anyPorts.has(port) && isInUse(error);
        if (!mayBeOurs || !anyIsDualStack()) throw error;
        return { local: { address, zone: undefined, port }, update() {}, [Symbol.dispose]() {} };
      }
    },
  };
}

async function connect(peer: PeerConfig, _localAs: number, signal: AbortSignal): Promise<TcpSocket> {
  refuseUnsupported(peer);
  signal.throwIfAborted();
  const hostname = hostnameOf(peer.address, peer.zone);
  try {
    const socket = await Deno.connect({ hostname, port: peer.port, signal });
    if (signal.aborted) {
      socket.close();
      throw signal.reason;
    }
    return socketOf(socket, peer.zone);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new Error(`cannot connect to ${hostname} port ${peer.port}: ${messageOf(error)}`, { cause: error });
  }
}

function listen(options: ListenOptions, events: ListenerEvents): Listener {
  options.peers.forEach(refuseUnsupported);
  const listener = openListener(options.address, options.port);
  let { peers } = options;
  let pause: ReturnType<typeof setTimeout> | undefined;
  let open = true;
  const accept = async () => {
    while (open) {
      try {
        receive(await listener.accept());
      } catch (error) {
        if (!open) return;
        // Reset while it waited: the next connection is not to wait for that, else anybody could hold them all up.
        if (isReset(error)) continue;
        events.fault(error);
        await new Promise<void>((resolve) => pause = setTimeout(resolve, ACCEPT_PAUSE_MS));
      }
    }
  };
  const receive = (socket: Deno.TcpConn) => {
    try {
      const remote = endpointOf(socket.remoteAddr, undefined);
      const zone = isLinkLocal(remote.address) ? zoneOf(socket.localAddr) : undefined;
      const admission = admit(peers, { ...remote, zone });
      if ("peer" in admission) {
        return handOver(socketOf(socket, zone ?? admission.peer.zone), admission.peer, events);
      }
      // At once: strangers could fill the table of descriptors with what lingers.
      socket.close();
      events.refused({ ...remote, zone }, admission.refusal);
    } catch (error) {
      tryClose(socket);
      if (!isReset(error)) events.fault(error);
    }
  };
  accept();
  return {
    local: endpointOf(listener.addr, undefined),
    update(who) {
      who.peers.forEach(refuseUnsupported);
      peers = who.peers;
    },
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
    throw new Error(`cannot listen on ${address.text} port ${port}: ${messageOf(error)}`, { cause: error });
  }
}

/** Does a listener on :: take IPv4, too? It does not where net.ipv6.bindv6only is 1, so one on a port of chance is asked. */
function anyIsDualStack(): boolean {
  using six = Deno.listen({ hostname: "::", port: 0 });
  try {
    Deno.listen({ hostname: "0.0.0.0", port: six.addr.port }).close();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.AddrInUse;
  }
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof Deno.errors.AddrInUse;
}

function isReset(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.ConnectionReset;
}

function tryClose(socket: Deno.TcpConn): void {
  try {
    socket.close();
  } catch {
    // It is closed already.
  }
}

function socketOf(socket: Deno.TcpConn, zone: string | undefined): TcpSocket {
  try {
    socket.setNoDelay(true);
  } catch {
    // It is gone already; reading tells.
  }
  return new DenoSocket(socket, endpointOf(socket.localAddr, zone), endpointOf(socket.remoteAddr, zone));
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

/** The interface of our end of a link-local connection, which Deno does not name; undefined where it is not clear. */
function zoneOf({ hostname }: Deno.NetAddr): string | undefined {
  try {
    const names = Deno.networkInterfaces().filter(({ address }) => address === hostname);
    return names.length === 1 ? names[0]?.name : undefined;
  } catch {
    // Not permitted.
    return undefined;
  }
}

function hostnameOf(address: Address, zone: string | undefined): string {
  return zone === undefined ? address.text : `${address.text}%${zone}`;
}

function endpointOf(at: Deno.NetAddr, zone: string | undefined): Endpoint {
  const parsed = parseAddress(at.hostname);
  if (parsed === undefined) throw new Error(`the system names an end of a connection ${at.hostname}`);
  return { address: unmapped(parsed), zone: isLinkLocal(parsed) ? zone : undefined, port: at.port };
}

/** An IPv4 peer of a dual-stack listener shows as ::ffff:192.0.2.1. */
function unmapped(address: Address): Address {
  return address.text.startsWith("::ffff:") && address.text.includes(".")
    ? addressOf(address.bytes.subarray(12))
    : address;
}
