/**
 * Somebody who starts the agent, ends it, and starts it again where it has ended, as a service manager does; what a process
 * has of the world is joined here.
 */
import { Agent } from "../../src/agent/agent.ts";
import { HostNotFitError, type Loaded } from "../../src/agent/ports.ts";
import { canonical } from "../../src/config/canonical.ts";
import type { Config } from "../../src/config/config.ts";
import type { AgentEvent } from "../../src/events/event.ts";
import { EventStream } from "../../src/events/stream.ts";
import type { Clock } from "../../src/time/clock.ts";
import type { MemoryNetwork } from "../support/memory_transport.ts";
import { FakeAddresses } from "../support/fake_addresses.ts";
import { sidePorts } from "../support/side_ports.ts";
import type { Backend } from "./backends.ts";
import { AGENT, AGENT_6, SERVICE_NAMES } from "./configurations.ts";
import type { HostKernel } from "./host_kernel.ts";
import { HookPrograms } from "./hook_programs.ts";
import type { Inspector } from "./inspector.ts";
import type { Operator, StateDirectory } from "./operator.ts";
import { AgentProcess } from "./process.ts";

/** It waits so long before it starts an agent again that has failed. */
const FAILED_RESTART_MS = 3000;
/** And so long before it starts the next one after a handover. */
const HANDOVER_RESTART_MS = 100;

/** What a process of the agent's has of the world. */
export interface Surroundings {
  readonly clock: Clock;
  readonly random: () => number;
  readonly kernel: HostKernel;
  readonly network: MemoryNetwork;
  readonly inspector: Inspector;
  readonly operator: Operator;
  readonly disk: StateDirectory;
  backend(port: number): Backend | undefined;
  note(what: string | AgentEvent): void;
}

/** One agent and the process that it is. */
export interface Running {
  readonly agent: Agent;
  readonly process: AgentProcess;
  /** It was told to end. */
  ending: boolean;
  /** When it was told to stop; Infinity: it was not. */
  stoppingMs: number;
}

/** Keeps an agent running. */
export class ServiceManager {
  /** The configuration in force. */
  config: Config;
  configuredMs = 0;
  /** Reads of the configuration from now on are somebody's who only looks. */
  planning = false;
  readonly programs: HookPrograms;
  readonly #world: Surroundings;
  readonly #configs: readonly Config[];
  readonly #side = sidePorts();
  /** All that this host has but for what kernels of tests have of services: next hops are of these. */
  readonly #addresses = new FakeAddresses(
    `eth0 ${AGENT.text}/24`,
    "eth0 10.0.0.77/24",
    `eth0 ${AGENT_6.text}/64`,
  );
  #running: Running | undefined;
  #restart: Disposable | undefined;

  constructor(configs: readonly Config[], first: Config, world: Surroundings, seed: number) {
    this.#configs = configs;
    this.config = first;
    this.#world = world;
    this.programs = new HookPrograms(seed, (wrong) => world.inspector.judge("hooks in order", wrong));
  }

  get running(): Running | undefined {
    return this.#running;
  }

  /** Nothing runs, and nothing will by itself. */
  get isIdle(): boolean {
    return this.#running === undefined && this.#restart === undefined;
  }

  /** Starts nothing again. */
  leave(): void {
    this.#restart?.[Symbol.dispose]();
  }

  /** Starts a process. @param index of its configuration; undefined: as before */
  start(index: number | undefined): void {
    const config = this.#configs[index ?? -1] ?? this.config;
    const world = this.#world;
    const process = new AgentProcess(world.clock);
    const events = new EventStream(process);
    const { inspector } = this.#world;
    world.operator.restarted();
    inspector.begin(SERVICE_NAMES.filter((name) => world.operator.isDrained(name)));
    events.subscribe("simulation", (event) => {
      if (!process.alive) return;
      // Probes are not counted among what happened.
      if (event.kind === "probe") return;
      inspector.identified(event.id);
      this.#world.note(event);
      inspector.event(event);
    });
    const kernel = process.kernel({
      read: (interest) => this.#world.kernel.read(interest),
      apply: async (changes) => {
        const outcomes = await this.#world.kernel.apply(changes);
        inspector.kernelChanged(true);
        return outcomes;
      },
      traffic: () => this.#world.kernel.traffic(),
      probe: (needs) => this.#world.kernel.probe(needs),
      watch: (onChange) => this.#world.kernel.watch(onChange),
      [Symbol.dispose]() {},
    });
    let loaded: Loaded | undefined;
    const agent = new Agent(config, {
      version: "simulated",
      clock: process,
      random: world.random,
      events,
      transport: process.transport(this.#world.network.transport(AGENT)),
      addresses: this.#addresses,
      kernel: config.network.setup || config.network.ipvs ? kernel : undefined,
      probe: (check) => {
        if (check.type !== "http") throw new Error("no such check");
        const backend = this.#world.backend(check.port);
        if (backend === undefined) throw new Error("no such backend");
        return process.probe(backend.probe(process, check.weightHeader !== undefined));
      },
      ...this.#side,
      boot: () => ({ id: "simulated", ms: this.#world.clock.now() }),
      stateFiles: this.#world.disk.of(process, this.#world.operator),
      load: () => {
        const { file } = world.operator;
        if (!this.planning) loaded = file;
        return file;
      },
      // The last thing of the turn in which another configuration comes into force.
      setLog: () => {
        if (process.alive && loaded?.ok) this.#reloaded(loaded.config);
      },
      requestHandover: () => this.end("handover", HANDOVER_RESTART_MS, undefined),
      runProgram: this.programs.of(process),
      processFigures: () => ({ residentMemoryBytes: 0, cpuSeconds: 0, startTimeSeconds: 0 }),
    });
    const running = { agent, process, ending: false, stoppingMs: Infinity };
    this.#running = running;
    for (const name of changedNames(this.config.services, config.services)) inspector.disturb(name);
    this.#configure(config);
    this.#world.note(`--- the agent starts with ${wordsOf(config)}`);
    agent.start().catch((error: unknown) => this.#failed(running, error));
  }

  #configure(config: Config): void {
    this.config = config;
    this.configuredMs = this.#world.clock.now();
    this.#world.inspector.configured();
    this.#world.inspector.kernelChanged(false);
  }

  /** Another configuration is in force; what it does not name has no reason to change. */
  #reloaded(loaded: Config): void {
    const { inspector } = this.#world;
    const before = this.config;
    const config = { ...loaded, network: before.network };
    for (const name of changedNames(before.services, config.services)) inspector.disturb(name);
    // Another next hop costs no session.
    const sessions = ({ bgp }: Config) => bgp.peers.map((peer) => ({ ...peer, nextHop: undefined }));
    for (const name of changedNames(sessions(before), sessions(config))) inspector.excuse(name, 1000);
    this.#configure(config);
  }

  #failed(running: Running, error: unknown): void {
    if (!running.process.alive) return;
    this.#world.note(`--- the start failed: ${error}`);
    if (!(error instanceof HostNotFitError)) {
      this.#world.inspector.fail("no fault", `the start failed: ${error}`);
    }
    this.#gone(running, FAILED_RESTART_MS, undefined);
  }

  /** SIGKILL. */
  kill(restartMs: number | undefined, config: number | undefined): void {
    const running = this.#running;
    if (running === undefined) return;
    this.#world.inspector.excuse(undefined, 1000);
    running.process.kill();
    this.#gone(running, restartMs, config);
  }

  /** Ends the process in order. */
  end(how: "stop" | "handover", restartMs: number | undefined, config: number | undefined): void {
    const running = this.#running;
    if (running === undefined || running.ending) return;
    running.ending = true;
    if (how === "stop") {
      running.stoppingMs = this.#world.clock.now();
      this.#world.inspector.disturb();
    }
    this.#world.inspector.excuse(undefined, 30_000);
    const ended = how === "stop" ? running.agent.stop("told to") : running.agent.handover();
    ended.then((left) => {
      if (!running.process.alive) return;
      this.#world.note(`--- the agent has ended: ${left.join()}`);
      this.#world.inspector.judge("nothing left running", leftIn(running.process));
      if (how === "stop") this.#world.inspector.stopped();
      this.#gone(running, restartMs, config);
    }, (error) => {
      if (running.process.alive) this.#world.inspector.fail("no fault", `${how} failed: ${error}`);
    });
  }

  /** The process is no more. */
  #gone(running: Running, restartMs: number | undefined, config: number | undefined): void {
    if (this.#running !== running) return;
    running.process.kill();
    // The kernel frees what it listened on.
    this.#side.streams.listeners.clear();
    this.#running = undefined;
    if (restartMs === undefined) return;
    this.#restart = this.#world.clock.at(this.#world.clock.now() + restartMs, () => {
      this.#restart = undefined;
      this.start(config);
    });
  }
}

/** Timers, listeners and watches of a process, in words; undefined: there are none. */
export function leftIn(process: AgentProcess): string | undefined {
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
