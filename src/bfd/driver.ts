/**
 * The driver of all BFD sessions: finds the session of what arrives (RFC 5880 section 6.8.6, RFC 5881 section 3), steps the
 * machines, sends, and arms one timer for the earliest deadline. It tells late ticks of its own from lost packets: a peer is
 * judged when what waits in the sockets has been read, and a machine is told for how long this process did nothing.
 */
import { addressOf } from "../net/address.ts";
import type { Datagram } from "../net/sockets.ts";
import { messageOf } from "../text/error_message.ts";
import type { Clock, Random } from "../time/clock.ts";
import { Deadlines } from "../time/deadlines.ts";
import type { BfdEvent, BfdPeer } from "./bfd_peer.ts";
import type { DropReason } from "./drops.ts";
import { type ControlPacket, decodePacket } from "./packet.ts";
import { type Flood, packetBuffer, Peer } from "./peer.ts";
import type { SenderPorts } from "./sender.ts";
import type { Receiver } from "./receiver.ts";
import { isFinished, nextDeadlineMs } from "./session.ts";
import type { Env, SessionAction, SessionEvent } from "./session_state.ts";

/** Packets that are read before others have their turn. */
const READ_AT_ONCE = 64;
/** Before a peer is given up: more than wait in the sockets of a process that was stopped. */
const READ_BEFORE_JUDGEMENT = 4096;
/** Every busy loop is as late as this. */
const USUAL_DELAY_MS = 10;
/** After a fault of ours a session waits for so long. */
const FAULT_PAUSE_MS = 1000;
const MAX_DISCRIMINATOR = 0xffff_ffff;

/** What a driver stands on. */
export interface DriverOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly senders: SenderPorts;
  /** All sockets that packets come in by. */
  receivers(): Iterable<Receiver>;
  /** Far more comes from this peer's address than it was asked to send. */
  onFlood(peer: Peer, flood: Flood): void;
  onEvent(event: BfdEvent): void;
}

/** Drives sessions. */
export class Driver {
  readonly #options: DriverOptions;
  readonly #octets = packetBuffer();
  /** Those that are configured, and those that only say goodbye, by discriminator. */
  readonly #peers = new Map<string, Peer>();
  /** The configured ones by the text of their address. */
  readonly #byAddress = new Map<string, readonly Peer[]>();
  readonly #leaving = new Set<Peer>();
  readonly #deadlines = new Deadlines();
  readonly #env: { now: number; readonly random: Random };
  #timer: Disposable | undefined;
  #armedMs = Infinity;
  /** When something was done last. */
  #lookedMs: number;
  #depth = 0;
  #events: BfdEvent[] = [];
  /** Sessions whose silence was given more time in this turn, and for how long this process had been held. */
  #extended = { count: 0, heldMs: 0 };
  #whenEmpty: (() => void)[] = [];

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#lookedMs = options.clock.now();
    this.#env = { now: this.#lookedMs, random: options.random };
  }

  /** Begins a session. */
  add(config: BfdPeer): Peer {
    const peer = new Peer(config, this.#takeDiscriminator(), this.#options.senders, this.#now());
    this.#peers.set(peer.id, peer);
    const { text } = config.address;
    this.#byAddress.set(text, [...this.#byAddress.get(text) ?? [], peer]);
    this.turn(() => this.#deadlines.set(peer.id, nextDeadlineMs(peer.state)));
    return peer;
  }

  /** The same session with another configuration. */
  configure(peer: Peer, config: BfdPeer): void {
    this.turn(() => this.#guard(peer, () => peer.configure(config, this.#now(), this.#octets)));
  }

  /** Ends a session: the peer is told so many times at most, and nothing is taken from it any more. */
  remove(peer: Peer, farewells: number): void {
    const { text } = peer.config.address;
    const others = (this.#byAddress.get(text) ?? []).filter((each) => each !== peer);
    if (others.length > 0) this.#byAddress.set(text, others);
    else this.#byAddress.delete(text);
    this.#leaving.add(peer);
    this.turn(() => this.#step(peer, { type: "admin-down", farewells }));
  }

  /** Resolves when no session is left. */
  async whenEmpty(): Promise<void> {
    if (this.#peers.size > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  /** By when it has to turn again (time/loop.ts). */
  get dueMs(): number {
    return this.#deadlines.nextMs;
  }

  /** Ends all sessions without a word. */
  abort(): void {
    for (const peer of [...this.#peers.values()]) this.#forget(peer);
    this.#byAddress.clear();
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#armedMs = Infinity;
  }

  /** Something can be read. */
  onReadable(receiver: Receiver): void {
    this.turn(() => this.#read(receiver, READ_AT_ONCE));
  }

  /** Does something, and afterwards what follows from it: the timer is armed, and what happened is told. */
  turn(work: () => void): void {
    this.#depth++;
    try {
      if (this.#depth === 1) this.#noteHold(this.#now().now);
      work();
    } finally {
      this.#depth--;
      if (this.#depth === 0) {
        this.#arm();
        this.#tell();
      }
    }
  }

  /** To be told when the turn ends. */
  report(event: BfdEvent): void {
    this.#events.push(event);
  }

  #now(): Env {
    this.#env.now = this.#options.clock.now();
    return this.#env;
  }

  /** The timer was due, or had been looked after, so long ago: in between nothing was done, by no will of ours. */
  #noteHold(now: number): void {
    const heldMs = now - Math.max(Math.min(this.#armedMs, now), this.#lookedMs);
    this.#lookedMs = now;
    if (heldMs <= USUAL_DELAY_MS) return;
    for (const peer of this.#peers.values()) peer.noteHeld(heldMs, now);
  }

  #onTimer(): void {
    this.#timer = undefined;
    const { now } = this.#now();
    const due = this.#deadlines.take(now).flatMap((id) => this.#peers.get(id) ?? []);
    if (due.some(({ state }) => state.detectAtMs <= now)) this.#readAll();
    for (const peer of due) this.#step(peer, { type: "time", heldMs: peer.heldMs });
  }

  /** What arrived before a judgement counts for it, however late it is read. */
  #readAll(): void {
    let left = READ_BEFORE_JUDGEMENT;
    for (const receiver of this.#options.receivers()) left -= this.#read(receiver, left);
  }

  #read(receiver: Receiver, most: number): number {
    const hadFault = receiver.fault !== undefined;
    const count = receiver.read(most, (datagram) => this.#onDatagram(receiver, datagram));
    if (!hadFault && receiver.fault !== undefined) {
      this.report({ type: "bfd-fault", peer: undefined, cause: receiver.fault, at: this.#env.now });
    }
    return count;
  }

  #onDatagram(receiver: Receiver, datagram: Datagram): void {
    const packet = decodePacket(datagram.octets);
    const known = typeof packet === "object" ? this.#peers.get(String(packet.yourDiscriminator)) : undefined;
    const found = known !== undefined && !this.#leaving.has(known)
      ? known
      : this.#fromAddress(receiver, datagram);
    const flood = found?.noteArrival(this.#env.now, known === found);
    if (found !== undefined && flood !== undefined) this.#options.onFlood(found, flood);
    const drop = typeof packet === "string" ? packet : dropReason(packet, datagram, receiver, known, found);
    if (drop !== undefined) return found === undefined ? receiver.drops.add(drop) : found.noteDrop(drop);
    if (found === undefined || typeof packet !== "object") return;
    if (datagram.to !== undefined) found.noteEnd(datagram.to);
    this.#step(found, { type: "packet", packet });
  }

  /** The session with whoever sent this, by address, and by interface where it is one of a link. */
  #fromAddress(receiver: Receiver, { from, interfaceIndex }: Datagram): Peer | undefined {
    if (from === undefined) return undefined;
    const peers = this.#byAddress.get(addressOf(from.address.bytes).text) ?? [];
    const near = peers.filter((peer) => peer.isFrom(from.scopeId));
    return near.find(({ place }) => place.key === receiver.place.key) ??
      near.find(({ place }) => receiver.hears(place, interfaceIndex)) ?? near[0];
  }

  #step(peer: Peer, event: SessionEvent): void {
    this.#guard(peer, () => peer.step(event, this.#now(), this.#octets));
  }

  /** What goes wrong with one session is told, and costs no other one anything. */
  #guard(peer: Peer, work: () => readonly SessionAction[]): void {
    const before = peer.fault;
    try {
      for (const action of work()) this.#note(peer, action);
      this.#deadlines.set(peer.id, nextDeadlineMs(peer.state));
    } catch (error) {
      this.#deadlines.set(peer.id, this.#env.now + FAULT_PAUSE_MS);
      this.#reportFault(peer, `a fault of its own: ${messageOf(error)}`);
    }
    if (peer.fault !== undefined && peer.fault !== before) this.#reportFault(peer, peer.fault);
    if (isFinished(peer.state)) this.#forget(peer);
  }

  #note(peer: Peer, action: SessionAction): void {
    if (action.type === "extended") {
      const { count, heldMs } = this.#extended;
      this.#extended = { count: count + 1, heldMs: Math.max(heldMs, action.heldMs) };
    }
    if (action.type !== "changed" || this.#leaving.has(peer)) return;
    const { state, config, cause } = peer;
    this.report({
      type: "bfd-state",
      peer: config.name,
      key: config.key,
      from: action.from,
      to: action.to,
      cause,
      diagnostic: state.localDiag,
      remoteAdminDown: state.remote.name === "AdminDown",
      at: this.#env.now,
    });
  }

  #reportFault(peer: Peer, cause: string): void {
    this.report({ type: "bfd-fault", peer: peer.config.name, cause, at: this.#env.now });
  }

  #forget(peer: Peer): void {
    this.#peers.delete(peer.id);
    this.#leaving.delete(peer);
    this.#deadlines.set(peer.id, Infinity);
    peer[Symbol.dispose]();
    if (this.#peers.size === 0) this.#whenEmpty.splice(0).forEach((resolve) => resolve());
  }

  #arm(): void {
    const nextMs = this.#deadlines.nextMs;
    // One that comes early does nothing and arms the next; most deadlines only ever move back.
    if (this.#timer !== undefined && this.#armedMs <= nextMs && nextMs < Infinity) return;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#armedMs = nextMs;
    if (nextMs === Infinity) return;
    this.#timer = this.#options.clock.at(nextMs, () => this.turn(() => this.#onTimer()));
  }

  #tell(): void {
    const { count, heldMs } = this.#extended;
    if (count > 0) {
      this.#extended = { count: 0, heldMs: 0 };
      const cause = `this process was held for ${Math.round(heldMs)} ms, so ${count} silent ` +
        `${count === 1 ? "peer has" : "peers have"} one more detection time`;
      this.report({ type: "bfd-fault", peer: undefined, cause, at: this.#env.now });
    }
    for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) {
      this.#options.onEvent(event);
    }
  }

  /** Random and nobody's, as who guesses it could end a session (RFC 5880 section 6.8.1). */
  #takeDiscriminator(): number {
    let discriminator = 1 + Math.floor(this.#options.random() * MAX_DISCRIMINATOR);
    while (this.#peers.has(String(discriminator))) {
      discriminator = discriminator === MAX_DISCRIMINATOR ? 1 : discriminator + 1;
    }
    return discriminator;
  }
}

/** Why a packet is not taken, in the order of RFC 5880 section 6.8.6; `known` has the discriminator that it names, `found` is whose it would be. */
function dropReason(
  packet: ControlPacket,
  { from, ttl, interfaceIndex }: Datagram,
  receiver: Receiver,
  known: Peer | undefined,
  found: Peer | undefined,
): DropReason | undefined {
  if (found === undefined || from === undefined) return "no-session";
  if (packet.yourDiscriminator !== 0 && known !== found) return "no-session";
  if (packet.yourDiscriminator === 0 && packet.state !== "Down" && packet.state !== "AdminDown") {
    return "state";
  }
  const { config } = found;
  if (!equal(from.address.bytes, config.address.bytes)) return "source";
  if (!receiver.hears(found.place, interfaceIndex) || !found.isFrom(from.scopeId)) return "interface";
  // Not known is not enough (RFC 5881 section 5).
  if (ttl === undefined || ttl < config.minimumTtl) return "ttl";
  return packet.authenticated ? "authentication" : undefined;
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.byteLength === other.byteLength && one.every((octet, index) => octet === other[index]);
}
