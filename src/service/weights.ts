/**
 * The weights of a port's destinations, as one function of what is configured, what is remembered, and time: from them come
 * the destinations of its virtual services, the sum of live weights, whether the quorum holds, and when any of it changes by
 * itself. Pure.
 *
 * With slowStart a weight grows in steps, and 1 has no room to grow: the weights of such a port are the configured ones times
 * `weightScale`, which depends on the configuration alone, so that what an earlier process left can be told apart.
 */
import type { DestinationConfig, PortConfig } from "../config/config.ts";
import type { Verdict } from "../health/threshold.ts";
import { type Destination, destinationKey, isConnected } from "../kernel/state.ts";
import type { DestinationState, FamilyState, PortState } from "./port_state.ts";

/** The largest weight that a virtual service's destination may have here. */
export const MAX_WEIGHT = 65535;
/** A weight that grows does so in so many steps at most. */
const STEPS = 20;

/** What a destination comes to by its checks. */
export interface Standing {
  /** The worst one of its checks; healthy where there is none. */
  readonly verdict: Verdict;
  readonly cause: string;
  /** What counts for the quorum: the configured weight, or the one that a check gave. */
  readonly weight: number;
  /** New connections may be sent there. */
  readonly live: boolean;
}

/** A port's virtual services of one family. */
export interface PortWeights {
  /** What the virtual services have. */
  readonly destinations: readonly Destination[];
  /** The sum of the weights of those that are live, and of all. */
  readonly liveWeight: number;
  readonly totalWeight: number;
  /** When weights change by themselves; Infinity: they do not. */
  readonly nextMs: number;
}

/** Where the weights are taken. */
export interface WeightsView {
  readonly family: 4 | 6;
  /** The service is on its way out: nothing has weight. */
  readonly quiesced: boolean;
  readonly now: number;
}

/** What a virtual service of `port` sends to: destinations of its own family, or the other family's tunnels where there are none. */
export function destinationsOf(
  { destinations }: Pick<PortConfig, "destinations">,
  family: 4 | 6,
): readonly DestinationConfig[] {
  const own = destinations.filter(({ address }) => address.family === family);
  return own.length > 0 ? own : destinations.filter(({ forwarding }) => forwarding === "tunnel");
}

/** The factor between weights as they are configured and as the kernel has them. */
export function weightScale({ slowStartMs, destinations }: PortConfig): number {
  const weights = destinations.map(({ weight }) => weight).filter((weight) => weight > 0);
  if (slowStartMs === 0 || weights.length === 0) return 1;
  const wanted = Math.ceil(STEPS / Math.min(...weights));
  return Math.max(1, Math.min(wanted, Math.floor(MAX_WEIGHT / Math.max(...weights))));
}

/** What a destination comes to. */
export function standingOf(config: DestinationConfig, state: DestinationState | undefined): Standing {
  const known = config.checks.flatMap(({ name }) => {
    const said = state?.checks.get(name);
    return said === undefined ? [] : [{ name, ...said }];
  });
  const worst = known.find(({ verdict }) => verdict === "unhealthy") ??
    known.find(({ verdict }) => verdict === "unknown");
  const given = known.flatMap(({ weight }) => weight ?? []);
  const weight = given.length === 0 ? config.weight : Math.min(MAX_WEIGHT, ...given);
  const verdict = worst?.verdict ?? "healthy";
  const mayServe = verdict === "healthy" || (verdict === "unknown" && (state?.inherited ?? 0) > 0);
  return { verdict, cause: causeOf(worst ?? known, weight), weight, live: mayServe && weight > 0 };
}

type Said = { readonly name: string; readonly cause: string };

function causeOf(said: Said | readonly Said[], weight: number): string {
  if (!isList(said)) return `${said.name}: ${said.cause}`;
  if (weight === 0) return ["weight 0", ...said.map(textOf)].join("; ");
  return said.length === 0 ? "no checks configured" : said.map(textOf).join("; ");
}

function isList(said: Said | readonly Said[]): said is readonly Said[] {
  return Array.isArray(said);
}

function textOf({ name, cause }: Said): string {
  return `${name}: ${cause}`;
}

/** What the virtual services of `port` in one family have. */
export function portWeights(port: PortConfig, state: PortState, view: WeightsView): PortWeights {
  const scale = weightScale(port);
  const weighed = destinationsOf(port, view.family).map((config) => {
    const known = state.destinations.get(destinationKey(config));
    const standing = standingOf(config, known);
    return { config, standing, ...kernelWeight({ port, scale, config, known, standing }, view) };
  });
  const destinations = weighed.flatMap(({ config: { checks: _, ...config }, weight }) =>
    weight === undefined ? [] : [{ ...config, weight: view.quiesced ? 0 : weight }]
  );
  const liveOnes = weighed.filter(({ standing }) => standing.live);
  return {
    destinations: [...destinations, ...sorryOf(port, state, scale, view)],
    liveWeight: sumOf(liveOnes.map(({ standing }) => standing.weight)),
    totalWeight: sumOf(weighed.map(({ standing }) => standing.weight)),
    nextMs: view.quiesced ? Infinity : Math.min(Infinity, ...weighed.map(({ nextMs }) => nextMs)),
  };
}

/** Whether the quorum holds after it was as `before`. */
export function quorumHolds(
  { quorum, hysteresis }: Pick<PortConfig, "quorum" | "hysteresis">,
  liveWeight: number,
  before: boolean,
): boolean {
  return liveWeight > 0 && liveWeight >= quorumNeeds({ quorum, hysteresis }, before);
}

/** The live weight that it takes to hold the quorum, or to gain it. */
export function quorumNeeds(
  { quorum, hysteresis }: Pick<PortConfig, "quorum" | "hysteresis">,
  held: boolean,
): number {
  return held ? quorum - hysteresis : quorum + hysteresis;
}

/** When a weight would have been 0 that grows and is `inherited` now; -Infinity: it has all of it. */
export function growsSince(port: PortConfig, inherited: number, weight: number, nowMs: number): number {
  const target = scaled(weight, weightScale(port));
  return inherited >= target ? -Infinity : nowMs - port.slowStartMs * inherited / target;
}

interface Weighing {
  readonly port: PortConfig;
  readonly scale: number;
  readonly config: DestinationConfig;
  readonly known: DestinationState | undefined;
  readonly standing: Standing;
}

/** Undefined: it is not in the kernel. */
interface KernelWeight {
  readonly weight: number | undefined;
  readonly nextMs: number;
}

function kernelWeight(weighing: Weighing, { now }: WeightsView): KernelWeight {
  const { port, scale, config, known, standing } = weighing;
  const still = (weight: number | undefined) => ({ weight, nextMs: Infinity });
  const target = scaled(standing.weight, scale);
  if (standing.verdict === "unknown" && known?.inherited !== undefined) {
    // What a check gave an earlier process is not known here: the kernel has it.
    const isGiven = config.checks.some(givesWeight);
    return still(isGiven && config.weight > 0 ? known.inherited : Math.min(known.inherited, target));
  }
  if (standing.live) return grown(target, known?.growsSinceMs ?? -Infinity, port.slowStartMs, now);
  // One that is well and was given no weight is no failure.
  const isKept = standing.verdict === "healthy" || (port.whenFailed === "quiesce" && isConnected(port));
  return still(isKept ? 0 : undefined);
}

function givesWeight(check: DestinationConfig["checks"][number]): boolean {
  return "weightHeader" in check && check.weightHeader !== undefined;
}

function grown(target: number, sinceMs: number, slowStartMs: number, nowMs: number): KernelWeight {
  const steps = Math.min(STEPS, target);
  // A step that is due at this very moment has been made, whatever the last digit says.
  const made = slowStartMs === 0 ? steps : Math.floor((nowMs - sinceMs) * steps / slowStartMs + 1e-6);
  if (made >= steps) return { weight: target, nextMs: Infinity };
  return {
    weight: Math.max(1, Math.floor(target * made / steps)),
    nextMs: Math.ceil(sinceMs + slowStartMs * (made + 1) / steps),
  };
}

function scaled(weight: number, scale: number): number {
  return Math.min(weight * scale, MAX_WEIGHT);
}

function sorryOf(
  { sorry }: PortConfig,
  { families }: PortState,
  scale: number,
  { family, quiesced }: WeightsView,
): readonly Destination[] {
  const state: FamilyState["sorry"] = families.get(family)?.sorry ?? "out";
  if (sorry === undefined || state === "out") return [];
  return [{ ...sorry, weight: state === "serving" && !quiesced ? scale : 0 }];
}

function sumOf(weights: readonly number[]): number {
  return weights.reduce((sum, weight) => sum + weight, 0);
}
