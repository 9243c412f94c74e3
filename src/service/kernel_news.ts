/** What a report of the kernel says that is new, service by service: those of which it says nothing new are not asked. Pure. */
import type { Contested } from "../kernel/contested.ts";
import type { Refusal } from "../kernel/refusal.ts";
import type { ActualKernel } from "../kernel/state.ts";
import { contestedBy } from "./contested.ts";
import { nextDeadline, type ServiceEvent } from "./controller.ts";
import { refusalsBySlice, sliceChange, slicesOfSome } from "./slices.ts";
import type { ServiceState } from "./state.ts";

/** What was found besides what is there. */
export interface KernelTroubles {
  /** What the kernel refuses. */
  readonly refusals?: readonly Refusal[];
  /** What somebody else changes again and again. */
  readonly contested?: readonly Contested[];
}

/** What to tell services, and what to keep of the others. */
export interface KernelNews {
  /** By name of the service, those that are in trouble first. */
  readonly events: Map<string, ServiceEvent>;
  /** Those of which nothing but numbers of connections is new, with these. */
  readonly counted: readonly ServiceState[];
}

/** `actual`: as it was read now; undefined: it could not be. */
export function kernelNews(
  states: readonly ServiceState[],
  actual: ActualKernel | undefined,
  { refusals = [], contested = [] }: KernelTroubles,
): KernelNews {
  const sliceOf = actual && slicesOfSome(actual, states.map(({ config }) => config));
  const refusalsOf = refusalsBySlice(refusals);
  const contestedOf = contestedBy(contested);
  const troubled = new Map<string, ServiceEvent>();
  const events = new Map<string, ServiceEvent>();
  const counted: ServiceState[] = [];
  for (const state of states) {
    const slice = sliceOf?.(state.config);
    const [refused, fought] = [refusalsOf(state.config), contestedOf(state.config)];
    const isTroubled = [refused, fought, state.refusals, state.contested].some(({ length }) => length > 0);
    const news = slice === undefined ? "other" : changeOf(state, slice);
    // How many connections there are is of no consequence to a service that stays.
    if (slice !== undefined && news === "counts" && !isTroubled) counted.push({ ...state, actual: slice });
    if (!isTroubled && news !== "other") continue;
    (isTroubled ? troubled : events).set(state.config.name, {
      type: "kernel",
      actual: slice,
      refusals: refused,
      contested: fought,
    });
  }
  return { events: new Map([...troubled, ...events]), counted };
}

/** One that is on its way waits for just this, and one that waits for time may. */
function changeOf(state: ServiceState, slice: ActualKernel): ReturnType<typeof sliceChange> {
  const { actual: known, phase } = state;
  if (known === undefined || (phase.name !== "serving" && phase.name !== "down")) return "other";
  const change = sliceChange(known, slice);
  return change === "counts" && nextDeadline(state) !== undefined ? "other" : change;
}
