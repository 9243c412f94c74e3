/**
 * The addresses that a speaker listens on. One that is not there yet is a state with a retry; what no retry will mend is
 * fatal at the start, and a state, too, once the speaker runs.
 */
import type { LocalBgp, PeerConfig } from "../config/config.ts";
import type { Address } from "../net/address.ts";
import type { Clock } from "../time/clock.ts";
import { type ListenFault, listenFault, type ListenFaultKind } from "./transport/listen_fault.ts";
import type { Listener, ListenerEvents, Transport } from "./transport/transport.ts";

/** One address that should be listened on. */
export interface ListenStatus {
  readonly address: string;
  readonly port: number;
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
  listener: Listener | undefined;
  fault: ListenFault | undefined;
}

type Who = { readonly localAs: number; readonly peers: readonly PeerConfig[] };

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
    return this.#entries.map(({ address, port, fault }) => ({ address: address.text, port, fault }));
  }

  /**
   * Listens for the first time.
   * @throws {Error} where it cannot, and waiting will not mend it; nothing is left open
   */
  start(local: LocalBgp, peers: readonly PeerConfig[]): void {
    this.#open(local, peers);
    const fatal = this.#entries.find(({ address, fault }) =>
      fault !== undefined && fault.kind !== "address-missing" &&
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
    this.#who = { localAs, peers };
    // A wildcard IPv6 listener may take IPv4, too, so it comes first.
    const wanted = port < 0 ? [] : [...listenAddresses].sort((a, b) => b.family - a.family);
    const kept = (address: Address) =>
      this.#entries.find((entry) => entry.address.text === address.text && entry.port === port);
    const entries = wanted.map((address): Entry =>
      kept(address) ?? { address, port, listener: undefined, fault: undefined }
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
      entry.listener?.[Symbol.dispose]();
      entry.listener = undefined;
    }
    if (entry.listener === undefined) this.#listen(entry);
  }

  #listen(entry: Entry): void {
    const { transport, accept } = this.#options;
    const { address, port } = entry;
    try {
      entry.listener = transport.listen({ address, port, ...this.#who }, accept(address, port));
      entry.fault = undefined;
    } catch (error) {
      entry.fault = listenFault(error, address, port);
    }
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
    if (this.#retry !== undefined || this.#entries.every(({ listener }) => listener !== undefined)) return;
    this.#retry = clock.at(clock.now() + RETRY_MS, () => {
      this.#retry = undefined;
      try {
        for (const entry of this.#entries) if (entry.listener === undefined) this.#tryAgain(entry);
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
