/** What a reload would do, foretold by the machines that would do it: the services' next states, and the kernel's changes. */
import type { Config } from "../config/config.ts";
import { describeChange } from "../kernel/change.ts";
import { diff } from "../kernel/diff.ts";
import type { Managed } from "../kernel/kernel.ts";
import { made, merge, within } from "../kernel/merge.ts";
import type { ActualKernel, DesiredKernel } from "../kernel/state.ts";
import { desiredKernel } from "../service/desired.ts";
import { serviceVerdict } from "../service/gates.ts";
import { kernelOf, type Leaving } from "../service/leaving.ts";
import type { Phase } from "../service/phase.ts";
import type { Reconfiguration } from "../service/reconfiguration.ts";
import type { RouteDecision, ServiceState } from "../service/state.ts";
import { type KernelStage, kernelStages, type Plan, reloadPlan } from "../status/plan.ts";
import type { PlannedMoment, PlannedRoute } from "../status/route_plan.ts";

/** What a plan is made of. */
export interface PlanSource {
  /** What runs. */
  readonly old: Config;
  /** What the file says. */
  readonly file: Config;
  /** The services as they are. */
  readonly running: Iterable<ServiceState>;
  /** What the kernel should have now. */
  readonly desired: DesiredKernel;
  /** What the services would be. */
  readonly next: Reconfiguration;
  readonly managed: Managed;
  /** What the kernel has; undefined: it is not ours, or could not be read. */
  readonly actual: ActualKernel | undefined;
  readonly warnings: readonly string[];
}

/** The plan of a reload. */
export function planReload(
  { old, file, running, desired, next, managed, actual, warnings }: PlanSource,
): Plan {
  const states = [...next.states.values()];
  const isGoing = new Map(states.filter(({ removed }) => removed).map((state) => [state.config.name, state]));
  return reloadPlan({
    old,
    next: file,
    before: [...running].flatMap((state) =>
      [...state.routes.values()].filter(({ announce }) => announce).map(({ route }): PlannedRoute => {
        const shifts = isGoing.has(state.config.name) && state.config.stop.shiftMs > 0;
        return { ...route, service: state.config.name, when: shifts ? "in order" : "at once" };
      })
    ),
    after: states.filter(({ removed }) => !removed).flatMap(routesOf),
    kernel: actual === undefined ? [] : stagesOf({ states, leaving: next.leaving, desired, managed }, actual),
    warnings,
  });
}

/** The routes that a service would have in the end, as far as its health lets it. */
function routesOf(state: ServiceState): readonly PlannedRoute[] {
  return [...state.routes.values()].flatMap((decision): readonly PlannedRoute[] => {
    const when = momentOf(state, decision);
    return when === undefined ? [] : [{ ...decision.route, service: state.config.name, when }];
  });
}

/** When a route is there; undefined: it is not, until somebody orders otherwise. */
function momentOf(state: ServiceState, { announce, gates }: RouteDecision): PlannedMoment | undefined {
  if (announce) return "at once";
  const shut = gates.filter(({ open }) => !open).map(({ name }) => name);
  if (shut.includes("enabled") || shut.includes("not drained")) return undefined;
  return serviceVerdict(state.verdicts).verdict === "healthy" ? "in order" : "when healthy";
}

/** The kernel's changes, by what they wait for: what is made is made first, what is broken is broken last. */
function stagesOf(
  { states, leaving, desired, managed }: {
    readonly states: readonly ServiceState[];
    readonly leaving: readonly Leaving[];
    readonly desired: DesiredKernel;
    readonly managed: Managed;
  },
  actual: ActualKernel,
): readonly KernelStage[] {
  const next = desiredKernel(states);
  const quiesced = <T extends { readonly phase: Phase }>(each: T): T => {
    return { ...each, phase: { ...each.phase, name: "quiescing" } };
  };
  const going = states.map((state) => state.removed ? quiesced(state) : state);
  const stages = [
    { stage: "made first, beside what is there", wanted: merge([next, desired]) },
    { stage: "with the new configuration", wanted: merge([next, ...leaving.map(kernelOf)]) },
    {
      stage: "once the routers have converged",
      wanted: merge([desiredKernel(going), ...leaving.map((each) => kernelOf(quiesced(each)))]),
    },
    {
      stage: "once connections have ended, or stop.quiesce is over",
      wanted: desiredKernel(states.filter(({ removed }) => !removed)),
    },
  ];
  const ownedAddresses = merge(stages.map(({ wanted }) => wanted)).ownedAddresses;
  let now = actual;
  return kernelStages(stages.map(({ stage, wanted }) => {
    const ours = within(managed, { ...wanted, ownedAddresses });
    const { changes } = diff(ours, now);
    now = made(ours, now);
    return { stage, changes: changes.map(describeChange) };
  }));
}
