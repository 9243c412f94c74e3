/**
 * The lab as scenarios see it, from inside: the topology built in network namespaces, BIRD on the router, the hosts, and
 * a client with traffic. Everything is ended by its own id when the world is disposed of.
 */
import { Process, run, runOrThrow, waitFor } from "../support/process.ts";
import { birdConfig, BirdSocket } from "./bird.ts";
import { Client, type Traffic } from "./traffic.ts";
import { Host, type Placement } from "./host.ts";
import { type RouteChange, RouteWatch } from "./route_watch.ts";
import {
  type LabService,
  nodeBatch,
  nodesOf,
  outerBatch,
  type RouterNode,
  routerSysctls,
  type Topology,
} from "./topology.ts";

/** How long anything may take that is not measured: this may be a slow machine inside a slow machine. */
export const PATIENCE_MS = 30_000;

/** A running lab. */
export class World implements AsyncDisposable {
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
    this.hosts = nodesOf(topology, "host").map((node) => new Host(topology, node, placement));
    this.routes = new RouteWatch(this.#router.name);
    this.client = new Client(one(nodesOf(topology, "client"), "client").name, placement);
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

  /** The service that scenarios look at. */
  get service(): LabService {
    return one(this.topology.services, "service");
  }

  /** Its prefix. */
  get prefix(): string {
    return `${this.service.address}/32`;
  }

  /** The host of that name. @throws where there is none */
  host(name: string): Host {
    return one(this.hosts.filter((host) => host.name === name), `host ${name}`);
  }

  /** Both hosts work and announce, and the router forwards to both: where every scenario begins. */
  async steady(): Promise<void> {
    if (this.#bird?.running !== true) await this.startRouter();
    for (const host of this.hosts) host.startAgent();
    await Promise.all(this.hosts.map((host) => host.startApplication()));
    await this.untilVia(this.hosts.map((host) => host.name));
  }

  /** Waits until the router's kernel forwards the service to exactly these hosts. */
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

  /** Makes `count` requests to the service, each a flow of its own. */
  burst(count: number): Promise<Traffic> {
    return this.client.burst(this.service, count);
  }

  /** The last words of everybody, to explain a failure. */
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
    if (node.kind === "host") {
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
