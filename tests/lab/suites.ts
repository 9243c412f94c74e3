/** Which scenarios make the suite and the demo of each kind of place, in the order in which they run. */
import type { LabWorld } from "./lab_world.ts";
import type { Scenario } from "./scenario.ts";
import { agentsAnswer, bothAnnounce, kernelObjects, requestsSpread } from "./scenarios/announce.ts";
import { applicationDies, applicationHangs, applicationRecovers } from "./scenarios/health.ts";
import { destinationsChecked } from "./scenarios/destinations.ts";
import { documentedCommands } from "./scenarios/docs.ts";
import { doctorScenarios } from "./scenarios/doctor.ts";
import { everyWay } from "./scenarios/data_plane.ts";
import { gracefulScenarios } from "./scenarios/graceful.ts";
import { agentKilledWhileItStarts } from "./scenarios/killed_start.ts";
import { contestedScenarios, meddledIpvs, meddledLinks, meddledWholeLinks } from "./scenarios/meddling.ts";
import { addressRepaired, foreignSurvives, repairScenarios } from "./scenarios/repair.ts";
import { keptAcross } from "./scenarios/kept.ts";
import {
  agentKilled,
  agentKilledAnnounceOnly,
  agentStopsAtOnce,
  routerRestarts,
} from "./scenarios/restart.ts";
import { startedWithoutDestination, startedWithoutService } from "./scenarios/load_handover.ts";
import { drained, reloaded } from "./scenarios/load_orders.ts";
import {
  killedWithGracefulRestart,
  killedWithoutGracefulRestart,
  rollingRestart,
} from "./scenarios/load_restart.ts";
import { agentStops, agentStopsAnnounceOnly, allStop, allStopAnnounceOnly } from "./scenarios/stop.ts";
import { throughTheService } from "./scenarios/through.ts";
import type { RoutingDaemon } from "./router.ts";
import type { World } from "./world.ts";

/** Everything, with a real kernel. Later ones judge what the earlier ones left. */
export const kernelSuite: readonly Scenario<World>[] = [
  bothAnnounce,
  requestsSpread,
  ...kernelObjects,
  agentsAnswer,
  applicationDies,
  applicationRecovers,
  applicationHangs,
  routerRestarts,
  agentKilled,
  agentKilledWhileItStarts,
  agentStopsAtOnce,
  ...repairScenarios,
  ...gracefulScenarios,
  foreignSurvives,
  ...doctorScenarios,
  documentedCommands,
  agentStops,
  allStop,
];

/** What is done under client load, on a network of its own. */
export const loadSuite: readonly Scenario<World<RoutingDaemon>>[] = [
  drained,
  reloaded,
  rollingRestart,
  startedWithoutService,
  startedWithoutDestination,
  killedWithGracefulRestart,
  killedWithoutGracefulRestart,
];

/** What goes to other hosts, and the kernel that somebody else meddles with. */
export const dataPlaneSuite: readonly Scenario<World>[] = [
  everyWay,
  keptAcross,
  destinationsChecked,
  throughTheService,
  meddledIpvs,
  meddledLinks,
  meddledWholeLinks,
  ...contestedScenarios,
];

/** What another router's graceful restart could do otherwise. */
export const frrSuite: readonly Scenario<World<RoutingDaemon>>[] = [rollingRestart];

/** The main job, with a real kernel. */
export const kernelDemo: readonly Scenario<World>[] = [
  bothAnnounce,
  agentsAnswer,
  requestsSpread,
  applicationDies,
  applicationRecovers,
  addressRepaired,
  agentStops,
  allStop,
];

/** Everything that announcing alone can show. */
export const announceOnlySuite: readonly Scenario<LabWorld>[] = [
  bothAnnounce,
  agentsAnswer,
  requestsSpread,
  applicationDies,
  applicationRecovers,
  applicationHangs,
  agentKilledAnnounceOnly,
  agentStopsAnnounceOnly,
  allStopAnnounceOnly,
];

/** The main job, as far as announcing alone goes. */
export const announceOnlyDemo: readonly Scenario<LabWorld>[] = [
  bothAnnounce,
  agentsAnswer,
  requestsSpread,
  applicationDies,
  applicationRecovers,
  agentStopsAnnounceOnly,
  allStopAnnounceOnly,
];
