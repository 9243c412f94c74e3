/** What the phases of a service wait for: routes that are withdrawn, routers that were told, connections that have ended. Pure. */
import type { ActualKernel } from "../kernel/state.ts";
import type { PhaseFacts } from "./phase.ts";
import type { ServiceState } from "./state.ts";

/** What of a service decides whether it may go on to its next phase. */
export function phaseFacts(state: ServiceState): PhaseFacts {
  const { config, managed, routes, actual, phase, staleUntilMs } = state;
  const announced = [...routes.values()].some(({ announce }) => announce);
  const withdrawals = [...routes.values()].filter(({ announcedEver }) => announcedEver);
  return {
    announced,
    withdrawnMs: announced ? undefined : latest([
      ...withdrawals.map(({ sinceMs }) => sinceMs),
      ...staleUntilMs >= phase.sinceMs ? [phase.sinceMs] : [],
    ]),
    told: state.told,
    staleUntilMs,
    converges: managed.interfaces || managed.ipvs,
    quiesces: managed.ipvs && config.ports.length > 0,
    activeConnections: activeConnections(actual),
  };
}

function latest(moments: readonly number[]): number | undefined {
  return moments.length === 0 ? undefined : Math.max(...moments);
}

/** On all destinations; undefined before the kernel was read, and where there is no IPVS. */
export function openConnections(actual: ActualKernel | undefined): number | undefined {
  if (actual === undefined || actual.virtualServices.length === 0) return undefined;
  const destinations = actual.virtualServices.flatMap((virtualService) => virtualService.destinations);
  return destinations.reduce((sum, destination) => sum + destination.activeConnections, 0);
}

/** Undefined before the quiesced destinations were read. */
function activeConnections(actual: ActualKernel | undefined): number | undefined {
  const destinations = actual?.virtualServices.flatMap((virtualService) => virtualService.destinations);
  if (destinations === undefined || destinations.some(({ weight }) => weight > 0)) return undefined;
  return destinations.reduce((sum, destination) => sum + destination.activeConnections, 0);
}
