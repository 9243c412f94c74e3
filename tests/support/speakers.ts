/** Speakers on a network in memory and a virtual clock. */
import assert from "node:assert/strict";
import { Speaker, type SpeakerEvent, type SpeakerOptions } from "../../src/bgp/speaker.ts";
import type { PeerStatus } from "../../src/bgp/speaker.ts";
import type { LocalBgp, PeerConfig } from "../../src/config/config.ts";
import type { Address } from "../../src/net/address.ts";
import { address, localBgp, peerConfig } from "./bgp.ts";
import { MemoryNetwork, type NetworkOptions } from "./memory_transport.ts";
import { Probe } from "./probe.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** 10.0.0.1, AS 65001: the speaker under test. */
export const A: Address = address("10.0.0.1");
/** 10.0.0.2, AS 65002: the other one. */
export const B: Address = address("10.0.0.2");

/** What an end differs in. */
export interface EndOptions {
  readonly local?: Partial<LocalBgp>;
  readonly peer?: Partial<PeerConfig>;
  readonly options?: Partial<SpeakerOptions>;
}

/** A speaker with what it told. */
export class End {
  readonly speaker: Speaker;
  readonly events: SpeakerEvent[] = [];

  readonly local: LocalBgp;
  readonly peers: readonly PeerConfig[];

  constructor(network: MemoryNetwork, clock: VirtualClock, own: Address, options: EndOptions = {}) {
    const first = own.text === A.text;
    const made: SpeakerOptions = {
      local: localBgp({
        routerID: own,
        as: first ? 65_001 : 65_002,
        listenPort: 179,
        listenAddresses: [own],
        ...options.local,
      }),
      peers: [peerConfig({
        name: first ? "b" : "a",
        address: first ? B : A,
        as: first ? 65_002 : 65_001,
        ...options.peer,
      })],
      transport: network.transport(own),
      clock,
      random: () => 0.5,
      onEvent: (event) => this.events.push(event),
      ...options.options,
    };
    this.local = made.local;
    this.peers = made.peers;
    this.speaker = new Speaker(made);
  }

  /** The status of its only, or first, peer. */
  get status(): PeerStatus {
    const [status] = this.speaker.status();
    assert.ok(status !== undefined);
    return status;
  }

  /** Its events of one type. */
  of<T extends SpeakerEvent["type"]>(type: T): Extract<SpeakerEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<SpeakerEvent, { type: T }> => event.type === type);
  }
}

/** A network with a clock; at its end nothing may be left: no timer, no connection, no listener. */
export class Stage {
  readonly clock: VirtualClock = new VirtualClock();
  readonly network: MemoryNetwork;
  readonly #ends: End[] = [];
  readonly #probes: Probe[] = [];

  constructor(options: Partial<NetworkOptions> = {}) {
    this.network = new MemoryNetwork({ clock: this.clock, ...options });
  }

  /** A speaker at `own`. */
  end(own: Address, options: EndOptions = {}): End {
    const end = new End(this.network, this.clock, own, options);
    this.#ends.push(end);
    return end;
  }

  /** A scripted peer at `own`, listening. */
  probe(own: Address = B, port = 179): Probe {
    const probe = new Probe(this.network.transport(own)).listen(own, port);
    this.#probes.push(probe);
    return probe;
  }

  /** Takes everything down and looks for leaks. */
  async close(): Promise<void> {
    for (const { speaker } of this.#ends) speaker.abort();
    for (const probe of this.#probes) probe[Symbol.dispose]();
    await this.clock.advance(60_000);
    assert.equal(this.clock.pending, 0, "timers are left");
    assert.equal(this.network.openPipes, 0, "connections are left");
    assert.equal(this.network.openListeners, 0, "listeners are left");
  }
}
