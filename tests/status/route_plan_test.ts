// routePlans(): which peers would be told what of which route.
import assert from "node:assert/strict";
import type { AnnounceConfig, Config, PeerConfig, ServiceConfig } from "../../src/config/config.ts";
import {
  configuredRoutes,
  type RoutePlans,
  routePlans,
  type RouteSet,
  type RouteWords,
} from "../../src/status/route_plan.ts";
import { VALID_FILES } from "../config/arbitrary.ts";
import { configOf } from "../config/text.ts";
import { address, localBgp, peerConfig } from "../support/bgp.ts";
import { config, serviceConfig } from "../support/config.ts";

const inside = peerConfig({ name: "inside", address: address("10.0.0.1"), as: 65512 });
const outside = peerConfig({ name: "outside", address: address("10.0.0.2"), as: 65001 });
const both = peerConfig({
  name: "both",
  address: address("10.0.0.3"),
  as: 65512,
  families: ["ipv4-unicast", "ipv6-unicast"],
});
const PEERS = [inside, outside, both];
const NOTHING: RoutePlans = { announced: [], changed: [], withdrawn: [] };

function withServices(
  services: readonly Partial<ServiceConfig>[],
  peers: readonly PeerConfig[] = PEERS,
): Config {
  return config({
    bgp: { local: localBgp({ as: 65512 }), peers },
    services: services.map((service) => serviceConfig(service)),
  });
}

function withAnnounce(announce: Partial<AnnounceConfig>, peers = PEERS): Config {
  return withServices([{ announce: { ...serviceConfig().announce, ...announce } }], peers);
}

function all(config: Config): RouteSet {
  return { config, routes: configuredRoutes(config, () => "at once") };
}

function plans(old: Config, next: Config): RoutePlans {
  return routePlans(all(old), all(next));
}

const WEB = { prefix: "10.99.0.1/32", service: "web", when: "at once" } as const;

Deno.test("routePlans() of the same routes are empty, whatever the order of lists and the names of peers", () => {
  const old = withAnnounce({ communities: [1, 2] });
  assert.deepEqual(plans(old, old), NOTHING);
  assert.deepEqual(plans(old, withAnnounce({ communities: [2, 1] })), NOTHING);
  assert.deepEqual(plans(old, withAnnounce({ communities: [1, 2] }, [both, outside, inside])), NOTHING);
  const renamed = PEERS.map((peer) => ({ ...peer, name: `${peer.name}-2` }));
  const named = withAnnounce({ peers: ["inside"] });
  assert.deepEqual(plans(named, withAnnounce({ peers: ["inside-2"] }, renamed)), NOTHING);
});

Deno.test("routePlans() tell of a changed attribute only the peers to whom it is sent (RFC 4271 5.1.5)", () => {
  const old = withAnnounce({ med: 100 });
  assert.deepEqual(plans(old, withAnnounce({ med: 50 })).changed, [
    { ...WEB, from: { med: 100 }, to: { med: 50 } },
  ]);
  assert.deepEqual(plans(old, withAnnounce({})).changed, [{ ...WEB, from: { med: 100 }, to: {} }]);
  assert.deepEqual(plans(old, withAnnounce({ med: 100, localPreference: 9, asPathPrepend: 2 })), {
    ...NOTHING,
    changed: [
      {
        ...WEB,
        toPeers: ["inside", "both"],
        from: { localPreference: 100 },
        to: { localPreference: 9 },
      },
      { ...WEB, toPeers: ["outside"], from: {}, to: { asPathPrepend: 2 } },
    ],
  });
});

Deno.test("routePlans() tell of a next hop that a peer is given", () => {
  const moved = withAnnounce({}, [{ ...inside, nextHop: address("10.0.0.9") }, outside, both]);
  assert.deepEqual(plans(withAnnounce({}), moved).changed, [
    { ...WEB, toPeers: ["inside"], from: {}, to: { nextHop: "10.0.0.9" } },
  ]);
});

Deno.test("routePlans() withdraw from peers that a service names no more, and announce to those that it names now", () => {
  const next = withAnnounce({ peers: ["outside", "both"] });
  assert.deepEqual(plans(withAnnounce({ peers: ["inside", "both"] }), next), {
    announced: [{ ...WEB, toPeers: ["outside"], to: {} }],
    changed: [],
    withdrawn: [{ ...WEB, toPeers: ["inside"] }],
  });
});

Deno.test("routePlans() go by service and prefix, and by the families of peers", () => {
  const old = withServices([{ addresses: [address("10.99.0.1"), address("10.99.0.2")] }]);
  const next = withServices([{ addresses: [address("10.99.0.1"), address("2001:db8::1")] }]);
  assert.deepEqual(plans(old, next), {
    announced: [{
      ...WEB,
      prefix: "2001:db8::1/128",
      toPeers: ["both"],
      to: { localPreference: 100 },
    }],
    changed: [],
    withdrawn: [{ ...WEB, prefix: "10.99.0.2/32" }],
  });
  const wider = withServices([{ prefixLengths: new Map([["10.99.0.1", 24]]) }]);
  const lengthened = plans(withServices([{}]), wider);
  assert.deepEqual(lengthened.withdrawn, [WEB]);
  assert.deepEqual(lengthened.announced.map(({ prefix }) => prefix), ["10.99.0.0/24", "10.99.0.0/24"]);
  assert.equal(plans(withServices([{}]), withServices([{ name: "other" }])).announced[0]?.service, "other");
});

Deno.test("routePlans() leave to sessions what peers are told that are new or gone", () => {
  const old = withAnnounce({ med: 1 }, [inside, outside]);
  const next = withAnnounce({ med: 2 }, [outside, both]);
  assert.deepEqual(plans(old, next), {
    ...NOTHING,
    changed: [{ ...WEB, from: { med: 1 }, to: { med: 2 } }],
  });
});

Deno.test("routePlans() of a start announce every route to every peer that is told of it", () => {
  const { announced, ...rest } = routePlans(undefined, all(withAnnounce({ med: 5 })));
  assert.deepEqual(rest, { changed: [], withdrawn: [] });
  assert.deepEqual(announced, [
    { ...WEB, toPeers: ["inside", "both"], to: { med: 5, localPreference: 100 } },
    { ...WEB, toPeers: ["outside"], to: { med: 5 } },
  ]);
});

Deno.test("configuredRoutes() has none of a disabled service, nor those that come never", () => {
  const two = withServices([{}, { name: "off", enabled: false, addresses: [address("10.99.0.2")] }]);
  assert.deepEqual(all(two).routes.map(({ service }) => service), ["web"]);
  assert.deepEqual(configuredRoutes(two, () => undefined), []);
});

Deno.test("routePlans() between any two configurations lead from what peers are told to what they are told then", () => {
  const configs = VALID_FILES.map((file) => configOf(JSON.stringify(file)));
  let seen = 0;
  configs.forEach((old, index) => {
    const other = configs[(index + 1) % configs.length] ?? old;
    // The same peers: of others sessions tell.
    const services = [...other.services.slice(0, 1), ...old.services.slice(1)]
      .map((service) => ({ ...service, announce: { ...service.announce, peers: undefined } }));
    const next = { ...old, services };
    const told = (config: Config) =>
      new Map(
        routePlans(undefined, all(config)).announced.flatMap(({ service, prefix, toPeers, to }) =>
          (toPeers ?? config.bgp.peers.map(({ name }) => name)).map((peer) =>
            [`${service} ${prefix} ${peer}`, to] as const
          )
        ),
      );
    const now = new Map<string, RouteWords | undefined>(told(old));
    const { announced, changed, withdrawn } = plans(old, next);
    const keys = ({ service, prefix, toPeers }: (typeof announced)[number]) =>
      (toPeers ?? old.bgp.peers.map(({ name }) => name)).map((peer) => `${service} ${prefix} ${peer}`);
    for (const plan of withdrawn) for (const key of keys(plan)) assert.ok(now.delete(key), key);
    for (const plan of announced) {
      for (const key of keys(plan)) {
        assert.ok(!now.has(key), key);
        now.set(key, plan.to);
      }
    }
    for (const plan of changed) {
      for (const key of keys(plan)) {
        const gone = Object.keys(plan.from ?? {});
        const kept = Object.entries(now.get(key) ?? assert.fail(key)).filter(([name]) =>
          !gone.includes(name)
        );
        now.set(key, { ...Object.fromEntries(kept), ...plan.to });
      }
    }
    assert.deepEqual(now, told(next));
    seen += announced.length + changed.length + withdrawn.length;
  });
  assert.ok(seen > 50, `${seen}`);
});
