/** UDP between hosts in memory, on a virtual clock: delay, loss, TTL, interfaces, ports that are in use, receive buffers that overflow. */
import { addressOf, parseAddress, UNSPECIFIED } from "../../src/net/address.ts";
import type {
  Datagram,
  DatagramOptions,
  Datagrams,
  DatagramSocket,
  SocketAddress,
} from "../../src/net/sockets.ts";
import type { Clock } from "../../src/time/clock.ts";

/** As many small datagrams as the kernel's default buffer has room for. */
const BUFFER = 277;

/** A packet on its way. */
export interface Flight {
  readonly from: SocketAddress;
  readonly to: SocketAddress;
  /** Undefined: it cannot be told where it arrives. */
  readonly ttl: number | undefined;
  readonly octets: Uint8Array;
}

/** What becomes of a packet: how long it takes; undefined: it is lost. */
export type Fate = (flight: Flight) => number | undefined;

/** Errors as the kernel's. */
export class KernelRefusal extends Error {
  constructor(readonly code: string) {
    super(`refused: ${code}`);
  }
}

/** Hosts that reach each other by address. */
export class MemoryNetwork {
  readonly hosts: MemoryHost[] = [];
  fate: Fate = () => 0.1;
  /** Every packet that was sent. */
  readonly sent: Flight[] = [];

  constructor(readonly clock: Clock) {}

  host(...addresses: readonly string[]): MemoryHost {
    const host = new MemoryHost(this, addresses);
    this.hosts.push(host);
    return host;
  }

  /** Sends what nobody here may have sent. */
  deliver(flight: Flight): void {
    this.sent.push(flight);
    const delayMs = this.fate(flight);
    if (delayMs === undefined) return;
    const kept = { ...flight, octets: flight.octets.slice() };
    this.clock.at(this.clock.now() + delayMs, () => {
      const target = addressOf(kept.to.address.bytes).text;
      for (const host of this.hosts) if (host.addresses.includes(target)) host.arrive(kept);
    });
  }
}

/** A host, as its programs see it. */
export class MemoryHost implements Datagrams {
  readonly sockets = new Set<MemorySocket>();
  readonly interfaces = new Map<string, number>([["eth0", 2], ["eth1", 3]]);
  /** The interface that packets come in by. */
  arrival = 2;
  /** Interfaces of a VRF: what comes by them is for sockets of devices. */
  readonly members = new Set<number>();
  /** What ICMP says of the last packet, as the error of the next one. */
  returned: string | undefined;
  /** Nothing is called back: the process is stopped. */
  stopped = false;
  /** Timers that came meanwhile. */
  readonly #late = new Set<() => void>();

  /** Time as the process has it. */
  readonly clock: Clock = {
    now: () => this.network.clock.now(),
    wallTime: () => this.network.clock.wallTime(),
    at: (atMs, callback) => {
      const run = () => {
        if (this.stopped) this.#late.add(run);
        else callback();
      };
      const timer = this.network.clock.at(atMs, run);
      return {
        [Symbol.dispose]: () => {
          this.#late.delete(run);
          timer[Symbol.dispose]();
        },
      };
    },
  };

  constructor(readonly network: MemoryNetwork, public addresses: readonly string[]) {}

  open(options: DatagramOptions): DatagramSocket {
    const { local, device, beside = [] } = options;
    if (device !== undefined && !this.interfaces.has(device)) throw new KernelRefusal("ENODEV");
    const text = local === undefined ? "" : addressOf(local.address.bytes).text;
    if (text !== UNSPECIFIED[options.family].text && !this.addresses.includes(text)) {
      throw new KernelRefusal("EADDRNOTAVAIL");
    }
    const clash = [...this.sockets].some((other) =>
      other.options.family === options.family && other.options.local?.port === local?.port &&
      (other.options.device === device || !beside.includes(other))
    );
    if (clash) throw new KernelRefusal("EADDRINUSE");
    const socket = new MemorySocket(this, options);
    this.sockets.add(socket);
    return socket;
  }

  arrive(flight: Flight): void {
    const index = this.arrival;
    const candidates = [...this.sockets].filter(({ options: { family, local, remote, device } }) =>
      family === flight.to.address.family && local?.port === flight.to.port && remote === undefined &&
      (device === undefined || this.interfaces.get(device) === index || this.members.has(index))
    );
    const socket = candidates.find(({ options }) => options.device !== undefined) ?? candidates[0];
    socket?.queue(flight, index);
  }

  /** The process goes on, with its timers first, or with what can be read. */
  resume(first: "timers" | "sockets" = "timers"): void {
    this.stopped = false;
    const wake = () => {
      for (const socket of this.sockets) socket.wake();
    };
    if (first === "sockets") wake();
    for (const run of [...this.#late]) {
      if (this.#late.delete(run)) run();
    }
    wake();
  }
}

class MemorySocket implements DatagramSocket {
  #waiting: { readonly flight: Flight; readonly index: number }[] = [];
  #callback: (() => void) | undefined;
  #open = true;

  constructor(readonly host: MemoryHost, readonly options: DatagramOptions) {}

  shareLocal(): void {}

  localAddress(): SocketAddress {
    const { local, family } = this.options;
    const given = local === undefined || addressOf(local.address.bytes).text === UNSPECIFIED[family].text
      ? undefined
      : local.address;
    const address = given ?? this.host.addresses.map(parseAddress).find((each) => each?.family === family) ??
      UNSPECIFIED[family];
    return { address, port: local?.port ?? 0, scopeId: 0 };
  }

  send(octets: Uint8Array, to: SocketAddress): boolean {
    const from = this.localAddress();
    if (!this.host.addresses.includes(addressOf(from.address.bytes).text)) throw new KernelRefusal("EINVAL");
    const { returned } = this.host;
    this.host.returned = undefined;
    if (returned !== undefined) throw new KernelRefusal(returned);
    this.host.network.deliver({ from, to, ttl: this.options.ttl ?? 64, octets: octets.slice() });
    return true;
  }

  receive(): Datagram | undefined {
    const next = this.#waiting.shift();
    if (next === undefined) return undefined;
    const { flight: { octets, from, to: { address: { bytes: to } }, ttl }, index } = next;
    const isLocal = from.address.bytes[0] === 0xfe;
    return { octets, from: { ...from, scopeId: isLocal ? index : 0 }, ttl, interfaceIndex: index, to };
  }

  receiveReturned(): undefined {}

  filters = 0;

  setFilter(): void {
    this.filters++;
  }

  onReadable(callback: () => void): Disposable {
    this.#callback = callback;
    return { [Symbol.dispose]: () => this.#callback = undefined };
  }

  queue(flight: Flight, index: number): void {
    if (this.#waiting.length < BUFFER) this.#waiting.push({ flight, index });
    this.wake();
  }

  /** Level-triggered. */
  wake(): void {
    while (!this.host.stopped && this.#open && this.#waiting.length > 0) {
      const callback = this.#callback;
      if (callback === undefined) return;
      callback();
    }
  }

  [Symbol.dispose](): void {
    this.#open = false;
    this.#waiting = [];
    this.host.sockets.delete(this);
  }
}
