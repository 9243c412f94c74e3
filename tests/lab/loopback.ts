/**
 * The lab without root and without packages: two agents that only announce, their applications on loopback addresses of
 * their own, and our small router, which forwards connections by what it learned.
 */
import { Host, launchWith, type Placement } from "./host.ts";
import { LabRouter } from "./lab_router.ts";
import { type Converged, type LabWorld, PATIENCE_MS, untilAll, untilConverged } from "./lab_world.ts";
import {
  type HostNode,
  hostRoute,
  type LabService,
  nodesOf,
  serviceConfig,
  standardTopology,
  type Topology,
} from "./topology.ts";
import { Client } from "./traffic.ts";

const ROUTER = { address: "127.0.0.1", as: 65000, routerID: "127.0.0.1" } as const;

/** A lab on loopback. */
export class LoopbackWorld implements LabWorld {
  readonly topology: Topology;
  readonly hosts: readonly Host[];
  readonly routes: LabRouter;
  readonly client: Client;
  readonly service: LabService;
  readonly prefixes: readonly [string];

  private constructor(folder: string, agent: readonly string[]) {
    const [service] = standardTopology.services;
    if (service === undefined) throw new Error("the standard topology has no service");
    this.service = { ...service, address6: undefined };
    this.prefixes = [hostRoute(service.address)];
    const port = freePort();
    const host = (name: string, address: string): HostNode => ({
      kind: "host",
      name,
      as: 65001,
      address,
      address6: undefined,
      transport: 4,
      restartTimeSeconds: undefined,
      applicationAddress: address,
      applicationPort: port,
      foreign: undefined,
    });
    this.topology = {
      nodes: [host("h1", "127.0.0.2"), host("h2", "127.0.0.3")],
      links: [],
      services: [this.service],
    };
    this.routes = new LabRouter({ ...ROUTER, prefix: this.prefixes[0], nextHopPort: port });
    const placement: Placement = { folder, agent, wrap: (_, command, args) => ({ command, args }) };
    this.hosts = nodesOf(this.topology, "host").map((node) =>
      new Host(this.topology, node, placement, launchWith(this.#config(node)))
    );
    this.client = new Client("c1", placement, [{ address: ROUTER.address, port: this.routes.servicePort }]);
  }

  /** Starts all but the agents. */
  static async create(folder: string, agent: readonly string[]): Promise<LoopbackWorld> {
    const world = new LoopbackWorld(folder, agent);
    try {
      await Promise.all([world.client.ready(), ...world.hosts.map((host) => host.startApplication())]);
      return world;
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  async steady(): Promise<void> {
    for (const host of this.hosts) host.startAgent();
    await Promise.all(this.hosts.map((host) => host.startApplication()));
    await untilAll(this);
  }

  untilVia(hosts: readonly string[], limitMs = PATIENCE_MS): Promise<Converged> {
    const addresses = this.hosts.filter(({ name }) => hosts.includes(name)).map(({ node }) => node.address);
    return untilConverged(this.routes, new Map([[this.prefixes[0], addresses]]), limitMs);
  }

  evidence(): string[] {
    const lines = (name: string, log: readonly string[]) => log.slice(-25).map((line) => `${name}: ${line}`);
    return [
      ...lines("router", this.routes.log),
      ...this.hosts.flatMap((host) => lines(host.name, host.log.lines)),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      this.client[Symbol.asyncDispose](),
      ...this.hosts.map((host) => host[Symbol.asyncDispose]()),
    ]);
    this.routes[Symbol.dispose]();
  }

  #config(host: HostNode): unknown {
    return {
      log: { level: "debug", format: "json" },
      http: { listen: "" },
      state: { directory: "" },
      network: { setup: false },
      bgp: {
        local: { routerID: host.address, as: host.as, listenPort: -1 },
        peers: [{
          name: "router",
          address: ROUTER.address,
          port: this.routes.bgpPort,
          as: ROUTER.as,
          holdTime: "9s",
          connectRetryTime: "1s",
          nextHop: host.address,
        }],
      },
      services: [serviceConfig(this.service, host.address, host.applicationPort)],
    };
  }
}

/** A port that nothing listens on at this moment. */
function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.2", port: 0 });
  try {
    return listener.addr.port;
  } finally {
    listener.close();
  }
}
