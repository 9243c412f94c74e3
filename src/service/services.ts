/**
 * All services by name, with what is asked of all of them at each event: which wait for time, which for routers, which for
 * connections. That is kept up to date state by state, so that an event costs as much among thousands as among ten.
 */
import type { ServiceConfig } from "../config/config.ts";
import { merge } from "../kernel/merge.ts";
import type { DesiredKernel } from "../kernel/state.ts";
import { Deadlines } from "../time/deadlines.ts";
import { nextDeadline } from "./controller.ts";
import { desiredKernel } from "./desired.ts";
import { spotsOf } from "./slices.ts";
import type { ServiceState } from "./state.ts";

/** What services are looked for by. */
export type Trait =
  /** It is not out of service yet. */
  | "up"
  /** Its connections are waited for. */
  | "quiescing"
  /** It is withdrawn, and waits for the sockets of routers to have taken that. */
  | "awaiting told"
  /** What it is to do may depend on the kernel even where that is what it was. */
  | "watching"
  /** The configuration has it no more. */
  | "removed"
  /** The configuration has it no more, and it is down. */
  | "gone";

const TRAITS: readonly (readonly [Trait, (state: ServiceState) => boolean])[] = [
  ["up", ({ phase }) => phase.name !== "down"],
  ["quiescing", ({ phase }) => phase.name === "quiescing"],
  ["awaiting told", ({ phase, told }) => phase.name === "withdrawn" && !told],
  ["watching", isWatching],
  ["removed", ({ removed }) => removed],
  ["gone", ({ removed, phase }) => removed && phase.name === "down"],
];

/** It has not seen the kernel, is on its way, or was in trouble that may be over. */
function isWatching({ actual, phase, refusals, contested }: ServiceState): boolean {
  return actual === undefined || (phase.name !== "serving" && phase.name !== "down") ||
    refusals.length > 0 || contested.length > 0;
}

const NONE: ReadonlySet<string> = new Set();

/** The services of one driver. */
export class Services {
  #states = new Map<string, ServiceState>();
  /** As it was last asked for. */
  #all: readonly ServiceState[] | undefined;
  #kernel: DesiredKernel | undefined;
  /** Names. */
  readonly #bySpot = new Map<string, Set<string>>();
  readonly #deadlines = new Deadlines();
  /** Names. */
  readonly #having: ReadonlyMap<Trait, Set<string>> = new Map(TRAITS.map(([trait]) => [trait, new Set()]));

  /** Every service, in the order of the configuration; those that it has no more are last. */
  get all(): readonly ServiceState[] {
    return this.#all ??= [...this.#states.values()];
  }

  /** The same by name, as of now. */
  get byName(): ReadonlyMap<string, ServiceState> {
    return this.#states;
  }

  /** Everything that they need of the kernel; the same object for as long as that is the same. */
  get kernel(): DesiredKernel {
    // The configuration sees to it that no two have the same; one that goes may have what is another one's now.
    return this.#kernel ??= this.has("removed") ? merge([desiredKernel(this.all)]) : desiredKernel(this.all);
  }

  /** One of them; undefined: there is none of this name. */
  get(name: string): ServiceState | undefined {
    return this.#states.get(name);
  }

  /** Those of these names that there are, in this order. */
  named(names: Iterable<string>): readonly ServiceState[] {
    return [...names].flatMap((name) => this.#states.get(name) ?? []);
  }

  /** A service is in another state now, or comes. */
  set(state: ServiceState): void {
    const { config, weights } = state;
    const { name } = config;
    const before = this.#states.get(name);
    const isSame = before?.weights.link === weights.link &&
      before.weights.virtualServices === weights.virtualServices;
    if (!isSame) this.#kernel = undefined;
    if (before?.config !== config) this.#move(name, before?.config, config);
    this.#states.set(name, state);
    this.#all = undefined;
    this.#deadlines.set(name, nextDeadline(state) ?? Infinity);
    for (const [trait, applies] of TRAITS) {
      if (applies(state)) this.#having.get(trait)?.add(name);
      else this.#having.get(trait)?.delete(name);
    }
  }

  /** There is no service of this name any more. */
  delete(name: string): void {
    this.#move(name, this.#states.get(name)?.config, undefined);
    this.#states.delete(name);
    this.#all = undefined;
    this.#kernel = undefined;
    this.#deadlines.set(name, Infinity);
    for (const names of this.#having.values()) names.delete(name);
  }

  /** These are all services now, in this order; gives the names of those that are not what they were. */
  replace(states: ReadonlyMap<string, ServiceState>): readonly string[] {
    const before = this.#states;
    const gone = [...before.keys()].filter((name) => !states.has(name));
    const changed = [...states.values()].filter((state) => before.get(state.config.name) !== state);
    for (const name of gone) this.delete(name);
    for (const state of changed) this.set(state);
    this.#states = new Map(states);
    this.#all = undefined;
    this.#kernel = undefined;
    return [...gone, ...changed.map(({ config }) => config.name)];
  }

  /** The names of those that something of the kernel may concern, by where that is (`spotsOf`). */
  at(spot: string): ReadonlySet<string> {
    return this.#bySpot.get(spot) ?? NONE;
  }

  /** Whether there is a service that is so. */
  has(trait: Trait): boolean {
    return this.names(trait).size > 0;
  }

  /** Those that are so. */
  having(trait: Trait): readonly ServiceState[] {
    return this.named(this.names(trait));
  }

  /** The names of those. */
  names(trait: Trait): ReadonlySet<string> {
    return this.#having.get(trait) ?? NONE;
  }

  #move(name: string, from: ServiceConfig | undefined, to: ServiceConfig | undefined): void {
    for (const spot of from === undefined ? [] : spotsOf(from)) {
      const names = this.#bySpot.get(spot);
      names?.delete(name);
      if (names?.size === 0) this.#bySpot.delete(spot);
    }
    for (const spot of to === undefined ? [] : spotsOf(to)) {
      this.#bySpot.set(spot, (this.#bySpot.get(spot) ?? new Set()).add(name));
    }
  }

  /** When the first of them wants a `time` event; Infinity: none does. */
  get nextMs(): number {
    return this.#deadlines.nextMs;
  }

  /** Those that want it at `nowMs`. They are to be set after it. */
  takeDue(nowMs: number): readonly ServiceState[] {
    return this.named(this.#deadlines.take(nowMs));
  }
}
