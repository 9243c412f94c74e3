/**
 * The lives of processes on a host, each ended by a SIGKILL at one of its sends or in order: in memory and on a real kernel.
 */
import { Agent } from "../../src/agent/agent.ts";
import type { Config, PortConfig } from "../../src/config/config.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import type { Sysctls } from "../../src/kernel/sysctl.ts";
import { EventStream } from "../../src/events/stream.ts";
import { openNetlinkKernel } from "../../src/kernel/netlink_kernel.ts";
import type { NetlinkTransport, ReactorPort } from "../../src/netlink/transport.ts";
import type { Clock } from "../../src/time/clock.ts";
import { address } from "./bgp.ts";
import { config, CONTENTION, PLAIN_PORT, serviceConfig } from "./config.ts";
import type { ForeignHand } from "./host_view.ts";
import { PLAIN } from "./kernel_objects.ts";
import { Mortal } from "./mortal.ts";
import { MemoryStateFiles, sidePorts } from "./side_ports.ts";
import { A, Stage } from "./speakers.ts";

/** Where processes live. */
export interface Ground {
  readonly clock: Clock;
  readonly netlink: NetlinkTransport;
  readonly reactor: ReactorPort;
  readonly sysctls: Sysctls;
  /** Sees what there is. */
  readonly hand: ForeignHand;
  /** Resolves when `condition` holds, or it is clear that it will not. */
  until(condition: () => boolean | Promise<boolean>): Promise<void>;
}

/** What of the kernel is left to the processes. */
export type Network = Pick<Config["network"], "setup" | "ipvs">;

/** Somebody else's virtual service, and the interface that every ground has. */
export const FOREIGN = { service: ["-A", "-t", "192.0.2.1:80", "-s", "rr"], link: "stranger" } as const;

function portConfig(overrides: Partial<PortConfig>, ...destinations: readonly string[]): PortConfig {
  return {
    port: 80,
    protocol: "tcp",
    ...PLAIN_PORT,
    ...overrides,
    destinations: destinations.map((text, index) => ({
      address: address(text),
      port: overrides.fwmark === undefined ? 8080 + index : 0,
      weight: 1 + index,
      forwarding: "masq",
      ...PLAIN,
      checks: [],
    })),
  };
}

const stop = { shiftMs: 0, convergeMs: 100, quiesceMs: 100 };
const service = (name: string, addresses: readonly string[], ...ports: readonly PortConfig[]) => {
  return serviceConfig({ name, interface: name, addresses: addresses.map(address), ports, stop });
};
const plain = service("plain", ["10.99.3.1"]);
const marked = service("marked", ["10.99.2.1"], portConfig({ fwmark: 7, families: [4] }, "10.0.0.1"));
const dual = portConfig({}, "10.0.0.1", "10.0.0.2", "2001:db8::a");
const udp = portConfig({ port: 53, protocol: "udp" }, "10.0.0.1");

/** Both families, several ports and destinations, a mark, UDP; in the second one something goes, something comes and moves. */
export const CONFIGS = {
  full: [service("web", ["10.99.0.1", "2001:db8:99::1"], dual, udp), marked, plain],
  other: [
    service("web", ["10.99.0.1", "10.99.0.2"], portConfig({}, "10.0.0.2", "10.0.0.3")),
    service("extra", ["2001:db8:99::1"], portConfig({ port: 443 }, "2001:db8::b")),
  ],
  bare: [plain],
} as const satisfies Readonly<Record<string, Config["services"]>>;

/** Which of them. */
export type ConfigName = keyof typeof CONFIGS;

/** One agent, with the kernel as it sees it. */
export interface Process {
  readonly agent: Agent;
  readonly kernel: Kernel;
}

/** A host with what outlives processes on it. */
export class Host {
  readonly files = new MemoryStateFiles();
  readonly #ground: Ground;
  readonly #network: Network;

  constructor(ground: Ground, network: Network) {
    this.#ground = ground;
    this.#network = network;
  }

  /** What there is, without what no two hosts share. */
  async state(): Promise<string> {
    const { links, ipvs } = await this.#ground.hand.view();
    const named = links.map(({ index: _, ...link }) => JSON.stringify(link));
    return [...named, ...ipvs].join("\n");
  }

  /** A start, a reload to something else, and a stop; up to the send at which it ends. */
  async live(mortal: Mortal): Promise<void> {
    const process = this.#process("full", mortal);
    const { agent, reload } = process;
    const phases: readonly (() => Promise<unknown>)[] = [
      () => agent.start(),
      () => reload("other"),
      () => agent.stop("for the test"),
    ];
    for (const phase of phases) {
      if (!mortal.isDead) await this.#ended(phase(), () => isSettled(agent), () => mortal.isDead);
    }
    await this.kill(process);
  }

  /** Starts, and lets everything end that is on its way out, until the host is as `expected` or that is not to be. */
  async start(name: ConfigName, { mortal = new Mortal(), expected = "" } = {}): Promise<Process> {
    const process = this.#process(name, mortal);
    await this.#ended(process.agent.start(), () => isSettled(process.agent));
    if (expected !== "") await this.#ground.until(async () => await this.state() === expected);
    return process;
  }

  /** In order; what is left behind. */
  async stop(process: Process): Promise<readonly string[]> {
    let left: readonly string[] = ["the stop did not end"];
    await this.#ended(process.agent.stop("for the test").then((words) => left = words), () => true);
    process.kernel[Symbol.dispose]();
    return left;
  }

  /** At once. */
  async kill({ agent, kernel }: Process): Promise<void> {
    await this.#ended(agent.abort(), () => true);
    kernel[Symbol.dispose]();
  }

  /** Waits until `work` has ended and `condition` holds, or `cut` does. */
  async #ended(work: Promise<unknown>, condition: () => boolean, cut = () => false): Promise<void> {
    let over = false;
    work.catch(() => {}).finally(() => over = true);
    await this.#ground.until(() => cut() || over && condition());
  }

  #process(name: ConfigName, mortal: Mortal): Process & { reload(name: ConfigName): Promise<void> } {
    const { clock, netlink, reactor, sysctls } = this.#ground;
    const kernel = openNetlinkKernel({
      transport: mortal.transport(netlink),
      reactor,
      clock,
      sysctls: mortal.sysctls(sysctls),
    });
    let file = this.#config(name);
    const agent = new Agent(file, {
      version: "test",
      clock,
      random: () => 0.5,
      events: new EventStream(clock),
      transport: new Stage().network.transport(A),
      kernel,
      probe: () => ({ run: () => new Promise(() => {}) }),
      ...sidePorts(),
      stateFiles: mortal.files(this.files),
      load: () => ({ ok: true, config: file, warnings: [] }),
      processFigures: () => ({ residentMemoryBytes: 0, cpuSeconds: 0, startTimeSeconds: 0 }),
    });
    const reload = async (next: ConfigName) => {
      file = this.#config(next);
      await agent.orders.reload(undefined);
    };
    return { agent, kernel, reload };
  }

  #config(name: ConfigName): Config {
    const { local } = config().bgp;
    return config({
      services: CONFIGS[name],
      network: { ...this.#network, contention: CONTENTION },
      state: { directory: "/var/lib/bgp-lb" },
      bgp: { local: { ...local, listenPort: -1 }, peers: [] },
    });
  }
}

/** Nothing is on its way, as far as the agent knows. */
function isSettled(agent: Agent): boolean {
  const { state, leaving, kernel, services } = agent.status();
  if (state === "stopped") return true;
  return state === "running" && kernel.converged && leaving.length === 0 &&
    services.every(({ phase }) => phase.name === "serving");
}
