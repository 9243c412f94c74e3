/** What we keep of a peer: its session, the socket that it sends from, and what was counted. */
import { Diagnostic, diagnosticWords, remoteDiagnosticWords } from "./diagnostic.ts";
import { DROP_WORDS, type DropReason, Drops } from "./drops.ts";
import type { BfdPeer } from "./bfd_peer.ts";
import type { ControlPacket } from "./packet.ts";
import { encodePacket, PACKET_OCTETS } from "./packet.ts";
import { type ReceivePlace, receivePlace } from "./receiver.ts";
import { Sender, type SenderPorts } from "./sender.ts";
import { createSession, step } from "./session.ts";
import type { Env, SessionAction, SessionConfig, SessionEvent, SessionState } from "./session_state.ts";
import type { BfdStatus } from "./status.ts";
import { formatDuration } from "../time/duration.ts";
import { detectionTimeMs, receiveIntervalUs, transmitIntervalUs } from "./timers.ts";

/** More than so many packets a second, and so many times what was agreed on, are a flood. */
const FLOOD_PACKETS = 100;
const FLOOD_FACTOR = 10;
const SECOND_MS = 1000;

/** RFC 5881 section 5. */
const SINGLE_HOP_TTL = " (the TTL has to be 255)";

/** What there is too much of: packets that name the session, or those that come from the peer's address and do not. */
export type Flood = "of its session" | "of its address";

/** A peer of BFD. Disposing closes its socket. */
export class Peer implements Disposable {
  readonly id: string;
  readonly place: ReceivePlace;
  readonly drops = new Drops();
  readonly #sender: Sender;
  #config: BfdPeer;
  #state: SessionState;
  /** The longest hold of this process since the last packet came. */
  #heldMs = 0;
  #longestHeldMs = 0;
  /** The last hold that was long enough for the peer to give us up. */
  #muted = { ms: 0, endMs: -Infinity };
  #received = 0;
  #sent = 0;
  #unsent = 0;
  #flaps = 0;
  #lastLost: BfdStatus["lastLost"];
  #extensions = 0;
  #lastDrop: DropReason | undefined;
  /** What came from its address within a second, of that what names this session, and when that began. */
  #arrived = { sinceMs: -Infinity, count: 0, named: 0 };

  constructor(config: BfdPeer, discriminator: number, ports: SenderPorts, env: Env) {
    this.id = String(discriminator);
    this.#config = config;
    this.place = receivePlace(config);
    this.#sender = new Sender(ports, config);
    this.#state = createSession(sessionConfig(config), discriminator, env);
  }

  get config(): BfdPeer {
    return this.#config;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Why its packets are not sent. */
  get fault(): string | undefined {
    return this.#sender.fault;
  }

  /** Whether what came from there, with this scope, may be the peer's. */
  isFrom(scopeId: number): boolean {
    return this.#config.zone === undefined || this.#sender.zoneIndex === scopeId;
  }

  /** Steps the session. What it wants to be told to others is returned; packets are sent. */
  step(event: SessionEvent, env: Env, octets: Uint8Array): readonly SessionAction[] {
    if (event.type === "packet") {
      this.#received++;
      this.#heldMs = 0;
      this.#lastDrop = undefined;
    }
    const { state, actions } = step(this.#state, event, env);
    this.#state = state;
    for (const action of actions) this.#perform(action, octets);
    return actions;
  }

  /** How long this process has been held since the last packet. */
  get heldMs(): number {
    return this.#heldMs;
  }

  /** This process was held for so long, up to now. */
  noteHeld(ms: number, nowMs: number): void {
    const { desiredMinTxUs, detectMult } = this.#state.config;
    if (ms * 1000 >= desiredMinTxUs * detectMult) this.#muted = { ms, endMs: nowMs };
    this.#heldMs = Math.max(this.#heldMs, ms);
    this.#longestHeldMs = Math.max(this.#longestHeldMs, ms);
  }

  /** Something came from its address, and names this session or not: whether there is too much to be its own, of which kind. */
  noteArrival(nowMs: number, isNamed: boolean): Flood | undefined {
    const before = nowMs - this.#arrived.sinceMs < SECOND_MS
      ? this.#arrived
      : { sinceMs: nowMs, count: 0, named: 0 };
    const [count, named] = [before.count + 1, before.named + (isNamed ? 1 : 0)];
    this.#arrived = { sinceMs: before.sinceMs, count, named };
    const most = FLOOD_PACKETS + FLOOD_FACTOR * SECOND_MS * 1000 / receiveIntervalUs(this.#state);
    return named > most ? "of its session" : count > most ? "of its address" : undefined;
  }

  /** A packet of its was sent to this address: while the session is not up it may be that the peer waits for another source. */
  noteEnd(address: Uint8Array): void {
    if (this.#state.name !== "Up") this.#sender.follow(address);
  }

  /** A packet that came from its address was not taken. */
  noteDrop(reason: DropReason): void {
    this.#lastDrop = reason;
    this.drops.add(reason);
  }

  /** Another configuration of the same session. */
  configure(config: BfdPeer, env: Env, octets: Uint8Array): readonly SessionAction[] {
    this.#config = config;
    return this.step({ type: "configure", config: sessionConfig(config) }, env, octets);
  }

  /** Sees to it that its socket is one of the interface that is there now. */
  examine(): void {
    this.#sender.examine();
  }

  /** Lets the source address be chosen, and looked at, anew. */
  reopen(): void {
    this.#sender.close();
  }

  /** Everything of it; `fault` is that of its receiving socket. */
  status(fault: string | undefined): BfdStatus {
    const { name, zone, key, address, multihop, passive } = this.#config;
    const state = this.#state;
    const { remote } = state;
    const known = remote.discr !== 0;
    const intervalUs = transmitIntervalUs(state);
    return {
      peer: name,
      key,
      address,
      zone,
      multihop,
      passive,
      state: state.name,
      sinceMs: state.sinceMs,
      cause: this.cause,
      fault: fault ?? this.fault,
      remoteState: remote.name,
      remoteAdminDown: remote.name === "AdminDown",
      localDiscriminator: state.localDiscr,
      remoteDiscriminator: remote.discr,
      localDiagnostic: { code: state.localDiag, words: diagnosticWords(state.localDiag) },
      remoteDiagnostic: { code: remote.diag, words: remoteDiagnosticWords(remote.diag) },
      localAddress: this.#sender.local,
      localPort: this.#sender.port,
      transmitIntervalMs: intervalUs === Infinity ? undefined : intervalUs / 1000,
      receiveIntervalMs: known ? receiveIntervalUs(state) / 1000 : undefined,
      detectionTimeMs: known ? detectionTimeMs(state) : undefined,
      multiplier: state.config.detectMult,
      remoteMultiplier: remote.detectMult,
      remoteDemand: remote.demand,
      polling: state.poll !== undefined,
      receivedAtMs: state.receivedMs === -Infinity ? undefined : state.receivedMs,
      lastLost: this.#lastLost,
      upSinceMs: state.name === "Up" ? state.sinceMs : undefined,
      longestHeldMs: this.#longestHeldMs,
      counters: {
        received: this.#received,
        sent: this.#sent,
        unsent: this.#unsent,
        drops: this.drops.entries(),
        flaps: this.#flaps,
        extensions: this.#extensions,
      },
    };
  }

  /** Why the session is as it is, with what is known beside. */
  get cause(): string {
    const { name, cause, sinceMs, remote } = this.#state;
    if (name === "Up") return cause;
    const { ms, endMs } = this.#muted;
    if (remote.diag === Diagnostic.ControlDetectionTimeExpired && sinceMs - endMs < SECOND_MS) {
      return `${cause}; this process had been held for ${formatDuration(Math.round(ms))}, and sent nothing`;
    }
    const dropped = this.#lastDrop;
    if (dropped !== undefined) {
      const hint = dropped === "ttl" && !this.#config.multihop
        ? `${SINGLE_HOP_TTL}: where the peer is not on the same link BFD has to be multihop`
        : "";
      return `${cause}; dropped were packets ${DROP_WORDS[dropped]}${hint}`;
    }
    const { returned } = this.#sender;
    return returned === undefined ? cause : `${cause}; ${this.#returnedWords(returned)}`;
  }

  #returnedWords(code: string): string {
    const port = `UDP port ${this.place.port}`;
    if (code === "ECONNREFUSED" && this.#state.remote.discr === 0) {
      return `the peer's host has ${port} closed: BFD does not run there, or not for this host`;
    }
    return `what we send is refused there, or on the way (ICMP, ${code}): look for a filter of ${port}`;
  }

  [Symbol.dispose](): void {
    this.#sender[Symbol.dispose]();
  }

  #perform(action: SessionAction, octets: Uint8Array): void {
    switch (action.type) {
      case "send":
        return this.#send(action.packet, octets);
      case "changed":
        if (action.from === "Up") this.#noteLost();
        return;
      case "extended":
        this.#extensions++;
        return;
      default:
        return action satisfies never;
    }
  }

  #noteLost(): void {
    this.#flaps++;
    this.#lastLost = { atMs: this.#state.sinceMs, cause: this.cause };
  }

  #send(packet: ControlPacket, octets: Uint8Array): void {
    encodePacket(packet, octets);
    if (this.#sender.send(octets)) this.#sent++;
    else this.#unsent++;
  }
}

/** Whether it is the same session, with another configuration at most. */
export function isSameSession(one: BfdPeer, other: BfdPeer): boolean {
  return one.key === other.key && isSamePlace(one, other) && one.local?.text === other.local?.text &&
    one.device === other.device && one.multihop === other.multihop;
}

/** Whether both are sessions with the same peer. */
export function isSamePlace(one: BfdPeer, other: BfdPeer): boolean {
  return one.address.text === other.address.text && one.zone === other.zone;
}

/** Room for one packet, for all peers of a driver. */
export function packetBuffer(): Uint8Array {
  return new Uint8Array(new ArrayBuffer(PACKET_OCTETS));
}

function sessionConfig({ transmitMs, receiveMs, multiplier, passive }: BfdPeer): SessionConfig {
  return {
    desiredMinTxUs: Math.round(transmitMs * 1000),
    requiredMinRxUs: Math.round(receiveMs * 1000),
    detectMult: multiplier,
    passive,
  };
}
