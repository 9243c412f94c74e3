/**
 * The driver of all services: feeds each one's machine, arms one timer for the earliest deadline, and hands the whole of
 * what should be, routes first, to the speaker and the reconciler. What an earlier configuration left in the kernel is part
 * of that until it has gone in order.
 */
import type { Route } from "../bgp/routes/route.ts";
import { beside, merge, NOTHING, ours } from "../kernel/merge.ts";
import { NO_PLACES, together } from "../kernel/owned_places.ts";
import type { ActualKernel, DesiredKernel } from "../kernel/state.ts";
import { messageOf } from "../text/error_message.ts";
import { initialState, nextDeadline, type ServiceEvent, type ServiceTransition, step } from "./controller.ts";
import { desiredKernel, desiredRoutes } from "./desired.ts";
import { type KernelNews, kernelNews, type KernelTroubles } from "./kernel_news.ts";
import type { ServiceDriverOptions } from "./driver_options.ts";
import { HandOver } from "./hand_over.ts";
import {
  awaitTold,
  inheritedLeavings,
  kernelOf,
  type Leaving,
  leavingDeadline,
  type LeavingEvent,
  stepLeaving,
  withLimit,
} from "./leaving.ts";
import { type DrainLimits, WITHDRAWN_LIMIT_MS } from "./phase.ts";
import type { DestinationPlace, DestinationVerdict } from "./port_state.ts";
import { type Reconfiguration, reconfiguration } from "./reconfiguration.ts";
import { type OrderOf, resumptions } from "./resumption.ts";
import { slicesOf } from "./slices.ts";
import type { ServiceEntry, ServiceState } from "./state.ts";

/** Which services; undefined: all. */
export type Names = ReadonlySet<string> | undefined;

/** So many services are looked at in one turn when all of the kernel is another one. */
const SERVICES_A_TURN = 100;

/** Why something goes that another configuration does not have. */
const REMOVED = "removed from the configuration";

/** Drives every service. */
export class ServiceDriver implements Disposable {
  readonly #options: ServiceDriverOptions;
  readonly #managesKernel: boolean;
  /** By name; those that the configuration has no more are last. */
  #states: Map<string, ServiceState>;
  #leaving: readonly Leaving[] = [];
  /** What the next configuration wants beside what is, while it is made. */
  #coming: DesiredKernel = NOTHING;
  /** As last read. */
  #actual: ActualKernel | undefined;
  readonly #onDown = new Set<() => void>();
  readonly #handOver: HandOver;
  /** Services that have to look at the kernel as it was last read, in the next turn. */
  #unseen: readonly string[] = [];
  /** What was found with it. */
  #troubles: KernelTroubles = {};
  #timer: Disposable | undefined;
  #disposed = false;
  #waitsForTold = false;
  /** Routers may have routes of an earlier process. */
  #isStale = false;

  constructor(options: ServiceDriverOptions) {
    const { services, managed, clock, announce, program, onFault } = options;
    this.#options = options;
    this.#managesKernel = managed.interfaces || managed.ipvs;
    this.#handOver = new HandOver({
      clock,
      managesKernel: this.#managesKernel,
      routes: () => announce(this.desiredRoutes),
      kernel: () => program(this.desiredKernel),
      onFault,
    });
    this.#states = new Map(services.map((entry) => {
      return [entry.config.name, initialState(entry, managed, clock.now())];
    }));
  }

  /** Every service, in the order of the configuration. */
  get states(): readonly ServiceState[] {
    return [...this.#states.values()];
  }

  /** What is wanted no more, on its way out. */
  get leaving(): readonly Leaving[] {
    return this.#leaving;
  }

  /** What the kernel should have now. */
  get desiredKernel(): DesiredKernel {
    return beside(this.#coming, merge([desiredKernel(this.states), ...this.#leaving.map(kernelOf)]));
  }

  /** What should be announced now. */
  get desiredRoutes(): readonly Route[] {
    return desiredRoutes(this.states);
  }

  /** One service's check has another verdict. */
  verdict(service: string, event: Extract<ServiceEvent, { type: "verdict" }>): void {
    const state = this.#states.get(service);
    if (state !== undefined) this.#feed([state], () => event);
  }

  /** A check of destinations has another verdict, or gives them another weight; `places` by service. */
  destinations(
    places: ReadonlyMap<string, readonly DestinationPlace[]>,
    said: DestinationVerdict,
  ): void {
    const asked = [...places.keys()].flatMap((name) => this.#states.get(name) ?? []);
    this.#feed(asked, ({ config }) => {
      return { type: "destination", ...said, places: places.get(config.name) ?? [] };
    });
  }

  /**
   * The kernel was read, or undefined: it could not be; and what troubles there are. Services of which it says nothing new are
   * not asked, and where it is another one for very many of those that were, it takes them some turns to see it.
   */
  kernel(actual: ActualKernel | undefined, troubles: KernelTroubles = {}): void {
    this.#actual = actual ?? this.#actual;
    this.#troubles = troubles;
    const { events, counted } = kernelNews(this.states, actual, troubles);
    for (const state of counted) this.#states.set(state.config.name, state);
    this.#unseen = [...events.keys()].slice(SERVICES_A_TURN)
      .filter((name) => this.#states.get(name)?.actual !== undefined);
    for (const name of this.#unseen) events.delete(name);
    this.#look(events, actual && { type: "kernel", actual });
  }

  #look(events: KernelNews["events"], event?: LeavingEvent): void {
    this.#feed(
      this.#named(new Set(events.keys())),
      ({ config: { name } }) => events.get(name) ?? { type: "time" },
      event,
    );
  }

  #lookOn(): void {
    const names = new Set(this.#unseen.slice(0, SERVICES_A_TURN));
    this.#unseen = this.#unseen.slice(SERVICES_A_TURN);
    this.#look(kernelNews(this.#named(names), this.#actual, this.#troubles).events);
  }

  /** Takes services out of service, in order, each within `limits` or its own. */
  drain(
    reason: string,
    { names, limits, because }: {
      readonly names?: Names;
      readonly limits?: DrainLimits | undefined;
      readonly because?: number | undefined;
    } = {},
  ): void {
    this.#feed(this.#named(names), () => ({ type: "drain", reason, limits, because }), undefined, because);
  }

  /**
   * Takes everything out of service for good. Routers that may have routes of an earlier process are waited for no longer
   * than those that hear of a withdrawal: who has not come back by then may not come back at all.
   * @param because ID of the event that ordered it
   */
  stop(reason: string, because?: number): void {
    const untilMs = this.#options.clock.now() + WITHDRAWN_LIMIT_MS;
    this.#leaving = this.#leaving.map((leaving) => withLimit(leaving, untilMs));
    this.#feed(this.states, ({ staleUntilMs }) => {
      return { type: "stale", untilMs: Math.min(staleUntilMs, untilMs) };
    });
    this.drain(reason, { because });
  }

  /** Puts services back into service. */
  undrain(names: Names, because?: number): void {
    this.#feed(this.#named(names), () => ({ type: "undrain" }), undefined, because);
  }

  /**
   * Takes over from an earlier process, whose routes routers may keep for `routersLimitMs`: what it left in the kernel and
   * nobody wants goes once these have gone, and a service that is drained counts as announced until then.
   * @param owned where its virtual services were
   */
  inherit(actual: ActualKernel, routersLimitMs: number, owned = NO_PLACES): void {
    if (!this.#managesKernel) return;
    const { clock, managed } = this.#options;
    this.#actual = actual;
    const untilMs = clock.now() + routersLimitMs;
    const sliceOf = slicesOf(actual);
    this.#feed(this.states, ({ config }) => ({ type: "inherited", actual: sliceOf(config) }));
    this.#isStale = routersLimitMs > 0;
    if (this.#isStale) this.#feed(this.states, () => ({ type: "stale", untilMs }));
    const { desiredKernel: wanted } = this;
    this.#leaving = inheritedLeavings(ours(actual, together([wanted, owned])), wanted, {
      limits: (service) => this.#states.get(service)?.config.stop,
      untilMs,
      managed,
    }, clock.now());
  }

  /**
   * Services that were drained before this process began, or while it did, are out of service for what `orderOf` gives, and no
   * less far than they were.
   */
  resume(orderOf: OrderOf): void {
    const now = this.#options.clock.now();
    const orders = resumptions(this.states, this.#actual, orderOf);
    const named = () => this.#named(new Set(orders.keys()));
    // Their routes may have been withdrawn a moment ago only: routers get their time once more.
    this.#feed(named(), ({ staleUntilMs }) => ({ type: "stale", untilMs: Math.max(staleUntilMs, now) }));
    this.#feed(named(), ({ config: { name } }) => orders.get(name) ?? { type: "time" });
  }

  /** Every router that may have kept routes of an earlier process has dropped those that are no more. */
  endOfRib(): void {
    this.#isStale = false;
    this.#feed(this.states, () => ({ type: "stale", untilMs: -Infinity }), { type: "end-of-rib" });
  }

  /** Whether something waits for that. */
  get awaitsEndOfRib(): boolean {
    return this.#isStale || this.#leaving.some(({ told, toldBy }) => !told && toldBy === "end-of-rib");
  }

  /** What a change to `services` would lead to. Changes nothing. */
  preview(services: readonly ServiceEntry[], because?: number): Reconfiguration {
    const { managed, clock } = this.#options;
    return reconfiguration(
      { states: this.#states, leaving: this.#leaving, actual: this.#actual },
      services,
      { managed, reason: REMOVED, now: clock.now(), because },
    );
  }

  /** Wants what `services` will need beside what is wanted now, so that it is there before anything is announced. */
  prepare(services: readonly ServiceEntry[]): DesiredKernel {
    this.#coming = desiredKernel(this.preview(services).states.values());
    return this.desiredKernel;
  }

  /** Wants no more than before `prepare`. */
  forget(): void {
    this.#coming = NOTHING;
    this.#handOver.owe("kernel");
    this.#feed([], () => ({ type: "time" }));
  }

  /** Goes over to `services`: what is new comes, what is the same stays as it is, what is no more goes in order. */
  reconfigure(services: readonly ServiceEntry[], because?: number): void {
    const { states, leaving, transitions } = this.preview(services, because);
    this.#coming = NOTHING;
    this.#states = new Map(states);
    const before = this.#leaving;
    this.#leaving = leaving;
    this.#handOver.owe("routes");
    this.#handOver.owe("kernel");
    // What goes is drained before anything is handed over: a peer whose routes all go otherwise now would be told of it once more.
    const gone = new Set<string>();
    for (const { config, removed } of this.states) if (removed) gone.add(config.name);
    this.drain(REMOVED, { names: gone, because });
    for (const [service, transition] of transitions) {
      this.#handOver.attempt(() => this.#options.onTransition(service, transition, because));
    }
    for (const each of leaving) {
      if (!before.includes(each)) this.#handOver.attempt(() => this.#options.onLeaving?.(each));
    }
  }

  /** Looks at everything again, as time has passed. */
  refresh(): void {
    this.#feed(this.states, () => ({ type: "time" }), { type: "time" });
  }

  /** Resolves when every service is out of service, and the kernel was told so. */
  async down(): Promise<void> {
    if (this.#isDown()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onDown.add(resolve);
    await promise;
  }

  /** Ends: nothing is decided or told any more. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#tellDown();
  }

  #named(names: Names): readonly ServiceState[] {
    return this.states.filter(({ config }) => names === undefined || names.has(config.name));
  }

  #tellDown(): void {
    for (const resolve of this.#onDown) resolve();
    this.#onDown.clear();
  }

  /** Tells services what happened, all of them before what should be is handed over once. */
  #feed(
    states: readonly ServiceState[],
    eventOf: (state: ServiceState) => ServiceEvent,
    leavingEvent?: LeavingEvent,
    because?: number,
  ): void {
    if (this.#disposed) return;
    const { onTransition, clock } = this.#options;
    const transitions: [ServiceState, ServiceTransition, ServiceEvent][] = [];
    let hasWeights = false;
    for (const before of states) {
      const { name } = before.config;
      const event = eventOf(before);
      const { state, transitions: own } = step(before, event, { now: clock.now() });
      this.#states.set(name, state);
      hasWeights ||= state.weights.virtualServices !== before.weights.virtualServices;
      for (const transition of own) transitions.push([state, transition, event]);
    }
    const moved = leavingEvent === undefined ? [] : this.#moveLeaving(leavingEvent);
    const gone = this.#dropGone();
    const has = (type: ServiceTransition["type"]) =>
      transitions.some(([, transition]) => transition.type === type);
    // A service that shifts is announced otherwise.
    if (has("route") || has("phase")) this.#handOver.owe("routes");
    if (has("phase") || moved.length > 0 || gone.length > 0) this.#handOver.owe("kernel");
    if (hasWeights) this.#handOver.oweWeights();
    this.#handOver.run(this.#isQuiescing());
    for (const [{ config, phase }, transition, { type }] of transitions) {
      // What comes of itself on the way out comes of the order to go; a route goes with a verdict even then.
      const isVerdict = type === "verdict" || type === "destination";
      const byVerdict = isVerdict && transition.type !== "phase";
      const origin = because ?? (byVerdict ? undefined : phase.drain?.because);
      this.#handOver.attempt(() => onTransition(config.name, transition, origin));
    }
    for (const leaving of moved) this.#handOver.attempt(() => this.#options.onLeaving?.(leaving));
    if (gone.length > 0) this.#handOver.attempt(() => this.#options.onGone?.(gone));
    this.#awaitTold();
    this.#arm();
    if (this.#onDown.size > 0 && this.#isDown()) this.#tellDown();
  }

  /** Those that have moved on; what is down is dropped. */
  #moveLeaving(event: LeavingEvent): readonly Leaving[] {
    const now = this.#options.clock.now();
    const moved: Leaving[] = [];
    this.#leaving = this.#leaving.flatMap((before) => {
      const leaving = stepLeaving(before, event, { now });
      if (leaving.phase.name !== before.phase.name) moved.push(leaving);
      return leaving.phase.name === "down" ? [] : [leaving];
    });
    return moved;
  }

  /** Services that are not configured any more are dropped once they are down. */
  #dropGone(): readonly string[] {
    const gone = this.states.filter(({ removed, phase }) => removed && phase.name === "down");
    for (const { config } of gone) this.#states.delete(config.name);
    return gone.map(({ config }) => config.name);
  }

  /** Where withdrawals are on their way, the services hear when the routers' sockets have them. */
  #awaitTold(): void {
    if (this.#waitsForTold || !awaitTold(this.states, this.#leaving)) return;
    this.#waitsForTold = true;
    const { told, onFault } = this.#options;
    Promise.try(told, WITHDRAWN_LIMIT_MS).catch((error) => onFault(messageOf(error))).then(() => {
      this.#waitsForTold = false;
      this.#feed(this.states, () => ({ type: "told" }), { type: "told" });
    });
  }

  #arm(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (this.#disposed) return;
    const { clock } = this.#options;
    const deadlines = [
      ...this.states.map((state) => nextDeadline(state) ?? Infinity),
      ...this.#leaving.map(leavingDeadline),
    ];
    const others = this.#unseen.length > 0 ? clock.now() : this.#handOver.deadlineMs(this.#isQuiescing());
    const atMs = deadlines.reduce((first, deadline) => Math.min(first, deadline), others);
    if (atMs !== Infinity) this.#timer = clock.at(atMs, () => this.#tick());
  }

  #tick(): void {
    if (this.#unseen.length > 0) return this.#lookOn();
    const now = this.#options.clock.now();
    const due = this.states.filter((state) => (nextDeadline(state) ?? Infinity) <= now);
    this.#feed(due, () => ({ type: "time" }), { type: "time" });
  }

  #isQuiescing(): boolean {
    return [...this.states, ...this.#leaving].some(({ phase }) => phase.name === "quiescing");
  }

  #isDown(): boolean {
    return this.#leaving.length === 0 && this.states.every(({ phase }) => phase.name === "down");
  }
}
