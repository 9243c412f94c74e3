/**
 * The port to TCP: what BGP needs of sockets, whatever makes them. Two adapters satisfy it, over plain streams and
 * over sockets prepared through FFI; whose connection it is that comes in, `admission.ts` decides for both.
 */
import type { PeerConfig, TcpAoKey } from "../../config/config.ts";
import type { Address } from "../../net/address.ts";
import type { Endpoint, StreamSocket } from "../../net/sockets.ts";
import type { FailedAttempt } from "./failed_attempt.ts";
import type { SegmentDrops } from "./segment_drops.ts";

export type { Endpoint } from "../../net/sockets.ts";

/** A connected TCP socket. Disposing closes it at once; `end` hands over what was written before. */
export interface TcpSocket extends StreamSocket {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /**
   * Brings the keys of TCP-AO from `old` to `next` while the session goes on; undefined: it can have none.
   * @throws {Error} the kernel refuses
   */
  rollOver?(old: readonly TcpAoKey[], next: readonly TcpAoKey[]): void;
  /**
   * A session without a hold time has no SendHoldTimer (RFC 9687 section 4.3), so sendHoldTime ends the connection no more;
   * undefined: it never does. @throws {Error}
   */
  waitForReader?(): void;
}

/** `stream` between these ends; one without `rollOver` can have no keys. */
export function tcpSocket(
  stream: StreamSocket,
  ends: { readonly local: Endpoint; readonly remote: Endpoint },
  { rollOver, waitForReader }: Pick<TcpSocket, "rollOver" | "waitForReader"> = {},
): TcpSocket {
  let open = true;
  return {
    ...ends,
    // Once it is closed, its descriptor may be another one's.
    rollOver: (old, next) => open ? rollOver?.(old, next) : undefined,
    waitForReader: () => open ? waitForReader?.() : undefined,
    read: () => stream.read(),
    write: (octets) => stream.write(octets),
    transmission: () => stream.transmission?.(),
    end(limitMs) {
      open = false;
      return stream.end(limitMs);
    },
    [Symbol.dispose]() {
      open = false;
      stream[Symbol.dispose]();
    },
  };
}

/** Where to listen, and for whom. */
export interface ListenOptions {
  readonly address: Address;
  readonly port: number;
  /** Listens for what comes in by this interface, or VRF, alone. Undefined: by any that no other listener is for. */
  readonly device?: string | undefined;
  /** Others of ours may have the same address and port, for other devices. */
  readonly shared?: boolean;
  /** Our AS: a peer of the same AS is internal and gets the usual TTL. */
  readonly localAs: number;
  /** Peers whose password, TTL and zone the listener must honour. */
  readonly peers: readonly PeerConfig[];
}

/** Why a connection was closed at accept. */
export type RefusalReason =
  /** No peer is configured with this address. */
  | { readonly type: "no-peer" }
  /** Several peers have this link-local address, and the interface cannot be told. */
  | { readonly type: "unknown-zone" }
  /** The peer with this address is on another interface, or in another VRF; undefined: in none. */
  | { readonly type: "other-device"; readonly device: string | undefined }
  /** GTSM (RFC 5082): it came from further away than the peer is. */
  | { readonly type: "ttl"; readonly ttl: number; readonly minimum: number }
  /** The kernel refused an option of the peer's, such as its TCP-MD5 key. */
  | { readonly type: "option"; readonly message: string }
  /** The peer has connections enough, connects too often, or is not to be spoken with now. */
  | { readonly type: "surplus" }
  /** No session is begun with the peer now, and why. */
  | { readonly type: "held-back"; readonly cause: string };

/** What a listener tells. */
export interface ListenerEvents {
  /** `peer`, one of those that it listens for, has connected. */
  connection(socket: TcpSocket, peer: PeerConfig): void;
  refused(remote: Endpoint, reason: RefusalReason): void;
  /** Accepting failed, as descriptors have run out; the listener pauses and goes on by itself. */
  fault(error: unknown): void;
}

/** A listening socket. Disposing stops it; connections that were handed over stay. */
export interface Listener extends Disposable {
  readonly local: Endpoint;
  /** Its device is gone, or another one of that name: nothing will come any more. */
  readonly isStale?: boolean;
  /** Listens for these peers from now on, without a moment in which nobody listens. @throws an option is refused */
  update(who: Pick<ListenOptions, "localAs" | "peers">): void;
}

/** Makes sockets. */
export interface Transport {
  /**
   * `refuseSource` says of the address that the kernel has chosen for our end why it will not do; an adapter that learns of
   * it before the peer does asks then. `onFailed` is told what is known of an attempt that fails, before that is
   * thrown, or is aborted, in that very turn.
   * @throws {Error} refused, unreachable, aborted, an address that will not do, or an option that this adapter cannot honour
   */
  connect(
    peer: PeerConfig,
    localAs: number,
    signal: AbortSignal,
    refuseSource?: (address: Address) => string | undefined,
    onFailed?: (attempt: FailedAttempt) => void,
  ): Promise<TcpSocket>;
  /** What the kernel has dropped so far in this network namespace; undefined, or left out: that cannot be known. */
  drops?(): SegmentDrops | undefined;
  /** @throws {Error} address in use or not there, or not permitted */
  listen(options: ListenOptions, events: ListenerEvents): Listener;
}
