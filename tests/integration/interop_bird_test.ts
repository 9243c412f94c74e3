/** BIRD and our speaker. */
import { routerContract } from "../contract/router_contract.ts";
import { startBird } from "../support/bird_router.ts";

routerContract({
  name: "BIRD",
  packages: ["bird2"],
  start: startBird,
  oldSpeakers: [
    { as: 65001, session: { noCapabilities: true }, asPath: "65001 65001" },
    { as: 65002, session: { noCapabilities: true }, asPath: "" },
    { as: 4_200_000_001, session: { noCapabilities: true, peerAs: 23456 }, asPath: "4200000001 4200000001" },
    { as: 65001, session: { twoOctetAs: true }, asPath: "65001 65001" },
    { as: 65002, session: { twoOctetAs: true }, asPath: "" },
    // Its configuration cannot name a four-octet AS then.
    { as: 4_200_000_001, session: { twoOctetAs: true, anyAs: true }, asPath: "4200000001 4200000001" },
  ],
  alwaysExtendedNextHop: false,
  extendedNextHopOverIPv4: true,
  refreshes: true,
  connectsToLinkLocal: true,
  flapsOfCollision: 0,
  extendedMessages: true,
  enhancedRouteRefresh: true,
  extendedCommunities: ["rt:65001:5", "unknown 0x4004:65001:1290693416"],
  cutsLists: true,
  noExport: "65535:65281",
});
