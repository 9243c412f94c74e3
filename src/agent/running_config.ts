/**
 * The configuration in force, and the way to another one: what is the same stays as it is, what is new is made before it is
 * announced, what is wanted no more goes in order. What that would be can be told without doing it.
 */
import type { Speaker } from "../bgp/speaker.ts";
import type { CheckConfig } from "../config/checks/kinds.ts";
import type { Config } from "../config/config.ts";
import type { NamedText } from "../config/load.ts";
import { BusyError, type ReloadAnswer } from "../control/orders.ts";
import type { PlanAnswer } from "../control/plan_route.ts";
import type { AgentState } from "../events/event.ts";
import type { Metrics } from "../http/metrics.ts";
import type { Managed } from "../kernel/kernel.ts";
import { type KernelReport, Reconciler } from "../kernel/reconciler.ts";
import type { DesiredKernel } from "../kernel/state.ts";
import { desiredKernel } from "../service/desired.ts";
import type { ServiceDriver } from "../service/driver.ts";
import type { ServiceEntry } from "../service/state.ts";
import { messageOf } from "../text/error_message.ts";
import type { ServiceChecks } from "./checks.ts";
import type { DrainKeeper } from "./drain_keeper.ts";
import type { EndOfRib } from "./end_of_rib.ts";
import type { Hooks } from "./hooks.ts";
import { drainFor } from "./orders.ts";
import type { AgentPorts } from "./ports.ts";
import { planFor } from "./plans.ts";
import type { PeerBfd } from "./peer_bfd.ts";
import { Reloads } from "./reloads.ts";
import type { AgentServers } from "./servers.ts";
import type { SessionKeeper } from "./session_keeper.ts";
import { within } from "./within.ts";

/** The parts of the agent that a configuration is for. */
export interface ConfiguredParts {
  readonly ports: AgentPorts;
  readonly services: ServiceDriver;
  readonly checks: ServiceChecks;
  readonly drains: DrainKeeper;
  readonly sessions: SessionKeeper;
  readonly hooks: Hooks;
  readonly metrics: Metrics;
  readonly servers: AgentServers;
  readonly endOfRib: EndOfRib;
  speaker(): Speaker | undefined;
  bfd(): PeerBfd | undefined;
  reconciler(): Reconciler | undefined;
  /** Keeps in this folder from now on where virtual services are. */
  keepOwned(directory: string | undefined): void;
  /** The reconciler's last report. */
  report(): KernelReport | undefined;
  state(): AgentState;
  /** The agent's start, once it has begun. */
  started(): Promise<void> | undefined;
}

/** A kernel that takes longer is not waited for. */
const KERNEL_LIMIT_MS = 10_000;

const LATE_KERNEL = `the kernel has not made what is new within ${
  KERNEL_LIMIT_MS / 1000
} s; it is waited for`;

/** The configuration of one agent. */
export class RunningConfig implements Disposable {
  readonly #parts: ConfiguredParts;
  readonly #reloads: Reloads;
  #config: Config;
  /** Goes over to the checks of the configuration that is being made. */
  #goOver: ReturnType<ServiceChecks["prepare"]> = () => {};
  /** What of it there is not yet. */
  #unmade: readonly string[] = [];

  constructor(config: Config, parts: ConfiguredParts) {
    const { ports } = parts;
    const { clock, events } = ports;
    this.#config = config;
    this.#parts = parts;
    this.#reloads = new Reloads({
      clock,
      events,
      running: () => this.#config,
      load: () => ports.load(),
      refuse: (next) => this.#refuse(next),
      make: (next) => this.#make(next),
      apply: (next, because) => this.#apply(next, because),
      busy: () => this.#busy(),
    });
  }

  /** What is in force. */
  get current(): Config {
    return this.#config;
  }

  /** How the last attempt at another one went. */
  get reloads(): Reloads["status"] {
    return this.#reloads.status;
  }

  /** Makes what `reloads` tells and takes long, in slices. */
  async makeHash(): Promise<void> {
    await this.#reloads.makeHash();
  }

  /** Reads the file again, once the agent has started. @throws {BusyError} */
  async reload(because: number): Promise<ReloadAnswer> {
    await this.#parts.started()?.catch(() => undefined);
    const told = this.#parts.ports.beginReload?.();
    return await this.#reloads.reload(because).finally(() => told?.[Symbol.dispose]());
  }

  /** What a reload would do; it changes nothing. @throws {BusyError} */
  async plan(file: NamedText | undefined): Promise<PlanAnswer> {
    const { ports, services, started } = this.#parts;
    await started()?.catch(() => undefined);
    return await planFor(file, {
      running: () => this.#config,
      load: (file) => ports.load(file),
      refuse: (next) => this.#refuse(next),
      entriesOf: (config) => this.#entriesOf(config),
      services,
      managed: managedBy(this.#config),
      kernel: ports.kernel,
      busy: () => this.#busy(),
    });
  }

  /** No reload is made any more. */
  [Symbol.dispose](): void {
    this.#reloads[Symbol.dispose]();
  }

  /** Services that were on their way out have gone. */
  dropGone(): void {
    const configured = new Set(this.#config.services.map(({ name }) => name));
    this.#parts.checks.dropGone(configured, this.#leavingNames);
    this.#parts.metrics.retain(this.#config);
  }

  /** Services that are in the configuration no more and not gone yet. */
  get #leavingNames(): ReadonlySet<string> {
    const { states } = this.#parts.services;
    return new Set(states.filter(({ removed }) => removed).map(({ config }) => config.name));
  }

  /** @param because ID of the event that brings a service which an earlier process had drained */
  #entriesOf(config: Config, because?: number): readonly ServiceEntry[] {
    const { drains, checks } = this.#parts;
    const saidOf = (check: CheckConfig) => checks.saidOf(check);
    return entriesOf(config, drains).map((plain) => {
      const entry = { ...plain, saidOf };
      const { drain } = entry;
      return drain === undefined
        ? entry
        : { ...entry, drain: { ...drain, because: drain.because ?? because } };
    });
  }

  #busy(): string | undefined {
    const state = this.#parts.state();
    return state === "running" ? undefined : `the agent is ${state}`;
  }

  #refuseWhileBusy(): void {
    const busy = this.#busy();
    if (busy !== undefined) throw new BusyError(busy);
  }

  /** What keeps this host from running `next`, and does not keep it from running what runs. */
  async #refuse(next: Config): Promise<readonly string[]> {
    const { ports, services } = this.#parts;
    const problems = ports.refuse(next);
    if (problems.length > 0 || ports.kernel === undefined) return problems;
    const { kernel, clock } = ports;
    const look = async (desired: DesiredKernel, config: Config) => {
      const examined = Reconciler.examine(kernel, desired, managedBy(config));
      // A kernel that does not answer has not refused anything.
      return (await within(examined, clock, KERNEL_LIMIT_MS))?.problems ?? [];
    };
    const { states } = services.preview(this.#entriesOf(next));
    const found = await look(desiredKernel(states.values()), next);
    if (found.length === 0) return [];
    // What is in the way of a service that runs already is no reason to leave the others as they are.
    const known = new Set([
      ...await look(services.desiredKernel, this.#config),
      ...messagesOf(this.#parts.report()),
    ]);
    return found.filter((problem) => !known.has(problem));
  }

  /**
   * Makes what is new in `next`: its checks, and its kernel objects beside those that are there, so that nothing is missing when
   * it comes into force. What the kernel refuses keeps `next` from being run, and what was made of it goes again.
   */
  async #make(next: Config): Promise<readonly string[]> {
    const { ports, services, checks } = this.#parts;
    const reconciler = this.#parts.reconciler();
    try {
      this.#goOver = checks.prepare(next.services);
      if (reconciler === undefined) return [];
      const known = new Set(messagesOf(this.#parts.report()));
      const making = reconciler.want(services.prepare(this.#entriesOf(next)));
      const report = await within(making, ports.clock, KERNEL_LIMIT_MS);
      this.#unmade = report === undefined ? [LATE_KERNEL] : [];
      const refusals = messagesOf(report).filter((message) => !known.has(message));
      if (refusals.length === 0 && this.#busy() === undefined) return [];
      services.forget();
      checks.forget();
      this.#refuseWhileBusy();
      return refusals.map((refusal) => `the kernel refuses what is new: ${refusal}`);
    } catch (error) {
      if (error instanceof BusyError) throw error;
      return [`a check cannot be made: ${messageOf(error)}`];
    }
  }

  /**
   * Goes over to `next`, of which everything is made: sessions, routes and checks in one turn. What is wanted no more follows
   * in order. A part that throws keeps none of the others from it.
   */
  #apply(next: Config, because: number): readonly string[] {
    const { ports, services, drains, hooks, metrics, servers, endOfRib, sessions } = this.#parts;
    const faults: string[] = [];
    const attempt = (name: string, work: () => void) => {
      try {
        work();
      } catch (error) {
        faults.push(`${name}: ${messageOf(error)}`);
      }
    };
    this.#config = next;
    attempt("sessions", () => {
      this.#parts.speaker()?.configure(next.bgp.local, next.bgp.peers, serviceAddresses(next));
    });
    attempt("BFD", () => this.#parts.bfd()?.configure(next.bgp.peers, serviceAddresses(next)));
    attempt("services", () => services.reconfigure(this.#entriesOf(next, because), because));
    attempt("checks", () => this.#goOver(this.#leavingNames));
    attempt("drains", () => drains.configure(next.state.directory));
    attempt("kept sessions", () => sessions.configure(next.bgp.peers, next.state.directory));
    attempt("owned", () => this.#parts.keepOwned(next.state.directory));
    attempt("hooks", () => hooks.configure(next.services, next.hooks.timeoutMs));
    attempt("metrics", () => metrics.retain(next));
    attempt("log", () => ports.setLog(next.log));
    attempt("servers", () => servers.configure(next));
    attempt("End-of-RIB", () => endOfRib.release());
    for (const cause of this.#unmade) ports.events.publish({ kind: "warning", cause });
    for (const cause of faults) ports.events.publish({ kind: "fault", part: "agent", name: "reload", cause });
    return [...this.#unmade, ...faults];
  }
}

function messagesOf(report: KernelReport | undefined): readonly string[] {
  return [...report?.errors ?? [], ...report?.conflicts ?? []].map(({ message }) => message);
}

/** The services of a configuration, with what operators want of them. */
export function entriesOf({ services }: Config, drains?: Pick<DrainKeeper, "of">): readonly ServiceEntry[] {
  return services.map((config) => ({
    config,
    checks: config.checks.map(({ name }) => name),
    drain: drainFor(drains?.of(config.name), config.stop),
  }));
}

/** What it is about, by name. */
export function namesIn(
  { services, bgp }: Config,
): { readonly services: string[]; readonly peers: string[] } {
  return { services: services.map(({ name }) => name), peers: bgp.peers.map(({ name }) => name) };
}

/** The addresses of every service, also of one that is not enabled: none is ever this host's alone. */
export function serviceAddresses({ services }: Pick<Config, "services">): ReadonlySet<string> {
  return new Set(services.flatMap(({ addresses }) => addresses.map(({ text }) => text)));
}

/** What a configuration leaves to us of the kernel. */
export function managedBy({ network: { setup: interfaces, ipvs } }: Config): Managed {
  return { interfaces, ipvs };
}
