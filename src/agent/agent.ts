/**
 * The agent: builds the parts, carries facts to the controllers and decisions to the speaker and the reconciler, and
 * starts and stops it all in order. Data flows one way; nothing here announces a route or touches the kernel by verb.
 */
import type { Logger } from "@logtape/logtape";
import { messageOf } from "../text/error_message.ts";
import type { Config, ServiceConfig } from "../config/config.ts";
import { Speaker, type SpeakerEvent } from "../bgp/speaker.ts";
import { Check } from "../health/check.ts";
import type { Spread } from "../health/schedule.ts";
import { Metrics } from "../http/metrics.ts";
import type { AgentState, Status } from "../status/status.ts";
import { type KernelReport, Reconciler } from "../kernel/reconciler.ts";
import type { Managed } from "../kernel/kernel.ts";
import {
  initialState,
  type ServiceEvent,
  type ServiceState,
  serviceVerdict,
  step,
} from "../service/controller.ts";
import { desiredKernel, desiredRoutes } from "../service/desired.ts";
import { slicesOf } from "../service/slices.ts";
import { beginStop, stepStop, type StopState } from "../service/stop.ts";
import type { Clock } from "../time/clock.ts";
import { logSpeakerEvent } from "./speaker_log.ts";
import { type AgentPorts, HostNotFitError } from "./ports.ts";
import { AgentServers } from "./servers.ts";
import { snapshot } from "./snapshot.ts";

/** One service at run time. */
export interface ServiceUnit {
  state: ServiceState;
  readonly checks: ReadonlyMap<string, Check>;
}

/** How often connections are counted while a service quiesces. */
const QUIESCE_POLL_MS = 200;
/** End-of-RIB is held back for first verdicts, but not for longer than this. */
const END_OF_RIB_LIMIT_MS = 30_000;
/** Sockets may take so long to take the withdrawals of a stop. */
const WITHDRAWN_LIMIT_MS = 5000;
/** One running agent. */
export class Agent {
  readonly #config: Config;
  readonly #ports: AgentPorts;
  readonly #log: Logger;
  readonly #units: ReadonlyMap<string, ServiceUnit>;
  readonly #metrics: Metrics;
  readonly #servers: AgentServers;
  readonly #startedAt: Date;
  #state: AgentState = "starting";
  #speaker: Speaker | undefined;
  #reconciler: Reconciler | undefined;
  #report: KernelReport | undefined;
  #endOfRibLimit: Disposable | undefined;
  #started: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  /** Error texts of the last kernel report, so that a lasting error is logged once. */
  #kernelErrors: readonly string[] = [];
  /** Services whose stop has come to quiescing, or to removing. */
  #quiesced: ReadonlySet<string> = new Set();

  constructor(config: Config, ports: AgentPorts) {
    this.#config = config;
    this.#ports = ports;
    this.#log = ports.log;
    this.#startedAt = ports.clock.wallTime();
    this.#metrics = new Metrics(ports.processFigures);
    this.#servers = new AgentServers(config, ports, {
      status: () => this.status(),
      metrics: () => this.#metrics.render(this.status()),
    });
    const count = config.services.reduce((sum, { checks }) => sum + checks.length, 0);
    let index = 0;
    this.#units = new Map(config.services.map((service) => {
      const unit = this.#createUnit(service, () => ({ index: index++, count }));
      return [service.name, unit];
    }));
  }

  /**
   * Brings everything up: HTTP, the kernel's objects, the speaker, the checks.
   * @throws {HostNotFitError} what is missing and how to mend it; nothing new is left behind
   */
  start(): Promise<void> {
    this.#started ??= this.#startInOrder();
    return this.#started;
  }

  async #startInOrder(): Promise<void> {
    let adopted = true;
    try {
      await this.#servers.open();
      adopted = await this.#takeKernel();
      this.#speak(adopted);
    } catch (error) {
      if (!adopted) await this.#reconciler?.removeAll();
      await this.#teardown();
      throw error;
    }
    for (const { checks } of this.#units.values()) for (const check of checks.values()) check.start();
    this.#state = "running";
    this.#log.getChild("agent").info("running", {
      version: this.#ports.version,
      services: this.#config.services.map(({ name }) => name),
      peers: this.#config.bgp.peers.map(({ name }) => name),
    });
    this.#announce();
    this.#releaseEndOfRib();
  }

  /** Withdraws, waits, quiesces, says goodbye and removes what is ours. Called again, it is the same stop. */
  stop(reason: string): Promise<void> {
    this.#stopped ??= this.#stopInOrder(reason);
    return this.#stopped;
  }

  /** Closes the sessions without a word, under graceful restart, and leaves the kernel for the next process. */
  handover(): Promise<void> {
    this.#stopped ??= (async () => {
      await this.#started?.catch(() => undefined);
      this.#state = "stopping";
      this.#log.getChild("agent").info("handing over: sessions close silently, the kernel stays as it is");
      this.#stopChecks();
      await this.#speaker?.stop({ mode: "handover" });
      await this.#teardown();
    })();
    return this.#stopped;
  }

  /** Starts a probe of every check now. */
  checkNow(): void {
    for (const { checks } of this.#units.values()) for (const check of checks.values()) check.probeNow();
  }

  /** Everything that is known, at this moment. */
  status(): Status {
    return snapshot({
      version: this.#ports.version,
      state: this.#state,
      startedAt: this.#startedAt,
      config: this.#config,
      units: [...this.#units.values()],
      peers: this.#speaker?.status() ?? [],
      report: this.#report,
      wallTimeOf: (ms) => this.#wallTimeOf(ms),
    });
  }

  get #managed(): Managed {
    const { setup: interfaces, ipvs } = this.#config.network;
    return { interfaces, ipvs };
  }

  #createUnit(config: ServiceConfig, nextSpread: () => Spread): ServiceUnit {
    const { clock, probe } = this.#ports;
    const log = this.#log.getChild("health");
    const checks = new Map(config.checks.map((check) => {
      const { name } = check;
      return [
        name,
        new Check({
          name,
          config: check,
          probe: probe(check),
          clock,
          target: { type: "service", service: config.name },
          spread: nextSpread(),
          onResult: (result) => this.#metrics.probe(config.name, name, result.kind, result.durationMs),
          onVerdict: (verdict, cause) => {
            const level = verdict === "unhealthy" ? "warning" : "info";
            log[level]("check is {verdict}", { verdict, service: config.name, check: name, cause });
            this.#takeVerdict(config.name, { type: "verdict", check: name, verdict, cause });
          },
        }),
      ];
    }));
    return { state: initialState(config, this.#managed, [...checks.keys()], clock.now()), checks };
  }

  /**
   * Makes the kernel right for the first time. True where forwarding state of an earlier run was found; where the
   * kernel is not ours to manage, our restart has not touched what forwards.
   */
  async #takeKernel(): Promise<boolean> {
    const { kernel, clock } = this.#ports;
    if (kernel === undefined) return true;
    const managed = this.#managed;
    const desired = desiredKernel(this.#config, this.#quiesced);
    const { problems, adopted } = await Reconciler.examine(kernel, desired, managed);
    if (problems.length > 0) throw new HostNotFitError(problems.join("\n"));
    this.#reconciler = new Reconciler({
      kernel,
      clock,
      managed,
      onReport: (report) => this.#takeReport(report),
    });
    const faults = problemsOf(await this.#reconciler.want(desired));
    if (faults.length > 0) {
      if (!adopted) await this.#reconciler.removeAll();
      throw new HostNotFitError(faults.join("\n"));
    }
    return adopted;
  }

  #speak(adopted: boolean): void {
    const { bgp } = this.#config;
    const { transport, clock, random } = this.#ports;
    this.#speaker = new Speaker({
      local: bgp.local,
      peers: bgp.peers,
      transport,
      clock,
      random,
      restarting: adopted,
      interfaces: () => this.#ports.interfaces(),
      onEvent: (event) => this.#takeSpeakerEvent(event),
    });
    try {
      this.#speaker.start();
    } catch (error) {
      throw new HostNotFitError(messageOf(error));
    }
    this.#endOfRibLimit = clock.at(clock.now() + END_OF_RIB_LIMIT_MS, () => this.#speaker?.releaseEndOfRib());
  }

  /** Tells services what happened, all of them before their routes are set once. */
  #feed(units: Iterable<ServiceUnit>, eventOf: (config: ServiceConfig) => ServiceEvent): void {
    const now = this.#ports.clock.now();
    let changed = false;
    for (const unit of units) {
      const { name: service } = unit.state.config;
      const { state, transitions } = step(unit.state, eventOf(unit.state.config), { now });
      unit.state = state;
      changed ||= transitions.length > 0;
      for (const { address, announce, cause } of transitions) {
        const fields = { service, address: address.text, cause };
        this.#log.getChild("service").info(announce ? "announce" : "withdraw", fields);
      }
    }
    if (changed) this.#announce();
  }

  #takeVerdict(service: string, event: ServiceEvent): void {
    const unit = this.#units.get(service);
    if (unit !== undefined) this.#feed([unit], () => event);
    this.#releaseEndOfRib();
  }

  #announce(): void {
    if (this.#state === "starting") return;
    this.#speaker?.announce(desiredRoutes([...this.#units.values()].map(({ state }) => state)));
  }

  #releaseEndOfRib(): void {
    const verdicts = [...this.#units.values()].map(({ state }) => serviceVerdict(state.verdicts).verdict);
    if (!verdicts.includes("unknown")) this.#speaker?.releaseEndOfRib();
  }

  #takeReport(report: KernelReport): void {
    this.#report = report;
    const log = this.#log.getChild("kernel");
    for (const change of report.changes) log.info("changed: {change}", { change });
    const problems = problemsOf(report);
    this.#metrics.kernel(report.changes.length, problems.length);
    for (const problem of problems.filter((text) => !this.#kernelErrors.includes(text))) {
      log.error("{problem}", { problem });
    }
    if (problems.length === 0 && this.#kernelErrors.length > 0) log.info("as it should be again");
    this.#kernelErrors = problems;
    if (report.actual === undefined) return;
    const sliceOf = slicesOf(report.actual);
    this.#feed(this.#units.values(), (config) => ({ type: "kernel", actual: sliceOf(config) }));
  }

  #takeSpeakerEvent(event: SpeakerEvent): void {
    if (event.type === "updates-sent") this.#metrics.sent(event.peer, event.announced, event.withdrawn);
    logSpeakerEvent(this.#log.getChild("bgp"), event);
  }

  async #stopInOrder(reason: string): Promise<void> {
    await this.#started?.catch(() => undefined);
    const log = this.#log.getChild("agent");
    if (this.#state === "stopped") return;
    this.#state = "stopping";
    log.info("stopping: {reason}", { reason });
    this.#stopChecks();
    this.#feed(this.#units.values(), () => ({ type: "stop" }));
    if (this.#reconciler !== undefined) await this.#drain();
    await this.#speaker?.stop({ mode: "shutdown", communication: reason });
    await this.#reconciler?.removeAll();
    await this.#teardown();
    log.info("stopped");
  }

  /** Lets routers converge and connections end, each service within its own limits. */
  async #drain(): Promise<void> {
    const { clock } = this.#ports;
    // The time to converge is the routers', and theirs begins when the withdrawals are out.
    const decidedMs = clock.now();
    await this.#speaker?.settled(WITHDRAWN_LIMIT_MS);
    const sendingMs = clock.now() - decidedMs;
    const stops = new Map<string, StopState>();
    for (const [name, { state: { config, routes } }] of this.#units) {
      const quiesceMs = this.#config.network.ipvs && config.ports.length > 0 ? config.stop.quiesceMs : 0;
      // Routers need their time from the withdrawal on, and that may have been before the stop.
      const withdrawnMs = Math.max(...[...routes.values()].map(({ sinceMs }) => sinceMs));
      const convergeMs = Math.max(0, withdrawnMs + sendingMs + config.stop.convergeMs - clock.now());
      stops.set(name, beginStop({ convergeMs, quiesceMs }, clock.now()));
    }
    while ([...stops.values()].some(({ phase }) => phase !== "removing")) {
      const next = Math.min(...[...stops.values()].map(({ deadlineMs }) => deadlineMs));
      await sleepUntil(clock, Math.min(next, clock.now() + QUIESCE_POLL_MS));
      for (const [name, stop] of stops) {
        stops.set(name, stepStop(stop, this.#activeConnections(name), clock.now()));
      }
      this.#quiesced = new Set(
        [...stops].filter(([, { phase }]) => phase !== "converging").map(([name]) => name),
      );
      await this.#reconciler?.want(desiredKernel(this.#config, this.#quiesced));
    }
  }

  /** Connections on the quiesced destinations of a service, as last read; undefined before that was read. */
  #activeConnections(service: string): number | undefined {
    const destinations = this.#units.get(service)?.state.actual?.virtualServices
      .flatMap((virtualService) => virtualService.destinations) ?? [];
    if (destinations.some(({ weight }) => weight > 0)) return undefined;
    return destinations.reduce((sum, { activeConnections }) => sum + activeConnections, 0);
  }

  #stopChecks(): void {
    for (const { checks } of this.#units.values()) for (const check of checks.values()) check.stop();
  }

  async #teardown(): Promise<void> {
    this.#state = "stopped";
    this.#stopChecks();
    this.#endOfRibLimit?.[Symbol.dispose]();
    this.#speaker?.abort();
    await this.#reconciler?.dispose();
    await this.#servers.close();
  }

  #wallTimeOf(ms: number): Date {
    const { clock } = this.#ports;
    return new Date(clock.wallTime().getTime() - (clock.now() - ms));
  }
}

function problemsOf({ errors, conflicts }: KernelReport): readonly string[] {
  return [...errors, ...conflicts].map(({ message }) => message);
}

function sleepUntil(clock: Clock, atMs: number): Promise<void> {
  return new Promise((resolve) => void clock.at(atMs, resolve));
}
