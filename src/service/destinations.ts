/**
 * What is known of a port's destinations, from event to event: verdicts, what the kernel had when this process began, who is
 * live since when, who grows, whether the quorum holds and whether the sorry destination is needed. Pure.
 */
import type { DestinationConfig, PortConfig, ServiceConfig } from "../config/config.ts";
import { destinationName } from "../config/destination_name.ts";
import { type ActualKernel, destinationKey, isConnected, virtualServiceKey } from "../kernel/state.ts";
import { idsOf } from "./desired.ts";
import {
  type DestinationState,
  type DestinationVerdict,
  type FamilyState,
  type KernelWeights,
  type PortState,
  type SaidOf,
  type SorryState,
} from "./port_state.ts";
import {
  growsSince,
  knownDestinations,
  quorumHolds,
  sorryFor,
  standingCause,
  standingOf,
  weightScale,
  weightSums,
} from "./weights.ts";

/** A destination that is sent new connections from now on, or no more, or otherwise. */
export interface DestinationChange {
  /** A `destinationName`. */
  readonly destination: string;
  readonly live: boolean;
  /** Without slow start. */
  readonly weight: number;
  readonly cause: string;
}

/** What the sorry destination's end depends on. */
interface SorryFacts {
  readonly actual: ActualKernel | undefined;
  readonly limitMs: number;
}

const NOT_PROBED: DestinationVerdict = { verdict: "unknown", cause: "not probed yet", weight: undefined };

/**
 * A port under another configuration, or one of which nothing is known but that. Destinations are known by their keys and
 * checks by their names: what stays is known as before, and a new check of a live destination has no say until its first
 * verdict.
 * @param there what the kernel has of it
 */
export function continuedPort(
  port: PortConfig,
  before: PortState | undefined,
  now: number,
  saidOf: SaidOf = () => undefined,
  there: KernelWeights = NOTHING_THERE,
): PortState {
  const isServing = there.families.size > 0 ||
    [...before?.destinations.values() ?? []].some(({ live }) => live);
  const destinations = new Map(port.destinations.map((config) => {
    const key = destinationKey(config);
    const known = before?.destinations.get(key);
    return [
      key,
      known === undefined
        ? inherits(newDestination(config, isServing, now, saidOf), port, there.weights.get(key))
        : withChecks(known, config, saidOf),
    ];
  }));
  const families = new Map(
    port.families.map((family) => {
      const fresh: FamilyState = { quorum: there.families.has(family), sorry: "out" };
      return [family, before?.families.get(family) ?? fresh];
    }),
  );
  return { destinations, families };
}

const NOTHING_THERE: KernelWeights = { weights: new Map(), families: new Set() };

/** A destination that comes while the kernel has weight for it, on its way out: that goes on until its checks speak. */
function inherits(fresh: DestinationState, port: PortConfig, weight = 0): DestinationState {
  if (weight === 0) return fresh;
  return { ...fresh, inherited: weight, served: Math.ceil(weight / weightScale(port)), slow: false };
}

function newDestination(
  { checks }: DestinationConfig,
  slow: boolean,
  now: number,
  saidOf: SaidOf = () => undefined,
): DestinationState {
  return {
    checks: new Map(checks.map((check) => [check.name, saidOf(check) ?? NOT_PROBED])),
    inherited: undefined,
    live: false,
    sinceMs: now,
    served: 0,
    slow,
    growsSinceMs: -Infinity,
  };
}

function withChecks(
  known: DestinationState,
  { checks }: DestinationConfig,
  saidOf: SaidOf,
): DestinationState {
  return {
    ...known,
    checks: new Map(checks.flatMap((check): readonly (readonly [string, DestinationVerdict])[] => {
      const { name } = check;
      const said = saidOf(check) ?? known.checks.get(name);
      if (said !== undefined) return [[name, said]];
      return known.live ? [] : [[name, NOT_PROBED]];
    })),
  };
}

/**
 * A port as an earlier process left it in the kernel: where that had weight, its quorum held, and goes on to, as do the
 * destinations that have it.
 */
export function inheritedPort(
  config: Pick<ServiceConfig, "addresses">,
  port: PortConfig,
  state: PortState,
  { virtualServices }: ActualKernel,
  now: number,
): PortState {
  const { weights, families: serving } = kernelWeights(config, port, { virtualServices });
  const isServing = [...state.destinations.keys()].some((key) => (weights.get(key) ?? 0) > 0);
  const scale = weightScale(port);
  const destinations = new Map(port.destinations.map((each) => {
    const key = destinationKey(each);
    const known = state.destinations.get(key) ?? newDestination(each, isServing, now);
    const inherited = weights.get(key);
    // Who is live is decided anew.
    const served = Math.ceil((inherited ?? 0) / scale);
    return [key, { ...known, inherited, live: false, served, slow: isServing && served === 0 }];
  }));
  const families = new Map([...state.families].map(([family, known]) => {
    return [family, { ...known, quorum: known.quorum || serving.has(family) }];
  }));
  return { destinations, families };
}

/** What a kernel has of a port of `config`. */
export function kernelWeights(
  config: Pick<ServiceConfig, "addresses">,
  port: PortConfig,
  { virtualServices }: Pick<ActualKernel, "virtualServices">,
): KernelWeights {
  const keys = new Set(idsOf(port, config).map(virtualServiceKey));
  const weights = new Map<string, number>();
  const families = new Set<4 | 6>();
  for (const service of virtualServices) {
    if (!keys.has(virtualServiceKey(service))) continue;
    for (const each of service.destinations) {
      const key = destinationKey(each);
      weights.set(key, Math.max(each.weight, weights.get(key) ?? 0));
      if (each.weight > 0) families.add(service.address.family);
    }
  }
  return { weights, families };
}

/** A check of a destination has said something. One that is new in a live destination has no say until it knows something. */
export function toldPort(
  state: PortState,
  { destination, check }: { readonly destination: string; readonly check: string },
  said: DestinationVerdict,
): PortState {
  const known = state.destinations.get(destination);
  const before = known?.checks.get(check);
  if (known === undefined || (said.verdict === "unknown" && before?.verdict !== "unknown")) return state;
  if (before?.verdict === said.verdict && before.cause === said.cause && before.weight === said.weight) {
    return state;
  }
  const checks = new Map(known.checks).set(check, said);
  return { ...state, destinations: new Map(state.destinations).set(destination, { ...known, checks }) };
}

/** What follows from what is known now; the same object where nothing does. */
export function settledPort(
  port: PortConfig,
  state: PortState,
  facts: SorryFacts,
  now: number,
): PortState {
  const destinations = settledDestinations(port, state.destinations, now);
  const known = withoutUnneeded(
    port,
    destinations === state.destinations ? state : { ...state, destinations },
  );
  const families = new Map([...state.families].map(([family, before]) => {
    const { live } = weightSums(port, known, family);
    const quorum = quorumHolds(port, live, before.quorum);
    const sorry = nextSorry(port, before.sorry, { isNeeded: live === 0, family, ...facts }, now);
    const isStill = quorum === before.quorum && sorry === before.sorry;
    return [family, isStill ? before : { quorum, sorry }];
  }));
  const stay = [...families].every(([family, each]) => state.families.get(family) === each);
  return stay ? known : { ...known, families };
}

/** What is not live has served its time where something else takes the packets: it does not come back for those. */
function withoutUnneeded(port: PortConfig, state: PortState): PortState {
  const idle = [...state.destinations].filter(([, { live, served }]) => !live && served > 0);
  if (idle.length === 0) return state;
  const needed = new Set(
    [...state.families.keys()].filter((family) => !isServed(port, state, family)).flatMap((family) =>
      [...knownDestinations(port, state, family)].map(([config]) => destinationKey(config))
    ),
  );
  const over = idle.filter(([key]) => !needed.has(key)).map(([key, known]) =>
    [key, { ...known, served: 0 }] as const
  );
  if (over.length === 0) return state;
  const destinations = new Map(state.destinations);
  for (const [key, known] of over) destinations.set(key, known);
  return { ...state, destinations };
}

/** Whether a live destination or a sorry one takes the family's packets. */
function isServed(port: PortConfig, state: PortState, family: 4 | 6): boolean {
  return weightSums(port, state, family).live > 0 || sorryFor(port, family) !== undefined;
}

/** Each one settled, in the configuration's order; the same map where nothing follows. */
function settledDestinations(
  port: PortConfig,
  before: PortState["destinations"],
  now: number,
): PortState["destinations"] {
  let after: Map<string, DestinationState> | undefined;
  let index = 0;
  // A state has every destination of its port, in its order.
  for (const [key, known] of before) {
    const config = port.destinations[index++];
    const next = config === undefined ? known : settledDestination(port, config, known, now);
    if (next !== known) (after ??= new Map(before)).set(key, next);
  }
  return after ?? before;
}

function settledDestination(
  port: PortConfig,
  config: DestinationConfig,
  known: DestinationState,
  now: number,
): DestinationState {
  const { verdict, weight, live } = standingOf(config, known);
  const spoken = verdict === "unknown" ? known : withoutInheritance(port, known, weight, now);
  if (live !== spoken.live) {
    const grows = verdict !== "unknown" && spoken.slow && port.slowStartMs > 0;
    const growsSinceMs = live ? grows ? now : spoken.growsSinceMs : -Infinity;
    return {
      ...spoken,
      live,
      sinceMs: now,
      served: live ? weight : spoken.served,
      slow: !live,
      growsSinceMs,
    };
  }
  if (live && weight !== spoken.served) return { ...spoken, served: weight };
  // What failed first thing after a start recovers like any other one.
  if (verdict === "unhealthy" && !spoken.slow) return { ...spoken, slow: true };
  const isGrown = spoken.growsSinceMs !== -Infinity && now >= spoken.growsSinceMs + port.slowStartMs;
  return isGrown ? { ...spoken, growsSinceMs: -Infinity } : spoken;
}

/** From the first verdict on its own checks speak, and what it had when this process began is where its weight grows from. */
function withoutInheritance(
  port: PortConfig,
  known: DestinationState,
  weight: number,
  now: number,
): DestinationState {
  const { inherited } = known;
  if (inherited === undefined) return known;
  if (inherited === 0) return { ...known, inherited: undefined };
  const growsSinceMs = port.slowStartMs === 0 ? -Infinity : growsSince(port, inherited, weight, now);
  return { ...known, inherited: undefined, slow: false, growsSinceMs };
}

/** The port once routers have gone over: nothing is held for them. */
export function convergedPort(state: PortState): PortState {
  const destinations = new Map([...state.destinations].map(([key, known]) => [key, { ...known, served: 0 }]));
  return { ...state, destinations };
}

/** The port once connections have ended: a sorry destination that is needed no more is gone. */
export function endedPort(state: PortState): PortState {
  const families = new Map([...state.families].map(([family, { quorum, sorry }]) => {
    return [family, { quorum, sorry: sorry === "serving" ? sorry : "out" }] as const;
  }));
  return { ...convergedPort(state), families };
}

function nextSorry(
  port: PortConfig,
  before: SorryState,
  { isNeeded, family, actual, limitMs }: SorryFacts & { readonly isNeeded: boolean; readonly family: 4 | 6 },
  now: number,
): SorryState {
  const sorry = sorryFor(port, family);
  if (sorry === undefined) return "out";
  if (isNeeded) return "serving";
  if (before === "out" || !isConnected(port)) return "out";
  if (before === "serving") return { untilMs: now + limitMs };
  return now >= before.untilMs || hasEnded(destinationKey(sorry), actual) ? "out" : before;
}

/** It is there with weight 0, and nobody is connected to it any more. */
function hasEnded(key: string, actual: ActualKernel | undefined): boolean {
  const found =
    actual?.virtualServices.flatMap(({ destinations }) =>
      destinations.filter((each) => destinationKey(each) === key)
    ) ?? [];
  return found.length > 0 &&
    found.every(({ weight, activeConnections }) => weight === 0 && activeConnections === 0);
}

/** Destinations that are live in one of two states alone, or with another weight. */
export function destinationChanges(
  port: PortConfig,
  before: PortState | undefined,
  after: PortState,
): readonly DestinationChange[] {
  if (before === after) return [];
  const changes: DestinationChange[] = [];
  let index = 0;
  for (const [key, is] of after.destinations) {
    const config = port.destinations[index++];
    const was = before?.destinations.get(key);
    if (was === is || config === undefined) continue;
    const old = standingOf(config, was);
    const { weight } = standingOf(config, is);
    const isSame = (was?.live ?? false) === is.live && (!is.live || old.weight === weight);
    const cause = standingCause(config, is);
    if (!isSame) changes.push({ destination: destinationName(config), live: is.live, weight, cause });
  }
  return changes;
}
