/** A real speaker on loopback for probes of bare octets: peers with addresses of their own, and its end without leaks. */
import assert from "node:assert/strict";
import type { Route } from "../../src/bgp/routes/route.ts";
import { type PeerStatus, Speaker, type SpeakerEvent } from "../../src/bgp/speaker.ts";
import { denoTransport } from "./deno_transport.ts";
import type { PeerConfig } from "../../src/config/config.ts";
import { type Clock, systemClock } from "../../src/time/clock.ts";
import { address, localBgp, peerConfig, route } from "./bgp.ts";
import { openDescriptors } from "./descriptors.ts";
import { connectRaw, freePort, open, RawListener, type RawPeer, routeRefresh, UPDATE } from "./raw_peer.ts";
import { PATIENCE_MS, until } from "./until.ts";

/** Where the speaker listens; it is AS 65001, 10.0.0.1. */
export const SPEAKER = "127.0.0.1";

/** What a scene differs in. */
export interface SceneOptions {
  /** What of the peers' configuration differs, one for each peer. */
  readonly peers: readonly Partial<PeerConfig>[];
  readonly clock?: Clock;
  readonly routes?: readonly Route[];
}

/** A speaker that announces 10.99.0.1/32 to peers at 127.`net`.0.1 and so on, all of AS 65002. */
export class RawScene implements AsyncDisposable {
  readonly #listeners: RawListener[] = [];
  readonly #peers: RawPeer[] = [];
  /** How many were open before. */
  readonly #descriptors: number;

  private constructor(
    readonly speaker: Speaker,
    readonly port: number,
    readonly net: number,
    readonly events: readonly SpeakerEvent[],
    readonly clock: Clock,
    descriptors: number,
  ) {
    this.#descriptors = descriptors;
  }

  /** A scene whose speaker is still to be started; `net` keeps the addresses of scenes apart. */
  static async at(net: number, options: SceneOptions): Promise<RawScene> {
    const descriptors = openDescriptors();
    const port = await freePort();
    const { clock = systemClock } = options;
    const events: SpeakerEvent[] = [];
    const speaker = new Speaker({
      local: localBgp({ listenPort: port, listenAddresses: [address(SPEAKER)] }),
      peers: options.peers.map((rest, index) =>
        peerConfig({
          name: `${index}`,
          address: address(`127.${net}.0.${index + 1}`),
          port,
          passive: true,
          ...rest,
        })
      ),
      transport: denoTransport(),
      clock,
      random: Math.random,
      onEvent: (event) => events.push(event),
    });
    speaker.announce(options.routes ?? [route("10.99.0.1/32")]);
    return new RawScene(speaker, port, net, events, clock, descriptors);
  }

  /** The address of a peer. */
  host(index: number): string {
    return `127.${this.net}.0.${index + 1}`;
  }

  /** What the speaker says of a peer. */
  status(index = 0): PeerStatus {
    const status = this.speaker.status()[index];
    assert.ok(status !== undefined);
    return status;
  }

  /** Connects as a peer. */
  async connect(index = 0): Promise<RawPeer> {
    const peer = await connectRaw(this.host(index), SPEAKER, this.port, () => this.clock.now());
    this.#peers.push(peer);
    return peer;
  }

  /** Connects as a peer and is Established. */
  async established(index = 0, octets = open()): Promise<RawPeer> {
    const peer = await this.connect(index);
    await peer.establish(octets);
    await peer.hear(UPDATE);
    return peer;
  }

  /** Listens as a peer. */
  async listen(index = 0): Promise<RawListener> {
    const listener = await RawListener.at(this.host(index), this.port, () => this.clock.now());
    this.#listeners.push(listener);
    return listener;
  }

  /** Resolves when a peer's state is this one. */
  async reaches(state: PeerStatus["state"], index = 0, limitMs = PATIENCE_MS): Promise<void> {
    const words = () => `${this.status(index).state}, not ${state}: ${this.status(index).cause}`;
    await until(() => this.status(index).state === state, words, limitMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.speaker.abort();
    for (const peer of this.#peers) peer[Symbol.dispose]();
    for (const listener of this.#listeners) await listener[Symbol.asyncDispose]();
    // Connections may be on their way to their end in the transport.
    await until(() => openDescriptors() <= this.#descriptors, () => "connections of the speaker's stay open");
  }
}

/** Does the session answer a request for its routes? */
export async function alive(peer: RawPeer): Promise<void> {
  const updates = peer.count(UPDATE);
  peer.send(routeRefresh());
  await peer.hear(UPDATE, updates + 1);
}
