/**
 * The BGP speaker, announce-only: the neighbours, the listeners, and the desired routes that every Established
 * neighbour is brought to. UPDATEs are handed to the sockets in the turn in which the routes change; where that is more
 * work than a turn should take, the rest follows in the next ones, so that no KEEPALIVE and no withdrawal waits for it.
 */
import type { LocalBgp, PeerConfig } from "../config/config.ts";
import { type InterfaceAddress, linkLocalBeside } from "../net/on_link.ts";
import type { Clock, Random } from "../time/clock.ts";
import { Advertiser } from "./routes/advertiser.ts";
import { DesiredRoutes } from "./routes/desired_routes.ts";
import { PeerDriver } from "./driver.ts";
import { listenFault } from "./transport/listen_fault.ts";
import { type Negotiated, sessionConfig } from "./session/negotiate.ts";
import { notificationRecord, type PeerRecord, type PeerStatus, peerStatus } from "./peer_status.ts";
import type { Route } from "./routes/route.ts";
import type { SessionStateName } from "./session/session_state.ts";
import type { Connection, Endpoint, Listener, Transport } from "./transport/transport.ts";
import type { NotificationMessage } from "./wire/notification.ts";

export type { PeerStatus } from "./peer_status.ts";

/** What a speaker is made of. */
export interface SpeakerOptions {
  readonly local: LocalBgp;
  readonly peers: readonly PeerConfig[];
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  /** The process before this one left its forwarding state, and peers may still keep its routes (RFC 4724). */
  readonly restarting: boolean;
  /** This host's addresses, for the link-local next hop on a shared subnet (RFC 2545). Default: none are known. */
  readonly interfaces?: () => readonly InterfaceAddress[];
  readonly onEvent: (event: SpeakerEvent) => void;
}

/** What happens, for logs and metrics. `peer` is a name. */
export type SpeakerEvent =
  | {
    readonly type: "peer-state";
    readonly peer: string;
    readonly from: SessionStateName;
    readonly to: SessionStateName;
    readonly cause: string;
  }
  /** A connection or an attempt at one ended. */
  | {
    readonly type: "session-ended";
    readonly peer: string;
    readonly from: SessionStateName;
    readonly cause: string;
  }
  /** Handed to the socket. `at` is on the scale of the clock, in milliseconds. */
  | {
    readonly type: "updates-sent";
    readonly peer: string;
    readonly announced: number;
    readonly withdrawn: number;
    readonly at: number;
  }
  | { readonly type: "end-of-rib-sent"; readonly peer: string }
  /** The routes that cannot go to the peer changed: so many are held, 0 for none any more, and these are the first. */
  | {
    readonly type: "routes-held";
    readonly peer: string;
    readonly count: number;
    readonly held: readonly { readonly prefix: string; readonly reason: string }[];
  }
  | {
    readonly type: "notification-received" | "notification-sent";
    readonly peer: string;
    readonly code: number;
    readonly subcode: number;
    readonly text: string;
  }
  /** One of several listeners failed, and the others do without. */
  | {
    readonly type: "listen-failed";
    readonly address: string;
    readonly port: number;
    readonly cause: string;
  }
  /** A connection from an address that is no peer's. */
  | { readonly type: "connection-refused"; readonly address: string; readonly port: number };

/** How a speaker ends. */
export type StopOptions =
  /** Withdraw everything, then Cease/Administrative Shutdown with this text (RFC 9003). */
  | { readonly mode: "shutdown"; readonly communication: string }
  /** Close without a word: a peer with graceful restart keeps the routes for the next process. */
  | { readonly mode: "handover" };

interface Neighbour {
  readonly config: PeerConfig;
  readonly driver: PeerDriver;
  /** The sending side of the Established session. */
  advertiser: Advertiser | undefined;
  record: PeerRecord;
}

/** Sending yields to timers and sockets after so much work. */
const TURN_MS = 10;
/** So many routes that cannot go to a peer are named in an event; the status has all. */
const HELD_NAMED = 10;
/** How long the last withdrawals may take to be handed over. */
const WITHDRAW_MS = 1000;

/** Speaks BGP with its peers. */
export class Speaker {
  readonly #options: SpeakerOptions;
  readonly #neighbours: readonly Neighbour[];
  readonly #listeners: Listener[] = [];
  readonly #desired = new DesiredRoutes();
  /** Neighbours that may have something to be sent, in the order of their turns. */
  readonly #due = new Set<Neighbour>();
  /** Ends this turn of the event loop. */
  #turn: Disposable | undefined;
  #turnMs = 0;
  /** Called when every neighbour is settled. */
  readonly #onSettled = new Set<() => void>();
  #endOfRibReleased = false;
  #stopped = false;

  constructor(options: SpeakerOptions) {
    this.#options = options;
    this.#neighbours = options.peers.map((config) => this.#neighbour(config));
  }

  /**
   * Listens and starts the peers.
   * @throws {Error} where it cannot listen, with the cause and the cure
   */
  start(): void {
    this.#listen();
    for (const { driver } of this.#neighbours) driver.start();
  }

  /** Sets the whole of what should be announced. */
  announce(routes: readonly Route[]): void {
    if (this.#stopped) return;
    const changes = this.#desired.replace(routes);
    if (changes.withdrawn.length + changes.changed.length === 0) return;
    for (const { advertiser } of this.#neighbours) advertiser?.touch(changes);
    this.#flush(...this.#neighbours);
  }

  /** Lets End-of-RIB go out: every route that there will be is in place (RFC 4724 section 4.1). */
  releaseEndOfRib(): void {
    if (this.#endOfRibReleased) return;
    this.#endOfRibReleased = true;
    this.#flush(...this.#neighbours);
  }

  /** Every peer, in the order of the configuration. */
  status(): readonly PeerStatus[] {
    const { clock } = this.#options;
    const wallTimeOf = (ms: number) => new Date(clock.wallTime().getTime() + ms - clock.now());
    return this.#neighbours.map(({ config, driver, advertiser, record }) =>
      peerStatus(config, { state: driver.state, counters: driver.counters, advertiser, record, wallTimeOf })
    );
  }

  /** Resolves when the sockets of all Established peers have taken all that these should be told, or after `limitMs`. */
  async settled(limitMs: number): Promise<void> {
    if (this.#neighbours.every(isSettled)) return;
    const { clock } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onSettled.add(resolve);
    using _limit = clock.at(clock.now() + limitMs, resolve);
    await promise;
    this.#onSettled.delete(resolve);
  }

  /** Ends all sessions; resolves when that is done, or after a few seconds. Never throws. */
  async stop(options: StopOptions): Promise<void> {
    this.#endListeners();
    if (options.mode === "shutdown") {
      this.announce([]);
      this.#stopped = true;
      await this.settled(WITHDRAW_MS);
    }
    this.#stopped = true;
    await Promise.all(
      this.#neighbours.map(({ driver }) =>
        options.mode === "shutdown" ? driver.stop(options.communication) : driver.close(undefined, "handover")
      ),
    );
  }

  /** Drops everything in this turn, without a word. */
  abort(): void {
    this.#stopped = true;
    this.#turn?.[Symbol.dispose]();
    this.#endListeners();
    for (const { driver } of this.#neighbours) driver.abort();
  }

  #neighbour(config: PeerConfig): Neighbour {
    const { local, transport, clock, random, restarting } = this.#options;
    const restartMs = (config.gracefulRestart?.restartTimeSeconds ?? 0) * 1000;
    const driver = new PeerDriver({
      peer: config,
      session: sessionConfig(local, config),
      restart: {
        restartingUntilMs: restarting ? clock.now() + restartMs : -Infinity,
        forwarding: restarting,
      },
      transport,
      clock,
      random,
      events: {
        transition: (from, to, cause) => this.#onTransition(neighbour, from, to, cause),
        ended: (from, cause, noted) => this.#onEnded(neighbour, { from, cause, noted }),
        established: (negotiated, end) => this.#onEstablished(neighbour, negotiated, end),
        refresh: (message) => {
          neighbour.advertiser?.refresh(message);
          this.#flush(neighbour);
        },
        writable: () => this.#flush(neighbour),
        notification: (direction, message) => this.#onNotification(neighbour, direction, message),
      },
    });
    const neighbour: Neighbour = {
      config,
      driver,
      advertiser: undefined,
      record: {
        since: clock.wallTime(),
        lastError: undefined,
        lastNoted: undefined,
        lastNotificationReceived: undefined,
        lastNotificationSent: undefined,
        local: undefined,
        flaps: 0,
      },
    };
    return neighbour;
  }

  #listen(): void {
    const { local, transport, peers, onEvent } = this.#options;
    if (local.listenPort < 0) return;
    // A wildcard IPv6 listener may take IPv4, too, so it comes first.
    const addresses = [...local.listenAddresses].sort((a, b) => b.family - a.family);
    for (const address of addresses) {
      const options = { address, port: local.listenPort, peers };
      try {
        this.#listeners.push(transport.listen(options, (connection) => this.#accept(connection)));
      } catch (error) {
        const fault = listenFault(error, address, local.listenPort);
        if (fault.familyMissing && addresses.some((other) => other.family !== address.family)) {
          onEvent({
            type: "listen-failed",
            address: address.text,
            port: local.listenPort,
            cause: fault.message,
          });
          continue;
        }
        this.#endListeners();
        throw new Error(fault.message, { cause: error });
      }
    }
  }

  #endListeners(): void {
    for (const listener of this.#listeners.splice(0)) listener[Symbol.dispose]();
  }

  #accept(connection: Connection): void {
    const { address, zone, port } = connection.remote;
    const neighbour = this.#neighbours.find(({ config }) =>
      config.address.text === address.text && (config.zone === undefined || config.zone === zone)
    );
    if (neighbour !== undefined) return neighbour.driver.accept(connection);
    connection[Symbol.dispose]();
    this.#options.onEvent({ type: "connection-refused", address: address.text, port });
  }

  /** Brings neighbours to the desired routes, as far as this turn goes. */
  #flush(...neighbours: readonly Neighbour[]): void {
    for (const neighbour of neighbours) this.#due.add(neighbour);
    const { clock } = this.#options;
    let now = clock.now();
    for (const neighbour of this.#due) {
      if (this.#turnMs >= TURN_MS) break;
      this.#due.delete(neighbour);
      this.#send(neighbour);
      const before = now;
      now = clock.now();
      this.#turnMs += now - before;
    }
    this.#turn ??= clock.at(now, () => {
      this.#turn = undefined;
      this.#turnMs = 0;
      if (this.#due.size > 0) this.#flush();
    });
  }

  /** Sends a neighbour what the next batch takes, where its socket is free; else that happens when it is. */
  #send(neighbour: Neighbour): void {
    const { driver, advertiser, config } = neighbour;
    if (advertiser === undefined || !driver.ready) return;
    const { onEvent, clock } = this.#options;
    const batch = advertiser.next(this.#endOfRibReleased);
    driver.sendUpdates(batch.messages, batch.refreshMarkers);
    const { announced, withdrawn } = batch;
    const peer = config.name;
    if (announced + withdrawn > 0) {
      onEvent({ type: "updates-sent", peer, announced, withdrawn, at: clock.now() });
    }
    if (batch.endOfRib) onEvent({ type: "end-of-rib-sent", peer });
    if (batch.heldChanged) {
      const first = [...advertiser.held.values().take(HELD_NAMED)];
      const held = first.map(({ prefix, reason }) => ({ prefix: prefix.text, reason }));
      onEvent({ type: "routes-held", peer, count: advertiser.held.size, held });
    }
    // Nothing will be taken where nothing was handed over, so nobody would come back for the rest.
    if (driver.ready && advertiser.more) this.#due.add(neighbour);
    this.#noteSettled();
  }

  #noteSettled(): void {
    if (this.#onSettled.size === 0 || !this.#neighbours.every(isSettled)) return;
    for (const resolve of this.#onSettled) resolve();
  }

  #onTransition(neighbour: Neighbour, from: SessionStateName, to: SessionStateName, cause: string): void {
    const { record, config } = neighbour;
    const lost = from === "Established";
    if (lost) {
      neighbour.advertiser = undefined;
      this.#noteSettled();
    }
    neighbour.record = {
      ...record,
      since: this.#options.clock.wallTime(),
      flaps: lost && !this.#stopped ? record.flaps + 1 : record.flaps,
      local: lost ? undefined : record.local,
    };
    this.#options.onEvent({ type: "peer-state", peer: config.name, from, to, cause });
  }

  /** A router that has said why often closes or refuses further connections without a word: the reason stays in view. */
  #onEnded(
    neighbour: Neighbour,
    { from, cause, noted }: {
      readonly from: SessionStateName;
      readonly cause: string;
      readonly noted: boolean;
    },
  ): void {
    const at = this.#options.clock.wallTime();
    const lastNoted = noted ? cause : neighbour.record.lastNoted;
    const text = noted || lastNoted === undefined ? cause : `${cause}; before that, ${lastNoted}`;
    neighbour.record = { ...neighbour.record, lastError: { at, text }, lastNoted };
    this.#options.onEvent({ type: "session-ended", peer: neighbour.config.name, from, cause });
  }

  #onEstablished(neighbour: Neighbour, negotiated: Negotiated, end: Endpoint): void {
    const { local, interfaces } = this.#options;
    const { config } = neighbour;
    neighbour.record = { ...neighbour.record, local: end, lastNoted: undefined };
    neighbour.advertiser = new Advertiser(this.#desired, {
      codec: negotiated,
      peerName: config.name,
      localAs: local.as,
      routerID: local.routerID,
      address6: local.address6,
      nextHop: config.nextHop,
      nextHop6: config.nextHop6,
      localAddress: end.address,
      linkLocal: linkLocalBeside(interfaces?.() ?? [], end.address, config.address),
    }, negotiated);
    this.#flush(neighbour);
  }

  #onNotification(neighbour: Neighbour, direction: "received" | "sent", message: NotificationMessage): void {
    const note = notificationRecord(this.#options.clock.wallTime(), message);
    const { code, subcode, text } = note;
    neighbour.record = direction === "received"
      ? { ...neighbour.record, lastNotificationReceived: note }
      : { ...neighbour.record, lastNotificationSent: note };
    const type = direction === "received" ? "notification-received" : "notification-sent";
    this.#options.onEvent({ type, peer: neighbour.config.name, code, subcode, text });
  }
}

/** Has the socket taken all that this neighbour should be told? */
function isSettled({ advertiser, driver }: Neighbour): boolean {
  return advertiser === undefined || (driver.ready && !advertiser.more);
}
