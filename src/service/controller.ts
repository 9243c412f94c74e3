/**
 * The service controller, a pure machine: verdicts, the kernel's state and the operator's switches go in; which of
 * the service's addresses may be announced, and why not, comes out. The chain of gates is the one ordering rule seen
 * from the announcing side: nothing is announced before the kernel, read back, can serve it.
 */
import type { Address } from "../net/address.ts";
import type { Route } from "../bgp/routes/route.ts";
import type { IpProtocol, ServiceConfig } from "../config/config.ts";
import { hostPrefix, prefixOf } from "../net/prefix.ts";
import type { Verdict } from "../health/threshold.ts";
import type { Managed } from "../kernel/kernel.ts";
import { type ActualKernel, interfaceMark, virtualServiceKey } from "../kernel/state.ts";

/** The gates in the order in which they are asked; the last ones, per peer, are the speaker's. */
export type GateName =
  | "enabled"
  | "not stopping"
  | "healthy"
  | "address present"
  | "virtual services present";

/** One gate of the chain. */
export interface Gate {
  readonly name: GateName;
  readonly open: boolean;
  /** What it saw, in words. */
  readonly reason: string;
}

/** The decision about one address of the service. */
export interface RouteDecision {
  readonly address: Address;
  /** What is announced where it is; the same object at every decision, so that a change shows what did not change. */
  readonly route: Route;
  readonly announce: boolean;
  readonly gates: readonly Gate[];
  /** When `announce` last changed, on the clock's scale. */
  readonly sinceMs: number;
}

/** One check's last word. */
export interface CheckVerdict {
  readonly verdict: Verdict;
  readonly cause: string;
}

/** Everything that the decision depends on, and the decision. */
export interface ServiceState {
  readonly config: ServiceConfig;
  readonly managed: Managed;
  /** By check name; every check of the service has an entry. */
  readonly verdicts: ReadonlyMap<string, CheckVerdict>;
  /** Undefined until the kernel was read for the first time. */
  readonly actual: ActualKernel | undefined;
  readonly stopping: boolean;
  /** By address text, in the order of the configuration. */
  readonly routes: ReadonlyMap<string, RouteDecision>;
}

/** Facts that change a decision. */
export type ServiceEvent =
  | { readonly type: "verdict"; readonly check: string; readonly verdict: Verdict; readonly cause: string }
  | { readonly type: "kernel"; readonly actual: ActualKernel }
  | { readonly type: "stop" };

/** A route decision that changed. */
export interface Transition {
  readonly address: Address;
  readonly announce: boolean;
  /** The reason of the gate that closed, or of the last one that opened. */
  readonly cause: string;
}

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
  const state = { config, managed, verdicts, actual: undefined, stopping: false, routes: new Map() };
  return { ...state, routes: decide(state, nowMs) };
}

/** Takes one event and decides anew. */
export function step(
  state: ServiceState,
  event: ServiceEvent,
  env: { readonly now: number },
): { readonly state: ServiceState; readonly transitions: readonly Transition[] } {
  const facts = absorb(state, event);
  const routes = decide(facts, env.now);
  const transitions = [...routes.values()]
    .filter((route) => route.announce !== state.routes.get(route.address.text)?.announce)
    .map(({ address, announce, gates }) => ({ address, announce, cause: causeOf(announce, gates, event) }));
  return { state: { ...facts, routes }, transitions };
}

/** The service's verdict over all its checks: the worst of them; healthy where there is none. */
export function serviceVerdict(verdicts: ReadonlyMap<string, CheckVerdict>): CheckVerdict {
  const entries = [...verdicts];
  for (const wanted of ["unhealthy", "unknown"] as const) {
    const found = entries.find(([, { verdict }]) => verdict === wanted);
    if (found !== undefined) return { verdict: wanted, cause: `${found[0]}: ${found[1].cause}` };
  }
  const cause = entries.map(([name, { cause }]) => `${name}: ${cause}`).join("; ");
  return { verdict: "healthy", cause: cause === "" ? "no checks configured" : cause };
}

function absorb(state: ServiceState, event: ServiceEvent): ServiceState {
  switch (event.type) {
    case "verdict": {
      const verdicts = new Map(state.verdicts);
      verdicts.set(event.check, { verdict: event.verdict, cause: event.cause });
      return { ...state, verdicts };
    }
    case "kernel":
      return { ...state, actual: event.actual };
    case "stop":
      return { ...state, stopping: true };
    default:
      return event satisfies never;
  }
}

function decide(state: ServiceState, nowMs: number): ReadonlyMap<string, RouteDecision> {
  return new Map(state.config.addresses.map((address) => {
    const gates = gatesOf(state, address);
    const announce = gates.every((gate) => gate.open);
    const previous = state.routes.get(address.text);
    const sinceMs = previous?.announce === announce ? previous.sinceMs : nowMs;
    const route = previous?.route ?? routeOf(state.config, address);
    return [address.text, { address, route, announce, gates, sinceMs }];
  }));
}

function routeOf({ announce, prefixLengths }: ServiceConfig, address: Address): Route {
  const length = prefixLengths.get(address.text);
  const prefix = length === undefined ? hostPrefix(address) : prefixOf(address, length);
  return { prefix, attributes: announce, peers: announce.peers };
}

function gatesOf(state: ServiceState, address: Address): readonly Gate[] {
  const { config, managed, actual } = state;
  const verdict = serviceVerdict(state.verdicts);
  const chain: Gate[] = [
    {
      name: "enabled",
      open: config.enabled,
      reason: config.enabled ? "enabled" : "disabled in configuration",
    },
    { name: "not stopping", open: !state.stopping, reason: state.stopping ? "stopping" : "running" },
    { name: "healthy", open: verdict.verdict === "healthy", reason: verdict.cause },
  ];
  if (managed.interfaces) {
    const fault = addressFault(config, address, actual);
    chain.push({
      name: "address present",
      open: fault === undefined,
      reason: fault ?? "link up, address present",
    });
  }
  if (managed.ipvs && config.ports.length > 0) {
    const fault = virtualServiceFault(config, address, actual);
    chain.push({
      name: "virtual services present",
      open: fault === undefined,
      reason: fault ?? "virtual services present, with a destination of weight",
    });
  }
  return chain;
}

function addressFault(config: ServiceConfig, address: Address, actual?: ActualKernel): string | undefined {
  if (actual === undefined) return "the kernel has not been read yet";
  const link = actual.interfaces.find((candidate) => candidate.name === config.interface);
  if (link === undefined) return `interface ${config.interface} does not exist`;
  if (link.alias !== interfaceMark(config.name)) return `interface ${config.interface} is not ours`;
  if (!link.up) return `interface ${config.interface} is down`;
  const present = link.addresses.some((entry) => entry.address.text === address.text);
  return present ? undefined : `address ${address.text} is not on interface ${config.interface}`;
}

function virtualServiceFault(
  config: ServiceConfig,
  address: Address,
  actual?: ActualKernel,
): string | undefined {
  if (actual === undefined) return "the kernel has not been read yet";
  const present = new Map(actual.virtualServices.map((service) => [virtualServiceKey(service), service]));
  for (const { protocol, port } of config.ports) {
    const service = present.get(virtualServiceKey({ protocol, address, port }));
    const name = `virtual service ${nameOf(protocol, address, port)}`;
    if (service === undefined) return `${name} does not exist`;
    if (!service.destinations.some(({ weight }) => weight > 0)) return `${name} has no destination of weight`;
  }
  return undefined;
}

function nameOf(protocol: IpProtocol, address: Address, port: number): string {
  return `${protocol} ${address.family === 6 ? `[${address.text}]` : address.text}:${port}`;
}

/** Opening: what just happened. Closing: the first gate that is shut now. */
function causeOf(announce: boolean, gates: readonly Gate[], event: ServiceEvent): string {
  if (!announce) return gates.find((gate) => !gate.open)?.reason ?? "";
  return event.type === "verdict" ? `${event.check}: ${event.cause}` : gates.at(-1)?.reason ?? "";
}
