/**
 * The service controller, a pure machine: verdicts, the kernel's state, time and the operator's switches go in; which of
 * the service's addresses may be announced, and why not, and where it is on its way out, comes out.
 */
import type { Route } from "../bgp/routes/route.ts";
import type { ServiceConfig } from "../config/config.ts";
import type { PhaseName } from "../events/event.ts";
import type { Verdict } from "../health/threshold.ts";
import type { Managed } from "../kernel/kernel.ts";
import type { ActualKernel } from "../kernel/state.ts";
import type { Address } from "../net/address.ts";
import { hostPrefix, prefixOf } from "../net/prefix.ts";
import { messageOf } from "../text/error_message.ts";
import { faultGates, gatesOf } from "./gates.ts";
import { advancePhase, type DrainLimits, type PhaseFacts, serving, withdrawn } from "./phase.ts";
import type { Gate, RouteDecision, ServiceFacts, ServiceState } from "./state.ts";

/** Facts that change a decision. */
export type ServiceEvent =
  | { readonly type: "verdict"; readonly check: string; readonly verdict: Verdict; readonly cause: string }
  | { readonly type: "kernel"; readonly actual: ActualKernel }
  /** Out of service, in order, each phase within its limit (default: the configured `stop`). */
  | { readonly type: "drain"; readonly reason: string; readonly limits?: DrainLimits }
  /** Back into service, from any phase. */
  | { readonly type: "undrain" }
  /** The sockets of all routers have taken what they should be told. */
  | { readonly type: "told" }
  /** A deadline has passed. */
  | { readonly type: "time" };

/** What changed. */
export type ServiceTransition =
  | {
    readonly type: "route";
    readonly address: Address;
    readonly announce: boolean;
    /** The reason of the gate that closed, or of the last one that opened. */
    readonly cause: string;
  }
  | { readonly type: "phase"; readonly from: PhaseName; readonly to: PhaseName; readonly cause: string }
  /** The decision failed by a fault of ours. */
  | { readonly type: "fault"; readonly cause: string };

/** After a fault of ours the decision is made anew in this time. */
const RETRY_MS = 1000;

/** The state at start: nothing known, nothing announced. */
export function initialState(
  config: ServiceConfig,
  managed: Managed,
  checks: readonly string[],
  nowMs: number,
): ServiceState {
  const verdicts = new Map(
    checks.map((name) => [name, { verdict: "unknown", cause: "not probed yet" }] as const),
  );
  const phase = serving(nowMs);
  const facts: ServiceFacts = {
    config,
    managed,
    verdicts,
    actual: undefined,
    told: false,
    fault: undefined,
    phase,
  };
  return { ...facts, routes: decide(facts, new Map(), nowMs) };
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
  const facts = absorb(state, event, env.now);
  try {
    const decided = { ...facts, routes: decide(facts, state.routes, env.now) };
    const phase = advancePhase(facts.phase, phaseFacts(decided), env.now);
    const next = { ...decided, phase };
    return {
      state: next,
      transitions: [...routeTransitions(state, next, event), ...phaseTransitions(state, next)],
    };
  } catch (error) {
    const cause = messageOf(error);
    const next = shutOut(facts, state.routes, cause, env.now);
    return { state: next, transitions: [...routeTransitions(state, next, event), { type: "fault", cause }] };
  }
}

/** When the service wants a `time` event; undefined: nothing of it waits for time. */
export function nextDeadline({ phase, fault }: ServiceState): number | undefined {
  // While a fault stands no deadline is met, and one that has passed would come again at once, for ever.
  const first = fault?.untilMs ?? phase.deadlineMs;
  return first === Infinity ? undefined : first;
}

function absorb(state: ServiceState, event: ServiceEvent, now: number): ServiceFacts {
  switch (event.type) {
    case "verdict": {
      const verdicts = new Map(state.verdicts);
      verdicts.set(event.check, { verdict: event.verdict, cause: event.cause });
      return { ...state, verdicts };
    }
    case "kernel":
      return { ...state, actual: event.actual };
    case "drain": {
      const { reason, limits = state.config.stop } = event;
      const drain = { reason, limits };
      // A drain that is under way goes on where it is, with the new reason and limits for what is to come.
      if (state.phase.drain !== undefined) return { ...state, phase: { ...state.phase, drain } };
      return { ...state, told: false, phase: withdrawn(drain, now) };
    }
    case "undrain":
      return state.phase.drain === undefined ? state : { ...state, phase: serving(now) };
    case "told":
      return { ...state, told: true };
    case "time":
      return state.fault !== undefined && now >= state.fault.untilMs ? { ...state, fault: undefined } : state;
    default:
      return event satisfies never;
  }
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
    const route = previous?.route ?? routeOf(facts.config, address);
    const announcedEver = announce || (previous?.announcedEver ?? false);
    return [address.text, { address, route, announce, sinceMs, announcedEver, gates }];
  }));
}

/** Nothing is announced while the decision fails. */
function shutOut(
  facts: ServiceFacts,
  before: ReadonlyMap<string, RouteDecision>,
  cause: string,
  nowMs: number,
): ServiceState {
  const routes = new Map([...before].map(([key, route]) => {
    const sinceMs = route.announce ? nowMs : route.sinceMs;
    return [key, { ...route, announce: false, sinceMs, gates: faultGates(cause, nowMs) }];
  }));
  return { ...facts, fault: { cause, untilMs: nowMs + RETRY_MS }, routes };
}

function routeOf({ announce, prefixLengths }: ServiceConfig, address: Address): Route {
  const length = prefixLengths.get(address.text);
  const prefix = length === undefined ? hostPrefix(address) : prefixOf(address, length);
  return { prefix, attributes: announce, peers: announce.peers };
}

function phaseFacts({ config, managed, routes, actual, told }: ServiceState): PhaseFacts {
  const withdrawals = [...routes.values()].filter(({ announcedEver }) => announcedEver);
  return {
    withdrawnMs: withdrawals.length === 0
      ? undefined
      : Math.max(...withdrawals.map(({ sinceMs }) => sinceMs)),
    told,
    quiesces: managed.ipvs && config.ports.length > 0,
    activeConnections: activeConnections(actual),
  };
}

/** Undefined before the quiesced destinations were read. */
function activeConnections(actual: ActualKernel | undefined): number | undefined {
  const destinations = actual?.virtualServices.flatMap((virtualService) => virtualService.destinations);
  if (destinations === undefined || destinations.some(({ weight }) => weight > 0)) return undefined;
  return destinations.reduce((sum, destination) => sum + destination.activeConnections, 0);
}

function routeTransitions(
  before: ServiceState,
  { routes }: ServiceState,
  event: ServiceEvent,
): readonly ServiceTransition[] {
  return [...routes.values()]
    .filter(({ address, announce }) => announce !== before.routes.get(address.text)?.announce)
    .map(({ address, announce, gates }) => {
      return { type: "route", address, announce, cause: causeOf(announce, gates, event) };
    });
}

function phaseTransitions(
  { phase: from }: ServiceState,
  { phase: to }: ServiceState,
): readonly ServiceTransition[] {
  if (from.name === to.name) return [];
  return [{ type: "phase", from: from.name, to: to.name, cause: to.drain?.reason ?? "back in service" }];
}

/** Opening: what just happened. Closing: the first gate that is shut now. */
function causeOf(announce: boolean, gates: readonly Gate[], event: ServiceEvent): string {
  if (!announce) return gates.find((gate) => !gate.open)?.reason ?? "";
  return event.type === "verdict" ? `${event.check}: ${event.cause}` : gates.at(-1)?.reason ?? "";
}
