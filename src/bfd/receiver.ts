/**
 * The sockets that control packets come in by: one for each family, port and device that a session has, shared by all sessions.
 * One that cannot be had is a reported state, and tried again.
 */
import { UNSPECIFIED } from "../net/address.ts";
import type { Datagram, Datagrams, DatagramSocket, FilterInstruction } from "../net/sockets.ts";
import { codeOf, messageOf } from "../text/error_message.ts";
import type { BfdPeer } from "./bfd_peer.ts";
import { Drops } from "./drops.ts";
import { CONTROL_PORT } from "./ports.ts";
import { receiveFilter } from "./receive_filter.ts";

/** Where packets of a session come in. */
export interface ReceivePlace {
  readonly key: string;
  readonly family: 4 | 6;
  readonly port: number;
  readonly device: string | undefined;
}

/** Where those of this peer do. */
export function receivePlace({ address, multihop, device }: BfdPeer): ReceivePlace {
  const port = multihop ? CONTROL_PORT.multihop : CONTROL_PORT.single;
  const { family } = address;
  return { key: `${family} ${port} ${device ?? ""}`, family, port, device };
}

/** What a receiver stands on. */
export interface ReceiverPorts {
  readonly datagrams: Datagrams;
  interfaceIndex(name: string): number | undefined;
  /** Something can be read. */
  onReadable(receiver: Receiver): void;
  /** Sockets of other devices on the same port. */
  beside(receiver: Receiver): readonly DatagramSocket[];
}

/** A receiving socket, or the want of one. Disposing closes it. */
export class Receiver implements Disposable {
  readonly place: ReceivePlace;
  readonly #ports: ReceiverPorts;
  /** Of what is no session's. */
  readonly drops = new Drops();
  #socket: DatagramSocket | undefined;
  #watch: Disposable | undefined;
  #filter: readonly FilterInstruction[] = receiveFilter([], []);
  #deviceIndex: number | undefined;
  #fault: string | undefined;

  constructor(place: ReceivePlace, ports: ReceiverPorts) {
    [this.place, this.#ports] = [place, ports];
  }

  /** Why it cannot be had, and the cure. */
  get fault(): string | undefined {
    return this.#fault;
  }

  get socket(): DatagramSocket | undefined {
    return this.#socket;
  }

  /**
   * Whether what comes in here, by this interface, may be a session's of `place`. The kernel gives a device's socket all that
   * comes by it, so what is for sessions of no device, too; not what comes by the members of a VRF, which is another network.
   */
  hears(place: ReceivePlace, interfaceIndex: number | undefined): boolean {
    if (place.key === this.place.key) return true;
    return this.isBefore(place) && interfaceIndex === this.#deviceIndex;
  }

  /** Whether it is a device's on a port where sessions of no device, such as those of `place`, have a socket as well. */
  isBefore({ family, port, device }: ReceivePlace): boolean {
    const { place } = this;
    return device === undefined && place.device !== undefined && place.family === family &&
      place.port === port;
  }

  /**
   * Whom it is for; of what others send than `heard`, and does not name one of these discriminators, the kernel drops most, so
   * that a flood leaves room for these.
   */
  setPeers(peers: readonly BfdPeer[], heard: readonly BfdPeer[], discriminators: readonly number[]): void {
    this.#filter = receiveFilter(peers, heard, discriminators);
    if (this.#socket === undefined) return;
    this.#tryTo(() => this.#socket?.setFilter(this.#filter));
  }

  /** Opens it where it is not open, or is bound to an interface that is no more; false where it has a fault. */
  examine(): boolean {
    const { device } = this.place;
    const index = device === undefined ? undefined : this.#ports.interfaceIndex(device);
    if (this.#socket !== undefined && index === this.#deviceIndex) return true;
    this.#close();
    if (device !== undefined && index === undefined) {
      this.#fault = `${this.#shown}: there is no interface ${device}, or not yet`;
      return false;
    }
    this.#deviceIndex = index;
    return this.#tryTo(() => this.#open());
  }

  /** Hands over what waits, so many at most; how many there were. */
  read(most: number, take: (datagram: Datagram) => void): number {
    for (let count = 0; count < most; count++) {
      const datagram = this.#next();
      if (datagram === undefined) return count;
      take(datagram);
    }
    return most;
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  #next(): Datagram | undefined {
    let datagram: Datagram | undefined;
    this.#tryTo(() => datagram = this.#socket?.receive());
    return datagram;
  }

  /** An error closes it: it is opened again when it is examined. False where it has failed. */
  #tryTo(work: () => void): boolean {
    try {
      work();
      if (this.#socket !== undefined) this.#fault = undefined;
      return true;
    } catch (error) {
      this.#close();
      this.#fault = this.#faultOf(error);
      return false;
    }
  }

  #open(): void {
    const { family, port, device } = this.place;
    this.#socket = this.#ports.datagrams.open({
      family,
      kind: "udp",
      local: { address: UNSPECIFIED[family], port, scopeId: 0 },
      receiveTtl: true,
      beside: this.#ports.beside(this),
      ...(device === undefined ? {} : { device }),
    });
    this.#socket.setFilter(this.#filter);
    this.#watch = this.#socket.onReadable(() => this.#ports.onReadable(this));
  }

  #close(): void {
    this.#watch?.[Symbol.dispose]();
    this.#socket?.[Symbol.dispose]();
    this.#watch = this.#socket = undefined;
  }

  get #shown(): string {
    const { family, port, device } = this.place;
    return `cannot receive BFD on UDP port ${port} over IPv${family}${
      device === undefined ? "" : ` at ${device}`
    }`;
  }

  #faultOf(error: unknown): string {
    switch (codeOf(error)) {
      case "EADDRINUSE":
        return `${this.#shown}: the port is in use, so another BFD daemon runs here, such as bfdd of FRR, or BIRD ` +
          `(ss -lunp shows it): only one of them can have BFD on this host`;
      case "EAFNOSUPPORT":
      case "EADDRNOTAVAIL":
        return `${this.#shown}: this host has no IPv${this.place.family}`;
      case "EPERM":
      case "EACCES":
        return `${this.#shown}: not permitted; a device needs CAP_NET_RAW`;
      default:
        return `${this.#shown}: ${messageOf(error)}`;
    }
  }
}
