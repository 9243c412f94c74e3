/**
 * The world of one run: a host with its kernel, backends, routers on a network in memory, and whichever process of the agent
 * runs there now; somebody who starts it again where it has ended, as a service manager does.
 */
import { Agent } from "../../src/agent/agent.ts";
import { HostNotFitError, type Loaded } from "../../src/agent/ports.ts";
import { canonical } from "../../src/config/canonical.ts";
import type { Config } from "../../src/config/config.ts";
import type { AgentEvent } from "../../src/events/event.ts";
import { EventStream } from "../../src/events/stream.ts";
import { describeChange } from "../../src/kernel/change.ts";
import { config as plainConfig } from "../support/config.ts";
import { MemoryNetwork } from "../support/memory_transport.ts";
import { sidePorts } from "../support/side_ports.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { Backend } from "./backends.ts";
import { AGENT, BACKEND_PORTS, ROUTERS } from "./configurations.ts";
import { Dice } from "./dice.ts";
import { FakeRouter } from "./fake_router.ts";
import { HostKernel } from "./host_kernel.ts";
import { Inspector } from "./inspector.ts";
import { Operator, StateDirectory } from "./operator.ts";
import { AgentProcess } from "./process.ts";
import type { Ending, RouterTrouble, Scenario, Step } from "./steps.ts";

/** The service manager waits so long before it starts an agent again that has failed. */
const FAILED_RESTART_MS = 3000;
/** And so long before it starts the next one after a handover. */
const HANDOVER_RESTART_MS = 100;
const STALE_SESSION_MS = 35_000;

/** One agent and the process that it is. */
interface Running {
  readonly agent: Agent;
  readonly process: AgentProcess;
  /** It was told to end. */
  ending: boolean;
}

/** The world. */
export class World {
  readonly clock: VirtualClock = new VirtualClock();
  readonly kernel: HostKernel = new HostKernel();
  readonly routers: readonly FakeRouter[];
  readonly inspector: Inspector;
  readonly network: MemoryNetwork;
  /** What happened, as it is: words are made only where somebody reads them. */
  readonly journal: { readonly atMs: number; readonly what: string | AgentEvent }[] = [];
  config: Config = plainConfig();
  configuredMs = 0;
  readonly #scenario: Scenario;
  readonly #random: () => number;
  readonly #backends: ReadonlyMap<number, Backend>;
  readonly operator: Operator;
  readonly #side = sidePorts();
  readonly #disk = new StateDirectory();
  #running: Running | undefined;
  #restart: Disposable | undefined;
  #calm = false;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#random = new Dice(scenario.seed + 1).random;
    const { latencyMs, bufferLength } = scenario;
    this.network = new MemoryNetwork({
      clock: this.clock,
      bufferLength,
      latencyMs: () => Math.ceil(this.#random() * latencyMs),
    });
    this.#backends = new Map(BACKEND_PORTS.map((port) => [port, new Backend(this.clock)]));
    this.inspector = new Inspector(this, () => this.note("--- violated"));
    this.operator = new Operator({
      clock: this.clock,
      agent: () => this.#running,
      config: () => this.config,
      kernelIsWell: () => this.kernel.isWell,
      disturb: (services) => {
        if (services.length === 0) this.inspector.disturb();
        for (const name of services) this.inspector.disturb(name);
      },
      note: (text) => this.note(text),
      judge: (wrong) => this.inspector.judge("orders are followed", wrong),
    });
    this.routers = ROUTERS.map(({ name, address, as }) => {
      const settings = scenario.routers.get(name);
      return new FakeRouter({
        name,
        as,
        address,
        agent: AGENT,
        host: this.network.transport(address),
        clock: this.clock,
        helps: settings?.helps ?? false,
        connects: settings?.connects ?? false,
        holdTimeSeconds: settings?.holdTimeSeconds ?? 90,
        tell: {
          announced: (router, prefix) => {
            this.note(`${router.name} has ${prefix}: ${router.routes.get(prefix)?.attributes}`);
            this.inspector.announced(router, prefix);
          },
          lost: (router, prefix, how) => {
            this.note(`${router.name} lost ${prefix}: ${how}`);
            this.inspector.lost(router, prefix, how);
          },
          ended: (router, cause, lastedMs) => {
            this.note(`${router.name}: session ended: ${cause}`);
            this.inspector.ended(router, cause, lastedMs);
          },
        },
      });
    });
    this.kernel.beforeChange = (change) => {
      if (this.kernel.refuse(change) !== undefined) return;
      this.note(`kernel: ${describeChange(change)}`);
      this.inspector.change(change);
    };
  }

  get nowMs(): number {
    return this.clock.now();
  }

  get latencyMs(): number {
    return this.#scenario.latencyMs;
  }

  get process(): AgentProcess | undefined {
    return this.#running?.process;
  }

  /** Running and not told to end. */
  get agent(): Agent | undefined {
    return this.#running?.ending === false ? this.#running.agent : undefined;
  }

  backend(port: number): Backend | undefined {
    return this.#backends.get(port);
  }

  isInService(service: string): boolean {
    return this.agent !== undefined && !this.operator.isDrained(service);
  }

  note(what: string | AgentEvent): void {
    this.journal.push({ atMs: this.clock.now(), what });
  }

  /** Routers and the first agent start. */
  begin(): void {
    for (const router of this.routers) router.start();
    this.#start(0);
  }

  /** Does what a step says. Where it makes no sense now nothing happens. */
  do(step: Step): void {
    this.note(`>>> ${JSON.stringify(step)}`);
    switch (step.do) {
      case "backend": {
        const backend = this.backend(step.port);
        if (backend === undefined) return;
        if (step.state === "throws") this.inspector.faultsExcused = true;
        for (const { name, checks } of this.config.services) {
          if (checks.some((check) => check.type === "http" && check.port === step.port)) {
            this.inspector.disturb(name);
          }
        }
        backend.state = step.state;
        return;
      }
      case "meddle": {
        const to = this.kernel.meddle(step.what, new Dice(step.dice));
        this.note(`    ${to}`);
        this.inspector.disturb();
        if (step.what === "takes a name") this.inspector.trouble(10_000, false);
        return this.inspector.kernelChanged(false);
      }
      case "refuse":
        this.#trouble(step.forMs, false);
        this.kernel.refuseShare(step.share);
        return this.#later(step.forMs, () => this.kernel.refuseShare(0));
      case "fail reads":
        this.#trouble(step.forMs, true);
        this.kernel.failReads(true);
        return this.#later(step.forMs, () => this.kernel.failReads(false));
      case "router": {
        const router = this.routers.find(({ name }) => name === step.router);
        return router === undefined ? undefined : this.#troubleWith(router, step.what, step.forMs);
      }
      case "connections":
        this.kernel.activeConnections = step.count;
        return;
      case "stall":
        this.inspector.excuse(undefined, step.ms + STALE_SESSION_MS);
        this.#running?.process.stall(step.ms);
        return;
      case "kill":
        this.#kill(step.restartMs, step.config);
        if (!step.torn) return;
        this.#disk.tear();
        return this.operator.forgotten();
      case "handover":
        return this.#end("handover", step.restartMs, step.config);
      case "fail disk":
        this.#disk.failing = true;
        return this.#later(step.forMs, () => void (this.#disk.failing = false));
      case "drain":
        return this.operator.drain(step.services, step.forMs);
      case "undrain":
        return this.operator.undrain(step.services);
      case "check now":
        return this.operator.checkNow(step.services);
      case "reload":
        return this.operator.reload(this.#file(step.config));
      case "order handover":
        return this.operator.handover();
      case "stop":
        return this.#end("stop", step.restartMs, step.config);
      default:
        return step satisfies never;
    }
  }

  /** Trouble is over: everything works as it will in the end, and an agent runs. */
  calm(): void {
    this.note(">>> calm");
    this.#calm = true;
    for (const [port, state] of this.#scenario.finally) {
      const backend = this.backend(port);
      if (backend !== undefined) backend.state = state;
    }
    this.inspector.disturb();
    this.inspector.excuse(undefined, STALE_SESSION_MS);
    this.kernel.refuseShare(0);
    this.kernel.failReads(false);
    this.#disk.failing = false;
    this.kernel.activeConnections = 0;
    this.kernel.releaseNames();
    this.inspector.kernelChanged(false);
    for (const router of this.routers) this.#mend(router);
    if (this.#running === undefined && this.#restart === undefined) this.#start(undefined);
  }

  /** The end: of the agent, then of everything else. What is left of either is a violation. */
  async end(ending: Ending): Promise<void> {
    this.note(`>>> the end: ${ending}`);
    const running = this.#running;
    const before = this.kernel.ours;
    if (ending === "kill") this.#kill(undefined, 0);
    else this.#end(ending, undefined, 0);
    await this.clock.advance(15_000);
    this.#restart?.[Symbol.dispose]();
    const { inspector } = this;
    if (running !== undefined) {
      inspector.judge("nothing left running", leftIn(running.process));
      if (ending !== "kill" && this.#running !== undefined) {
        inspector.fail("nothing left running", `the agent has not ended (${ending})`);
      }
    }
    const left = this.kernel.ours;
    if (ending === "stop") {
      inspector.judge("nothing left in the kernel", left.length > 0 ? left.join(", ") : undefined);
    } else {
      const same = before.join() === left.join();
      inspector.judge(
        "nothing left in the kernel",
        same ? undefined : `${ending} made ${before} into ${left}`,
      );
    }
    for (const router of this.routers) router.stop();
    await this.clock.advance(5000);
    inspector.judge("nothing left running", this.#left());
  }

  #left(): string | undefined {
    const { pending } = this.clock;
    const { openPipes, openListeners } = this.network;
    const { watchers } = this.kernel;
    if (pending + openPipes + openListeners + watchers === 0) return undefined;
    return `${pending} timers, ${openPipes} pipes, ${openListeners} listeners, ${watchers} watches`;
  }

  /** @param index of its configuration; undefined: as before */
  #start(index: number | undefined): void {
    const config = this.#scenario.configs[index ?? -1] ?? this.config;
    const process = new AgentProcess(this.clock);
    const events = new EventStream(process);
    const { inspector } = this;
    inspector.begin();
    events.subscribe("simulation", (event) => {
      if (!process.alive) return;
      // Probes are not counted among what happened.
      if (event.kind === "probe") return;
      inspector.identified(event.id);
      this.note(event);
      inspector.event(event);
    });
    const kernel = process.kernel({
      read: (interest) => this.kernel.read(interest),
      apply: async (changes) => {
        const outcomes = await this.kernel.apply(changes);
        inspector.kernelChanged(true);
        return outcomes;
      },
      probe: (needs) => this.kernel.probe(needs),
      watch: (onChange) => this.kernel.watch(onChange),
      [Symbol.dispose]() {},
    });
    let loaded: Loaded | undefined;
    const agent = new Agent(config, {
      version: "simulated",
      clock: process,
      random: this.#random,
      events,
      transport: process.transport(this.network.transport(AGENT)),
      kernel: config.network.setup || config.network.ipvs ? kernel : undefined,
      probe: (check) => {
        const backend = check.type === "http" ? this.backend(check.port) : undefined;
        if (backend === undefined) throw new Error("no such backend");
        return process.probe(backend.probe(process));
      },
      ...this.#side,
      stateFiles: this.#disk.of(process, this.operator),
      load: () => loaded = this.operator.file,
      // The last thing of the turn in which another configuration comes into force.
      setLog: () => {
        if (process.alive && loaded?.ok) this.#reloaded(loaded.config);
      },
      requestHandover: () => this.#end("handover", HANDOVER_RESTART_MS, undefined),
      interfaces: () => [],
      processFigures: () => ({ residentMemoryBytes: 0, cpuSeconds: 0, startTimeSeconds: 0 }),
    });
    const running = { agent, process, ending: false };
    this.#running = running;
    for (const name of changedNames(this.config.services, config.services)) inspector.disturb(name);
    this.operator.restarted();
    this.#configure(config);
    this.note(`--- the agent starts with ${wordsOf(config)}`);
    agent.start().catch((error: unknown) => this.#failed(running, error));
  }

  #configure(config: Config): void {
    this.config = config;
    this.configuredMs = this.clock.now();
    this.inspector.configured();
    this.inspector.kernelChanged(false);
  }

  /** Another configuration is in force; what it does not name has no reason to change. */
  #reloaded(loaded: Config): void {
    const { inspector } = this;
    const before = this.config;
    const config = { ...loaded, network: before.network };
    for (const name of changedNames(before.services, config.services)) inspector.disturb(name);
    // Another next hop costs no session.
    const sessions = ({ bgp }: Config) => bgp.peers.map((peer) => ({ ...peer, nextHop: undefined }));
    for (const name of changedNames(sessions(before), sessions(config))) inspector.excuse(name, 1000);
    this.#configure(config);
  }

  #file(index: number): Loaded {
    const config = this.#scenario.configs[index];
    return config === undefined
      ? { ok: false, problems: ["config.yaml:1:1: nothing is right"] }
      : { ok: true, config, warnings: [] };
  }

  #failed(running: Running, error: unknown): void {
    if (!running.process.alive) return;
    this.note(`--- the start failed: ${error}`);
    if (!(error instanceof HostNotFitError)) this.inspector.fail("no fault", `the start failed: ${error}`);
    this.#gone(running, FAILED_RESTART_MS, undefined);
  }

  #kill(restartMs: number | undefined, config: number | undefined): void {
    const running = this.#running;
    if (running === undefined) return;
    this.inspector.excuse(undefined, 1000);
    running.process.kill();
    this.#gone(running, restartMs, config);
  }

  #end(how: "stop" | "handover", restartMs: number | undefined, config: number | undefined): void {
    const running = this.#running;
    if (running === undefined || running.ending) return;
    running.ending = true;
    if (how === "stop") this.inspector.disturb();
    this.inspector.excuse(undefined, 30_000);
    const ended = how === "stop" ? running.agent.stop("told to") : running.agent.handover();
    ended.then((left) => {
      if (!running.process.alive) return;
      this.note(`--- the agent has ended: ${left.join()}`);
      this.inspector.judge("nothing left running", leftIn(running.process));
      if (how === "stop") this.inspector.stopped();
      this.#gone(running, restartMs, config);
    }, (error) => {
      if (running.process.alive) this.inspector.fail("no fault", `${how} failed: ${error}`);
    });
  }

  /** The process is no more. */
  #gone(running: Running, restartMs: number | undefined, config: number | undefined): void {
    if (this.#running !== running) return;
    running.process.kill();
    this.#running = undefined;
    if (restartMs === undefined) return;
    this.#restart = this.clock.at(this.clock.now() + restartMs, () => {
      this.#restart = undefined;
      this.#start(config);
    });
  }

  #trouble(ms: number, unread: boolean): void {
    this.inspector.trouble(ms, unread);
    this.inspector.disturb();
  }

  #troubleWith(router: FakeRouter, what: RouterTrouble, forMs: number): void {
    const { inspector, network } = this;
    switch (what) {
      case "resets":
        inspector.excuse(router.name, 1000);
        return network.resetBetween(AGENT, router.address);
      case "ceases":
        inspector.excuse(router.name, 1000);
        return router.cease();
      case "is silent":
        inspector.excuse(router.name, forMs + STALE_SESSION_MS);
        router.silent = true;
        return this.#later(forMs, () => void (router.silent = false));
      case "reads nothing":
        inspector.excuse(router.name, forMs + STALE_SESSION_MS);
        router.deafen();
        return this.#later(forMs, () => this.#hear(router));
      case "restarts":
        inspector.excuse(router.name, 1000);
        router.stop();
        return this.#later(forMs, () => router.start());
      case "refreshes":
        return router.refresh();
      case "cannot be reached":
        network.unreachable.add(router.address.text);
        return this.#later(forMs, () => void network.unreachable.delete(router.address.text));
      default:
        return what satisfies never;
    }
  }

  #hear(router: FakeRouter): void {
    if (router.deaf) this.inspector.heard(router.name);
    router.hear();
  }

  #mend(router: FakeRouter): void {
    router.silent = false;
    this.#hear(router);
    router.start();
    this.network.unreachable.clear();
  }

  /** Ends trouble in time; after it has become calm there is none to end. */
  #later(ms: number, end: () => void): void {
    this.clock.at(this.clock.now() + ms, () => {
      if (!this.#calm) end();
    });
  }
}

function leftIn(process: AgentProcess): string | undefined {
  const { pending, open } = process;
  return pending + open === 0 ? undefined : `${pending} timers, ${open} listeners and watches of the agent's`;
}

/** Names of what is in one of the two alone, or differs. */
function changedNames<T extends { readonly name: string }>(
  before: readonly T[],
  after: readonly T[],
): readonly string[] {
  const words = (values: readonly T[]) => new Map(values.map((value) => [value.name, canonical(value)]));
  const [old, next] = [words(before), words(after)];
  return [...new Set([...old.keys(), ...next.keys()])].filter((name) => old.get(name) !== next.get(name));
}

function wordsOf({ services, bgp }: Config): string {
  const peers = bgp.peers.map(({ name }) => name);
  return `${services.map(({ name }) => name).join(" ")} for ${peers.join(" ")}`;
}
