/** What a start with a configuration would do on this host, as far as that can be known where no agent runs. */
import type { Config, ServiceConfig } from "../config/config.ts";
import { type Change, describeChange } from "../kernel/change.ts";
import { diff } from "../kernel/diff.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { within } from "../kernel/merge.ts";
import { Reconciler } from "../kernel/reconciler.ts";
import { initialState, step } from "../service/controller.ts";
import { desiredKernel } from "../service/desired.ts";
import { slicesOf } from "../service/slices.ts";
import { kernelStages, type Plan, sessionPlans } from "../status/plan.ts";
import { configuredRoutes, routePlans } from "../status/route_plan.ts";

/** The kernel to look at, where the configuration leaves something of it to us; or why it cannot be looked at. */
export type KernelView = { readonly kernel: Kernel | undefined } | { readonly problem: string };

/** What a first run would do, in order, and what would be in its way. */
interface KernelForecast {
  readonly changes: readonly Change[];
  readonly problems: readonly string[];
}

/** Reads the kernel, changes nothing. Never throws. */
export async function planStart(config: Config, view: KernelView): Promise<Plan> {
  const { setup: interfaces, ipvs } = config.network;
  const managed = { interfaces, ipvs };
  const { changes, problems } = await forecast(config, view);
  const make = changes.slice(0, firstOfBreak(changes));
  const first = interfaces || ipvs ? "in order" : "at once";
  const routes = configuredRoutes(config, (service) => isChecked(service) ? "when healthy" : first);
  return {
    action: "start",
    changes: [],
    sessions: sessionPlans(undefined, config),
    routes: routePlans(undefined, { config, routes }),
    kernel: kernelStages([
      { stage: "made before anything is announced", changes: make.map(describeChange) },
      {
        stage: "left by an earlier run, and not wanted any more",
        changes: changes.slice(make.length).map(describeChange),
      },
    ]),
    restart: [],
    warnings: problems,
  };

  async function forecast({ services }: Config, view: KernelView): Promise<KernelForecast> {
    if ("problem" in view) {
      return { changes: [], problems: [`what changes in the kernel cannot be known: ${view.problem}`] };
    }
    if (view.kernel === undefined) return { changes: [], problems: [] };
    const states = services.map((service) => {
      return initialState(
        { config: service, checks: service.checks.map(({ name }) => name) },
        managed,
        START_MS,
      );
    });
    const { actual, problems } = await Reconciler.examine(view.kernel, desiredKernel(states), managed);
    if (actual === undefined) return { changes: [], problems };
    const sliceOf = slicesOf(actual);
    const adopting = states.map((state) => {
      return step(state, { type: "inherited", actual: sliceOf(state.config) }, { now: START_MS }).state;
    });
    return { changes: diff(within(managed, desiredKernel(adopting)), actual).changes, problems };
  }
}

/** Whether its announcement waits for first verdicts; what the kernel has may make them needless. */
function isChecked({ checks, ports }: ServiceConfig): boolean {
  const destinations = ports.flatMap((port) => port.destinations);
  return checks.length > 0 || destinations.some((each) => each.checks.length > 0);
}

/** Any moment: nothing that is wanted at a start depends on it. */
const START_MS = 0;

/** Where what is broken begins: everything is made before (src/kernel/diff.ts). */
function firstOfBreak(changes: readonly Change[]): number {
  return changes.findLastIndex(({ type }) => !type.startsWith("delete-")) + 1;
}
