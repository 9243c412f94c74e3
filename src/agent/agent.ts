/**
 * The agent: builds the parts, carries facts to the services and what should be to the speaker and the reconciler, and
 * starts and stops it all in order. Data flows one way; nothing here announces a route or touches the kernel by verb.
 */
import { Speaker } from "../bgp/speaker.ts";
import type { Config } from "../config/config.ts";
import type { AgentFact, AgentState } from "../events/event.ts";
import { Journal } from "../events/journal.ts";
import { Metrics } from "../http/metrics.ts";
import { describeOurs } from "../kernel/change.ts";
import type { Managed } from "../kernel/kernel.ts";
import { type KernelReport, Reconciler } from "../kernel/reconciler.ts";
import type { DesiredKernel } from "../kernel/state.ts";
import type { ServiceTransition } from "../service/controller.ts";
import { ServiceDriver } from "../service/driver.ts";
import { serviceVerdict } from "../service/gates.ts";
import type { Status } from "../status/status.ts";
import { messageOf } from "../text/error_message.ts";
import { sleep, sturdyClock } from "../time/clock.ts";
import { SpeakerEvents } from "./bgp_events.ts";
import { ServiceChecks } from "./checks.ts";
import { KernelEvents } from "./kernel_events.ts";
import { type AgentPorts, HostNotFitError } from "./ports.ts";
import { AgentServers } from "./servers.ts";
import { snapshot } from "./snapshot.ts";

/** End-of-RIB is held back for first verdicts, but not for longer than this. */
const END_OF_RIB_LIMIT_MS = 30_000;
/** What the start took is free by then, and kept for good where nobody asks for it. */
const RELEASE_MEMORY_MS = 1000;
/** What the kernel does not give up at a stop is tried again, so often and after so long. */
const REMOVAL_ATTEMPTS = 3;
const REMOVAL_RETRY_MS = 500;

/** One running agent. */
export class Agent {
  readonly #config: Config;
  readonly #ports: AgentPorts;
  readonly #services: ServiceDriver;
  readonly #checks: ServiceChecks;
  readonly #kernelEvents: KernelEvents;
  readonly #metrics: Metrics;
  readonly #journal: Journal;
  readonly #servers: AgentServers;
  readonly #startedMs: number;
  #state: AgentState = "starting";
  #speaker: Speaker | undefined;
  #reconciler: Reconciler | undefined;
  #report: KernelReport | undefined;
  #endOfRibLimit: Disposable | undefined;
  #memoryTimer: Disposable | undefined;
  #started: Promise<void> | undefined;
  #stopped: Promise<readonly string[]> | undefined;

  constructor(config: Config, outside: AgentPorts) {
    const { events, probe } = outside;
    const clock = sturdyClock(outside.clock, (error) => {
      events.publish({ kind: "fault", part: "agent", name: "timer", cause: messageOf(error) });
    });
    const ports = { ...outside, clock };
    this.#config = config;
    this.#ports = ports;
    this.#startedMs = clock.now();
    this.#journal = new Journal(ports);
    events.subscribe("journal", (event) => this.#journal.append(event));
    this.#metrics = new Metrics(ports.processFigures);
    events.subscribe("metrics", (event) => this.#metrics.observe(event));
    this.#kernelEvents = new KernelEvents(events);
    this.#servers = new AgentServers(config, ports, {
      status: () => this.status(),
      metrics: () => this.#metrics.render(this.status()),
      journal: this.#journal,
    });
    this.#checks = new ServiceChecks({
      services: config.services,
      clock,
      events,
      probe,
      onVerdict: (service, event) => {
        this.#services.verdict(service, event);
        this.#releaseEndOfRib();
      },
    });
    this.#services = new ServiceDriver({
      services: config.services.map((service) => ({
        config: service,
        checks: this.#checks.keys(service.name),
      })),
      managed: this.#managed,
      clock,
      announce: () => this.#announce(),
      program: (desired) => void this.#program(desired),
      told: (limitMs) => this.#speaker?.flushed(limitMs) ?? Promise.resolve(),
      onTransition: (service, transition) => this.#publish(transitionFact(service, transition)),
      onFault: (cause) => this.#publish({ kind: "fault", part: "service", name: "driver", cause }),
    });
  }

  /**
   * Brings everything up: the servers, the kernel's objects, the speaker, the checks.
   * @throws {HostNotFitError} what is missing and how to mend it; nothing new is left behind
   */
  start(): Promise<void> {
    this.#started ??= this.#startInOrder();
    return this.#started;
  }

  /**
   * Withdraws, waits, quiesces, says goodbye and removes what is ours. Called again, it is the same stop.
   * Resolves to what could not be removed, in words; empty where nothing is left.
   */
  stop(reason: string): Promise<readonly string[]> {
    this.#stopped ??= this.#stopInOrder(reason);
    return this.#stopped;
  }

  /** Closes the sessions without a word, under graceful restart, and leaves the kernel for the next process. */
  handover(): Promise<readonly string[]> {
    this.#stopped ??= this.#handOver();
    return this.#stopped;
  }

  /** Everything that is known, at this moment. */
  status(): Status {
    const { version, clock } = this.#ports;
    return snapshot({
      version,
      clock,
      state: this.#state,
      startedMs: this.#startedMs,
      config: this.#config,
      services: this.#services.states,
      checks: (service) => this.#checks.status(service),
      servers: this.#servers.status,
      listeners: this.#speaker?.listeners() ?? [],
      peers: this.#speaker?.status() ?? [],
      report: this.#report,
      journal: this.#journal,
    });
  }

  get #managed(): Managed {
    const { setup: interfaces, ipvs } = this.#config.network;
    return { interfaces, ipvs };
  }

  #publish(fact: AgentFact): void {
    this.#ports.events.publish(fact);
  }

  #enter(to: AgentState, cause: string, details: { readonly version?: string } = {}): void {
    const from = this.#state;
    this.#state = to;
    this.#publish({ kind: "agent-state", from, to, cause, ...details });
  }

  async #startInOrder(): Promise<void> {
    let adopted = true;
    try {
      await this.#servers.open();
      adopted = await this.#adoptKernel();
      this.#speak(adopted);
    } catch (error) {
      if (!adopted) await this.#removeNew();
      await this.#teardown();
      throw error;
    }
    this.#checks.start();
    const { clock } = this.#ports;
    this.#memoryTimer = clock.at(clock.now() + RELEASE_MEMORY_MS, () => this.#ports.releaseMemory());
    const details = {
      version: this.#ports.version,
      services: this.#config.services.map(({ name }) => name),
      peers: this.#config.bgp.peers.map(({ name }) => name),
    };
    this.#enter("running", "everything is up", details);
    this.#announce();
    this.#releaseEndOfRib();
  }

  /**
   * Makes the kernel right for the first time. True where forwarding state of an earlier run was found; where the
   * kernel is not ours to manage, our restart has not touched what forwards.
   */
  async #adoptKernel(): Promise<boolean> {
    const { kernel, clock } = this.#ports;
    if (kernel === undefined) return true;
    const managed = this.#managed;
    const desired = this.#services.desiredKernel;
    const { problems, adopted } = await Reconciler.examine(kernel, desired, managed);
    if (problems.length > 0) throw new HostNotFitError(problems.join("\n"));
    this.#reconciler = new Reconciler({
      kernel,
      clock,
      managed,
      onReport: (report) => this.#receiveReport(report),
      onFault: (cause) => this.#publish({ kind: "fault", part: "kernel", name: "reconciler", cause }),
    });
    const { errors, conflicts } = await this.#reconciler.want(desired);
    const faults = [...errors, ...conflicts].map(({ message }) => message);
    if (faults.length > 0) {
      if (!adopted) await this.#removeNew();
      throw new HostNotFitError(faults.join("\n"));
    }
    return adopted;
  }

  #speak(adopted: boolean): void {
    const { local, peers } = this.#config.bgp;
    const { transport, clock, random, events } = this.#ports;
    const speakerEvents = new SpeakerEvents(events);
    this.#speaker = new Speaker({
      local,
      peers,
      transport,
      clock,
      random,
      restarting: adopted,
      interfaces: () => this.#ports.interfaces(),
      onEvent: (event) => speakerEvents.publish(event),
    });
    try {
      this.#speaker.start();
    } catch (error) {
      throw new HostNotFitError(messageOf(error));
    }
    this.#endOfRibLimit = clock.at(clock.now() + END_OF_RIB_LIMIT_MS, () => this.#speaker?.releaseEndOfRib());
  }

  #announce(): void {
    if (this.#state !== "starting") this.#speaker?.announce(this.#services.desiredRoutes);
  }

  async #program(desired: DesiredKernel): Promise<void> {
    try {
      await this.#reconciler?.want(desired);
    } catch (error) {
      this.#publish({ kind: "fault", part: "kernel", name: "reconciler", cause: messageOf(error) });
    }
  }

  #releaseEndOfRib(): void {
    const verdicts = this.#services.states.map((state) => serviceVerdict(state.verdicts).verdict);
    if (!verdicts.includes("unknown")) this.#speaker?.releaseEndOfRib();
  }

  #receiveReport(report: KernelReport): void {
    this.#report = report;
    const { actual } = report;
    this.#kernelEvents.publish(report, () => actual !== undefined && this.#services.kernel(actual));
  }

  async #stopInOrder(reason: string): Promise<readonly string[]> {
    if (this.#state === "starting") await this.#started?.catch(() => undefined);
    if (this.#state === "stopped") return [];
    // In the turn of the call: the withdrawals go before anything else is done or said.
    this.#services.drain("stopping");
    this.#enter("stopping", reason);
    this.#checks.stop();
    if (this.#reconciler !== undefined) await this.#services.down();
    this.#services[Symbol.dispose]();
    await this.#speaker?.stop({ mode: "shutdown", communication: reason });
    const left = await this.#removeAll();
    await this.#teardown();
    this.#enter("stopped", left.length === 0 ? "nothing is left behind" : `left behind: ${left.join("; ")}`);
    return left;
  }

  /** What the kernel does not give up is tried a few times; then it is told what stays. */
  async #removeAll(): Promise<readonly string[]> {
    const { clock } = this.#ports;
    for (let attempt = 1; this.#reconciler !== undefined; attempt++) {
      const report = await this.#reconciler.removeAll();
      if (report.converged) break;
      if (attempt === REMOVAL_ATTEMPTS) return [remainsOf(report)];
      await sleep(clock, REMOVAL_RETRY_MS);
    }
    return [];
  }

  /** After a start that failed: nothing new is left behind, or it is told. */
  async #removeNew(): Promise<void> {
    for (const cause of await this.#removeAll()) {
      this.#publish({ kind: "stop-failed", cause: `could not be removed: ${cause}` });
    }
  }

  async #handOver(): Promise<readonly string[]> {
    await this.#started?.catch(() => undefined);
    if (this.#state === "stopped") return [];
    this.#publish({ kind: "handover", cause: "the next process goes on" });
    this.#enter("stopping", "handover");
    this.#checks.stop();
    this.#services[Symbol.dispose]();
    await this.#speaker?.stop({ mode: "handover" });
    await this.#teardown();
    this.#enter("stopped", "handed over");
    return [];
  }

  async #teardown(): Promise<void> {
    this.#checks.stop();
    this.#services[Symbol.dispose]();
    this.#endOfRibLimit?.[Symbol.dispose]();
    this.#memoryTimer?.[Symbol.dispose]();
    this.#speaker?.abort();
    await this.#reconciler?.dispose();
    this.#journal[Symbol.dispose]();
    await this.#servers.close();
    if (this.#state === "starting") this.#state = "stopped";
  }
}

/** What stays, as the kernel was read last, and why. */
function remainsOf({ actual, errors }: KernelReport): string {
  const objects = actual === undefined ? [] : describeOurs(actual);
  const what = objects.length > 0 ? objects.join(", ") : "something that is ours";
  return [what, errors.map(({ message }) => message).join("; ")].filter((text) => text !== "").join(": ");
}

function transitionFact(service: string, transition: ServiceTransition): AgentFact {
  const { cause } = transition;
  switch (transition.type) {
    case "route": {
      const { announce, address } = transition;
      return {
        kind: "route",
        service,
        address: address.text,
        to: announce ? "announced" : "withdrawn",
        cause,
      };
    }
    case "phase":
      return { kind: "phase", service, from: transition.from, to: transition.to, cause };
    case "fault":
      return { kind: "fault", part: "service", name: service, cause };
    default:
      return transition satisfies never;
  }
}
