/**
 * The addresses that a speaker listens on. One that is not there yet is a state with a retry; what no retry will mend is
 * fatal at the start, and a state, too, once the speaker runs.
 */
import type { LocalBgp, PeerConfig } from "../config/config.ts";
import type { Address } from "../net/address.ts";
import type { Clock } from "../time/clock.ts";
import { type ListenFault, listenFault, type ListenFaultKind } from "./transport/listen_fault.ts";
import type { Listener, ListenerEvents, ListenOptions, Transport } from "./transport/transport.ts";

/** One address that should be listened on. */
export interface ListenStatus {
  readonly address: string;
  readonly port: number;
  /** The interface, or VRF, that it is for; undefined: for all that no other one is for. */
  readonly device: string | undefined;
  /** Why it is not listened on; undefined: it is. */
  readonly fault: ListenFault | undefined;
}

/** What a listener became, for logs. */
export type ListenEvent =
  /** It failed; it is tried again until it is there, and told once. */
  | {
    readonly type: "listen-failed";
    readonly address: string;
    readonly port: number;
    readonly kind: ListenFaultKind;
    readonly cause: string;
  }
  /** One that had failed is there. */
  | { readonly type: "listening"; readonly address: string; readonly port: number };

/** What listeners are made of. */
export interface ListenersOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** What the listener on an address tells. */
  readonly accept: (address: Address, port: number) => ListenerEvents;
  readonly tell: (event: ListenEvent) => void;
}

interface Entry {
  readonly address: Address;
  readonly port: number;
  readonly device: string | undefined;
  listener: Listener | undefined;
  fault: ListenFault | undefined;
}

type Who = Pick<ListenOptions, "localAs" | "peers" | "shared">;

/** An address that is missing is tried again so often. */
const RETRY_MS = 2000;

/** The listening side of a speaker. */
export class Listeners implements Disposable {
  readonly #options: ListenersOptions;
  #entries: readonly Entry[] = [];
  #who: Who = { localAs: 0, peers: [] };
  #retry: Disposable | undefined;

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** Every address, in the order in which they are opened. */
  get status(): readonly ListenStatus[] {
    return this.#entries.map(({ address, port, device, fault }) => {
      return { address: address.text, port, device, fault };
    });
  }

  /**
   * Listens for the first time.
   * @throws {Error} where it cannot, and waiting will not mend it; nothing is left open
   */
  start(local: LocalBgp, peers: readonly PeerConfig[]): void {
    this.#open(local, peers);
    const fatal = this.#entries.find(({ address, fault }) =>
      fault !== undefined && fault.kind !== "address-missing" && fault.kind !== "device-missing" &&
      !(fault.kind === "family-missing" &&
        this.#entries.some((other) => other.address.family !== address.family))
    );
    if (fatal?.fault === undefined) return this.#tellFaults(this.#entries);
    this[Symbol.dispose]();
    throw new Error(fatal.fault.message);
  }

  /** Listens where and for whom it is configured now; a listener that stays is never closed for it. Never throws. */
  configure(local: LocalBgp, peers: readonly PeerConfig[]): void {
    const before = this.#entries;
    this.#open(local, peers);
    this.#tellFaults(
      this.#entries.filter((entry) => !before.includes(entry) || entry.listener === undefined),
    );
  }

  [Symbol.dispose](): void {
    this.#retry?.[Symbol.dispose]();
    this.#retry = undefined;
    for (const { listener } of this.#entries) listener?.[Symbol.dispose]();
    this.#entries = [];
  }

  #open({ as: localAs, listenPort: port, listenAddresses }: LocalBgp, peers: readonly PeerConfig[]): void {
    const devices = [...new Set(peers.map(({ device }) => device))];
    this.#who = { localAs, peers, shared: devices.some((device) => device !== undefined) };
    // A wildcard IPv6 listener may take IPv4, too, so it comes first.
    const addresses = port < 0 ? [] : [...listenAddresses].sort((a, b) => b.family - a.family);
    // Who is no peer's is told so by the one that is for all.
    const wanted = [...new Set([undefined, ...devices])].flatMap((device) =>
      addresses.map((address) => ({ address, device }))
    );
    const entries = wanted.map(({ address, device }): Entry =>
      this.#entries.find((entry) =>
        entry.address.text === address.text && entry.port === port && entry.device === device
      ) ?? { address, port, device, listener: undefined, fault: undefined }
    );
    for (const entry of this.#entries) if (!entries.includes(entry)) entry.listener?.[Symbol.dispose]();
    this.#entries = entries;
    for (const entry of entries) this.#update(entry);
    this.#arm();
  }

  /** Brings a listener to the peers of now; where it cannot follow it is opened anew. */
  #update(entry: Entry): void {
    try {
      entry.listener?.update(this.#who);
    } catch {
      this.#close(entry);
    }
    if (entry.listener === undefined) this.#listen(entry);
  }

  #listen(entry: Entry): void {
    const { transport, accept } = this.#options;
    const { address, port, device } = entry;
    try {
      const options = { address, port, device, ...this.#who };
      entry.listener = transport.listen(options, accept(address, port));
      entry.fault = undefined;
    } catch (error) {
      entry.fault = listenFault(error, address, port, device);
    }
  }

  #close(entry: Entry): void {
    entry.listener?.[Symbol.dispose]();
    entry.listener = undefined;
  }

  #tellFaults(entries: readonly Entry[]): void {
    for (const { address, port, fault } of entries) {
      if (fault === undefined) continue;
      const { kind, message: cause } = fault;
      this.#options.tell({ type: "listen-failed", address: address.text, port, kind, cause });
    }
  }

  #arm(): void {
    const { clock } = this.#options;
    const isSettled = ({ listener, device }: Entry) => listener !== undefined && device === undefined;
    if (this.#retry !== undefined || this.#entries.every(isSettled)) return;
    this.#retry = clock.at(clock.now() + RETRY_MS, () => {
      this.#retry = undefined;
      try {
        for (const entry of this.#entries) {
          if (entry.listener?.isStale === true) this.#close(entry);
          if (entry.listener === undefined) this.#tryAgain(entry);
        }
      } finally {
        this.#arm();
      }
    });
  }

  #tryAgain(entry: Entry): void {
    const before = entry.fault?.message;
    this.#listen(entry);
    const { address, port, fault } = entry;
    if (fault === undefined) this.#options.tell({ type: "listening", address: address.text, port });
    else if (fault.message !== before) this.#tellFaults([entry]);
  }
}
