/** Datagram sockets made as they are asked for, with what the kernel tells beside the octets: TTL, interface, address, ICMP errors. */
import type { MessageBuffer } from "./message.ts";
import { returnedError, type ReturnedIcmp } from "./returned.ts";
import type { SocketAddress } from "./sockaddr.ts";
import type { FilterInstruction } from "./socket_options.ts";
import { SOCK_DGRAM, SOCK_RAW, type Socket, type Sockets } from "./sockets.ts";

const IPPROTO_ICMP = { 4: 1, 6: 58 } as const;
/** Longer ones are cut: what this program speaks fits into a jumbo frame. */
const LARGEST_OCTETS = 9216;

/** Control messages (ip(7), RFC 3542); offsets of struct in_pktinfo, in6_pktinfo. */
const CONTROL = {
  4: { level: 0, ttl: 2, packetInfo: 8, interfaceIndex: 0, to: [8, 12] },
  6: { level: 41, ttl: 52, packetInfo: 50, interfaceIndex: 16, to: [0, 16] },
} as const;

/** How a socket is made; see the port `DatagramOptions`. */
export interface DatagramOptions {
  readonly family: 4 | 6;
  readonly kind: "udp" | "icmp" | "ping";
  readonly local?: SocketAddress;
  readonly remote?: SocketAddress;
  readonly device?: string;
  readonly mark?: number;
  readonly ttl?: number;
  readonly trafficClass?: number;
  readonly receiveTtl?: boolean;
  readonly receiveReturned?: boolean;
  readonly icmpTypes?: readonly number[];
  readonly beside?: readonly Pick<DatagramSocket, "shareLocal">[];
  readonly group?: SocketAddress["address"];
}

/** What arrived; see the port of the same name. */
export interface Datagram {
  readonly octets: Uint8Array;
  readonly from: SocketAddress | undefined;
  readonly ttl: number | undefined;
  readonly interfaceIndex: number | undefined;
  readonly to: Uint8Array | undefined;
}

/** What came back; see the port of the same name. */
export interface ReturnedDatagram {
  readonly octets: Uint8Array;
  readonly to: SocketAddress | undefined;
  readonly icmp: ReturnedIcmp | undefined;
}

/** Makes datagram sockets. */
export class Datagrams {
  readonly #sockets: Sockets;
  /** One for all: what was received is void when the next is. */
  readonly #message: MessageBuffer;

  constructor(sockets: Sockets) {
    this.#sockets = sockets;
    this.#message = sockets.messageBuffer(LARGEST_OCTETS);
  }

  /** @throws {ErrnoError} not permitted, in use, no such device */
  open(options: DatagramOptions): DatagramSocket {
    const { family, kind } = options;
    const type = kind === "icmp" ? SOCK_RAW : SOCK_DGRAM;
    const socket = this.#sockets.open(family, type, kind === "udp" ? 0 : IPPROTO_ICMP[family]);
    try {
      prepare(socket, options);
      if (options.group !== undefined) this.#joinGroup(socket, options.group, options);
      return new DatagramSocket(socket, family, this.#message);
    } catch (error) {
      socket[Symbol.dispose]();
      throw error;
    }
  }

  #joinGroup(
    socket: Socket,
    group: SocketAddress["address"],
    { device = "", ttl }: DatagramOptions,
  ): void {
    if (ttl !== undefined) socket.setMulticastHops(ttl);
    socket.joinGroup(group, this.#sockets.interfaceIndex(device) ?? 0);
  }
}

/** A datagram socket; see the port of the same name. */
export class DatagramSocket implements Disposable {
  readonly #socket: Socket;
  readonly #family: 4 | 6;
  readonly #message: MessageBuffer;

  constructor(socket: Socket, family: 4 | 6, message: MessageBuffer) {
    [this.#socket, this.#family, this.#message] = [socket, family, message];
  }

  localAddress(): SocketAddress {
    return this.#socket.localAddress();
  }

  send(octets: Uint8Array, to: SocketAddress): boolean {
    return this.#socket.sendTo(octets as Uint8Array<ArrayBuffer>, to);
  }

  receive(): Datagram | undefined {
    if (!this.#socket.receive(this.#message, "data")) return undefined;
    const { level, ttl, packetInfo, interfaceIndex, to: within } = CONTROL[this.#family];
    let [seenTtl, index]: (number | undefined)[] = [];
    let to: Uint8Array | undefined;
    for (const control of this.#message.control()) {
      if (control.level !== level) continue;
      if (control.type === ttl) seenTtl = u32(control.bytes, 0);
      if (control.type !== packetInfo) continue;
      index = u32(control.bytes, interfaceIndex);
      to = control.bytes.subarray(...within);
    }
    const { bytes: octets, address: from } = this.#message;
    return { octets, from, ttl: seenTtl, interfaceIndex: index, to };
  }

  receiveReturned(): ReturnedDatagram | undefined {
    if (!this.#socket.receive(this.#message, "errors")) return undefined;
    const { icmp } = returnedError(this.#message, this.#family);
    return { octets: this.#message.bytes, to: this.#message.address, icmp };
  }

  setFilter(program: readonly FilterInstruction[]): void {
    this.#socket.attachFilter(program);
  }

  /** Whether another socket may be bound to the same local end. @throws {ErrnoError} */
  shareLocal(allowed: boolean): void {
    this.#socket.setReuseAddress(allowed);
  }

  onReadable(callback: () => void): Disposable {
    return this.#socket.onReadable(callback);
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

function prepare(socket: Socket, options: DatagramOptions): void {
  const { kind, icmpTypes, device, mark, ttl, trafficClass, local, remote } = options;
  if (kind === "icmp" && icmpTypes !== undefined) socket.setIcmpFilter(icmpTypes);
  if (device !== undefined) socket.bindToDevice(device);
  if (mark !== undefined) socket.setMark(mark);
  if (ttl !== undefined) socket.setTtl(ttl);
  if (trafficClass !== undefined) socket.setTrafficClass(trafficClass);
  if (options.receiveTtl) socket.setReceiveTtlAndInterface();
  if (options.receiveReturned) socket.setReceiveErrors();
  if (kind === "udp" && options.family === 6) socket.setV6Only();
  if (local !== undefined) bindBeside(socket, local, options.beside ?? []);
  if (remote !== undefined) socket.connect(remote);
}

/** Shares the local end for the moment of the call alone: otherwise any program on the host could take what comes there. */
function bindBeside(
  socket: Socket,
  local: SocketAddress,
  beside: readonly Pick<DatagramSocket, "shareLocal">[],
): void {
  if (beside.length === 0) return socket.bind(local);
  const share = (allowed: boolean) => {
    socket.setReuseAddress(allowed);
    for (const each of beside) each.shareLocal(allowed);
  };
  try {
    share(true);
    socket.bind(local);
  } finally {
    share(false);
  }
}

function u32(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset, true);
}
