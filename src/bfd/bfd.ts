/**
 * BFD, asynchronous mode, single hop and multihop (RFC 5880, 5881, 5883). The words of this room, one for each thing:
 *
 * - **Peer**: who is watched, as configured (`bfd_peer.ts`), and all that we keep of it (`peer.ts`).
 * - **Session**: the machine of RFC 5880 section 6.8, pure (`session.ts`), as data (`session_state.ts`), its intervals
 *   (`timers.ts`). It is kept while the peer's key, addresses, device and kind of hop are the same.
 * - **Receiver**: a socket that packets come in by (`receiver.ts`), one for each family, port and device, for all sessions.
 * - **Sender**: the socket of one session, with a source port of its own (`sender.ts`, `ports.ts`).
 * - **Driver**: joins them, with one timer (`driver.ts`).
 *
 * How a packet comes in: the receiver is readable; the driver reads a batch; `packet.ts` decodes one; the driver finds its
 * session by our discriminator, or by the sender's address where it knows none, and looks at address, interface and TTL. What
 * is not taken is counted by reason (`drops.ts`). The session is stepped; what it answers is sent, and told as an event.
 *
 * How a peer is lost: the timer for the earliest deadline comes, perhaps late. The driver first reads all that waits. Where a
 * session is still silent, and this process was held long enough to have missed a packet, it has one detection time more, once.
 *
 * What is not offered: Demand mode (a peer that asks for it gets what RFC 5880 section 6.8.7 says: polls and answers only), echo,
 * authentication, and the C bit, since sessions end with this process.
 */
import type { Address } from "../net/address.ts";
import type { Datagrams, DatagramSocket } from "../net/sockets.ts";
import type { Clock, Random } from "../time/clock.ts";
import type { BfdEvent, BfdPeer } from "./bfd_peer.ts";
import { Driver } from "./driver.ts";
import { type Flood, isSamePlace, isSameSession, type Peer } from "./peer.ts";
import { SourcePorts } from "./ports.ts";
import { type ReceivePlace, receivePlace, Receiver } from "./receiver.ts";
import type { BfdReceiverStatus, BfdStatus } from "./status.ts";

export type { BfdEvent, BfdPeer } from "./bfd_peer.ts";
export type { BfdStateName } from "./packet.ts";
export type { BfdReceiverStatus, BfdStatus } from "./status.ts";

/** What BFD is made of. */
export interface BfdOptions {
  readonly datagrams: Datagrams;
  interfaceIndex(name: string): number | undefined;
  readonly clock: Clock;
  readonly random: Random;
  onEvent(event: BfdEvent): void;
  /** What is never a source. */
  isServiceAddress(address: Address): boolean;
}

/** How often sockets are looked after that cannot be had, or are bound to an interface. */
const EXAMINE_MS = 1000;
/** So long after the last sign of it a flood from a peer's address is thought to be over. */
const FLOOD_MS = 10_000;
/** A session that ends tells it so many times at most; it waits for no longer than `STOP_MS`. */
const FAREWELLS = 5;
const STOP_MS = 1200;

/** All BFD sessions of this process. */
export class Bfd {
  readonly #options: BfdOptions;
  readonly #driver: Driver;
  readonly #receivers = new Map<string, Receiver>();
  readonly #peers = new Map<string, Peer>();
  /** Peers in whose name somebody floods us, and until when the kernel keeps most of that away. */
  readonly #floods = new Map<string, { readonly flood: Flood; readonly untilMs: number }>();
  #examination: Disposable | undefined;
  #stopped = false;

  constructor(options: BfdOptions) {
    this.#options = options;
    const { datagrams, clock, random } = options;
    this.#driver = new Driver({
      clock,
      random,
      senders: {
        datagrams,
        sourcePorts: new SourcePorts(random),
        interfaceIndex: (name) => options.interfaceIndex(name),
        isServiceAddress: (address) => options.isServiceAddress(address),
      },
      receivers: () => this.#receivers.values(),
      onFlood: (peer, flood) => this.#onFlood(peer, flood),
      onEvent: (event) => options.onEvent(event),
    });
  }

  /** These peers and no others, by key. Other intervals are negotiated; another way to the peer is another session. */
  configure(peers: readonly BfdPeer[]): void {
    if (this.#stopped) return;
    const wanted = new Map(peers.map((peer) => [peer.key, peer]));
    this.#driver.turn(() => {
      for (const [key, peer] of [...this.#peers]) {
        const next = wanted.get(key);
        if (next !== undefined && isSameSession(peer.config, next)) continue;
        this.#peers.delete(key);
        this.#floods.delete(key);
        // Of two sessions with one peer the new one is to have the last word, whatever its key is.
        this.#driver.remove(peer, peers.some((each) => isSamePlace(peer.config, each)) ? 1 : FAREWELLS);
      }
      this.#want([...wanted.values()]);
      for (const [key, config] of wanted) {
        const peer = this.#peers.get(key);
        if (peer === undefined) this.#peers.set(key, this.#driver.add(config));
        else this.#driver.configure(peer, config);
      }
    });
    this.#examineLater();
  }

  /** The peer of this name speaks with this address of ours: it is the source where none is configured and the session is not up. */
  follow(name: string, end: Address): void {
    for (const peer of this.#peers.values()) if (peer.config.name === name) peer.noteEnd(end.bytes);
  }

  /** Sources of what is sent are chosen, and looked at, anew: addresses of this host, or of services, are other ones. */
  reconsiderSources(): void {
    for (const peer of this.#peers.values()) peer.reopen();
  }

  /** A session each, in the order in which they were configured. */
  status(): readonly BfdStatus[] {
    return [...this.#peers.values()].map((peer) => peer.status(this.#receivers.get(peer.place.key)?.fault));
  }

  /** By when it has to turn again (time/loop.ts). */
  get dueMs(): number {
    return this.#driver.dueMs;
  }

  /** The sockets that packets come in by. */
  receivers(): readonly BfdReceiverStatus[] {
    return [...this.#receivers.values()].map(({ place, fault, drops }) => ({
      family: place.family,
      port: place.port,
      device: place.device,
      fault,
      drops: drops.entries(),
    }));
  }

  /** Tells every peer AdminDown, so that it takes our end for no failure, and ends. Resolves after a second or so at most. */
  async stop(): Promise<void> {
    if (!this.#stopped) {
      this.#stopped = true;
      // The next process may have the ports at once.
      this.#want([]);
      this.#driver.turn(() => {
        for (const peer of this.#peers.values()) this.#driver.remove(peer, FAREWELLS);
      });
      this.#peers.clear();
    }
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const limit = this.#options.clock.at(this.#options.clock.now() + STOP_MS, resolve);
    using _limit = limit;
    await Promise.race([this.#driver.whenEmpty(), over]);
    this.abort();
  }

  /** Ends at once, without a word: peers see that in a detection time. */
  abort(): void {
    this.#stopped = true;
    this.#peers.clear();
    this.#want([]);
    this.#driver.abort();
  }

  /** Receives what these peers send, and nothing else. */
  #want(peers: readonly BfdPeer[]): void {
    const peerPlaces = peers.map((peer): [string, ReceivePlace] => {
      const place = receivePlace(peer);
      return [place.key, place];
    });
    const places = new Map(peerPlaces);
    for (const [key, receiver] of [...this.#receivers]) {
      if (places.has(key)) continue;
      this.#receivers.delete(key);
      receiver[Symbol.dispose]();
    }
    for (const [key, place] of places) {
      const receiver = this.#receivers.get(key) ?? new Receiver(place, {
        datagrams: this.#options.datagrams,
        interfaceIndex: (name) => this.#options.interfaceIndex(name),
        onReadable: (readable) => this.#driver.onReadable(readable),
        beside: (one) => this.#beside(one),
      });
      this.#receivers.set(key, receiver);
      this.#setPeers(receiver, peers);
      this.#examine(receiver);
    }
    if (places.size > 0) return;
    this.#examination?.[Symbol.dispose]();
    this.#examination = undefined;
  }

  /** The kernel lets through what these send; of those in whose name we are flooded what names their session, or a sample. */
  #setPeers(receiver: Receiver, peers: readonly BfdPeer[]): void {
    const its = peers.filter((peer) => {
      const place = receivePlace(peer);
      return place.key === receiver.place.key || receiver.isBefore(place);
    });
    const discriminators = its
      .filter(({ key }) => this.#floods.get(key)?.flood === "of its address")
      .flatMap(({ key }) => this.#peers.get(key)?.state.localDiscr ?? []);
    receiver.setPeers(its, its.filter(({ key }) => !this.#floods.has(key)), discriminators);
  }

  /** One peer's address costs the sessions of others nothing; its own goes on, unless what is too much names it. */
  #onFlood({ config }: Peer, flood: Flood): void {
    const { clock } = this.#options;
    const { key, name, address } = config;
    const before = this.#floods.get(key)?.flood;
    const now = before === "of its session" ? before : flood;
    this.#floods.set(key, { flood: now, untilMs: clock.now() + FLOOD_MS });
    if (now === before) return;
    for (const receiver of this.#receivers.values()) this.#setPeers(receiver, this.#configs);
    const dropped = now === "of its session" ? "most of them" : "most of those that do not name its session";
    this.#driver.report({
      type: "bfd-fault",
      peer: name,
      cause: `far more packets come from ${address.text} than it was asked to send: ${dropped} are dropped`,
      at: clock.now(),
    });
    this.#examineLater();
  }

  #endFloods(): void {
    const { clock } = this.#options;
    for (const [key, { untilMs }] of this.#floods) {
      if (untilMs > clock.now()) continue;
      this.#floods.delete(key);
      for (const receiver of this.#receivers.values()) this.#setPeers(receiver, this.#configs);
    }
  }

  get #configs(): readonly BfdPeer[] {
    return [...this.#peers.values()].map(({ config }) => config);
  }

  #beside({ place }: Receiver): readonly DatagramSocket[] {
    return [...this.#receivers.values()]
      .filter((other) => other.place.key !== place.key)
      .filter((other) => other.place.family === place.family && other.place.port === place.port)
      .flatMap(({ socket }) => socket ?? []);
  }

  #examine(receiver: Receiver): void {
    const before = receiver.fault;
    receiver.examine();
    const { fault } = receiver;
    if (fault === undefined || fault === before) return;
    this.#driver.report({
      type: "bfd-fault",
      peer: undefined,
      cause: fault,
      at: this.#options.clock.now(),
    });
  }

  #examineLater(): void {
    if (this.#stopped || this.#examination !== undefined) return;
    const { clock } = this.#options;
    const all = [...this.#receivers.values()];
    const watched = this.#floods.size > 0 || this.#configs.some(({ zone }) => zone !== undefined);
    if (!watched && !all.some(({ fault, place }) => fault !== undefined || place.device !== undefined)) {
      return;
    }
    this.#examination = clock.at(clock.now() + EXAMINE_MS, () => {
      this.#examination = undefined;
      try {
        this.#driver.turn(() => {
          this.#endFloods();
          for (const receiver of this.#receivers.values()) this.#examine(receiver);
          for (const peer of this.#peers.values()) peer.examine();
        });
      } finally {
        this.#examineLater();
      }
    });
  }
}
