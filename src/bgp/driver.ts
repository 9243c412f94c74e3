/**
 * The driver of a peer: steps the machine with what the receiver reads, performs its actions, and arms one timer for the
 * earliest deadline. It decides nothing of the protocol. Whatever of ours throws is a state of the peer, costs at most its
 * session, and the timer is armed all the same.
 */
import type { PeerConfig } from "../config/config.ts";
import type { Transmission } from "../net/sockets.ts";
import { messageOf } from "../text/error_message.ts";
import type { Counters, MutableCounters } from "./counters.ts";
import type { DriverOptions, InternalFault } from "./driver_events.ts";
import { PatientTimer } from "./patient_timer.ts";
import { Receiver } from "./receiver.ts";
import type { SessionConfig } from "./session/negotiate.ts";
import { leadingSession, newPeer, nextPeerDeadline, sessionOf, stepPeer } from "./session/peer.ts";
import { type PeerAction, type PeerEvent, type PeerState, type PeerStep } from "./session/peer_state.ts";
import { internalFault } from "./session/session_events.ts";
import type { SessionEvent } from "./session/session_state.ts";
import { sameAoKeys } from "./transport/ao_keys.ts";
import type { FailedAttempt } from "./transport/failed_attempt.ts";
import { endSocket, Lingering } from "./transport/lingering.ts";
import { Link } from "./transport/link.ts";
import type { TcpSocket } from "./transport/transport.ts";
import { Transmitter } from "./transmitter.ts";
import { INITIAL_CONTEXT } from "./wire/codec_context.ts";
import { encodeMessage, type Message } from "./wire/message.ts";
import type { NotificationMessage } from "./wire/notification.ts";

/** Rejections of a peer that may be under way; further connections are closed without a word. */
const MAX_REJECTIONS = 4;
/** Connections of a peer's sessions that may be on their way out; further ones are closed at once. */
const MAX_LINGERING = 4;
/** An attempt to connect that was given up later than this had no answer. */
const UNANSWERED_MS = 500;

/** Drives one peer. */
export class PeerDriver {
  readonly #options: DriverOptions;
  readonly #links = new Map<number, Link>();
  readonly #counters: MutableCounters;
  readonly #queue: PeerEvent[] = [];
  /** Connections of the peer's that the machine has not been told of yet. */
  readonly #accepted: TcpSocket[] = [];
  readonly #lingering = new Lingering(MAX_LINGERING);
  readonly #rejections: Lingering;
  readonly #receiver: Receiver;
  readonly #transmitter: Transmitter;
  #peer: PeerConfig;
  #config: SessionConfig;
  #state: PeerState;
  #stepping = false;
  readonly #timer: PatientTimer;
  /** When the machine starts anew after a fault of its own. */
  #startAnewMs: number | undefined;
  #fault: InternalFault | undefined;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#counters = options.counters;
    this.#peer = options.peer;
    this.#config = options.session;
    this.#rejections = new Lingering(MAX_REJECTIONS, options.rejections);
    const ports = {
      clock: options.clock,
      counters: options.counters,
      isCurrent: (link: Link) => this.#isCurrent(link),
      event: (link: Link, event: SessionEvent) => this.#session(link.id, event),
      fault: (error: unknown) => this.noteFault(error),
    };
    this.#receiver = new Receiver({
      ...ports,
      negotiated: ({ id }) => sessionOf(this.#state, id)?.fsm.negotiated,
      notification: (message) => this.#tellNotification("received", message),
    });
    this.#transmitter = new Transmitter({
      ...ports,
      notification: (message) => this.#tellNotification("sent", message),
      updatesTaken: (link) => {
        if (this.#establishedLink() === link) options.events.writable();
      },
    });
    this.#timer = new PatientTimer(options.clock, () => this.#onTimer());
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

  /** The last thing of ours that threw. */
  get fault(): InternalFault | undefined {
    return this.#fault;
  }

  /** When the next attempt to connect is due, on the clock; undefined: none is. */
  get nextRetryMs(): number | undefined {
    const { idleHold, connectRetry } = this.#state.primary.fsm.deadlines;
    return this.#startAnewMs ?? idleHold ?? connectRetry;
  }

  /** May UPDATEs be handed over now? The session is Established and the socket has taken the last ones. */
  get ready(): boolean {
    const link = this.#establishedLink();
    return link !== undefined && !link.updating;
  }

  /** What became of what the Established session has sent; undefined: there is none, or that cannot be known. */
  transmission(): Transmission | undefined {
    try {
      return this.#establishedLink()?.socket?.transmission?.();
    } catch (error) {
      this.noteFault(error);
      return undefined;
    }
  }

  /** Begins to connect, or to wait for the peer. */
  start(): void {
    this.#step({ type: "Start" });
  }

  /** Takes over a connection that the peer made. */
  accept(socket: TcpSocket): void {
    this.#accepted.push(socket);
    this.#step({ type: "Accepted" });
  }

  /** Goes on with another configuration that no OPEN and no socket shows. */
  configure(peer: PeerConfig, session: SessionConfig): void {
    const { tcpAo } = this.#peer;
    this.#peer = peer;
    this.#config = session;
    for (const link of this.#links.values()) this.#rollOver(link, tcpAo);
    this.#step({ type: "Configure", config: session });
  }

  /** Hands UPDATEs, and ROUTE-REFRESH markers among them, to the socket in this turn; only where `ready`. */
  sendUpdates(messages: readonly Uint8Array[], refreshMarkers: number): void {
    const link = this.#establishedLink();
    if (link === undefined || messages.length === 0) return;
    this.#transmitter.sendUpdates(link, messages, refreshMarkers);
  }

  /** Ends the sessions with Administrative Shutdown; resolves when that is handed over, or after a bound. */
  async stop(communication: string): Promise<void> {
    await this.#end({ type: "Stop", communication });
  }

  /** Ends the sessions with `notification`, or without a word. */
  async close(notification: NotificationMessage | undefined, cause: string): Promise<void> {
    await this.#end({ type: "Close", notification, cause });
  }

  /** Ends the sessions with `notification` and starts anew. */
  reset(notification: NotificationMessage, cause: string): void {
    this.#step({ type: "Close", notification, cause });
    this.#step({ type: "Start" });
  }

  /** Tries again now, where no connection is up or on its way up. */
  hurry(cause: string): void {
    const { primary, secondary } = this.#state;
    const { name } = primary.fsm;
    const waits = name === "Idle" || name === "Connect" || (name === "Active" && !this.#peer.passive);
    if (!this.#state.running || !waits || secondary !== undefined) return;
    this.#step({ type: "Close", notification: undefined, cause });
    this.#step({ type: "Start" });
  }

  /** The Established session cannot go on, as something of ours threw. */
  fail(error: unknown): void {
    this.noteFault(error);
    const link = this.#establishedLink();
    if (link !== undefined) this.#session(link.id, internalFault(error));
  }

  /** Drops everything in this turn. */
  abort(): void {
    this.#startAnewMs = undefined;
    for (const link of this.#links.values()) link.drop();
    this.#step({ type: "Close", notification: undefined, cause: "aborted" });
  }

  async #end(event: PeerEvent): Promise<void> {
    this.#startAnewMs = undefined;
    const links = [...this.#links.values()];
    this.#step(event);
    await Promise.all(links.map((link) => link.flushed(this.#options.clock)));
  }

  /** Events that come up while one is handled wait for their turn. Never throws. */
  #step(event: PeerEvent): void {
    this.#queue.push(event);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#handle(next);
    } finally {
      this.#stepping = false;
      this.#arm();
    }
  }

  #handle(event: PeerEvent): void {
    let step: PeerStep;
    try {
      const { clock, random } = this.#options;
      step = stepPeer(this.#state, event, { now: clock.now(), random });
    } catch (error) {
      return this.#startAnew(error, event);
    }
    this.#state = step.state;
    for (const action of step.actions) {
      try {
        this.#perform(action);
      } catch (error) {
        this.noteFault(error);
        if ("link" in action) this.#session(action.link, internalFault(error));
      }
    }
  }

  /** The machine itself failed: all of it is dropped, and it starts anew after a while. */
  #startAnew(error: unknown, { type }: PeerEvent): void {
    this.noteFault(error);
    const running = type === "Start" || (this.#state.running && type !== "Stop" && type !== "Close");
    const from = leadingSession(this.#state).fsm.name;
    const { restart } = this.#state.primary.fsm;
    for (const link of this.#links.values()) link.drop();
    this.#links.clear();
    for (const socket of this.#accepted.splice(0)) socket[Symbol.dispose]();
    this.#queue.length = 0;
    this.#state = newPeer(this.#config, restart);
    if (running) this.#startAnewMs = this.#options.clock.now() + this.#config.connectRetryTimeMs;
    const cause = `internal error: ${messageOf(error)}`;
    if (from !== "Idle") this.#attempt(() => this.#options.events.transition(from, "Idle", cause));
  }

  /** Something of ours threw, and the session goes on. */
  noteFault(error: unknown): void {
    this.#fault = { atMs: this.#options.clock.now(), message: messageOf(error) };
    try {
      this.#options.events.fault(this.#fault);
    } catch {
      // It is in the state.
    }
  }

  /** Calls what may throw, and goes on. */
  #attempt(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.noteFault(error);
    }
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
        return this.#send(action.link, action.message);
      case "drop":
        this.#links.get(action.link)?.end(this.#lingering);
        return void this.#links.delete(action.link);
      case "refresh":
        return events.refresh(action.message);
      case "ended":
        return events.ended(action.from, action.cause, action.noted);
      case "established": {
        const socket = this.#links.get(action.link)?.socket;
        if (socket === undefined) return;
        if (action.negotiated.holdTimeSeconds === 0) socket.waitForReader?.();
        return events.established(action.negotiated, socket.local, socket.remote);
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
    const { transport, refuseSource } = this.#options;
    const { tcpAo } = this.#peer;
    const sinceMs = this.#options.clock.now();
    try {
      const socket = await transport.connect(
        this.#peer,
        this.#config.localAs,
        link.abort.signal,
        refuseSource,
        (attempt) => this.#noteFailed(attempt, sinceMs),
      );
      if (!this.#isCurrent(link)) return socket[Symbol.dispose]();
      const refusal = refuseSource(socket.local.address);
      if (refusal !== undefined) {
        socket[Symbol.dispose]();
        throw new Error(refusal);
      }
      link.socket = socket;
      this.#rollOver(link, tcpAo);
    } catch (error) {
      return this.#session(id, { type: "TcpConnectionFails", cause: messageOf(error) });
    }
    this.#session(id, { type: "Tcp_CR_Acked" });
    this.#receiver.read(link);
  }

  /** The keys of a link's socket, which are `old`, become those of the configuration; where that fails, no session goes on. */
  #rollOver(link: Link, old: PeerConfig["tcpAo"]): void {
    if (sameAoKeys(old, this.#peer.tcpAo)) return;
    try {
      link.socket?.rollOver?.(old, this.#peer.tcpAo);
    } catch (error) {
      this.noteFault(error);
      this.#session(link.id, internalFault(error));
    }
  }

  /** One that was given up early was not wanted any more, whatever the peer would have said. */
  #noteFailed(attempt: FailedAttempt, sinceMs: number): void {
    if (attempt.unanswered && this.#options.clock.now() - sinceMs < UNANSWERED_MS) return;
    this.#attempt(() => this.#options.events.failed(attempt));
  }

  #adopt(id: number): void {
    const link = new Link(id, this.#accepted.shift());
    this.#links.set(id, link);
    this.#receiver.read(link);
  }

  async #reject(message: NotificationMessage): Promise<void> {
    const socket = this.#accepted.shift();
    if (socket === undefined) return;
    this.#attempt(() => this.#options.events.rejected(socket.remote));
    if (!this.#rejections.free) return socket[Symbol.dispose]();
    using _place = this.#rejections.reserve();
    this.#counters.sent.NOTIFICATION++;
    const link = new Link(0, socket);
    link.write(encodeMessage(message, INITIAL_CONTEXT));
    await link.flushed(this.#options.clock);
    await endSocket(socket);
  }

  #send(id: number, message: Message): void {
    const link = this.#links.get(id);
    if (message.type === "KEEPALIVE") this.#attempt(() => this.#options.events.keepingAlive());
    if (link !== undefined) this.#transmitter.send(link, message);
  }

  #isCurrent(link: Link): boolean {
    return this.#links.get(link.id) === link;
  }

  #tellNotification(direction: "received" | "sent", message: NotificationMessage): void {
    this.#attempt(() => this.#options.events.notification(direction, message));
  }

  #establishedLink(): Link | undefined {
    const { fsm, link } = leadingSession(this.#state);
    return fsm.name === "Established" ? this.#links.get(link) : undefined;
  }

  /** By when it has to turn again (time/loop.ts). */
  get dueMs(): number {
    return Math.min(nextPeerDeadline(this.#state) ?? Infinity, this.#startAnewMs ?? Infinity);
  }

  #arm(): void {
    this.#timer.arm(this.dueMs);
  }

  #onTimer(): void {
    if (this.#startAnewMs === undefined || this.#startAnewMs > this.#options.clock.now()) {
      return this.#step({ type: "Timers" });
    }
    this.#startAnewMs = undefined;
    this.#step({ type: "Start" });
  }
}
