/** What operators order, by the control socket or a signal: each order is an event, and the cause of what comes of it. */
import {
  BusyError,
  type CheckNowAnswer,
  type DrainAnswer,
  type DrainOrder,
  type Orders,
  type Progress,
  type ReloadAnswer,
  type Requester,
  type Selection,
} from "../control/orders.ts";
import { requesterText } from "../control/requester.ts";
import type { AgentState, OrderName } from "../events/event.ts";
import type { EventStream } from "../events/stream.ts";
import type { ServiceDriver } from "../service/driver.ts";
import { type Drained, drainOf, type Drains } from "../service/drains.ts";
import { openConnections } from "../service/phase_facts.ts";
import type { Drain, Phase } from "../service/phase.ts";
import type { ServiceState } from "../service/state.ts";
import { UnknownNameError } from "../status/views.ts";
import { messageOf } from "../text/error_message.ts";
import type { Clock } from "../time/clock.ts";
import type { ServiceChecks } from "./checks.ts";
import type { DrainKeeper } from "./drain_keeper.ts";

/** What orders act on. */
export interface OperatorOrdersPorts {
  readonly clock: Clock;
  readonly events: EventStream;
  readonly services: ServiceDriver;
  readonly checks: ServiceChecks;
  readonly drains: DrainKeeper;
  state(): AgentState;
  /** Reads the file again. `because`: the event that ordered it. */
  reload(because: number): Promise<ReloadAnswer>;
  handover(): void;
  /** Reads the kernel at once, and repairs what differs; undefined where it is not ours. */
  readonly lookAtKernel: () => Promise<unknown> | undefined;
}

/** Follows the orders of operators. */
export class OperatorOrders implements Orders {
  readonly #ports: OperatorOrdersPorts;

  constructor(ports: OperatorOrdersPorts) {
    this.#ports = ports;
  }

  async drain({ services, reason, forMs }: DrainOrder, by: Requester | undefined): Promise<DrainAnswer> {
    const { clock, events, drains } = this.#ports;
    this.#known(services);
    await drains.loaded;
    const names = this.#known(services);
    const because = this.#note("drain", services, by, reason);
    const nowMs = clock.now();
    const untilMs = forMs === undefined ? Infinity : nowMs + forMs;
    const words = reason ?? "drained by an operator";
    // All is more than all that there are: those that come later are meant, too.
    const { all, except, services: each } = drains.drains;
    const isAgain = services.length === 0
      ? isSame(all, words, untilMs) && except.size === 0
      : names.every((name) => isSame(each.get(name), words, untilMs));
    if (isAgain) {
      return { services: names, lost: await drains.kept() };
    }
    const { id } = events.publish({
      kind: "drained",
      services: services.length === 0 ? undefined : services,
      until: forMs === undefined ? undefined : new Date(clock.wallTime().getTime() + forMs).toISOString(),
      cause: words,
    }, because);
    const drained: Drained = { reason: words, sinceMs: nowMs, untilMs, because: id };
    const kept = drains.drain(services, drained);
    // While it starts nothing is known of what routers may keep of an earlier process: the end of the start looks at drains.
    if (this.#ports.state() !== "starting") {
      events.because(id, () => {
        this.#ports.services.drain(drainReason(drained), { names: new Set(names), because: id });
      });
    }
    return { services: names, lost: await kept };
  }

  async undrain({ services }: Selection, by: Requester | undefined): Promise<DrainAnswer> {
    const { events, drains } = this.#ports;
    this.#known(services);
    await drains.loaded;
    const names = this.#known(services);
    const because = this.#note("undrain", services, by, undefined);
    // All is more than all that there are: a service that comes back later is meant, too.
    const { all, services: each } = drains.drains;
    const isAgain = services.length === 0
      ? all === undefined && each.size === 0
      : names.every((name) => drains.of(name) === undefined);
    if (isAgain) {
      return { services: names, lost: await drains.kept() };
    }
    const which = services.length === 0 ? undefined : services;
    const { id } = events.publish(
      { kind: "undrained", services: which, cause: "an operator's order" },
      because,
    );
    const kept = drains.undrain(services);
    events.because(id, () => this.#ports.services.undrain(new Set(names), id));
    return { services: names, lost: await kept };
  }

  /** What operators have taken out of service stays out of it, whatever became of the process that they told. */
  resumeDrains(): void {
    const { services, drains } = this.#ports;
    services.resume((service) => {
      const drained = drains.of(service);
      return drained && { reason: drainReason(drained), because: drained.because };
    });
  }

  /** Services whose drains among `before` have ended by themselves are back in service. */
  end(before: Drains): void {
    const { services, drains, events, state } = this.#ports;
    // What stops does not come back for that; the next process has no such drain any more.
    if (state() === "stopping" || state() === "stopped") return;
    const ended = services.states.map(({ config }) => config.name)
      .filter((name) => drainOf(before, name) !== undefined && drains.of(name) === undefined);
    if (ended.length === 0) return;
    const { id } = events.publish({ kind: "undrained", services: ended, cause: "the time is over" });
    services.undrain(new Set(ended), id);
  }

  progress({ services }: Selection): readonly Progress[] {
    const names = new Set(services);
    const isMeant = (name: string) => names.size === 0 || names.has(name);
    const { services: driver } = this.#ports;
    return [
      ...driver.states.filter(({ config }) => isMeant(config.name)).map((state) => this.#progressOf(state)),
      ...driver.leaving.filter(({ service }) => isMeant(service)).map(({ service, phase, connections }) => {
        return { service, phase: phase.name, leftMs: this.#left(phase), connections, done: false };
      }),
    ];
  }

  onProgress(callback: () => void): Disposable {
    return this.#ports.events.subscribe("progress", ({ kind }) => {
      if (kind === "phase" || kind === "route" || kind === "leaving" || kind === "agent-state") callback();
    });
  }

  reload(by: Requester | undefined): Promise<ReloadAnswer> {
    this.#refuseWhileStopping();
    return this.#ports.reload(this.#note("reload", [], by, undefined));
  }

  checkNow({ services }: Selection, by: Requester | undefined): CheckNowAnswer {
    const names = this.#known(services);
    this.#note("check-now", services, by, undefined);
    const { lookAtKernel, checks, events } = this.#ports;
    const look = lookAtKernel();
    look?.catch((error) => {
      events.publish({ kind: "fault", part: "kernel", name: "reconciler", cause: messageOf(error) });
    });
    return { services: checks.probeNow(names), kernel: look !== undefined };
  }

  handover(by: Requester | undefined): void {
    this.#refuseWhileStopping();
    this.#note("handover", [], by, undefined);
    this.#ports.handover();
  }

  #progressOf(state: ServiceState): Progress {
    const { config, phase, actual, removed } = state;
    const { drains, state: agentState } = this.#ports;
    const isGoing = removed || drains.of(config.name) !== undefined || agentState() === "stopping";
    return {
      service: config.name,
      phase: phase.name,
      leftMs: this.#left(phase),
      connections: openConnections(actual),
      done: isGoing ? phase.name === "down" : isBack(state),
    };
  }

  #left({ deadlineMs }: Phase): number | undefined {
    return deadlineMs === Infinity ? undefined : Math.max(0, deadlineMs - this.#ports.clock.now());
  }

  /** What an order is about; none are named: all that there are. @throws {UnknownNameError} @throws {BusyError} */
  #known(wanted: readonly string[]): readonly string[] {
    this.#refuseWhileStopping();
    const there = this.#ports.services.states.filter(({ removed }) => !removed).map(({ config }) =>
      config.name
    );
    const unknown = wanted.find((name) => !there.includes(name));
    if (unknown !== undefined) throw new UnknownNameError("service", unknown, there);
    return wanted.length === 0 ? there : there.filter((name) => wanted.includes(name));
  }

  #refuseWhileStopping(): void {
    const state = this.#ports.state();
    if (state === "stopping" || state === "stopped") throw new BusyError(`the agent is ${state}`);
  }

  #note(
    order: OrderName,
    services: readonly string[],
    by: Requester | undefined,
    reason: string | undefined,
  ): number {
    const who = requesterText(by);
    const cause = reason === undefined ? who : `${who}: ${reason}`;
    const which = services.length === 0 ? undefined : services;
    return this.#ports.events.publish({ kind: "order", order, services: which, cause }).id;
  }
}

/** Why a service that an operator has drained is out of service. */
function drainReason({ reason }: Drained): string {
  return reason.startsWith("drained") ? reason : `drained: ${reason}`;
}

/** The way out that `drained` orders for a service; undefined: none. */
export function drainFor(drained: Drained | undefined, limits: Drain["limits"]): Drain | undefined {
  return drained && { reason: drainReason(drained), limits, because: drained.because };
}

/** The same order again; one with a time is always another one. */
function isSame(drained: Drained | undefined, reason: string, untilMs: number): boolean {
  return drained !== undefined && drained.reason === reason && drained.untilMs === Infinity &&
    untilMs === Infinity;
}

/** In service, and announced as far as anything but its own way back lets it. */
function isBack({ phase, routes }: ServiceState): boolean {
  const isKeptBack = (name: string) => name === "enabled" || name === "healthy";
  return phase.name === "serving" &&
    [...routes.values()].every(({ announce, gates }) =>
      announce || gates.some(({ name, open }) => !open && isKeptBack(name))
    );
}
