/**
 * The agent: builds the parts, carries facts to the services and what should be to the speaker and the reconciler, and
 * starts and stops it all in order. Data flows one way; nothing here announces a route or touches the kernel by verb.
 */
import type { Speaker } from "../bgp/speaker.ts";
import type { Config } from "../config/config.ts";
import type { NamedText } from "../config/load.ts";
import type { Orders } from "../control/orders.ts";
import type { PlanAnswer } from "../control/plan_route.ts";
import type { AgentFact, AgentState } from "../events/event.ts";
import { Journal } from "../events/journal.ts";
import { Metrics } from "../http/metrics.ts";
import type { KernelReport } from "../kernel/reconciler.ts";
import type { DesiredKernel } from "../kernel/state.ts";
import { ServiceDriver } from "../service/driver.ts";
import type { Status } from "../status/status.ts";
import { messageOf } from "../text/error_message.ts";
import { inOrder, inSlices } from "../time/steps.ts";
import { KernelAdoption } from "./adoption.ts";
import { ServiceChecks } from "./checks.ts";
import { DrainKeeper } from "./drain_keeper.ts";
import { EndOfRib } from "./end_of_rib.ts";
import { OperatorOrders } from "./orders.ts";
import { headline } from "./headline.ts";
import { Hooks } from "./hooks.ts";
import { KernelEvents } from "./kernel_events.ts";
import { loopsOf } from "./liveness.ts";
import type { PeerBfd } from "./peer_bfd.ts";
import type { AgentPorts } from "./ports.ts";
import { entriesOf, managedBy, namesIn, RunningConfig } from "./running_config.ts";
import { AgentServers } from "./servers.ts";
import { leavingFact, transitionFact } from "./service_events.ts";
import { forwardingOf } from "./restart.ts";
import { Scrapes, toldTraffic } from "./scrape.ts";
import { SessionKeeper } from "./session_keeper.ts";
import { shakenServices } from "./shaken_services.ts";
import { snapshot, snapshotInSteps, type SnapshotSource } from "./snapshot.ts";
import { SoleAgent } from "./sole_agent.ts";
import { beginSpeaking } from "./speaking.ts";
import { Upkeep } from "./upkeep.ts";
import { watchedPorts } from "./watched_ports.ts";

/** One running agent. */
export class Agent {
  readonly #config: RunningConfig;
  readonly #ports: AgentPorts;
  readonly #services: ServiceDriver;
  readonly #checks: ServiceChecks;
  readonly #kernelEvents: KernelEvents;
  readonly #metrics: Metrics;
  readonly #journal: Journal;
  readonly #hooks: Hooks;
  readonly #servers: AgentServers;
  readonly #drains: DrainKeeper;
  readonly #sessions: SessionKeeper;
  readonly #sole: SoleAgent;
  readonly #orders: OperatorOrders;
  readonly #endOfRib: EndOfRib;
  readonly #startedMs: number;
  #state: AgentState = "starting";
  #speaker: Speaker | undefined;
  #bfd: PeerBfd | undefined;
  #adoption: KernelAdoption | undefined;
  #report: KernelReport | undefined;
  #upkeep: Upkeep | undefined;
  #started: Promise<void> | undefined;
  #stopped: Promise<readonly string[]> | undefined;

  constructor(config: Config, outside: AgentPorts) {
    const ports = watchedPorts(outside, (...write) => this.#metrics.observeStateWrite(...write));
    const { clock, events, probe } = ports;
    this.#ports = ports;
    this.#startedMs = clock.now();
    this.#journal = new Journal(ports);
    events.subscribe("journal", (event) => this.#journal.append(event));
    this.#metrics = new Metrics(config, ports.processFigures);
    events.subscribe("metrics", (event) => this.#metrics.observe(event));
    this.#hooks = new Hooks({
      services: config.services,
      timeoutMs: config.hooks.timeoutMs,
      run: ports.runProgram,
      clock,
      events,
    });
    this.#kernelEvents = new KernelEvents(events);
    this.#checks = new ServiceChecks({
      services: config.services,
      clock,
      events,
      probe,
      watchLosses: ports.watchLosses,
      onVerdict: (service, event) => {
        this.#services.verdict(service, event);
        this.#endOfRib.release();
      },
      onSaid: (places, said) => {
        this.#services.destinations(places, said);
        this.#endOfRib.release();
      },
    });
    this.#services = new ServiceDriver({
      services: entriesOf(config),
      managed: managedBy(config),
      clock,
      announce: (routes) => this.#announce(routes),
      program: (desired) => this.#program(desired),
      told: (limitMs) => this.#speaker?.flushed(limitMs) ?? Promise.resolve(),
      onTransition: (service, transition, because) => {
        this.#publish(transitionFact(service, transition), because);
        if (transition.type === "phase") this.#endOfRib.release();
      },
      onLeaving: (leaving) => this.#publish(leavingFact(leaving), leaving.phase.drain?.because),
      onGone: () => this.#config.dropGone(),
      onFault: (cause) => this.#publish({ kind: "fault", part: "service", name: "driver", cause }),
    });
    const peers = () => this.#config.current.bgp.peers;
    this.#endOfRib = new EndOfRib({ clock, services: this.#services, peers });
    this.#drains = new DrainKeeper({
      clock,
      events,
      files: ports.stateFiles,
      directory: config.state.directory,
      onEnd: (ended) => this.#orders.end(ended),
    });
    this.#sessions = new SessionKeeper(config, ports, (family) =>
      this.#adoption?.forwarding(family) ??
        forwardingOf(family, config.services, managedBy(config), undefined));
    this.#sole = new SoleAgent(ports, () => this.#state);
    this.#orders = new OperatorOrders({
      clock,
      events,
      services: this.#services,
      checks: this.#checks,
      drains: this.#drains,
      state: () => this.#state,
      reload: (because) => this.#config.reload(because),
      handover: () => ports.requestHandover(),
      lookAtKernel: () => this.#adoption?.reconciler?.look(),
    });
    const read = async () => managedBy(this.#config.current).ipvs ? await ports.kernel?.traffic() ?? [] : [];
    const traffic = () => toldTraffic(read, clock);
    const scrapes = new Scrapes(this, { clock, metrics: this.#metrics, traffic });
    this.#servers = new AgentServers(config, ports, {
      status: () => this.statusInSlices(),
      metrics: () => scrapes.answer(),
      traffic,
      orders: this.#orders,
      planner: this,
      journal: this.#journal,
    });
    this.#config = new RunningConfig(config, {
      ports,
      services: this.#services,
      checks: this.#checks,
      drains: this.#drains,
      sessions: this.#sessions,
      keepOwned: (directory) => this.#adoption?.keepOwned(directory),
      hooks: this.#hooks,
      metrics: this.#metrics,
      servers: this.#servers,
      endOfRib: this.#endOfRib,
      speaker: () => this.#speaker,
      bfd: () => this.#bfd,
      reconciler: () => this.#adoption?.reconciler,
      report: () => this.#report,
      state: () => this.#state,
      started: () => this.#started,
    });
  }

  /** What operators may order. */
  get orders(): Orders {
    return this.#orders;
  }

  /** What a reload of `file`, or of the agent's own file, would do. Changes nothing. @throws {BusyError} */
  plan(file: NamedText | undefined): Promise<PlanAnswer> {
    return this.#config.plan(file);
  }

  /**
   * Brings everything up: the servers, the kernel's objects, the speaker, the checks.
   * @throws {HostNotFitError} what is missing and how to mend it; nothing new is left behind
   */
  start(): Promise<void> {
    return this.#started ??= this.#startInOrder();
  }

  /**
   * Withdraws, waits, quiesces, says goodbye and removes what is ours. Called again, it is the same stop.
   * Resolves to what could not be removed, in words; empty where nothing is left.
   */
  stop(reason: string): Promise<readonly string[]> {
    return this.#stopped ??= this.#stopInOrder(reason);
  }

  /** Closes the sessions without a word, under graceful restart, and leaves the kernel for the next process. */
  handover(): Promise<readonly string[]> {
    return this.#stopped ??= this.#handOver();
  }

  /** Ends in this turn as it is, as if the process were killed. */
  async abort(): Promise<void> {
    this.#stopped ??= Promise.resolve([]);
    this.#enter("stopped", "aborted");
    await this.#teardown();
  }

  /** Everything that is known, at this moment. */
  status(): Status {
    return snapshot(this.#snapshotSource());
  }

  /** The same in slices, between which the event loop does what else is due: there may be thousands of services. */
  async statusInSlices(): Promise<Status> {
    await this.#config.makeHash();
    return await inSlices(this.#ports.clock, snapshotInSteps(this.#snapshotSource()));
  }

  /** In one line: what is announced, what is not and why. */
  headline(): string {
    const [services, config, speaker] = [this.#services, this.#config.current, this.#speaker];
    return headline({ state: this.#state, clock: this.#ports.clock, services, config, speaker });
  }

  /** Everything that goes on by itself. */
  loops(): ReturnType<typeof loopsOf> {
    const own = { "the event loop": this.#upkeep, services: this.#services, journal: this.#journal };
    const others = { BFD: this.#bfd, "the kernel's reconciler": this.#adoption?.reconciler };
    return loopsOf({ ...own, ...others }, [this.#checks, this.#servers, this.#speaker]);
  }

  #snapshotSource(): SnapshotSource {
    return {
      ...this.#ports,
      state: this.#state,
      startedMs: this.#startedMs,
      config: this.#config.current,
      services: this.#services.states,
      leaving: this.#services.leaving,
      drains: this.#drains,
      reloads: this.#config.reloads,
      checks: (service) => this.#checks.status(service),
      servers: this.#servers.status,
      listeners: this.#speaker?.listeners() ?? [],
      peers: this.#speaker?.statusInSteps() ?? inOrder([]),
      bfd: this.#bfd?.status ?? new Map(),
      report: this.#report,
      journal: this.#journal,
    };
  }

  #publish(fact: AgentFact, because?: number): void {
    this.#ports.events.publish(fact, because);
  }

  /** The ID of the event that tells so. */
  #enter(to: AgentState, cause: string, details: { readonly version?: string } = {}): number {
    const from = this.#state;
    this.#state = to;
    return this.#ports.events.publish({ kind: "agent-state", from, to, cause, ...details }).id;
  }

  async #startInOrder(): Promise<void> {
    let adopted = true;
    const { clock } = this.#ports;
    this.#upkeep = new Upkeep(this.#ports, (nowMs, lagMs) => this.#metrics.observeLoopLag(nowMs, lagMs));
    try {
      if (this.#ports.kernel !== undefined) await this.#sole.claim();
      await this.#servers.open();
      await Promise.all([this.#drains.load(), this.#sessions.load()]);
      adopted = await this.#adoptKernel();
      this.#speak();
    } catch (error) {
      // Nothing new is left behind, or it is told.
      for (const cause of adopted ? [] : await this.#adoption?.remove() ?? []) {
        this.#publish({ kind: "stop-failed", cause: `could not be removed: ${cause}` });
      }
      await this.#teardown();
      throw error;
    }
    // Those that were ordered meanwhile.
    this.#orders.resumeDrains();
    this.#upkeep.releaseMemory();
    const cause = this.#report?.converged ?? true
      ? "everything is up"
      : "up, but for what the kernel does not give";
    this.#enter("running", cause, { version: this.#ports.version, ...namesIn(this.#config.current) });
    this.#announce(this.#services.desiredRoutes);
    await inSlices(clock, this.#services.refresh());
    if (this.#state !== "running") return;
    this.#endOfRib.release();
    this.#endOfRib.look();
    await this.#checks.start();
  }

  /** Makes the kernel right for the first time. True where nothing of it is made anew: an earlier run had it, or it is not ours. */
  async #adoptKernel(): Promise<boolean> {
    const { kernel } = this.#ports;
    if (kernel === undefined) {
      this.#orders.resumeDrains();
      return true;
    }
    this.#adoption = new KernelAdoption({
      kernel,
      ports: this.#ports,
      config: this.#config.current,
      services: this.#services,
      routersKeepMs: this.#endOfRib.routersKeepMs,
      resumeDrains: () => this.#orders.resumeDrains(),
      contention: () => this.#config.current.network.contention,
      onReport: (report) => this.#receiveReport(report),
      onFault: (cause) => this.#publish({ kind: "fault", part: "kernel", name: "reconciler", cause }),
    });
    return await this.#adoption.begin();
  }

  #speak(): void {
    const { speaker, bfd } = beginSpeaking(this.#config.current, this.#ports, {
      sessions: this.#sessions,
      onEvent: (event) => {
        if (this.#state !== "starting") this.#endOfRib.observe(event);
      },
    });
    this.#speaker = speaker;
    this.#bfd = bfd;
    this.#endOfRib.start(speaker);
  }

  #announce(routes: ServiceDriver["desiredRoutes"]): void {
    if (this.#state !== "starting") this.#speaker?.announceOf(routes);
  }

  #program(desired: DesiredKernel): void {
    this.#adoption?.reconciler?.want(desired).catch((error) => {
      this.#publish({ kind: "fault", part: "kernel", name: "reconciler", cause: messageOf(error) });
    });
  }

  #receiveReport(report: KernelReport): void {
    this.#report = report;
    const actual = report.isRead ? report.actual : undefined;
    this.#kernelEvents.publish(report, () => this.#services.kernel(actual, report));
    this.#checks.trip(shakenServices(report.repairs, this.#config.current.services));
  }

  async #stopInOrder(reason: string): Promise<readonly string[]> {
    if (this.#state === "starting") await this.#started?.catch(() => undefined);
    if (this.#state === "stopped") return [];
    // In the turn of the call: the withdrawals go before anything else is done or said.
    const { events } = this.#ports;
    events.ahead(() => {
      const because = this.#enter("stopping", reason);
      events.because(because, () => this.#services.stop("stopping", because));
    });
    // Checks go on until then: what is still announced, as the last choice, has to work.
    await this.#services.down();
    this.#checks.stop();
    this.#services[Symbol.dispose]();
    await this.#speaker?.stop({ mode: "shutdown", communication: reason });
    const ends = [this.#adoption?.remove(), this.#bfd?.stop(), this.#sessions.forget()] as const;
    const [left = []] = await Promise.all(ends);
    await this.#teardown();
    this.#enter("stopped", left.length === 0 ? "nothing is left behind" : `left behind: ${left.join("; ")}`);
    return left;
  }

  async #handOver(): Promise<readonly string[]> {
    await this.#started?.catch(() => undefined);
    if (this.#state === "stopped") return [];
    this.#publish({ kind: "handover", cause: "the next process goes on" });
    this.#enter("stopping", "handover");
    this.#checks.stop();
    this.#services[Symbol.dispose]();
    await Promise.all([this.#sessions.handover(), this.#speaker?.stop({ mode: "handover" })]);
    // Only now: FRR and BIRD take AdminDown for a failure where a session is Established, and its routes go.
    await this.#bfd?.stop();
    await this.#teardown();
    this.#enter("stopped", "handed over");
    return [];
  }

  async #teardown(): Promise<void> {
    this.#checks.stop();
    this.#services[Symbol.dispose]();
    this.#config[Symbol.dispose]();
    this.#upkeep?.[Symbol.dispose]();
    this.#endOfRib[Symbol.dispose]();
    this.#sessions[Symbol.dispose]();
    this.#bfd?.abort();
    this.#speaker?.abort();
    await this.#adoption?.close();
    await Promise.all([this.#drains.close(), this.#sessions.close()]);
    this.#journal[Symbol.dispose]();
    await Promise.all([this.#servers.close(), this.#hooks.finish()]);
    this.#sole[Symbol.dispose]();
    if (this.#state === "starting") this.#state = "stopped";
  }
}
