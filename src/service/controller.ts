/**
 * The service controller, a pure machine: verdicts, the kernel's state, time and the operator's switches go in; which of
 * the service's addresses may be announced, and why not, and where it is on its way out, comes out.
 */
import type { PhaseName } from "../events/event.ts";
import type { Verdict } from "../health/threshold.ts";
import type { Managed } from "../kernel/kernel.ts";
import type { Refusal } from "../kernel/refusal.ts";
import type { Contested } from "../kernel/contested.ts";
import type { ActualKernel } from "../kernel/state.ts";
import type { Address } from "../net/address.ts";
import { messageOf } from "../text/error_message.ts";
import { serviceWeights } from "./desired.ts";
import { faultGates, gatesOf } from "./gates.ts";
import {
  draining,
  type DrainLimits,
  isQuiesced,
  nextPhase,
  phaseEnd,
  quiescing,
  serving,
  withdrawn,
} from "./phase.ts";
import { phaseFacts } from "./phase_facts.ts";
import { type DestinationPlace, type DestinationVerdict, sorryEnd } from "./port_state.ts";
import {
  continuedPorts,
  type DestinationTransition,
  destinationTransitions,
  inheritedPorts,
  settledPorts,
  toldPorts,
} from "./service_ports.ts";
import { routeOf } from "./service_route.ts";
import type { CheckVerdict, Gate, RouteDecision, ServiceEntry, ServiceFacts, ServiceState } from "./state.ts";

/** Facts that change a decision. */
export type ServiceEvent =
  | { readonly type: "verdict"; readonly check: string; readonly verdict: Verdict; readonly cause: string }
  /** A check of destinations has another verdict, or gives them another weight. */
  | (DestinationVerdict & { readonly type: "destination"; readonly places: readonly DestinationPlace[] })
  /** `actual`: undefined where it could not be read. What of it was refused, and what somebody else changes again and again. */
  | {
    readonly type: "kernel";
    readonly actual: ActualKernel | undefined;
    readonly refusals?: readonly Refusal[];
    readonly contested?: readonly Contested[] | undefined;
  }
  /** The kernel as an earlier process left it. */
  | { readonly type: "inherited"; readonly actual: ActualKernel }
  /** Out of service, in order, each phase within its limit (default: the configured `stop`). */
  | {
    readonly type: "drain";
    readonly reason: string;
    readonly limits?: DrainLimits | undefined;
    /** ID of the event that ordered it. */
    readonly because?: number | undefined;
    /** An earlier process had brought it so far that its destinations have weight 0. */
    readonly quiesced?: boolean;
  }
  /** Back into service, from any phase. */
  | { readonly type: "undrain" }
  /** The sockets of all routers have taken what they should be told. */
  | { readonly type: "told" }
  /** Routers may have routes of an earlier process until `untilMs`; -Infinity: they have none any more. */
  | { readonly type: "stale"; readonly untilMs: number }
  /** A deadline has passed. */
  | { readonly type: "time" };

/** What changed. */
export type ServiceTransition =
  | {
    readonly type: "route";
    readonly address: Address;
    readonly announce: boolean;
    /** It is announced with the attributes of an unhealthy service. */
    readonly degraded: boolean;
    /** The reason of the gate that closed, or of the last one that opened. */
    readonly cause: string;
  }
  | { readonly type: "phase"; readonly from: PhaseName; readonly to: PhaseName; readonly cause: string }
  /** A destination gets new connections from now on, or no more, or its own weight is another one. */
  | DestinationTransition
  /** The decision failed by a fault of ours. */
  | { readonly type: "fault"; readonly cause: string };

const NOT_PROBED: CheckVerdict = { verdict: "unknown", cause: "not probed yet" };

/** After a fault of ours the decision is made anew in this time. */
const RETRY_MS = 1000;

/**
 * The state at start: nothing known, nothing announced before the first event, so that this is a transition, too.
 * @param there what the kernel has already of what it needs, on its way out
 */
export function initialState(
  entry: ServiceEntry,
  managed: Managed,
  nowMs: number,
  there?: ActualKernel | undefined,
): ServiceState {
  const { config, checks, drain } = entry;
  const verdicts = new Map(checks.map((name) => [name, NOT_PROBED]));
  const phase = drain === undefined ? serving(nowMs) : withdrawn(drain, nowMs);
  const facts: ServiceFacts = {
    config,
    removed: false,
    managed,
    verdicts,
    ports: continuedPorts(entry, new Map(), nowMs, there),
    actual: undefined,
    refusals: [],
    contested: [],
    told: false,
    staleUntilMs: -Infinity,
    fault: undefined,
    phase,
  };
  // Announced it is by the first event, so that there is a transition to tell of.
  const routes = [...decide(facts, new Map(), nowMs)].map(([key, route]) => {
    return [key, { ...route, announce: false, degraded: false, announcedEver: false }] as const;
  });
  return { ...facts, routes: new Map(routes), weights: serviceWeights(facts, undefined, nowMs) };
}

/**
 * The same service under another configuration. Checks are known by their keys: one that stays has its verdict, a new one
 * of one that is announced changes nothing until its first verdict: it has no say, or where the service is announced as an
 * unhealthy one, that stays until then. An address that stays keeps its decision and its gates.
 * `there`: what the kernel has already of what comes, on its way out.
 */
export function reconfigured(
  state: ServiceState,
  entry: ServiceEntry,
  env: { readonly now: number; readonly there?: ActualKernel | undefined },
): ServiceState {
  const { config, checks, drain } = entry;
  const isAnnounced = [...state.routes.values()].some(({ announce }) => announce);
  const isDegraded = [...state.routes.values()].some(({ degraded }) => degraded);
  const verdicts = new Map(checks.flatMap((key): readonly (readonly [string, CheckVerdict])[] => {
    const known = state.verdicts.get(key);
    if (known !== undefined) return [[key, known]];
    if (!isAnnounced) return [[key, NOT_PROBED]];
    return isDegraded ? [[key, { ...NOT_PROBED, verdict: "unhealthy" }]] : [];
  }));
  const way = drain === undefined ? back(state, env.now) : { phase: { ...state.phase, drain } };
  // What is the same service knows all that there is to know of its ports.
  const ports = config === state.config
    ? state.ports
    : continuedPorts(entry, state.ports, env.now, env.there);
  const facts = { ...state, ...state.removed ? way : {}, config, verdicts, ports, removed: false };
  return decided(facts, state, env.now);
}

/** The service that the configuration has no more: on its way out, with the addresses that no other service has now. */
export function removed(
  state: ServiceState,
  isWanted: (address: Address) => boolean,
  env: { readonly now: number },
): ServiceState {
  const { config } = state;
  const addresses = config.addresses.filter((address) => !isWanted(address));
  const facts = { ...state, removed: true, config: { ...config, addresses } };
  return decided(facts, state, env.now);
}

/**
 * Takes one event in and decides anew. Never throws: a decision that fails is a shut gate, and made anew later, by facts
 * that are all there.
 */
export function step(
  state: ServiceState,
  event: ServiceEvent,
  env: { readonly now: number },
): { readonly state: ServiceState; readonly transitions: readonly ServiceTransition[] } {
  let facts: ServiceFacts = state;
  try {
    facts = absorb(state, event, env.now);
    const ports = mayMovePorts(event, facts.ports) ? settledPorts(facts, env.now) : facts.ports;
    const next = settled(decided({ ...facts, ports }, state, env.now), env.now);
    return {
      state: next,
      transitions: [
        // What an earlier process left is no news.
        ...event.type === "inherited" ? [] : destinationTransitions(state, next),
        ...routeTransitions(state, next, event),
        ...phaseTransitions(state, next),
      ],
    };
  } catch (error) {
    const cause = messageOf(error);
    const next = shutOut(facts, state, cause, env.now);
    return { state: next, transitions: [...routeTransitions(state, next, event), { type: "fault", cause }] };
  }
}

/** Moves on through the phases as far as time and facts allow; each has its own decision. */
function settled(state: ServiceState, nowMs: number): ServiceState {
  const phase = nextPhase(state.phase, phaseFacts(state), nowMs);
  return phase === undefined ? state : settled(decided({ ...state, phase }, state, nowMs), nowMs);
}

/** The facts with what follows from them, after it was as `before`. */
function decided(facts: ServiceFacts, before: ServiceState, nowMs: number): ServiceState {
  return {
    ...facts,
    routes: decide(facts, before.routes, nowMs),
    weights: serviceWeights(facts, before, nowMs),
  };
}

/** When the service wants a `time` event; undefined: nothing of it waits for time. */
export function nextDeadline(
  { phase, fault, staleUntilMs, weights }: ServiceState,
): number | undefined {
  // While a fault stands no deadline is met, and one that has passed would come again at once, for ever.
  const first = fault?.untilMs ??
    Math.min(phaseEnd(phase, staleUntilMs), weights.nextMs);
  return first === Infinity ? undefined : first;
}

/** Nothing else is of any consequence to destinations. */
function mayMovePorts({ type }: ServiceEvent, ports: ServiceFacts["ports"]): boolean {
  if (type === "destination" || type === "inherited" || type === "time") return true;
  return type === "kernel" && [...ports.values()].some((port) => sorryEnd(port) !== Infinity);
}

function absorb(state: ServiceState, event: ServiceEvent, now: number): ServiceFacts {
  switch (event.type) {
    case "verdict": {
      // A check that is new or another one in a running service has no say until it knows something.
      if (event.verdict === "unknown" && state.verdicts.get(event.check)?.verdict !== "unknown") return state;
      const verdicts = new Map(state.verdicts);
      verdicts.set(event.check, { verdict: event.verdict, cause: event.cause });
      return { ...state, verdicts };
    }
    case "destination":
      return { ...state, ports: toldPorts(state, event) };
    case "kernel":
      return {
        ...state,
        actual: event.actual ?? state.actual,
        refusals: event.refusals ?? [],
        contested: event.contested ?? state.contested,
      };
    case "inherited":
      return { ...state, ports: inheritedPorts(state, event.actual, now) };
    case "drain": {
      const { reason, limits = state.config.stop, because } = event;
      const drain = { reason, limits, because };
      // A drain that is under way goes on where it is, with the new reason and limits for what is to come.
      if (state.phase.drain !== undefined) return { ...state, phase: { ...state.phase, drain } };
      return {
        ...state,
        told: false,
        phase: event.quiesced === true ? quiescing(drain, now) : draining(drain, now),
      };
    }
    case "undrain":
      return state.phase.drain === undefined || state.removed ? state : { ...state, ...back(state, now) };
    case "told":
      return { ...state, told: true };
    case "stale":
      // That it was so until now counts for a withdrawal that is under way.
      return {
        ...state,
        staleUntilMs: event.untilMs === -Infinity ? Math.min(state.staleUntilMs, now) : event.untilMs,
      };
    case "time":
      return state.fault !== undefined && now >= state.fault.untilMs ? { ...state, fault: undefined } : state;
    default:
      return event satisfies never;
  }
}

/** Back in service: what was quiesced is announced once the kernel, read anew, has its weights. */
function back({ phase, actual }: ServiceFacts, nowMs: number): Pick<ServiceFacts, "phase" | "actual"> {
  return { phase: serving(nowMs), actual: isQuiesced(phase) ? undefined : actual };
}

function decide(
  facts: ServiceFacts,
  before: ReadonlyMap<string, RouteDecision>,
  nowMs: number,
): ReadonlyMap<string, RouteDecision> {
  return new Map(facts.config.addresses.map((address) => {
    const previous = before.get(address.text);
    const gates = gatesOf(facts, address, previous?.gates ?? [], nowMs);
    const announce = gates.every((gate) => gate.open);
    const sinceMs = previous?.announce === announce ? previous.sinceMs : nowMs;
    const isWorse = gates.some((gate) => gate.degraded);
    const route = routeOf(facts, address, { isWorse, before: previous?.route });
    const announcedEver = announce || (previous?.announcedEver ?? false);
    return [address.text, {
      address,
      route,
      announce,
      degraded: announce && isWorse,
      sinceMs,
      announcedEver,
      gates,
    }];
  }));
}

/** Nothing is announced while the decision fails. */
function shutOut(
  facts: ServiceFacts,
  before: ServiceState,
  cause: string,
  nowMs: number,
): ServiceState {
  const routes = new Map([...before.routes].map(([key, route]) => {
    const sinceMs = route.announce ? nowMs : route.sinceMs;
    return [key, { ...route, announce: false, degraded: false, sinceMs, gates: faultGates(cause, nowMs) }];
  }));
  return { ...facts, fault: { cause, untilMs: nowMs + RETRY_MS }, routes, weights: before.weights };
}

/** What is another one between two states of a service, or of none; `reason`: why it, or an address of it, is no more. */
export function changesBetween(
  before: ServiceState | undefined,
  after: ServiceState | undefined,
  reason: string,
): readonly ServiceTransition[] {
  if (before === after) return [];
  const gone = [...before?.routes.values() ?? []].filter(({ address, announce }) =>
    announce && after?.routes.get(address.text) === undefined
  );
  const withdrawals = gone.map(({ address }): ServiceTransition => {
    return { type: "route", address, announce: false, degraded: false, cause: reason };
  });
  if (after === undefined) return withdrawals;
  const phases = before === undefined ? [] : phaseTransitions(before, after);
  return [...withdrawals, ...routeTransitions(before, after), ...phases];
}

function routeTransitions(
  before: ServiceState | undefined,
  { routes }: ServiceState,
  event?: ServiceEvent,
): readonly ServiceTransition[] {
  return [...routes.values()]
    .filter(({ address, announce, degraded }) => {
      const last = before?.routes.get(address.text);
      return announce !== (last?.announce ?? false) || degraded !== (last?.degraded ?? false);
    })
    .map(({ address, announce, degraded, gates }) => {
      return { type: "route", address, announce, degraded, cause: causeOf(announce, gates, event) };
    });
}

function phaseTransitions(
  { phase: from }: ServiceState,
  { phase: to }: ServiceState,
): readonly ServiceTransition[] {
  if (from.name === to.name) return [];
  return [{ type: "phase", from: from.name, to: to.name, cause: to.drain?.reason ?? "back in service" }];
}

/** Opening: what just happened. Closing: the first gate that is shut now. Worse: what makes it so. */
function causeOf(announce: boolean, gates: readonly Gate[], event: ServiceEvent | undefined): string {
  if (!announce) return gates.find((gate) => !gate.open)?.reason ?? "";
  const worse = gates.find(({ degraded }) => degraded);
  if (worse !== undefined) return worse.reason;
  if (event?.type === "verdict") return `${event.check}: ${event.cause}`;
  const told = event?.type === "destination" ? gates.find(({ name }) => name === "quorum") : gates.at(-1);
  return told?.reason ?? "";
}
