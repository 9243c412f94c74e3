// Speaker.configure() does what differ() says, on random pairs of configurations: exactly the sessions that it names start
// anew, and whichever stays has the OPEN and the routes of a speaker that was started with the new configuration.
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Route } from "../../src/bgp/routes/route.ts";
import type { LocalBgp, PeerConfig } from "../../src/config/config.ts";
import { type ConfigChange, differ } from "../../src/config/difference.ts";
import { peerKey } from "../../src/config/session_difference.ts";
import type { Transport } from "../../src/bgp/transport/transport.ts";
import type { Address } from "../../src/net/address.ts";
import { address, route } from "../support/bgp.ts";
import { config } from "../support/config.ts";
import type { Probe, ProbeSession } from "../support/probe.ts";
import { openOf } from "../support/sessions.ts";
import { A, type End, Stage } from "../support/speakers.ts";

/** Where the routers are; each listens on both ports. */
const ROUTERS = ["10.0.0.2", "10.0.0.3", "2001:db8::2", "fe80::2"].map(address);
const PORTS = [179, 1790];

const A6 = address("2001:db8::1");

interface Side {
  readonly local: LocalBgp;
  readonly peers: readonly PeerConfig[];
}

/** A scene before or after the change. */
interface Scene extends Side {
  readonly routes: readonly Route[];
}

/** Every key, so that none that is new is forgotten. */
type Keys<T> = { readonly [Key in keyof T]: fc.Arbitrary<T[Key]> };
const any = fc.constantFrom;

const LOCAL: Keys<LocalBgp> = {
  routerID: any(A, address("10.0.0.9")),
  as: any(65_001, 65_009),
  listenPort: any(179, 1179),
  listenAddresses: any([A], [A, A6]),
  address: any(A, address("10.0.0.8")),
  address6: any(A6, address("2001:db8::9"), undefined),
};

const ALL_OFFERED = {
  routeRefresh: true,
  enhancedRouteRefresh: true,
  extendedMessages: true,
  extendedNextHop: true,
};

function keysOfPeer(router: Address, index: number): Keys<PeerConfig> {
  return {
    name: any(`router-${index}`, `tor-${index}`),
    address: any(router),
    zone: any(router.text.startsWith("fe80") ? "eth0" : undefined),
    automatic: any(false),
    device: any(undefined),
    as: any(65_002, 65_003),
    localAs: any(undefined),
    port: any(...PORTS),
    // The routers of this test wait.
    passive: any(false),
    localAddress: any(undefined, A),
    password: any(undefined, "secret", "other"),
    tcpAo: any<PeerConfig["tcpAo"]>([]),
    tcpMss: any(undefined),
    ttlSecurity: any(undefined, 1),
    multihop: any(undefined, 2),
    holdTimeSeconds: any(90, 30, 0),
    keepaliveTimeSeconds: any(undefined, 10),
    connectRetryTimeMs: any(1000, 2000),
    sendHoldTimeSeconds: any(480, 0, 600),
    families: any<PeerConfig["families"]>(
      ["ipv4-unicast", "ipv6-unicast"],
      ["ipv6-unicast", "ipv4-unicast"],
      ["ipv4-unicast"],
    ),
    nextHop: any(undefined, address("10.0.0.77"), address("2001:db8::77")),
    nextHop6: any(undefined, address("2001:db8::66")),
    linkLocalNextHop: any("auto" as const),
    capabilities: any(ALL_OFFERED),
    localRole: any(undefined),
    strictRole: any(false),
    bfd: any(undefined),
    gracefulRestart: any(undefined, { restartTimeSeconds: 60 }, { restartTimeSeconds: 90 }),
  };
}

/** Something, and the same with other values for as many keys as `changes` says. */
function changing<T extends object>(keys: Keys<T>, ...changes: readonly number[]): fc.Arbitrary<[T, T]> {
  const some = any(...changes).chain((count) =>
    fc.subarray(Object.keys(keys), { minLength: count, maxLength: count })
  );
  const one = fc.record<T>(keys);
  return fc.tuple(one, one, some).map(([before, other, changed]) => {
    const change = Object.fromEntries(Object.entries(other).filter(([key]) => changed.includes(key)));
    return [before, { ...before, ...change }];
  });
}

const peers = fc.tuple(...ROUTERS.map((router, index) => changing(keysOfPeer(router, index), 0, 1, 1, 1, 2)));
const some = fc.shuffledSubarray(ROUTERS.map((_, index) => index), { minLength: 3 });

/** Two configurations that are alike in much. */
const pairs: fc.Arbitrary<readonly [Scene, Scene]> = fc.tuple(
  changing(LOCAL, 0, 0, 0, 1),
  peers,
  fc.tuple(some, some),
  fc.tuple(any(7, 8), any(7, 8)),
).map(([locals, peers, chosen, meds]) => {
  const scene = (side: 0 | 1): Scene => {
    const these = chosen[side].flatMap((index) => peers[index]?.[side] ?? []);
    const ofFirst = { ...route("10.99.0.2/32"), peers: these.slice(0, 1).map(({ name }) => name) };
    const routes = [
      route("10.99.0.1/32"),
      route("2001:db8:99::1/128", { med: meds[side] }),
      ofFirst,
    ];
    return { local: locals[side], peers: these, routes };
  };
  return [scene(0), scene(1)];
});

/** A speaker and its routers, each with the sessions that it has had. */
class World {
  readonly stage: Stage = new Stage();
  readonly end: End;
  readonly #probes: ReadonlyMap<string, readonly Probe[]>;
  /** What the newest socket to each peer was made with. */
  readonly #sockets = new Map<string, PeerConfig>();

  constructor({ local, peers, routes }: Scene) {
    this.#probes = new Map(ROUTERS.map((router) => [
      router.text,
      PORTS.map((port) => this.stage.probe(router, port)),
    ]));
    const [host, host6] = [A, A6].map((own) => this.stage.network.transport(own));
    assert.ok(host !== undefined && host6 !== undefined);
    const transport: Transport = {
      listen: host.listen,
      connect: (peer, ...rest) => {
        this.#sockets.set(peerKey(peer), peer);
        return (peer.address.family === 4 ? host : host6).connect(peer, ...rest);
      },
    };
    this.end = this.stage.end(A, { options: { local, peers, transport } });
    this.end.speaker.announce(routes);
    this.end.speaker.start();
  }

  /** All connections that the peer's router has had, in order, and the newest of them. */
  sessions({ address, port }: PeerConfig): readonly ProbeSession[] {
    return this.#probes.get(address.text)?.[PORTS.indexOf(port)]?.sessions ?? [];
  }

  /** Lets every router that waits for an OPEN have one, and what follows arrive. */
  async establish({ peers }: Side): Promise<void> {
    await this.stage.clock.advance(5);
    for (const peer of peers) {
      const last = this.sessions(peer).at(-1);
      assert.ok(last !== undefined && last.ended === undefined, `${peer.name} has no connection`);
      if (last.words.includes("KEEPALIVE")) continue;
      last.establish(openOf({
        myAs: peer.as,
        bgpIdentifier: 0x0a000063,
        capabilities: [
          { type: "multiprotocol", family: { afi: 1, safi: 1 } },
          { type: "multiprotocol", family: { afi: 2, safi: 1 } },
          { type: "four-octet-as", as: peer.as },
        ],
      }));
    }
    await this.stage.clock.advance(5);
    assert.ok(this.end.speaker.status().every(({ state }) => state === "Established"));
  }

  /** What a router has of a session: the socket, the OPEN, what that led to, and routes. */
  told(peer: PeerConfig): unknown {
    const { heard } = this.sessions(peer).at(-1) ?? {};
    const [first] = heard ?? [];
    assert.ok(first?.type === "OPEN");
    // Their order means nothing, and whether forwarding state was kept (RFC 4724) is a matter of what happened before.
    const capabilities = first.capabilities.map((capability) =>
      JSON.stringify(capability.type === "graceful-restart" ? { ...capability, families: [] } : capability)
    ).toSorted();
    const routes = new Map<string, unknown>();
    for (const message of heard ?? []) {
      if (message.type !== "UPDATE") continue;
      for (const { nlri } of message.unreach) for (const { text } of nlri.prefixes()) routes.delete(text);
      for (const { nlri, nextHops } of message.reach) {
        const way = [nextHops.map(({ text }) => text), message.attributes.med, message.attributes.asPath];
        for (const { text } of nlri.prefixes()) routes.set(text, way);
      }
    }
    const { localAddress, password, ttlSecurity, multihop, sendHoldTimeSeconds } =
      this.#sockets.get(peerKey(peer)) ?? {};
    const { negotiated } = this.end.speaker.status().find(({ name }) => name === peer.name) ?? {};
    const socket = { localAddress, password, ttlSecurity, multihop, sendHoldTimeSeconds };
    const times = [negotiated?.holdTimeSeconds, negotiated?.keepaliveTimeSeconds];
    return { socket, open: { ...first, capabilities }, times, routes };
  }
}

/** What becomes of the session of a peer by the words of `differ()`. */
function foretold(changes: readonly ConfigChange[], key: string): string {
  const all: string[] = [];
  for (const change of changes) {
    if (change.of === "local") all.push(change.sessions);
    if (change.of === "peer" && change.address === key) {
      all.push(change.change === "changed" ? change.session : change.change);
    }
  }
  return ["removed", "added", "reset", "advertise"].find((word) => all.includes(word)) ?? "untouched";
}

/** The last NOTIFICATION of a session. */
function lastWords({ words }: ProbeSession): string | undefined {
  return words.findLast((word) => word.startsWith("NOTIFICATION"));
}

const LAST_WORDS: Readonly<Record<string, string>> = {
  removed: "NOTIFICATION 6/3",
  reset: "NOTIFICATION 6/6",
};

Deno.test("Speaker.configure() does to each session what differ() says, and no other thing (CONTRACT Reload)", async () => {
  const counts: Record<string, number> = {};
  await fc.assert(
    fc.asyncProperty(pairs, async ([before, after]) => {
      const changes = differ(config({ bgp: before }), config({ bgp: after }));
      const world = new World(before);
      await world.establish(before);
      const sessions = new Map(before.peers.map((peer) => [peerKey(peer), world.sessions(peer).at(-1)]));
      const heard = new Map([...sessions].map(([key, session]) => [key, session?.heard.length]));

      world.end.speaker.configure(after.local, after.peers);
      await world.stage.clock.advance(5);
      for (const [key, session] of sessions) {
        const fate = foretold(changes, key);
        counts[fate] = (counts[fate] ?? 0) + 1;
        assert.ok(session !== undefined);
        assert.equal(lastWords(session), LAST_WORDS[fate], `${key}: ${fate}`);
        if (fate === "untouched") assert.equal(session.heard.length, heard.get(key), key);
      }

      world.end.speaker.announce(after.routes);
      await world.establish(after);
      const fresh = new World(after);
      await fresh.establish(after);
      for (const peer of after.peers) assert.deepEqual(world.told(peer), fresh.told(peer), peerKey(peer));
      await world.stage.close();
      await fresh.stage.close();
    }),
    { seed: 6, numRuns: 300 },
  );
  for (const fate of ["removed", "reset", "advertise", "untouched"]) {
    assert.ok((counts[fate] ?? 0) > 5, `${fate}: ${counts[fate]}`);
  }
});
