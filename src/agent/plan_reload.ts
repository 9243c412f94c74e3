/**
 * What a reload would do: the step that the service machine would take, looked at without taking it. The kernel's changes are
 * those between what should be at one moment and at the next, as the reconciler would find them. Pure.
 */
import type { Config } from "../config/config.ts";
import { type Change, describeChange } from "../kernel/change.ts";
import { diff } from "../kernel/diff.ts";
import type { Managed } from "../kernel/kernel.ts";
import { beside, merge, within } from "../kernel/merge.ts";
import {
  type ActualKernel,
  ADDRESS_AS_SET,
  type DesiredKernel,
  INTERFACE_AS_MADE,
  interfaceMark,
} from "../kernel/state.ts";
import { hostBits } from "../net/address.ts";
import { step } from "../service/controller.ts";
import { desiredKernel, inPhase, withPorts } from "../service/desired.ts";
import { convergedPort, endedPort } from "../service/destinations.ts";
import { serviceVerdict } from "../service/gates.ts";
import { awaitsDestinations } from "../service/quorum.ts";
import { kernelOf } from "../service/leaving.ts";
import type { Reconfiguration } from "../service/reconfiguration.ts";
import { slicesOf } from "../service/slices.ts";
import type { Gate, ServiceState } from "../service/state.ts";
import { kernelStages, type Plan, reloadPlan } from "../status/plan.ts";
import type { PlannedMoment, PlannedRoute } from "../status/route_plan.ts";

/** What a plan is made of. */
export interface ReloadView {
  readonly old: Config;
  /** As the file has it. */
  readonly next: Config;
  readonly managed: Managed;
  /** The services as they are. */
  readonly states: readonly ServiceState[];
  /** What the kernel should have now. */
  readonly desired: DesiredKernel;
  /** As read with interest in `comingKernel()`; undefined where the kernel is not ours. */
  readonly actual: ActualKernel | undefined;
  /** The services as they would be. */
  readonly preview: Reconfiguration;
  readonly warnings: readonly string[];
}

/** What the kernel should have before anything goes over: what comes beside what is. */
export function comingKernel({ preview, desired }: Pick<ReloadView, "preview" | "desired">): DesiredKernel {
  return beside(desiredKernel(preview.states.values()), desired);
}

/** The plan. */
export function planReload(view: ReloadView): Plan {
  const { old, next, warnings, states, preview } = view;
  const staying = [...preview.states.values()].filter(({ removed }) => !removed);
  const before = new Map(states.map((state) => [state.config.name, state]));
  const sliceOf = slicesOf(asMade(within(view.managed, desiredKernel(staying))));
  const inMade = (state: ServiceState) =>
    step(state, { type: "kernel", actual: sliceOf(state.config) }, { now: NO_DEADLINE_MS }).state;
  return reloadPlan({
    old,
    next,
    before: states.flatMap((state) => announced(state, staying)),
    after: staying.flatMap((state) => coming(state, inMade(state), before.get(state.config.name))),
    kernel: view.actual === undefined ? [] : stagesOf(view, view.actual, staying),
    warnings,
  });
}

/** Before every deadline: no phase ends by it. */
const NO_DEADLINE_MS = 0;

/** What is announced now. A service that goes may shift first; an address that goes is withdrawn at once. */
function announced(
  { config, routes }: ServiceState,
  staying: readonly ServiceState[],
): readonly PlannedRoute[] {
  const stays = staying.some((state) => state.config.name === config.name);
  const when = stays || config.stop.shiftMs === 0 ? "at once" : "in order";
  return [...routes.values()].filter(({ announce }) => announce)
    .map(({ route }) => ({ ...route, service: config.name, when }));
}

/** What would be announced in the end. `made`: the service in a kernel that has everything. */
function coming(state: ServiceState, made: ServiceState, before: ServiceState | undefined) {
  return [...state.routes.values()].flatMap(
    ({ address, route, announce, gates }): readonly PlannedRoute[] => {
      const shut = gates.find(({ open }) => !open)?.name;
      const shutBefore = before?.routes.get(address.text)?.gates.find(({ open }) => !open)?.name;
      // What keeps it from being announced now goes on to do so, unless that was a check that is no more.
      const isOpenAgain = shut === "healthy" && verdictOf(before) === "unhealthy" &&
        verdictOf(state) === "unknown";
      if (!announce && shut === shutBefore && !isOpenAgain) return [];
      // What is short of live destinations, or was announced as degraded, is withdrawn, whatever becomes of it later.
      const wasAnnounced = before?.routes.get(address.text)?.announce === true;
      const isLost = shut === "quorum" && !awaitsDestinations(state);
      if (isLost || (wasAnnounced && (shut === "quorum" || shut === "healthy"))) return [];
      const when = announce ? "at once" : momentOf(made.routes.get(address.text)?.gates ?? []);
      return when === undefined ? [] : [{ ...route, service: state.config.name, when }];
    },
  );
}

function verdictOf(state: ServiceState | undefined) {
  return state && serviceVerdict(state.verdicts).verdict;
}

/** When a route comes, by what is shut still when everything is made; undefined: not by this reload. */
function momentOf(gates: readonly Gate[]): PlannedMoment | undefined {
  const [first, ...more] = gates.filter(({ open }) => !open);
  if (first === undefined) return "in order";
  const isWaiting = first.name === "healthy" || first.name === "quorum";
  // A destination of weight comes with the quorum.
  const follows = ({ name }: Gate) => name === "quorum" || name === "virtual services present";
  return isWaiting && more.every(follows) ? "when healthy" : undefined;
}

function stagesOf(view: ReloadView, actual: ActualKernel, staying: readonly ServiceState[]) {
  const { managed, preview } = view;
  const all = [...preview.states.values()];
  const over = merge([desiredKernel(all), ...preview.leaving.map(kernelOf)]);
  const quiescing = { name: "quiescing" } as const;
  const quiesced = merge([
    desiredKernel(all.map((state) => {
      return state.removed
        ? inPhase(state, { ...state.phase, ...quiescing })
        : withPorts(state, convergedPort, preview.nowMs);
    })),
    ...preview.leaving.map((each) => kernelOf({ ...each, phase: { ...each.phase, ...quiescing } })),
  ]);
  const moments = [
    { stage: "made before anything goes over", desired: comingKernel(view) },
    { stage: "as routes and sessions go over", desired: over },
    {
      stage: "what is wanted no more takes no new connections, once routers have converged",
      desired: quiesced,
    },
    {
      stage: "when its connections have ended",
      desired: desiredKernel(staying.map((state) => withPorts(state, endedPort, preview.nowMs))),
    },
  ];
  let there = actual;
  const { ownedAddresses, ownedFwmarks } = merge([...moments.map(({ desired }) => desired), view.desired]);
  return kernelStages(moments.map(({ stage, desired }) => {
    const wanted = within(managed, { ...desired, ownedAddresses, ownedFwmarks });
    const { changes } = diff(wanted, there);
    there = asMade(wanted, aliasesAfter(changes, there));
    // A mark goes in a pass of its own, once its virtual service is seen to be gone.
    const after = diff(wanted, there).changes;
    there = asMade(wanted, aliasesAfter(after, there));
    return { stage, changes: [...changes, ...after].map(describeChange) };
  }));
}

/** What interfaces are marked with after these changes: more than what is wanted where a mark is in use still. */
function aliasesAfter(changes: readonly Change[], { interfaces }: ActualKernel): ReadonlyMap<string, string> {
  const before = interfaces.map(({ name, alias = "" }) => [name, alias] as const);
  const set = changes.flatMap((change) =>
    change.type === "set-interface" || change.type === "create-interface"
      ? [[change.name, interfaceMark(change.service, change.fwmarks)] as const]
      : []
  );
  return new Map([...before, ...set]);
}

/** A kernel that has exactly what is wanted, apart from what its interfaces are marked with. */
function asMade(
  { interfaces, virtualServices }: DesiredKernel,
  aliases: ReadonlyMap<string, string> = new Map(),
): ActualKernel {
  return {
    interfaces: interfaces.map(({ name, service, addresses, fwmarks }, index) => ({
      index,
      name,
      ...INTERFACE_AS_MADE,
      alias: aliases.get(name) ?? interfaceMark(service, fwmarks),
      addresses: addresses.map((address) => {
        return { address, prefixLength: hostBits(address), ...ADDRESS_AS_SET };
      }),
    })),
    virtualServices: virtualServices.map((service) => ({
      ...service,
      destinations: service.destinations.map((destination) => ({
        ...destination,
        activeConnections: 0,
        inactiveConnections: 0,
      })),
    })),
  };
}
