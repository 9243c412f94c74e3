/**
 * The lab as scenarios see it, from inside: the topology built in network namespaces, BIRD on the router, the hosts, and
 * a client with traffic. Everything is ended by its own id when the world is disposed of.
 */
import { Process, run, runOrThrow, waitFor } from "../support/process.ts";
import { birdConfig, BirdSocket } from "./bird.ts";
import { Host, type Placement } from "./host.ts";
import { type LabWorld, PATIENCE_MS, untilAll } from "./lab_world.ts";
import type { RouteChange } from "./route_history.ts";
import { RouteWatch } from "./route_watch.ts";
import {
  agentConfig,
  type LabService,
  nodeBatch,
  nodesOf,
  outerBatch,
  type RouterNode,
  routerSysctls,
  type Topology,
} from "./topology.ts";
import { Client } from "./traffic.ts";

/** A lab with a real kernel: network namespaces, BIRD, IPVS. */
export class World implements LabWorld {
  readonly topology: Topology;
  readonly hosts: readonly Host[];
  readonly routes: RouteWatch;
  readonly client: Client;
  readonly #router: RouterNode;
  readonly #folder: string;
  #bird: Process | undefined;
  #socket: BirdSocket | undefined;
  readonly birdLog: string[] = [];

  private constructor(topology: Topology, folder: string, agent: readonly string[]) {
    this.topology = topology;
    this.#folder = folder;
    this.#router = one(nodesOf(topology, "router"), "router");
    const placement: Placement = { folder, agent, wrap: inNamespace };
    this.hosts = nodesOf(topology, "host").map((node) =>
      new Host(node, placement, agentConfig(topology, node))
    );
    this.routes = new RouteWatch(this.#router.name);
    this.client = new Client(one(nodesOf(topology, "client"), "client").name, placement, this.service);
  }

  /** Builds the network and starts all but the agents. */
  static async create(topology: Topology, folder: string, agent: readonly string[]): Promise<World> {
    await buildTopology(topology);
    const world = new World(topology, folder, agent);
    try {
      for (const host of world.hosts) host.before = await host.kernel();
      await Promise.all([
        world.startRouter(),
        world.client.ready(),
        ...world.hosts.map((host) => host.startApplication()),
      ]);
      return world;
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  get service(): LabService {
    return one(this.topology.services, "service");
  }

  get prefix(): string {
    return `${this.service.address}/32`;
  }

  /** The host of that name. @throws where there is none */
  host(name: string): Host {
    return one(this.hosts.filter((host) => host.name === name), `host ${name}`);
  }

  async steady(): Promise<void> {
    if (this.#bird?.running !== true) await this.startRouter();
    for (const host of this.hosts) host.startAgent();
    await Promise.all(this.hosts.map((host) => host.startApplication()));
    await untilAll(this);
  }

  untilVia(hosts: readonly string[], limitMs = PATIENCE_MS): Promise<RouteChange> {
    return this.routes.until(this.prefix, hosts.map((name) => this.host(name).node.address), limitMs);
  }

  /** Starts BIRD and waits until it answers. */
  async startRouter(): Promise<void> {
    const { name } = this.#router;
    const base = `${this.#folder}/${name}`;
    Deno.writeTextFileSync(`${base}.conf`, birdConfig(this.topology, this.#router));
    const args = ["-f", "-c", `${base}.conf`, "-s", `${base}.ctl`, "-P", `${base}.pid`];
    const bird = new Process({
      ...inNamespace(name, "bird", args),
      onLine: ({ text }) => this.birdLog.push(text),
    });
    this.#bird = bird;
    this.#socket = await waitFor("BIRD answers", PATIENCE_MS, async () => {
      if (!bird.running) throw new Error(`BIRD ended: ${this.birdLog.slice(-5).join(" / ")}`);
      return await BirdSocket.connect(`${base}.ctl`).catch(() => undefined);
    });
  }

  /** Ends BIRD without a word to anybody (SIGKILL), or in order (SIGTERM). */
  async stopRouter(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    this.#socket?.[Symbol.dispose]();
    this.#socket = undefined;
    await this.#bird?.stop(signal);
  }

  /** BIRD's control socket. @throws while the router is down */
  get router(): BirdSocket {
    if (this.#socket === undefined) throw new Error("the router is down");
    return this.#socket;
  }

  evidence(): string[] {
    const lines = (name: string, log: readonly string[]) => log.slice(-25).map((line) => `${name}: ${line}`);
    const routes = this.routes.changes(this.prefix).slice(-12).map((change) =>
      `route ${new Date(change.atMs).toISOString()} ${change.prefix} via ${
        change.nextHops.join(" ") || "nothing"
      }`
    );
    return [
      ...routes,
      ...lines(this.#router.name, this.birdLog),
      ...this.hosts.flatMap((host) => lines(host.name, host.log.lines)),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      this.stopRouter("SIGKILL"),
      this.client[Symbol.asyncDispose](),
      ...this.hosts.map((host) => host[Symbol.asyncDispose]()),
    ]);
    await this.routes[Symbol.asyncDispose]();
    for (const node of this.topology.nodes) await run("ip", ["netns", "delete", node.name]);
  }
}

/** `ip netns exec` replaces itself by the command, so the process that is started is the command. */
function inNamespace(
  node: string,
  command: string,
  args: readonly string[],
): { command: string; args: string[] } {
  return { command: "ip", args: ["netns", "exec", node, command, ...args] };
}

async function buildTopology(topology: Topology): Promise<void> {
  await runOrThrow("ip", ["-batch", "-"], { input: text(outerBatch(topology)) });
  await Promise.all(topology.nodes.map(async (node) => {
    await runOrThrow("ip", ["-n", node.name, "-batch", "-"], { input: text(nodeBatch(topology, node)) });
    if (node.kind === "router") {
      const writes = Object.entries(routerSysctls).map(([name, value]) => `echo ${value} >/proc/sys/${name}`);
      await runOrThrow("ip", ["netns", "exec", node.name, "sh", "-ec", writes.join("\n")]);
    }
    if (node.kind === "host" && node.foreign !== undefined) {
      await runOrThrow("ip", ["netns", "exec", node.name, "ipvsadm", "-R"], {
        input: text(node.foreign.ipvs),
      });
    }
  }));
}

function text(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

function one<T>(values: readonly T[], what: string): T {
  const [first] = values;
  if (first === undefined) throw new Error(`no ${what}`);
  return first;
}
