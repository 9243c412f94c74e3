/**
 * From the services that run to those of another configuration, as one step that can be looked at before it is taken: what
 * stays keeps its decisions, what is new begins, what is no more goes in order. Pure.
 */
import type { Managed } from "../kernel/kernel.ts";
import type { ActualKernel } from "../kernel/state.ts";
import type { Address } from "../net/address.ts";
import {
  changesBetween,
  initialState,
  reconfigured,
  removed,
  type ServiceTransition,
  step,
} from "./controller.ts";
import { desiredKernel, inPhase } from "./desired.ts";
import { kernelOf, type Leaving, leavings, stillLeaving } from "./leaving.ts";
import { merge } from "../kernel/merge.ts";
import { quiescing, WITHDRAWN_LIMIT_MS } from "./phase.ts";
import { slicesOf } from "./slices.ts";
import type { ServiceEntry, ServiceState } from "./state.ts";

/** What runs now. */
export interface Running {
  readonly states: ReadonlyMap<string, ServiceState>;
  readonly leaving: readonly Leaving[];
  /** As last read. */
  readonly actual: ActualKernel | undefined;
  /** It was not read since, or not since more was wanted: what comes waits until it is. */
  readonly isBlind: boolean;
}

/** What will run. Services that are no more are among the states until they are down. */
export interface Reconfiguration {
  readonly states: ReadonlyMap<string, ServiceState>;
  readonly leaving: readonly Leaving[];
  /** By name of the service. */
  readonly transitions: readonly (readonly [string, ServiceTransition])[];
  /** When it was looked at, on the clock's scale. */
  readonly nowMs: number;
}

/** Goes over from `running` to `services`. */
export function reconfiguration(
  running: Running,
  services: readonly ServiceEntry[],
  { managed, reason, now, because }: {
    readonly managed: Managed;
    readonly reason: string;
    readonly now: number;
    /** ID of the event that ordered it. */
    readonly because?: number | undefined;
  },
): Reconfiguration {
  const sliceOf = running.actual === undefined || running.isBlind ? undefined : slicesOf(running.actual);
  const held = new Set([
    ...[...running.states.values()].flatMap(({ config }) => config.addresses),
    ...running.leaving.flatMap(({ objects }) => objects.ownedAddresses),
  ].map(({ text }) => text));
  const begin = (entry: ServiceEntry): ServiceState => {
    const known = running.states.get(entry.config.name);
    // What runs with the very same configuration has decided already.
    const isSame = known?.config === entry.config && !known.removed;
    if (isSame && (sliceOf === undefined || known.actual !== undefined)) return known;
    const before = known ?? added(entry, held, running.actual, { managed, now });
    const seen = sliceOf === undefined ? before : { ...before, actual: sliceOf(entry.config) };
    return reconfigured(seen, entry, { now });
  };
  const wanted = new Set(services.flatMap(({ config }) => config.addresses.map(({ text }) => text)));
  const isWanted = ({ text }: Address) => wanted.has(text);
  const names = new Set(services.map(({ config }) => config.name));
  const going = [...running.states.values()].filter(({ config }) => !names.has(config.name))
    .map((state) => removed(state, isWanted, { now }));
  const next = [...services.map(begin), ...going.filter(({ config }) => config.addresses.length > 0)];
  const states = new Map(next.map((state) => [state.config.name, state]));
  const [wasAnnounced, isAnnounced] = [announcedBy(running.states.values()), announcedBy(next)];
  const kernel = desiredKernel(next);
  const before = [...running.states.values()];
  const leaving = [
    ...running.leaving.flatMap((each) => stillLeaving(each, kernel) ?? []),
    ...leavings(desiredKernel(before), merge([kernel, ...running.leaving.map(kernelOf)]), {
      reason,
      because,
      limits: (service) => (states.get(service) ?? running.states.get(service))?.config.stop ?? NO_LIMITS,
      // What routers may have of an earlier process is withdrawn by End-of-RIB alone.
      told(service) {
        const { staleUntilMs = -Infinity } = running.states.get(service) ?? {};
        return staleUntilMs > now
          ? { by: "end-of-rib", untilMs: staleUntilMs }
          : { by: "told", untilMs: now + WITHDRAWN_LIMIT_MS };
      },
      managed,
      isWithdrawn: ({ text }) => wasAnnounced.has(text) && !isAnnounced.has(text),
    }, now),
  ];
  const transitions = [...new Set([...running.states.keys(), ...states.keys()])].flatMap((name) =>
    changesBetween(running.states.get(name), states.get(name), reason).map((each) => [name, each] as const)
  );
  return { states, leaving, transitions, nowMs: now };
}

/**
 * A service that comes. One that comes drained, on addresses that nobody uses, has nothing to wait for: it never gets weight.
 * What the kernel has on addresses that somebody uses goes on until checks have spoken.
 */
function added(
  entry: ServiceEntry,
  held: ReadonlySet<string>,
  actual: ActualKernel | undefined,
  { managed, now }: { readonly managed: Managed; readonly now: number },
): ServiceState {
  const state = initialState(entry, managed, now);
  const { drain } = state.phase;
  const isHeld = entry.config.addresses.some(({ text }) => held.has(text));
  if (!isHeld) return drain === undefined ? state : inPhase(state, quiescing(drain, now));
  return actual === undefined ? state : step(state, { type: "inherited", actual }, { now }).state;
}

function announcedBy(states: Iterable<ServiceState>): ReadonlySet<string> {
  return new Set(
    [...states].flatMap(({ routes }) =>
      [...routes].filter(([, { announce }]) => announce).map(([text]) => text)
    ),
  );
}

const NO_LIMITS = { shiftMs: 0, convergeMs: 0, quiesceMs: 0 };
