/**
 * The BGP speaker, announce-only. The words of this room, one for each thing:
 *
 * - **Peer**: a configured router, and all that we keep of it (`peer.ts`). Its machine, pure, is `session/peer.ts`; its
 *   driver, which feeds that, `driver.ts`.
 * - **Session**: one machine of RFC 4271 section 8 (`session/session.ts`), with the link that it runs over. A peer has
 *   a primary one, which connects and tries again, and for moments a secondary one, where both sides have connected;
 *   `session/collision.ts` says which of the two stays, and that one is promoted.
 * - **Link**: a session's TCP connection, or the attempt at one (`transport/link.ts`); a number names it in the machine.
 * - **Socket**: what the transport port gives (`transport/transport.ts`), by one of two adapters.
 * - **Listener**: one of our addresses on which peers reach us (`listeners.ts`).
 * - **Desired routes**: what should be announced (`routes/desired_routes.ts`). **Adj-RIB-Out**: what a peer was sent. The
 *   **advertiser** brings a peer from the one to the other, as long as its session is Established.
 *
 * How a byte comes in: `receiver.ts` reads a chunk from the link's socket; `transport/inbox.ts` cuts it into messages;
 * `wire/message.ts` decodes one, and whatever is wrong with it is thrown as a `NotificationError`, which the receiver
 * catches in one place; `session/session_events.ts` makes either an event of RFC 4271 section 8.1. `driver.ts` steps the
 * machine with it: `session/peer.ts` finds the session that the link belongs to, `session/session.ts` answers with a new
 * state and actions; the driver performs these and arms one timer (`session/timers.ts`). Learned routes are counted and dropped.
 *
 * How a route goes out: `Speaker.announce()` sets the whole of what is desired, `announceOf()` the part of one who wants
 * something of it; `DesiredRoutes` finds the prefixes that changed; each Established peer's advertiser notes them, and in this very turn is asked for a batch:
 * `routes/adj_rib_out.ts` compares what is desired with what the peer was sent, `routes/next_hop.ts` and
 * `wire/attributes.ts` make the path, `wire/pack.ts` fills the UPDATEs, and the driver hands them to the socket. Where a
 * turn has gone on for long or a socket is full, the rest follows when there is time or room: withdrawals first, then
 * the newest changes, so that no KEEPALIVE and no withdrawal waits for bulk.
 */
import type { LocalBgp, PeerConfig } from "../config/config.ts";
import { peerKey, sessionConsequence } from "../config/session_difference.ts";
import type { Address } from "../net/address.ts";
import { type HostAddresses, UNKNOWN_ADDRESSES } from "../net/host_addresses.ts";
import { type Neighbours, NO_NEIGHBOURS } from "../net/neighbours.ts";
import type { Clock, Random } from "../time/clock.ts";
import type { Loop } from "../time/loop.ts";
import { atOnce, inOrder } from "../time/steps.ts";
import { DropSamples } from "./drop_samples.ts";
import { Listeners, type ListenStatus } from "./listeners.ts";
import type { StandingSession } from "./established_session.ts";
import { type Heritage, Peer } from "./peer.ts";
import type { PeerPorts } from "./peer_ports.ts";
import type { PeerStatus } from "./peer_status.ts";
import { RefusedConnections } from "./refused_connections.ts";
import { DesiredRoutes, type RouteChanges } from "./routes/desired_routes.ts";
import type { Route } from "./routes/route.ts";
import { NOTHING_KNOWN, type Restart } from "./session/session_state.ts";
import { SendTurns } from "./send_turns.ts";
import type { BfdPath, SpeakerEvent } from "./speaker_event.ts";
import { Lingering } from "./transport/lingering.ts";
import type { ListenerEvents, TcpSocket, Transport } from "./transport/transport.ts";
import { isLocated, linksOf, located } from "./unnumbered.ts";
import { CeaseSubcode } from "./wire/constants.ts";
import { cease } from "./wire/notification.ts";

export type { PeerStatus } from "./peer_status.ts";
export type { BfdPath, SpeakerEvent } from "./speaker_event.ts";

/** What a speaker is made of. */
export interface SpeakerOptions {
  readonly local: LocalBgp;
  readonly peers: readonly PeerConfig[];
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  /** What is known of a restart of ours, for a peer that there has been no session with. Default: nothing. */
  readonly restart?: ((peer: PeerConfig) => Restart) | undefined;
  /** This host's addresses, of which next hops are. Default: they cannot be known. */
  readonly addresses?: HostAddresses | undefined;
  /** Finds peers that are known by their interface alone. Default: nobody does. */
  readonly neighbours?: Neighbours | undefined;
  /** The addresses of services, by `text`: no session has one as its source, and no route as its next hop. Default: none. */
  readonly services?: ReadonlySet<string> | undefined;
  readonly onEvent: (event: SpeakerEvent) => void;
  /** A session is Established, with this end of ours. Default: nobody is told. */
  readonly onSession?: ((peer: string, local: Address) => void) | undefined;
}

/** How a speaker ends. */
export type StopOptions =
  /** Withdraw everything, then Cease/Administrative Shutdown with this text (RFC 9003). */
  | { readonly mode: "shutdown"; readonly communication: string }
  /** Close without a word: a peer with graceful restart keeps the routes for the next process. */
  | { readonly mode: "handover" };

/** Why a session is started anew: somebody asked for it, and this is what the peer is told (RFC 9003). */
export interface ResetCause {
  readonly type: "administrative";
  readonly communication: string;
}

/** How long the last withdrawals may take to be handed over. */
const WITHDRAW_MS = 1000;
/** Connections of all peers that may be told at once that they are rejected. */
const MAX_REJECTIONS = 64;

/** Speaks BGP with its peers. */
export class Speaker {
  readonly #options: SpeakerOptions;
  readonly #ports: PeerPorts;
  readonly #listeners: Listeners;
  readonly #desired = new DesiredRoutes();
  readonly #refused: RefusedConnections;
  /** By key, in the order of the configuration. */
  #peers: ReadonlyMap<string, Peer>;
  #local: LocalBgp;
  #services: ReadonlySet<string> = new Set();
  #addressWatch: Disposable | undefined;
  #neighbourWatch: Disposable | undefined;
  /** The last words of peers that are no more, while they are handed over. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #turns: SendTurns;
  /** Called when every peer is flushed. */
  readonly #onFlushed = new Set<() => void>();
  #started = false;
  #stopped = false;

  constructor(options: SpeakerOptions) {
    const { local, peers, transport, clock, random } = options;
    const { addresses = UNKNOWN_ADDRESSES, neighbours = NO_NEIGHBOURS } = options;
    this.#options = options;
    this.#local = local;
    this.#services = options.services ?? this.#services;
    const drops = new DropSamples(clock, () => transport.drops?.());
    this.#ports = {
      transport,
      clock,
      random,
      own: () => ({ addresses: addresses.current(), services: this.#services }),
      drops: () => drops.sample(),
      desired: this.#desired,
      neighbours,
      rejections: new Lingering(MAX_REJECTIONS),
      tell: (event) => this.#tell(event),
      rejected: (remote, cause) => {
        this.#refused.refused(
          remote,
          cause === undefined ? { type: "surplus" } : { type: "held-back", cause },
        );
      },
      established: (peer, local) => options.onSession?.(peer, local),
      due: (sender) => this.#turns.take([sender]),
      lost: () => this.#noteFlushed(),
    };
    this.#turns = new SendTurns(clock, () => this.#noteFlushed());
    this.#refused = new RefusedConnections(clock, (event) => this.#tell(event));
    this.#listeners = new Listeners({
      transport,
      clock,
      accept: (address, port) => this.#acceptEvents(address, port),
      tell: (event) => this.#tell(event),
    });
    this.#peers = new Map(peers.map((config) => {
      const known = { restart: this.#restartOf(config) };
      return [peerKey(config), new Peer(local, located(config, neighbours), this.#ports, known)];
    }));
  }

  /**
   * Listens and starts the peers.
   * @throws {Error} where it cannot listen, with the cause and the cure
   */
  start(): void {
    this.#listeners.start(this.#local, this.#located.filter(isLocated));
    this.#started = true;
    this.#addressWatch = this.#options.addresses?.watch(() => this.#followAddresses());
    this.#neighbourWatch = this.#ports.neighbours.watch((link) => this.#followNeighbour(link));
    for (const peer of this.#peers.values()) peer.start();
    this.#ports.neighbours.follow(linksOf(this.#located));
  }

  /**
   * Brings the speaker to another configuration, as `differ()` says. A peer that is gone gets Cease/Peer De-configured, one
   * whose session cannot go on as it is Cease/Other Configuration Change; every other session is left alone. Routes go out
   * at the end of this turn, so that what `announce()` brings with it goes by the same UPDATEs. Never throws.
   */
  configure(local: LocalBgp, configured: readonly PeerConfig[], services = this.#services): void {
    if (this.#stopped) return;
    const peers = configured.map((peer) => located(peer, this.#ports.neighbours));
    this.#local = local;
    this.#services = services;
    const before = this.#peers;
    const keys = new Set(peers.map(peerKey));
    for (const [key, peer] of before) {
      if (keys.has(key)) continue;
      this.#dismiss(peer, CeaseSubcode.PEER_DECONFIGURED, "removed from the configuration");
    }
    const fresh: Peer[] = [];
    this.#peers = new Map(peers.map((config) => {
      const key = peerKey(config);
      const old = before.get(key);
      const consequence = old && sessionConsequence(old.configured, { local, peer: config });
      if (old !== undefined && consequence !== "reset") {
        old.configure(local, config, consequence === "advertise");
        return [key, old];
      }
      // The run before had no session with it, as far as this process was told when it began.
      const fromNothing = { restart: { ...this.#restartOf(config), restartingUntilMs: -Infinity } };
      const heritage = old === undefined ? fromNothing : this.#supersede(old);
      const peer = new Peer(local, config, this.#ports, heritage);
      fresh.push(peer);
      return [key, peer];
    }));
    if (!this.#started) return;
    // First the listeners: a new peer may connect at once, with a key of its own.
    this.#listeners.configure(local, peers.filter(isLocated));
    for (const peer of fresh) peer.start();
    this.#ports.neighbours.follow(linksOf(peers));
    for (const peer of this.#peers.values()) peer.followAddresses();
    this.#turns.takeNext(this.#peers.values());
  }

  /** Ends a peer's session and starts it anew; false where there is no such peer. */
  reset(name: string, cause: ResetCause): boolean {
    const peer = this.#named(name);
    if (peer === undefined || this.#stopped) return false;
    peer.reset(cease(CeaseSubcode.ADMINISTRATIVE_RESET, cause.communication), "administrative reset", false);
    return true;
  }

  /** Goes by what BFD says of the path to a peer. */
  followPath(name: string, path: BfdPath, cause: string): void {
    if (!this.#stopped) this.#named(name)?.followPath(path, cause);
  }

  /** Sets the whole of what should be announced. */
  announce(routes: readonly Route[]): void {
    if (!this.#stopped) this.#advertise(this.#desired.replace(routes));
  }

  /** Sets what each of these sources wants announced, by any name; what others want stays as it is. */
  announceOf(bySource: ReadonlyMap<string, readonly Route[]>): void {
    if (!this.#stopped) this.#advertise(this.#desired.replaceOf(bySource));
  }

  #advertise(changes: RouteChanges): void {
    if (changes.withdrawn.length + changes.changed.length === 0) return;
    for (const peer of this.#peers.values()) peer.touch(changes);
    this.#turns.take(this.#peers.values());
  }

  /** Lets End-of-RIB go out: every route that there will be is in place (RFC 4724 section 4.1). */
  releaseEndOfRib(): void {
    if (this.#turns.endOfRibReleased) return;
    this.#turns.endOfRibReleased = true;
    this.#turns.take(this.#peers.values());
  }

  /** Every peer, in the order of the configuration. */
  status(): readonly PeerStatus[] {
    return atOnce(this.statusInSteps());
  }

  /** The same in steps, as there may be many routes; all as of now. */
  statusInSteps(): Generator<void, readonly PeerStatus[]> {
    return inOrder([...this.#peers.values()].map((peer) => peer.status()));
  }

  /** The peers' sessions that are Established, and nothing of their routes. */
  sessions(): readonly StandingSession[] {
    return [...this.#peers.values()].flatMap(({ negotiated, configured: { peer } }) =>
      negotiated === undefined ? [] : [{ peer, negotiated }]
    );
  }

  /** The drivers of its peers. */
  loops(): readonly Loop[] {
    return [...this.#peers.values()].map(({ name, driver }) => ({
      name: `peer ${name}`,
      dueMs: driver.dueMs,
    }));
  }

  /** The addresses that should be listened on, with what keeps one from being so. */
  listeners(): readonly ListenStatus[] {
    return this.#listeners.status;
  }

  /** Resolves when the sockets of all Established peers have taken all that these should be told, or after `limitMs`. */
  async flushed(limitMs: number): Promise<void> {
    if (this.#isFlushed) return;
    const { clock } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onFlushed.add(resolve);
    using _limit = clock.at(clock.now() + limitMs, resolve);
    await promise;
    this.#onFlushed.delete(resolve);
  }

  /** Ends all sessions; resolves when that is done, or after a few seconds. Never throws. */
  async stop(options: StopOptions): Promise<void> {
    if (options.mode === "shutdown") {
      this.announce([]);
      this.#stopped = true;
      await this.flushed(WITHDRAW_MS);
    }
    this.#stopped = true;
    const ends = [...this.#peers.values()].map((peer) =>
      peer.end((driver) =>
        options.mode === "shutdown" ? driver.stop(options.communication) : driver.close(undefined, "handover")
      )
    );
    // Only now: peers are told first, and whoever connected meanwhile was refused.
    this.#close();
    await Promise.all([...ends, ...this.#leaving]);
  }

  /** Drops everything in this turn, without a word. */
  abort(): void {
    this.#stopped = true;
    this.#turns[Symbol.dispose]();
    this.#close();
    for (const { driver } of this.#peers.values()) driver.abort();
  }

  /** This host's addresses are others: each peer's routes, and its session, follow. */
  #followAddresses(): void {
    if (this.#stopped) return;
    for (const peer of this.#peers.values()) peer.followAddresses();
    this.#turns.take(this.#peers.values());
  }

  /** Another router is the neighbour on a link, or none: the listeners first, as it may connect at once. */
  #followNeighbour(link: string): void {
    const peer = this.#peers.values().find(({ configured: { peer } }) =>
      peer.automatic && peer.zone === link
    );
    if (this.#stopped || peer === undefined) return;
    peer.relocate(() => this.#listeners.configure(this.#local, this.#located.filter(isLocated)));
  }

  /** The peers, where they are now. */
  get #located(): readonly PeerConfig[] {
    return [...this.#peers.values()].map(({ configured }) => configured.peer);
  }

  /** No connection comes in any more, and nobody is looked for. */
  #close(): void {
    this.#neighbourWatch?.[Symbol.dispose]();
    this.#ports.neighbours.follow([]);
    this.#addressWatch?.[Symbol.dispose]();
    for (const part of [this.#listeners, this.#refused]) part[Symbol.dispose]();
  }

  /** Ends a peer whose session cannot go on under its new configuration; what the one in its place goes on with. */
  #supersede(old: Peer): Heritage {
    const { keptUntilMs } = old;
    this.#dismiss(old, CeaseSubcode.OTHER_CONFIGURATION_CHANGE, "its configuration has changed");
    const { counters, record, restart, pathIsUp } = old;
    return { counters, record, restart, keptUntilMs, pathIsUp };
  }

  /** Ends a peer that is configured no more, or in another way. */
  #dismiss(peer: Peer, subcode: number, cause: string): void {
    const ended = peer.end((driver) => driver.close(cease(subcode), cause));
    this.#leaving.add(ended);
    ended.finally(() => this.#leaving.delete(ended));
  }

  #acceptEvents(address: Address, port: number): ListenerEvents {
    return {
      connection: (socket, peer) => this.#accept(socket, peerKey(peer)),
      refused: (remote, reason) => this.#refused.refused(remote, reason),
      fault: (error) => this.#refused.failed(address, port, error),
    };
  }

  #accept(socket: TcpSocket, key: string): void {
    const peer = this.#peers.get(key);
    if (peer !== undefined && !this.#stopped) return peer.driver.accept(socket);
    socket[Symbol.dispose]();
    this.#refused.refused(socket.remote, { type: peer === undefined ? "no-peer" : "surplus" });
  }

  /** Whoever listens to events may throw: that is a state, and costs nobody anything else. */
  #tell(event: SpeakerEvent): void {
    try {
      this.#options.onEvent(event);
    } catch (error) {
      if ("peer" in event && event.type !== "peer-fault") {
        this.#named(event.peer)?.driver.noteFault(error);
      }
    }
  }

  #restartOf(peer: PeerConfig): Restart {
    return this.#options.restart?.(peer) ?? NOTHING_KNOWN;
  }

  #named(name: string): Peer | undefined {
    return this.#peers.values().find((peer) => peer.name === name);
  }

  get #isFlushed(): boolean {
    return this.#peers.values().every(({ flushed }) => flushed);
  }

  #noteFlushed(): void {
    if (this.#onFlushed.size === 0 || !this.#isFlushed) return;
    for (const resolve of this.#onFlushed) resolve();
  }
}
