/**
 * The socket that a session sends from: its own source port, TTL 255, traffic class CS6 (RFC 5881 sections 4 and 5), connected, so
 * that the kernel chooses the source address once. It is opened with the first packet, and again with the next one where the
 * kernel has refused one: addresses, routes and interfaces come and go.
 */
import { type Address, addressOf, isLinkLocal, UNSPECIFIED } from "../net/address.ts";
import type { Datagrams, DatagramSocket, SocketAddress } from "../net/sockets.ts";
import { codeOf, messageOf } from "../text/error_message.ts";
import type { BfdPeer } from "./bfd_peer.ts";
import { CONTROL_PORT, type SourcePorts } from "./ports.ts";
import { TAKE_NOTHING } from "./receive_filter.ts";

const TTL = 255;
/** CS6, network control. */
const TRAFFIC_CLASS = 0xc0;
/** Other programs may have a port of the range. */
const PORTS_TRIED = 16;

/** What a sender stands on. */
export interface SenderPorts {
  readonly datagrams: Datagrams;
  readonly sourcePorts: SourcePorts;
  interfaceIndex(name: string): number | undefined;
  isServiceAddress(address: Address): boolean;
}

/** Sends the packets of one session. Disposing closes it. */
export class Sender implements Disposable {
  readonly #ports: SenderPorts;
  readonly #peer: BfdPeer;
  #port: number | undefined;
  #socket: DatagramSocket | undefined;
  #to: SocketAddress | undefined;
  #local: Address | undefined;
  /** Where the peer sends to: what it watches. */
  #end: Address | undefined;
  #fault: string | undefined;
  #returned: string | undefined;

  constructor(ports: SenderPorts, peer: BfdPeer) {
    this.#ports = ports;
    this.#peer = peer;
  }

  /** What packets come from; undefined while none can be sent. */
  get local(): Address | undefined {
    return this.#local;
  }

  /**
   * The peer sends to this address, which is what it waits for packets from. Unless the source is configured, or this is a
   * service's, it is the source from now on; the kernel's choice may be another one, as soon as the host has several.
   */
  follow(end: Uint8Array): void {
    if (this.#peer.local !== undefined) return;
    const address = addressOf(end);
    if (address.text === this.#end?.text || this.#ports.isServiceAddress(address)) return;
    this.#end = address;
    if (address.text !== this.#local?.text) this.close();
  }

  /** The source port; undefined before the first packet. */
  get port(): number | undefined {
    return this.#port;
  }

  /** The index of the peer's zone: as it was when the socket was opened, so that both ways go by the same interface. */
  get zoneIndex(): number | undefined {
    const { zone } = this.#peer;
    return zone === undefined ? 0 : this.#to?.scopeId ?? this.#ports.interfaceIndex(zone);
  }

  /** Gives the socket up where the peer's zone is another interface by now, of the same name. */
  examine(): void {
    const { zone } = this.#peer;
    if (zone === undefined || this.#to === undefined) return;
    if (this.#to.scopeId !== this.#ports.interfaceIndex(zone)) this.close();
  }

  /** Why the last packet was not sent, and the cure where it is known. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** What ICMP said, since the last packet, of the one before, as the kernel's error: ECONNREFUSED, nobody has the port open. */
  get returned(): string | undefined {
    return this.#returned;
  }

  /** False where the kernel would not take it; `fault` says why. */
  send(octets: Uint8Array): boolean {
    const socket = this.#socket ?? this.#open();
    if (socket === undefined) return false;
    try {
      const sent = this.#sendOnce(socket, octets);
      this.#fault = sent ? undefined : "the send buffer of the socket is full";
      return sent;
    } catch (error) {
      this.close();
      this.#fault = `cannot send to ${this.#shown}: ${messageOf(error)}`;
      return false;
    }
  }

  /** Gives the socket up: the next packet opens one, with the same source port, and the source address is chosen anew. */
  close(): void {
    this.#socket?.[Symbol.dispose]();
    this.#socket = this.#local = this.#to = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
    if (this.#port !== undefined) this.#ports.sourcePorts.release(this.#port);
    this.#port = undefined;
  }

  /** What came back of an earlier packet is told at the next one, which is then sent by a second call. */
  #sendOnce(socket: DatagramSocket, octets: Uint8Array): boolean {
    const to = this.#to;
    if (to === undefined) return false;
    try {
      const sent = socket.send(octets, to);
      this.#returned = undefined;
      return sent;
    } catch (error) {
      const sent = socket.send(octets, to);
      this.#returned = codeOf(error);
      return sent;
    }
  }

  get #shown(): string {
    const { address, zone } = this.#peer;
    return zone === undefined ? address.text : `${address.text}%${zone}`;
  }

  #open(): DatagramSocket | undefined {
    try {
      const socket = this.#openPort();
      const local = this.#prepare(socket);
      this.#local = local;
      this.#socket = socket;
      return socket;
    } catch (error) {
      this.#fault = this.#openFault(error);
      // It is there no more: the kernel chooses, until the peer sends to another one.
      if (codeOf(error) === "EADDRNOTAVAIL") this.#end = undefined;
      return undefined;
    }
  }

  /** What packets will come from. @throws {Error} the kernel refuses, or it is a service address; the socket is closed */
  #prepare(socket: DatagramSocket): Address {
    try {
      // What the peer, or who says to be it, sends to this port would stay there.
      socket.setFilter(TAKE_NOTHING);
      const local = addressOf(socket.localAddress().address.bytes);
      if (!this.#ports.isServiceAddress(local)) return local;
      this.#end = undefined;
      throw new Error(
        `packets would come from ${local.text}, which is a service address: set localAddress of the peer`,
      );
    } catch (error) {
      socket[Symbol.dispose]();
      this.close();
      throw error;
    }
  }

  #openPort(): DatagramSocket {
    const { address, zone, local, device, multihop } = this.#peer;
    const scopeId = zone === undefined ? 0 : this.#ports.interfaceIndex(zone);
    if (scopeId === undefined) throw new Error(`there is no interface ${zone}`);
    const to = { address, port: multihop ? CONTROL_PORT.multihop : CONTROL_PORT.single, scopeId };
    const source = local ?? this.#end ?? UNSPECIFIED[address.family];
    for (let tried = 1;; tried++) {
      const port = this.#port ?? this.#ports.sourcePorts.acquire();
      this.#port = port;
      try {
        const socket = this.#ports.datagrams.open({
          family: address.family,
          kind: "udp",
          local: { address: source, port, scopeId: isLinkLocal(source) ? scopeId : 0 },
          remote: to,
          ttl: TTL,
          trafficClass: TRAFFIC_CLASS,
          ...(device === undefined ? {} : { device }),
        });
        this.#to = to;
        return socket;
      } catch (error) {
        if (codeOf(error) !== "EADDRINUSE" || tried === PORTS_TRIED) throw error;
        this.#ports.sourcePorts.release(port);
        this.#port = undefined;
      }
    }
  }

  #openFault(error: unknown): string {
    const where = `no BFD with ${this.#shown}`;
    const { local, device } = this.#peer;
    switch (codeOf(error)) {
      case "EADDRNOTAVAIL":
        return `${where}: ${
          (local ?? this.#end)?.text ?? "its source"
        } is no address of this host, or not yet`;
      case "ENODEV":
        return `${where}: there is no interface ${device ?? "for it"}`;
      case "ENETUNREACH":
      case "EHOSTUNREACH":
        return `${where}: no route leads there`;
      default:
        return `${where}: ${messageOf(error)}`;
    }
  }
}
