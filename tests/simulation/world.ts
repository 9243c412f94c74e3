/**
 * The world of one run: a host with its kernel, backends, routers on a network in memory, and whichever process of the agent
 * runs there now; somebody who starts it again where it has ended, as a service manager does.
 */
import type { Agent } from "../../src/agent/agent.ts";
import type { Loaded } from "../../src/agent/ports.ts";
import type { Config } from "../../src/config/config.ts";
import type { AgentEvent } from "../../src/events/event.ts";
import { describeChange } from "../../src/kernel/change.ts";
import type { Plan } from "../../src/status/plan.ts";
import { config as plainConfig } from "../support/config.ts";
import { MemoryNetwork } from "../support/memory_transport.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { Backend } from "./backends.ts";
import { AGENT, BACKEND_PORTS, keptAt, ROUTERS, weightGivenAt } from "./configurations.ts";
import { Dice } from "./dice.ts";
import { FakeRouter } from "./fake_router.ts";
import { HostKernel } from "./host_kernel.ts";
import { Inspector } from "./inspector.ts";
import { meddle } from "./meddling.ts";
import { Operator, StateDirectory } from "./operator.ts";
import type { AgentProcess } from "./process.ts";
import { Fights } from "./fights.ts";
import { Repairs } from "./repairs.ts";
import { RouterTroubles, STALE_SESSION_MS } from "./router_troubles.ts";
import { leftIn, ServiceManager } from "./service_manager.ts";
import { type Ending, SAME, type Scenario, type Step, TROUBLE_MS } from "./steps.ts";

/** The routers are looked at so often. */
const LOOK_MS = 1000;

/** The world. */
export class World {
  readonly clock: VirtualClock = new VirtualClock();
  readonly kernel: HostKernel = new HostKernel();
  readonly routers: readonly FakeRouter[];
  readonly inspector: Inspector;
  readonly network: MemoryNetwork;
  /** What happened, as it is: words are made only where somebody reads them. */
  readonly journal: { readonly atMs: number; readonly what: string | AgentEvent }[] = [];
  readonly #scenario: Scenario;
  readonly random: () => number;
  readonly #backends: ReadonlyMap<number, Backend>;
  readonly operator: Operator;
  readonly #disk = new StateDirectory();
  readonly #manager: ServiceManager;
  readonly #troubles: RouterTroubles;
  readonly #fights: Fights;
  readonly #repairs: Repairs;
  #calm = false;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.random = new Dice(scenario.seed + 1).random;
    const { latencyMs, bufferLength } = scenario;
    this.network = new MemoryNetwork({
      clock: this.clock,
      bufferLength,
      latencyMs: () => Math.ceil(this.random() * latencyMs),
    });
    this.#backends = new Map(
      BACKEND_PORTS.map((port) => [port, new Backend(this.clock, weightGivenAt(port), keptAt(port))]),
    );
    this.inspector = new Inspector(this, () => this.note("--- violated"));
    this.operator = new Operator({
      clock: this.clock,
      agent: () => this.#manager.running,
      config: () => this.config,
      kernelIsWell: () => this.kernel.isWell,
      later: (ms, work) => this.#later(ms, work),
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
    const [first = plainConfig()] = scenario.configs;
    const { clock, random, kernel, network, inspector, operator } = this;
    this.#manager = new ServiceManager(scenario.configs, first, {
      clock,
      random,
      kernel,
      network,
      inspector,
      operator,
      disk: this.#disk,
      backend: (port) => this.backend(port),
      note: (what) => this.note(what),
    }, scenario.seed);
    this.#troubles = new RouterTroubles({
      network,
      inspector,
      later: (ms, end) => this.#later(ms, end),
    });
    this.#fights = new Fights({ clock, view: this, inspector, note: (what) => this.note(what) });
    this.#repairs = new Repairs({
      clock,
      view: this,
      inspector,
      isRunning: () => this.agent !== undefined,
      isFoughtOver: (address) => this.#fights.isFoughtOver(address),
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

  /** What is in force. */
  get config(): Config {
    return this.#manager.config;
  }

  get configuredMs(): number {
    return this.#manager.configuredMs;
  }

  get stoppingMs(): number {
    return this.#manager.running?.stoppingMs ?? Infinity;
  }

  get process(): AgentProcess | undefined {
    return this.#manager.running?.process;
  }

  /** Running and not told to end. */
  get agent(): Agent | undefined {
    const { running } = this.#manager;
    return running?.ending === false ? running.agent : undefined;
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
    this.#manager.start(0);
  }

  /** Does what a step says. Where it makes no sense now nothing happens. */
  do(step: Step): void {
    this.note(`>>> ${JSON.stringify(step)}`);
    switch (step.do) {
      case "backend": {
        const backend = this.backend(step.port);
        if (backend === undefined) return;
        if (step.state === "throws") this.inspector.faultsExcused = true;
        for (const { name, checks: own, ports, announce } of this.config.services) {
          const checks = [
            // One that is announced all the same is not withdrawn for that.
            ...announce.whenUnhealthy === "withdraw" ? own : [],
            ...ports.flatMap(({ destinations }) => destinations.flatMap((each) => each.checks)),
          ];
          if (checks.some((check) => check.type === "http" && check.port === step.port)) {
            this.inspector.disturb(name);
          }
        }
        backend.state = step.state;
        return;
      }
      case "meddle": {
        const to = meddle(this.kernel, step.what, new Dice(step.dice));
        this.note(`    ${to}`);
        this.inspector.disturb();
        if (step.what === "takes a name") {
          // Whoever took it keeps it until all is calm.
          this.inspector.trouble(Math.max(0, TROUBLE_MS - this.nowMs), false);
        }
        this.inspector.kernelChanged(false);
        return this.#repairs.expect();
      }
      case "fight":
        return this.#fights.begin(step.forMs, new Dice(step.dice), () => !this.#calm);
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
        return router === undefined ? undefined : this.#troubles.inflict(router, step.what, step.forMs);
      }
      case "connections":
        this.kernel.activeConnections = step.count;
        return;
      case "stall":
        this.inspector.excuse(undefined, step.ms + STALE_SESSION_MS);
        this.process?.stall(step.ms);
        return;
      case "kill":
        this.#manager.kill(step.restartMs, step.config);
        if (!step.torn) return;
        this.#disk.tear();
        return this.operator.forgotten();
      case "handover":
        return this.#manager.end("handover", step.restartMs, step.config);
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
        return void this.operator.reload(this.#file(step.config));
      case "order handover":
        return this.operator.handover();
      case "stop":
        return this.#manager.end("stop", step.restartMs, step.config);
      default:
        return step satisfies never;
    }
  }

  /** Time passes; stops where something is wrong. */
  async pass(ms: number): Promise<void> {
    const { clock, inspector } = this;
    const untilMs = clock.now() + ms;
    while (clock.now() < untilMs && inspector.violation === undefined) {
      await clock.advance(Math.min(LOOK_MS, untilMs - clock.now()));
      inspector.look();
      this.#fights.look();
    }
  }

  /** What the agent says that a reload of `file` would do; undefined: it says nothing. */
  async plan(file: Loaded): Promise<Plan | undefined> {
    this.#manager.planning = true;
    try {
      return await this.operator.plan(file);
    } finally {
      this.#manager.planning = false;
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
    for (const router of this.routers) this.#troubles.mend(router);
    if (this.#manager.isIdle) this.#manager.start(undefined);
  }

  /** The end: of the agent, then of everything else. What is left of either is a violation. */
  async end(ending: Ending): Promise<void> {
    this.note(`>>> the end: ${ending}`);
    const { running } = this.#manager;
    const before = this.kernel.ours;
    if (ending === "kill") this.#manager.kill(undefined, 0);
    else this.#manager.end(ending, undefined, 0);
    await this.clock.advance(15_000);
    this.#manager.leave();
    const { inspector } = this;
    if (running !== undefined) {
      inspector.judge("nothing left running", leftIn(running.process));
      if (ending !== "kill" && this.#manager.running !== undefined) {
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

  #file(index: number): Loaded {
    if (index === SAME) return { ok: true, config: this.config, warnings: [] };
    const config = this.#scenario.configs[index];
    return config === undefined
      ? { ok: false, problems: ["config.yaml:1:1: nothing is right"] }
      : { ok: true, config, warnings: [] };
  }

  #trouble(ms: number, unread: boolean): void {
    this.inspector.trouble(ms, unread);
    this.inspector.disturb();
  }

  /** Ends trouble in time; after it has become calm there is none to end. */
  #later(ms: number, end: () => void): void {
    this.clock.at(this.clock.now() + ms, () => {
      if (!this.#calm) end();
    });
  }
}
