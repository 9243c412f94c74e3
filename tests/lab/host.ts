/** A load-balancer host of the lab: its agent, its web application, its kernel. */
import { agentArguments } from "../support/agent.ts";
import { type Exit, type Line, Process, repositoryRoot, runOrThrow } from "../support/process.ts";
import { ApplicationProcess } from "./application_process.ts";
import { AgentLog } from "./agent_log.ts";
import { ipvsConnections, type KernelView, viewKernel } from "./kernel_view.ts";
import type { Wrap } from "./router.ts";
import { addressesOf, bracketed, type HostNode, type LabService, type Topology } from "./topology.ts";
import { waitFor } from "../support/until.ts";

const root = repositoryRoot();

/** How this repository's agent is started, up to its own arguments: as its task has it, with exactly its permissions. */
export function agentCommand(): string[] {
  const [run = "", ...rest] = agentArguments(`${root}/main.ts`);
  return [Deno.execPath(), run, "--quiet", "--cached-only", ...rest];
}

/** How an agent is told what to do. */
export interface AgentLaunch {
  /** The text of its configuration file. */
  readonly config: string;
  /** Its arguments, with that file. */
  args(file: string): readonly string[];
}

/** An agent with a configuration in our format. */
export function launchWith(config: unknown): AgentLaunch {
  return { config: JSON.stringify(config, null, 2), args: (file) => ["--config", file] };
}

/** Something that runs programs in a host's place: a network namespace, or simply here. */
export interface Placement {
  readonly wrap: Wrap;
  /** Where the agent finds its file. */
  readonly folder: string;
  /** The agent's program and first arguments: `agentCommand`, or a compiled executable. */
  readonly agent: readonly string[];
}

/** A host with its processes. */
export class Host implements AsyncDisposable {
  readonly log = new AgentLog();
  /** The kernel as it was before the first agent ran. */
  before: KernelView = { links: [], ipvs: [] };
  #agent: Process | undefined;
  #logStall: PromiseWithResolvers<void> | undefined;
  readonly #application: ApplicationProcess;

  constructor(
    readonly topology: Topology,
    readonly node: HostNode,
    readonly placement: Placement,
    readonly launch: AgentLaunch,
  ) {
    const { name, applicationAddress, applicationPort } = node;
    this.#application = new ApplicationProcess(placement.wrap, name, applicationAddress, applicationPort);
  }

  get name(): string {
    return this.node.name;
  }

  get agentRunning(): boolean {
    return this.#agent?.running ?? false;
  }

  /** The process of the agent that was started last. */
  get agentPid(): number | undefined {
    return this.#agent?.pid;
  }

  /** Where the agent listens for orders. */
  get socket(): string {
    return `${this.placement.folder}/${this.name}.sock`;
  }

  /** Starts the agent, unless it runs. It is not waited for. */
  startAgent(launch = this.launch): void {
    if (this.agentRunning) return;
    this.rewrite(launch);
    const wrapped = this.#agentCommand(...launch.args(this.#file));
    const onLine = ({ text }: Line) => {
      this.log.add(text);
      return this.#logStall?.promise;
    };
    this.#agent = new Process({ ...wrapped, onLine });
  }

  /** From the next line on nobody reads the agent's log, until it is let go on. */
  stallLog(): void {
    this.#logStall ??= Promise.withResolvers();
  }

  /** The log is read again. */
  readLog(): void {
    this.#logStall?.resolve();
    this.#logStall = undefined;
  }

  /** Puts another configuration in the place of the one that the agent was started with; it is told by nobody. */
  rewrite({ config }: AgentLaunch): void {
    Deno.writeTextFileSync(this.#file, config);
  }

  /** Sends a signal to the agent. */
  signalAgent(signal: Deno.Signal): void {
    this.#agent?.signal(signal);
  }

  /** What a command of ours answers that asks the running agent, such as `bgp-lb status`. */
  async ask(...args: readonly string[]): Promise<string> {
    const { command, args: wrapped } = this.#agentCommand(...args);
    return await runOrThrow(command, wrapped);
  }

  /** The text of the agent's metrics, as this host's Prometheus would get it. */
  async scrape(): Promise<string> {
    const program = 'console.log(await (await fetch("http://127.0.0.1:8081/metrics")).text())';
    const { command, args } = this.placement.wrap(this.name, Deno.execPath(), ["eval", program]);
    return await runOrThrow(command, args);
  }

  get #file(): string {
    return `${this.placement.folder}/${this.name}.json`;
  }

  /** The agent's program with these arguments and this host's control socket. */
  #agentCommand(...own: readonly string[]): ReturnType<Wrap> {
    const [command = "", ...args] = this.placement.agent;
    return this.placement.wrap(this.name, command, [...args, ...own, "--control-socket", this.socket]);
  }

  /** Rejects where the agent ends by itself while `waiting` is pending. */
  async whileAgentRuns<T>(waiting: Promise<T>): Promise<T> {
    const agent = this.#agent;
    const pending = new AbortController();
    const ended = (agent?.exited ?? Promise.resolve({ code: 0, signal: null })).then(({ code, signal }) => {
      if (pending.signal.aborted) return;
      const words = this.log.lines.slice(-3).join("\n");
      throw new Error(`${this.name}: the agent ended (${signal ?? `exit status ${code}`}): ${words}`);
    });
    try {
      await Promise.race([waiting, ended]);
      return await waiting;
    } finally {
      pending.abort();
      ended.catch(() => {});
      waiting.catch(() => {});
    }
  }

  /** SIGTERM, the orderly stop; resolves to the exit status. */
  async stopAgent(limitMs = 20_000): Promise<number> {
    const exit = await this.#agent?.stop("SIGTERM", limitMs);
    return exit === undefined ? 0 : exit.signal === "SIGKILL" ? 137 : exit.code;
  }

  /** SIGTERM, and again once `drains` has resolved; resolves to how the agent ended. @throws where it does not */
  async stopAgentAtOnce(drains: () => Promise<unknown>, limitMs = 20_000): Promise<Exit> {
    const agent = this.#agent;
    if (agent === undefined) throw new Error(`${this.name}: no agent runs`);
    agent.signal("SIGTERM");
    await drains();
    // What comes within 100 ms of the first counts as the same.
    await waitFor(`${this.name}: the agent ends at once`, limitMs, () => {
      agent.signal("SIGTERM");
      return !agent.running;
    }, 150);
    return await agent.exited;
  }

  /** SIGUSR2, the handover to a successor; resolves to the exit status. */
  async handOver(limitMs = 20_000): Promise<number> {
    const exit = await this.#agent?.stop("SIGUSR2", limitMs);
    return exit === undefined ? 0 : exit.signal === "SIGKILL" ? 137 : exit.code;
  }

  /** SIGKILL: no word to anybody, the kernel's objects stay. */
  async killAgent(): Promise<void> {
    await this.#agent?.stop("SIGKILL");
  }

  /** Starts the web application, or lets it go on where it hangs; waits until it answers. */
  startApplication(): Promise<void> {
    return this.#application.start();
  }

  /** SIGKILL to the application: connections are refused from now on. Gives the moment, in wall-clock ms. */
  killApplication(): Promise<number> {
    return this.#application.kill();
  }

  /** The application accepts from now on and never answers. Gives the moment, in wall-clock ms. */
  hangApplication(): number {
    return this.#application.hang();
  }

  /** The kernel now. */
  kernel(): Promise<KernelView> {
    return viewKernel(this.name);
  }

  /** Connections that the service's virtual services have counted, of every family. */
  async connections(service: LabService): Promise<number> {
    const counted = await ipvsConnections(this.name);
    const keys = addressesOf(service).map((address) => `${bracketed(address)}:${service.port}`);
    return keys.reduce((sum, key) => sum + (counted.get(key) ?? 0), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.readLog();
    await Promise.all([this.#agent?.stop("SIGKILL"), this.#application[Symbol.asyncDispose]()]);
  }
}

/** What of a kernel is ours: the services' interfaces and virtual services. */
export function ours(topology: Topology, view: KernelView): KernelView {
  const names = topology.services.map((service) => service.name);
  return {
    links: view.links.filter((link) =>
      names.includes(link.name) || link.alias?.startsWith("bgp-lb:") === true
    ),
    ipvs: view.ipvs.filter((line) => isOurs(topology, line)),
  };
}

/** What is not. Equal before and after, or somebody else's things were touched. */
export function foreign(topology: Topology, view: KernelView): KernelView {
  const { links } = ours(topology, view);
  return {
    links: view.links.filter((link) => !links.includes(link)),
    ipvs: view.ipvs.filter((line) => !isOurs(topology, line)),
  };
}

function isOurs(topology: Topology, line: string): boolean {
  const addresses = topology.services.flatMap(addressesOf);
  // Nobody else has services by mark here.
  return /^-[Aa] -f /.test(line) || addresses.some((address) => line.includes(` ${bracketed(address)}:`));
}
