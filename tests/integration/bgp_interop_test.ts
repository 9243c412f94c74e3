/**
 * The speaker against BIRD, FRR and GoBGP alike, over prepared sockets in network namespaces: attributes, families,
 * refresh, shutdown messages, graceful restart, link-local peering. Needs root; a daemon that is not installed is skipped.
 */
import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { Sockets } from "../../ffi/sockets.ts";
import { Speaker } from "../../src/bgp/speaker.ts";
import type { Transport } from "../../src/bgp/transport.ts";
import { socketTransport } from "../../src/bgp/transport_socket.ts";
import type { PeerConfig } from "../../src/config/config.ts";
import { systemClock } from "../../src/time/clock.ts";
import { address, localBgp, peerConfig, route } from "../support/bgp.ts";
import { canMakeNamespaces, type NamespacePair, namespacePair, socketsInside } from "../support/namespace.ts";
import { appears, disappears, type Router, type RouterKind, ROUTERS } from "../support/routers.ts";
import { until, within } from "../support/until.ts";

const namespaces = await canMakeNamespaces();
const LIMIT_MS = 40_000;
const ROUTER_AS = 65_002;
const NO_EXPORT = 0xffffff01;

interface Site {
  readonly namespaces: NamespacePair;
  readonly transport: Transport;
  readonly kind: RouterKind;
}

/** Our end, the router's end, and the zone of ours where they are link-local. */
interface Ends {
  readonly ours: string;
  readonly routers: string;
  readonly zone?: string;
  readonly routersZone?: string;
}

const OVER_IPV4: Ends = { ours: "10.9.0.1", routers: "10.9.0.2" };
const OVER_IPV6: Ends = { ours: "fd09::1", routers: "fd09::2" };
const LINK_LOCAL: Ends = { ours: "fe80::a", routers: "fe80::b", zone: "va", routersZone: "vb" };

function test(
  sentence: string,
  source: string,
  body: (site: Site) => Promise<void>,
  kinds: readonly RouterKind[] = ROUTERS,
): void {
  for (const kind of kinds) {
    Deno.test(`Speaker and ${kind.name} ${sentence} (${source})`, async (t) => {
      if (!namespaces || !await kind.installed()) {
        return void await t.step({ name: "needs root and the daemon", ignore: true, fn() {} });
      }
      await using pair = await namespacePair();
      using libc = openLibc();
      await using reactor = new Reactor(libc);
      const sockets = socketsInside(pair.a, new Sockets(libc, reactor));
      const transport = socketTransport({ sockets, localAs: 65_001 });
      await within(body({ namespaces: pair, transport, kind }), sentence, LIMIT_MS);
    });
  }
}

function start(
  { kind, namespaces }: Site,
  ends: Ends,
  options: { readonly ourAs?: number; readonly gracefulRestart?: boolean } = {},
): Promise<Router> {
  const zone = ends.routersZone === undefined ? "" : `%${ends.routersZone}`;
  return kind.start({
    namespace: namespaces.b,
    as: ROUTER_AS,
    ourAs: options.ourAs ?? 65_001,
    own: `${ends.routers}${zone}`,
    neighbour: `${ends.ours}${zone}`,
    gracefulRestart: options.gracefulRestart ?? false,
  });
}

/** A speaker that connects to the router; disposing ends it without a word. */
function speak(
  { transport }: Site,
  ends: Ends,
  options: { readonly ourAs?: number; readonly restarting?: boolean; readonly peer?: Partial<PeerConfig> } =
    {},
): Speaker & Disposable {
  const speaker = new Speaker({
    local: localBgp({
      routerID: address("10.9.0.1"),
      as: options.ourAs ?? 65_001,
      address6: address("fd09::1"),
    }),
    peers: [
      peerConfig({
        address: address(ends.routers),
        zone: ends.zone,
        as: ROUTER_AS,
        connectRetryTimeMs: 500,
        families: ["ipv4-unicast", "ipv6-unicast"],
        ...options.peer,
      }),
    ],
    transport,
    clock: systemClock,
    random: Math.random,
    restarting: options.restarting ?? false,
    onEvent: () => {},
  });
  return Object.assign(speaker, { [Symbol.dispose]: () => speaker.abort() });
}

function established(speaker: Speaker): Promise<void> {
  const state = () => speaker.status()[0];
  return until(() => state()?.state === "Established", () => JSON.stringify(state()), 20_000);
}

test(
  "agree on every attribute of both families over IPv4",
  "eBGP, RFC 4271, 1997, 8092, 4760",
  async (site) => {
    await using router = await start(site, OVER_IPV4);
    using speaker = speak(site, OVER_IPV4);
    const attributes = {
      med: 7,
      communities: [65_001 * 65_536 + 100, NO_EXPORT],
      largeCommunities: [[65_001, 1, 4_000_000_000]] as const,
      asPathPrepend: 2,
    };
    speaker.announce([route("10.99.0.1/32", attributes), route("2001:db8:9::1/128", attributes)]);
    speaker.start();
    await established(speaker);
    const expected = {
      asPath: [65_001, 65_001, 65_001],
      med: 7,
      communities: ["65001:100", "65535:65281"],
      largeCommunities: ["65001:1:4000000000"],
    };
    for (
      const [prefix, nextHop] of [["10.99.0.1/32", "10.9.0.1"], ["2001:db8:9::1/128", "fd09::1"]] as const
    ) {
      const { localPreference: _, ...seen } = await appears(router, prefix);
      assert.deepEqual(seen, { ...expected, nextHop });
    }
    speaker.announce([route("2001:db8:9::1/128")]);
    await disappears(router, "10.99.0.1/32");
    speaker.announce([]);
    await disappears(router, "2001:db8:9::1/128");
  },
);

test(
  "exchange routes of both families over IPv6 with LOCAL_PREF and an empty AS_PATH",
  "iBGP, RFC 4271",
  async (site) => {
    await using router = await start(site, OVER_IPV6, { ourAs: ROUTER_AS });
    using speaker = speak(site, OVER_IPV6, { ourAs: ROUTER_AS, peer: { nextHop: address("10.9.0.1") } });
    speaker.announce([
      route("10.99.0.1/32", { localPreference: 250 }),
      route("2001:db8:9::1/128", { localPreference: 250 }),
    ]);
    speaker.start();
    await established(speaker);
    for (
      const [prefix, nextHop] of [["10.99.0.1/32", "10.9.0.1"], ["2001:db8:9::1/128", "fd09::1"]] as const
    ) {
      const seen = await appears(router, prefix);
      assert.deepEqual([seen.asPath, seen.localPreference, seen.nextHop], [[], 250, nextHop]);
    }
  },
);

test("peer over link-local addresses", "unnumbered, RFC 2545", async (site) => {
  await using router = await start(site, LINK_LOCAL);
  using speaker = speak(site, LINK_LOCAL);
  speaker.announce([route("2001:db8:9::1/128")]);
  speaker.start();
  await established(speaker);
  assert.equal((await appears(router, "2001:db8:9::1/128")).nextHop, "fd09::1");
});

test("refresh routes on request", "route refresh, RFC 2918, 7313", async (site) => {
  await using router = await start(site, OVER_IPV4);
  using speaker = speak(site, OVER_IPV4);
  speaker.announce([route("10.99.0.1/32"), route("2001:db8:9::1/128")]);
  speaker.releaseEndOfRib();
  speaker.start();
  await established(speaker);
  await appears(router, "2001:db8:9::1/128");
  const before = speaker.status()[0];
  await router.refresh();
  await until(() => (speaker.status()[0]?.messages.received["ROUTE-REFRESH"] ?? 0) >= 2);
  const after = speaker.status()[0];
  assert.equal((after?.messages.sent.UPDATE ?? 0) - (before?.messages.sent.UPDATE ?? 0), 2);
  assert.equal(after?.state, "Established");
  await appears(router, "10.99.0.1/32");
}, ROUTERS.filter(({ refreshes }) => refreshes));

test("tell each other why they end", "shutdown message, RFC 9003", async (site) => {
  await using router = await start(site, OVER_IPV4);
  using speaker = speak(site, OVER_IPV4);
  speaker.start();
  await established(speaker);
  await router.shutdown("maintenance until 6");
  await until(() => speaker.status()[0]?.lastNotificationReceived !== undefined);
  const note = speaker.status()[0]?.lastNotificationReceived;
  assert.equal(note?.communication, "maintenance until 6");
  assert.match(speaker.status()[0]?.lastError?.text ?? "", /^peer sent Cease\/Administrative Shutdown/);
});

test(
  "keep the routes over a handover and drop at its End-of-RIB what is gone",
  "graceful restart, RFC 4724",
  async (site) => {
    await using router = await start(site, OVER_IPV4, { gracefulRestart: true });
    const peer = { gracefulRestart: { restartTimeSeconds: 60 } };
    {
      using speaker = speak(site, OVER_IPV4, { peer });
      speaker.announce([route("10.99.0.1/32"), route("10.99.0.2/32"), route("2001:db8:9::1/128")]);
      speaker.releaseEndOfRib();
      speaker.start();
      await established(speaker);
      await appears(router, "10.99.0.2/32");
      await appears(router, "2001:db8:9::1/128");
      await speaker.stop({ mode: "handover" });
    }
    assert.ok(await router.route("10.99.0.1/32") !== undefined, "the routes were dropped");
    using speaker = speak(site, OVER_IPV4, { peer, restarting: true });
    speaker.announce([route("10.99.0.1/32")]);
    speaker.start();
    await established(speaker);
    await until(() => (speaker.status()[0]?.advertised.length ?? 0) === 1);
    assert.ok(await router.route("10.99.0.2/32") !== undefined, "dropped before End-of-RIB");
    assert.ok(await router.route("2001:db8:9::1/128") !== undefined, "dropped before End-of-RIB");
    speaker.releaseEndOfRib();
    await disappears(router, "10.99.0.2/32");
    await disappears(router, "2001:db8:9::1/128");
    assert.ok(await router.route("10.99.0.1/32") !== undefined);
    await speaker.stop({ mode: "shutdown", communication: "bye" });
    await disappears(router, "10.99.0.1/32");
  },
);

test("carry IPv4 routes with an IPv6 next hop", "extended next hop, RFC 8950", async (site) => {
  await using router = await start(site, OVER_IPV6);
  using speaker = speak(site, OVER_IPV6, { peer: { nextHop: address("fd09::1") } });
  speaker.announce([route("10.99.0.1/32")]);
  speaker.start();
  await established(speaker);
  assert.equal((await appears(router, "10.99.0.1/32")).nextHop, "fd09::1");
}, ROUTERS.filter(({ extendedNextHop }) => extendedNextHop));
