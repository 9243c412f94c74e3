/**
 * From the services that run to those of another configuration, as one step that can be looked at before it is taken: what
 * stays keeps its decisions, what is new begins, what is no more goes in order. Pure.
 */
import type { Managed } from "../kernel/kernel.ts";
import {
  type ActualKernel,
  type Destination,
  destinationKey,
  type VirtualServiceId,
  virtualServiceKey,
} from "../kernel/state.ts";
import { changesBetween, initialState, reconfigured, removed, type ServiceTransition } from "./controller.ts";
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
  // There may be thousands, most often all but a few the same: what is about all is made where it is asked for.
  const held = lazily(() => heldBy(running));
  const wanted = lazily(() =>
    new Set(services.flatMap(({ config }) => config.addresses.map(({ text }) => text)))
  );
  const wasAnnounced = lazily(() => announcedBy(running.states.values()));
  const isAnnounced = lazily(() => announcedBy(next));
  const { isBlind, actual } = running;
  const sliceOf = lazily(() => slicesOf(actual ?? { interfaces: [], virtualServices: [] }));
  const servingOf = lazily(() => ofEarlier(running));
  const isSeen = actual !== undefined && !isBlind;
  const begin = (entry: ServiceEntry): ServiceState => {
    const known = running.states.get(entry.config.name);
    // What runs with the very same configuration has decided already.
    const isSame = known?.config === entry.config && !known.removed;
    if (isSame && (!isSeen || known.actual !== undefined)) return known;
    const there = actual === undefined ? undefined : servingOf()(sliceOf()(entry.config));
    const before = known ?? added(entry, held, there, { managed, now });
    const seen = isSeen ? { ...before, actual: sliceOf()(entry.config) } : before;
    return reconfigured(seen, entry, { now, there });
  };
  const names = new Set(services.map(({ config }) => config.name));
  const going = [...running.states.values()].filter(({ config }) => !names.has(config.name))
    .map((state) => removed(state, ({ text }) => wanted().has(text), { now }))
    .filter(({ config }) => config.addresses.length > 0);
  const next = [...services.map(begin), ...going];
  const states = new Map(next.map((state) => [state.config.name, state]));
  const kernel = desiredKernel(next);
  // Of what is the same nothing leaves.
  const before = [...running.states.values()].filter((state) => states.get(state.config.name) !== state);
  const leaving = [
    ...stillLeaving(running.leaving, kernel),
    ...before.length === 0 ? [] : leavings(
      desiredKernel(before),
      merge([kernel, ...running.leaving.map(kernelOf)]),
      {
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
        isWithdrawn: ({ text }) => wasAnnounced().has(text) && !isAnnounced().has(text),
      },
      now,
    ),
  ];
  const changed = [...before, ...next.filter((state) => !running.states.has(state.config.name))];
  const transitions = changed.flatMap(({ config: { name } }) =>
    changesBetween(running.states.get(name), states.get(name), reason).map((each) => [name, each] as const)
  );
  return { states, leaving, transitions, nowMs: now };
}

/**
 * A service that comes. One that comes drained, on addresses that nobody uses, has nothing to wait for: it never gets weight.
 */
function added(
  entry: ServiceEntry,
  held: () => ReadonlySet<string>,
  there: ActualKernel | undefined,
  { managed, now }: { readonly managed: Managed; readonly now: number },
): ServiceState {
  const state = initialState(entry, managed, now, there);
  const { drain } = state.phase;
  if (drain === undefined || entry.config.addresses.some(({ text }) => held().has(text))) return state;
  return inPhase(state, quiescing(drain, now));
}

/**
 * Of a kernel what was wanted before: it may go, or have been another service's, and has its weights until checks have spoken.
 * What was made for what comes is not among it.
 */
function ofEarlier({ states, leaving }: Running): (actual: ActualKernel) => ActualKernel {
  const wanted = [
    ...[...states.values()].flatMap(({ weights }) => weights.virtualServices),
    ...leaving.flatMap(({ objects }) => objects.virtualServices),
  ];
  const places = new Set(
    wanted.flatMap((service) => service.destinations.map((each) => placeText(service, each))),
  );
  return ({ interfaces, virtualServices }) => ({
    interfaces,
    virtualServices: virtualServices.map((service) => ({
      ...service,
      destinations: service.destinations.filter((each) => places.has(placeText(service, each))),
    })),
  });
}

function placeText(service: VirtualServiceId, destination: Pick<Destination, "address" | "port">): string {
  return `${virtualServiceKey(service)} ${destinationKey(destination)}`;
}

/** The addresses that somebody has. */
function heldBy({ states, leaving }: Running): ReadonlySet<string> {
  const held = [
    ...[...states.values()].flatMap(({ config }) => config.addresses),
    ...leaving.flatMap(({ objects }) => objects.ownedAddresses),
  ];
  return new Set(held.map(({ text }) => text));
}

function announcedBy(states: Iterable<ServiceState>): ReadonlySet<string> {
  const announced = new Set<string>();
  for (const { routes } of states) {
    for (const [text, { announce }] of routes) if (announce) announced.add(text);
  }
  return announced;
}

/** What `make` gives, made when it is asked for first. */
function lazily<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => made ??= make();
}

const NO_LIMITS = { shiftMs: 0, convergeMs: 0, quiesceMs: 0 };
