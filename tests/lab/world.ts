/**
 * The lab as scenarios see it, from inside: the topology built in network namespaces, BIRD on its routers, the hosts, and
 * a client with traffic. Everything is ended by its own id when the world is disposed of.
 */
import { run, runOrThrow } from "../support/process.ts";
import { type AgentLaunch, Host, type Placement } from "./host.ts";
import { directorSysctls, markTable } from "./data_plane.ts";
import { keepFlows } from "./kept_flows.ts";
import { type Converged, type LabWorld, PATIENCE_MS, untilAll, untilConverged } from "./lab_world.ts";
import { RealServer, restoreTables, writeSysctls } from "./real_server.ts";
import { RouteWatch } from "./route_watch.ts";
import type { Router, RoutingDaemon, Wrap } from "./router.ts";
import {
  addressesOf,
  familyOf,
  type HostNode,
  hostRoute,
  type LabService,
  nodeBatch,
  nodesOf,
  outerBatch,
  type RouterNode,
  routerSysctls,
  switchBatch,
  switchesOf,
  type Topology,
} from "./topology.ts";
import { Client } from "./traffic.ts";

/** What makes a world. */
export interface WorldOptions<R extends RoutingDaemon = Router> {
  readonly topology: Topology;
  /** For files; empty at first. */
  readonly folder: string;
  /** The agent's program and first arguments. */
  readonly agent: readonly string[];
  /** How a host's agent is started. */
  launch(topology: Topology, host: HostNode, folder: string): AgentLaunch;
  /** What runs on its routers, not started yet. */
  router(topology: Topology, node: RouterNode, folder: string, wrap: Wrap): R;
}

/** A lab with a real kernel: network namespaces, routers (BIRD, where nothing else is said), IPVS. */
export class World<R extends RoutingDaemon = Router> implements LabWorld {
  readonly topology: Topology;
  readonly hosts: readonly Host[];
  readonly routers: readonly R[];
  /** Where hosts lead to, in a network that has them. */
  readonly servers: readonly RealServer[];
  readonly routes: RouteWatch;
  readonly client: Client;

  private constructor({ topology, folder, agent, launch, router }: WorldOptions<R>) {
    this.topology = topology;
    const placement: Placement = { folder, agent, wrap: inNamespace };
    this.hosts = nodesOf(topology, "host").map((node) =>
      new Host(topology, node, placement, launch(topology, node, folder))
    );
    this.routers = nodesOf(topology, "router").map((node) => router(topology, node, folder, inNamespace));
    this.servers = nodesOf(topology, "server").map((node) => new RealServer(node, inNamespace));
    this.routes = new RouteWatch(this.router.name);
    const { port } = this.service;
    const targets = addressesOf(this.service).map((address) => ({ address, port }));
    this.client = new Client(one(nodesOf(topology, "client"), "client").name, placement, targets);
  }

  /** Builds the network and starts all but the agents. */
  static async create<R extends RoutingDaemon>(options: WorldOptions<R>): Promise<World<R>> {
    await buildTopology(options.topology);
    const world = new World(options);
    try {
      for (const host of world.hosts) host.before = await host.kernel();
      await Promise.all([
        ...world.routers.map((router) => router.start()),
        ...world.hosts.map((host) => host.startApplication()),
        ...world.servers.map((server) => server.start()),
        world.client.ready(),
      ]);
      return world;
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The first router: `routes` are those of its kernel. */
  get router(): R {
    return one(this.routers, "router");
  }

  get service(): LabService {
    return one(this.topology.services, "service");
  }

  get prefixes(): readonly string[] {
    return addressesOf(this.service).map(hostRoute);
  }

  async steady(): Promise<void> {
    await Promise.all(this.routers.map((router) => router.start()));
    for (const host of this.hosts) host.startAgent();
    await Promise.all(this.hosts.map((host) => host.startApplication()));
    await untilAll(this);
  }

  untilVia(hosts: readonly string[], limitMs = PATIENCE_MS): Promise<Converged> {
    const addresses = this.hosts.filter(({ name }) => hosts.includes(name))
      .flatMap(({ node }) => addressesOf(node));
    const nextHops = (prefix: string) => addresses.filter((each) => familyOf(each) === familyOf(prefix));
    const wanted = this.prefixes.map((prefix) => [prefix, nextHops(prefix)] as const);
    return untilConverged(this.routes, new Map(wanted), limitMs);
  }

  evidence(): string[] {
    const lines = (name: string, log: readonly string[]) => log.slice(-25).map((line) => `${name}: ${line}`);
    const routes = this.routes.changes(this.prefixes).slice(-16).map(({ prefix, atMs, nextHops }) =>
      `route ${new Date(atMs).toISOString()} ${prefix} via ${nextHops.join(" ") || "nothing"}`
    );
    return [
      ...routes,
      ...this.routers.flatMap(({ name, log }) => lines(name, log)),
      ...this.hosts.flatMap(({ name, log }) => lines(name, log.lines)),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const parts = [...this.routers, ...this.hosts, ...this.servers, this.client, this.routes];
    await Promise.all(parts.map((part) => part[Symbol.asyncDispose]()));
    for (const name of namespaces(this.topology)) await run("ip", ["netns", "delete", name]);
  }
}

function namespaces(topology: Topology): string[] {
  return [...topology.nodes, ...switchesOf(topology)].map(({ name }) => name);
}

/** A command in that node's namespace. `ip netns exec` replaces itself by it: the process that is started is the command. */
export function inNamespace(
  node: string,
  command: string,
  args: readonly string[],
): { command: string; args: string[] } {
  return { command: "ip", args: ["netns", "exec", node, command, ...args] };
}

/** Makes the namespaces and all that is in them before any program runs. */
export async function buildTopology(topology: Topology): Promise<void> {
  await runOrThrow("ip", ["-batch", "-"], { input: text(outerBatch(topology)) });
  for (const each of switchesOf(topology)) {
    await runOrThrow("ip", ["-n", each.name, "-batch", "-"], { input: text(switchBatch(each)) });
  }
  await Promise.all(topology.nodes.map(async (node) => {
    await runOrThrow("ip", ["-n", node.name, "-batch", "-"], { input: text(nodeBatch(topology, node)) });
    if (node.kind === "router") {
      await writeSysctls(node.name, routerSysctls);
      if (node.keepsFlows) await keepFlows(topology, node);
    }
    if (node.kind === "host" && nodesOf(topology, "server").length > 0) {
      await writeSysctls(node.name, directorSysctls);
      await restoreTables(node.name, markTable);
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
