/**
 * The port to sockets that BGP, BFD, HTTP, the control socket, ICMP and probes share. Two adapters satisfy it by shape:
 * `ffi/` (sockets prepared through the C library) and, for streams alone, `src/os/` (what Deno gives without FFI).
 */
import type { Address } from "./address.ts";

/** An end of a connection. `zone` is the interface of a link-local address. */
export interface Endpoint {
  readonly address: Address;
  readonly zone: string | undefined;
  readonly port: number;
}

/** Where a stream leads to, or is listened for: an address and port, or the path of a unix socket (`@name`: an abstract one). */
export type StreamAddress =
  | { readonly address: Address; readonly zone?: string | undefined; readonly port: number }
  | { readonly path: string };

/** Who is at the other end of a unix socket, as the kernel noted when it connected, or began to listen (SO_PEERCRED of unix(7)). */
export interface PeerCredentials {
  /** 0 where the process is in a PID namespace that is not to be seen from here. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** What became of what a TCP socket has taken (TCP_INFO of tcp(7)). Octets count from the start of the connection. */
export interface Transmission {
  /** Octets that the other side's kernel has acknowledged. */
  readonly acknowledgedOctets: number;
  /** Octets that were sent and are not acknowledged. */
  readonly inFlightOctets: number;
  /** Octets that wait to be sent for the first time. */
  readonly waitingOctets: number;
  /** Segments that were sent again. */
  readonly retransmissions: number;
  /** How often in a row the same segment was sent again without an answer. */
  readonly backoff: number;
  /** The longest segment that is sent, in octets of data. */
  readonly segmentOctets: number;
  /** For so long at least the same segment has been sent again and again; 0: it has not. */
  readonly stalledMs: number;
  readonly roundTripMs: number;
  /** Nothing came from the other side for so long. */
  readonly silentMs: number;
}

/** A connected stream of octets. */
export interface StreamSocket extends Disposable {
  /** The ends of a TCP connection; undefined for a unix socket. */
  readonly local: Endpoint | undefined;
  readonly remote: Endpoint | undefined;
  /** Of a unix socket; undefined of others, and where the adapter cannot know. */
  readonly credentials?: PeerCredentials | undefined;
  /**
   * The next octets, a view that is good until the next read; undefined at the end of the stream. One read at a time.
   * @throws {Error} on reset, in the kernel's words
   */
  read(): Promise<Uint8Array | undefined>;
  /** Resolves when the socket has taken all octets. @throws {Error} when the connection is gone */
  write(octets: Uint8Array): Promise<void>;
  /** Undefined: it is no TCP connection, it is closed, or the adapter cannot know. @throws {Error} */
  transmission?(): Transmission | undefined;
  /**
   * Hands over what was written, sends FIN, reads and drops what still comes until the other side has closed or
   * `limitMs` has passed, and closes. Wakes a pending read. Never throws.
   */
  end(limitMs: number): Promise<void>;
  /** Closes at once; wakes a pending read with undefined. Idempotent. */
  [Symbol.dispose](): void;
}

/** A listening socket. Disposing stops it; connections that were handed over stay. */
export interface StreamListener extends Disposable {
  /** Where it listens; undefined for a unix socket. */
  readonly local: Endpoint | undefined;
}

/** What a listener tells. */
export interface ListenerEvents {
  connection(socket: StreamSocket): void;
  /** Accepting failed (descriptors have run out); the listener rests for a moment and goes on by itself. */
  fault(error: Error): void;
}

/** From where a stream leads. An adapter that cannot do what is asked for refuses. */
export interface StreamSource {
  /** The local address. Default: the kernel's choice. */
  readonly address?: Address | undefined;
  /** The interface, or VRF, that it is bound to. */
  readonly device?: string | undefined;
  /** The mark of its packets, for policy routing. */
  readonly mark?: number | undefined;
}

/** Makes streams. */
export interface Streams {
  /** @throws {Error} refused, unreachable, aborted, out of descriptors: in the kernel's words, `code` such as ECONNREFUSED */
  connect(to: StreamAddress, signal: AbortSignal, source?: StreamSource): Promise<StreamSocket>;
  /** A unix socket is bound with mode 0600 from the first moment on. @throws {Error} in use, not permitted, not on this host */
  listen(at: StreamAddress, events: ListenerEvents): StreamListener;
}

/** An address as the kernel has it; `scopeId` is the interface index of a link-local address, else 0. */
export interface SocketAddress {
  readonly address: { readonly family: 4 | 6; readonly bytes: Uint8Array };
  readonly port: number;
  readonly scopeId: number;
}

/**
 * What a datagram socket carries: UDP; ICMP messages of every process (`icmp`: with the IP header over IPv4; needs
 * CAP_NET_RAW); or one's own echo requests and their answers (`ping`: where net.ipv4.ping_group_range allows it, with the
 * identifier replaced by the kernel's).
 */
export type DatagramKind = "udp" | "icmp" | "ping";

/** How a datagram socket is made. */
export interface DatagramOptions {
  readonly family: 4 | 6;
  readonly kind: DatagramKind;
  readonly local?: SocketAddress;
  /** Connected to it: what others send never comes (udp(7)). */
  readonly remote?: SocketAddress;
  readonly device?: string;
  readonly mark?: number;
  /** The TTL or hop limit of what is sent. */
  readonly ttl?: number;
  /** The TOS or traffic class octet of what is sent. */
  readonly trafficClass?: number;
  /** Tell the TTL or hop limit, the interface and the address, of what arrives. */
  readonly receiveTtl?: boolean;
  /** Keep what ICMP returned as undeliverable, for `receiveReturned`. */
  readonly receiveReturned?: boolean;
  /** The ICMP types that kind `icmp` lets through. */
  readonly icmpTypes?: readonly number[];
  /** Sockets of ours with the same local end and other devices, or none; nobody else's is shared with. */
  readonly beside?: readonly DatagramSocket[];
  /** An IPv6 group that is heard on `device`; what is sent to groups has the hop limit `ttl`, and does not come back. */
  readonly group?: SocketAddress["address"];
}

/** What arrived. `octets` is a view that is good until the next call. */
export interface Datagram {
  readonly octets: Uint8Array;
  readonly from: SocketAddress | undefined;
  /** Known where `receiveTtl` asked for it. */
  readonly ttl: number | undefined;
  readonly interfaceIndex: number | undefined;
  /** The octets of the address of ours that it was sent to; a view as well. */
  readonly to: Uint8Array | undefined;
}

/** What was sent and came back as undeliverable. `octets` is a view that is good until the next call. */
export interface ReturnedDatagram {
  readonly octets: Uint8Array;
  readonly to: SocketAddress | undefined;
  /** The ICMP error that brought it, and who sent that; undefined where this host itself refused it. */
  readonly icmp: {
    readonly type: number;
    readonly code: number;
    readonly from: SocketAddress | undefined;
  } | undefined;
}

/** An instruction of the classic packet filter that the kernel runs for each datagram (struct sock_filter of linux/filter.h). */
export interface FilterInstruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** A datagram socket; no call waits. */
export interface DatagramSocket extends Disposable {
  /** @throws {Error} */
  localAddress(): SocketAddress;
  /** Whether other sockets can be bound to its local address. @throws {Error} */
  shareLocal(allowed: boolean): void;
  /** False when the send buffer is full. @throws {Error} such as what came back of an earlier one */
  send(octets: Uint8Array, to: SocketAddress): boolean;
  /** The next datagram, undefined where none waits. @throws {Error} such as what came back of one that was sent */
  receive(): Datagram | undefined;
  /** The next one that came back, undefined where none waits. @throws {Error} */
  receiveReturned(): ReturnedDatagram | undefined;
  /** What this program returns 0 for the kernel drops, before it takes room in the socket. @throws {Error} */
  setFilter(program: readonly FilterInstruction[]): void;
  /** Calls back while something waits; consume it in the callback. */
  onReadable(callback: () => void): Disposable;
}

/** Makes datagram sockets. */
export interface Datagrams {
  /** @throws {Error} in the kernel's words: not permitted, in use, no such device */
  open(options: DatagramOptions): DatagramSocket;
}
