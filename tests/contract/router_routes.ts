/** What routers see of our routes: every family over every transport, attributes, next hops, many of them, again on request. */
import assert from "node:assert/strict";
import { address, route } from "../support/bgp.ts";
import { OURS, ROUTER_AS } from "../support/interop.ts";
import { gone, seen, speakerFor, type Theme } from "../support/interop_scene.ts";
import { eventually, until } from "../support/until.ts";

const FOUR_OCTETS = 4_200_000_001;

const families: Theme = (plan) => {
  const rows = ([
    { over: 4, as: 65001, families: [4, 6] },
    { over: 6, as: 65001, families: [4, 6] },
    { over: 4, as: FOUR_OCTETS, families: [6] },
    { over: 6, as: FOUR_OCTETS, families: [4] },
    { over: 4, as: ROUTER_AS, families: [4, 6] },
    { over: 6, as: ROUTER_AS, families: [4, 6] },
  ] as const).map((row) => ({
    ...row,
    session: plan.add(row.over, { peerAs: row.as, families: row.families }),
  }));
  return {
    sentence:
      "carry both families over both, inside and outside, in every combination (RFC 4271, 4760, 2545)",
    async run(scene) {
      await Promise.all(rows.map(async ({ over, as, families, session }) => {
        await using us = speakerFor(scene, session);
        const routes = families.map((family) =>
          route(family === 4 ? "10.99.1.1/32" : "2001:db8:1::1/128", { localPreference: 250 })
        );
        us.speaker.announce(routes);
        us.speaker.start();
        await us.established();
        for (const { prefix } of routes) {
          const found = await seen(scene, session, prefix.text);
          const { family } = prefix.address;
          const own = family === over || (family === 4 && scene.kind.alwaysExtendedNextHop);
          const nextHop = own ? session.neighbor : OURS[family];
          assert.deepEqual(found.nextHops.slice(0, 1), [nextHop], `${prefix.text} over IPv${over}`);
          assert.equal(found.asPath, as === ROUTER_AS ? "" : String(as));
          assert.equal(found.localPref === 250, as === ROUTER_AS);
        }
        us.speaker.announce(routes.slice(1));
        await gone(scene, session, routes[0]?.prefix.text ?? "");
        for (const { prefix } of routes.slice(1)) await seen(scene, session, prefix.text);
        us.speaker.announce([]);
        for (const { prefix } of routes) await gone(scene, session, prefix.text);
        assert.equal(us.status().state, "Established");
      }));
    },
  };
};

const LINK_BANDWIDTH = Uint8Array.of(0x40, 4, 0xfd, 0xe9, 0x4c, 0xee, 0x6b, 0x28);
const ROUTE_TARGET = Uint8Array.of(0, 2, 0xfd, 0xe9, 0, 0, 0, 5);

const attributes: Theme = (plan) => {
  const session = plan.add(4);
  return {
    sentence: "agree on MED, prepended AS_PATH and communities of every kind (RFC 1997, 4360, 8092)",
    async run(scene) {
      const prefix = "10.99.2.1/32";
      await using us = speakerFor(scene, session);
      us.speaker.announce([
        route(prefix, {
          med: 0,
          communities: [0xfde90064, 0xffffff01],
          largeCommunities: [[65001, 1, 4_000_000_000]],
          extendedCommunities: [LINK_BANDWIDTH, ROUTE_TARGET],
          asPathPrepend: 2,
        }),
      ]);
      us.speaker.start();
      const full = await seen(scene, session, prefix);
      assert.equal(full.asPath, "65001 65001 65001");
      assert.equal(full.med, 0);
      assert.deepEqual(full.communities, ["65001:100", scene.kind.noExport]);
      assert.deepEqual(full.largeCommunities, ["65001:1:4000000000"]);
      assert.deepEqual(full.extendedCommunities, scene.kind.extendedCommunities);
      us.speaker.announce([route(prefix, { med: 4_294_967_295 })]);
      await eventually(() => seen(scene, session, prefix), ({ med }) => med === 4_294_967_295, "new MED");
      const bare = await seen(scene, session, prefix);
      assert.deepEqual([bare.communities, bare.largeCommunities, bare.asPath], [[], [], "65001"]);
      if (scene.kind.cutsLists) return;
      // Attributes of more than 255 octets, and an AS_PATH of two segments.
      const communities = Array.from({ length: 200 }, (_, i) => 0xfde90000 + i);
      us.speaker.announce([route(prefix, { communities, asPathPrepend: 300 })]);
      const long = await eventually(
        () => seen(scene, session, prefix),
        (found) => found.communities.length === 200,
        "200 communities",
      );
      assert.deepEqual(long.communities.slice(-1), ["65001:199"]);
      assert.deepEqual(long.asPath.split(" "), new Array(301).fill("65001"));
    },
  };
};

const oldSpeakers: Theme = (plan) => {
  const rows = plan.kind.oldSpeakers.map((row) => ({
    ...row,
    session: plan.add(4, { families: [4], peerAs: row.as, ...row.session }),
  }));
  return {
    sentence: "meet where the router has no capabilities, or two-octet AS numbers only (RFC 5492, 6793)",
    async run(scene) {
      await Promise.all(rows.map(async ({ as, session, asPath }) => {
        await using us = speakerFor(scene, session, { local: { as } });
        us.speaker.announce([route("10.99.3.1/32", { asPathPrepend: 1 })]);
        us.speaker.start();
        const found = await seen(scene, session, "10.99.3.1/32");
        assert.equal(us.status().negotiated?.fourOctetAs, false);
        assert.equal(found.asPath, asPath, session.neighbor);
      }));
    },
  };
};

const extendedNextHop: Theme = (plan) => {
  const rows = [
    { session: plan.add(6, { extendedNextHop: true }), works: true },
    { session: plan.add(4, { extendedNextHop: true }), works: plan.kind.extendedNextHopOverIPv4 },
    { session: plan.add(6), works: plan.kind.alwaysExtendedNextHop },
  ];
  return {
    sentence:
      "carry IPv4 with an IPv6 next hop where both can, and hold it where the router cannot (RFC 8950)",
    async run(scene) {
      await Promise.all(rows.map(async ({ session, works }) => {
        await using us = speakerFor(scene, session, { peer: { nextHop: address(OURS[6]) } });
        us.speaker.announce([route("10.99.4.1/32"), route("2001:db8:4::1/128")]);
        us.speaker.start();
        await seen(scene, session, "2001:db8:4::1/128");
        if (works) {
          const { nextHops } = await seen(scene, session, "10.99.4.1/32");
          assert.deepEqual(nextHops.slice(0, 1), [OURS[6]], session.neighbor);
        } else {
          assert.match(us.status().held[0]?.reason ?? "", /RFC 8950/);
        }
      }));
    },
  };
};

const refresh: Theme = (plan) => {
  const session = plan.add(4);
  return {
    sentence: "refresh both families on request, without a flap (RFC 2918, 7313)",
    async run(scene) {
      await using us = speakerFor(scene, session);
      us.speaker.announce([route("10.99.5.1/32"), route("2001:db8:5::1/128")]);
      us.speaker.releaseEndOfRib();
      us.speaker.start();
      await seen(scene, session, "10.99.5.1/32");
      await seen(scene, session, "2001:db8:5::1/128");
      const { enhancedRouteRefresh } = us.status().negotiated ?? {};
      assert.equal(enhancedRouteRefresh, scene.kind.enhancedRouteRefresh);
      const before = us.status().messages;
      await scene.router.refresh(session.neighbor);
      if (scene.kind.refreshes) {
        await until(
          () => us.status().messages.sent.UPDATE >= before.sent.UPDATE + 2,
          () => JSON.stringify(us.status().messages),
        );
      }
      await seen(scene, session, "10.99.5.1/32");
      await seen(scene, session, "2001:db8:5::1/128");
      assert.equal(us.status().flaps, 0);
      assert.equal(us.status().state, "Established");
    },
  };
};

const many: Theme = (plan) => {
  const rows = [
    { session: plan.add(4), extended: false },
    ...(plan.kind.extendedMessages
      ? [{ session: plan.add(6, { extendedMessages: true }), extended: true }]
      : []),
  ];
  return {
    sentence: "pass on 10,000 prefixes, complete, and take them back, with long messages too (RFC 8654)",
    async run(scene) {
      const index = Array.from({ length: 5000 }, (_, i) => i);
      const routes = [
        ...index.map((i) => route(`10.100.${i >>> 8}.${i & 255}/32`)),
        ...index.map((i) => route(`2001:db8:100::${(i + 1).toString(16)}/128`)),
      ];
      await Promise.all(rows.map(async ({ session, extended }) => {
        await using us = speakerFor(scene, session);
        us.speaker.announce(routes);
        us.speaker.start();
        await us.established();
        if (extended) assert.equal(us.status().negotiated?.extendedMessage, true);
        const counts = () =>
          Promise.all(([4, 6] as const).map((family) => scene.router.count(session.neighbor, family)));
        await eventually(counts, ([four, six]) => four === 5000 && six === 5000, "all of them");
        us.speaker.announce(routes.slice(0, 1));
        await eventually(counts, ([four, six]) => four === 1 && six === 0, "one of them");
        assert.equal(us.status().flaps, 0);
      }));
    },
  };
};

/** What is about routes. */
export const ROUTE_THEMES: readonly Theme[] = [
  families,
  attributes,
  oldSpeakers,
  extendedNextHop,
  refresh,
  many,
];
