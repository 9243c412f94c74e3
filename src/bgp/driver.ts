/**
 * The driver of a neighbour: reads bytes, frames and decodes them, steps the machine, performs its actions, and arms
 * one timer for the earliest deadline. It decides nothing of the protocol. Whatever a peer sends that is wrong arrives
 * here as a NotificationError, is caught in one place and becomes an event.
 */
import type { PeerConfig } from "../config/config.ts";
import type { Clock, Random } from "../time/clock.ts";
import { type Counters, MutableCounters } from "./counters.ts";
import { Link } from "./transport/link.ts";
import type { Negotiated, SessionConfig } from "./session/negotiate.ts";
import { leadingTrack, newPeer, nextPeerDeadline, stepPeer } from "./session/peer.ts";
import type { PeerAction, PeerEvent, PeerState } from "./session/peer_state.ts";
import { CLOSED, eventOf, eventOfError, lossOf, wordsOf } from "./session/session_events.ts";
import type { SessionEvent, SessionStateName } from "./session/session_state.ts";
import type { Connection, Endpoint, Transport } from "./transport/transport.ts";
import { INITIAL_CONTEXT } from "./wire/codec_context.ts";
import { decodeMessage, encodeMessage, type Message } from "./wire/message.ts";
import type { RouteRefreshMessage } from "./wire/message.ts";
import type { NotificationMessage } from "./wire/notification.ts";

/** What a driver tells. */
export interface DriverEvents {
  transition(from: SessionStateName, to: SessionStateName, cause: string): void;
  /** A session or an attempt ended, while perhaps another goes on; `noted`: a NOTIFICATION says why. */
  ended(from: SessionStateName, cause: string, noted: boolean): void;
  established(negotiated: Negotiated, local: Endpoint): void;
  refresh(message: RouteRefreshMessage): void;
  /** The socket has taken the last UPDATEs. */
  writable(): void;
  notification(direction: "received" | "sent", message: NotificationMessage): void;
}

/** What a driver is made of. */
export interface DriverOptions {
  readonly peer: PeerConfig;
  readonly session: SessionConfig;
  readonly restart: { readonly restartingUntilMs: number; readonly forwarding: boolean };
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: DriverEvents;
}

/** Reading yields to timers and other peers after so much work. */
const TURN_MS = 10;
/** Timers that come this much too late mean that the process stood still: what has arrived meanwhile goes first. */
const STALL_MS = 100;
const STALL_GRACE_MS = 20;
/** Rejections that may be under way; further connections are closed without a word. */
const MAX_REJECTIONS = 4;
/** About how many octets of UPDATEs go to the socket at once. */
const WRITE_LENGTH = 65536;

/** Drives one neighbour. */
export class PeerDriver {
  readonly #options: DriverOptions;
  readonly #links = new Map<number, Link>();
  readonly #counters = new MutableCounters();
  readonly #queue: PeerEvent[] = [];
  /** Connections of the peer's that the machine has not been told of yet. */
  readonly #accepted: Connection[] = [];
  #state: PeerState;
  #stepping = false;
  #timer: { readonly atMs: number; readonly armed: Disposable; readonly grace: boolean } | undefined;
  #rejections = 0;
  #busyMs = 0;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#state = newPeer(options.session, options.restart);
  }

  /** The machine's state. */
  get state(): PeerState {
    return this.#state;
  }

  /** A copy of the counters. */
  get counters(): Counters {
    return this.#counters.snapshot();
  }

  /** May UPDATEs be handed over now? The session is Established and the socket has taken the last ones. */
  get ready(): boolean {
    const link = this.#establishedLink();
    return link !== undefined && !link.updating;
  }

  /** Begins to connect, or to wait for the peer. */
  start(): void {
    this.#step({ type: "Start" });
  }

  /** Takes a connection that the peer made. */
  accept(connection: Connection): void {
    this.#accepted.push(connection);
    this.#step({ type: "Accepted" });
  }

  /** Hands UPDATEs, and ROUTE-REFRESH markers among them, to the socket in this turn; only where `ready`. */
  sendUpdates(messages: readonly Uint8Array[], refreshMarkers: number): void {
    const link = this.#establishedLink();
    if (link === undefined || messages.length === 0) return;
    this.#counters.sent.UPDATE += messages.length - refreshMarkers;
    this.#counters.sent["ROUTE-REFRESH"] += refreshMarkers;
    this.#sendUpdates(link, messages);
  }

  /** Ends the sessions with Administrative Shutdown; resolves when that is handed over, or after a bound. */
  async stop(communication: string): Promise<void> {
    await this.#end({ type: "Stop", communication });
  }

  /** Ends the sessions with `notification`, or without a word. */
  async close(notification: NotificationMessage | undefined, cause: string): Promise<void> {
    await this.#end({ type: "Close", notification, cause });
  }

  /** Drops everything in this turn. */
  abort(): void {
    this.#step({ type: "Close", notification: undefined, cause: "aborted" });
  }

  async #end(event: PeerEvent): Promise<void> {
    const links = [...this.#links.values()];
    this.#step(event);
    await Promise.all(links.map((link) => link.flushed(this.#options.clock)));
  }

  /** Events that come up while one is handled wait for their turn. */
  #step(event: PeerEvent): void {
    this.#queue.push(event);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        const { state, actions } = stepPeer(this.#state, next, {
          now: this.#options.clock.now(),
          random: this.#options.random,
        });
        this.#state = state;
        for (const action of actions) this.#perform(action);
      }
    } finally {
      this.#stepping = false;
    }
    this.#arm();
  }

  #session(id: number, event: SessionEvent): void {
    this.#step({ type: "Session", link: id, event });
  }

  #perform(action: PeerAction): void {
    const { events } = this.#options;
    switch (action.type) {
      case "connect":
        return void this.#connect(action.link);
      case "adopt":
        return this.#adopt(action.link);
      case "reject":
        return void this.#reject(action.message);
      case "send":
        return void this.#send(action.link, action.message);
      case "drop":
        this.#links.get(action.link)?.close();
        return void this.#links.delete(action.link);
      case "refresh":
        return events.refresh(action.message);
      case "ended":
        return events.ended(action.from, action.cause, action.noted);
      case "established": {
        const connection = this.#links.get(action.link)?.connection;
        if (connection !== undefined) events.established(action.negotiated, connection.local);
        return;
      }
      case "transition":
        return events.transition(action.from, action.to, action.cause);
      default:
        return action satisfies never;
    }
  }

  async #connect(id: number): Promise<void> {
    const link = new Link(id);
    this.#links.set(id, link);
    try {
      const connection = await this.#options.transport.connect(this.#options.peer, link.abort.signal);
      if (!this.#has(link)) return connection[Symbol.dispose]();
      link.connection = connection;
    } catch (error) {
      return this.#session(id, { type: "TcpConnectionFails", cause: wordsOf(error) });
    }
    this.#session(id, { type: "Tcp_CR_Acked" });
    this.#read(link);
  }

  #adopt(id: number): void {
    const link = new Link(id);
    link.connection = this.#accepted.shift();
    this.#links.set(id, link);
    this.#read(link);
  }

  async #reject(message: NotificationMessage): Promise<void> {
    const connection = this.#accepted.shift();
    if (connection === undefined) return;
    if (this.#rejections >= MAX_REJECTIONS) return connection[Symbol.dispose]();
    this.#rejections++;
    const link = new Link(0);
    link.connection = connection;
    this.#count(message);
    link.write(encodeMessage(message, INITIAL_CONTEXT));
    await link.flushed(this.#options.clock);
    link.close();
    this.#rejections--;
  }

  async #send(id: number, message: Message): Promise<void> {
    const link = this.#links.get(id);
    // Where the socket takes nothing, one KEEPALIVE in waiting is enough.
    if (link === undefined || (message.type === "KEEPALIVE" && link.keepingAlive)) return;
    this.#count(message);
    if (message.type === "KEEPALIVE") link.keepingAlive = true;
    const taken = await link.write(encodeMessage(message, link.context));
    if (message.type === "KEEPALIVE") link.keepingAlive = false;
    if (taken && this.#has(link)) this.#session(id, { type: "MessageSent", update: false });
  }

  async #sendUpdates(link: Link, messages: readonly Uint8Array[]): Promise<void> {
    link.updating = true;
    for (const bytes of grouped(messages)) {
      const taken = await link.write(bytes);
      if (!taken || !this.#has(link)) return;
      this.#session(link.id, { type: "MessageSent", update: true });
    }
    link.updating = false;
    if (this.#establishedLink() === link) this.#options.events.writable();
  }

  #has(link: Link): boolean {
    return this.#links.get(link.id) === link;
  }

  #count(message: Message): void {
    this.#counters.sent[message.type]++;
    if (message.type === "NOTIFICATION") this.#options.events.notification("sent", message);
  }

  async #read(link: Link): Promise<void> {
    while (this.#has(link)) {
      let chunk: Uint8Array | undefined;
      try {
        chunk = await link.connection?.read();
      } catch (error) {
        return this.#session(link.id, { type: "TcpConnectionFails", cause: lossOf(error) });
      }
      if (chunk === undefined) {
        return this.#session(link.id, { type: "TcpConnectionFails", cause: CLOSED });
      }
      const before = this.#options.clock.now();
      this.#receive(link, chunk);
      await this.#breathe(before);
    }
  }

  #receive(link: Link, chunk: Uint8Array): void {
    link.inbox.push(chunk);
    let last: SessionEvent["type"] | undefined;
    while (this.#has(link)) {
      const event = this.#nextEvent(link);
      if (event === undefined) return;
      // One UPDATE tells the machine as much as all that came with it: the peer lives.
      if (event.type !== "UpdateMsg" || last !== "UpdateMsg") this.#session(link.id, event);
      last = event.type;
    }
  }

  /** The one place where the peer's faults are caught. */
  #nextEvent(link: Link): SessionEvent | undefined {
    try {
      const context = this.#contextOf(link);
      const bytes = link.inbox.next(context.maxReceiveLength);
      if (bytes === undefined) return undefined;
      const message = decodeMessage(bytes, context);
      this.#counters.receive(message);
      if (message.type === "NOTIFICATION") this.#options.events.notification("received", message);
      return eventOf(message);
    } catch (error) {
      return eventOfError(error);
    }
  }

  #contextOf(link: Link): Link["context"] {
    const { main, second } = this.#state;
    const track = main.link === link.id ? main : second;
    const negotiated = track?.link === link.id ? track.session.negotiated : undefined;
    if (negotiated !== undefined) link.context = negotiated;
    return link.context;
  }

  /** Lets timers and other peers have a turn once this one has used up its own. */
  async #breathe(before: number): Promise<void> {
    const { clock } = this.#options;
    const now = clock.now();
    this.#busyMs += now - before;
    if (this.#busyMs < TURN_MS) return;
    this.#busyMs = 0;
    await new Promise<void>((resolve) => clock.at(now, resolve));
  }

  #establishedLink(): Link | undefined {
    const { session, link } = leadingTrack(this.#state);
    return session.name === "Established" ? this.#links.get(link) : undefined;
  }

  /** A timer that is too early is left alone, as is the grace after a stall: it looks again when it fires. */
  #arm(): void {
    const atMs = nextPeerDeadline(this.#state);
    const timer = this.#timer;
    if (atMs !== undefined && timer !== undefined && (timer.grace || timer.atMs <= atMs)) return;
    timer?.armed[Symbol.dispose]();
    this.#timer = undefined;
    if (atMs !== undefined) this.#armAt(atMs, false);
  }

  #armAt(atMs: number, grace: boolean): void {
    const armed = this.#options.clock.at(atMs, () => {
      this.#timer = undefined;
      const now = this.#options.clock.now();
      if (now - atMs > STALL_MS && !grace) return this.#armAt(now + STALL_GRACE_MS, true);
      this.#step({ type: "Timers" });
    });
    this.#timer = { atMs, armed, grace };
  }
}

/** The messages in as few writes as is sensible; each that the socket takes shows that the peer reads. */
function* grouped(messages: readonly Uint8Array[]): Generator<Uint8Array> {
  for (let from = 0; from < messages.length;) {
    let to = from;
    let length = 0;
    do length += messages[to++]?.byteLength ?? 0; while (to < messages.length && length < WRITE_LENGTH);
    yield concat(messages.slice(from, to), length);
    from = to;
  }
}

function concat(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
