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
import { type HostAddresses, stateOf, UNKNOWN_ADDRESSES } from "../net/host_addresses.ts";
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
  /** This host's addresses. Default: they cannot be known. */
  readonly addresses?: HostAddresses | undefined;
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
  readonly #addresses: HostAddresses;
  readonly #watches: readonly Disposable[];
  /** Ends of sessions that the peer chose, by key: what it sends to, where the kernel's choice brought nobody. */
  readonly #ends = new Map<string, Address>();
  #peers: readonly PeerConfig[] = [];
  #services: ReadonlySet<string> = new Set();

  constructor(options: PeerBfdOptions) {
    this.#options = options;
    const { sockets, clock, addresses = UNKNOWN_ADDRESSES, neighbours = NO_NEIGHBOURS } = options;
    this.#addresses = addresses;
    this.#neighbours = neighbours;
    this.#watches = [
      neighbours.watch(() => this.#apply()),
      addresses.watch(() => this.#forgetEnds() && this.#apply()),
    ];
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
    this.#forgetEnds();
    this.#apply();
    this.#bfd.reconsiderSources();
  }

  /**
   * The session with `name` is Established, from `local` on this host. A router watches the address that it was given for us:
   * where no `localAddress` is configured, and the kernel's choice has brought nobody, BFD goes by that.
   */
  followSession(name: string, local: Address): void {
    const peer = this.#peers.find((each) => each.name === name);
    const session = this.#bfd.status().find((each) => each.peer === name);
    if (peer === undefined || session === undefined || peer.localAddress !== undefined) return;
    const isUsed = session.localAddress?.text === local.text;
    if (session.state === "Up" || isUsed || this.#services.has(local.text)) return;
    this.#ends.set(session.key, local);
    this.#apply();
  }

  /** By the peer's name. */
  get status(): ReadonlyMap<string, BfdStatus> {
    return new Map(this.#bfd.status().map((session) => [session.peer, session]));
  }

  /** Tells the peers that this is no failure, and ends. Resolves after a second or so at most. */
  stop(): Promise<void> {
    for (const watch of this.#watches) watch[Symbol.dispose]();
    return this.#bfd.stop();
  }

  /** Ends at once, without a word. */
  abort(): void {
    for (const watch of this.#watches) watch[Symbol.dispose]();
    this.#bfd.abort();
  }

  #apply(): void {
    const peers = this.#peers.map((peer) => located(peer, this.#neighbours));
    this.#bfd.configure(peers.flatMap((peer) => watched(peer, this.#ends.get(peerKey(peer)))));
    // A session that is another one now is at its beginning, and tells nothing of that.
    const { speaker } = this.#options;
    for (const { peer, state, cause } of this.#bfd.status()) {
      speaker.followPath(peer, state === "Up" ? "up" : "unknown", cause);
    }
  }

  /** Those that nobody needs any more, and those that are not this host's, or are services' now. True where there were some. */
  #forgetEnds(): boolean {
    const known = this.#addresses.current();
    const before = this.#ends.size;
    for (const [key, end] of this.#ends) {
      const peer = this.#peers.find((each) => peerKey(each) === key);
      const isGone = typeof known === "object" && stateOf(known, end) === "absent";
      const isWanted = peer?.bfd !== undefined && peer.localAddress === undefined;
      if (!isWanted || isGone || this.#services.has(end.text)) this.#ends.delete(key);
    }
    return this.#ends.size < before;
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

/** `end`: where the peer is known to send to. */
function watched(peer: PeerConfig, end: Address | undefined): readonly BfdPeer[] {
  const { name, bfd, address, zone, device, localAddress = end, ttlSecurity } = peer;
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
