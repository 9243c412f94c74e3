/** FRR and our speaker. */
import assert from "node:assert/strict";
import { WellKnownCommunity } from "../../src/net/community.ts";
import { routerContract } from "../contract/router_contract.ts";
import { route } from "../support/bgp.ts";
import { startFrr } from "../support/frr_router.ts";
import { seen, speakerFor, type Theme } from "../support/interop_scene.ts";

/** It knows each well-known community by a name, and adds no-export to blackhole (RFC 7999 section 3.2). */
const wellKnown: Theme = (plan) => {
  const session = plan.add(4);
  return {
    sentence: "have the same names for well-known communities (IANA registry)",
    async run(scene) {
      await using us = speakerFor(scene, session);
      const rows = Object.entries(WellKnownCommunity).map(([name, community], index) => ({
        name: name === "no-export-subconfed" ? "local-AS" : name,
        prefix: `10.99.13.${index}/32`,
        community,
      }));
      us.speaker.announce(rows.map(({ prefix, community }) => route(prefix, { communities: [community] })));
      us.speaker.start();
      for (const { name, prefix } of rows) {
        const { communities } = await seen(scene, session, prefix);
        assert.deepEqual(communities, name === "blackhole" ? ["blackhole", "no-export"] : [name]);
      }
    },
  };
};

routerContract({
  name: "FRR",
  packages: ["frr"],
  start: startFrr,
  oldSpeakers: [
    { as: 65001, session: { noCapabilities: true }, asPath: "65001 65001" },
    { as: 65002, session: { noCapabilities: true }, asPath: "" },
    // It does without AS4_PATH from a speaker that has offered four-octet AS numbers, whatever it offers itself.
    { as: 4_200_000_001, session: { noCapabilities: true }, asPath: "23456 23456" },
  ],
  alwaysExtendedNextHop: false,
  extendedNextHopOverIPv4: false,
  refreshes: true,
  // It waits for a nexthop to be tracked that has no interface; unnumbered it does.
  connectsToLinkLocal: false,
  // Its own end of the lost connection takes the session along where the KEEPALIVE comes close behind our OPEN.
  flapsOfCollision: 1,
  extendedMessages: true,
  enhancedRouteRefresh: true,
  extendedCommunities: ["RT:65001:5", "LB:65001:125000000"],
  cutsLists: false,
  noExport: "no-export",
}, [wellKnown]);
