/**
 * The driver of all services: feeds each one's machine, arms one timer for the earliest deadline, and hands the whole of
 * what should be, routes first, to the speaker and the reconciler.
 */
import type { Route } from "../bgp/routes/route.ts";
import type { ServiceConfig } from "../config/config.ts";
import type { Managed } from "../kernel/kernel.ts";
import type { ActualKernel, DesiredKernel } from "../kernel/state.ts";
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";
import { initialState, nextDeadline, type ServiceEvent, type ServiceTransition, step } from "./controller.ts";
import { desiredKernel, desiredRoutes } from "./desired.ts";
import { type DrainLimits, WITHDRAWN_LIMIT_MS } from "./phase.ts";
import { slicesOf } from "./slices.ts";
import type { ServiceState } from "./state.ts";

/** A service and the keys of its checks. */
export interface ServiceEntry {
  readonly config: ServiceConfig;
  readonly checks: readonly string[];
}

/** What a driver is made of. */
export interface ServiceDriverOptions {
  readonly services: readonly ServiceEntry[];
  readonly managed: Managed;
  readonly clock: Clock;
  /** The whole of what should be announced; where it changed, and before anything else is done about it. */
  readonly announce: (routes: readonly Route[]) => void;
  /** The whole of what the kernel should have, where it is ours; where it changed, and while connections are waited for. */
  readonly program: (desired: DesiredKernel) => void;
  /** Resolves when the sockets of all routers have taken what they should be told, or after `limitMs`. */
  readonly told: (limitMs: number) => Promise<void>;
  readonly onTransition: (service: string, transition: ServiceTransition) => void;
  /** Something called from here threw. Must not throw. */
  readonly onFault: (cause: string) => void;
}

/** How often connections are counted while a service quiesces. */
const QUIESCE_POLL_MS = 200;
/** What could not be handed over is tried again in this time. */
const RETRY_MS = 1000;

/** Drives every service. */
export class ServiceDriver implements Disposable {
  readonly #options: ServiceDriverOptions;
  readonly #managesKernel: boolean;
  /** By name. */
  readonly #states: Map<string, ServiceState>;
  readonly #onDown = new Set<() => void>();
  /** What should be has changed, and was not handed over yet. */
  readonly #owed = { routes: false, kernel: false };
  #timer: Disposable | undefined;
  #disposed = false;
  #waitsForTold = false;

  constructor(options: ServiceDriverOptions) {
    const { services, managed, clock } = options;
    this.#options = options;
    this.#managesKernel = managed.interfaces || managed.ipvs;
    this.#states = new Map(services.map(({ config, checks }) => {
      return [config.name, initialState(config, managed, checks, clock.now())];
    }));
  }

  /** Every service, in the order of the configuration. */
  get states(): readonly ServiceState[] {
    return [...this.#states.values()];
  }

  /** What the kernel should have now. */
  get desiredKernel(): DesiredKernel {
    return desiredKernel(this.states);
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

  /** The kernel was read. */
  kernel(actual: ActualKernel): void {
    const sliceOf = slicesOf(actual);
    this.#feed(this.states, ({ config }) => ({ type: "kernel", actual: sliceOf(config) }));
  }

  /** Takes all services out of service, in order, each within `limits` or its own. */
  drain(reason: string, limits?: DrainLimits): void {
    this.#feed(
      this.states,
      () => limits === undefined ? { type: "drain", reason } : { type: "drain", reason, limits },
    );
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

  #tellDown(): void {
    for (const resolve of this.#onDown) resolve();
    this.#onDown.clear();
  }

  /** Tells services what happened, all of them before what should be is handed over once. */
  #feed(states: readonly ServiceState[], eventOf: (state: ServiceState) => ServiceEvent): void {
    if (this.#disposed) return;
    const { announce, program, onTransition, clock } = this.#options;
    const transitions: [string, ServiceTransition][] = [];
    for (const before of states) {
      const { name } = before.config;
      const { state, transitions: own } = step(before, eventOf(before), { now: clock.now() });
      this.#states.set(name, state);
      for (const transition of own) transitions.push([name, transition]);
    }
    const has = (type: ServiceTransition["type"]) =>
      transitions.some(([, transition]) => transition.type === type);
    this.#owed.routes ||= has("route");
    this.#owed.kernel ||= this.#managesKernel && has("phase");
    this.#handOver("routes", () => announce(this.desiredRoutes));
    this.#handOver("kernel", () => program(this.desiredKernel));
    for (const [service, transition] of transitions) this.#attempt(() => onTransition(service, transition));
    this.#awaitTold();
    this.#arm();
    if (this.#onDown.size > 0 && this.#isDown()) this.#tellDown();
  }

  /** What cannot be handed over now is owed, and tried again. */
  #handOver(what: "routes" | "kernel", call: () => void): void {
    if (!this.#owed[what]) return;
    // Before the call: it may come back here with news of its own.
    this.#owed[what] = false;
    if (!this.#attempt(call)) this.#owed[what] = true;
  }

  /** Whatever is called from here may throw: the next one is called all the same, and the timer is armed. */
  #attempt(call: () => void): boolean {
    try {
      call();
      return true;
    } catch (error) {
      this.#options.onFault(messageOf(error));
      return false;
    }
  }

  /** Where withdrawals are on their way, the services hear when the routers' sockets have them. */
  #awaitTold(): void {
    const waiting = () => this.states.some(({ phase, told }) => phase.name === "withdrawn" && !told);
    if (this.#waitsForTold || !waiting()) return;
    this.#waitsForTold = true;
    const { told, onFault } = this.#options;
    Promise.try(told, WITHDRAWN_LIMIT_MS).catch((error) => onFault(messageOf(error))).then(() => {
      this.#waitsForTold = false;
      this.#feed(this.states, () => ({ type: "told" }));
    });
  }

  #arm(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (this.#disposed) return;
    const { clock } = this.#options;
    const { states } = this;
    const deadlines = states.map((state) => nextDeadline(state) ?? Infinity);
    const pollMs = states.some(isQuiescing) ? clock.now() + QUIESCE_POLL_MS : Infinity;
    const retryMs = this.#owed.routes || this.#owed.kernel ? clock.now() + RETRY_MS : Infinity;
    const atMs = deadlines.reduce((first, deadline) => Math.min(first, deadline), Math.min(pollMs, retryMs));
    if (atMs !== Infinity) this.#timer = clock.at(atMs, () => this.#tick());
  }

  #tick(): void {
    // Connections are read afresh while they are waited for: the kernel tells nobody of their end.
    this.#owed.kernel ||= this.states.some(isQuiescing);
    this.#feed(this.states, () => ({ type: "time" }));
  }

  #isDown(): boolean {
    return this.states.every(({ phase }) => phase.name === "down");
  }
}

function isQuiescing({ phase }: ServiceState): boolean {
  return phase.name === "quiescing";
}
