/**
 * The driver of all services: feeds each one's machine, arms one timer for the earliest deadline, and hands what should be,
 * routes first, to the speaker and the reconciler. What an earlier configuration left in the kernel is part of that until it
 * has gone in order. Nothing here looks at all services at each event: there may be thousands.
 */
import type { Route } from "../bgp/routes/route.ts";
import { beside, merge, NOTHING, ours } from "../kernel/merge.ts";
import { NO_PLACES, together } from "../kernel/owned_places.ts";
import type { ActualKernel, DesiredKernel } from "../kernel/state.ts";
import { messageOf } from "../text/error_message.ts";
import { initialState, type ServiceEvent, type ServiceTransition, step } from "./controller.ts";
import { announcedRoutes, desiredKernel } from "./desired.ts";
import type { KernelNews, KernelTroubles } from "./kernel_news.ts";
import { KernelView } from "./kernel_view.ts";
import type { ServiceDriverOptions } from "./driver_options.ts";
import { HandOver } from "./hand_over.ts";
import { inheritedLeavings, kernelOf, type Leaving, type LeavingEvent } from "./leaving.ts";
import { Leavings } from "./leavings.ts";
import { type DrainLimits, WITHDRAWN_LIMIT_MS } from "./phase.ts";
import type { DestinationPlace, DestinationVerdict } from "./port_state.ts";
import { type Reconfiguration, reconfiguration } from "./reconfiguration.ts";
import { type OrderOf, resumptions } from "./resumption.ts";
import { Services } from "./services.ts";
import { slicesOf } from "./slices.ts";
import type { ServiceEntry, ServiceState } from "./state.ts";

/** Which services; undefined: all. */
export type Names = ReadonlySet<string> | undefined;

/** So many services are told in one step what all are told. */
const SERVICES_A_STEP = 16;

/** Why something goes that another configuration does not have. */
const REMOVED = "removed from the configuration";

/** Drives every service. */
export class ServiceDriver implements Disposable {
  readonly #options: ServiceDriverOptions;
  readonly #managesKernel: boolean;
  readonly #services = new Services();
  readonly #leaving = new Leavings();
  /** What the next configuration wants beside what is, while it is made. */
  #coming: DesiredKernel = NOTHING;
  readonly #kernel = new KernelView(this.#services);
  readonly #onDown = new Set<() => void>();
  readonly #handOver: HandOver;
  #timer: Disposable | undefined;
  /** When it fires. */
  #timerMs = Infinity;
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
      routes: (names) => announce(this.#routesOf(names)),
      kernel: () => program(this.desiredKernel),
      onFault,
    });
    for (const entry of services) this.#services.set(initialState(entry, managed, clock.now()));
  }

  /** Every service, in the order of the configuration. */
  get states(): readonly ServiceState[] {
    return this.#services.all;
  }

  /** One service; undefined: there is none of this name. */
  stateOf(service: string): ServiceState | undefined {
    return this.#services.get(service);
  }

  /** What is wanted no more, on its way out. */
  get leaving(): readonly Leaving[] {
    return this.#leaving.all;
  }

  /** What the kernel should have now. */
  get desiredKernel(): DesiredKernel {
    const { kernel } = this.#services;
    const leaving = this.leaving.map(kernelOf);
    return beside(this.#coming, leaving.length === 0 ? kernel : merge([kernel, ...leaving]));
  }

  /** By when it has to turn again (time/loop.ts). */
  get dueMs(): number {
    return this.#disposed ? Infinity : Math.min(this.#services.nextMs, this.#leaving.nextMs, this.#timerMs);
  }

  /** What should be announced now, by service. */
  get desiredRoutes(): ReadonlyMap<string, readonly Route[]> {
    return this.#routesOf(this.#services.byName.keys());
  }

  /** One service's check has another verdict. */
  verdict(service: string, event: Extract<ServiceEvent, { type: "verdict" }>): void {
    this.#feed(this.#services.named([service]), () => event);
  }

  /** A check of destinations has another verdict, or gives them another weight; `places` by service. */
  destinations(
    places: ReadonlyMap<string, readonly DestinationPlace[]>,
    said: DestinationVerdict,
  ): void {
    this.#feed(this.#services.named(places.keys()), ({ config }) => {
      return { type: "destination", ...said, places: places.get(config.name) ?? [] };
    });
  }

  /**
   * The kernel was read, or undefined: it could not be; and what troubles there are. Services of which it says nothing new are
   * not asked, and where it is another one for very many of those that were, it takes them some turns to see it.
   */
  kernel(actual: ActualKernel | undefined, troubles: KernelTroubles = {}): void {
    const events = this.#kernel.read(actual, troubles);
    this.#look(events, actual && { type: "kernel", actual });
  }

  /** Some have not seen yet what was read. */
  get looksOn(): boolean {
    return !this.#kernel.isSeen;
  }

  #look(events: KernelNews["events"], event?: LeavingEvent): void {
    this.#feed(
      this.#services.named(events.keys()),
      ({ config: { name } }) => events.get(name) ?? { type: "time" },
      event,
    );
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
    this.#leaving.limit(untilMs);
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
   * nobody wants goes once these have gone, and a service that is drained counts as announced until then. In steps.
   * @param owned where its virtual services were
   */
  *inherit(actual: ActualKernel, routersLimitMs: number, owned = NO_PLACES): Generator<void, void> {
    if (!this.#managesKernel) return;
    const { clock, managed } = this.#options;
    this.#kernel.set(actual);
    const untilMs = clock.now() + routersLimitMs;
    const sliceOf = slicesOf(actual);
    const isStale = routersLimitMs > 0;
    this.#isStale = isStale;
    yield* this.#feedAll(({ config }) => ({ type: "inherited", actual: sliceOf(config) }));
    if (isStale) yield* this.#feedAll(() => ({ type: "stale", untilMs }));
    const { desiredKernel: wanted } = this;
    this.#leaving.set(inheritedLeavings(ours(actual, together([wanted, owned])), wanted, {
      limits: (service) => this.#services.get(service)?.config.stop,
      untilMs,
      managed,
    }, clock.now()));
  }

  /**
   * Services that were drained before this process began, or while it did, are out of service for what `orderOf` gives, and no
   * less far than they were.
   */
  resume(orderOf: OrderOf): void {
    const now = this.#options.clock.now();
    const orders = resumptions(this.states, this.#kernel.actual, orderOf);
    const named = () => this.#services.named(orders.keys());
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
    return this.#isStale || this.leaving.some(({ told, toldBy }) => !told && toldBy === "end-of-rib");
  }

  /** What a change to `services` would lead to. Changes nothing. */
  preview(services: readonly ServiceEntry[], because?: number): Reconfiguration {
    const { managed, clock } = this.#options;
    return reconfiguration(
      {
        states: this.#services.byName,
        leaving: this.leaving,
        actual: this.#kernel.actual,
        isBlind: this.#kernel.isBlind,
      },
      services,
      { managed, reason: REMOVED, now: clock.now(), because },
    );
  }

  /** Wants what `services` will need beside what is wanted now, so that it is there before anything is announced. */
  prepare(services: readonly ServiceEntry[]): DesiredKernel {
    this.#coming = desiredKernel(this.preview(services).states.values());
    this.#kernel.expectMore();
    return this.desiredKernel;
  }

  /** Wants no more than before `prepare`. */
  forget(): void {
    this.#coming = NOTHING;
    this.#handOver.oweKernel();
    this.#feed([], () => ({ type: "time" }));
  }

  /** Goes over to `services`: what is new comes, what is the same stays as it is, what is no more goes in order. */
  reconfigure(services: readonly ServiceEntry[], because?: number): void {
    const { states, leaving, transitions } = this.preview(services, because);
    this.#coming = NOTHING;
    this.#handOver.oweRoutes(this.#services.replace(states));
    const before = new Set(this.leaving);
    this.#leaving.set(leaving);
    this.#handOver.oweKernel();
    // What goes is drained before anything is handed over: a peer whose routes all go otherwise now would be told of it once more.
    const gone = new Set(this.states.flatMap(({ config, removed }) => removed ? [config.name] : []));
    this.drain(REMOVED, { names: gone, because });
    for (const [service, transition] of transitions) {
      this.#handOver.attempt(() => this.#options.onTransition(service, transition, because));
    }
    for (const each of leaving) {
      if (!before.has(each)) this.#handOver.attempt(() => this.#options.onLeaving?.(each));
    }
  }

  /** Looks at everything again, as time has passed. In steps. */
  *refresh(): Generator<void, void> {
    yield* this.#feedAll(() => ({ type: "time" }));
    this.#feed([], () => ({ type: "time" }), { type: "time" });
  }

  /** Resolves when every service is out of service, and the kernel was told so. */
  async down(): Promise<void> {
    if (this.#isDown()) return;
    await new Promise<void>((resolve) => void this.#onDown.add(resolve));
  }

  /** Ends: nothing is decided or told any more. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#kernel.close();
    this.#disarm();
    this.#tellDown();
  }

  #named(names: Names): readonly ServiceState[] {
    return names === undefined ? this.states : this.#services.named(names);
  }

  #routesOf(names: Iterable<string>): ReadonlyMap<string, readonly Route[]> {
    return new Map([...names].map((name) => {
      const state = this.#services.get(name);
      return [name, state === undefined ? [] : announcedRoutes(state)];
    }));
  }

  /** Tells all services what happened, in steps. */
  *#feedAll(eventOf: (state: ServiceState) => ServiceEvent): Generator<void, void> {
    const names = [...this.#services.byName.keys()];
    while (names.length > 0) {
      this.#feed(this.#services.named(names.splice(0, SERVICES_A_STEP)), eventOf);
      yield;
    }
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
      const event = eventOf(before);
      const { state, transitions: own } = step(before, event, { now: clock.now() });
      this.#services.set(state);
      hasWeights ||= state.weights.virtualServices !== before.weights.virtualServices;
      for (const transition of own) transitions.push([state, transition, event]);
    }
    const moved = leavingEvent === undefined ? [] : this.#leaving.step(leavingEvent, clock.now());
    const gone = this.#dropGone();
    const of = (type: ServiceTransition["type"]) =>
      transitions.filter(([, transition]) => transition.type === type);
    const [routes, phases] = [of("route"), of("phase")];
    // A service that shifts is announced otherwise.
    this.#handOver.oweRoutes([...routes, ...phases].map(([{ config }]) => config.name));
    if (phases.length > 0 || moved.length > 0 || gone.length > 0) this.#handOver.oweKernel();
    if (hasWeights) this.#handOver.oweWeights();
    this.#handOver.run(this.#isQuiescing());
    for (const [{ config, phase }, transition, { type }] of transitions) {
      // What comes of itself on the way out comes of the order to go; a route goes with a verdict even then.
      const byVerdict = transition.type !== "phase" && (type === "verdict" || type === "destination");
      const origin = because ?? (byVerdict ? undefined : phase.drain?.because);
      this.#handOver.attempt(() => onTransition(config.name, transition, origin));
    }
    for (const leaving of moved) this.#handOver.attempt(() => this.#options.onLeaving?.(leaving));
    if (gone.length > 0) this.#handOver.attempt(() => this.#options.onGone?.(gone));
    this.#awaitTold();
    this.#arm();
    if (this.#onDown.size > 0 && this.#isDown()) this.#tellDown();
  }

  /** Services that are not configured any more are dropped once they are down. */
  #dropGone(): readonly string[] {
    const gone = this.#services.having("gone").map(({ config }) => config.name);
    for (const name of gone) this.#services.delete(name);
    return gone;
  }

  /** Where withdrawals are on their way, the services hear when the routers' sockets have them. */
  #awaitTold(): void {
    const isAwaited = this.#services.has("awaiting told") || this.#leaving.awaitsTold;
    if (this.#waitsForTold || !isAwaited) return;
    this.#waitsForTold = true;
    const { told, onFault } = this.#options;
    Promise.try(told, WITHDRAWN_LIMIT_MS).catch((error) => onFault(messageOf(error))).then(() => {
      this.#waitsForTold = false;
      this.#feed(this.#services.having("awaiting told"), () => ({ type: "told" }), { type: "told" });
    });
  }

  #arm(): void {
    const others = this.looksOn ? this.#options.clock.now() : this.#handOver.deadlineMs(this.#isQuiescing());
    const atMs = this.#disposed ? Infinity : Math.min(this.#services.nextMs, this.#leaving.nextMs, others);
    if (atMs === this.#timerMs) return;
    this.#disarm();
    if (atMs === Infinity) return;
    this.#timer = this.#options.clock.at(atMs, () => this.#tick());
    this.#timerMs = atMs;
  }

  #disarm(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#timerMs = Infinity;
  }

  #tick(): void {
    this.#disarm();
    if (this.looksOn) return this.#look(this.#kernel.next());
    const due = this.#services.takeDue(this.#options.clock.now());
    this.#feed(due, () => ({ type: "time" }), { type: "time" });
  }

  #isQuiescing(): boolean {
    return this.#services.has("quiescing") || this.#leaving.quiesces;
  }

  #isDown(): boolean {
    return this.leaving.length === 0 && !this.#services.has("up");
  }
}
