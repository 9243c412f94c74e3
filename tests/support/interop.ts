/**
 * Our speaker and a real router in two namespaces, in words that hold for every router: the sessions that a router is
 * to have, what it shows of a route, and speakers of ours on addresses of their own.
 */
import { Datagrams } from "../../ffi/datagrams.ts";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { type PeerStatus, Speaker, type SpeakerEvent } from "../../src/bgp/speaker.ts";
import type { Transport } from "../../src/bgp/transport/transport.ts";
import { socketTransport } from "../../src/bgp/transport/transport_socket.ts";
import type { LocalBgp, PeerConfig } from "../../src/config/config.ts";
import { RouterFinder } from "../../src/icmp/router_finder.ts";
import type { HostAddresses } from "../../src/net/host_addresses.ts";
import type { DatagramOptions } from "../../src/net/sockets.ts";
import { systemClock } from "../../src/time/clock.ts";
import { address, localBgp, peerConfig, restarted } from "./bgp.ts";
import { type NamespacePair, namespacePair, socketsInside } from "./namespace.ts";
import { run } from "./process.ts";
import { PATIENCE_MS, until } from "./until.ts";

/** The router's AS. */
export const ROUTER_AS = 65002;
/** The router's addresses, and the interface that it shares with us; ours is `va`. */
export const ROUTER = { 4: "10.9.0.2", 6: "fd09::2", link: "fe80::b", device: "vb" } as const;
/** Ours as `NamespacePair` has them. */
export const OURS = { 4: "10.9.0.1", 6: "fd09::1", link: "fe80::a", device: "va" } as const;

/** The BGP Identifier of a router at one of its addresses: 10.9.0.3 and fd09::3 are the same router's. */
export function identifierOf(local: string = ROUTER[4]): string {
  return local.replace("fd09::", "10.9.0.");
}

/** One neighbour in the router's configuration: one of our addresses. */
export interface RouterSession {
  /** Our address, which names the session. */
  readonly neighbor: string;
  readonly peerAs: number;
  /** The router's own address where it shares its namespace with others. */
  readonly local?: string;
  readonly families: readonly (4 | 6)[];
  /** The router knows its neighbour by the interface alone. */
  readonly unnumbered?: boolean;
  /** The router waits for us. */
  readonly passive: boolean;
  readonly holdTime?: number;
  readonly password?: string;
  readonly ttlSecurity?: boolean;
  readonly multihop?: number;
  /** RFC 8950. */
  readonly extendedNextHop?: boolean;
  /** The router keeps our routes for so many seconds, and says that it restarts itself (RFC 4724). */
  readonly gracefulRestart?: number;
  /** The router takes any AS but its own. */
  readonly anyAs?: boolean;
  /** The router is two-octet only (RFC 6793). */
  readonly twoOctetAs?: boolean;
  /** The router sends an OPEN without capabilities. */
  readonly noCapabilities?: boolean;
  /** RFC 8654. */
  readonly extendedMessages?: boolean;
  /** The router sends what it has. */
  readonly floods?: boolean;
}

/** A route of ours as the router shows it. */
export interface SeenRoute {
  /** The session's `neighbor`. */
  readonly from: string;
  readonly nextHops: readonly string[];
  /** AS numbers with a space between them. */
  readonly asPath: string;
  readonly med: number | undefined;
  readonly localPref: number | undefined;
  /** `65001:100`, in numbers. */
  readonly communities: readonly string[];
  readonly largeCommunities: readonly string[];
  /** In the router's own words. */
  readonly extendedCommunities: readonly string[];
  /** Kept for a neighbour that restarts. */
  readonly stale: boolean;
}

/** A running router of any make. */
export interface Router extends AsyncDisposable {
  readonly name: string;
  /** Every route that it has for `prefix`. */
  routes(prefix: string): Promise<readonly SeenRoute[]>;
  /** How many prefixes it has from this neighbour. */
  count(neighbor: string, family: 4 | 6): Promise<number>;
  /** All that it says of the session, for people. */
  words(neighbor: string): Promise<string>;
  established(neighbor: string): Promise<boolean>;
  /** Asks us for our routes again. */
  refresh(neighbor: string): Promise<void>;
  shutDown(neighbor: string, communication: string): Promise<void>;
  enable(neighbor: string): Promise<void>;
  end(signal: Deno.Signal): Promise<void>;
  run(): Promise<void>;
  log(): Promise<string>;
}

/** Makes the two namespaces, with `count` more of our addresses: 10.9.0.11 and up, fd09::11 and up. */
export async function interopNamespaces(count: number): Promise<NamespacePair> {
  const pair = await namespacePair();
  const lines: string[] = [];
  for (let host = 11; host < 11 + count; host++) {
    lines.push(`addr add 10.9.0.${host}/24 dev va`, `addr add fd09::${host}/64 dev va nodad`);
  }
  const answer = await run("ip", ["-netns", pair.a.name, "-batch", "-"], { input: lines.join("\n") });
  if (answer.code !== 0) throw new Error(answer.stderr);
  return pair;
}

/** What a speaker of ours is made of, beyond what `localBgp` and `peerConfig` say. */
export interface OurOptions {
  readonly local?: Partial<LocalBgp>;
  readonly peers: readonly Partial<PeerConfig>[];
  readonly restarting?: boolean;
  /** Our link-local address on the link, as `FakeAddresses` has it: peers are found by their advertisements. */
  readonly finds?: HostAddresses;
  /** Stands between the speaker and its sockets. */
  readonly between?: (transport: Transport) => Transport;
}

/** A speaker of ours in a namespace, over prepared sockets. */
export class OurSpeaker implements AsyncDisposable {
  readonly speaker: Speaker;
  readonly events: SpeakerEvent[] = [];
  readonly #native: AsyncDisposableStack;

  constructor({ a }: NamespacePair, options: OurOptions) {
    const native = new AsyncDisposableStack();
    this.#native = native;
    const libc = native.use(openLibc());
    const reactor = native.use(new Reactor(libc));
    const sockets = new Sockets(libc, reactor);
    const { finds } = options;
    const datagrams = new Datagrams(sockets);
    const parts = {
      datagrams: { open: (how: DatagramOptions) => a.inside(() => datagrams.open(how)) },
      clock: systemClock,
      random: Math.random,
    };
    const local = localBgp({ routerID: address(OURS[4]), as: 65001, ...options.local });
    this.speaker = new Speaker({
      local,
      peers: options.peers.map((peer) =>
        peerConfig({
          name: peer.localAddress?.text ?? "router",
          address: address(ROUTER[4]),
          as: ROUTER_AS,
          connectRetryTimeMs: 500,
          ...peer,
        })
      ),
      transport: (options.between ?? ((transport) => transport))(
        socketTransport(socketsInside(a, sockets)),
      ),
      neighbours: finds && native.use(new RouterFinder({ ...parts, addresses: finds })),
      clock: systemClock,
      random: Math.random,
      restart: options.restarting === true ? restarted(systemClock) : undefined,
      onEvent: (event) => void this.events.push(event),
    });
  }

  /** The status of a peer, by default the first. */
  status(name?: string): PeerStatus {
    const all = this.speaker.status();
    const status = name === undefined ? all[0] : all.find((peer) => peer.name === name);
    if (status === undefined) throw new Error(`no peer ${name}`);
    return status;
  }

  /** Waits until every peer is Established. */
  async established(limitMs = PATIENCE_MS): Promise<void> {
    await until(
      () => this.speaker.status().every(({ state }) => state === "Established"),
      () =>
        this.speaker.status().filter(({ state }) => state !== "Established").map((
          { name, state, lastError },
        ) => `${name} ${state}: ${lastError?.text}`).join("; "),
      limitMs,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.speaker.stop({ mode: "shutdown", communication: "" });
    this.speaker.abort();
    await this.#native.disposeAsync();
  }
}
