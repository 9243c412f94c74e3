/** A peer as the speaker keeps it: its driver, the sending side of its session, and the record of what happened to it. */
import type { LocalBgp, PeerConfig } from "../config/config.ts";
import type { Neighbour } from "../net/neighbours.ts";
import { MutableCounters } from "./counters.ts";
import { PeerDriver } from "./driver.ts";
import { droppedSince } from "./drop_samples.ts";
import { advertiseContext, comesFromService, type EstablishedSession } from "./established_session.ts";
import {
  afterEnd,
  afterEstablished,
  afterFailure,
  afterNotification,
  afterTransition,
  inheritedRecord,
  newRecord,
  type PeerRecord,
} from "./peer_record.ts";
import { failingAttempt, type PeerStatus, peerStatus } from "./peer_status.ts";
import type { PeerPorts } from "./peer_ports.ts";
import { sentEvents } from "./sent_events.ts";
import { ProgressWatch } from "./progress.ts";
import type { AdvertiseContext } from "./routes/adj_rib_out.ts";
import { Advertiser } from "./routes/advertiser.ts";
import { type Negotiated, sessionConfig } from "./session/negotiate.ts";
import { leadingSession } from "./session/peer.ts";
import type { NotificationWay } from "./session/peer_state.ts";
import { SessionSource } from "./session_source.ts";
import { isUnconnected, type Restart, type SessionStateName } from "./session/session_state.ts";
import type { BfdPath } from "./speaker_event.ts";
import type { Endpoint } from "./transport/transport.ts";
import { isLocated, located } from "./unnumbered.ts";
import { CeaseSubcode } from "./wire/constants.ts";
import { blamesNextHop, cease, describeNotification, type NotificationMessage } from "./wire/notification.ts";

/** What a peer that takes the place of another one goes on with. */
export type Heritage = Pick<Peer, "counters" | "record" | "restart" | "keptUntilMs" | "pathIsUp">;

/** One peer. */
export class Peer {
  readonly driver: PeerDriver;
  readonly counters: MutableCounters;
  readonly #ports: PeerPorts;
  #local: LocalBgp;
  #config: PeerConfig;
  #record: PeerRecord;
  /** The sending side of the Established session. */
  #advertiser: Advertiser | undefined;
  #session: EstablishedSession | undefined;
  readonly #source: SessionSource;
  /** How far the Established session has got. */
  #progress = new ProgressWatch();
  /** What BFD says, where it is on. */
  #pathIsUp: boolean;
  #started = false;
  /** A session that is lost from now on is no flap: we end it. */
  #ending = false;
  /** Until then it may have routes of the session before. */
  #keptUntilMs: number;

  constructor(
    local: LocalBgp,
    config: PeerConfig,
    ports: PeerPorts,
    { restart, counters = new MutableCounters(), record, keptUntilMs = -Infinity, pathIsUp = false }:
      & Partial<Heritage>
      & Pick<Heritage, "restart">,
  ) {
    this.#local = local;
    this.#config = config;
    this.#ports = ports;
    this.counters = counters;
    this.#keptUntilMs = keptUntilMs;
    this.#pathIsUp = pathIsUp;
    this.#source = new SessionSource(() => ports.own());
    const sinceMs = ports.clock.now();
    this.#record = record === undefined ? newRecord(sinceMs) : inheritedRecord(record, sinceMs);
    const { transport, clock, random, rejections } = ports;
    this.driver = new PeerDriver({
      peer: config,
      session: sessionConfig(local, config),
      restart,
      transport,
      clock,
      random,
      rejections,
      counters,
      refuseSource: (address) => this.#source.refuse(address, this.#config),
      events: {
        transition: (from, to, cause) => this.#onTransition(from, to, cause),
        ended: (from, cause, noted) => this.#onEnded(from, cause, noted),
        failed: (attempt) => this.#record = afterFailure(this.#record, attempt),
        established: (negotiated, end, remote) => this.#onEstablished(negotiated, end, remote),
        refresh: (message) => {
          this.#advertiser?.refresh(message);
          ports.due(this);
        },
        writable: () => ports.due(this),
        keepingAlive: () => this.#look(),
        notification: (direction, message) => this.#onNotification(direction, message),
        rejected: (remote) => ports.rejected(remote, this.#heldBack),
        fault: ({ message: cause }) => ports.tell({ type: "peer-fault", peer: this.name, cause }),
      },
    });
  }

  /** Names the peer for as long as it is configured. */
  get name(): string {
    return this.#config.name;
  }

  /** What it is configured with now. */
  get configured(): { readonly local: LocalBgp; readonly peer: PeerConfig } {
    return { local: this.#local, peer: this.#config };
  }

  /** What happened to it. */
  get record(): PeerRecord {
    return this.#record;
  }

  /** Whether BFD says that the peer is there. */
  get pathIsUp(): boolean {
    return this.#pathIsUp;
  }

  /** What the next OPEN says of graceful restart. */
  get restart(): Restart {
    return this.driver.state.primary.fsm.restart;
  }

  /**
   * Until then the peer keeps the routes of this session where we end it now and begin anew, and hears of what is withdrawn
   * by End-of-RIB (RFC 4724; over a NOTIFICATION where both sides have said so, RFC 8538); -Infinity: it keeps none.
   */
  get keptUntilMs(): number {
    const { offered = false, notification = false } = this.#session?.negotiated.gracefulRestart ?? {};
    const { restartTimeSeconds = 0 } = this.#config.gracefulRestart ?? {};
    if (!offered || !notification) return this.#keptUntilMs;
    return this.#ports.clock.now() + restartTimeSeconds * 1000;
  }

  /** What was agreed on, where a session is Established: also in the turn in which that is told. */
  get negotiated(): Negotiated | undefined {
    const { name, negotiated } = leadingSession(this.driver.state).fsm;
    return name === "Established" ? negotiated : undefined;
  }

  /** Has the socket taken all that this peer should be told? */
  get flushed(): boolean {
    if (this.#ports.clock.now() < this.#keptUntilMs) return false;
    return this.#advertiser === undefined || (this.driver.ready && !this.#advertiser.more);
  }

  /** What people and tools see of it now, made in steps. */
  status(): Generator<void, PeerStatus> {
    return peerStatus(
      this.#config,
      {
        driver: this.driver,
        advertiser: this.#advertiser,
        record: { ...this.#record, stuck: this.#stuckNow() },
        heldBack: this.#heldBack,
        dropped: droppedSince(this.#record.waiting, this.#ports.drops()),
        neighbour: this.#neighbour?.words,
      },
      this.#ports.clock,
    );
  }

  /** Goes on with whoever is the neighbour on its link now; `admit` lets it in. Only where there is no session. */
  relocate(admit: () => void): void {
    const { zone = "", address: before } = this.#config;
    const config = located(this.#config, this.#ports.neighbours);
    const { address } = config;
    if (this.#session !== undefined || address.text === before.text) return;
    const { words } = this.#ports.neighbours.on(zone);
    this.#config = config;
    this.#pathIsUp = false;
    void this.driver.close(undefined, words);
    this.driver.configure(config, sessionConfig(this.#local, config));
    admit();
    if (!isLocated(config)) return;
    this.#ports.tell({ type: "peer-discovered", peer: this.name, address: address.text, cause: words });
    if (this.#started && this.#heldBack === undefined) this.driver.start();
  }

  /** The routes to these prefixes are not what they were. */
  touch(changes: Parameters<Advertiser["touch"]>[0]): void {
    this.#advertiser?.touch(changes);
  }

  /** Goes on with a configuration that costs no session; `advertise`: routes may go otherwise by it, and are looked at. */
  configure(local: LocalBgp, config: PeerConfig, advertise: boolean): void {
    const wasHeldBack = this.#heldBack !== undefined;
    this.#local = local;
    this.#config = config;
    this.driver.configure(config, sessionConfig(local, config));
    if (this.#started && wasHeldBack && this.#heldBack === undefined) this.start();
    this.#holdBack();
    if (advertise && this.#session !== undefined) this.#readvertise(this.#session, true);
  }

  /** This host's addresses, or those of services, are others. */
  followAddresses(): void {
    const session = this.#session;
    if (session !== undefined) {
      if (!this.#leavesSource(session)) this.#readvertise(session, false);
    } else if (this.#source.mayBeBack(this.#config)) {
      this.driver.hurry("this host's addresses have changed");
    }
  }

  /** Sends what the next batch takes, where the socket is free; true where there is more and the socket is free still. */
  sendNext(endOfRibReleased: boolean): boolean {
    const { driver } = this;
    const { tell, clock } = this.#ports;
    const advertiser = this.#advertiser;
    if (advertiser === undefined || !driver.ready) return false;
    try {
      const batch = advertiser.next(endOfRibReleased);
      driver.sendUpdates(batch.messages, batch.refreshMarkers);
      this.#look();
      if (batch.endOfRib) this.#keptUntilMs = -Infinity;
      for (const event of sentEvents(this.name, batch, advertiser.held, clock.now())) tell(event);
    } catch (error) {
      // What the peer was sent is not known any more: only a new session brings it to what is desired.
      driver.fail(error);
      return false;
    }
    // Nothing will be taken where nothing was handed over, so nobody would come back for the rest.
    return driver.ready && advertiser.more;
  }

  /** Ends the sessions for good; resolves when the last words are handed over, or after a bound. */
  async end(how: (driver: PeerDriver) => Promise<void>): Promise<void> {
    this.#ending = true;
    await how(this.driver);
  }

  /** Begins to connect, or to wait for the peer, where nothing holds that back. */
  start(): void {
    this.#started = true;
    if (this.#heldBack === undefined) this.driver.start();
  }

  /** Ends the session with `notification` and starts anew; `flap`: it counts as lost. */
  reset(notification: NotificationMessage, cause: string, flap: boolean): void {
    if (!isLocated(this.#config)) return;
    this.#ending = !flap;
    if (!flap) this.#keptUntilMs = this.keptUntilMs;
    if (this.#heldBack === undefined) this.driver.reset(notification, cause);
    else this.driver.close(notification, cause);
    this.#ending = false;
  }

  /** BFD knows more of the path: what is lost ends the session (RFC 9384), what is there again is tried at once. */
  followPath(path: BfdPath, cause: string): void {
    const wasHeldBack = this.#heldBack !== undefined;
    const wasUp = this.#pathIsUp;
    this.#pathIsUp = path === "up";
    switch (path) {
      case "up":
        if (wasUp || !this.#started || this.#heldBack !== undefined) return;
        return wasHeldBack ? this.driver.start() : this.driver.hurry("BFD is up");
      case "lost":
        if (isUnconnected(leadingSession(this.driver.state).fsm.name)) return this.#holdBack();
        return this.reset(cease(CeaseSubcode.BFD_DOWN), `BFD is down: ${cause}`, true);
      case "unknown":
        return this.#holdBack();
      default:
        return path satisfies never;
    }
  }

  /** Ends what would become a session, where none is begun. */
  #holdBack(): void {
    const cause = this.#heldBack;
    if (cause === undefined || this.#session !== undefined || !this.driver.state.running) return;
    void this.driver.close(cease(CeaseSubcode.CONNECTION_REJECTED), cause);
  }

  /** Why no session is begun; one that is Established stays. */
  get #heldBack(): string | undefined {
    if (!isLocated(this.#config)) return this.#neighbour?.words;
    if (this.#config.bfd?.strict !== true || this.#pathIsUp) return undefined;
    return "waits for BFD to be up (bfd.strict)";
  }

  /** Of a peer that is known by its interface alone. */
  get #neighbour(): Neighbour | undefined {
    const { automatic, zone } = this.#config;
    return automatic && zone !== undefined ? this.#ports.neighbours.on(zone) : undefined;
  }

  /** Whoever is spoken with stays the neighbour. */
  #keepNeighbour(inUse: boolean): void {
    const { automatic, zone } = this.#config;
    if (automatic && zone !== undefined) this.#ports.neighbours.keep(zone, inUse);
  }

  /** Goes through the routes once more where next hops are others, or where something else about them may be. */
  #readvertise(session: EstablishedSession, always: boolean): void {
    try {
      this.#advertiser?.update(this.#advertiseContext(session), always);
    } catch (error) {
      this.driver.fail(error);
    }
  }

  /** Ends a session whose source is a service's address, or has become one; true where it did. */
  #leavesSource(session: EstablishedSession): boolean {
    if (!comesFromService(session, this.#ports.own())) return false;
    const cause = `its source, ${session.end.address.text}, is a service address now`;
    this.reset(cease(CeaseSubcode.OTHER_CONFIGURATION_CHANGE), cause, false);
    return true;
  }

  #advertiseContext(session: EstablishedSession): AdvertiseContext {
    return advertiseContext(session, {
      local: this.#local,
      peer: this.#config,
      own: this.#ports.own(),
      besideGlobal: this.#record.linkLocalRefused === undefined,
    });
  }

  /** Why the peer does not get on, as of now: a session without KEEPALIVEs has no beat to look at it by. */
  #stuckNow(): string | undefined {
    const { holdTimeSeconds = 0 } = this.#session?.negotiated ?? {};
    const at = { nowMs: this.#ports.clock.now(), holdTimeMs: holdTimeSeconds * 1000 };
    return this.#progress.look(this.driver.transmission(), at);
  }

  /** Looks at whether the peer acknowledges what it is sent, and tells where that changes. */
  #look(): void {
    const stuck = this.#stuckNow();
    const isNews = (stuck === undefined) !== (this.#record.stuck === undefined);
    this.#record = { ...this.#record, stuck };
    if (!isNews) return;
    const cause = stuck ?? "what it is sent is acknowledged again";
    this.#ports.tell({ type: "peer-stuck", peer: this.name, stuck: stuck !== undefined, cause });
  }

  #onTransition(from: SessionStateName, to: SessionStateName, cause: string): void {
    const [lost, atMs] = [from === "Established", this.#ports.clock.now()];
    const waiting = to === "Active" && this.#config.passive ? this.#ports.drops() : undefined;
    this.#record = afterTransition(this.#record, { lost, flap: lost && !this.#ending, atMs, waiting });
    if (lost) {
      this.#progress = new ProgressWatch();
      this.#advertiser = undefined;
      this.#session = undefined;
      this.#keepNeighbour(false);
      this.#ports.lost();
    }
    this.#ports.tell({ type: "peer-state", peer: this.name, from, to, cause });
    if (lost) this.#holdBack();
  }

  #onEnded(from: SessionStateName, ended: string, noted: NotificationWay | undefined): void {
    const { stuck } = this.#record;
    const attempt = failingAttempt(this.#config, this.#local.as, this.#record);
    const cause = stuck === undefined || from !== "Established" ? ended : `${ended}; ${stuck}`;
    this.#source.ended(this.#config);
    this.#record = afterEnd(this.#record, { from, cause, noted, atMs: this.#ports.clock.now() });
    this.#ports.tell({ type: "session-ended", peer: this.name, from, cause, attempt });
  }

  #onEstablished(negotiated: Negotiated, end: Endpoint, remote: Endpoint): void {
    const isOutgoing = leadingSession(this.driver.state).origin === "outgoing";
    const session = { negotiated, end, remote, isOutgoing };
    this.#keepNeighbour(true);
    this.#session = session;
    this.#source.found();
    this.#record = afterEstablished(this.#record, end);
    // It was another address when the connection was made.
    if (this.#leavesSource(session)) return;
    this.#advertiser = new Advertiser(this.#ports.desired, this.#advertiseContext(session), negotiated);
    this.#ports.due(this);
    this.#ports.established(this.name, end.address);
  }

  /** A peer that takes no 32-octet next hop (RFC 2545 section 3) says so by ending the session, again and again. */
  #noteRefusedLinkLocal(message: NotificationMessage): void {
    const pairs = this.#advertiser?.routes.values().some(({ nextHops }) => nextHops.length > 1) ?? false;
    if (!pairs || !blamesNextHop(message)) return;
    const cause = `NOTIFICATION ${message.code}/${message.subcode} ${describeNotification(message)} ` +
      "after a next hop of 32 octets: no link-local address goes beside a global one any more";
    this.#record = { ...this.#record, linkLocalRefused: { atMs: this.#ports.clock.now(), text: cause } };
    this.#ports.tell({ type: "next-hop-shortened", peer: this.name, cause });
  }

  #onNotification(direction: "received" | "sent", message: NotificationMessage): void {
    if (direction === "received") this.#noteRefusedLinkLocal(message);
    this.#record = afterNotification(this.#record, direction, { atMs: this.#ports.clock.now(), message });
    const { code, subcode } = message;
    const type = direction === "received" ? "notification-received" : "notification-sent";
    this.#ports.tell({ type, peer: this.name, code, subcode, text: describeNotification(message) });
  }
}
