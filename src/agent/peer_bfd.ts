/**
 * BFD of the peers that have it: each is watched from the start on, whether its session is up or not. What is lost ends the
 * session in the same turn (RFC 5882 section 4), what comes back lets it be tried at once; a peer whose operator has turned
 * BFD off is not lost (section 3.2). Faults of BFD itself are told and touch no session.
 */
import { Bfd, type BfdEvent, type BfdPeer, type BfdStatus } from "../bfd/bfd.ts";
import type { BfdPath, Speaker } from "../bgp/speaker.ts";
import { isLocated, located } from "../bgp/unnumbered.ts";
import type { PeerConfig } from "../config/config.ts";
import { peerKey } from "../config/session_difference.ts";
import type { EventStream } from "../events/stream.ts";
import type { Address } from "../net/address.ts";
import { type Neighbours, NO_NEIGHBOURS } from "../net/neighbours.ts";
import type { Datagrams } from "../net/sockets.ts";
import type { Clock, Random } from "../time/clock.ts";

/** Sockets for packets, and the interfaces that they go by. */
export interface BfdSockets {
  readonly datagrams: Datagrams;
  interfaceIndex(name: string): number | undefined;
  /** For discriminators, which nobody should be able to guess. */
  readonly random: Random;
}

/** What it works with. */
export interface PeerBfdOptions {
  readonly sockets: BfdSockets;
  readonly clock: Clock;
  readonly events: EventStream;
  readonly speaker: Pick<Speaker, "followPath">;
  /** Finds peers that are known by their interface alone. Default: nobody does. */
  readonly neighbours?: Neighbours | undefined;
}

/** RFC 5881 section 5: a packet of a neighbour on this link comes with the TTL that it was sent with. */
const MAXIMUM_TTL = 255;

/** The BFD sessions of the peers. */
export class PeerBfd {
  readonly #options: PeerBfdOptions;
  readonly #bfd: Bfd;
  readonly #neighbours: Neighbours;
  readonly #watch: Disposable;
  #peers: readonly PeerConfig[] = [];
  #services: ReadonlySet<string> = new Set();

  constructor(options: PeerBfdOptions) {
    this.#options = options;
    const { sockets, clock, neighbours = NO_NEIGHBOURS } = options;
    this.#neighbours = neighbours;
    this.#watch = neighbours.watch(() => this.#apply());
    this.#bfd = new Bfd({
      ...sockets,
      clock,
      onEvent: (event) => this.#receive(event),
      isServiceAddress: ({ text }) => this.#services.has(text),
    });
  }

  /** Watches those of `peers` that have BFD, and no others, from no address of `services`. */
  configure(peers: readonly PeerConfig[], services: ReadonlySet<string>): void {
    this.#services = services;
    this.#peers = peers;
    this.#apply();
    this.#bfd.reconsiderSources();
  }

  /**
   * The session with `name` is Established, from `local` on this host. A router watches the address that it was given for us:
   * where no `localAddress` is configured, and the kernel's choice has brought nobody, BFD goes by that.
   */
  followSession(name: string, local: Address): void {
    this.#bfd.follow(name, local);
  }

  /** By when it has to turn again (time/loop.ts). */
  get dueMs(): number {
    return this.#bfd.dueMs;
  }

  /** By the peer's name. */
  get status(): ReadonlyMap<string, BfdStatus> {
    return new Map(this.#bfd.status().map((session) => [session.peer, session]));
  }

  /** Tells the peers that this is no failure, and ends. Resolves after a second or so at most. */
  stop(): Promise<void> {
    this.#watch[Symbol.dispose]();
    return this.#bfd.stop();
  }

  /** Ends at once, without a word. */
  abort(): void {
    this.#watch[Symbol.dispose]();
    this.#bfd.abort();
  }

  #apply(): void {
    const peers = this.#peers.map((peer) => located(peer, this.#neighbours));
    this.#bfd.configure(peers.flatMap(watched));
    // A session that is another one now is at its beginning, and tells nothing of that.
    const { speaker } = this.#options;
    for (const { peer, state, cause } of this.#bfd.status()) {
      speaker.followPath(peer, state === "Up" ? "up" : "unknown", cause);
    }
  }

  #receive(event: BfdEvent): void {
    const { events, speaker } = this.#options;
    if (event.type === "bfd-fault") {
      const { peer, cause } = event;
      const name = peer === undefined ? "" : ` with ${peer}`;
      return void events.publish({ kind: "warning", cause: `BFD${name}: ${cause}` });
    }
    const { peer, from, to, diagnostic, cause } = event;
    // The session ends before anybody is told: no reader keeps routes that lead nowhere.
    events.causing(
      { kind: "bfd-state", peer, from, to, diagnostic, cause },
      () => speaker.followPath(peer, pathOf(event), cause),
    );
  }
}

/** What a change of state says of the path to the peer. */
function pathOf({ from, to, remoteAdminDown }: Extract<BfdEvent, { type: "bfd-state" }>): BfdPath {
  if (to === "Up") return "up";
  return from === "Up" && to === "Down" && !remoteAdminDown ? "lost" : "unknown";
}

function watched(peer: PeerConfig): readonly BfdPeer[] {
  const { name, bfd, address, zone, device, localAddress, ttlSecurity } = peer;
  if (bfd === undefined || !isLocated(peer)) return [];
  const { transmitMs, receiveMs, multiplier, passive, multihop } = bfd;
  const hops = ttlSecurity ?? MAXIMUM_TTL;
  const minimumTtl = multihop ? MAXIMUM_TTL + 1 - hops : MAXIMUM_TTL;
  const intervals = { transmitMs, receiveMs, multiplier };
  const key = peerKey(peer);
  return [{
    name,
    key,
    address,
    zone,
    local: localAddress,
    device,
    multihop,
    minimumTtl,
    ...intervals,
    passive,
  }];
}
