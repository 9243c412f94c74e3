/** GoBGP and our speaker. */
import { routerContract } from "../contract/router_contract.ts";
import { startGoBgp } from "../support/gobgp_router.ts";

routerContract({
  name: "GoBGP",
  packages: ["gobgpd"],
  start: startGoBgp,
  oldSpeakers: [],
  alwaysExtendedNextHop: true,
  extendedNextHopOverIPv4: true,
  refreshes: false,
  connectsToLinkLocal: true,
  flapsOfCollision: undefined,
  extendedMessages: false,
  enhancedRouteRefresh: false,
  extendedCommunities: ["65001:5", "65001:125000000"],
  cutsLists: false,
  noExport: "65535:65281",
});
