/** FRR and our speaker. */
import { routerContract } from "../contract/router_contract.ts";
import { startFrr } from "../support/frr_router.ts";

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
});
