/**
 * The weights of a port's destinations, as one function of what is configured, what is remembered, and time: from them come
 * the destinations of its virtual services, the sum of live weights, whether the quorum holds, and when any of it changes by
 * itself. Pure.
 *
 * With slowStart a weight grows in steps, and 1 has no room to grow: the weights of such a port are the configured ones times
 * `weightScale`, which depends on the configuration alone, so that what an earlier process left can be told apart.
 *
 * Destinations that are well but are to have weight 0 keep theirs where no other one is live, until routers have gone over:
 * withdraw before break.
 */
import { reachableFrom } from "../config/families.ts";
import type { DestinationConfig, PortConfig } from "../config/config.ts";
import { givesWeight } from "../config/resolve_checks.ts";
import { MAX_WEIGHT } from "../config/scheduling.ts";
import type { Verdict } from "../health/threshold.ts";
import { type Destination, destinationKey, isConnected } from "../kernel/state.ts";
import type { DestinationState, FamilyState, PortState } from "./port_state.ts";

/** A weight that grows does so in so many steps at most. */
const STEPS = 20;

/** What a destination comes to by its checks. */
export interface Standing {
  /** The worst one of its checks; healthy where there is none. */
  readonly verdict: Verdict;
  /** What counts for the quorum: the configured weight, or the one that a check gave. */
  readonly weight: number;
  /** New connections may be sent there. */
  readonly live: boolean;
}

/** Sums of weights of a port's destinations of one family. */
export interface WeightSums {
  /** Of those that are live. */
  readonly live: number;
  readonly total: number;
}

/** A port's virtual services of one family. */
export interface PortWeights {
  /** What the virtual services have. */
  readonly destinations: readonly Destination[];
  /** When weights change by themselves; Infinity: they do not. */
  readonly nextMs: number;
}

/** Where the weights are taken. */
export interface WeightsView {
  readonly family: 4 | 6;
  /** The service is on its way out: nothing has weight. */
  readonly quiesced: boolean;
  readonly now: number;
  /** When routers have gone over that hear at `sinceMs` that nothing is announced any more. */
  goneOverMs(sinceMs: number): number;
}

/** What a virtual service of `port` sends to: destinations of its own family, or the other family's tunnels where there are none. */
export function destinationsOf(
  { destinations }: Pick<PortConfig, "destinations">,
  family: 4 | 6,
): readonly DestinationConfig[] {
  if (destinations.every(({ address }) => address.family === family)) return destinations;
  return reachableFrom(family, destinations);
}

/**
 * The same with what is known of each. There may be a thousand, at every verdict of one: no key is made where the state has
 * them in the configuration's order, as every state does that knows all of them.
 */
export function* knownDestinations(
  port: Pick<PortConfig, "destinations">,
  { destinations }: PortState,
  family: 4 | 6,
): Generator<readonly [DestinationConfig, DestinationState | undefined]> {
  const isOwn = port.destinations.some(({ address }) => address.family === family);
  const known = destinations.size === port.destinations.length ? destinations.values() : undefined;
  for (const config of port.destinations) {
    const state = known === undefined ? destinations.get(destinationKey(config)) : known.next().value;
    const isTaken = isOwn ? config.address.family === family : config.forwarding === "tunnel";
    if (isTaken) yield [config, state];
  }
}

/** What takes a family's packets while none of these is live. */
export function sorryFor(
  { sorry }: Pick<PortConfig, "sorry">,
  family: 4 | 6,
): PortConfig["sorry"][number] | undefined {
  return reachableFrom(family, sorry)[0];
}

/** The factor between weights as they are configured and as the kernel has them. */
export function weightScale({ slowStartMs, destinations }: PortConfig): number {
  if (slowStartMs === 0) return 1;
  const weights = destinations.map(({ weight }) => weight).filter((weight) => weight > 0);
  if (weights.length === 0) return 1;
  const wanted = Math.ceil(STEPS / Math.min(...weights));
  return Math.max(1, Math.min(wanted, Math.floor(MAX_WEIGHT / Math.max(...weights))));
}

/** What a destination comes to. */
export function standingOf(config: DestinationConfig, state: DestinationState | undefined): Standing {
  let verdict: Verdict = "healthy";
  let given = Infinity;
  // There are thousands of destinations: nothing is made here that is not needed.
  for (const { name } of config.checks) {
    const said = state?.checks.get(name);
    if (said === undefined) continue;
    if (said.weight !== undefined) given = Math.min(given, said.weight);
    if (said.verdict === "unhealthy" || verdict === "healthy") verdict = said.verdict;
  }
  const weight = given === Infinity ? config.weight : Math.min(given, MAX_WEIGHT);
  const mayServe = verdict === "healthy" || (verdict === "unknown" && (state?.inherited ?? 0) > 0);
  return { verdict, weight, live: mayServe && weight > 0 };
}

/** Why it comes to that, in words. */
export function standingCause(config: DestinationConfig, state: DestinationState | undefined): string {
  const { verdict, weight } = standingOf(config, state);
  const known = config.checks.flatMap(({ name }) => {
    const said = state?.checks.get(name);
    return said === undefined || said.verdict !== verdict ? [] : [`${name}: ${said.cause}`];
  });
  if (verdict !== "healthy") return known[0] ?? verdict;
  const causes = known.length === 0 ? ["no checks configured"] : known;
  return [...weight === 0 ? ["weight 0"] : [], ...causes].join("; ");
}

/** The sums of the weights of a port's destinations in one family, as they count for the quorum. */
export function weightSums(port: PortConfig, state: PortState, family: 4 | 6): WeightSums {
  let live = 0;
  let total = 0;
  for (const [config, known] of knownDestinations(port, state, family)) {
    const standing = standingOf(config, known);
    total += standing.weight;
    if (standing.live) live += standing.weight;
  }
  return { live, total };
}

/** What the virtual services of `port` in one family have. */
export function portWeights(port: PortConfig, state: PortState, view: WeightsView): PortWeights {
  const scale = weightScale(port);
  const destinations: Destination[] = [];
  let nextMs = Infinity;
  for (const [config, known] of knownDestinations(port, state, view.family)) {
    const standing = standingOf(config, known);
    const held = heldUntil(standing, known, view);
    const weighed = held > view.now
      ? { weight: scaled(known?.served ?? 0, scale), nextMs: held }
      : kernelWeight({ port, scale, config, known, standing }, view);
    nextMs = Math.min(nextMs, weighed.nextMs);
    if (weighed.weight === undefined) continue;
    destinations.push(destinationOf(config, view.quiesced ? 0 : weighed.weight));
  }
  destinations.push(...sorryOf(port, state, scale, view));
  return { destinations, nextMs: view.quiesced ? Infinity : nextMs };
}

function destinationOf(config: Omit<DestinationConfig, "checks">, weight: number): Destination {
  const { address, port, forwarding, tunnel, upperThreshold, lowerThreshold } = config;
  return { address, port, weight, forwarding, tunnel, upperThreshold, lowerThreshold };
}

/** Whether the quorum holds after it was as `before`. */
export function quorumHolds(
  { quorum, hysteresis }: Pick<PortConfig, "quorum" | "hysteresis">,
  liveWeight: number,
  before: boolean,
): boolean {
  return liveWeight >= quorumNeeds({ quorum, hysteresis }, before);
}

/** The live weight that it takes to hold the quorum, or to gain it: some, unless none is asked for. */
export function quorumNeeds(
  { quorum, hysteresis }: Pick<PortConfig, "quorum" | "hysteresis">,
  held: boolean,
): number {
  if (quorum === 0) return 0;
  return Math.max(1, held ? quorum - hysteresis : quorum + hysteresis);
}

/** When a weight would have been 0 that grows and is `inherited` now; -Infinity: it has all of it. */
export function growsSince(port: PortConfig, inherited: number, weight: number, nowMs: number): number {
  const target = fullWeight(port, weight);
  return inherited >= target ? -Infinity : nowMs - port.slowStartMs * inherited / target;
}

/** What the kernel has of a weight that has grown whole. */
export function fullWeight(port: PortConfig, weight: number): number {
  return scaled(weight, weightScale(port));
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

/** So long a destination that is well and is to have weight 0 may be needed still; -Infinity: it is not such a one. */
function heldUntil(
  { verdict, weight }: Standing,
  known: DestinationState | undefined,
  { goneOverMs }: WeightsView,
): number {
  const isTaken = weight === 0 && verdict !== "unhealthy" && known !== undefined && known.served > 0;
  return isTaken ? goneOverMs(known.sinceMs) : -Infinity;
}

function kernelWeight(weighing: Weighing, { now }: WeightsView): KernelWeight {
  const { port, scale, config, known, standing } = weighing;
  const still = (weight: number | undefined) => ({ weight, nextMs: Infinity });
  const target = scaled(standing.weight, scale);
  if (standing.verdict === "unknown" && known?.inherited !== undefined) {
    // What a check gave an earlier process is not known here: the kernel has it.
    const isGiven = config.checks.some(givesWeight);
    return still(isGiven ? known.inherited : Math.min(known.inherited, target));
  }
  if (standing.live) return grown(target, known?.growsSinceMs ?? -Infinity, port.slowStartMs, now);
  // One that is well and was given no weight is no failure.
  const isKept = standing.verdict === "healthy" || (port.whenFailed === "quiesce" && isConnected(port));
  return still(isKept ? 0 : undefined);
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
  port: PortConfig,
  { families }: PortState,
  scale: number,
  { family, quiesced }: WeightsView,
): readonly Destination[] {
  const state: FamilyState["sorry"] = families.get(family)?.sorry ?? "out";
  const sorry = sorryFor(port, family);
  if (sorry === undefined || state === "out") return [];
  return [destinationOf(sorry, state === "serving" && !quiesced ? scale : 0)];
}
